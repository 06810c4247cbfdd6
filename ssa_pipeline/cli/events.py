"""``ssa events`` and ``ssa why``: what was found, and from which element sets."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from ssa_pipeline.cli import CliError, Exit


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("events")(events)
    app.command("why")(why)


def events(
    epoch_day: Annotated[str, typer.Option(help="Day screened from; the newest one when left out.")] = "",
    object_id: Annotated[str, typer.Option("--object", help="Catalogue number; Alpha-5 too.")] = "",
    max_miss_km: Annotated[float | None, typer.Option(min=0.0, help="Only what comes this near.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows at most; 0 for all.")] = 10,
    output: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
) -> None:
    """Print the closest encounters of an epoch day: crossings first, then pairs that stay together.

    Exit codes: 0 printed (even where there is none), 1 the day was not screened or nothing of the object was ever
    received, 4 no database.
    """
    from ssa_pipeline.cli.catalog import errors_as_messages
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.answers import EVENT_COLUMNS, closest_events
    from ssa_pipeline.storage.database_url import database_url

    day, norad_id = parse_day(epoch_day), parse_number(object_id) if object_id else None
    with errors_as_messages():
        rows = closest_events(
            database_url(read_settings()), day, norad_id=norad_id, max_miss_km=max_miss_km, limit=limit or None
        )
    if output == Format.TABLE:
        _print_table(rows)
    elif output == Format.CSV:
        print_csv(rows, EVENT_COLUMNS)
    else:
        print_json(plain(rows))


def why(
    object_id: Annotated[str, typer.Argument(metavar="ID", help="Catalogue number; Alpha-5 too.")],
    epoch_day: Annotated[str, typer.Option(help="Epoch day; the newest catalogue when left out.")] = "",
) -> None:
    """Say which element set of an object was used on a day, and why others were not: rule, file, line.

    Exit codes: 0 known, 1 nothing of this object was received or the day has no catalogue, 4 no database.
    """
    from ssa_pipeline.cli.catalog import errors_as_messages
    from ssa_pipeline.core.object_flags import MEANINGS, ObjectFlag
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage import answers
    from ssa_pipeline.storage.database_url import database_url

    norad_id, day = parse_number(object_id), parse_day(epoch_day)
    with errors_as_messages():
        found = answers.why(database_url(read_settings()), norad_id, day)
    used = found.used
    if used is None:
        typer.echo(f"{norad_id} on {found.epoch_day}: not used")
    else:
        ahead = ", ahead of the day" if used["is_forward_epoch"] else ""
        typer.echo(f"{norad_id} {used['object_name']} on {found.epoch_day}: used")
        typer.echo(f"  epoch {as_text(used['epoch'])}, age {used['age_days']:.2f} days{ahead}")
        typer.echo(f"  from {_origin(used)}, element set {used['element_set_id']}")
        for word in used["flags"].split():
            typer.echo(f"  {word}: {MEANINGS[ObjectFlag(word)]}")
    for row in found.aliases:
        one, two = (f"{row[f'norad_id_{k}']} {row[f'object_name_{k}']}" for k in (1, 2))
        typer.echo(f"  {one} and {two} may be one object: {row['reason']}")
    for row in found.rejected:
        typer.echo(f"  not used: {row['rule']}, {_origin(row)}: {row['detail']}")


def _origin(row: dict[str, Any]) -> str:
    """File, line, source and day of a record; slices of older releases know no source."""
    received = f", received on {row['received_day']}" if row.get("received_day") else ""
    source = f" ({row['source']}{received})" if row["source"] else ""
    return f"{row['source_file']} line {row['source_line']}{source}"


def parse_day(text: str, option: str = "--epoch-day") -> date | None:
    """A day, None where it was left out; CliError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise CliError(f"{option} {text!r} is not a day like 2024-11-01", Exit.USAGE) from None


def parse_number(text: str) -> int:
    """A catalogue number in any spelling; CliError."""
    from ssa_pipeline.messages.alpha5 import parse_catalog_number

    try:
        return parse_catalog_number(text)
    except ValueError as error:
        raise CliError(f"{text!r} is no catalogue number: {error}", Exit.USAGE) from None


def as_text(value: Any) -> str:
    """A value as files have it: UTC with a Z, every digit of a number."""
    if isinstance(value, datetime):
        from ssa_pipeline.core.time import format_utc, to_us

        return format_utc(to_us(value))
    if isinstance(value, float):
        return repr(value)
    return str(value)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from ssa_pipeline.orchestration.closest import CLAIM, text_lines

    if not rows:
        typer.echo("no encounter")
    else:
        typer.echo(f"epoch day {rows[0]['epoch_day']}")
        for line in text_lines(map(_table_row, rows)):
            typer.echo(line)
    typer.echo(CLAIM)


def _table_row(row: dict[str, Any]) -> tuple[str, ...]:
    first, second = (f"{row[f'norad_id_{k}']} {row[f'name_{k}']}" for k in (1, 2))
    ages = f"{row['age_1_days']:.1f} / {row['age_2_days']:.1f}"
    tca = as_text(row["tca_utc"])[:-4] + "Z"
    miss, speed = f"{row['miss_distance_km']:.3f}", f"{row['relative_speed_km_s']:.3f}"
    return first, second, tca, miss, speed, ages, row["event_class"]


def print_csv(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """A head line and the rows; nothing between two commas where there is no value."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if row[name] is None else as_text(row[name]) for name in columns] for row in rows)


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for JSON: numbers and null as they are, everything else as text."""
    return [{k: v if v is None or isinstance(v, (int, float)) else as_text(v) for k, v in r.items()} for r in rows]


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
