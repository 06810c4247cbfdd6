"""``ssa backfill``: many days at once, in the services, with how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson, days_between, one_day, parse_lead_days
from ssa_pipeline.cli.patience import patience
from ssa_pipeline.cli.pipeline import demand_partitions, line_by_line, service_runner, trouble
from ssa_pipeline.cli.printing import print_json, to_second

if TYPE_CHECKING:
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.settings import Settings
    from ssa_pipeline.use_cases.backfill import BackfillPlan, Extent
    from ssa_pipeline.use_cases.runs.backfills import Backfill, BackfillProgress
    from ssa_pipeline.use_cases.runs.webserver import Webserver

backfill = typer.Typer()
POLL_S = 2.0
LINE_EVERY_S = 30.0  # where nothing changes and there is no terminal
Id = Annotated[str, typer.Argument(metavar="ID", help="Of the back-fill, or how it begins.", show_default=False)]
Detach = Annotated[bool, typer.Option("--detach", help="Do not watch it.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(backfill, name="backfill")


@backfill.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    begin: Annotated[str, typer.Option("--from", help="First epoch day.", show_default=False)] = "",
    end: Annotated[str, typer.Option("--to", help="Last epoch day, included.", show_default=False)] = "",
    lead_days: Annotated[str, typer.Option(help="Lead days, e.g. 0-6, 0 or 0,2-3.")] = "0-6",
    stale: Annotated[bool, typer.Option("--stale", help="Compute what another engine version computed, too.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Compute everything, even what is up to date.")] = False,
    detach: Detach = False,
) -> None:
    """Compute what is missing of many epoch days, below daily work, and watch it.

    What another engine version computed stays, and is named, unless --stale; days of which nothing was received are
    named and passed over. A back-fill that has one of the days in hand is followed first. Ctrl-C offers to pause or to
    detach; the services go on without this command. The same command again follows what goes on, or computes what is
    missing by then.

    Exit codes: 0 done or nothing to do, 1 a day failed, 2 wrong usage, 3 nothing was received on any of the days, 4 the
    services are not running, 130 detached or paused.
    """
    if context.invoked_subcommand is not None:
        return
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.backfill import Extent

    if not begin or not end:
        raise CliError("give --from and --to, or status, follow, pause, resume (--help)", Exit.USAGE)
    days = days_between(one_day(begin, "--from"), one_day(end, "--to"))
    today = datetime.now(UTC).date()
    if days[-1] > today:
        raise CliError(f"--to {days[-1]} lies ahead: the last day that can be computed is {today} (UTC)", Exit.USAGE)
    leads = parse_lead_days(lead_days)
    settings = read_settings()
    demand_partitions(days, settings.first_day)
    extent = Extent.ALL if force else Extent.STALE if stale else Extent.MISSING
    with _services(settings) as (watcher, webserver):
        _start(settings, webserver, watcher, days, leads, extent, detach)


def _start(
    settings: Settings,
    webserver: Webserver,
    watcher: Watcher,
    days: list[date],
    leads: list[int],
    extent: Extent,
    detach: bool,
) -> None:
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services.shown_days import begin_where_data_begin
    from ssa_pipeline.use_cases.backfill import backfill_title, plan_backfill
    from ssa_pipeline.use_cases.runs.backfills import launch_backfill, read_backfill

    title = backfill_title(days, leads, extent)
    if _followed_the_same(webserver, watcher, days, title, detach):
        return
    url = database_url(settings)
    begin_where_data_begin(settings, url, typer.echo)
    with patience("looking at what there is") as talker:
        plan = plan_backfill(settings, url, days, leads, extent, talker.now)
    _say_plan(plan, days)
    if plan.days:
        launched = read_backfill(webserver, launch_backfill(webserver, title, plan.partitions()))
        typer.echo(f"{launched.named}: days to compute: {len(plan.days)}, {_address(webserver, launched)}")
        watcher.watch(launched, detach)


def _followed_the_same(webserver: Webserver, watcher: Watcher, days: list[date], title: str, detach: bool) -> bool:
    """Follow the back-fills that have one of the days in hand. True where one of them is what is asked for."""
    from ssa_pipeline.use_cases.runs.backfills import IN_HAND, list_backfills, read_targets

    wanted, is_same = set(days), False
    for one in reversed(list_backfills(webserver, statuses=IN_HAND)):
        if wanted.isdisjoint(key.epoch_day for key in read_targets(webserver, one)):
            continue
        typer.echo(f"{one.named} has these days in hand already, {_address(webserver, one)}")
        if one.title.endswith(title):  # a resumed one has words before
            watcher.watch(one, detach)
            is_same = True
        elif detach:
            raise CliError(f"{one.named} goes on: wait for it or pause it, then repeat the command", Exit.FAILED)
        else:
            ended, _ = watcher.finish(one)
            typer.echo(f"{ended.named} has ended: {ended.state}")
    return is_same


def _say_plan(plan: BackfillPlan, days: list[date]) -> None:
    from ssa_pipeline.use_cases.backfill import day_ranges, named_days

    def named(some: list[date]) -> str:
        return f"{len(some)} of {len(days)} days ({named_days(day_ranges(some))})"

    if len(plan.empty) == len(days):
        said = f"nothing was received on {named_days(day_ranges(days))}: `ssa ingest FILE --epoch-day DAY` first"
        raise CliError(f"{said}; `ssa catalog status` shows days received", Exit.NO_USABLE_INPUT)
    if plan.empty:
        typer.echo(f"nothing was received on {named(plan.empty)}: passed over")
    if plan.of_other_code:
        typer.echo(f"{named(plan.of_other_code)} have results of another engine version: they stay (--stale, --force)")
    if plan.current:
        typer.echo(f"{named(plan.current)} need nothing")
    if plan.earlier:
        typer.echo(f"the catalogues of {named_days(day_ranges(plan.earlier))}, received before, are made first")


@backfill.command()
def status(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 10, as_json: AsJson = False
) -> None:
    """List back-fills, the UI's too, newest first; of those in hand how far they are and how long they will take.

    Exit codes: 0 listed, 4 the services are not running.
    """
    from ssa_pipeline.use_cases.runs.backfills import list_backfills

    with _services() as (watcher, webserver):
        found = list_backfills(webserver, limit=limit)
        far = {one.backfill_id: watcher.look(one) for one in found if not one.is_ended}
    if as_json:
        print_json({"backfills": [_facts(one, far.get(one.backfill_id)) for one in found]})
        return
    if not found:
        typer.echo("there was no back-fill yet")
        return
    typer.echo(f"{'id':<8}  {'state':<9} {'asked for (UTC)':<20} {'took':>9}  computes")
    for one in found:
        took = about_time(one.end_s - one.created_s) if one.end_s else ""
        typer.echo(f"{one.backfill_id:<8}  {one.state:<9} {_clock(one.created_s):<20} {took:>9}  {one.title}".rstrip())
        if one.backfill_id in far:
            typer.echo(f"    {progress_line(far[one.backfill_id])}")


@backfill.command()
def follow(backfill_id: Id = "") -> None:
    """Watch a back-fill to its end; without ID the one that is in hand.

    Exit codes: 0 done, 1 a day failed, 2 no such back-fill or several are in hand, 4 the services are not running, 130
    detached, paused or cancelled.
    """
    with _services() as (watcher, webserver):
        watcher.watch(_chosen(webserver, backfill_id), detach=False)


@backfill.command("cancel")
@backfill.command("pause")
def pause(backfill_id: Id = "") -> None:
    """End a back-fill's runs and start no more; what they wrote stays, and `ssa backfill resume` computes the rest. To
    pause and to cancel are the same. Without ID the one that is in hand.

    Exit codes: 0 asked for, it happens within a minute; 2 no such back-fill, several or none are in hand, or it has
    ended; 4 the services are not running.
    """
    from ssa_pipeline.use_cases.runs.backfills import cancel_backfill

    with _services() as (_, webserver):
        chosen = _chosen(webserver, backfill_id)
        if chosen.is_ended:
            raise CliError(f"{chosen.named} has ended: {chosen.state}", Exit.USAGE)
        cancel_backfill(webserver, chosen)
    typer.echo(f"{chosen.named} ends within a minute; `ssa backfill resume {chosen.backfill_id}` computes the rest")


@backfill.command()
def resume(backfill_id: Id = "", detach: Detach = False) -> None:
    """Compute what a paused or failed back-fill has not computed, as a new back-fill; without ID of the newest one.

    Exit codes: 0 done, 1 a day failed, 2 no such back-fill, it goes on or nothing is left of it, 4 the services
    are not running, 130 detached or paused.
    """
    from ssa_pipeline.use_cases.runs.backfills import list_backfills, read_backfill, resume_backfill

    with _services() as (watcher, webserver):
        newest = list_backfills(webserver, limit=1)
        chosen = _chosen(webserver, backfill_id) if backfill_id or not newest else newest[0]
        if chosen.status == "CANCELING":
            chosen, _ = watcher.finish(chosen)
        if not chosen.is_ended:
            raise CliError(f"{chosen.named} goes on: there is nothing to resume", Exit.USAGE)
        if chosen.is_complete:
            raise CliError(f"{chosen.named} is done: nothing is left of it", Exit.USAGE)
        again = read_backfill(webserver, resume_backfill(webserver, chosen))
        typer.echo(f"back-fill {again.backfill_id} computes the rest of {chosen.named}, {_address(webserver, again)}")
        watcher.watch(again, detach)


class Watcher:
    """Shows a back-fill until its end: one bar, or without a terminal a line where something changes and now and then.
    ``trouble`` says why it cannot go on, or None."""

    def __init__(
        self,
        webserver: Webserver,
        console: Console,
        trouble: Callable[[], str | None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._webserver = webserver
        self._console = console
        self._trouble = trouble
        self._sleep = sleep
        self._clock = clock
        self._say = line_by_line(console)

    def look(self, one: Backfill) -> BackfillProgress:
        """How far it is; WebserverError."""
        from ssa_pipeline.use_cases.runs.backfills import progress_of, read_targets
        from ssa_pipeline.use_cases.runs.listed_runs import list_runs

        runs = list_runs(self._webserver, backfill_id=one.backfill_id)
        return progress_of(read_targets(self._webserver, one), runs, self._clock())

    def watch(self, one: Backfill, detach: bool) -> None:
        """Returns when all its days are done. CliError where one failed, where it was cancelled or the user left it."""
        if detach:
            typer.echo(f"`ssa backfill follow {one.backfill_id}` watches it")
            return
        ended, far = self.finish(one)
        again = f"`ssa backfill resume {one.backfill_id}`"
        if ended.status == "CANCELED":
            said = f"{len(far.done)} of {far.n_days} days are done, {again} computes the rest"
            raise CliError(f"{ended.named} was cancelled: {said}", Exit.INTERRUPTED)
        if ended.error:
            raise CliError(f"{ended.named} failed: {ended.error}; {again} computes the rest")
        if not ended.is_complete:
            from ssa_pipeline.use_cases.backfill import day_ranges, named_days

            bad = far.failed + far.waiting
            which = f": {named_days(day_ranges(bad))}" if bad else ""
            raise CliError(f"{len(bad)} of {far.n_days} days failed{which}; {again} tries them again")
        took = about_time((ended.end_s or self._clock()) - ended.created_s)
        self._say(f"{ended.named}: done in {took}, days: {len(far.done)}")

    def finish(self, one: Backfill) -> tuple[Backfill, BackfillProgress]:
        """Wait for its end, however it ends. CliError where the user detached."""
        from ssa_pipeline.cli.follow import ask_interrupted
        from ssa_pipeline.use_cases.runs.backfills import cancel_backfill
        from ssa_pipeline.use_cases.runs.webserver import WebserverError

        while True:
            try:
                return self._until_ended(one)
            except WebserverError as error:
                said = f"{error}; then `ssa backfill follow {one.backfill_id}` says what became of the back-fill"
                raise WebserverError(said) from error
            except KeyboardInterrupt:
                question = "The back-fill goes on. Pause it, detach from it, or continue to watch?"
                choice = ask_interrupted(self._console, question, "pause")
            if choice == "pause":
                cancel_backfill(self._webserver, one)
            elif choice == "detach":
                said = f"detached; {one.named} goes on in the services: `ssa backfill follow {one.backfill_id}`"
                raise CliError(said, Exit.INTERRUPTED)

    def _until_ended(self, one: Backfill) -> tuple[Backfill, BackfillProgress]:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from ssa_pipeline.use_cases.runs.backfills import progress_of, read_backfill, read_targets
        from ssa_pipeline.use_cases.runs.listed_runs import list_runs

        targets = read_targets(self._webserver, one)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=28), TimeElapsedColumn())
        told: set[str] = set()
        said, said_s = "", 0.0
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bars:
            task = bars.add_task(one.named, total=None)
            while True:
                began_s = self._clock()
                now = read_backfill(self._webserver, one.backfill_id)
                runs = list_runs(self._webserver, backfill_id=one.backfill_id)
                far = progress_of(targets, runs, self._clock())
                for run in runs:
                    if run.status == "FAILURE" and run.run_id not in told:
                        told.add(run.run_id)
                        self._say(self._failure_of(run.run_id, run.title))
                if now.is_ended:
                    return now, far
                line = self._line(now, far)
                bars.update(task, description=line, total=far.n_days or None, completed=len(far.done))
                if not self._console.is_terminal and (line != said or began_s - said_s >= LINE_EVERY_S):
                    said, said_s = line, began_s
                    self._say(f"back-fill {one.backfill_id}: {line}")
                self._sleep(max(POLL_S, 5.0 * (self._clock() - began_s)))  # thousands of runs take time to list

    def _line(self, now: Backfill, far: BackfillProgress) -> str:
        held_up = self._trouble()
        word = "being cancelled; " if now.status == "CANCELING" else ""
        return word + progress_line(far) + (f"; {held_up}" if held_up else "")

    def _failure_of(self, run_id: str, title: str) -> str:
        from ssa_pipeline.use_cases.runs.follow import RunFailedError, RunWatch

        watch = RunWatch(self._webserver, run_id)
        while not watch.look()[0].is_finished:
            pass  # its log comes in parts
        return str(RunFailedError(watch.outcome, title))


def progress_line(far: BackfillProgress) -> str:
    """``3 of 30 days done, 1 at work, 26 waiting, 0 failed; about 14 min left``."""
    line = f"{len(far.done)} of {far.n_days} days done, {len(far.at_work)} at work, {len(far.waiting)} waiting"
    left = "" if far.left_s is None or not far.at_work + far.waiting else f"; about {about_time(far.left_s)} left"
    return f"{line}, {len(far.failed)} failed{left}"


def about_time(seconds: float) -> str:
    """No finer than it can be known: ``40 s``, ``14 min``, ``3.5 h``."""
    if seconds < 95:
        return f"{max(1, round(seconds / 10)) * 10} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def _services(settings: Settings | None = None) -> Iterator[tuple[Watcher, Webserver]]:
    """The running services; CliError where they do not run: without its daemon a back-fill would only wait."""
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.settings import read_settings

    used = settings or read_settings()
    console = Console(stderr=True)
    with service_runner(console, used) as (_, webserver):
        held_up = trouble(used)
        if held_up:
            raise CliError(held_up, Exit.NOT_RUNNING)
        yield Watcher(webserver, console, lambda: trouble(used)), webserver


def _chosen(webserver: Webserver, text: str) -> Backfill:
    """The back-fill whose id begins so, without text the one in hand; CliError."""
    from ssa_pipeline.use_cases.runs.backfills import IN_HAND, list_backfills

    found = list_backfills(webserver, statuses=None if text else IN_HAND, limit=1000)
    if text:
        found = [one for one in found if one.backfill_id.startswith(text.lower())]
    if len(found) == 1:
        return found[0]
    if text and not found:
        raise CliError(f"{text!r} begins the id of no back-fill; `ssa backfill status` lists them", Exit.USAGE)
    if not found:
        raise CliError("no back-fill is in hand; `ssa backfill status` lists those that ended", Exit.USAGE)
    listed = "".join(f"\n  {one.backfill_id} {one.state:<9} {one.title}" for one in found[:10])
    raise CliError(f"{len(found)} back-fills: name one{listed}", Exit.USAGE)


def _address(webserver: Webserver, one: Backfill) -> str:
    return f"{webserver.url}/runs/b/{one.backfill_id}"


def _facts(one: Backfill, far: BackfillProgress | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "backfill_id": one.backfill_id,
        "state": one.state,
        "computes": one.title,
        "created_at": _clock(one.created_s),
        "ended_at": None if one.end_s is None else _clock(one.end_s),
        "error": one.error,
    }
    if far is not None:
        for name in ("done", "at_work", "waiting", "failed"):
            facts[f"days_{name}"] = [str(day) for day in getattr(far, name)]
        facts["left_s"] = far.left_s
    return facts


def _clock(seconds: float) -> str | None:
    return to_second(datetime.fromtimestamp(seconds, UTC))
