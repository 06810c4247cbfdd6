"""What Dagster's tables say, asked with plain SQL: importing Dagster takes seconds, this takes milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect

DAEMON_PARTS = ("QUEUED_RUN_COORDINATOR", "SCHEDULER", "SENSOR", "MONITORING", "ASSET", "BACKFILL")  # each is a thread
HEARTBEAT_LIMIT_S = 120.0  # Dagster writes one every 30 s, later where an iteration takes long
_TABLES = ("runs", "event_logs", "jobs", "daemon_heartbeats")


def has_dagster_tables(url: DatabaseUrl) -> bool:
    """Whether Dagster has made its tables in this database."""
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


def silent_parts(url: DatabaseUrl, now: datetime, since: datetime | None = None) -> dict[str, float]:
    """Parts of the daemon whose last heartbeat is older than the limit -> its age in seconds; infinite where there
    was none. ``since``: when the daemon was started, which starts the clock anew."""
    beats = _heartbeats(url)
    ages = {part: (now - beats[part]).total_seconds() if part in beats else math.inf for part in DAEMON_PARTS}
    running_s = math.inf if since is None else (now - since).total_seconds()
    return {part: age for part, age in ages.items() if min(age, running_s) > HEARTBEAT_LIMIT_S}


def describe_silence(silent: Mapping[str, float]) -> str:
    """``SENSOR for 300 s, SCHEDULER always``."""
    return ", ".join(
        f"{part} for {age:.0f} s" if math.isfinite(age) else f"{part} always" for part, age in silent.items()
    )


def _heartbeats(url: DatabaseUrl) -> dict[str, datetime]:
    if not has_dagster_tables(url):
        return {}
    with connect(url) as connection:
        rows = connection.execute("SELECT daemon_type, timestamp FROM dagster.daemon_heartbeats").fetchall()
    return {part: beat.replace(tzinfo=UTC) for part, beat in rows}


def last_heartbeat(url: DatabaseUrl) -> datetime | None:
    """When the daemon last said that it serves the run queue, or None."""
    return _heartbeats(url).get("QUEUED_RUN_COORDINATOR")
