"""Dagster's default launcher, and whether the processes of its runs live: dagster.yaml names it."""

from __future__ import annotations

from dagster import DagsterRun

from ssa_pipeline.dagster_internals import GRPC_INFO_TAG, CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from ssa_pipeline.local.abandoned_runs import GONE, logged_process_lives


class WatchingRunLauncher(DefaultRunLauncher):
    """Launches as its base does; Dagster's run monitoring then also fails started runs whose process has died.

    Without it only the code server that started a process notices its death, and stops looking for good where the
    database is away at that moment (docs/decisions/0026).
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED where the process that the run's log names is gone; one that has named none yet is starting.

        A run that was not launched from here (`ssa materialize --foreground`) may work on another machine.
        """
        is_launched = GRPC_INFO_TAG in run.tags
        if is_launched and logged_process_lives(self._instance, run) is False:
            return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
