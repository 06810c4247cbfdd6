"""``ssa down``, and the end of services and runs whose database is gone."""

from __future__ import annotations

import psutil

from ssa_pipeline.local import processes, temporary_files
from ssa_pipeline.local.dagster_home import service_environment
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services.exclusive import Say, ServiceError, one_at_a_time
from ssa_pipeline.local.services.state import WATCHER, find_service, running_database_url
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.upkeep import run_rows

_GRACE_S = 20.0


def down(settings: Settings, say: Say = print) -> bool:
    """Stop everything of this home, runs included (they are marked as canceled); whether anything ran."""
    if not settings.home.exists():
        return False
    watcher = find_service(settings, WATCHER)
    if watcher is not None:  # before the lock: it may hold it for a start that takes minutes
        end([watcher])
    with one_at_a_time(settings, say):
        was_running = _stop_dagster(settings, say) or watcher is not None
        server = embedded_server(settings)
        if server.stop():
            say("stopped PostgreSQL")
            was_running = True
        return was_running


def end_dagster(settings: Settings, say: Say) -> None:
    """End the watcher, the daemon, the webserver and every run, where the database that they need is gone; `ssa up`
    marks such runs."""
    if processes.supervised(settings.home):
        say("ending the services and runs that work on a database that is gone")
        _end_all(settings)


def _stop_dagster(settings: Settings, say: Say) -> bool:
    if not processes.supervised(settings.home):
        return False
    url = running_database_url(settings)
    has_runs = url is not None and run_rows.runs_in_progress(url) > 0
    if has_runs and url is not None:
        from ssa_pipeline.local import abandoned_runs

        with abandoned_runs.open_instance(service_environment(settings, url)) as instance:
            for run_id in abandoned_runs.announce_cancelling(instance, url, settings.home):
                say(f"cancelling run {run_id}")
            _end_all(settings)
            abandoned_runs.strike_off_dead_workers(url, settings.home)
            abandoned_runs.free_abandoned_runs(instance, url, is_daemon_alive=False)
    else:
        _end_all(settings)
    say("stopped the daemon, the webserver and the worker")
    return True


def _end_all(settings: Settings) -> None:
    """Until none is left: a worker may be started while its parent is being stopped."""
    while found := processes.supervised(settings.home):
        end(found)
    temporary_files.clear_if_unused(settings.home)


def end(found: list[psutil.Process]) -> None:
    """Signal them, wait, kill what is left. ServiceError where one belongs to another user."""
    try:
        processes.end(found, grace_s=_GRACE_S)
    except psutil.AccessDenied as error:
        raise ServiceError(f"process {error.pid} belongs to another user: stop it as that user") from None
