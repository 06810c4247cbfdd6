"""``ssa history`` and ``ssa diff``: an object's element sets, and what differs between two epoch days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import ObjectArgument, ObjectOption, object_in_database, one_day, parse_day
from ssa_pipeline.cli.patience import patience
from ssa_pipeline.cli.printing import Format, as_text, plain, print_csv, print_json, print_json_with_rows

if TYPE_CHECKING:
    from ssa_pipeline.storage.questions.history import DayDiff, EventDiff

_SHOWN = 10  # rows of each kind in a table
_PRINTED = 1000  # in csv and json
_OBJECT_CHANGES = ("appeared", "vanished", "renamed", "jumped")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("history")(history)
    app.command("diff")(diff)


def history(
    object_id: ObjectArgument = "",
    object_option: ObjectOption = "",
    first: Annotated[str, typer.Option("--from", help="First day (UTC) of the epochs.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day of the epochs, included.")] = "",
    output: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 20,
) -> None:
    """Print the element sets of an object, newest last: what changed from one to the next, where each came from and on
    which epoch days it was used.

    A jump begins a new segment; across the reuse of an analyst's number the change is that to another object. Exit
    codes: 0 printed (even where none is in the time asked for), 1 nothing of this object was received, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions import history as storage

    days = parse_day(first, "--from"), parse_day(last, "--to")
    url = database_url(read_settings())
    norad_id = object_in_database(url, object_id, object_option)
    rows = storage.history(url, norad_id, *days, limit or None)
    if waiting := storage.unread(url):
        typer.echo(f"ssa: WARNING: {waiting}", err=True)
    if output == Format.CSV:
        print_csv(rows, storage.HISTORY_COLUMNS)
    elif output == Format.JSON:
        print_json(plain(rows))
    else:
        for line in _history_lines(norad_id, rows):
            typer.echo(line)


def diff(
    before: Annotated[str, typer.Argument(metavar="D1", help="Epoch day to compare with.")],
    after: Annotated[str, typer.Argument(metavar="D2", help="A later epoch day.")],
    output: Annotated[
        Format, typer.Option("--format", help="How to print them; csv needs --objects or --events.")
    ] = Format.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help=f"Rows of each kind of change; 0 for all. {_SHOWN} in a table, else {_PRINTED:,}."),
    ] = None,
    objects: Annotated[bool, typer.Option("--objects", help="Objects only.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Encounters only.")] = False,
    exclude_same_constellation: Annotated[
        bool, typer.Option("--exclude-same-constellation", help="Leave out Starlink with Starlink, and others alike.")
    ] = False,
) -> None:
    """Print what differs between two epoch days: objects that appeared, vanished, were renamed or jumped; encounters
    that are new, gone or changed on the days that both cover.

    The same encounter: the same pair within half a revolution. Changed: the miss by more than 1 km, the TCA of a
    crossing by more than 1 s, or its class. Of screenings with different thresholds what comes within the smaller one
    is compared; that and different lead days are warned of. Exit codes: 0 printed, 1 a day has no catalogue or the
    screenings have no day in common, 2 wrong usage, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.questions import history as storage

    day_1, day_2 = one_day(before, "D1"), one_day(after, "D2")
    if day_1 >= day_2:
        raise CliError(f"{day_1} is not before {day_2}: the earlier day comes first", Exit.USAGE)
    if output == Format.CSV and objects == events:
        raise CliError("--format csv prints one kind of row: add --objects or --events", Exit.USAGE)
    with patience(f"comparing {day_1} with {day_2}"):
        url = database_url(read_settings())
        most = (_SHOWN if output == Format.TABLE else _PRINTED) if limit is None else limit or None
        found = storage.diff(
            url,
            day_1,
            day_2,
            objects=objects or not events,
            events=events or not objects,
            limit=most,
            exclude_same_constellation=exclude_same_constellation,
        )
    for warning in found.events.warnings if found.events else ():
        typer.echo(f"ssa: WARNING: {warning}", err=True)
    if output == Format.TABLE:
        for line in _diff_lines(found, most):
            typer.echo(line)
    elif output == Format.JSON:
        print_json_with_rows(_diff_facts(found), _diff_rows(found, most))
    elif found.events is not None:
        print_csv(found.events.rows, storage.EVENT_COLUMNS)
    else:
        print_csv(_first_of_each(found.objects or [], most), storage.OBJECT_COLUMNS)
    if output != Format.TABLE:
        for kind, counts in _counts(found).items():
            for word, count in counts.items():
                if most is not None and count > most and word != "same":
                    typer.echo(f"ssa: {most:,} of {count:,} {kind} that are {word}: --limit 0 prints all", err=True)


def _history_lines(norad_id: int, rows: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield f"{norad_id}: no element set in the time asked for (`ssa why {norad_id}` says what was not used)"
        return
    yield f"{norad_id} {rows[-1]['object_name']}: {len(rows)} element sets"
    yield (
        f"{'epoch (UTC)':<24} {'gap, days':>9} {'a, km':>10} {'change':>9} {'i, deg':>8} {'change':>8}  "
        f"{'used on':<25} {'from':<12} jump"
    )
    for previous, row in zip([None, *rows], rows, strict=False):
        if previous is not None and previous["segment"] != row["segment"]:
            yield f"-- segment {row['segment']}"
        yield (
            f"{_moment(row['epoch'])} {_number(row['gap_days'], '9.3f')} "
            f"{_number(row['semi_major_axis_km'], '10.3f')} {_number(row['semi_major_axis_change_km'], '+9.3f')} "
            f"{_number(row['inclination_deg'], '8.4f')} {_number(row['inclination_change_deg'], '+8.4f')}  "
            f"{_days_used(row):<25} {row['sources']:<12} {row['jump']}"
        ).rstrip()


def _days_used(row: dict[str, Any]) -> str:
    if not row["days_used"]:
        return "-"
    if row["days_used"] == 1:
        return str(row["first_used_day"])
    return f"{row['first_used_day']} … {row['last_used_day']:%m-%d} ({row['days_used']})"


def _number(value: float | None, form: str) -> str:
    width = int(form.lstrip("+").split(".")[0])
    return f"{'':>{width}}" if value is None else f"{value:{form}}"


def _moment(value: Any) -> str:
    return as_text(value)[:-4] + "Z"


def _counts(found: DayDiff) -> dict[str, dict[str, int]]:
    """How many of each change, of objects and of encounters."""
    counts = {}
    if found.objects is not None:
        in_all = Counter(row["change"] for row in found.objects)
        counts["objects"] = {word: in_all[word] for word in _OBJECT_CHANGES}
    if found.events is not None:
        counts["encounters"] = {change.value: count for change, count in found.events.counts.items()}
    return counts


def _first_of_each(rows: list[dict[str, Any]], most: int | None) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for row in rows:
        seen[row["change"]] += 1
        if most is None or seen[row["change"]] <= most:
            yield row


def _diff_lines(found: DayDiff, most: int | None) -> Iterator[str]:
    if found.objects is not None:
        counts = _counts(found)["objects"]
        said = ", ".join(f"{count} {word}" for word, count in counts.items())
        yield f"objects from {found.before} ({found.n_objects[0]:,}) to {found.after} ({found.n_objects[1]:,}): {said}"
        for word, count in counts.items():
            rows = [row for row in found.objects if row["change"] == word]
            for row in rows[:most]:
                name = row["object_name"] or row["previous_object_name"]
                yield f"  {word:<9} {row['norad_id']:>9} {name}: {row['detail']}"
            if most is not None and count > most:
                yield f"  {word:<9} … {count - most:,} more: --limit 0 prints all"
    if found.events is not None:
        yield from _event_lines(found.events, most)


def _event_lines(found: EventDiff, most: int | None) -> Iterator[str]:
    counts = {change.value: count for change, count in found.counts.items()}
    yield (
        f"encounters on {found.days_covered[0]} … {found.days_covered[-1]} ({len(found.days_covered)} days that both "
        f"cover): {', '.join(f'{count:,} {word}' for word, count in counts.items())}"
    )
    head = f"{'':<9} {'TCA (UTC)':<24} {'moved, s':>10} {'miss km':>8} {'was km':>8}  objects"
    for word, rows in groupby(found.rows, key=lambda row: str(row["change"])):
        if head:
            yield head
            head = ""
        for row in rows:
            one, two = (f"{row[f'norad_id_{k}']} {row[f'name_{k}']}" for k in (1, 2))
            yield (
                f"{word:<9} {_moment(row['tca_utc'] or row['previous_tca_utc'])} "
                f"{_number(row['tca_change_s'], '+10.3f')} {_number(row['miss_distance_km'], '8.3f')} "
                f"{_number(row['previous_miss_distance_km'], '8.3f')}  {one} - {two}"
            )
        count = counts[word]
        if most is not None and count > most:
            yield f"{word:<9} … {count - most:,} more: --limit 0 prints all"


def _diff_facts(found: DayDiff) -> dict[str, Any]:
    said: dict[str, Any] = {"before": str(found.before), "after": str(found.after)}
    counts = _counts(found)
    if found.objects is not None:
        said["object_counts"] = counts["objects"]
    if found.events is not None:
        said["warnings"] = found.events.warnings
        said["days_covered"] = [str(day) for day in found.events.days_covered]
        said["event_counts"] = counts["encounters"]
    return said


def _diff_rows(found: DayDiff, most: int | None) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    if found.objects is not None:
        yield "objects", _first_of_each(found.objects, most)
    if found.events is not None:
        yield "events", found.events.rows
