"""A database that commit 45064ed filled is upgraded: every row is there, and readable through views and slices."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import SliceExpiredError
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.filled import fill
from ssa_pipeline_tests.shared.places import DATA

DUMP = DATA / "database_45064ed.sql.xz"
OURS = ("raw", "catalog", "screening")
# What an event of before is after the upgrade too, whatever columns and flags came to it.
EVENT = (
    "epoch_day, lead_day, tca_utc, norad_id_1, norad_id_2, object_name_1, object_name_2, miss_distance_km, miss_r_km, "
    "miss_t_km, miss_n_km, relative_speed_km_s, event_class, start_utc, end_utc, age_1_days, age_2_days, run_id"
)


@dataclass(frozen=True)
class Upgraded:
    """The database, and what was in it before: table -> (columns, rows); view -> (columns, number of rows)."""

    url: DatabaseUrl
    applied: list[str]
    tables: dict[str, tuple[list[str], list[Any]]]
    views: dict[str, tuple[list[str], int]]
    events: list[Any]


@pytest.fixture(scope="module")
def upgraded(any_server: Server) -> Iterator[Upgraded]:
    with any_server.empty_database() as url:
        with psycopg.connect(url.psycopg, autocommit=True) as connection:
            migrate._create_reader(connection)  # a role is of the server, not of the dump
            connection.execute(lzma.decompress(DUMP.read_bytes()).decode())  # type: ignore[call-overload]
        with connect(url) as connection:
            tables = {name: _content(connection, name) for name in _names(connection, "rp", OURS)}
            views = {name: _content(connection, name) for name in _names(connection, "v", ("ssa",))}
            events = _events(connection)
        applied = migrate.upgrade(url)
        yield Upgraded(url, applied, tables, {n: (columns, len(rows)) for n, (columns, rows) in views.items()}, events)


def test_the_database_is_brought_to_the_contract(upgraded: Upgraded) -> None:
    assert migrate.check(upgraded.url) == []
    assert "b0011" not in upgraded.applied  # it was there
    assert migrate.upgrade(upgraded.url) == []


def test_every_row_of_every_table_is_there(upgraded: Upgraded) -> None:
    assert sum(len(rows) for _, rows in upgraded.tables.values()) > 3000
    with connect(upgraded.url) as connection:
        for name, (columns, rows) in upgraded.tables.items():
            assert Counter(_rows(connection, name, columns)) == Counter(rows), name


def test_every_view_shows_what_it_showed(upgraded: Upgraded) -> None:
    with connect(upgraded.url) as connection:
        for name, (columns, count) in upgraded.views.items():
            assert len(_rows(connection, name, columns)) == count, name
        assert _events(connection) == upgraded.events


def test_every_view_of_today_can_be_read(upgraded: Upgraded) -> None:
    with connect(upgraded.url) as connection:
        for name in _names(connection, "v", ("ssa",)):
            _content(connection, name)


def test_slices_of_before_are_read_and_expired_ones_say_so(upgraded: Upgraded) -> None:
    with connect(upgraded.url) as connection:
        current = connection.execute(
            "SELECT asset, epoch_day, lead_day, row_count, expired_at FROM ssa.runs WHERE is_current"
        ).fetchall()
    assert len(current) >= 20
    with SliceStore(upgraded.url) as store:
        for asset, epoch_day, lead_day, row_count, expired_at in current:
            key = SliceKey(asset, epoch_day, lead_day)
            if expired_at is not None:
                with pytest.raises(SliceExpiredError):
                    store.read(key)
            else:
                assert store.read(key)[1].row_count == row_count


@pytest.mark.parametrize("epoch_day", [date(2024, 11, 3), date(2024, 10, 31)])
def test_days_are_added_in_partitions_of_before_and_new_ones(upgraded: Upgraded, epoch_day: date) -> None:
    """The last test of this file: it adds rows."""
    (found,) = fill(upgraded.url, small_catalog(20)[0], epoch_day=epoch_day)
    query = "SELECT count(*) FROM ssa.events WHERE epoch_day = %s"
    with connect(upgraded.url) as connection:
        assert connection.execute(query, [epoch_day]).fetchone() == (len(found),)
    assert len(found) > 0


def _names(connection: psycopg.Connection, kinds: str, schemas: tuple[str, ...]) -> list[str]:
    """Tables (not their partitions) or views, as schema.name."""
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY(%s) AND c.relkind = ANY(%s) AND NOT c.relispartition ORDER BY 1",
        [list(schemas), list(kinds)],
    )
    return [name for (name,) in rows]


def _content(connection: psycopg.Connection, name: str) -> tuple[list[str], list[Any]]:
    query = sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(*name.split(".")))
    names = [column.name for column in connection.execute(query).description or ()]
    return names, _rows(connection, name, names)


def _rows(connection: psycopg.Connection, name: str, columns: list[str]) -> list[str]:
    """As text, so that jsonb and arrays can be counted."""
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("SELECT r::text FROM (SELECT {} FROM {}) r").format(listed, sql.Identifier(*name.split(".")))
    return [text for (text,) in connection.execute(query)]


def _events(connection: psycopg.Connection) -> list[Any]:
    return connection.execute(f"SELECT {EVENT} FROM ssa.events ORDER BY 1, 2, 3, 4, 5").fetchall()  # type: ignore[call-overload]
