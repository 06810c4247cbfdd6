"""Questions of people to the database, answered without knowing a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import SliceMissingError, StorageError
from ssa_pipeline.storage.named_sql import section


class UnknownObjectError(StorageError):
    """A catalogue number that no received file has ever named."""


@dataclass(frozen=True)
class EventList:
    """Events of one epoch day, closest first; ``rows`` has the columns of section ``events`` in reports.sql."""

    epoch_day: date
    lead_days: list[int]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class SetUsed:
    epoch: datetime
    age_days: float  # at 00:00 UTC of the epoch day
    is_forward_epoch: bool
    source_file: str
    source_line: int
    element_set_id: int


@dataclass(frozen=True)
class RecordNotUsed:
    rule: str
    detail: str
    source_file: str
    source_line: int
    asset: str  # raw_tle_snapshots: could not be read; clean_catalog: was not chosen


@dataclass(frozen=True)
class Why:
    """What became of an object on an epoch day. ``received``: first and last epoch day with a readable set."""

    norad_id: int
    object_name: str | None
    epoch_day: date
    used: SetUsed | None
    not_used: list[RecordNotUsed]
    received: tuple[date | None, date | None]


def events(
    url: DatabaseUrl,
    *,
    epoch_day: date | None = None,
    norad_id: int | None = None,
    max_miss_km: float | None = None,
    limit: int | None = None,
) -> EventList:
    """The closest events of an epoch day (None: the newest that has some slice of events).

    SliceMissingError where nothing was computed, UnknownObjectError.
    """
    with connect(url) as connection:
        day = epoch_day or _newest_day(connection, "refined_events")
        lead_days = [lead_day for (lead_day,) in connection.execute(_sql("lead_days"), {"epoch_day": day})]
        if not lead_days:
            raise SliceMissingError(
                f"no events of epoch day {day} have been computed: run `ssa materialize --epoch-day {day}`"
            )
        if norad_id is not None:
            _name_of(connection, norad_id)
        params = {"epoch_day": day, "norad_id": norad_id, "max_miss_km": max_miss_km, "limit": limit}
        with connection.cursor(row_factory=dict_row) as cursor:
            return EventList(day, lead_days, cursor.execute(_sql("events"), params).fetchall())


def why(url: DatabaseUrl, norad_id: int, epoch_day: date | None = None) -> Why:
    """Which element set of an object was used on an epoch day (None: the newest cleaned catalogue), which were not
    and by which rule. SliceMissingError where that day has no catalogue, UnknownObjectError."""
    with connect(url) as connection:
        day = epoch_day or _newest_day(connection, "clean_catalog")
        version = {"asset": "clean_catalog", "epoch_day": day, "lead_day": -1}
        if connection.execute(section("queries.sql", "newest_version"), version).fetchone() is None:
            raise SliceMissingError(f"epoch day {day} has no catalogue: run `ssa materialize --epoch-day {day}`")
        params = {"norad_id": norad_id, "epoch_day": day}
        name = _name_of(connection, norad_id)
        used = connection.execute(_sql("set_used"), params).fetchone()
        not_used = connection.execute(_sql("records_not_used"), params).fetchall()
        first, last = connection.execute(_sql("days_received"), params).fetchall()[0]
        return Why(
            norad_id,
            name,
            day,
            None if used is None else SetUsed(*used),
            [RecordNotUsed(*row) for row in not_used],
            (first, last),
        )


def _newest_day(connection: psycopg.Connection, asset: str) -> date:
    ((day,),) = connection.execute(_sql("newest_epoch_day"), {"asset": asset}).fetchall()
    if day is None:
        raise SliceMissingError(
            f"{asset} has not been computed for any day: `ssa ingest FILE`, then `ssa materialize --epoch-day DAY`"
        )
    return day  # type: ignore[no-any-return]


def _name_of(connection: psycopg.Connection, norad_id: int) -> str | None:
    ((name, is_known),) = connection.execute(_sql("object_known"), {"norad_id": norad_id}).fetchall()
    if not is_known:
        raise UnknownObjectError(f"object {norad_id} is in no file received so far")
    return name  # type: ignore[no-any-return]


def _sql(name: str) -> str:
    return section("reports.sql", name)
