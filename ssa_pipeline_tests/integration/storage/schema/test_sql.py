"""The public views: every query of docs/sql.md runs, what they say is right, and the reader reads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from benchmarks.sql import documented_queries
from ssa_pipeline.core.catalog.completeness import object_types
from ssa_pipeline.core.orbits.mean_orbit import regimes
from ssa_pipeline.core.records import Events
from ssa_pipeline.core.time import from_us
from ssa_pipeline.core.volumes.screening_volume import CONSTELLATIONS, constellations
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline.storage.schema.tables import TABLES
from ssa_pipeline.storage.schema.views import VIEWS
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, catalog_of, small_catalog
from ssa_pipeline_tests.shared.filled import fill
from ssa_pipeline_tests.shared.places import BUNDLED

QUERIES = documented_queries()
NEXT_DAY = EPOCH_DAY + timedelta(days=1)
# Titles of queries about what this database has not: it was filled without a SATCAT, a gate and bad records.
EMPTY = ("Which days are held", "What was not used", "Which encounters are of a set that jumped")


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, list[Events]]:
    """Two epoch days; the first lacks every other object that does not belong to a station. What it has is carried over
    to the second; returned are the events of the first."""
    crowd = small_catalog(500)[0].splitlines(keepends=True)
    stations = catalog_of({25544, 49044, 59913, 48274, 53239}).splitlines(keepends=True)
    extra = [line for line in stations[1:] if line not in crowd]
    half = [line for place, line in enumerate(crowd) if place % 2 == 0 or line in stations]
    found = fill(any_database, b"".join([*half, *extra]), lead_days=2)
    fill(any_database, b"".join([*crowd, *extra]), "next.csv", epoch_day=NEXT_DAY)
    return any_database, found


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


@pytest.mark.parametrize(("title", "query"), QUERIES.items(), ids=list(QUERIES))
def test_every_query_of_the_document_answers(reader: psycopg.Connection, title: str, query: str) -> None:
    rows = reader.execute(query).fetchall()  # type: ignore[call-overload]
    assert bool(rows) != title.startswith(EMPTY), title


def test_the_queries_answer_what_they_say(reader: psycopg.Connection, filled: tuple[DatabaseUrl, list[Events]]) -> None:
    def ask(title: str) -> list[dict[str, Any]]:
        (query,) = [query for name, query in QUERIES.items() if name.startswith(title)]
        return reader.cursor(row_factory=dict_row).execute(query).fetchall()  # type: ignore[call-overload]

    first = filled[1][0]
    crossings = first.take(first.event_class == "crossing")
    closest = crossings.miss_distance_km.min()
    assert ask("The ten closest crossings")[0]["miss_distance_km"] == pytest.approx(closest, rel=0.5)
    fresh = ask("Close and fresh")
    assert fresh[0]["miss_distance_km"] > 0.001  # nothing docked
    assert all(abs(row[f"age_{k}_days"]) < 1 for row in fresh for k in (1, 2))
    pair = ask("How the prediction of a pair changed")
    assert {row["epoch_day"] for row in pair} == {EPOCH_DAY, NEXT_DAY}
    changes = ask("What is new and gone")
    assert {row["change"] for row in changes} == {"new"}  # both days have the same sets of what both have
    assert all(row["norad_id_1"] != 25544 for row in changes)
    where = ask("Where over the Earth")
    assert all(150 < row["altitude_km"] < 40_000 and row["threshold_km"] == 5.0 for row in where)
    payloads = ask("Which payloads meet debris")
    assert all("DEB" in row["debris"] and "DEB" not in row["object_name"] for row in payloads)


def test_new_and_gone_are_those_of_a_plain_comparison(filled: tuple[DatabaseUrl, list[Events]]) -> None:
    """Lead day 1 of the first day and 0 of the second cover the same UTC day. New are the encounters of objects that
    came; gone is what is taken away from the second here."""
    old = set(zip(filled[1][1].norad_id_1.tolist(), filled[1][1].norad_id_2.tolist(), strict=True))
    query = "SELECT change, norad_id_1, norad_id_2, tca_utc FROM ssa.event_changes WHERE epoch_day = %s"
    with connect(filled[0]) as connection, connection.transaction(force_rollback=True):
        rows = connection.execute(
            "SELECT 'new', norad_id_1, norad_id_2, tca_utc FROM ssa.events WHERE epoch_day = %s", [NEXT_DAY]
        ).fetchall()
        expected = {row for row in rows if row[1:3] not in old}
        assert len(expected) > 5
        assert set(connection.execute(query, [NEXT_DAY])) == expected
        taken = next(row for row in rows if row[1:3] in old)
        connection.execute(
            "DELETE FROM screening.refined_event WHERE epoch_day = %s AND norad_id_1 = %s AND norad_id_2 = %s",
            [NEXT_DAY, *taken[1:3]],
        )
        gone = {row for row in connection.execute(query, [NEXT_DAY]) if row[0] == "gone"}
        assert {row[1:3] for row in gone} == {taken[1:3]}


def test_what_views_say_of_a_name_and_an_orbit_is_what_the_core_says(any_database: DatabaseUrl) -> None:
    """Over every object of the bundled catalogue, and names that are hard."""
    sets = parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets
    hard = [
        "STARLINK-1 DEB",
        "starlink-2 ",
        "STARLINK",
        "ONEWEB-0012 R/B",
        "ATLAS R/B DEB",
        "R/BX",
        "DEBUT",
        "OBJECT DEB *",
    ]
    names = [*sets.object_name.tolist(), *hard]
    groups = [CONSTELLATIONS[k - 1] if k else None for k in constellations(np.array(names, dtype=object)).tolist()]
    motion, eccentricity = sets.mean_motion_rev_per_day.tolist(), sets.eccentricity.tolist()
    with connect(any_database) as connection:
        told = connection.execute(
            "SELECT ssa.constellation_of(name), ssa.object_type_of(name) "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS n (name, place) ORDER BY place",
            [names],
        ).fetchall()
        regime = connection.execute(
            "SELECT ssa.regime_of(motion, e) FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY "
            "AS n (motion, e, place) ORDER BY place",
            [motion, eccentricity],
        ).fetchall()
        nameless = connection.execute("SELECT ssa.object_type_of(' '), ssa.object_type_of(NULL)").fetchone()
    assert [group for group, _ in told] == groups
    assert len(set(groups)) > 3
    assert [kind for _, kind in told] == [str(kind) for kind in object_types(np.array(names, dtype=object))]
    assert [word for (word,) in regime] == [str(word) for word in regimes(sets)]
    assert nameless == (None, None)


def test_events_are_those_of_the_engine(filled: tuple[DatabaseUrl, list[Events]]) -> None:
    url, parts = filled
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT tca_utc, norad_id_1, norad_id_2, miss_distance_km FROM ssa.events "
            "WHERE epoch_day = %s ORDER BY lead_day, tca_utc, norad_id_1, norad_id_2",
            [EPOCH_DAY],
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
            "SELECT sum(n_pieces), count(*), count(*) FILTER (WHERE n_pieces = 2) FROM ssa.proximity_intervals "
            "WHERE epoch_day = %s",
            [EPOCH_DAY],
        ).fetchone() or (0, 0, 0)
    total = sum(int((part.event_class == "persistent").sum()) for part in parts)
    assert (pieces, intervals) == (total, total - open_ends)
    assert stitched == open_ends


def test_passages_and_seconds_below_the_threshold_add_up_over_the_lead_days(
    filled: tuple[DatabaseUrl, list[Events]],
) -> None:
    """A passage across the border counts once."""
    url, parts = filled
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT norad_id_1, norad_id_2, n_passages, below_threshold_s FROM ssa.proximity_intervals "
            "WHERE n_pieces = 2"
        ).fetchall()
    assert rows
    for one, two, n_passages, seconds in rows:
        mine = [(e, k) for e in parts for k in np.flatnonzero((e.norad_id_1 == one) & (e.norad_id_2 == two))]
        if len(mine) > 2:
            continue
        cut = "passage_continues_before" in mine[1][0].flags[mine[1][1]].split()
        assert n_passages == sum(int(e.n_passages[k]) for e, k in mine) - cut
        assert seconds == pytest.approx(sum(float(e.below_threshold_s[k]) for e, k in mine))


def test_what_older_releases_wrote_knows_no_passages_but_those_of_crossings(
    filled: tuple[DatabaseUrl, list[Events]],
) -> None:
    url, parts = filled
    with connect(url) as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE screening.refined_event SET below_threshold_s = NULL, n_passages = NULL")
        rows = connection.execute(
            "SELECT event_class, count(below_threshold_s), count(n_passages), count(*), "
            "max(abs(below_threshold_s - extract(epoch FROM end_utc - start_utc))) "
            "FROM ssa.events WHERE epoch_day = %s GROUP BY 1 ORDER BY 1",
            [EPOCH_DAY],
        ).fetchall()
        intervals = connection.execute(
            "SELECT count(*), count(n_passages), count(below_threshold_s) FROM ssa.proximity_intervals"
        ).fetchone()
    total = sum(int((part.event_class == "persistent").sum()) for part in parts)
    n = sum(map(len, parts)) - total
    assert rows == [("crossing", n, n, n, pytest.approx(0.0, abs=1e-5)), ("persistent", 0, 0, total, None)]
    assert intervals is not None
    assert intervals[1:] == (0, 0)


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
