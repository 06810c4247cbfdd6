"""The public views: every query of docs/sql.md runs, what they say is right, and the reader reads nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ssa_pipeline.core.records import Events
from ssa_pipeline.core.time import from_us
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage import migrate
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.tables import TABLES, VIEWS
from ssa_pipeline_tests.chain_data import catalog_of, small_catalog
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.integration.filled import fill

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
QUERIES = re.findall(r"^## (.+?)\n+```sql\n(.+?)```", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, list[Events]]:
    crowd = small_catalog(150)[0].splitlines(keepends=True)
    stations = catalog_of({25544, 49044, 59913, 48274, 53239}).splitlines(keepends=True)
    data = b"".join([*crowd, *(line for line in stations[1:] if line not in crowd)])
    return any_database, fill(any_database, data, lead_days=2)


@pytest.fixture
def reader(any_server: Server, filled: tuple[DatabaseUrl, list[Events]]) -> Iterator[psycopg.Connection]:
    """A login that is a member of ssa_reader and of nothing else."""
    name = filled[0].url.rsplit("/", 1)[1]
    any_server.administer("CREATE ROLE {} LOGIN PASSWORD 'analyst' IN ROLE ssa_reader", "analyst")
    try:
        login = any_server.url(name).url.split("@")[1]
        with psycopg.connect(f"postgresql://analyst:analyst@{login}", autocommit=True) as connection:
            yield connection
    finally:
        any_server.administer("DROP ROLE {}", "analyst")


def test_the_document_has_ten_queries_or_more() -> None:
    assert len(QUERIES) >= 10


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_every_query_of_the_document_runs(reader: psycopg.Connection, title: str, query: str) -> None:
    rows = reader.execute(query).fetchall()  # type: ignore[call-overload]
    may_be_empty = (
        "Everything that comes near one object",
        "Close and fresh",
        "What was not used",
        "Which ",
        "What changed",
    )
    assert rows or title.startswith(may_be_empty), title


def test_events_are_those_of_the_engine(filled: tuple[DatabaseUrl, list[Events]]) -> None:
    url, parts = filled
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT tca_utc, norad_id_1, norad_id_2, miss_distance_km FROM ssa.events "
            "ORDER BY lead_day, tca_utc, norad_id_1, norad_id_2"
        ).fetchall()
    expected = [
        (from_us(e.tca_us[k]), e.norad_id_1[k], e.norad_id_2[k], e.miss_distance_km[k])
        for e in parts
        for k in range(len(e))
    ]
    assert rows == expected


def test_persistent_pieces_are_stitched_over_the_lead_days(filled: tuple[DatabaseUrl, list[Events]]) -> None:
    url, parts = filled
    open_ends = sum("continues_after" in flags for flags in parts[0].flags)
    assert open_ends > 0
    with connect(url) as connection:
        (pieces, intervals, stitched) = connection.execute(
            "SELECT sum(n_pieces), count(*), count(*) FILTER (WHERE n_pieces = 2) FROM ssa.proximity_intervals"
        ).fetchone() or (0, 0, 0)
    total = sum(int((part.event_class == "persistent").sum()) for part in parts)
    assert (pieces, intervals) == (total, total - open_ends)
    assert stitched == open_ends


def test_every_view_and_column_has_a_comment(any_database: DatabaseUrl) -> None:
    with connect(any_database) as connection:
        silent = connection.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
            "WHERE n.nspname = 'ssa' AND c.relkind = 'v' AND col_description(c.oid, a.attnum) IS NULL"
        ).fetchall()
        found = connection.execute("SELECT count(*) FROM pg_views WHERE schemaname = 'ssa'").fetchone()
    assert silent == []
    assert found == (len(VIEWS),)


def test_the_reader_reads_the_views_and_nothing_else(reader: psycopg.Connection) -> None:
    for view in VIEWS:
        reader.execute(f"SELECT * FROM ssa.{view.name} LIMIT 1")
    for table in TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f"SELECT * FROM {table.full_name} LIMIT 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("CREATE TABLE ssa.mine (x int)")


def test_a_migrated_database_meets_its_contract_and_a_changed_one_does_not(fresh_database: DatabaseUrl) -> None:
    assert migrate.check(fresh_database) == []
    assert migrate.upgrade(fresh_database) == []
    with connect(fresh_database) as connection:
        connection.execute("COMMENT ON COLUMN ssa.events.tca_utc IS NULL")
        connection.execute("GRANT USAGE ON SCHEMA raw TO ssa_reader")
        connection.execute("GRANT SELECT ON raw.content TO ssa_reader")
        connection.commit()
    differences = migrate.check(fresh_database)
    assert [text for text in differences if "tca_utc" in text], differences
    assert [text for text in differences if "ssa_reader" in text], differences
