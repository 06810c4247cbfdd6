"""Questions of the command line, answered from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from ssa_pipeline.core.flags import EventFlag
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import SliceMissingError, StorageError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import CATALOGUES, unread_days

_FILE = "questions/answers.sql"

# Those of events.csv (docs/events-csv.md) in its order, then where the row comes from.
EVENT_COLUMNS = (
    *("norad_id_1", "norad_id_2", "name_1", "name_2", "tca_utc", "miss_distance_km", "relative_speed_km_s"),
    *("miss_r_km", "miss_t_km", "miss_n_km", "age_1_days", "age_2_days", "epoch_1", "epoch_2", "event_class"),
    *("start_utc", "end_utc", "n_minima", "flags", "below_threshold_s", "n_passages"),
    *("epoch_day", "lead_day", "run_id", "code_version"),
)


ALIAS_COLUMNS = ("epoch_day", "norad_id_1", "object_name_1", "norad_id_2", "object_name_2", "reason")


class UnknownObjectError(StorageError):
    """A catalogue number that is in no file received so far."""


@dataclass(frozen=True)
class Why:
    """What became of one object on one epoch day: the set in use (or None), every set that is not used, and the other
    numbers that it seems to have."""

    epoch_day: date
    used: dict[str, Any] | None
    rejected: list[dict[str, Any]]
    aliases: list[dict[str, Any]]
    in_part: list[dict[str, Any]]  # lead days of which not all was screened
    satcat: dict[str, Any] | None  # what the newest SATCAT says of the object, whatever the day
    handovers: list[dict[str, Any]]  # the segments that take its place on later lead days


@dataclass(frozen=True)
class EventFilter:
    """Which encounters are asked for; None and False: all. ``tca_from`` and ``tca_to`` are days, both included;
    ``max_age_days`` is of the older element set at TCA. ``exclude_companions`` leaves out pairs within one
    constellation and docked ones (identical elements, or a constant range)."""

    norad_id: int | None = None
    max_miss_km: float | None = None
    lead_days: list[int] | None = None
    tca_from: date | None = None
    tca_to: date | None = None
    max_age_days: float | None = None
    event_class: str | None = None
    constellation: str | None = None
    exclude_companions: bool = False


def closest_events(
    url: DatabaseUrl, epoch_day: date | None, wanted: EventFilter, limit: int | None
) -> list[dict[str, Any]]:
    """Rows (EVENT_COLUMNS) of one epoch day, by default the newest prediction of every day covered: crossings, closest
    first, then pairs that stay together, each stretch of time one row over its lead days. SliceMissingError where
    nothing was screened, UnknownObjectError."""
    query = section(_FILE, "events")
    if epoch_day is not None:
        query = query.replace("ssa.events_latest", "ssa.events")
    with connect(url) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        day = epoch_day or _newest(connection, "newest_event_day")
        screened = "SELECT EXISTS (SELECT FROM screening.slice_log WHERE asset = 'refined_events' AND epoch_day = %s)"
        if day is None or not _value(connection, screened, [day]):
            raise SliceMissingError(f"no screening of {day or 'any day'}: {how_to_compute(connection, day)}")
        if wanted.norad_id is not None:
            demand_known(connection, wanted.norad_id)
        given = {**vars(wanted), "epoch_day": epoch_day}
        rows: list[dict[str, Any]] = []
        if wanted.event_class != "persistent":
            rows += cursor.execute(query, {**given, "is_crossing": True, "limit": limit}).fetchall()
        if wanted.event_class != "crossing" and (limit is None or len(rows) < limit):
            pieces = cursor.execute(query, {**given, "is_crossing": False, "limit": None}).fetchall()
            rows += _stitched(pieces)
    return rows[:limit]


def thinned_said(url: DatabaseUrl, epoch_day: date) -> str:
    """What thinning has deleted of an epoch day, as a sentence; '' where it has not."""
    with connect(url) as connection:
        lead_days, beyond_km = _row(connection, section(_FILE, "thinned"), {"epoch_day": epoch_day})
    if not lead_days:
        return ""
    said = " ".join(map(str, lead_days))
    return (
        f"of {epoch_day}, lead days {said}, encounters that miss by more than {beyond_km:g} km were deleted "
        "(SSA_THIN_EVENTS_AFTER_DAYS)"
    )


def _stitched(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pieces of pairs that stay together, joined where one ends as the next begins; the closest first. The TCA is that
    of the closest piece with a minimum of its own, where there is one."""
    joined: list[dict[str, Any]] = []
    for piece in sorted(pieces, key=lambda row: (row["norad_id_1"], row["norad_id_2"], row["start_utc"])):
        last = joined[-1] if joined else None
        pair = ("norad_id_1", "norad_id_2")
        if last is None or [last[k] for k in pair] != [piece[k] for k in pair] or last["end_utc"] != piece["start_utc"]:
            joined.append(piece)
            continue
        closest = min(last, piece, key=lambda row: (not has_minimum(row), row["miss_distance_km"]))
        ends = {EventFlag.CONTINUES_BEFORE: last, EventFlag.CONTINUES_AFTER: piece}
        words = [word for word in closest["flags"].split() if word not in ends]
        twice = EventFlag.PASSAGE_CONTINUES_BEFORE in piece["flags"].split()  # counted on either side of the border
        joined[-1] = {
            **closest,
            "start_utc": last["start_utc"],
            "end_utc": piece["end_utc"],
            "n_minima": last["n_minima"] + piece["n_minima"],
            "below_threshold_s": _sum(last["below_threshold_s"], piece["below_threshold_s"]),
            "n_passages": _sum(_sum(last["n_passages"], piece["n_passages"]), -twice),
            "flags": " ".join([*(word for word, row in ends.items() if word in row["flags"].split()), *words]),
        }
    return sorted(joined, key=lambda row: (row["miss_distance_km"], row["tca_utc"]))


def _sum(one: Any, two: Any) -> Any:
    """Slices of older releases have no value."""
    return None if one is None or two is None else one + two


def has_minimum(row: dict[str, Any]) -> bool:
    """Whether the TCA of an encounter is a minimum of the distance, and not the border of a lead day."""
    return not {EventFlag.NO_MINIMUM, EventFlag.CONSTANT_RANGE} & set(row["flags"].split())


def why(url: DatabaseUrl, norad_id: int, epoch_day: date | None) -> Why:
    """Which element set of an object is used on a day (the newest catalogue's by default), and why others are
    not. SliceMissingError where there is no catalogue of that day, UnknownObjectError."""
    with connect(url) as connection:
        day = _catalog_day(connection, epoch_day)
        demand_known(connection, norad_id)
        given = {"epoch_day": day, "norad_id": norad_id}
        cursor = connection.cursor(row_factory=dict_row)
        return Why(
            day,
            cursor.execute(section(_FILE, "set_in_use"), given).fetchone(),
            cursor.execute(section(_FILE, "rejected_of_object"), given).fetchall(),
            cursor.execute(section(_FILE, "aliases_of_object"), given).fetchall(),
            cursor.execute(section(_FILE, "screened_in_part_of_object"), given).fetchall(),
            cursor.execute(section(_FILE, "satcat_row"), given).fetchone(),
            cursor.execute(section(_FILE, "handovers_of_object"), given).fetchall(),
        )


def aliases(url: DatabaseUrl, norad_id: int | None, epoch_day: date | None) -> list[dict[str, Any]]:
    """Rows (ALIAS_COLUMNS) of pairs of numbers that look like one object on a day (the newest catalogue's by default).
    SliceMissingError."""
    with connect(url) as connection:
        given = {"epoch_day": _catalog_day(connection, epoch_day), "norad_id": norad_id}
        return connection.cursor(row_factory=dict_row).execute(section(_FILE, "aliases_of_object"), given).fetchall()


def _catalog_day(connection: Any, epoch_day: date | None) -> date:
    day = epoch_day or _newest(connection, "newest_catalog_day")
    cleaned = "SELECT EXISTS (SELECT FROM screening.slice_log WHERE asset = 'clean_catalog' AND epoch_day = %s)"
    if day is None or not _value(connection, cleaned, [day]):
        raise SliceMissingError(f"no catalogue of {day or 'any day'}: {how_to_compute(connection, day)}")
    return day


def demand_known(connection: Any, norad_id: int) -> None:
    """UnknownObjectError for a number that is in no file that was read."""
    if not _value(connection, section(_FILE, "is_object_known"), {"norad_id": norad_id}):
        waiting = unread_said(unread_days(connection, CATALOGUES))
        said = f"read so far; {waiting}" if waiting else "received so far"
        raise UnknownObjectError(f"object {norad_id} is in no file {said}")


def unread_said(days: list[date]) -> str:
    """What a user can do about them; '' where there are none."""
    if not days:
        return ""
    more = f" and {len(days) - 1:,} other days" if len(days) > 1 else ""
    return f"what was received for {days[-1]}{more} is not read yet: `ssa materialize --epoch-day {days[-1]}` reads it"


def _newest(connection: Any, name: str) -> date | None:
    day: date | None = _value(connection, section(_FILE, name), None)
    return day


def _value(connection: Any, statement: str, given: Any) -> Any:
    return _row(connection, statement, given)[0]


def _row(connection: Any, statement: str, given: Any) -> Any:
    return connection.execute(statement, given).fetchone()


def objects_named(url: DatabaseUrl, text: str) -> list[tuple[int, str, str]]:
    """Number, newest name and designator of every object that was ever received under a name that holds ``text``, in
    any case, or whose designator it is; SATCAT's names count too."""
    with connect(url) as connection:
        return connection.execute(section(_FILE, "objects_named"), {"text": text}).fetchall()


def how_to_compute(connection: psycopg.Connection[Any], day: date | None) -> str:
    """The commands, in order, that compute ``day`` (None: any day): a day without data is received first."""
    of_day = "SELECT max(epoch_day) FROM raw.snapshot WHERE kind = 'gp' AND epoch_day = coalesce(%s, epoch_day)"
    row = connection.cursor(row_factory=tuple_row).execute(of_day, [day]).fetchone()
    if row is not None and row[0] is not None:
        return f"`ssa materialize --epoch-day {row[0]}` first"
    wanted = "DAY" if day is None else day
    return f"nothing was received for it: `ssa ingest FILE --epoch-day {wanted}`, then materialize that day"
