"""Dagster's runs go to workers on any host: dagster.yaml names these two classes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import Any, Self

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ssa_pipeline.dagster_internals import (
    CheckRunHealthResult,
    ConfigurableClass,
    ConfigurableClassData,
    LaunchRunContext,
    QueuedRunCoordinator,
    RunLauncher,
    RunQueueConfig,
    WorkerStatus,
)
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.work_version import work_version
from ssa_pipeline.nodes import engine
from ssa_pipeline.nodes.sight import Sight
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline.storage.upkeep.workers import RunState

_LONGEST_GAP_S = 60.0  # between two looks of the monitoring, whose loop may be slow
_LOOK_EVERY_S = 5.0
_YOUNG_S = 10.0  # a run that is starting is about to be handed over
LOST = "Start the run again, unless that happens by itself."


class WorkerRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Hands runs to the engine, and answers for their workers by the heartbeats in the database."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._sight = Sight(_LONGEST_GAP_S)
        super().__init__()  # type: ignore[no-untyped-call]

    @cached_property
    def _here(self) -> _Here:
        return _Here.read()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """A run that another daemon has handed over is left alone."""
        run = context.dagster_run
        queue = engine.queue_of(run.tags)
        is_new = engine.hand_over(self._here.url, run, self._here.version)
        said = (
            f"Waits for a worker of queue {queue}." if is_new else "Was handed to the workers before: that is enough."
        )
        self._instance.report_engine_event(said, run, cls=type(self))

    def terminate(self, run_id: str) -> bool:
        """Ask for its end, on whatever host it runs; whether there was anything to end."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        url = self._here.url
        state = workers.run_state(url, run_id)
        if state.job_id is None and not state.is_claimed and run.status == DagsterRunStatus.STARTED:
            self._instance.report_engine_event("Runs in a terminal: end it there.", run, cls=type(self))
            return False
        self._instance.report_run_canceling(run)
        if state.job_id is not None:
            engine.abort(url, state.job_id)
        if not state.is_worked_on and not workers.run_state(url, run_id).is_worked_on:
            self._instance.report_run_canceled(run, "No worker had it in hand.")
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED where the worker that took the run is silent, or says that the run's process has ended.

        Who could not hear the workers does not judge their silence: it counts from when this process has reached the
        database without a break.
        """
        try:
            state = workers.run_state(self._here.url, run.run_id)
        except Exception:
            self._sight.lose()
            raise
        self._sight.note(time.monotonic(), state.database_s)
        if not state.is_claimed or state.is_worked_on:  # unclaimed: a terminal executes it (`--foreground`)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if not state.is_gone and not self._sight.has_lasted(self._here.stalled_after_s):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, _end_of(state))

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:  # noqa: ARG002
        state = workers.run_state(self._here.url, run.run_id)
        if state.worker_name is None:
            return "No worker has taken it: see `ssa status`."
        return f"Taken by worker {state.worker_name} on {state.host}, process {state.process_id}."


class SlotsRunCoordinator(QueuedRunCoordinator[DagsterInstance]):
    """Dagster's queue: as many runs leave it as living workers have slots, so that what waits is shown as queued.

    It is asked every second. Now and then it looks after runs that are starting, for which Dagster's monitoring has
    only a clock: one whose launch was cut off, or that waits for workers of a version that is gone, is handed over
    again; one whose worker died before it began has failed.
    """

    _here: _Here | None = None
    _looked_s = 0.0

    def get_run_queue_config(self) -> RunQueueConfig:
        here = self._here = self._here or _Here.read()
        if time.monotonic() - self._looked_s > _LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            self._look_after_starting_runs(here)
        n_slots = workers.total_slots(here.url, here.version)
        return super().get_run_queue_config()._replace(max_concurrent_runs=n_slots)

    def _look_after_starting_runs(self, here: _Here) -> None:
        starting = RunsFilter(statuses=[DagsterRunStatus.STARTING])
        for record in self._instance.get_run_records(starting):
            run = record.dagster_run
            state = workers.run_state(here.url, run.run_id)
            age_s = state.database_s - record.update_timestamp.replace(tzinfo=UTC).timestamp()
            is_waiting = state.job_id is not None and not state.is_claimed
            if age_s < _YOUNG_S or state.is_worked_on or (is_waiting and not _is_of_another_version(state, here)):
                continue
            now = self._instance.get_run_by_id(run.run_id)
            if now is None or now.status != DagsterRunStatus.STARTING:
                continue
            if not state.is_claimed:
                if state.job_id is not None:
                    engine.abort(here.url, state.job_id)
                engine.hand_over(here.url, run, here.version)
                self._instance.report_engine_event("Is handed to the workers again: it was lost on the way.", run)
            elif state.is_gone:
                self._instance.report_run_failed(run, _end_of(state))


@dataclass(frozen=True)
class _Here:
    """The settings with which this process began: read anew at every look, a change in the file would part the daemon
    from its workers."""

    url: DatabaseUrl
    version: str
    stalled_after_s: float

    @classmethod
    def read(cls) -> _Here:
        settings = read_settings()
        return cls(database_url(settings), work_version(settings), settings.workers.stalled_after_s)


def _is_of_another_version(state: RunState, here: _Here) -> bool:
    return state.job_status == "todo" and not str(state.queue_name).endswith(engine.queue_name("", here.version))


def _end_of(state: RunState) -> str:
    who = f"worker {state.worker_name} on {state.host}" if state.worker_name else "its worker"
    if state.worker_state in ("working", "draining"):
        return f"The process of this run, of {who}, has ended before the run did (killed, or out of memory). {LOST}"
    silence = f" and has been silent for {state.silent_s:.0f} s" if state.silent_s is not None else ""
    return f"{who[0].upper()}{who[1:]} is gone{silence}. {LOST}"
