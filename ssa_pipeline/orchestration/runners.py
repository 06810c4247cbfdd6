"""Two ways to execute a job and wait for its end: submitted to the running services, or in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.prompt import Prompt

from ssa_pipeline.orchestration.follow import Follower, RunOutcome
from ssa_pipeline.orchestration.webserver import Webserver


class Detached(Exception):  # noqa: N818 (the run goes on; nothing failed)
    """The user chose to leave a run to itself."""


class Runner(Protocol):
    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome: ...


class ServiceRunner:
    """Submits to the webserver and follows. Ctrl-C asks whether to cancel the run or to detach from it; where
    nobody can be asked, it detaches."""

    def __init__(self, webserver: Webserver, console: Console) -> None:
        self._webserver = webserver
        self._console = console

    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        run_id = self._webserver.launch(job, tags)
        self._console.print(f"{title}: {self._webserver.url}/runs/{run_id}", highlight=False, soft_wrap=True)
        follower = Follower(self._webserver, run_id, title, self._console)
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

    def run(self, job: str, tags: Mapping[str, str], title: str) -> RunOutcome:
        from dagster import DagsterInstance

        from ssa_pipeline.definitions import build_defs

        console_log = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}
        with DagsterInstance.get() as instance:
            result = (
                build_defs()
                .resolve_job_def(job)
                .execute_in_process(
                    instance=instance, tags={**tags, "ssa/title": title}, run_config=console_log, raise_on_error=False
                )
            )
            run = instance.get_run_by_id(result.run_id)
        outcome = RunOutcome(result.run_id, run.status.value if run else "FAILURE")
        for event in result.all_events:
            if event.is_step_failure:
                outcome.failures.append(event.message or f"{event.step_key} failed")
        return outcome
