"""Retention: chunks and candidates of old epoch days are dropped, events and element sets are kept for ever."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, timedelta

import psycopg
from psycopg import sql

from ssa_pipeline.chain.links import EXPIRING_ASSETS
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.partitions import partition_name
from ssa_pipeline.storage.schema.tables import TABLE, Table
from ssa_pipeline.storage.slices.codecs import EXPIRING_TABLES

MIN_AGE = timedelta(hours=6)  # as long as a run may last (dagster.yaml): it reads what its first step wrote
LOCK_TIMEOUT_MS = 300  # a waiting exclusive lock holds up new readers: give up soon, the next call tries again


def expire_slices(url: DatabaseUrl, retention_days: int, min_age: timedelta = MIN_AGE) -> list[date]:
    """Drop chunks and candidates of all but the ``retention_days`` newest epoch days that have some; returns the
    days dropped, oldest first. Counted in epoch days that exist, not from today: the days of a rarely used
    installation do not expire for being old. A day in use by a reader, or claimed by a run or written to less than
    ``min_age`` ago, is left for the next call. Empty partitions of days without such slices, as a failed run leaves
    them, go as well. ValueError for fewer than one day."""
    if retention_days < 1:
        raise ValueError(f"retention_days must be at least 1, not {retention_days}")
    with connect(url) as connection:
        assets = list(EXPIRING_ASSETS)
        params = {"assets": assets, "retention_days": retention_days, "min_age": min_age}
        rows = connection.execute(section("upkeep/retention.sql", "days_to_expire"), params)
        days: list[date] = [day for (day,) in rows]
        expired = [day for day in days if _expire_day(connection, day, min_age)]
        _drop_empty_partitions(connection, min_age)
        return expired


def _expire_day(connection: psycopg.Connection, day: date, min_age: timedelta) -> bool:
    """The claims are those of the three screening assets: a run that only refines claims only events, and reads chunks
    and candidates."""
    params = {"assets": list(EXPIRING_ASSETS), "epoch_day": day, "min_age": min_age}
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_MS}ms"])
            claims = connection.execute(section("upkeep/retention.sql", "lock_claims"), params).fetchall()
            if any(is_young for (is_young,) in claims):
                return False
            connection.execute(section("upkeep/retention.sql", "mark_expired"), params)
            for table_name in EXPIRING_TABLES:
                _empty_and_drop(connection, table_name, day)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _empty_and_drop(connection: psycopg.Connection, table_name: str, day: date) -> None:
    """TRUNCATE locks the one partition only; DROP needs the parent for a moment and may be left to another time."""
    table = TABLE[table_name]
    name = partition_name(table, day)
    if connection.execute("SELECT to_regclass(%s)", [f"{table.schema}.{name}"]).fetchone() == (None,):
        return
    partition = sql.Identifier(table.schema, name)
    connection.execute(sql.SQL("TRUNCATE {}").format(partition))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE {}").format(partition))
    except psycopg.errors.LockNotAvailable:
        return


def _drop_empty_partitions(connection: psycopg.Connection, min_age: timedelta) -> None:
    for table_name in EXPIRING_TABLES:
        table = TABLE[table_name]
        rows = connection.execute(section("upkeep/retention.sql", "partitions"), {"table": table.full_name}).fetchall()
        for (name,) in rows:
            _drop_if_empty(connection, table, name, min_age)


def _drop_if_empty(connection: psycopg.Connection, table: Table, name: str, min_age: timedelta) -> None:
    """A run claims its slices before it makes partitions, and lasts no longer than ``min_age``."""
    day = datetime.strptime(name[-8:], "%Y%m%d").date()  # noqa: DTZ007 (a name, no time)
    params = {"assets": list(EXPIRING_ASSETS), "epoch_day": day, "min_age": min_age}
    if connection.execute(section("upkeep/retention.sql", "is_in_use"), params).fetchone() == (True,):
        return
    partition = sql.Identifier(table.schema, name)
    with contextlib.suppress(psycopg.errors.LockNotAvailable), connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_MS}ms"])
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(partition))
        if connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(partition)).fetchone() == (False,):
            connection.execute(sql.SQL("DROP TABLE {}").format(partition))
