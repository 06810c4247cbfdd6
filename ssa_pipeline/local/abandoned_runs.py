"""Runs that Dagster's tables call running although no process works on them.

Where the daemon runs, its monitoring fails them by what the workers say (``nodes.launcher``). ``ssa up`` and
``ssa down`` know at once which processes of this node are gone, and wait for nobody's silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ssa_pipeline.local import host, processes
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.upkeep import workers

_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
GONE = (
    "The process of this run is gone (killed, or the machine was restarted). "
    "Start the run again, unless that happens by itself."
)


@contextmanager
def open_instance(environment: Mapping[str, str]) -> Iterator[DagsterInstance]:
    """The Dagster instance of ``service_environment``; its tables are created where they are missing. RuntimeError
    where dagster.yaml names no storage of schedules."""
    os.environ.update({name: environment[name] for name in ("DAGSTER_HOME", "SSA_DAGSTER_PG_URL", "SSA_MAX_RUNS")})
    with DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            if storage is None:
                raise RuntimeError("dagster.yaml configures no schedule storage")
        yield instance


def strike_off_dead_workers(url: DatabaseUrl, home: Path) -> None:
    """Workers of this node whose process does not live any more."""
    mine = [one for one in workers.living_workers(url) if one.node == host.node(home)]
    workers.strike_off(url, [one.worker_id for one in mine if processes.process(one.process_id) is None])


def free_abandoned_runs(instance: DagsterInstance, url: DatabaseUrl, *, is_daemon_alive: bool) -> list[str]:
    """Fail every run without a process (cancel it where that was asked for) and free its slots; their ids. A run that
    no worker has taken yet waits for one, and a starting one is left to a living daemon, which may be about to hand it
    over."""
    freed = []
    for run in instance.get_runs(filters=RunsFilter(statuses=_IN_PROGRESS)):
        is_left_to_daemon = is_daemon_alive and run.status == DagsterRunStatus.STARTING
        if is_left_to_daemon or _has_process(instance, url, run) or _has_moved_on(instance, run):
            continue
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, GONE)
        else:
            instance.report_run_failed(run, GONE)
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        freed.append(run.run_id)
    return freed


def announce_cancelling(instance: DagsterInstance, url: DatabaseUrl, home: Path) -> list[str]:
    """Say of every running run of this node that it is cancelled, so that its end by our signal counts as that."""
    running = instance.get_runs(filters=RunsFilter(statuses=_IN_PROGRESS[:2]))
    elsewhere = workers.runs_of_others(url, host.node(home), [run.run_id for run in running])
    announced = []
    for run in running:
        if run.run_id not in elsewhere:
            instance.report_run_canceling(run, "Stopped by `ssa down`.")
            announced.append(run.run_id)
    return announced


def _has_moved_on(instance: DagsterInstance, run: DagsterRun) -> bool:
    """A run that ended while it was looked at has no process either."""
    now = instance.get_run_by_id(run.run_id)
    return now is None or now.status != run.status


def _has_process(instance: DagsterInstance, url: DatabaseUrl, run: DagsterRun) -> bool:
    state = workers.run_state(url, run.run_id)
    if state.is_claimed:
        return not state.is_gone  # the silence of others is judged by the monitoring
    if state.job_id is not None:
        return run.status != DagsterRunStatus.CANCELING
    return bool(_logged_process_lives(instance, run))


def _logged_process_lives(instance: DagsterInstance, run: DagsterRun) -> bool | None:
    """Of a run that a terminal executes: whether the process that last wrote its id into the run's log lives; None
    where none has done so yet, and where that id has a process younger than the entry: a stranger, or the clock was set
    forward."""
    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
    for entry in reversed(entries):
        metadata = entry.dagster_event.engine_event_data.metadata if entry.dagster_event else {}
        if "pid" not in metadata:
            continue
        found = processes.process(int(str(metadata["pid"].value)))
        try:
            is_older = found is not None and found.create_time() <= entry.timestamp + 1.0
        except psutil.NoSuchProcess:
            return False
        return is_older or (None if found is not None else False)
    return None
