"""What Dagster's tables say, asked with plain SQL: importing Dagster takes seconds, this takes milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect

_TABLES = ("runs", "event_logs", "jobs", "daemon_heartbeats")


def has_dagster_tables(url: DatabaseUrl) -> bool:
    names = [f"dagster.{table}" for table in _TABLES]
    with connect(url) as connection:
        row = connection.execute("SELECT bool_and(to_regclass(n) IS NOT NULL) FROM unnest(%s::text[]) n", [names])
        found = row.fetchone()
    return bool(found and found[0])


def runs_in_progress(url: DatabaseUrl) -> int:
    """Runs that should have a process now."""
    if not has_dagster_tables(url):
        return 0
    statement = "SELECT count(*) FROM dagster.runs WHERE status IN ('STARTED', 'STARTING', 'CANCELING')"
    with connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def last_heartbeat(url: DatabaseUrl) -> datetime | None:
    """When the daemon last said that it serves the run queue, or None."""
    if not has_dagster_tables(url):
        return None
    statement = "SELECT max(timestamp) FROM dagster.daemon_heartbeats WHERE daemon_type = 'QUEUED_RUN_COORDINATOR'"
    with connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return row[0].replace(tzinfo=UTC) if row and row[0] is not None else None
