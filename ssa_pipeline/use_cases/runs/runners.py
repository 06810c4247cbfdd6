"""What executes a job and waits for its end: the running services, or this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Protocol

from ssa_pipeline.use_cases.runs.follow import RunOutcome
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun


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
