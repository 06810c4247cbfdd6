"""How a run goes and ends: what executes one, what it does at the moment, and its outcome in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from ssa_pipeline.chain.progress_message import Progress
from ssa_pipeline.use_cases.runs.listed_runs import QUEUED, ListedRun, list_runs, what_it_waits_for
from ssa_pipeline.use_cases.runs.webserver import FROM_OUTSIDE, RunState, Webserver, WebserverError

CHECK_FAILED = "DagsterAssetCheckFailedError"
_CLASS = re.compile(r"^(?:[a-z_]\w*\.)+(?:[A-Z][a-z]+[A-Z]\w*|Failure|Exception)(?::\s*|$)")  # dagster.Failure: …
LOOK_EVERY_S = 2.0  # at the queue


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


class RunFailedError(RuntimeError):
    """A run did not succeed; the message says why, or that somebody cancelled it."""

    def __init__(self, outcome: RunOutcome, title: str) -> None:
        self.is_cancelled = outcome.status == "CANCELED"
        reasons = "\n  ".join(outcome.failures) or f"the run ended as {outcome.status}"
        said = "cancelled" if self.is_cancelled else "failed"
        super().__init__(f"{title}: {said} (run {outcome.run_id})" + ("" if self.is_cancelled else f"\n  {reasons}"))


class Detached(Exception):  # noqa: N818 (the run goes on; nothing failed)
    """The user chose to leave a run to itself."""


class Runner(Protocol):
    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        """Execute a job to its end, however it ends. WebserverError; Detached where the user left it."""
        ...

    def in_hand(self, day: date, lead_days: Collection[int]) -> ListedRun | None:
        """The oldest unfinished run that computes something of these already."""
        ...

    def follow(self, run: ListedRun) -> RunOutcome:
        """Wait for the end of a run that another call asked for. WebserverError; Detached."""
        ...


@dataclass
class RunWatch:
    """Looks at one run again and again. ``outcome`` holds what is known so far. ``note`` says what the run does now,
    ``since_s`` since when (by the clock), ``fraction`` how much of it is done (None: unknown). ``trouble`` says why the
    run cannot go on, or None."""

    webserver: Webserver
    run_id: str
    clock: Callable[[], float] = time.monotonic
    trouble: Callable[[], str | None] = lambda: None
    cursor: str | None = None
    note: str = "queued"
    fraction: float | None = None

    def __post_init__(self) -> None:
        self.outcome = RunOutcome(self.run_id)
        self._last_words = ""  # of the engine, before a failure without a reason
        self._passed: dict[str, str] = {}  # step of a check -> what came out
        self._looked_s = self.since_s = self.clock()

    def look(self) -> tuple[RunState, list[str]]:
        """Where the run stands, and the steps that ended since the last look, in words. WebserverError."""
        state = self._state()
        self.cursor = state.cursor
        ended = [said for event in state.events if (said := self._take(event))]
        self.outcome.status = state.status
        if state.is_finished:
            self.outcome.wall_s = _wall_s(state)
        else:
            self._look_at_the_queue(state.status)
        return state, ended

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
        self.note = f"{waits}; {trouble}" if trouble else waits

    def _take(self, event: dict[str, Any]) -> str:
        """What a step came to where one ended, else nothing."""
        kind, message, step = event["__typename"], event.get("message") or "", event.get("stepKey") or ""
        progress = Progress.parse(message)
        if progress:
            lead_day = progress.partition.partition("|")[2]
            where = f", lead day {lead_day}" if lead_day else ""
            self.note = f"{step}{where}: {progress.stage} {progress.percent} %"
            self.fraction = progress.percent / 100.0
            self.since_s = self.clock()
        elif kind == "ExecutionStepStartEvent":
            self.since_s = self.clock()
            self.note, self.fraction = f"{step}: at work", None
        elif kind == "ExecutionStepSuccessEvent":
            return self._passed.get(step) or f"{step} done"
        elif kind == "AssetCheckEvaluationEvent":
            self._take_check(event["evaluation"], step)
        elif kind == "EngineEvent":
            self._last_words = message or self._last_words
        elif kind in ("ExecutionStepFailureEvent", "RunFailureEvent"):
            self._take_failure(event)
        return ""

    def _take_check(self, found: dict[str, Any], step: str) -> None:
        asset = "/".join(found["assetKey"]["path"])
        name, is_passed = found["checkName"], found["success"]
        self.outcome.take_check(
            Check(asset, name, found["partition"], is_passed, found["severity"], found["description"])
        )
        is_good = is_passed and not self._passed.get(step, "").endswith("not pass")
        self._passed[step] = f"check {name} of {asset} {'passed' if is_good else 'did not pass'}"

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
