"""``ssa materialize`` and ``ssa demo``: the chain through Dagster, watched from the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli.errors import CliError, Exit, cli_error
from ssa_pipeline.cli.inputs import days_between, days_in_range, one_day, parse_lead_days
from ssa_pipeline.cli.patience import Talker, patience

if TYPE_CHECKING:
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.cli.follow import ServiceRunner
    from ssa_pipeline.settings import Settings
    from ssa_pipeline.use_cases.materialize import Screening
    from ssa_pipeline.use_cases.runs.follow import Runner
    from ssa_pipeline.use_cases.runs.webserver import Webserver

BUNDLED_DAY = date(2024, 11, 1)
BUNDLED_FILE = "omm_on_orbit_20241101.csv.gz"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("materialize")(materialize)
    app.command("demo")(demo)
    app.command("run", hidden=True)(demo)  # its name in the first release


def materialize(
    epoch_day: Annotated[
        str, typer.Option(help="Day screened from, e.g. 2024-11-01, or days, e.g. 2024-11-01..2024-11-07.")
    ] = "",
    begin: Annotated[str, typer.Option("--from", help="First of several epoch days.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last of them, included.")] = "",
    lead_days: Annotated[str, typer.Option(help="Lead days, e.g. 0-6, 0 or 0,2-3.")] = "0-6",
    foreground: Annotated[bool, typer.Option("--foreground", help="Run in this process, without services.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Compute even what is up to date.")] = False,
) -> None:
    """Compute the chain of an epoch day, or of several one after the other, through Dagster and follow it; what is up
    to date is skipped.

    Submits to the services that `ssa up` started and shows their progress; a run that computes the same already is
    followed instead. Ctrl-C offers to cancel the run or to detach from it. Of several days, one that fails does not
    keep the next from being computed, and one of which nothing was received is passed over. Exit code: 0 done,
    1 failed, 2 wrong usage, 3 no data, 4 services not running, 130 detached or cancelled.
    """
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services.shown_days import begin_where_data_begin
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.materialize import Screening

    days, leads = _days(epoch_day, begin, end), parse_lead_days(lead_days)
    console = Console(stderr=True)
    settings = read_settings()
    demand_partitions(days, settings.first_day)
    _say_if_kernels_must_compile(settings, console)
    with _runner(settings, console, foreground) as runner:
        url = database_url(settings)
        begin_where_data_begin(settings, url, typer.echo)
        screenings = [Screening(settings, url, day, leads, runner, line_by_line(console), force) for day in days]
        if len(screenings) == 1:
            screenings[0].run()
        else:
            _run_all(screenings, console)
        _print_summary(settings, days, leads)


def _days(epoch_day: str, begin: str, end: str) -> list[date]:
    if epoch_day and not begin and not end:
        return days_in_range(epoch_day)
    if epoch_day or not begin or not end:
        raise CliError("give either --epoch-day, or --from and --to", Exit.USAGE)
    return days_between(one_day(begin, "--from"), one_day(end, "--to"))


def demand_partitions(days: list[date], first_day: date) -> None:
    """CliError where the days begin before the first one that is computed."""
    if days[0] < first_day:
        said = f"{days[0]} is before the first day that is computed, {first_day}: set SSA_FIRST_DAY={days[0]}"
        raise CliError(f"{said} (`ssa settings` says where), then `ssa up`", Exit.USAGE)


def _run_all(screenings: list[Screening], console: Console) -> None:
    """Every day in order, since a day carries over from those before; CliError at the end where one failed."""
    failed, empty = [], 0
    for screening in screenings:
        try:
            screening.run()
        except Exception as error:
            known = cli_error(error)
            if known is None or known.code in (Exit.INTERRUPTED, Exit.NOT_RUNNING):
                raise
            console.print(str(known), highlight=False, markup=False, soft_wrap=True)
            if known.code == Exit.NO_USABLE_INPUT:
                empty += 1
            else:
                failed.append(screening.epoch_day.isoformat())
    if failed:
        raise CliError(f"{len(failed)} of {len(screenings)} days failed: {', '.join(failed)}")
    if empty == len(screenings):
        raise CliError(f"nothing was received on any of the {empty} days", Exit.NO_USABLE_INPUT)


def _print_summary(settings: Settings, days: list[date], lead_days: list[int]) -> None:
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.storage.slices.store import SliceStore
    from ssa_pipeline.use_cases.report import summary_lines

    with SliceStore(database_url(settings)) as slices:
        for day in days:
            for line in summary_lines(slices, day, lead_days):
                typer.echo(line)


def demo(
    days: Annotated[int, typer.Option(min=1, max=7, help="Lead days to screen, from lead day 0 on.")] = 7,
) -> None:
    """Show what the pipeline does: the bundled catalogue of 2024-11-01 through all five assets, then what was found.

    Starts the services where they are not running. What is up to date is not computed again; what another call has in
    hand is followed.
    """
    from ssa_pipeline.cli.console import Console
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.materialize import Screening

    console = Console()
    leads = list(range(days))
    settings = read_settings()
    settings.check()
    with _left_running_is_said(settings):
        _start_services(settings)
        _ingest_bundled(settings)
        _say_if_kernels_must_compile(settings, console)
        with _runner(settings, console, foreground=False) as runner:
            Screening(settings, database_url(settings), BUNDLED_DAY, leads, runner, line_by_line(console)).run()
        _print_report(settings, leads, console)


def _start_services(settings: Settings) -> None:
    from ssa_pipeline.local.services import starting

    with Talker(typer.echo) as say:
        starting.up(settings, say, expected=BUNDLED_DAY)


@contextlib.contextmanager
def _left_running_is_said(settings: Settings) -> Iterator[None]:
    """Ctrl-C before there is a run to detach from."""
    try:
        yield
    except KeyboardInterrupt:
        from ssa_pipeline.local.services import state

        running = [one.name for one in state.status(settings) if one.pid is not None]
        stop = f"`{_command('stop')}` stops it"
        left = f"still running: {', '.join(running)}; {stop}" if running else "nothing is left running"
        raise CliError(f"interrupted; {left}; `{_command('run')}` goes on from here", Exit.INTERRUPTED) from None


def _command(target: str) -> str:
    """What runs or stops it all: a target of make in a checkout, of an installed wheel a command."""
    from ssa_pipeline.settings.installation import IS_CHECKOUT

    return f"make {target}" if IS_CHECKOUT else {"run": "ssa demo", "stop": "ssa down"}[target]


def line_by_line(console: Console) -> Callable[[str], None]:
    """Prints lines as they are, whatever is in them."""
    return lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def _runner(settings: Settings, console: Console, foreground: bool = False) -> Iterator[Runner]:
    """Submits to the running services, or executes in this process with the environment they would have."""
    if foreground:
        from ssa_pipeline.cli.foreground import ForegroundRunner

        _become_a_worker(settings)
        yield ForegroundRunner()
        return
    with service_runner(console, settings) as (runner, _):
        yield runner


@contextlib.contextmanager
def service_runner(console: Console, settings: Settings | None = None) -> Iterator[tuple[ServiceRunner, Webserver]]:
    """The running services, and their webserver; CliError where they do not run."""
    from ssa_pipeline.cli.follow import ServiceRunner
    from ssa_pipeline.local.services import state
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.runs.webserver import Webserver

    used = settings or read_settings()
    address = state.ui_url(used)
    if address is None:
        raise CliError("the services are not running: `ssa up` first", Exit.NOT_RUNNING)
    with Webserver(address) as webserver:
        yield ServiceRunner(webserver, console, lambda: trouble(used)), webserver


def trouble(settings: Settings) -> str | None:
    """Why a queued run would wait for ever."""
    from ssa_pipeline.local.services import state

    if state.find_service(settings, state.DAEMON) is None:
        return "the daemon does not run: `ssa up` in another shell"
    return None


def _say_if_kernels_must_compile(settings: Settings, console: Console) -> None:
    """Else the first screening seems to do nothing for half a minute, and for minutes on a busy machine."""
    from ssa_pipeline.local.numba_cache import has_kernels, use_numba_cache

    if not has_kernels(use_numba_cache(settings.home)):
        said = "the first screening compiles its kernels, once per installation: half a minute where the cores are free"
        console.print(said, highlight=False)


def _become_a_worker(settings: Settings) -> None:
    import os

    from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
    from ssa_pipeline.local.postgres.address import database_url

    os.environ.update(service_environment(settings, database_url(settings)))
    link_dagster_home(settings)


def _ingest_bundled(settings: Settings) -> None:
    """Store the bundled snapshot under its day where it is not there yet."""
    from ssa_pipeline.cli.ingest import FileIntake
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services import shown_days
    from ssa_pipeline.settings.installation import BUNDLED
    from ssa_pipeline.use_cases import intake as use_case

    url = database_url(settings)
    intake = FileIntake(use_case.Intake(url, BUNDLED_DAY, "celestrak"))
    with patience(f"reading {BUNDLED_FILE}"):
        intake.take(str(BUNDLED / BUNDLED_FILE))
        shown_days.begin_where_data_begin(settings, url, typer.echo)
    intake.raise_problems()


def _print_report(settings: Settings, lead_days: list[int], console: Console) -> None:
    from ssa_pipeline.cli.report import print_report
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services import state
    from ssa_pipeline.storage.slices.store import SliceStore
    from ssa_pipeline.use_cases.report import read_report

    url = database_url(settings)
    with SliceStore(url) as slices, patience("reading what was found"):
        found = read_report(slices, BUNDLED_DAY, lead_days)
    print_report(found, console)
    console.print(f"UI        {state.ui_url(settings)}", highlight=False, soft_wrap=True)
    console.print(f"Database  {url.without_password}  (`ssa db psql` opens it)", highlight=False, soft_wrap=True)
    console.print(f"Everything keeps running; `{_command('stop')}` stops it.", highlight=False)
