"""Questions of the command line, answered from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg.rows import dict_row

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.advice import how_to_compute
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import SliceMissingError, StorageError
from ssa_pipeline.storage.named_sql import section

_FILE = "answers.sql"

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


def closest_events(
    url: DatabaseUrl, epoch_day: date | None, *, norad_id: int | None, max_miss_km: float | None, limit: int | None
) -> list[dict[str, Any]]:
    """Rows (EVENT_COLUMNS) of one epoch day, the newest screened one by default: crossings, closest first, then
    persistent encounters. SliceMissingError where the day was not screened, UnknownObjectError."""
    with connect(url) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        day = epoch_day or _newest(connection, "newest_event_day")
        screened = "SELECT EXISTS (SELECT FROM screening.slice_log WHERE asset = 'refined_events' AND epoch_day = %s)"
        if day is None or not _value(connection, screened, [day]):
            raise SliceMissingError(f"no screening of {day or 'any day'}: {how_to_compute(connection, day)}")
        if norad_id is not None:
            demand_known(connection, norad_id)
        given = {"epoch_day": day, "norad_id": norad_id, "max_miss_km": max_miss_km, "limit": limit}
        return cursor.execute(section(_FILE, "events"), given).fetchall()


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
        waiting = unread_said(unread_days(connection))
        said = f"read so far; {waiting}" if waiting else "received so far"
        raise UnknownObjectError(f"object {norad_id} is in no file {said}")


def unread_days(connection: Any) -> list[date]:
    """Epoch days with a catalogue that was received and is not read yet."""
    return [day for (day,) in connection.execute(section(_FILE, "unread_days"))]


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
    return connection.execute(statement, given).fetchone()[0]
