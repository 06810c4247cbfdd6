"""Runs that Dagster's tables call running although no process of this machine works on them.

The code server that started a worker notices its death only while it lives itself, and while the database answers.
After a reboot, a killed daemon or `kill -9` of everything, such a run would hold its slot for hours. ``ssa up`` frees
it; where the daemon runs, its monitoring does so through ``run_launcher``.

One installation drives one database: a run of another machine's processes would look abandoned here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ssa_pipeline.dagster_internals import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
    deserialize_value,
)
from ssa_pipeline.local import processes

_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_ANSWER_TIMEOUT_S = 5
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


def free_abandoned_runs(instance: DagsterInstance, *, is_daemon_alive: bool) -> list[str]:
    """Fail every run without a process (cancel it where that was asked for) and free its slots; their ids.

    A starting run is left to a living daemon, which may be about to start its process.
    """
    freed = []
    for run in instance.get_runs(filters=RunsFilter(statuses=_IN_PROGRESS)):
        is_left_to_daemon = is_daemon_alive and run.status == DagsterRunStatus.STARTING
        if is_left_to_daemon or _has_process(instance, run) or _has_moved_on(instance, run):
            continue
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, GONE)
        else:
            instance.report_run_failed(run, GONE)
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        freed.append(run.run_id)
    return freed


def announce_cancelling(instance: DagsterInstance) -> list[str]:
    """Say of every running run that it is being cancelled, so that its end by our signal counts as that."""
    announced = []
    for run in instance.get_runs(filters=RunsFilter(statuses=_IN_PROGRESS[:2])):
        instance.report_run_canceling(run, "Stopped by `ssa down`.")
        announced.append(run.run_id)
    return announced


def _has_moved_on(instance: DagsterInstance, run: DagsterRun) -> bool:
    """A run that ended while it was looked at has no process either."""
    now = instance.get_run_by_id(run.run_id)
    return now is None or now.status != run.status


def _has_process(instance: DagsterInstance, run: DagsterRun) -> bool:
    lives = logged_process_lives(instance, run)
    return _is_starting_process(run) if lives is None else lives


def _is_starting_process(run: DagsterRun) -> bool:
    """Whether the code server that was told to start the run says that it has a process for it. Of one that logged
    its id the log is asked: where the database is away as a process dies, its code server counts it as alive for good.
    """
    info = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    if not info:
        return False
    client = DagsterGrpcClient(host=info.get("host"), port=info.get("port"), socket=info.get("socket"))
    try:
        request = CanCancelExecutionRequest(run_id=run.run_id)
        answer = client.can_cancel_execution(request, timeout=_ANSWER_TIMEOUT_S)
    except DagsterUserCodeUnreachableError:
        return False
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel


def logged_process_lives(instance: DagsterInstance, run: DagsterRun) -> bool | None:
    """Whether the process that last wrote its id into the run's log lives; None where none has done so yet, and where
    that id has a process younger than the entry: a stranger, or the clock was set forward."""
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
