"""What users write on the command line, read in one way everywhere: days, ranges of days, lead days, objects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.core.days import parse_iso_day

if TYPE_CHECKING:
    from ssa_pipeline.settings import DatabaseUrl

MOST_DAYS = 3_660
STANDARD = "-"  # standard input or output, in place of a file
_HELP = "Catalogue number (Alpha-5 too), name or international designator; part of a name where only one has it."

# Every command that is about an object takes it like this: `ssa why 25544`, `ssa why "ISS (ZARYA)"`, `--object NAME`.
ObjectArgument = Annotated[str, typer.Argument(metavar="OBJECT", help=_HELP, show_default=False)]
ObjectOption = Annotated[str, typer.Option("--object", help="The same as OBJECT.", show_default=False)]
AcceptBadChecksums = Annotated[
    bool, typer.Option("--accept-bad-checksums", help="Use TLE with a wrong checksum too; they are flagged.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def file_named(file: str | Path) -> str:
    """How messages and lineage call it."""
    return "standard input" if str(file) == STANDARD else str(file)


def bytes_of(file: str | Path) -> bytes:
    """What is in a file or on standard input; CliError where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(file) == STANDARD else Path(file).read_bytes()
    except IsADirectoryError:
        raise CliError(f"{file} is a directory; name a file", Exit.NO_USABLE_INPUT) from None
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror or error}", Exit.NO_USABLE_INPUT) from None


def parse_day(text: str, option: str = "--epoch-day") -> date | None:
    """A day, None where it was left out; CliError."""
    try:
        return parse_iso_day(text) if text else None
    except ValueError:
        raise CliError(f"{option} {text!r} is not a day like 2024-11-01", Exit.USAGE) from None


def one_day(text: str, option: str = "--epoch-day") -> date:
    """A day that must be given; CliError."""
    day = parse_day(text, option)
    if day is None:
        raise CliError(f"{option} is empty: a day like 2024-11-01 is wanted", Exit.USAGE)
    return day


def days_in_range(text: str, option: str = "--epoch-day") -> list[date]:
    """``2024-11-01``, or ``2024-11-01..2024-11-07`` with both ends; CliError."""
    first_text, dots, last_text = text.partition("..")
    first = one_day(first_text, option)
    return days_between(first, one_day(last_text, option) if dots else first)


def days_between(first: date, last: date) -> list[date]:
    """Both ends included; CliError where there are none or too many."""
    if last < first:
        raise CliError(f"{last} lies before {first}: the earlier day comes first", Exit.USAGE)
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise CliError(f"{count:,} days from {first} to {last}; at most {MOST_DAYS:,} at a time", Exit.USAGE)
    return [first + timedelta(days=k) for k in range(count)]


def parse_lead_days(text: str) -> list[int]:
    """``0-6``, ``3`` or ``0,2-4``; CliError."""
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= 6):
            rule = "lead days are written like 0-6, 0 or 0,2-3, from 0 to 6"
            raise CliError(f"--lead-days {text!r}: {rule}", Exit.USAGE)
        days.update(range(int(first), int(last) + 1))
    return sorted(days)


def object_text(argument: str, option: str) -> str:
    """What was given as OBJECT or as --object, '' where neither was; CliError where they differ."""
    if argument and option and argument != option:
        raise CliError(f"{argument!r} and --object {option!r} name two objects: give one", Exit.USAGE)
    return (argument or option).strip()


def object_in_database(url: DatabaseUrl, argument: str, option: str = "") -> int:
    """The number of the object that is meant, asked of the database where a name was given; CliError."""
    text = object_text(argument, option)
    if not text:
        raise CliError("name an object: a catalogue number like 25544, or a name", Exit.USAGE)
    from ssa_pipeline.use_cases import objects

    with _object_error_as_message():
        return objects.object_in_database(url, text)


def choose_object(
    text: str, named: Callable[[str], Iterable[tuple[int, str, str]]], where: str = "received so far"
) -> int:
    """The object that ``text`` means, see ``use_cases.objects``. CliError where none or several match."""
    from ssa_pipeline.use_cases import objects

    with _object_error_as_message():
        return objects.choose_object(text, named, where)


@contextmanager
def _object_error_as_message() -> Iterator[None]:
    from ssa_pipeline.use_cases.objects import ObjectError

    try:
        yield
    except ObjectError as error:
        raise CliError(str(error), Exit.USAGE) from None
