"""Follows a submitted run on the terminal: one line per step, a bar from the run's messages of progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ssa_pipeline.orchestration.progress_message import Progress as Message
from ssa_pipeline.orchestration.webserver import RunState, Webserver

POLL_S = 0.5


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

    def take_check(self, check: Check) -> None:
        """Keep a check that did not pass."""
        if not check.passed:
            self.failed_checks.append(
                f"{check.severity.lower()}: {check.asset} {check.partition or ''} {check.name}: "
                f"{check.description or 'failed'}"
            )


@dataclass
class Follower:
    """Follows one run. ``outcome`` holds what is known even when following is interrupted."""

    webserver: Webserver
    run_id: str
    title: str
    console: Console
    sleep: Callable[[float], None] = time.sleep
    cursor: str | None = None

    def __post_init__(self) -> None:
        self.outcome = RunOutcome(self.run_id)

    def until_finished(self) -> RunOutcome:
        """Returns when the run is over; KeyboardInterrupt passes through and following may be resumed."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            task = bars.add_task(self.title, total=None, note="queued")
            while True:
                state = self.webserver.follow(self.run_id, self.cursor)
                self.cursor = state.cursor
                for event in state.events:
                    self._take(event, bars, task)
                self.outcome.status = state.status
                if state.is_finished:
                    self.outcome.wall_s = _wall_s(state)
                    return self.outcome
                if not state.has_more:
                    self.sleep(POLL_S)

    def _take(self, event: dict[str, Any], bars: Progress, task: TaskID) -> None:
        kind, message, step = event["__typename"], event.get("message") or "", event.get("stepKey") or ""
        progress = Message.parse(message)
        if progress:
            note = f"{progress.partition} {progress.stage} {progress.percent} %"
            bars.update(task, description=f"{self.title} · {step}", total=100, completed=progress.percent, note=note)
        elif kind == "ExecutionStepStartEvent":
            bars.update(task, description=f"{self.title} · {step}", total=None, note="")
        elif kind == "ExecutionStepSuccessEvent" and not self.console.is_terminal:
            self.console.print(f"{self.title}: {step} done", highlight=False)
        elif kind == "AssetCheckEvaluationEvent":
            found = event["evaluation"]
            asset = "/".join(found["assetKey"]["path"])
            check = Check(
                asset, found["checkName"], found["partition"], found["success"], found["severity"], found["description"]
            )
            self.outcome.take_check(check)
        elif kind in ("ExecutionStepFailureEvent", "RunFailureEvent"):
            self._take_failure(event)

    def _take_failure(self, event: dict[str, Any]) -> None:
        if event["__typename"] == "RunFailureEvent" and self.outcome.failures:
            return  # repeats the failure of the step
        described = (event.get("failureMetadata") or {}).get("description")
        self.outcome.failures.append(described or _innermost(event.get("error")) or event.get("message") or "failed")


def _innermost(error: dict[str, Any] | None) -> str | None:
    if not error:
        return None
    causes = error.get("causes") or []
    return str((causes[-1] if causes else error)["message"]).strip()


def _wall_s(state: RunState) -> float:
    return (state.end_s - state.start_s) if state.start_s and state.end_s else 0.0
