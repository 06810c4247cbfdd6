"""``ssa up`` and ``ssa down``: PostgreSQL, Dagster's daemon and webserver, and the watcher that starts again what dies
(``watcher``), as processes that outlive the command.

The processes themselves are the only record of what runs: each carries its name, its UI port and the fingerprint
of what it was started with in its environment (see ``processes``). Everything here may be interrupted and called
again; a lock keeps two commands on one home apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from ssa_pipeline.local import disk, host, processes, temporary_files
from ssa_pipeline.local.dagster_home import INSTANCE_FILE, WORKSPACE_FILE, link_dagster_home, service_environment
from ssa_pipeline.local.database_url import embedded_server
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.local.postgres.embedded import EmbeddedPostgresError
from ssa_pipeline.settings import REPOSITORY, DatabaseUrl, Settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.receipts.snapshots import first_day_with_data
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline.use_cases.first_day import begin_at, follow_the_data

Say = Callable[[str], None]

DAEMON = "daemon"
WEBSERVER = "webserver"
POSTGRES = "postgres"
WATCHER = "watcher"
_UNWATCHED = "unwatched"
FIRST_UI_PORT = 3000
_DAEMON_SCRIPT = Path(__file__).with_name("daemon_process.py")
_WEBSERVER_SCRIPT = Path(__file__).with_name("webserver_process.py")
_NAME = "SSA_SERVICE"
_PORT = "SSA_SERVICE_PORT"
_PATH = "SSA_SERVICE_PATH"
_FINGERPRINT = "SSA_SERVICE_FINGERPRINT"
_SETTINGS = re.compile(r"(SSA|NUMBA|SPACE_TRACK)_.*|(HTTP|HTTPS|ALL|NO)_PROXY", re.IGNORECASE)
_NOT_SETTINGS = {
    _NAME,
    _PORT,
    _PATH,
    _FINGERPRINT,
    processes.MARK,
    "SSA_DAGSTER_PG_URL",
    "SSA_UI_PORT",
}  # looked at by themselves
_READY_TIMEOUT_S = 180.0
_GRACE_S = 20.0
_CODE_SERVER_START_S = 180.0  # on a machine that is busy with other things
_LOCATIONS = """{ workspaceOrError { __typename ... on PythonError { message } ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


class ServiceError(RuntimeError):
    """A service cannot be started or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class ServiceStatus:
    """One service: ``pid`` None when it does not run; memory of it and its children in bytes."""

    name: str
    pid: int | None
    address: str
    started_at: float | None
    memory_bytes: int
    log: Path | None


@dataclass(frozen=True)
class _Fingerprint:
    """What a service was started with: it is restarted when the database moved or the code changed. (The settings are
    in its environment.)"""

    database: str
    code: str

    @classmethod
    def now(cls, environment: dict[str, str]) -> _Fingerprint:
        code = repr((_code_state(), sys.executable))
        return cls(_digest(environment["SSA_DAGSTER_PG_URL"]), _digest(code))

    @classmethod
    def of(cls, service: psutil.Process) -> _Fingerprint:
        database, _, code = service.environ().get(_FINGERPRINT, "").partition(":")
        return cls(database, code)


def _changed_settings(service: psutil.Process, environment: dict[str, str]) -> list[str]:
    """Names of settings that a service started now would see otherwise; their values may be secrets."""
    old, new = service.environ(), {**os.environ, **environment}
    names = sorted(name for name in {*old, *new} - _NOT_SETTINGS if _SETTINGS.fullmatch(name))
    return [
        name if new.get(name) else f"{name} (no longer set)"
        for name in names
        if (old.get(name) or "") != (new.get(name) or "")
    ]


def _code_state() -> list[str]:
    files = [*sorted((REPOSITORY / "ssa_pipeline").rglob("*.py")), WORKSPACE_FILE, INSTANCE_FILE]
    return [f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}" for path in files if path.exists()]


# --- what others ask -----------------------------------------------------------------------------------------


def find_services(settings: Settings) -> dict[str, psutil.Process]:
    """The living processes of this home's daemon, webserver and watcher, by name, in one look at all processes."""
    found: dict[str, psutil.Process] = {}
    for one in processes.supervised(settings.home):
        try:
            name = one.environ().get(_NAME)
            if name and Path(one.exe()).name.startswith("python") and os.getsid(one.pid) == one.pid:
                found.setdefault(name, one)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
            continue
    return found


def find_service(settings: Settings, name: str) -> psutil.Process | None:
    """The living process of the daemon, the webserver or the watcher of this home, or None."""
    return find_services(settings).get(name)


def ui_url(settings: Settings) -> str | None:
    """Address of the running Dagster webserver of this home, or None."""
    webserver = find_service(settings, WEBSERVER)
    return _address(webserver) if webserver is not None else None


def has_lost_code_server(service: psutil.Process) -> bool:
    """Whether the child that loads the pipeline's code is gone (not: has not been started yet)."""
    if time.time() - service.create_time() < _CODE_SERVER_START_S:
        return False
    return not any(_is_code_server(child) for child in service.children() if processes.is_alive(child))


def running_database_url(settings: Settings) -> DatabaseUrl | None:
    """The external database where one is set (running or not), the embedded one's where it runs, else None."""
    if settings.database_url is not None:
        return settings.database_url
    server = embedded_server(settings)
    return server.url if server.is_running() else None


def log_paths(settings: Settings) -> dict[str, Path]:
    """Service name -> its log file, for the services of this home (files may not exist yet)."""
    paths = {}
    server = embedded_server(settings)
    if settings.database_url is None and server.exists():
        paths[POSTGRES] = server.log_path
    return paths | {name: settings.home / "log" / f"{name}.log" for name in (DAEMON, WEBSERVER, WATCHER)}


def is_daemon_dead(settings: Settings) -> bool:
    """Whether the daemon ran on this machine, as its log shows, and does not now. False where that cannot be told: a
    monitor may look at the same database from another machine, or as a user who may not look at our processes."""
    log = log_paths(settings)[DAEMON]
    try:
        is_visible = os.geteuid() in {0, log.stat().st_uid}
    except OSError:
        return False
    return is_visible and find_service(settings, DAEMON) is None


def status(settings: Settings) -> list[ServiceStatus]:
    """All services in the order of their start; quick, asks only the operating system."""
    logs = log_paths(settings)
    found = [_database_status(settings, logs.get(POSTGRES))]
    living = find_services(settings)
    for name in (DAEMON, WEBSERVER, WATCHER):
        service = living.get(name)
        address = _address(service) if service is not None and name == WEBSERVER else ""
        found.append(_status(name, service, address, logs[name]))
    return found


def watcher_report(settings: Settings) -> list[str]:
    """What the watcher started again, and what it cannot start, in lines; nothing where none runs."""
    from ssa_pipeline.local import watcher

    return watcher.described(watcher.read_state(settings)) if find_service(settings, WATCHER) is not None else []


def end_dagster(settings: Settings, say: Say) -> None:
    """End the watcher, the daemon, the webserver and every run, where the database that they need is gone; `ssa up`
    marks such runs."""
    if processes.supervised(settings.home):
        say("ending the services and runs that work on a database that is gone")
        _end_all(settings)


def daemon_silence(settings: Settings) -> str | None:
    """What is wrong where the daemon's process lives and a part of it does nothing, as its heartbeats in the database
    tell; None where all is well or nothing can be told (no daemon, no database). StorageError."""
    daemon, url = find_service(settings, DAEMON), running_database_url(settings)
    if daemon is None or url is None:
        return None
    since = datetime.fromtimestamp(daemon.create_time(), UTC)
    silent = run_rows.silent_parts(url, datetime.now(UTC), since)
    if not silent:
        return None
    return (
        f"the daemon is silent ({run_rows.describe_silence(silent)}): see `ssa logs daemon`, then ssa down and ssa up"
    )


# --- up ------------------------------------------------------------------------------------------------------


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
    with _one_at_a_time(settings, say):
        _check_checkout(settings)
        _check_ui_port(settings)
        _check_machine(settings, say, is_database_only=is_database_only)
        url = _start_database(settings, say)
        if is_database_only:
            return
        link_dagster_home(settings)
        environment = service_environment(settings, url)
        fingerprint = _Fingerprint.now(environment)
        _stop_crippled(settings, say)
        _stop_outdated(settings, url, environment, fingerprint, say)
        _prepare_dagster(settings, url, environment, say)
        begin_where_data_begin(settings, url, say, expected)
        temporary_files.clear_if_unused(settings.home)
        since = datetime.now(UTC)
        daemon = None
        if find_service(settings, DAEMON) is None:
            daemon = _spawn(settings, DAEMON, environment, fingerprint, say)
        _start_webserver(settings, environment, fingerprint, say)
        if daemon is not None:
            _wait_for_daemon(settings, daemon, url, since)
        _check_code_location(settings)
        _note_whether_watched(settings, is_watched)
        if not is_watched and (watcher := find_service(settings, WATCHER)) is not None:
            say("ending the watcher")
            _end([watcher])
        if is_watched and find_service(settings, WATCHER) is None:
            _spawn(settings, WATCHER, environment, fingerprint, say, ui_port(settings) or 0)
        say(f"Dagster UI: {ui_url(settings)}")


def begin_where_data_begin(settings: Settings, url: DatabaseUrl, say: Say, expected: date | None = None) -> None:
    """To be called when something was stored: the partitions of a UI that runs begin at the first day of which there
    are data (the daemon loads the definitions every minute by itself). ``expected``: of which the first data are to
    come. StorageError."""
    try:
        is_moved = follow_the_data(settings, url)
        if expected is not None and first_day_with_data(url, settings.first_day) is None:
            is_moved |= begin_at(settings, expected)
    except OSError as error:  # what was stored is stored
        say(f"warning: the first day received cannot be noted, so the UI may begin later: {_unusable(settings, error)}")
        return
    address = ui_url(settings) if is_moved else None
    if address is None:
        return
    from ssa_pipeline.use_cases.runs.webserver import Webserver, WebserverError

    try:
        with Webserver(address, timeout_s=_READY_TIMEOUT_S) as webserver:
            webserver.reload()
    except WebserverError as error:
        say(f"warning: until `ssa down` and `ssa up` the UI does not begin with the first day received: {error}")


def revive(settings: Settings, say: Say, ui_port: int | None = None) -> list[str]:
    """Start what is dead, for the watcher: nothing is migrated, and what lives is left as it is, of whatever code. A
    webserver comes back on ``ui_port`` where that is free. The names of what was started; ServiceError.
    """
    with _one_at_a_time(settings, say):
        dead = missing(settings) or crippled(settings)
        server = embedded_server(settings)
        url = server.start() if POSTGRES in dead else running_database_url(settings)
        if url is None:
            raise ServiceError("there is no database")
        environment = service_environment(settings, url)
        fingerprint = _Fingerprint.now(environment)
        _stop_crippled(settings, say)
        temporary_files.clear_if_unused(settings.home)
        if find_service(settings, DAEMON) is None:
            _spawn(settings, DAEMON, environment, fingerprint, say)
        if find_service(settings, WEBSERVER) is None:
            port = ui_port if ui_port is not None and host.is_port_free(ui_port) else _choose_ui_port(settings)
            _spawn(settings, WEBSERVER, environment, fingerprint, say, port)
        return dead


def is_watcher_wanted(settings: Settings) -> bool:
    """Unless the last ``ssa up`` said ``--unwatched``."""
    return not (settings.home / _UNWATCHED).exists()


def _note_whether_watched(settings: Settings, is_watched: bool) -> None:
    if is_watched:
        (settings.home / _UNWATCHED).unlink(missing_ok=True)
    else:
        (settings.home / _UNWATCHED).touch(0o600)


def ensure_watcher(settings: Settings, say: Say) -> None:
    """Start the watcher where it has died; for ``ssa up --foreground``, which stays. ServiceError where nothing runs
    any more: someone has called ``ssa down``, which ends the watcher first."""
    if find_service(settings, WATCHER) is not None:
        return
    with _one_at_a_time(settings, say):
        url = running_database_url(settings)
        living = find_services(settings)
        if url is None or not {DAEMON, WEBSERVER} & living.keys():
            raise ServiceError("the services were stopped from elsewhere")
        if WATCHER not in living:
            environment = service_environment(settings, url)
            _spawn(settings, WATCHER, environment, _Fingerprint.now(environment), say, ui_port(settings) or 0)


def missing(settings: Settings) -> list[str]:
    """Services that `ssa up` started and that are dead."""
    is_database_dead = settings.database_url is None and not embedded_server(settings).is_running()
    found = find_services(settings)
    return [POSTGRES] * is_database_dead + [name for name in (DAEMON, WEBSERVER) if name not in found]


def crippled(settings: Settings) -> list[str]:
    """Services that live without their code server: neither the daemon nor the webserver ever replaces a killed one."""
    found = find_services(settings)
    return [name for name in (DAEMON, WEBSERVER) if name in found and has_lost_code_server(found[name])]


def ui_port(settings: Settings) -> int | None:
    """The port of the running webserver, or None."""
    webserver = find_service(settings, WEBSERVER)
    return None if webserver is None else _port(webserver)


def port_given() -> int | None:
    """The port with which this process, a service, was started; None where it was none."""
    return int(os.environ.get(_PORT, "0")) or None


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
        _choose_ui_port(settings)


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


def _start_database(settings: Settings, say: Say) -> DatabaseUrl:
    from ssa_pipeline.storage.schema import migrate

    if settings.database_url is not None:
        url = settings.database_url
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


def _stop_crippled(settings: Settings, say: Say) -> None:
    """Workers go on."""
    for name in crippled(settings):
        service = find_service(settings, name)
        if service is not None:
            say(f"restarting the {name}: its code server is gone")
            processes.end([service], grace_s=_GRACE_S)


def _stop_outdated(
    settings: Settings, url: DatabaseUrl, environment: dict[str, str], wanted: _Fingerprint, say: Say
) -> None:
    """Services of another database are useless; those of other code or settings are restarted unless that would end a
    run: the daemon's workers are among its descendants."""
    for name in (WATCHER, DAEMON, WEBSERVER):
        service = find_service(settings, name)
        if service is None:
            continue
        found = _Fingerprint.of(service)
        is_same_database = found.database == wanted.database
        changed = ["database"] * (not is_same_database) + ["code"] * (found.code != wanted.code)
        changed += _changed_settings(service, environment)
        if not changed:
            continue
        if name != WATCHER and is_same_database and run_rows.runs_in_progress(url):
            say(
                f"the {name} still runs as before the change of {', '.join(changed)}: `ssa up` after the current runs "
                "restarts it; `ssa down` and `ssa up` do so now and cancel them"
            )
            continue
        say(f"restarting the {name}: changed are {', '.join(changed)}")
        if any(one.endswith("(no longer set)") for one in changed):
            say(f"what is to hold in every shell belongs into {settings.file.path}")
        processes.end(_with_descendants(settings, name), grace_s=_GRACE_S)


def _prepare_dagster(settings: Settings, url: DatabaseUrl, environment: dict[str, str], say: Say) -> None:
    """Create Dagster's tables before two processes do so at once, and free the slots of dead runs."""
    is_first = not run_rows.has_dagster_tables(url)
    if not (is_first or run_rows.runs_in_progress(url)):
        return
    from ssa_pipeline.local import abandoned_runs

    is_daemon_alive = find_service(settings, DAEMON) is not None
    with abandoned_runs.open_instance(environment) as instance:
        for run_id in abandoned_runs.free_abandoned_runs(instance, is_daemon_alive=is_daemon_alive):
            say(f"run {run_id} had lost its process: marked as failed")


def _spawn(
    settings: Settings, name: str, environment: dict[str, str], fingerprint: _Fingerprint, say: Say, port: int = 0
) -> psutil.Process:
    say(f"starting the {name}")
    arguments = [sys.executable, str(_WEBSERVER_SCRIPT), "-h", host.LOOPBACK, "-p", str(port), "-l", settings.ui_path]
    if name == DAEMON:
        arguments = [sys.executable, str(_DAEMON_SCRIPT), "run"]
    elif name == WATCHER:
        arguments = [sys.executable, "-m", "ssa_pipeline.local.watcher"]
    log = log_paths(settings)[name]
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    mark = {
        _NAME: name,
        _PORT: str(port),
        _PATH: settings.ui_path,
        _FINGERPRINT: f"{fingerprint.database}:{fingerprint.code}",
    }
    return processes.spawn_detached(
        arguments if name == WATCHER else [*arguments, "-w", str(WORKSPACE_FILE)],
        environ={
            **os.environ,
            **environment,
            **mark,
            "TMPDIR": str(temporary_files.directory(settings.home)),
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
        },
        log=log,
        cwd=REPOSITORY,
        home=settings.home,
    )


def _start_webserver(
    settings: Settings, environment: dict[str, str], fingerprint: _Fingerprint, say: Say, attempts: int = 3
) -> None:
    running = find_service(settings, WEBSERVER)
    if running is not None and settings.ui_port not in (None, _port(running)):
        say(f"restarting the webserver on port {settings.ui_port}")
        processes.end(_with_descendants(settings, WEBSERVER), grace_s=_GRACE_S)
    for attempt in range(attempts):
        running = find_service(settings, WEBSERVER)
        port = _port(running) if running is not None else _choose_ui_port(settings)
        webserver = running or _spawn(settings, WEBSERVER, environment, fingerprint, say, port)
        try:
            _wait_for_ui(settings, webserver, port)
            return
        except _PortTakenError:  # by another checkout, between our look and the webserver's
            if attempt == attempts - 1:
                raise


class _PortTakenError(ServiceError):
    """The webserver died because its port had been taken."""


def _choose_ui_port(settings: Settings) -> int:
    wanted = settings.ui_port
    if wanted is None:
        return host.next_free_port(FIRST_UI_PORT)
    if not host.is_port_free(wanted):
        raise ServiceError(
            f"port {wanted} (SSA_UI_PORT) is in use{_user_of(wanted)}: end that program, choose another port, or unset "
            "SSA_UI_PORT to take a free one"
        )
    return wanted


def _user_of(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
            owner = processes.process(one.pid)
            return f" by {owner.name()} (process {one.pid})" if owner is not None else ""
    return ""


def _wait_for_ui(settings: Settings, webserver: psutil.Process, port: int) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if not processes.is_alive(webserver):
            tail = _log_end(settings, WEBSERVER)
            kind = _PortTakenError if "address already in use" in tail.lower() else ServiceError
            raise kind(f"the webserver ended while starting; the end of its log:\n{tail}")
        if _listens(webserver, port) and _answers(_address(webserver)):
            return
        time.sleep(0.2)
    raise ServiceError(f"the webserver does not answer after {_READY_TIMEOUT_S:.0f} s; see `ssa logs {WEBSERVER}`")


def _wait_for_daemon(settings: Settings, daemon: psutil.Process, url: DatabaseUrl, since: datetime) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if not processes.is_alive(daemon):
            raise ServiceError(f"the daemon ended while starting; the end of its log:\n{_log_end(settings, DAEMON)}")
        beat = run_rows.last_heartbeat(url)
        if beat is not None and beat >= since:
            return
        time.sleep(0.2)
    raise ServiceError(f"the daemon does not serve the run queue after {_READY_TIMEOUT_S:.0f} s; see `ssa logs daemon`")


def _check_code_location(settings: Settings) -> None:
    """A UI that answers is no use where the pipeline's own code does not load."""
    answer = httpx.post(f"{ui_url(settings)}/graphql", json={"query": _LOCATIONS}, timeout=60, trust_env=False).json()
    workspace: dict[str, Any] = answer["data"]["workspaceOrError"]
    if "message" in workspace:
        raise ServiceError(f"the workspace does not load: {workspace['message']}")
    for entry in workspace["locationEntries"]:
        problem = (entry["locationOrLoadError"] or {}).get("message")
        if problem:
            raise ServiceError(f"the code of location {entry['name']} does not load:\n{problem}")


# --- down ----------------------------------------------------------------------------------------------------


def down(settings: Settings, say: Say = print) -> bool:
    """Stop everything of this home, runs included (they are marked as canceled); whether anything ran."""
    if not settings.home.exists():
        return False
    watcher = find_service(settings, WATCHER)
    if watcher is not None:  # before the lock: it may hold it for a start that takes minutes
        _end([watcher])
    with _one_at_a_time(settings, say):
        was_running = _stop_dagster(settings, say) or watcher is not None
        server = embedded_server(settings)
        if server.stop():
            say("stopped PostgreSQL")
            was_running = True
        return was_running


def _stop_dagster(settings: Settings, say: Say) -> bool:
    if not processes.supervised(settings.home):
        return False
    url = running_database_url(settings)
    has_runs = url is not None and run_rows.runs_in_progress(url) > 0
    if has_runs and url is not None:
        from ssa_pipeline.local import abandoned_runs

        with abandoned_runs.open_instance(service_environment(settings, url)) as instance:
            for run_id in abandoned_runs.announce_cancelling(instance):
                say(f"cancelling run {run_id}")
            _end_all(settings)
            abandoned_runs.free_abandoned_runs(instance, is_daemon_alive=False)
    else:
        _end_all(settings)
    say("stopped the daemon and the webserver")
    return True


def _end_all(settings: Settings) -> None:
    """Until none is left: a worker may be started while its parent is being stopped."""
    while found := processes.supervised(settings.home):
        _end(found)
    temporary_files.clear_if_unused(settings.home)


def _end(found: list[psutil.Process]) -> None:
    try:
        processes.end(found, grace_s=_GRACE_S)
    except psutil.AccessDenied as error:
        raise ServiceError(f"process {error.pid} belongs to another user: stop it as that user") from None


# --- helpers -------------------------------------------------------------------------------------------------


@contextmanager
def _one_at_a_time(settings: Settings, say: Say) -> Iterator[None]:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with file_lock(settings.home / "services.lock", say=say):
            yield
    except (LockTimeoutError, EmbeddedPostgresError, StorageError) as error:
        raise ServiceError(str(error)) from error
    except OSError as error:
        raise ServiceError(_unusable(settings, error)) from error


def _unusable(settings: Settings, error: OSError) -> str:
    """What is wrong with the home, in a sentence."""
    if disk.says_no_space(error):
        return f"{disk.described(settings.home)}: {disk.REMEDY}"
    path = error.filename or settings.home
    if isinstance(error, PermissionError):
        return f"{path} may not be written by this user: run as the owner of {settings.home}, or set SSA_HOME"
    reason = (error.strerror or str(error)).lower()
    return f"{path} cannot be used ({reason}): SSA_HOME={settings.home} must be a directory that can be written"


def _with_descendants(settings: Settings, name: str) -> list[psutil.Process]:
    return [one for one in processes.supervised(settings.home) if one.environ().get(_NAME) == name]


def _port(webserver: psutil.Process) -> int:
    return int(webserver.environ()[_PORT])


def _address(webserver: psutil.Process) -> str:
    return f"http://{host.LOOPBACK}:{_port(webserver)}{webserver.environ().get(_PATH, '')}"


def _is_code_server(process: psutil.Process) -> bool:
    try:
        return {"dagster", "api", "grpc"} <= set(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _listens(webserver: psutil.Process, port: int) -> bool:
    """Whether it is this process, not a stranger, that holds the port."""
    try:
        connections = webserver.net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    listening = [one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN and one.laddr]
    return port in listening


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/server_info", timeout=10, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _log_end(settings: Settings, name: str) -> str:
    return "\n".join(processes.log_tail(log_paths(settings)[name], lines=15))


def _database_status(settings: Settings, log: Path | None) -> ServiceStatus:
    if settings.database_url is not None:
        return ServiceStatus("database", None, settings.database_url.without_password, None, 0, None)
    server = embedded_server(settings)
    postmaster = server.postmaster()
    return _status(POSTGRES, postmaster, server.url.without_password if postmaster else "", log)


def _status(name: str, process: psutil.Process | None, address: str, log: Path | None) -> ServiceStatus:
    if process is None:
        return ServiceStatus(name, None, "", None, 0, log)
    try:
        # what the watcher started is its child, and counted by itself
        family = [process] if name == WATCHER else [process, *process.children(recursive=True)]
        return ServiceStatus(name, process.pid, address, process.create_time(), sum(map(_memory, family)), log)
    except psutil.NoSuchProcess:
        return ServiceStatus(name, None, "", None, 0, log)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
