"""Follows a submitted run on the terminal: one line per step, a bar from the run's messages of progress."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ssa_pipeline.chain.progress_message import Progress as Message
from ssa_pipeline.use_cases.runs.listed_runs import QUEUED, list_runs, what_it_waits_for
from ssa_pipeline.use_cases.runs.webserver import FROM_OUTSIDE, RunState, Webserver, WebserverError

POLL_S = 0.5
CHECK_FAILED = "DagsterAssetCheckFailedError"
_CLASS = re.compile(r"^(?:[a-z_]\w*\.)+(?:[A-Z][a-z]+[A-Z]\w*|Failure|Exception)(?::\s*|$)")  # dagster.Failure: …
LOOK_EVERY_S = 2.0  # at the queue
LINE_EVERY_S = 5.0  # of progress, where there is no terminal


@dataclass(frozen=True)
class Check:
    """One evaluation of an asset check."""

    asset: str
    name: str
    partition: str | None
    passed: bool
    severity: str
    description: str | None


@dataclass
class RunOutcome:
    run_id: str
    status: str = "NOT_STARTED"
    failures: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status == "SUCCESS"

    def take_failure(self, message: str) -> None:
        """Keep why the run failed, in words; of a check that must pass the check itself says more."""
        said = _CLASS.sub("", message.strip()) or f"{message.strip()} without a message"
        self.failures.append("a check that must pass did not" if CHECK_FAILED in message else said)

    def take_check(self, check: Check) -> None:
        """Keep a check that did not pass."""
        if not check.passed:
            self.failed_checks.append(
                f"{check.severity.lower()}: {check.asset} {check.partition or ''} {check.name}: "
                f"{check.description or 'failed'}"
            )


@dataclass
class Follower:
    """Follows one run. ``outcome`` holds what is known even when following is interrupted. ``trouble`` says why nothing
    can go on, or None."""

    webserver: Webserver
    run_id: str
    title: str
    console: Console
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    trouble: Callable[[], str | None] = lambda: None
    cursor: str | None = None

    def __post_init__(self) -> None:
        self.outcome = RunOutcome(self.run_id)
        self._note = "queued"
        self._fraction: float | None = None
        self._last_words = ""  # of the engine, before a failure without a reason
        self._passed: dict[str, str] = {}  # step of a check -> what came out
        self._looked_s = self._said_s = self._since_s = self.clock()

    def until_finished(self) -> RunOutcome:
        """Returns when the run is over; KeyboardInterrupt passes through and following may be resumed."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bars:
            task = bars.add_task(self.title, total=None, note=self._note)
            while True:
                state = self._state()
                self.cursor = state.cursor
                for event in state.events:
                    self._take(event)
                self.outcome.status = state.status
                if state.is_finished:
                    self.outcome.wall_s = _wall_s(state)
                    return self.outcome
                self._look_at_the_queue(state.status)
                total, done = (None, 0.0) if self._fraction is None else (100.0, 100.0 * self._fraction)
                bars.update(task, total=total, completed=done, note=self._note)
                self._say_where_it_is()
                if not state.has_more:
                    self.sleep(POLL_S)

    def _state(self) -> RunState:
        try:
            return self.webserver.follow(self.run_id, self.cursor)
        except WebserverError as error:
            raise WebserverError(
                f"{error}; then `ssa follow {self.run_id[:8]}` says what became of the run, and the same command again "
                "computes what is missing"
            ) from error

    def _look_at_the_queue(self, status: str) -> None:
        """A run that waits says for what."""
        if status not in (*QUEUED, "STARTING") or self.clock() - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = self.clock()
        trouble = self.trouble()
        waits = what_it_waits_for(list_runs(self.webserver, unfinished=True), self.run_id)
        self._note = f"{waits}; {trouble}" if trouble else waits

    def _say_where_it_is(self) -> None:
        """Without a terminal, which shows it all the time, a line now and then."""
        if not self.console.is_terminal and self.clock() - self._said_s >= LINE_EVERY_S:
            waited_s = self.clock() - self._since_s
            self._say(self._note if waited_s < LINE_EVERY_S else f"{self._note}, for {waited_s:.0f} s")

    def _say(self, what: str) -> None:
        self._said_s = self.clock()
        self.console.print(f"{self.title}: {what}", highlight=False, markup=False, soft_wrap=True)

    def _take(self, event: dict[str, Any]) -> None:
        kind, message, step = event["__typename"], event.get("message") or "", event.get("stepKey") or ""
        progress = Message.parse(message)
        if progress:
            lead_day = progress.partition.partition("|")[2]
            where = f", lead day {lead_day}" if lead_day else ""
            self._note = f"{step}{where}: {progress.stage} {progress.percent} %"
            self._fraction = progress.percent / 100.0
            self._since_s = self.clock()
        elif kind == "ExecutionStepStartEvent":
            self._since_s = self.clock()
            self._note, self._fraction = f"{step}: at work", None
        elif kind == "ExecutionStepSuccessEvent" and not self.console.is_terminal:
            self._say(self._passed.get(step) or f"{step} done")
        elif kind == "AssetCheckEvaluationEvent":
            found = event["evaluation"]
            asset = "/".join(found["assetKey"]["path"])
            check = Check(
                asset, found["checkName"], found["partition"], found["success"], found["severity"], found["description"]
            )
            self.outcome.take_check(check)
            is_good = found["success"] and not self._passed.get(step, "").endswith("not pass")
            self._passed[step] = f"check {check.name} of {asset} {'passed' if is_good else 'did not pass'}"
        elif kind == "EngineEvent":
            self._last_words = message or self._last_words
        elif kind in ("ExecutionStepFailureEvent", "RunFailureEvent"):
            self._take_failure(event)

    def _take_failure(self, event: dict[str, Any]) -> None:
        if event["__typename"] == "RunFailureEvent" and self.outcome.failures:
            return  # repeats the failure of the step
        described = (event.get("failureMetadata") or {}).get("description")
        message = event.get("message") or "failed"
        if message == FROM_OUTSIDE and self._last_words:  # as a code server says of a process that was killed
            message = self._last_words
        self.outcome.take_failure(described or _innermost(event.get("error")) or message)


def _innermost(error: dict[str, Any] | None) -> str | None:
    if not error:
        return None
    causes = error.get("causes") or []
    return str((causes[-1] if causes else error)["message"]).strip()


def _wall_s(state: RunState) -> float:
    return (state.end_s - state.start_s) if state.start_s and state.end_s else 0.0
