"""The command ``ssa``: options, words and exit codes, a module per group of commands.

What does not belong here: work that a job or an API would do too (`use_cases`). Heavy imports live inside the
functions, so that `ssa screen` loads neither Dagster nor a database driver.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from ssa_pipeline.cli.errors import CliError as CliError
from ssa_pipeline.cli.errors import Exit as Exit
from ssa_pipeline.cli.errors import cli_error, unexpected

HELP = """``ssa``: which objects in orbit come close, from the command line.

Exit codes: 0 done; 1 the work failed (the message says why); 2 wrong usage; 3 nothing usable in the input;
4 a service or the database is not running; 130 interrupted. Of ``ssa fetch`` also:
10 nothing new; 11 too early to ask; 12 refused by the provider.
"""

app = typer.Typer(
    name="ssa",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # paragraphs flow, whatever the width
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from ssa_pipeline import __version__

        typer.echo(f"ssa {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


options.__doc__ = HELP


def main() -> None:
    """Entry point: text from outside stays text, see ``terminal``."""
    from ssa_pipeline.cli.terminal import text_stays_text

    with text_stays_text():
        _main()


def _main() -> None:
    """Turns every failure and Ctrl-C, while it still imports too, into messages and exit codes."""
    try:
        _register_groups()
        app(prog_name="ssa")
    except Exception as error:
        told = cli_error(error)
        if told is None and os.environ.get("SSA_TRACEBACK"):
            raise
        _fail(told or unexpected(error))
    except KeyboardInterrupt:
        print("ssa: interrupted", file=sys.stderr)
        sys.exit(Exit.INTERRUPTED)


def _fail(error: CliError) -> NoReturn:
    print(f"ssa: {error}", file=sys.stderr)
    sys.exit(error.code)


def _register_groups() -> None:
    if app.registered_commands:
        return
    from ssa_pipeline.cli import (
        automation,
        backfill,
        convert,
        database,
        ephemeris,
        events,
        fetch,
        freshness,
        history,
        ingest,
        pipeline,
        release_gate,
        runs,
        screen,
        services,
        settings,
        worker,
    )

    groups = (
        services,
        settings,
        ingest,
        release_gate,
        convert,
        fetch,
        freshness,
        pipeline,
        backfill,
        runs,
        automation,
        events,
        history,
        ephemeris,
        screen,
        worker,
        database,
    )
    for group in groups:
        group.register(app)
