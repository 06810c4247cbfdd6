"""Where an object is, from the ephemeris chunks: one indexed read for each day asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import psycopg
from psycopg.rows import dict_row

from ssa_pipeline.core.days import LEAD_DAYS
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY
from ssa_pipeline.core.screening.interpolation import interpolate_chunk
from ssa_pipeline.core.status import Status
from ssa_pipeline.core.time import format_utc, from_us, to_us
from ssa_pipeline.core.versions import CHUNK_FORMAT_VERSION
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import ChunkFormatError, SliceExpiredError, SliceMissingError, StorageError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.questions.answers import UnknownObjectError

_FILE = "questions/answers.sql"


class NotValidError(StorageError):
    """SGP4 gives no usable position of the object at that time."""


@dataclass(frozen=True)
class Position:
    """One state, km and km/s, TEME of date; ``error_bound_km`` bounds its distance from SGP4's own position."""

    t_us: int
    state: tuple[float, float, float, float, float, float]
    error_bound_km: float
    epoch_day: date  # whose catalogue
    lead_day: int


def positions(url: DatabaseUrl, norad_id: int, times_us: list[int], epoch_day: date | None = None) -> list[Position]:
    """States of one object at ascending times, each from the newest epoch day (or ``epoch_day``) that covers it.

    Raises SliceMissingError, SliceExpiredError, UnknownObjectError, NotValidError, ChunkFormatError.
    """
    with connect(url) as connection:
        return [
            position
            for day_us, group in groupby(times_us, key=lambda t: t - t % MICROSECONDS_PER_DAY)
            for position in _of_day(connection, norad_id, from_us(day_us).date(), list(group), epoch_day)
        ]


def _of_day(
    connection: psycopg.Connection, norad_id: int, day: date, times_us: list[int], epoch_day: date | None
) -> Iterator[Position]:
    given = {"day": day, "norad_id": norad_id, "epoch_day": epoch_day}
    cursor = connection.cursor(row_factory=dict_row)
    chunk = cursor.execute(section(_FILE, "chunk_at"), given).fetchone()
    if chunk is None:
        raise _why_none(connection, given)
    if chunk["format_version"] != CHUNK_FORMAT_VERSION:
        raise ChunkFormatError(
            f"ephemeris of {day} has chunk format version {chunk['format_version']}, this release reads "
            f"{CHUNK_FORMAT_VERSION}: `ssa materialize --epoch-day {chunk['epoch_day']}` again"
        )
    first_us, last_us = to_us(chunk["valid_from"]), to_us(chunk["valid_to"])
    for t in times_us:
        if not first_us <= t < last_us:
            raise NotValidError(
                f"object {norad_id} has no usable position at {format_utc(t)}: its element set of {chunk['epoch_day']} "
                f"is valid from {format_utc(first_us)} to {format_utc(last_us)} ("
                f"{Status(chunk['status']).name.lower()})"
            )
    nodes = np.frombuffer(chunk["nodes"], dtype="<i4").reshape(-1, 3)
    states = interpolate_chunk(
        nodes, chunk["scale_km"], to_us(chunk["first_node"]), chunk["spacing_us"], np.array(times_us, dtype=np.int64)
    )
    for t, state in zip(times_us, states.tolist(), strict=True):
        yield Position(t, tuple(state), chunk["error_bound_km"], chunk["epoch_day"], chunk["lead_day"])


def _what_helps(connection: psycopg.Connection, day: date, epoch_day: date | None) -> str:
    """How to get an ephemeris of ``day``: from the newest day received that reaches it, or by receiving one first."""
    given = {"day": day, "epoch_day": epoch_day, "lead_days": LEAD_DAYS}
    row = connection.execute(section(_FILE, "received_day_that_reaches"), given).fetchone()
    if row is not None:
        of = row[0]
        return f"run `ssa materialize --epoch-day {of} --lead-days {(day - of).days}`"
    wanted = epoch_day or day
    if epoch_day is not None and not 0 <= (day - epoch_day).days < LEAD_DAYS:
        return f"the catalogue of {epoch_day} reaches from {epoch_day} to {epoch_day + timedelta(days=LEAD_DAYS - 1)}"
    received = connection.execute(section(_FILE, "days_received")).fetchone()
    if received is None or received[0] is None:
        return f"nothing was received yet; `ssa ingest FILE --epoch-day {wanted}` first"
    return (
        f"no catalogue that reaches it was received (there are those of {received[0]} to {received[1]}, each "
        f"reaches {LEAD_DAYS} days); `ssa ingest FILE --epoch-day {wanted}` first"
    )


def _why_none(connection: psycopg.Connection, given: dict[str, Any]) -> StorageError:
    """The error that says what is missing: the object, or the ephemeris of that day."""
    known = connection.execute(section(_FILE, "is_object_known"), given).fetchone()
    if known is None or not known[0]:
        return UnknownObjectError(f"object {given['norad_id']} is in no file received so far")
    day = given["day"]
    row = connection.execute(section(_FILE, "newest_chunks_of_day"), given).fetchone()
    if row is None:
        return SliceMissingError(f"no ephemeris covers {day}: {_what_helps(connection, day, given['epoch_day'])}")
    epoch_day, lead_day, expired_at = row
    if expired_at is not None:
        return SliceExpiredError(
            f"the ephemeris of {day} expired on {expired_at:%Y-%m-%d}: `ssa materialize --epoch-day {epoch_day} "
            f"--lead-days {lead_day} --force` computes it again"
        )
    return NotValidError(
        f"object {given['norad_id']} is not in the catalogue of {epoch_day}: `ssa why {given['norad_id']} --epoch-day "
        f"{epoch_day}` says by which rule"
    )
