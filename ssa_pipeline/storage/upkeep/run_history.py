"""Old runs and events of Dagster are deleted; what they say about the present state of a partition stays.

Plain SQL on Dagster's schema: its own ``delete_run`` makes every partition of the run look missing (see
docs/decisions/0017). Small statements, each its own transaction and locking only the rows it deletes: nobody waits,
and a call that is interrupted or reaches its limit is taken up by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section

_FILE = "upkeep/run_history.sql"
RUNS_PER_BATCH = 50
EVENTS_PER_STATEMENT = 2_000
EVENTS_PER_CALL = 500_000


@dataclass(frozen=True)
class Purged:
    """What one call deleted so far. ``runs_kept`` were examined and hold the state of a partition, or a retry does."""

    runs: int = 0
    runs_kept: int = 0
    events: int = 0
    is_complete: bool = False  # False: the limit of events was reached, more is left


def purge_runs(
    url: DatabaseUrl,
    retention_days: int,
    now: datetime,
    on_batch: Callable[[Purged], None] = lambda _: None,
    *,
    events_per_statement: int = EVENTS_PER_STATEMENT,
    events_per_call: int = EVENTS_PER_CALL,
) -> Purged:
    """Delete runs that ended more than ``retention_days`` before ``now`` (aware), as did their retries, their events,
    and events of that age without a run. Runs in progress are never touched. ``on_batch`` is told the sums after every
    batch of runs. ValueError for fewer than one day."""
    if retention_days < 1:
        raise ValueError(f"retention_days must be at least 1, not {retention_days}")
    before = (now - timedelta(days=retention_days)).astimezone(UTC).replace(tzinfo=None)  # as Dagster stores times
    purged = Purged()
    with connect(url) as connection:
        for run_ids, has_runs in _batches(connection, before):
            params = {"run_ids": run_ids, "before": before, "limit": events_per_statement}
            for count in _delete_events(connection, params):
                purged = Purged(purged.runs, purged.runs_kept, purged.events + count)
                if purged.events >= events_per_call:
                    return purged
            connection.execute(section(_FILE, "delete_check_executions"), params)
            runs = connection.execute(section(_FILE, "delete_runs"), params).rowcount if has_runs else 0
            kept = (
                len(run_ids) - runs if has_runs else 0
            )  # negative: with its last retry a run of an earlier batch goes
            purged = Purged(purged.runs + runs, purged.runs_kept + kept, purged.events)
            on_batch(purged)
    return Purged(purged.runs, purged.runs_kept, purged.events, is_complete=True)


def _batches(connection: psycopg.Connection, before: datetime) -> Iterator[tuple[list[str], bool]]:
    """Ids of old runs, the oldest first, then of events whose run is gone; and whether the runs exist."""
    retried_since = [root for (root,) in connection.execute(section(_FILE, "retried_since"), {"before": before})]
    params = {"after_id": 0, "before": before, "retried_since": retried_since, "limit": RUNS_PER_BATCH}
    while rows := connection.execute(section(_FILE, "old_runs"), params).fetchall():
        params["after_id"] = rows[-1][0]
        yield [run_id for _, run_id in rows], True
    orphans = [run_id for (run_id,) in connection.execute(section(_FILE, "runs_of_events_without_run"))]
    for start in range(0, len(orphans), RUNS_PER_BATCH):
        yield orphans[start : start + RUNS_PER_BATCH], False


def _delete_events(connection: psycopg.Connection, params: dict[str, object]) -> Iterator[int]:
    """Rows deleted by each statement, until none is left."""
    while True:
        row = connection.execute(section(_FILE, "delete_events"), params).fetchone()
        if row is None or row[0] == 0:
            return
        yield int(row[0])
