"""``ssa events`` and ``ssa why``: the closest approaches, and what became of an object's element sets."""

from __future__ import annotations

import sys
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli import CliError, Exit
from ssa_pipeline.cli.database import connected

if TYPE_CHECKING:
    from ssa_pipeline.storage.queries import EventList, Why

_ID_HELP = "Catalogue number, up to nine digits or Alpha-5 (T0001)."
_DAY_HELP = "Epoch day (UTC) like 2024-11-01; the newest computed when left out."


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("events")(events)
    app.command("why")(why)


def events(
    epoch_day: Annotated[str, typer.Option(help=_DAY_HELP)] = "",
    object_id: Annotated[str, typer.Option("--object", help=_ID_HELP)] = "",
    max_miss_km: Annotated[float | None, typer.Option(min=0.0, help="Only events that miss by at most this.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Number of events, closest first; 0 for all.")] = 10,
    output: Annotated[Format, typer.Option("--format", help="Form of the output.")] = Format.TABLE,
) -> None:
    """Print the closest approaches of an epoch day, all lead days computed so far.

    Exit code: 0 also where there is no such event, 1 where nothing was computed or the object is unknown, 4 without
    a database.
    """
    from ssa_pipeline.storage import queries

    day, norad_id = _day(epoch_day), _catalog_number(object_id) if object_id else None
    with connected() as url:
        found = queries.events(url, epoch_day=day, norad_id=norad_id, max_miss_km=max_miss_km, limit=limit or None)
    {Format.TABLE: _print_table, Format.CSV: _print_csv, Format.JSON: _print_json}[output](found)


def why(
    object_id: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)],
    epoch_day: Annotated[str, typer.Option(help=_DAY_HELP)] = "",
) -> None:
    """Tell which element set of an object was used, rejected or stale, by which rule, from which file and line."""
    from ssa_pipeline.storage import queries

    norad_id, day = _catalog_number(object_id), _day(epoch_day)
    with connected() as url:
        found = queries.why(url, norad_id, day)
    for line in _why_lines(found):
        typer.echo(line)


def _print_table(found: EventList) -> None:
    from rich.console import Console
    from rich.table import Table

    from ssa_pipeline.orchestration.closest import CLAIM

    last = found.lead_days[-1]
    lead_days = f"lead days {found.lead_days[0]} to {last}" if len(found.lead_days) > 1 else f"lead day {last}"
    title = f"Closest approaches, epoch day {found.epoch_day}, {lead_days}"
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a pipe has no width; rows must stay whole
    if not found.rows:
        console.print(f"{title}: none", highlight=False)
        return
    table = Table("TCA (UTC)", "object 1", "object 2", title=title)
    for head in ("miss, km", "speed, km/s", "ages, days"):
        table.add_column(head, justify="right")
    table.add_column("class")
    for row in found.rows:
        table.add_row(
            f"{row['tca_utc']:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            _object(row["norad_id_1"], row["name_1"]),
            _object(row["norad_id_2"], row["name_2"]),
            f"{row['miss_distance_km']:.3f}",
            f"{row['relative_speed_km_s']:.3f}",
            f"{row['age_1_days']:.1f} / {row['age_2_days']:.1f}",
            row["event_class"],
        )
    console.print(table)
    console.print(CLAIM, highlight=False)


def _print_csv(found: EventList) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_columns())
    writer.writerows([_plain(row[name]) for name in _columns()] for row in found.rows)


def _print_json(found: EventList) -> None:
    import json

    rows = [{name: _plain(value) for name, value in row.items()} for row in found.rows]
    typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))


def _columns() -> list[str]:
    """The columns of events.csv (docs/events-csv.md) in its order, then where the row comes from."""
    return [
        *("norad_id_1", "norad_id_2", "name_1", "name_2", "tca_utc", "miss_distance_km", "relative_speed_km_s"),
        *("miss_r_km", "miss_t_km", "miss_n_km", "age_1_days", "age_2_days", "epoch_1", "epoch_2", "event_class"),
        *("start_utc", "end_utc", "n_minima", "flags", "epoch_day", "lead_day", "run_id", "code_version"),
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
    return value.isoformat() if isinstance(value, date) else value


def _why_lines(found: Why) -> list[str]:
    name = f" {found.object_name}" if found.object_name else ""
    lines = [f"object {found.norad_id}{name}, epoch day {found.epoch_day}:"]
    if found.used is not None:
        used = found.used
        ahead = ", its epoch lies ahead of the epoch day" if used.is_forward_epoch else ""
        lines += [
            f"  used: element set {used.element_set_id}, epoch {_plain(used.epoch)}, age {used.age_days:.3f} days at "
            f"00:00 UTC{ahead}",
            f"        from {used.source_file} line {used.source_line}",
        ]
    else:
        lines.append("  used: none")
    for record in found.not_used:
        where = f"{record.source_file} line {record.source_line}"
        lines += [f"  not used: {record.rule}, from {where}", f"        {record.detail}"]
    if found.used is None and not found.not_used:
        lines.append(f"  {_absence(found)}")
    return lines


def _absence(found: Why) -> str:
    first, last = found.received
    if first is None:
        return "no record of it could be read on any day; `ssa why` with the day of its file tells more"
    if first > found.epoch_day:
        return f"it was first received on {first}"
    return f"nothing was received on this day, and its earlier sets are too old to be looked at (received {first} to {last})"


def _object(norad_id: int, name: str) -> str:
    return f"{norad_id} {name}".strip()


def _catalog_number(text: str) -> int:
    from ssa_pipeline.messages.alpha5 import parse_catalog_number

    try:
        return parse_catalog_number(text)
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CliError(f"--epoch-day {text!r} is not a day like 2024-11-01", Exit.USAGE) from None
