"""Upgrades: from nothing, twice at once, phase by phase, without rights, and beside newer releases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import DatabaseUnreachableError, MissingRightsError, SchemaError
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline.storage.slices.element_sets import store_element_sets
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared import slice_samples

BEFORE = sorted(file.name[:5] for file in Path(migrate.__file__).with_name("migrations").glob("before/b*.py"))
REVISIONS = ["b0001", "a0001", *BEFORE[1:]]


@pytest.fixture
def empty_database(any_server: Server) -> Iterator[DatabaseUrl]:
    with any_server.empty_database() as url:
        yield url


def test_an_empty_database_says_what_to_do(empty_database: DatabaseUrl) -> None:
    assert migrate.check(empty_database) == [f"revisions {', '.join(REVISIONS)} are not applied: run `ssa db upgrade`"]


def test_two_upgrades_at_once_share_the_work(empty_database: DatabaseUrl) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate.upgrade(empty_database), range(4)))
    assert sorted(applied) == [[], [], [], REVISIONS]
    assert migrate.check(empty_database) == []


def test_upgrades_of_two_databases_at_once_share_the_role(any_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles belong to the whole server. (A name of the test's own: the real role is there already.)"""
    monkeypatch.setattr(migrate, "READER", "ssa_reader_raced")

    def create(url: DatabaseUrl) -> None:
        with connect(url) as connection:
            barrier.wait(30)
            migrate._create_reader(connection)

    barrier = Barrier(8)
    with any_server.empty_database() as one, any_server.empty_database() as two, ThreadPoolExecutor(8) as pool:
        list(pool.map(create, [one, two] * 4))
    any_server.administer("DROP ROLE {}", "ssa_reader_raced")
    with any_server.empty_database() as one, any_server.empty_database() as two, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(migrate.upgrade, (one, two))) == [REVISIONS] * 2


def test_phases_run_in_their_order(empty_database: DatabaseUrl) -> None:
    with pytest.raises(SchemaError, match=f"{', '.join(BEFORE)} of phase before come first"):
        migrate.upgrade(empty_database, "after")
    assert migrate.upgrade(empty_database, "before") == BEFORE
    assert migrate.pending(empty_database) == ["a0001"]
    assert migrate.upgrade(empty_database, "before") == []
    assert migrate.upgrade(empty_database, "after") == ["a0001"]
    assert migrate.check(empty_database) == []


def test_without_rights_the_message_holds_the_sql_that_an_administrator_needs(
    any_server: Server, empty_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SQL is taken from the message and run as printed; then the upgrade succeeds."""
    name = empty_database.url.rsplit("/", 1)[1]
    monkeypatch.setattr(migrate, "READER", "ssa_reader_elsewhere")  # the real role is there already
    any_server.administer("CREATE ROLE {} LOGIN PASSWORD 'poor'", "poor")
    poor = DatabaseUrl.parse(f"postgresql://poor:poor@{empty_database.url.split('@')[1]}")
    try:
        with pytest.raises(MissingRightsError) as raised:
            migrate.upgrade(poor)
        printed = [line.strip() for line in str(raised.value).splitlines() if line.startswith("    ")]
        assert printed == [
            'CREATE ROLE "ssa_reader_elsewhere" NOLOGIN;',
            f'GRANT CREATE ON DATABASE "{name}" TO "poor";',
        ]
        with psycopg.connect(any_server.url(name, superuser=True).psycopg, autocommit=True) as administrator:
            for statement in printed:
                administrator.execute(statement)
        assert migrate.upgrade(poor) == REVISIONS
        any_server.administer(f'REVOKE CREATE ON DATABASE "{name}" FROM {{}}', "poor")
        assert migrate.upgrade(poor) == []
    finally:
        with psycopg.connect(any_server.url(name, superuser=True).psycopg, autocommit=True) as administrator:
            for role in ("poor", "ssa_reader_elsewhere"):
                if administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    administrator.execute(f"DROP OWNED BY {role} CASCADE")
                    administrator.execute(f"DROP ROLE {role}")


def test_a_release_that_was_rolled_back_works_on_what_the_newer_one_added(fresh_database: DatabaseUrl) -> None:
    with connect(fresh_database) as connection:
        connection.execute("INSERT INTO ssa_migrations.alembic_version VALUES ('b0099')")
    assert migrate.upgrade(fresh_database) == []
    assert migrate.check(fresh_database) == ["a newer release has applied b0099: what else differs is its own"]
    with connect(fresh_database) as connection:
        connection.execute(
            "UPDATE ssa_migrations.alembic_version SET version_num = 'a0099' WHERE version_num = 'a0001'"
        )
    with pytest.raises(SchemaError, match="a0099"):
        migrate.upgrade(fresh_database)


OLD_SETS = """
INSERT INTO catalog.element_set (content_key, norad_id, object_name, object_id, epoch, mean_motion_rev_per_day,
    eccentricity, inclination_deg, raan_deg, arg_perigee_deg, mean_anomaly_deg, bstar, mean_motion_dot,
    mean_motion_ddot, classification, element_set_no, rev_at_epoch)
SELECT sha256(convert_to(epoch::text || n, 'UTF8')), n, 'N' || n, '', epoch, 15, 0, 51, 1, 2, 3, 0, 0, 0, 'U', n, 7
FROM generate_series(1, 50) AS n
CROSS JOIN (VALUES
    ('2023-12-31 23:59:59.999999Z'::timestamptz), ('2024-01-01Z'), ('2024-12-31 23:59:59.999999Z'), ('2025-01-01Z'),
    ('1957-10-04Z'), ('2056-12-31Z')
) AS sets (epoch);
INSERT INTO raw.content VALUES (sha256(''), '', 0);
INSERT INTO raw.snapshot (epoch_day, source, file_name, sha256, received_at)
SELECT day, 'file', 'a', sha256(''), '2024-11-01Z' FROM (VALUES ('2024-11-01'::date), ('2024-12-20')) AS days (day);
CREATE VIEW ssa.objects AS SELECT norad_id FROM catalog.element_set;
CREATE VIEW ssa.runs AS SELECT norad_id FROM ssa.objects;
"""
WHOLE_TABLE = "SELECT * FROM catalog.element_set ORDER BY element_set_id"
PARTITIONS = "SELECT DISTINCT tableoid::regclass::text, extract(year FROM epoch AT TIME ZONE 'UTC')::int " + (
    "FROM catalog.element_set ORDER BY 2"
)


def _upgrade_to_before(revision: str, url: DatabaseUrl) -> None:
    newest, older_head = migrate.command.upgrade, BEFORE[BEFORE.index(revision) - 1]
    with pytest.MonkeyPatch.context() as older:
        older.setattr(migrate.command, "upgrade", lambda config, _: newest(config, older_head))
        older.setattr(migrate, "_apply_repeatables", lambda _: None)
        migrate.upgrade(url, "before")


def test_the_fence_begins_above_every_token_there_is(empty_database: DatabaseUrl) -> None:
    _upgrade_to_before("b0012", empty_database)
    key = SliceKey("refined_events", date(2024, 11, 1), 0)
    with connect(empty_database) as connection:
        connection.execute(
            "INSERT INTO screening.slice_claim VALUES ('refined_events', '2024-11-01', 0, 41, 'a'),"
            " ('refined_events', '2024-11-01', 1, 7, 'b')"
        )
    migrate.upgrade(empty_database)
    with SliceStore(empty_database) as store:
        assert store.claim([key], "new") == 42


@pytest.fixture
def guest(any_server: Server) -> Iterator[str]:
    any_server.administer("CREATE ROLE {}", "guest")
    yield "guest"
    any_server.administer("DROP ROLE {}", "guest")


def test_element_sets_move_into_their_years_with_their_ids(
    any_server: Server, empty_database: DatabaseUrl, guest: str
) -> None:
    _upgrade_to_before("b0008", empty_database)
    with connect(empty_database) as connection:
        connection.execute(OLD_SETS)
        any_server.administer("GRANT ssa_reader TO {}", guest)
        before = connection.execute(WHOLE_TABLE).fetchall()
        connection.execute("CREATE VIEW screening.of_another AS SELECT * FROM ssa.runs")
    with pytest.raises(SchemaError, match=r"view screening\.of_another depends on view (ssa\.)?runs"):
        migrate.upgrade(empty_database)
    with connect(empty_database) as connection:
        assert connection.execute(WHOLE_TABLE).fetchall() == before
        connection.execute("DROP VIEW screening.of_another")
    assert "b0008" in migrate.upgrade(empty_database)
    assert migrate.check(empty_database) == []
    with connect(empty_database) as connection:
        may_read = connection.execute("SELECT has_table_privilege(%s, 'ssa.events', 'SELECT')", [guest]).fetchone()
        assert may_read == (True,)  # the views are other ones now
        assert connection.execute(WHOLE_TABLE).fetchall() == before
        assert connection.execute(PARTITIONS).fetchall() == [
            ("catalog.element_set_default", 1957),
            ("catalog.element_set_default", 2023),
            ("catalog.element_set_p2024", 2024),
            ("catalog.element_set_p2025", 2025),
            ("catalog.element_set_default", 2056),
        ]
        (new,) = store_element_sets(connection, slice_samples.element_sets(1))
        assert new == len(before) + 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "ALTER TABLE raw.snapshot ADD COLUMN extra int",
            "raw.snapshot has other columns: missing [], unknown ['extra']",
        ),
        ("ALTER TABLE screening.slice_log ALTER COLUMN run_id DROP NOT NULL", "slice_log.run_id is nullable"),
        ("ALTER TABLE catalog.element_set ALTER COLUMN bstar TYPE real", "element_set.bstar has type real"),
        ("ALTER TABLE screening.ephemeris_chunk ALTER COLUMN nodes SET STORAGE EXTENDED", "nodes has storage 'x'"),
        ("CREATE TABLE screening.stranger (x int)", "screening.stranger does not belong here"),
        ("DROP VIEW ssa.runs", "ssa.runs does not exist"),
        ("COMMENT ON TABLE raw.content IS 'x'", "raw.content has the comment 'x'"),
        ("REVOKE SELECT ON ssa.events FROM ssa_reader", "ssa_reader may not read ssa.events"),
        ("GRANT INSERT ON ssa.runs TO ssa_reader", "ssa_reader may write ssa.runs"),
        ("ALTER TABLE screening.slice_claim DROP CONSTRAINT slice_claim_pkey", "slice_claim has the primary key ()"),
    ],
)
def test_every_kind_of_difference_is_told(database: DatabaseUrl, change: str, sentence: str) -> None:
    """The contract is compared inside the transaction that made the change, which is then undone."""
    from ssa_pipeline.storage.schema.contract_check import differences

    with connect(database) as connection:
        assert differences(connection) == []
        with connection.transaction(force_rollback=True):
            for dependent in (
                "catalog_day",
                "element_sets",
                "events_latest",
                "events",
                "objects",
                "proximity_intervals",
            ):
                if "bstar" in change:
                    connection.execute(f"DROP VIEW IF EXISTS ssa.{dependent} CASCADE")
            connection.execute(change)
            assert [text for text in differences(connection) if sentence in text], differences(connection)
        assert differences(connection) == []


def test_an_upgrade_restores_views_comments_and_rights(fresh_database: DatabaseUrl) -> None:
    with connect(fresh_database) as connection:
        connection.execute("DROP VIEW ssa.events CASCADE")
        connection.execute("COMMENT ON SCHEMA raw IS NULL")
        connection.execute("REVOKE SELECT ON ssa.runs FROM ssa_reader")
    assert len(migrate.check(fresh_database)) >= 4
    migrate.upgrade(fresh_database)
    assert migrate.check(fresh_database) == []


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"no connection to postgresql://me:\*\*\*@127.0.0.1:1/ssa"):
        migrate.upgrade(DatabaseUrl.parse("postgresql://me:secret@127.0.0.1:1/ssa"))
