"""``ssa``: the command line. One module per group of commands; heavy imports live inside the functions, so that
``ssa screen`` loads neither Dagster nor a database driver.

Exit codes: 0 done; 1 the work failed (the message says why); 2 wrong usage; 3 nothing usable in the input;
4 a service or the database is not running; 130 interrupted. Of ``ssa fetch`` also:
10 nothing new; 11 too early to ask; 12 refused by the provider.
"""

from __future__ import annotations

import sys
from enum import IntEnum

import typer


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NO_USABLE_INPUT = 3
    NOT_RUNNING = 4
    NO_CHANGE = 10
    TOO_EARLY = 11
    REFUSED = 12
    INTERRUPTED = 130


class CliError(Exception):
    """A failure that the user can act on: printed as one message without a traceback."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


app = typer.Typer(
    name="ssa",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point: turns CliError and Ctrl-C, while it still imports too, into messages and exit codes."""
    try:
        _register_groups()
        app()
    except CliError as error:
        print(f"ssa: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        print("ssa: interrupted", file=sys.stderr)
        sys.exit(Exit.INTERRUPTED)


def _register_groups() -> None:
    from ssa_pipeline.cli import (
        automation,
        catalog,
        convert,
        database,
        ephemeris,
        events,
        fetch,
        freshness,
        history,
        pipeline,
        release_gate,
        screen,
        services,
    )

    groups = (
        services,
        catalog,
        release_gate,
        convert,
        fetch,
        freshness,
        pipeline,
        automation,
        events,
        history,
        ephemeris,
        screen,
        database,
    )
    for group in groups:
        group.register(app)
