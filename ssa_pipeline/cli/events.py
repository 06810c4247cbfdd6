"""``ssa events`` and ``ssa why``: what was found, and from which element sets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from ssa_pipeline.cli.inputs import (
    ObjectArgument,
    ObjectOption,
    object_in_database,
    object_text,
    parse_day,
    parse_lead_days,
)
from ssa_pipeline.cli.printing import Format, as_text, plain, print_csv, print_json


class EventClass(StrEnum):
    CROSSING = "crossing"
    PERSISTENT = "persistent"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("events")(events)
    app.command("why")(why)
    app.command("aliases")(aliases)


def events(
    object_id: ObjectArgument = "",
    epoch_day: Annotated[
        str, typer.Option(help="Day screened from; the newest prediction of every day when left out.")
    ] = "",
    object_option: ObjectOption = "",
    max_miss_km: Annotated[float | None, typer.Option(min=0.0, help="Only what comes this near.")] = None,
    lead_days: Annotated[str, typer.Option(help="Lead days, e.g. 0-2.")] = "",
    tca_from: Annotated[str, typer.Option("--from", help="First day of TCA.")] = "",
    tca_to: Annotated[str, typer.Option("--to", help="Last day of TCA.")] = "",
    max_age_days: Annotated[float | None, typer.Option(help="Both element sets at most this old at TCA.")] = None,
    event_class: Annotated[EventClass | None, typer.Option("--class", help="One class only.")] = None,
    constellation: Annotated[str, typer.Option(help="Only with one of it, e.g. STARLINK.")] = "",
    exclude_companions: Annotated[
        bool, typer.Option("--exclude-companions", help="Leave out pairs within one constellation, and docked ones.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Rows at most; 0 for all.")] = 10,
    output: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
) -> None:
    """Print the closest encounters: crossings first, then pairs that stay together, each one row over its lead days.

    Exit codes: 0 printed (even where there is none), 1 the day was not screened or nothing of the object was ever
    received, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions.answers import EVENT_COLUMNS, EventFilter, closest_events, thinned_said

    day, meant = parse_day(epoch_day), object_text(object_id, object_option)
    url = database_url(read_settings())
    norad_id = object_in_database(url, meant) if meant else None
    wanted = EventFilter(
        norad_id=norad_id,
        max_miss_km=max_miss_km,
        lead_days=parse_lead_days(lead_days) if lead_days else None,
        tca_from=parse_day(tca_from, "--from"),
        tca_to=parse_day(tca_to, "--to"),
        max_age_days=max_age_days,
        event_class=event_class.value if event_class else None,
        constellation=constellation.upper() or None,
        exclude_companions=exclude_companions,
    )
    rows = closest_events(url, day, wanted, limit or None)
    if day is not None and (said := thinned_said(url, day)):
        typer.echo(f"ssa: {said}", err=True)
    if output == Format.TABLE:
        _print_table(rows)
    elif output == Format.CSV:
        print_csv(rows, EVENT_COLUMNS)
    else:
        print_json(plain(rows))


def why(
    object_id: ObjectArgument = "",
    object_option: ObjectOption = "",
    epoch_day: Annotated[str, typer.Option(help="Epoch day; the newest catalogue when left out.")] = "",
) -> None:
    """Say which element set of an object was used on a day, and why others were not: rule, file, line.

    Exit codes: 0 known, 1 nothing of this object was received or the day has no catalogue, 4 no database.
    """
    from ssa_pipeline.core.flags import MEANINGS, ObjectFlag
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions import answers

    day = parse_day(epoch_day)
    url = database_url(read_settings())
    norad_id = object_in_database(url, object_id, object_option)
    found = answers.why(url, norad_id, day)
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
    for row in found.handovers:
        typer.echo(f"  from lead day {row['lead_day']} on: {row['object_name']}, epoch {as_text(row['epoch'])}")
    for row in found.aliases:
        one, two = (f"{row[f'norad_id_{k}']} {row[f'object_name_{k}']}" for k in (1, 2))
        typer.echo(f"  {one} and {two} may be one object: {row['reason']}")
    for row in found.in_part:
        typer.echo(f"  {_in_part_text(row)}")
    for row in found.rejected:
        typer.echo(f"  not used: {row['rule']}, {_origin(row)}: {row['detail']}")
    if found.satcat is not None:
        typer.echo(f"  {_satcat_text(found.satcat)}")


def aliases(
    object_id: ObjectArgument = "",
    object_option: ObjectOption = "",
    epoch_day: Annotated[str, typer.Option(help="Epoch day; the newest catalogue when left out.")] = "",
    output: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
) -> None:
    """Print catalogue numbers that look like one object: of an object, or all of an epoch day.

    Exit codes: 0 printed (even where there is none), 1 the day has no catalogue, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions import answers

    day, meant = parse_day(epoch_day), object_text(object_id, object_option)
    url = database_url(read_settings())
    rows = answers.aliases(url, object_in_database(url, meant) if meant else None, day)
    if output == Format.CSV:
        print_csv(rows, answers.ALIAS_COLUMNS)
    elif output == Format.JSON:
        print_json(plain(rows))
    else:
        for row in rows:
            one, two = (f"{row[f'norad_id_{k}']} {row[f'object_name_{k}']}" for k in (1, 2))
            typer.echo(f"{row['epoch_day']}  {one} and {two} may be one object: {row['reason']}")
        if not rows:
            typer.echo("none")


def _in_part_text(row: dict[str, Any]) -> str:
    if row["screened_from_utc"] is None:
        return f"not screened on lead day {row['lead_day']}: {row['reason']}"
    span = f"from {as_text(row['screened_from_utc'])} to {as_text(row['screened_to_utc'])}"
    return f"screened in part on lead day {row['lead_day']}, {span}: {row['reason']}"


def _origin(row: dict[str, Any]) -> str:
    """File, line, source and day of a record; slices of older releases know no source."""
    received = f", received on {row['received_day']}" if row.get("received_day") else ""
    source = f" ({row['source']}{received})" if row["source"] else ""
    return f"{row['source_file']} line {row['source_line']}{source}"


def _satcat_text(row: dict[str, Any]) -> str:
    known = (
        (row["satcat_name"], "{}"),
        (row["object_type"], "{}"),
        (row["owner"], "{}"),
        (row["operational_status"], "{}"),
        (row["launch_date"], "launched {}"),
        (row["decay_date"], "decayed {}"),
        (row["satcat_period_min"], "period {:g} min"),
        (row["rcs_m2"], "RCS {:g} m²"),
        (row["rcs_size"], "size {}"),
    )
    said = ", ".join(form.format(value) for value, form in known if value not in (None, ""))
    return f"SATCAT of {row['epoch_day']} ({row['file_name']} line {row['source_line']}): {said}"


def _print_table(rows: list[dict[str, Any]]) -> None:
    from ssa_pipeline.use_cases.closest import CLAIM, text_lines

    if not rows:
        typer.echo("no encounter")
    else:
        days = sorted({row["epoch_day"] for row in rows})
        typer.echo(f"epoch day {days[0]}" if len(days) == 1 else f"epoch days {days[0]} … {days[-1]}")
        for line in text_lines(map(_table_row, rows)):
            typer.echo(line)
    typer.echo(CLAIM)


def _table_row(row: dict[str, Any]) -> tuple[str, ...]:
    from ssa_pipeline.storage.questions.answers import has_minimum

    first, second = (f"{row[f'norad_id_{k}']} {row[f'name_{k}']}" for k in (1, 2))
    ages = f"{row['age_1_days']:.1f} / {row['age_2_days']:.1f}"
    tca = as_text(row["tca_utc"])[:-4] + "Z"
    if not has_minimum(row):  # what is stored is the border of a lead day
        hours = (row["end_utc"] - row["start_utc"]).total_seconds() / 3600
        tca = f"together for {hours:.1f} h"
    miss, speed = f"{row['miss_distance_km']:.3f}", f"{row['relative_speed_km_s']:.3f}"
    return first, second, tca, miss, speed, ages, row["event_class"]
