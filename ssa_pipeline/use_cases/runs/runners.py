"""Two ways to execute a job and wait for its end: submitted to the running services, or in this process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.prompt import Prompt

from ssa_pipeline.use_cases.runs.follow import Check, Follower, RunOutcome
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun, list_runs
from ssa_pipeline.use_cases.runs.webserver import Webserver

if TYPE_CHECKING:
    from dagster import EventLogEntry

    from ssa_pipeline.dagster_internals import StepFailureData


FOREGROUND_TAG = "ssa/title"
_INTERRUPTED = "DagsterExecutionInterruptedError"


class Detached(Exception):  # noqa: N818 (the run goes on; nothing failed)
    """The user chose to leave a run to itself."""


class Runner(Protocol):
    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome: ...

    def in_hand(self, day: date, lead_days: Collection[int]) -> ListedRun | None:
        """The oldest unfinished run that computes something of these already."""
        ...

    def follow(self, run: ListedRun) -> RunOutcome: ...


class ServiceRunner:
    """Submits to the webserver and follows. Ctrl-C asks whether to cancel the run or to detach from it; where
    nobody can be asked, it detaches."""

    def __init__(
        self, webserver: Webserver, console: Console, trouble: Callable[[], str | None] = lambda: None
    ) -> None:
        self._webserver = webserver
        self._console = console
        self._trouble = trouble

    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        return self._follow(self._webserver.launch(job, tags), title)

    def in_hand(self, day: date, lead_days: Collection[int]) -> ListedRun | None:
        runs = list_runs(self._webserver, unfinished=True)
        return next((run for run in reversed(runs) if run.computes(day, lead_days)), None)

    def follow(self, run: ListedRun) -> RunOutcome:
        return self._follow(run.run_id, run.title)

    def _follow(self, run_id: str, title: str) -> RunOutcome:
        self._console.print(f"{title}: {self._webserver.url}/runs/{run_id}", highlight=False, soft_wrap=True)
        follower = Follower(self._webserver, run_id, title, self._console, trouble=self._trouble)
        while True:
            try:
                return follower.until_finished()
            except KeyboardInterrupt:
                self._interrupted(follower)

    def _interrupted(self, follower: Follower) -> None:
        """Cancel and go on following, go on following, or raise Detached."""
        choice = "detach"
        if self._console.is_terminal:
            try:
                question = "\nThe run goes on. Cancel it, detach from it, or continue to watch?"
                choice = Prompt.ask(
                    question, choices=["cancel", "detach", "continue"], default="detach", console=self._console
                )
            except (KeyboardInterrupt, EOFError):
                choice = "detach"
        if choice == "cancel":
            self._webserver.terminate(follower.run_id)
        elif choice == "detach":
            raise Detached(follower.run_id)


class ForegroundRunner:
    """Executes in this process; the database must run, the services need not. Events go to Dagster's instance
    of this installation, so that the UI shows the run later."""

    def in_hand(self, _: date, __: Collection[int]) -> ListedRun | None:
        return None  # it waits for nobody, and nobody runs the queue perhaps

    def follow(self, run: ListedRun) -> RunOutcome:
        raise NotImplementedError(f"{run.run_id} is not a run of this process")

    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        from dagster import DagsterInstance

        from ssa_pipeline.definitions import build_defs
        from ssa_pipeline.defs.console_log import PROGRESS_LOGGER

        run_id = str(uuid.uuid4())
        start_s = time.monotonic()
        with DagsterInstance.get() as instance:
            build_defs().resolve_job_def(job).execute_in_process(
                instance=instance,
                tags={**tags, FOREGROUND_TAG: title},
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


def what_failed(failure: StepFailureData) -> str:
    """Our own description of a failure, or the message of the innermost error."""
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed"
