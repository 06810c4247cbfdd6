"""Execute a job and wait for its end: what runners have in common, and the one that submits to the running services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Protocol

from rich.console import Console
from rich.prompt import Prompt

from ssa_pipeline.use_cases.runs.follow import Follower, RunOutcome
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun, list_runs
from ssa_pipeline.use_cases.runs.webserver import Webserver


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
