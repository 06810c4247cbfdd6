"""The completeness gate's state in the database: every judgement of what was received on a day, and who accepted what.

A day is judged anew whenever its slice ``raw_tle_snapshots`` is written; the newest judgement counts. ``open``: whole
(or nothing to compare with); ``held``: partial; ``accepted``: partial, and an operator said that it may become the
catalogue. Open and accepted releases are trusted: later ones are compared with the newest of them. An acceptance is of
the snapshots that were judged and of no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ssa_pipeline.chain.releases import GateState
from ssa_pipeline.core.catalog.completeness import LOOK_BACK_DAYS, Release, judge, release_of
from ssa_pipeline.core.records import GP
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.binary_copy import copy_out
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import unread_days
from ssa_pipeline.storage.slices.element_sets import ELEMENT_KINDS, TEXT_KINDS, from_columns
from ssa_pipeline.storage.slices.raw_tle_snapshots import read_held_days
from ssa_pipeline.storage.slices.rejected_records import storable

_FILE = "receipts/release_gate.sql"


class NotJudgedError(StorageError):
    """What was received on the day has not been judged, or is not what was judged."""


class NotHeldError(StorageError):
    """There is nothing to accept: the day's release is not held."""


class ReleaseHeldError(StorageError):
    """The day's release is held back."""


@dataclass(frozen=True)
class Judgement:
    """One row of ``catalog.release_gate``. ``reasons``: why it is held, or what was noticed."""

    raw_log_id: int
    epoch_day: date
    snapshot_ids: list[int]
    state: str  # a GateState
    reasons: list[str]
    measures: dict[str, Any]
    judged_at: datetime
    accepted_by: str | None = None
    accepted_at: datetime | None = None
    accept_reason: str | None = None

    @property
    def is_trusted(self) -> bool:
        return self.state != GateState.HELD

    def in_words(self) -> str:
        """State and reasons, and where the release is held what to do."""
        said = "; ".join(self.reasons)
        if self.state == GateState.ACCEPTED:
            return f"accepted by {self.accepted_by} ({self.accept_reason}): {said}"
        return said if self.is_trusted else f"held: {said}. {what_to_do(self.epoch_day)}"


def what_to_do(epoch_day: date) -> str:
    """With a day that is held."""
    return (
        f"What is missing opens the gate when it comes (then `ssa materialize --epoch-day {epoch_day}`). To use the "
        f"release as it is: `ssa catalog accept --epoch-day {epoch_day} --reason TEXT`, or the job accept_release in "
        "the UI"
    )


@dataclass(frozen=True)
class ReleaseGate:
    """Every call is a connection of its own."""

    url: DatabaseUrl

    def judge(self, epoch_day: date) -> Judgement:
        """Judge what the newest slice of the day holds, keep and return the verdict. NotJudgedError where nothing
        was received. Doing it twice changes nothing but the time."""
        with connect(self.url) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # all of one moment
            connection.execute(section(_FILE, "lock"))
            raw_log_id, snapshot_ids = _newest_raw(connection, epoch_day)
            verdict = judge(_release(connection, epoch_day), **_before(connection, epoch_day))
            row = {
                "raw_log_id": raw_log_id,
                "epoch_day": epoch_day,
                "snapshot_ids": snapshot_ids,
                "is_held": verdict.is_held,
                "reasons": list(verdict.reasons),
                "measures": Jsonb(verdict.measures),
            }
            connection.execute(section(_FILE, "record"), row)
            return _judgements(connection, "newest_of_day", row)[0]

    def accept(self, epoch_day: date, accepted_by: str, reason: str) -> Judgement:
        """Let a held release become the catalogue. NotJudgedError, NotHeldError; ValueError without a reason."""
        if not reason.strip():
            raise ValueError("an acceptance needs a reason")
        with connect(self.url) as connection, connection.transaction():
            connection.execute(section(_FILE, "lock"))
            held = _demand_judged(connection, epoch_day)
            if held.is_trusted:
                raise NotHeldError(
                    f"{epoch_day} is {held.state}, not held, so there is nothing to accept: {held.in_words()}"
                )
            given = {"raw_log_id": held.raw_log_id, "accepted_by": storable(accepted_by), "reason": storable(reason)}
            connection.execute(section(_FILE, "accept"), given)
            return _demand_judged(connection, epoch_day)

    def demand_trusted(self, epoch_day: date) -> None:
        """ReleaseHeldError where the newest slice of the day is held, NotJudgedError where it was not judged."""
        with connect(self.url) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            raw_log_id, _ = _newest_raw(connection, epoch_day)
            found = _judgements(connection, "newest_of_day", {"epoch_day": epoch_day})
        if not found or found[0].raw_log_id != raw_log_id:
            raise NotJudgedError(f"what was received on {epoch_day} was not judged yet: {_judge_it(epoch_day)}")
        if not found[0].is_trusted:
            raise ReleaseHeldError(f"{epoch_day} is {found[0].in_words()}")

    def newest_days(self, days: int) -> list[Judgement]:
        """Where the newest days stand, newest first."""
        with connect(self.url) as connection:
            return _judgements(connection, "newest_days", {"days": days})

    def of_day(self, epoch_day: date) -> Judgement:
        """Where a day stands; NotJudgedError."""
        with connect(self.url) as connection:
            return _demand_judged(connection, epoch_day)

    def newest_received_day(self, before: date) -> date | None:
        """The newest day of those before with a catalogue in hand that is not held, whether or not it was judged."""
        with connect(self.url) as connection:
            day: date | None = _value(connection, "newest_received_day", before, look_back_days=LOOK_BACK_DAYS)
            return day

    def over_weeks(self, epoch_day: date) -> dict[str, Any]:
        """What a release of the day is compared with beside the newest: arguments of ``judge``."""
        with connect(self.url) as connection:
            return {name: value for name, value in _before(connection, epoch_day).items() if name != "before"}

    def held_days(self, before: date) -> list[date]:
        """Days before that are held back, as far back as sets are carried over, oldest first."""
        with connect(self.url) as connection:
            return read_held_days(connection, before)

    def unread_days(self, before: date) -> list[date]:
        """Those of the days before with GP that no run has read yet, oldest first: nothing is carried over from them,
        and nothing is compared with them."""
        with connect(self.url) as connection:
            return unread_days(connection, [GP], before - timedelta(days=LOOK_BACK_DAYS), before)


def _demand_judged(connection: psycopg.Connection, epoch_day: date) -> Judgement:
    """The judgement of what was received so far, computed or not."""
    received = _value(connection, "snapshots_of_day", epoch_day)
    if not received:
        raise NotJudgedError(f"no GP was received on {epoch_day}: `ssa ingest FILE --epoch-day {epoch_day}` first")
    found = _judgements(connection, "newest_of_day", {"epoch_day": epoch_day})
    if not found:
        raise NotJudgedError(f"what was received on {epoch_day} was not judged yet: {_judge_it(epoch_day)}")
    if found[0].snapshot_ids != received:
        raise NotJudgedError(f"more was received on {epoch_day} since it was judged: {_judge_it(epoch_day)}")
    return found[0]


def _judge_it(epoch_day: date) -> str:
    return f"`ssa materialize --epoch-day {epoch_day}` judges all of it"


def _newest_raw(connection: psycopg.Connection, epoch_day: date) -> tuple[int, list[int]]:
    row = connection.execute(section(_FILE, "newest_raw"), {"epoch_day": epoch_day}).fetchone()
    if row is None:
        raise NotJudgedError(f"raw_tle_snapshots {epoch_day} has not been computed")
    return row[0], row[1]


def _before(connection: psycopg.Connection, epoch_day: date) -> dict[str, Any]:
    """What a day is compared with: the other arguments of ``judge``."""
    given = {"epoch_day": epoch_day, "look_back_days": LOOK_BACK_DAYS}
    newest, largest, accepted = connection.execute(section(_FILE, "trusted_days"), given).fetchone() or (None,) * 3
    if newest is None:
        return {"before": None}
    since = max(epoch_day - timedelta(days=LOOK_BACK_DAYS), accepted or date.min)
    found = copy_out(connection, section(_FILE, "in_use"), {"epoch_day": newest, "since": since}, {"norad_id": "int8"})
    return {
        "before": _release(connection, newest),
        "largest": None if largest == newest else _release(connection, largest),
        "in_use": found["norad_id"] if len(found["norad_id"]) else None,
    }


def _release(connection: psycopg.Connection, epoch_day: date) -> Release:
    kinds = {"source_line": "int8", **ELEMENT_KINDS, **TEXT_KINDS, "source_file": "text"}
    columns = copy_out(connection, section(_FILE, "received_on"), {"epoch_day": epoch_day}, kinds)
    return release_of(from_columns(columns), epoch_day)


def _judgements(connection: psycopg.Connection, name: str, given: dict[str, Any]) -> list[Judgement]:
    with connection.cursor(row_factory=class_row(Judgement)) as cursor:
        return cursor.execute(section(_FILE, name), given).fetchall()


def _value(connection: psycopg.Connection, name: str, epoch_day: date, **given: Any) -> Any:
    row = connection.execute(section(_FILE, name), {"epoch_day": epoch_day, **given}).fetchone()
    return None if row is None else row[0]
