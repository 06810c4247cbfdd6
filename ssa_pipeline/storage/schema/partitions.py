"""Partitions of tables: made ahead of a write, in a short transaction of their own.

``CREATE … PARTITION OF`` locks the parent against every reader until commit; ``CREATE … LIKE`` and ``ATTACH`` lock
it only against other changes of its partitions, and the default partition, where there is one, against everybody.

Slices are cut by epoch day. Element sets are cut by the year of their epoch, which can be any: years that a slice
does not look at are left in the default partition, and move out of it when their own is made.
"""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
from psycopg import sql

from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.schema.tables import TABLE, Table

LOCK_TIMEOUT_MS = 2_000
ATTEMPTS = 5
EPOCHS_FROM, EPOCHS_TO = timedelta(days=-120), timedelta(days=16)  # of the element sets that an epoch day looks at


def ensure_partitions(connection: psycopg.Connection, table_names: tuple[str, ...], epoch_day: date) -> None:
    """Make the partitions of ``epoch_day`` where they are missing. The connection must not be in a transaction.

    StorageError where a lock is not had. With a default partition that is no error: the next call tries again."""
    for full_name in table_names:
        table = TABLE[full_name]
        for day in _days(table, epoch_day):
            if not _exists(connection, table, partition_name(table, day)):
                _make(connection, table, day)


def partition_name(table: Table, day: date) -> str:
    """``ephemeris_chunk_p20241101``, by month ``refined_event_p202411``, by year ``element_set_p2024``."""
    digits = {"day": "%Y%m%d", "month": "%Y%m", "year": "%Y"}[table.partition]
    return f"{table.name}_p{day.strftime(digits)}"


def partition_bounds(table: Table, day: date) -> tuple[date, date]:
    """First day inside and first day after the partition that holds ``day``."""
    if table.partition == "day":
        return day, day + timedelta(days=1)
    if table.partition == "year":
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _days(table: Table, epoch_day: date) -> tuple[date, ...]:
    """A day in each partition that a write for ``epoch_day`` wants."""
    if table.partition == "year":
        return epoch_day + EPOCHS_FROM, epoch_day + EPOCHS_TO
    return (epoch_day,) if table.partition else ()


def _exists(connection: psycopg.Connection, table: Table, name: str) -> bool:
    row = connection.execute(
        "SELECT c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        [table.schema, name],
    ).fetchone()
    return row is not None and bool(row[0])


def _make(connection: psycopg.Connection, table: Table, day: date) -> None:
    has_default = _exists(connection, table, default_name(table))
    for _ in range(1 if has_default else ATTEMPTS):
        try:
            with connection.transaction():
                _make_once(connection, table, day, has_default)
            return
        except psycopg.errors.LockNotAvailable:
            continue
    if not has_default:
        raise StorageError(
            f"no partition of {table.full_name} for {day}: another session has held a lock on the table for more "
            f"than {ATTEMPTS * LOCK_TIMEOUT_MS / 1000:.0f} s; end that session (pg_stat_activity) and try again"
        )


def _make_once(connection: psycopg.Connection, table: Table, day: date, has_default: bool) -> None:
    name = partition_name(table, day)
    parent, child = sql.Identifier(table.schema, table.name), sql.Identifier(table.schema, name)
    # midnight UTC; a column of type date reads the day of it
    first, after = (sql.Literal(f"{bound} 00:00:00+00") for bound in partition_bounds(table, day))
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_MS}ms"])
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{table.schema}.{name}"])
    if _exists(connection, table, name):
        return  # made by another session while this one waited
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(child, parent))
    if has_default:
        default, column = sql.Identifier(table.schema, default_name(table)), sql.Identifier(table.partition_column)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(default))
        connection.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM {0} WHERE {1} >= {2} AND {1} < {3} RETURNING *) "
                "INSERT INTO {4} SELECT * FROM moved"
            ).format(default, column, first, after, child)
        )
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(parent, child, first, after)
    )


def default_name(table: Table) -> str:
    """Partition of what no other holds; most tables have none."""
    return f"{table.name}_default"
