"""The nightly purge on a real instance of Dagster: what it deletes, and that Dagster's view of the assets stays."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterEventType,
    DagsterInstance,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    job,
    materialize,
    op,
)
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.defs.housekeeping import BYTES_TAG, purge_runs_job
from ssa_pipeline.defs.resources import PostgresStorage
from ssa_pipeline.local.abandoned_runs import open_instance
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.schema.partitions import ensure_partitions
from ssa_pipeline.storage.schema.table_sizes import table_sizes
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.storage.upkeep import run_history, run_rows
from ssa_pipeline.storage.upkeep.retention import expire_slices
from ssa_pipeline.storage.upkeep.run_history import Purged, purge_runs

DAYS = StaticPartitionsDefinition(["d1", "d2", "d3", "never"])
NOW = datetime.now(UTC)
COPIES = 300


@asset(partitions_def=DAYS)
def thing(context: AssetExecutionContext) -> None:
    if context.run.tags.get("fails"):
        raise ValueError("as asked")


@asset_check(asset=thing)
def thing_is_good() -> AssetCheckResult:
    return AssetCheckResult(passed=True)


@op
def nothing() -> None:
    return None


@job
def idle() -> None:
    nothing()


@pytest.fixture(scope="module")
def settings(any_database: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return read_settings({"SSA_HOME": str(tmp_path_factory.mktemp("home")), "DATABASE_URL": any_database.url})


@pytest.fixture(scope="module")
def instance(settings: Settings, any_database: DatabaseUrl) -> Iterator[DagsterInstance]:
    link_dagster_home(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service_environment(settings, any_database).items():
            patch.setenv(name, value)
        with open_instance(os.environ) as opened:
            yield opened


def run(instance: DagsterInstance, day: str, *, fails: bool = False) -> str:
    tags = {"fails": "yes"} if fails else {}
    done = materialize([thing, thing_is_good], instance=instance, partition_key=day, tags=tags, raise_on_error=False)
    assert done.success is not fails
    return done.run_id


def view(instance: DagsterInstance, name: str = "thing") -> dict[str, Any]:
    """What Dagster says of the asset when it asks its events, without its cache."""
    key = AssetKey(name)
    instance.wipe_asset_cached_status([key])
    cached = get_and_update_asset_status_cache_value(instance, key, DAYS)
    assert cached is not None
    check = instance.event_log_storage.get_latest_asset_check_execution_by_key([AssetCheckKey(key, "thing_is_good")])
    failed, in_progress = (
        DAYS.deserialize_subset(text).get_partition_keys() if text else []
        for text in (cached.serialized_failed_partition_subset, cached.serialized_in_progress_partition_subset)
    )
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
    return {
        "materialized": sorted(instance.get_materialized_partitions(key)),
        "failed": sorted(failed),
        "in_progress": sorted(in_progress),
        "latest": latest,
        "check": [(record.status, record.run_id) for record in check.values()],
    }


def age(url: DatabaseUrl, days: int) -> None:
    """Everything so far happened ``days`` earlier."""
    with connect(url) as connection:
        params = {"by": timedelta(days=days)}
        connection.execute(
            "UPDATE dagster.runs SET end_time = end_time - extract(epoch FROM %(by)s), "
            "update_timestamp = update_timestamp - %(by)s",
            params,
        )
        connection.execute("UPDATE dagster.event_logs SET timestamp = timestamp - %(by)s", params)
        connection.execute(
            "UPDATE dagster.asset_check_executions SET create_timestamp = create_timestamp - %(by)s", params
        )


def copy_run(url: DatabaseUrl, run_id: str, copies: int, status: str = "SUCCESS") -> list[str]:
    """Many runs with the rows of one: its body, tags and events under new ids."""
    ids = [str(uuid.uuid4()) for _ in range(copies)]
    with connect(url) as connection:
        for statement in (
            "INSERT INTO dagster.runs (run_id, snapshot_id, pipeline_name, status, run_body, update_timestamp,"
            " end_time) SELECT n, snapshot_id, pipeline_name, %(status)s, replace(run_body, run_id, n),"
            " update_timestamp, end_time FROM dagster.runs, unnest(%(ids)s::text[]) n WHERE run_id = %(run_id)s",
            "INSERT INTO dagster.run_tags (run_id, key, value)"
            " SELECT n, key, value FROM dagster.run_tags, unnest(%(ids)s::text[]) n WHERE run_id = %(run_id)s",
            "INSERT INTO dagster.event_logs (run_id, event, dagster_event_type, timestamp, step_key)"
            " SELECT n, replace(event, run_id, n), dagster_event_type, timestamp, step_key"
            " FROM dagster.event_logs, unnest(%(ids)s::text[]) n WHERE run_id = %(run_id)s",
        ):
            connection.execute(statement, {"ids": ids, "run_id": run_id, "status": status})
    return ids


def counts(url: DatabaseUrl, run_ids: list[str]) -> tuple[int, int]:
    """(runs, events) of these ids."""
    with connect(url) as connection:
        found = [
            connection.execute(f"SELECT count(*) FROM dagster.{table} WHERE run_id = ANY(%s)", [run_ids]).fetchone()
            for table in ("runs", "event_logs")
        ]
    return found[0][0], found[1][0]  # type: ignore[index]


def without_owner(url: DatabaseUrl, table: str, key: str, owner: str, owner_key: str) -> int:
    """Rows of ``table`` that belong to nothing; AssertionError where it has no rows at all."""
    with connect(url) as connection:
        row = connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE o.{owner_key} IS NULL) FROM dagster.{table} t"  # type: ignore[arg-type]
            f" LEFT JOIN dagster.{owner} o ON o.{owner_key} = t.{key}"
        ).fetchone()
    assert row is not None
    assert row[0] > 0
    return int(row[1])


def test_old_runs_go_in_small_steps_and_every_partition_keeps_its_state(
    instance: DagsterInstance, any_database: DatabaseUrl
) -> None:
    superseded = [run(instance, "d1"), run(instance, "d1"), run(instance, "d2", fails=True)]
    holding = [run(instance, "d2"), run(instance, "d1"), run(instance, "d3", fails=True)]
    idle_run = idle.execute_in_process(instance=instance).run_id
    old = [idle_run, *copy_run(any_database, idle_run, COPIES)]
    running = copy_run(any_database, idle_run, 3, status="STARTED")
    age(any_database, 31)
    young = copy_run(any_database, idle.execute_in_process(instance=instance).run_id, 20)
    before, total = view(instance), counts(any_database, old)[1]
    assert (before["materialized"], before["failed"], before["in_progress"]) == (["d1", "d2"], ["d3"], [])
    untouched = [counts(any_database, running), counts(any_database, young)]
    assert total > 10 * COPIES

    told: list[Purged] = []
    first = purge_runs(any_database, 30, NOW, told.append, events_per_statement=100, events_per_call=1_000)
    assert 1_000 <= first.events < 1_100  # stops after the statement that reaches the limit
    assert not first.is_complete
    assert counts(any_database, old)[1] >= total - first.events
    rest = purge_runs(any_database, 30, NOW, told.append)
    assert rest.is_complete
    assert told[-1] == replace(rest, is_complete=False)

    assert counts(any_database, [*old, *superseded]) == (0, 0)
    assert [counts(any_database, running), counts(any_database, young)] == untouched
    assert first.runs + rest.runs == len(old) + len(superseded)
    assert rest.runs_kept == len(holding)
    assert counts(any_database, holding)[0] == len(holding)
    assert view(instance) == before
    assert without_owner(any_database, "run_tags", "run_id", "runs", "run_id") == 0
    assert without_owner(any_database, "asset_event_tags", "event_id", "event_logs", "id") == 0
    assert purge_runs(any_database, 30, NOW) == Purged(0, len(holding), 0, is_complete=True)

    # why not Dagster's own: a partition whose newest run it deletes is missing
    instance.delete_run(holding[0])
    assert view(instance)["materialized"] == ["d1"]


def test_a_run_and_its_retries_go_together(
    instance: DagsterInstance, any_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed run whose successful retry was purged, or the other way round, would be misjudged."""
    monkeypatch.setattr(run_history, "RUNS_PER_BATCH", 1)
    age(any_database, 31)
    kept_before = purge_runs(any_database, 30, NOW).runs_kept

    def copy(of: str, root: str | None = None, status: str = "SUCCESS") -> str:
        (run_id,) = copy_run(any_database, of, 1, status)
        if root:
            instance.add_run_tags(run_id, {"dagster/root_run_id": root, "dagster/parent_run_id": root})
        return run_id

    done = idle.execute_in_process(instance=instance).run_id
    retried_lately, in_progress, holding = copy(done), copy(done), run(instance, "never", fails=True)
    together, empty = [done, copy(done, done), copy(done, done)], copy(done, holding)
    running = copy(done, in_progress, status="STARTED")
    age(any_database, 2)
    lately = copy(idle.execute_in_process(instance=instance).run_id, retried_lately)
    age(any_database, 29)
    untouched = [[one] for one in (retried_lately, lately, in_progress, running)]
    before = [counts(any_database, one) for one in untouched]
    purged = purge_runs(any_database, 30, NOW)
    assert (purged.runs, purged.runs_kept - kept_before, purged.is_complete) == (3, 2, True)
    assert counts(any_database, together) == (0, 0)
    assert [counts(any_database, one) for one in untouched] == before
    assert counts(any_database, [empty]) == (1, 0)  # its first run holds the state of a partition
    age(any_database, 2)
    assert purge_runs(any_database, 30, NOW).runs == 3
    assert counts(any_database, [retried_lately, lately]) == (0, 0)


def test_a_retry_queued_during_the_purge_stays_and_so_does_its_root(
    instance: DagsterInstance, any_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_history, "RUNS_PER_BATCH", 1)
    first = idle.execute_in_process(instance=instance).run_id
    (root,) = copy_run(any_database, first, 1)
    age(any_database, 31)
    retries: list[str] = []

    def queue_retry(_: Purged) -> None:
        if not retries:
            retries.extend(copy_run(any_database, root, 1, status="NOT_STARTED"))
            instance.add_run_tags(retries[0], {"dagster/root_run_id": root, "dagster/parent_run_id": root})
            with connect(any_database) as connection:  # a retry has no events before it is queued
                connection.execute("DELETE FROM dagster.event_logs WHERE run_id = %s", retries)

    assert purge_runs(any_database, 30, NOW, queue_retry).is_complete
    assert counts(any_database, [first]) == (0, 0)
    assert counts(any_database, [root, *retries]) == (2, 0)
    with connect(any_database) as connection:
        connection.execute("DELETE FROM dagster.runs WHERE run_id = ANY(%s)", [[root, *retries]])


def test_events_without_a_run_go_and_what_was_reported_without_one_stays(
    instance: DagsterInstance, any_database: DatabaseUrl
) -> None:
    is_fresh = AssetCheckEvaluation(asset_key=AssetKey("reported"), check_name="is_fresh", passed=True)
    for _ in range(2):
        instance.report_runless_asset_event(AssetMaterialization("reported", partition="d1"))
        instance.report_runless_asset_event(is_fresh)
    orphan = idle.execute_in_process(instance=instance).run_id
    age(any_database, 31)
    with connect(any_database) as connection:
        connection.execute("DELETE FROM dagster.runs WHERE run_id = %s", [orphan])
    instance.report_runless_asset_event(AssetMaterialization("reported", partition="d2"))
    for _ in range(3):  # as a sensor of freshness reports
        instance.report_runless_asset_event(is_fresh)
    before = view(instance, "reported")
    assert purge_runs(any_database, 30, NOW).is_complete
    assert counts(any_database, [orphan]) == (0, 0)
    assert counts(any_database, [""])[1] == 2 + 3
    with connect(any_database) as connection:
        kept = connection.execute("SELECT count(*) FROM dagster.asset_check_executions WHERE run_id = ''").fetchone()
    assert kept == (3,)
    assert view(instance, "reported") == before


def test_the_job_tells_counts_and_sizes_and_growth(
    instance: DagsterInstance, any_database: DatabaseUrl, settings: Settings
) -> None:
    old = copy_run(any_database, idle.execute_in_process(instance=instance).run_id, 10)
    age(any_database, 31)
    shown = []
    with SliceStore(any_database) as store:
        resources = {"settings": settings, "storage": PostgresStorage(store, any_database)}
        for _ in range(2):
            done = purge_runs_job.execute_in_process(instance=instance, resources=resources)
            shown.append(
                {
                    label: value.value
                    for event in done.all_node_events
                    if event.is_successful_output
                    for label, value in event.step_output_data.metadata.items()
                }
            )
    first, second = shown
    assert (first["runs_deleted"], first["is_complete"], second["runs_deleted"]) == (len(old) + 1, True, 0)
    assert "| dagster.event_logs | " in first["tables"]
    assert "growth_mb" not in first
    (last, before) = (int(record.tags[BYTES_TAG]) for record in instance.get_runs(limit=2))
    assert second["growth_mb"] == pytest.approx((last - before) / 1e6)
    assert second["tables_mb"] == pytest.approx(last / 1e6)


def test_sizes_sum_the_partitions(any_database: DatabaseUrl) -> None:
    with connect(any_database) as connection:
        for day in (date(2024, 11, 1), date(2024, 11, 2)):
            ensure_partitions(connection, ("screening.ephemeris_chunk",), day)
        row = connection.execute(
            "SELECT sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)) FROM pg_class c"
            " WHERE relname LIKE 'ephemeris_chunk_p%' AND relkind = 'r'"
        ).fetchone()
    (found,) = (size for size in table_sizes(any_database) if size.name == "screening.ephemeris_chunk")
    assert (found.table_bytes, found.index_bytes) == row
    assert len({size.name for size in table_sizes(any_database)}) == len(table_sizes(any_database))


def test_empty_partitions_go_unless_a_run_may_be_about_to_fill_them(any_database: DatabaseUrl) -> None:
    left_over, about_to_be_filled = date(2024, 11, 1), date(2024, 11, 2)
    with connect(any_database) as connection, SliceStore(any_database) as store:
        for day in (left_over, about_to_be_filled):
            ensure_partitions(connection, ("screening.ephemeris_chunk",), day)
        store.claim([SliceKey("ephemeris_chunks", about_to_be_filled, 0)], "a-run")
        assert expire_slices(any_database, 7) == []
        rows = connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^ephemeris_chunk_p[0-9]+$'")
        assert rows.fetchall() == [("ephemeris_chunk_p20241102",)]


def test_a_part_of_the_daemon_without_a_heartbeat_is_silent_once_it_had_time_for_one(
    instance: DagsterInstance, any_database: DatabaseUrl
) -> None:
    with connect(any_database) as connection:
        for part in run_rows.DAEMON_PARTS[1:]:
            beat = NOW - timedelta(seconds=300 if part == "SENSOR" else 30)
            connection.execute(
                "INSERT INTO dagster.daemon_heartbeats (daemon_type, timestamp) VALUES (%s, %s)",
                [part, beat.replace(tzinfo=None)],
            )
    silent = run_rows.silent_parts(any_database, NOW)
    assert run_rows.describe_silence(silent) == "QUEUED_RUN_COORDINATOR always, SENSOR for 300 s"
    assert run_rows.silent_parts(any_database, NOW, NOW - timedelta(seconds=100)) == {}
    assert set(run_rows.silent_parts(any_database, NOW, NOW - timedelta(seconds=200))) == set(silent)
