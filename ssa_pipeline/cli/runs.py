"""``ssa runs``, ``ssa follow`` and ``ssa cancel``: what Dagster has in hand, without the UI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson
from ssa_pipeline.cli.pipeline import line_by_line, service_runner
from ssa_pipeline.cli.printing import print_json

if TYPE_CHECKING:
    from ssa_pipeline.use_cases.runs.listed_runs import ListedRun
    from ssa_pipeline.use_cases.runs.webserver import Webserver

_FEWEST_CHARACTERS = 4  # of an id
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="RUN...", help="Ids, or how they begin; what is in hand when left out.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (runs, follow, cancel):
        app.command()(command)


def runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only what waits or is at work.")] = False,
    as_json: AsJson = False,
) -> None:
    """List Dagster's runs, newest first: state, what each computes, when it was asked for, how long it took.

    Exit codes: 0 listed (even where there is none), 4 the services are not running.
    """
    from ssa_pipeline.use_cases.runs.listed_runs import list_runs

    with _webserver() as webserver:
        found = list_runs(webserver, unfinished=unfinished, limit=limit)
    if as_json:
        print_json({"runs": [_facts(run) for run in found]})
        return
    if not found:
        typer.echo("no run is in hand" if unfinished else "there was no run yet")
        return
    typer.echo(f"{'run':<8}  {'state':<11} {'asked for (UTC)':<19} {'took':>8}  computes")
    for run in found:
        took = "" if run.start_s is None else f"{(run.end_s or time.time()) - run.start_s:.0f} s"
        typer.echo(f"{run.run_id[:8]}  {_state(run):<11} {_clock(run.created_s):<19} {took:>8}  {run.title}")


def follow(ids: Ids = None) -> None:
    """Watch runs to their end, the oldest first: those named, or all that are in hand. Ctrl-C offers to cancel or to
    leave one.

    Exit codes: 0 all succeeded or nothing was in hand, 1 one failed, 2 no such run, 4 the services are not running,
    130 left or cancelled.
    """
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.use_cases.materialize import finish
    from ssa_pipeline.use_cases.runs.listed_runs import list_runs

    console = Console(stderr=True)
    with service_runner(console) as (runner, webserver):
        chosen = _chosen(webserver, ids) if ids else list_runs(webserver, unfinished=True)[::-1]
        if not chosen:
            typer.echo("no run is in hand; `ssa runs` lists those that ended")
        for run in chosen:
            finish(runner.follow(run), run.title, line_by_line(console))


def cancel(
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is in hand.")] = False,
) -> None:
    """Cancel runs that wait or are at work; what they wrote so far stays, nothing is written by halves.

    Without ids the one run that is in hand. Exit codes: 0 cancelled, 1 one could not be, 2 no such run or several are
    in hand, 4 the services are not running.
    """
    from ssa_pipeline.use_cases.runs.listed_runs import list_runs

    with _webserver() as webserver:
        chosen = _chosen(webserver, ids) if ids else list_runs(webserver, unfinished=True)
        if len(chosen) > 1 and not ids and not everything:
            said = "".join(f"\n  {run.run_id[:8]} {_state(run):<11} {run.title}" for run in chosen)
            raise CliError(f"{len(chosen)} runs are in hand: name one, or --all{said}", Exit.USAGE)
        ended = [run for run in chosen if run.is_finished]
        if ended:
            raise CliError(f"{ended[0].named} has ended: {_state(ended[0])}", Exit.USAGE)
        if not chosen:
            typer.echo("no run is in hand")
        for run in chosen:
            webserver.terminate(run.run_id)
            typer.echo(f"cancelling {run.named}")


@contextmanager
def _webserver() -> Iterator[Webserver]:
    from ssa_pipeline.cli.console import Console

    with service_runner(Console(stderr=True)) as (_, webserver):
        yield webserver


def _chosen(webserver: Webserver, ids: list[str]) -> list[ListedRun]:
    """The runs whose ids begin like these; CliError where one begins none or several."""
    from ssa_pipeline.use_cases.runs.listed_runs import list_runs

    known = list_runs(webserver, limit=1000)
    chosen = []
    for text in ids:
        found = [run for run in known if run.run_id.startswith(text.lower())]
        if len(text) < _FEWEST_CHARACTERS or not found:
            raise CliError(f"{text!r} begins the id of no run; `ssa runs` lists them", Exit.USAGE)
        if len(found) > 1:
            raise CliError(f"{text!r} begins the ids of {len(found)} runs: write more of it", Exit.USAGE)
        chosen += found
    return chosen


def _state(run: ListedRun) -> str:
    return run.status.lower().replace("_", " ")


def _facts(run: ListedRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": _state(run),
        "job": run.job,
        "computes": run.title,
        "first_partition": run.first or None,
        "last_partition": run.last or None,
        "created_at": _clock(run.created_s),
        "started_at": None if run.start_s is None else _clock(run.start_s),
        "ended_at": None if run.end_s is None else _clock(run.end_s),
    }


def _clock(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
