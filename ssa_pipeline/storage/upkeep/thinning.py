"""Thinning: of old epoch days only what is still asked for is kept of the events, where the operator has said so.

Kept are the rows of lead day 0 and those close enough; the others are deleted where a later epoch day covers the same
UTC day, so that ``ssa.events_latest`` never changes. The slice log says of every thinned slice when, how many rows were
written, and beyond which distance they are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import psycopg

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.upkeep.retention import LOCK_TIMEOUT_MS, MIN_AGE

_FILE = "upkeep/retention.sql"


@dataclass(frozen=True)
class Thinned:
    """What one call did: slices looked at, rows deleted and kept in them."""

    slices: int = 0
    rows_deleted: int = 0
    rows_kept: int = 0


def thin_events(url: DatabaseUrl, keep_days: int, beyond_km: float, min_age: timedelta = MIN_AGE) -> Thinned:
    """Of all but the ``keep_days`` newest epoch days with events: delete those of lead days 1 to 6 that miss by more
    than ``beyond_km``, slice by slice. A slice that a run may be about to write is left for the next call, and one that
    was thinned at this distance or a smaller one is not looked at again."""
    params = {"keep_days": keep_days, "beyond_km": beyond_km, "min_age": min_age}
    with connect(url) as connection:
        slices = connection.execute(section(_FILE, "events_to_thin"), params).fetchall()
        counts = [_thin(connection, day, lead_day, beyond_km, min_age) for day, lead_day in slices]
    done = [count for count in counts if count is not None]
    return Thinned(len(done), sum(deleted for deleted, _ in done), sum(kept for _, kept in done))


def _thin(
    connection: psycopg.Connection, epoch_day: date, lead_day: int, beyond_km: float, min_age: timedelta
) -> tuple[int, int] | None:
    """Rows deleted and kept; None where the slice is in use."""
    params = {"epoch_day": epoch_day, "lead_day": lead_day, "beyond_km": beyond_km, "min_age": min_age}
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_MS}ms"])
            claim = connection.execute(section(_FILE, "lock_claim_of_events"), params).fetchone()
            if claim is not None and claim[0]:
                return None
            deleted = connection.execute(section(_FILE, "delete_distant_events"), params).rowcount
            row = connection.execute(section(_FILE, "mark_thinned"), params).fetchone()
            return None if row is None else (deleted, int(row[0]))
    except psycopg.errors.LockNotAvailable:
        return None
