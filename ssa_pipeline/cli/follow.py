"""A submitted run on the terminal: one line per step, a bar from the run's messages of progress; Ctrl-C asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.prompt import Prompt

from ssa_pipeline.use_cases.runs.follow import Detached, RunOutcome, RunWatch
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun, list_runs
from ssa_pipeline.use_cases.runs.webserver import Webserver

POLL_S = 0.5
LINE_EVERY_S = 5.0  # of progress, where there is no terminal


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
        question = "The run goes on. Cancel it, detach from it, or continue to watch?"
        choice = ask_interrupted(self._console, question, "cancel")
        if choice == "cancel":
            self._webserver.terminate(follower.run_id)
        elif choice == "detach":
            raise Detached(follower.run_id)


def ask_interrupted(console: Console, question: str, end: str) -> str:
    """After Ctrl-C: ``end``, ``detach`` or ``continue``; ``detach`` where nobody can be asked."""
    if not console.is_terminal:
        return "detach"
    try:
        return Prompt.ask(f"\n{question}", choices=[end, "detach", "continue"], default="detach", console=console)
    except (KeyboardInterrupt, EOFError):
        return "detach"


class Follower:
    """Shows one run until its end. ``watch.outcome`` holds what is known even when following is interrupted."""

    def __init__(
        self,
        webserver: Webserver,
        run_id: str,
        title: str,
        console: Console,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.run_id = run_id
        self.watch = RunWatch(webserver, run_id, clock, trouble)
        self._title = title
        self._console = console
        self._sleep = sleep
        self._clock = clock
        self._said_s = clock()

    def until_finished(self) -> RunOutcome:
        """Returns when the run is over; KeyboardInterrupt passes through and following may be resumed.
        WebserverError."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        watch, is_terminal = self.watch, self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=not is_terminal) as bars:
            task = bars.add_task(self._title, total=None, note=watch.note)
            while True:
                state, ended = watch.look()
                if not is_terminal:
                    for step in ended:
                        self._say(step)
                if state.is_finished:
                    return watch.outcome
                total, done = (None, 0.0) if watch.fraction is None else (100.0, 100.0 * watch.fraction)
                bars.update(task, total=total, completed=done, note=watch.note)
                self._say_where_it_is()
                if not state.has_more:
                    self._sleep(POLL_S)

    def _say_where_it_is(self) -> None:
        """Without a terminal, which shows it all the time, a line now and then."""
        if not self._console.is_terminal and self._clock() - self._said_s >= LINE_EVERY_S:
            waited_s = self._clock() - self.watch.since_s
            self._say(self.watch.note if waited_s < LINE_EVERY_S else f"{self.watch.note}, for {waited_s:.0f} s")

    def _say(self, what: str) -> None:
        self._said_s = self._clock()
        self._console.print(f"{self._title}: {what}", highlight=False, markup=False, soft_wrap=True)
