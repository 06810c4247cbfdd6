"""``ssa ephemeris``: where an object is, from the database."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import ObjectArgument, ObjectOption, object_in_database, parse_day
from ssa_pipeline.cli.printing import Format

if TYPE_CHECKING:
    from ssa_pipeline.storage.questions.ephemeris import Position

MOST_ROWS = 100_000
COLUMNS = (
    *("t_utc", "x_km", "y_km", "z_km", "vx_km_s", "vy_km_s", "vz_km_s"),
    *("error_bound_km", "epoch_day", "lead_day"),
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("ephemeris")(ephemeris)


def ephemeris(
    object_id: ObjectArgument = "",
    object_option: ObjectOption = "",
    at: Annotated[str, typer.Option(help="One time, UTC, like 2024-11-01T12:00:00Z.")] = "",
    begin: Annotated[str, typer.Option("--from", help="First time of a table.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last time of a table, itself included.")] = "",
    step: Annotated[float, typer.Option(help="Seconds between rows.")] = 60.0,
    epoch_day: Annotated[str, typer.Option(help="Whose catalogue; the newest that covers the time.")] = "",
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
) -> None:
    """Print positions and velocities of an object (TEME of date, km and km/s) with a bound of the distance from SGP4.

    The bound says how well the stored ephemeris repeats SGP4, not how well SGP4 knows the orbit: public element sets
    are good to about 1 km at epoch. Exit codes: 0 printed, 1 no ephemeris covers the time or the object has none,
    2 wrong usage, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions.ephemeris import positions

    times, day = _times(at, begin, end, step), parse_day(epoch_day)
    url = database_url(read_settings())
    found = positions(url, object_in_database(url, object_id, object_option), times, day)
    _PRINTERS[output]([_row(position) for position in found])


def _times(at: str, begin: str, end: str, step: float) -> list[int]:
    if at and not begin and not end:
        return [_time("--at", at)]
    if at or not begin or not end:
        raise CliError("give either --at, or --from and --to", Exit.USAGE)
    first, last, step_us = _time("--from", begin), _time("--to", end), round(step * 1e6)
    if last < first:
        raise CliError(f"--to {end} lies before --from {begin}", Exit.USAGE)
    if not step_us > 0:
        raise CliError(f"--step must be above 0 s, not {step:g}", Exit.USAGE)
    count = (last - first) // step_us + 1
    if count > MOST_ROWS:
        raise CliError(f"{count:,} rows; at most {MOST_ROWS:,} at a time", Exit.USAGE)
    return list(range(first, last + 1, step_us))


def _time(option: str, text: str) -> int:
    from ssa_pipeline.core.time import parse_utc

    try:
        return parse_utc(text)
    except (ValueError, OverflowError) as error:
        raise CliError(f"{option} {text!r} is not a UTC time like 2024-11-01T12:00:00Z: {error}", Exit.USAGE) from None


def _row(position: Position) -> dict[str, Any]:
    from ssa_pipeline.core.time import format_utc

    values = (
        format_utc(position.t_us), *position.state, position.error_bound_km, str(position.epoch_day), position.lead_day
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _print_table(rows: list[dict[str, Any]]) -> None:
    typer.echo("TEME of date; bound, m: largest distance of the position from SGP4's")
    typer.echo(
        f"{'UTC':<27} {'x, km':>13} {'y, km':>13} {'z, km':>13} {'vx, km/s':>10} {'vy, km/s':>10} {'vz, km/s':>10} "
        f"{'bound, m':>8}  catalogue of, lead day"
    )
    for row in rows:
        place = " ".join(f"{row[name]:13.4f}" for name in COLUMNS[1:4])
        speed = " ".join(f"{row[name]:10.6f}" for name in COLUMNS[4:7])
        bound_m, source = 1000.0 * row["error_bound_km"], f"{row['epoch_day']}, {row['lead_day']}"
        typer.echo(f"{row['t_utc']:<27} {place} {speed} {bound_m:8.1f}  {source}")


def _print_csv(rows: list[dict[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_json(rows: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps(rows, indent=1))


_PRINTERS = {Format.TABLE: _print_table, Format.CSV: _print_csv, Format.JSON: _print_json}
