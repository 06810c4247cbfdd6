"""Execute a job in this process: for machines on which the services do not run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from dagster import DagsterInstance, EventLogEntry

from ssa_pipeline.chain.links import TITLE_TAG
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.failures import what_failed
from ssa_pipeline.defs.slices.progress import PROGRESS_LOGGER
from ssa_pipeline.use_cases.runs.follow import Check, RunOutcome
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun

_INTERRUPTED = "DagsterExecutionInterruptedError"


class ForegroundRunner:
    """Executes in this process; the database must run, the services need not. Events go to Dagster's instance
    of this installation, so that the UI shows the run later."""

    def in_hand(self, _: date, __: Collection[int]) -> ListedRun | None:
        return None  # it waits for nobody, and nobody runs the queue perhaps

    def follow(self, run: ListedRun) -> RunOutcome:
        raise NotImplementedError(f"{run.run_id} is not a run of this process")

    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        run_id = str(uuid.uuid4())
        start_s = time.monotonic()
        with DagsterInstance.get() as instance:
            build_defs().resolve_job_def(job).execute_in_process(
                instance=instance,
                tags={**tags, TITLE_TAG: title},
                run_config={"loggers": {PROGRESS_LOGGER: {}}},
                run_id=run_id,
                raise_on_error=False,
            )
            run = instance.get_run_by_id(run_id)
            outcome = RunOutcome(run_id, run.status.value if run else "NOT_STARTED")
            _collect(outcome, instance.all_logs(run_id))
        outcome.wall_s = time.monotonic() - start_s
        return outcome


def _collect(outcome: RunOutcome, log: Iterable[EventLogEntry]) -> None:
    """Failures and failed checks, as the follower of a submitted run collects them."""
    for entry in log:
        event = entry.dagster_event
        if event is not None and event.is_step_failure:
            failure = event.step_failure_data
            outcome.take_failure(what_failed(failure))
            if failure.error is not None and failure.error.cls_name == _INTERRUPTED:  # Ctrl-C; Dagster says FAILURE
                outcome.status = "CANCELED"
        elif event is not None and event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            asset = check.asset_key.to_user_string()
            outcome.take_check(
                Check(asset, check.check_name, check.partition, check.passed, check.severity.value, check.description)
            )
