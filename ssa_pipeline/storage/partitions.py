"""Partitions of tables by epoch day: made ahead of a write, in a short transaction of their own.

``CREATE … PARTITION OF`` locks the parent against every reader until commit; ``CREATE … LIKE`` and ``ATTACH`` lock
it only against other changes of its partitions.
"""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
from psycopg import sql

from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.tables import TABLE, Table

LOCK_TIMEOUT_MS = 2_000
ATTEMPTS = 5


def ensure_partitions(connection: psycopg.Connection, table_names: tuple[str, ...], epoch_day: date) -> None:
    """Make the partitions of ``epoch_day`` where they are missing. The connection must not be in a transaction."""
    for full_name in table_names:
        table = TABLE[full_name]
        if table.partition and not _exists(connection, table, partition_name(table, epoch_day)):
            _make(connection, table, epoch_day)


def partition_name(table: Table, epoch_day: date) -> str:
    """``ephemeris_chunk_p20241101`` or, for tables cut by month, ``refined_event_p202411``."""
    return f"{table.name}_p{epoch_day:%Y%m%d}" if table.partition == "day" else f"{table.name}_p{epoch_day:%Y%m}"


def partition_bounds(table: Table, epoch_day: date) -> tuple[date, date]:
    """First day inside and first day after the partition that holds ``epoch_day``."""
    if table.partition == "day":
        return epoch_day, epoch_day + timedelta(days=1)
    first = epoch_day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _exists(connection: psycopg.Connection, table: Table, name: str) -> bool:
    row = connection.execute(
        "SELECT c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        [table.schema, name],
    ).fetchone()
    return row is not None and bool(row[0])


def _make(connection: psycopg.Connection, table: Table, epoch_day: date) -> None:
    for _ in range(ATTEMPTS):
        try:
            with connection.transaction():
                _make_once(connection, table, epoch_day)
            return
        except psycopg.errors.LockNotAvailable:
            continue
    raise StorageError(
        f"no partition of {table.full_name} for {epoch_day}: another session has held a lock on the table for more "
        f"than {ATTEMPTS * LOCK_TIMEOUT_MS / 1000:.0f} s; end that session (pg_stat_activity) and try again"
    )


def _make_once(connection: psycopg.Connection, table: Table, epoch_day: date) -> None:
    name = partition_name(table, epoch_day)
    first, after = partition_bounds(table, epoch_day)
    parent, child = sql.Identifier(table.schema, table.name), sql.Identifier(table.schema, name)
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_MS}ms"])
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{table.schema}.{name}"])
    if _exists(connection, table, name):
        return  # made by another session while this one waited
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(child, parent))
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, child, sql.Literal(first.isoformat()), sql.Literal(after.isoformat())
        )
    )
