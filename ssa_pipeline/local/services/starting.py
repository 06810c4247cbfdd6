"""``ssa up``: start what does not run, restart what runs otherwise than it would be started now; and the same for the
watcher, which starts only what is dead."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import psutil

from ssa_pipeline.local import disk, host, only_daemon, temporary_files
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services.exclusive import Say, ServiceError, one_at_a_time
from ssa_pipeline.local.services.shown_days import begin_where_data_begin
from ssa_pipeline.local.services.spawning import (
    Fingerprint,
    changed_settings,
    check_code_location,
    choose_ui_port,
    spawn,
    start_webserver,
    wait_for_daemon,
    wait_for_worker,
)
from ssa_pipeline.local.services.state import (
    CODE_SERVER,
    DAEMON,
    DAGSTER,
    POSTGRES,
    WATCHER,
    WEBSERVER,
    WORKER,
    find_service,
    find_services,
    missing,
    running_database_url,
    ui_port,
    ui_url,
    with_descendants,
)
from ssa_pipeline.local.services.stopping import end
from ssa_pipeline.settings import REPOSITORY, DatabaseUrl, Settings
from ssa_pipeline.storage.upkeep import run_rows

_UNWATCHED = "unwatched"
_LOCK_PATIENCE_S = 10.0


def up(
    settings: Settings,
    say: Say = print,
    *,
    is_database_only: bool = False,
    is_watched: bool = True,
    expected: date | None = None,
) -> None:
    """Start what does not run yet; returns when the UI answers and the daemon serves the queue. ServiceError.

    Looks first at all that could hinder it: what runs well is not stopped for a start that cannot succeed.
    """
    with one_at_a_time(settings, say):
        _check_checkout(settings)
        _check_ui_port(settings)
        _check_machine(settings, say, is_database_only=is_database_only)
        url = _start_database(settings, say, is_database_only=is_database_only)
        if is_database_only:
            return
        link_dagster_home(settings)
        environment = service_environment(settings, url)
        fingerprint = Fingerprint.now(environment)
        if not _stop_outdated(settings, url, environment, fingerprint, say):
            return
        _prepare_dagster(settings, url, environment, say)
        begin_where_data_begin(settings, url, say, expected)
        temporary_files.clear_if_unused(settings.home)
        since = datetime.now(UTC)
        if find_service(settings, CODE_SERVER) is None:
            spawn(settings, CODE_SERVER, environment, fingerprint, say)
        daemon = None
        if find_service(settings, DAEMON) is None:
            daemon = spawn(settings, DAEMON, environment, fingerprint, say)
        start_webserver(settings, environment, fingerprint, say)
        if daemon is not None:
            wait_for_daemon(settings, daemon, url, since)
        if find_service(settings, WORKER) is None:  # after the daemon, which says which version workers must have
            wait_for_worker(settings, spawn(settings, WORKER, environment, fingerprint, say), url)
        check_code_location(settings)
        _note_whether_watched(settings, is_watched)
        if not is_watched and (watcher := find_service(settings, WATCHER)) is not None:
            say("ending the watcher")
            end([watcher])
        if is_watched and find_service(settings, WATCHER) is None:
            spawn(settings, WATCHER, environment, fingerprint, say, ui_port(settings) or 0)
        say(f"Dagster UI: {ui_url(settings)}")


def revive(settings: Settings, say: Say, ui_port: int | None = None) -> list[str]:
    """Start what is dead, for the watcher: nothing is migrated, and what lives is left as it is, of whatever code. A
    webserver comes back on ``ui_port`` where that is free. The names of what was started; ServiceError.
    """
    with one_at_a_time(settings, say):
        dead = missing(settings)
        server = embedded_server(settings)
        url = server.start() if POSTGRES in dead else running_database_url(settings)
        if url is None:
            raise ServiceError("there is no database")
        environment = service_environment(settings, url)
        fingerprint = Fingerprint.now(environment)
        temporary_files.clear_if_unused(settings.home)
        for name in (CODE_SERVER, DAEMON, WORKER):
            if name in dead:
                spawn(settings, name, environment, fingerprint, say)
        if find_service(settings, WEBSERVER) is None:
            port = ui_port if ui_port is not None and host.is_port_free(ui_port) else choose_ui_port(settings)
            spawn(settings, WEBSERVER, environment, fingerprint, say, port)
        elif CODE_SERVER in dead:
            check_code_location(settings)
        return dead


def ensure_watcher(settings: Settings, say: Say) -> None:
    """Start the watcher where it has died; for ``ssa up --foreground``, which stays. ServiceError where nothing runs
    any more: someone has called ``ssa down``, which ends the watcher first."""
    if find_service(settings, WATCHER) is not None:
        return
    with one_at_a_time(settings, say):
        url = running_database_url(settings)
        living = find_services(settings)
        if url is None or not living.keys() & set(DAGSTER):
            raise ServiceError("the services were stopped from elsewhere")
        if WATCHER not in living:
            environment = service_environment(settings, url)
            spawn(settings, WATCHER, environment, Fingerprint.now(environment), say, ui_port(settings) or 0)


def is_watcher_wanted(settings: Settings) -> bool:
    """Unless the last ``ssa up`` said ``--unwatched``."""
    return not (settings.home / _UNWATCHED).exists()


def _note_whether_watched(settings: Settings, is_watched: bool) -> None:
    if is_watched:
        (settings.home / _UNWATCHED).unlink(missing_ok=True)
    else:
        (settings.home / _UNWATCHED).touch(0o600)


def _check_checkout(settings: Settings) -> None:
    """Two checkouts on one home would restart each other's services for ever, each for its own code."""
    for name, service in find_services(settings).items():
        with suppress(psutil.Error):
            if Path(service.cwd()) != REPOSITORY:
                raise ServiceError(
                    f"{settings.home} is in use by another checkout: its {name} (process {service.pid}) runs from "
                    f"{service.cwd()}, this is {REPOSITORY}. Set SSA_HOME to a directory of its own here, or call "
                    "`ssa down` first"
                )


def _check_ui_port(settings: Settings) -> None:
    """Whether the port that is asked for can be had, while the old webserver still runs."""
    if settings.ui_port not in (None, ui_port(settings)):
        choose_ui_port(settings)


def _check_machine(settings: Settings, say: Say, *, is_database_only: bool) -> None:
    memory = host.memory_bytes()
    if memory < host.MINIMUM_MEMORY_BYTES:
        needed = host.gigabytes(host.MINIMUM_MEMORY_BYTES)
        say(f"warning: this machine has {host.gigabytes(memory)} of memory, {needed} are needed for the full catalogue")
    free = host.free_disk_bytes(settings.home)
    if free < host.MINIMUM_FREE_DISK_BYTES and not is_database_only:
        has_data = settings.database_url is None and embedded_server(settings).exists()
        remedy = "`ssa make-room` does with the data what retention may, or make room" if has_data else "make room"
        raise ServiceError(
            f"only {host.gigabytes(free)} free on the disk of {settings.home}, "
            f"{host.gigabytes(host.MINIMUM_FREE_DISK_BYTES)} are needed: {remedy}, or set SSA_HOME to another disk"
        )


def _start_database(settings: Settings, say: Say, *, is_database_only: bool) -> DatabaseUrl:
    from ssa_pipeline.storage.schema import migrate

    if settings.database_url is not None:
        url = settings.database_url
        if not is_database_only and find_service(settings, DAEMON) is None:
            _demand_no_other_daemon(url)
    else:
        server = embedded_server(settings)
        was_running = server.is_running()
        if not was_running:
            say("starting PostgreSQL")
        url = server.start()
        disk.keep_reserve(server.cluster_dir.parent, host.MINIMUM_FREE_DISK_BYTES)
        if not was_running and settings.home not in server.cluster_dir.parents:
            say(f"the system user cannot reach {settings.home}: the database lies in {server.cluster_dir}")
    for revision in migrate.upgrade(url):
        say(f"database: applied {revision}")
    say(f"database: {url.without_password}")
    return url


def _demand_no_other_daemon(url: DatabaseUrl) -> None:
    """Before anything is migrated or freed. The lock of a daemon that has just died is given up in a moment."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while (who := only_daemon.driver_elsewhere(url)) is not None:
        if time.monotonic() > deadline:
            raise ServiceError(only_daemon.TAKEN.format(who=who))
        time.sleep(0.5)


def _stop_outdated(
    settings: Settings, url: DatabaseUrl, environment: dict[str, str], wanted: Fingerprint, say: Say
) -> bool:
    """Services of another database are useless; those of other code or settings are restarted unless a run is in
    progress: then all stay, since the worker has it in hand, and the daemon must launch for workers of its version.
    False where they stayed."""
    outdated: dict[str, list[str]] = {}
    is_same_database = True
    for name in (WATCHER, *DAGSTER):
        service = find_service(settings, name)
        if service is None:
            continue
        found = Fingerprint.of(service)
        is_same_database &= found.database == wanted.database
        changed = ["database"] * (found.database != wanted.database) + ["code"] * (found.code != wanted.code)
        changed += changed_settings(service, environment)
        if changed:
            outdated[name] = changed
    if set(outdated) & set(DAGSTER) and is_same_database and run_rows.runs_in_progress(url):
        for name, changed in outdated.items():
            say(
                f"the {name} still runs as before the change of {', '.join(changed)}: `ssa up` after the current runs "
                "restarts it; `ssa down` and `ssa up` do so now and cancel them"
            )
        return False
    for name, changed in outdated.items():
        say(f"restarting the {name}: changed are {', '.join(changed)}")
        if any(one.endswith("(no longer set)") for one in changed):
            say(f"what is to hold in every shell belongs into {settings.file.path}")
        end(with_descendants(settings, name))
    return True


def _prepare_dagster(settings: Settings, url: DatabaseUrl, environment: dict[str, str], say: Say) -> None:
    """Create Dagster's tables before two processes do so at once, and free the slots of dead runs."""
    is_first = not run_rows.has_dagster_tables(url)
    if not (is_first or run_rows.runs_in_progress(url)):
        return
    from ssa_pipeline.local import abandoned_runs

    abandoned_runs.strike_off_dead_workers(url, settings.home)
    is_daemon_alive = find_service(settings, DAEMON) is not None
    with abandoned_runs.open_instance(environment) as instance:
        for run_id in abandoned_runs.free_abandoned_runs(instance, url, is_daemon_alive=is_daemon_alive):
            say(f"run {run_id} had lost its process: marked as failed")
