"""Sensors and schedules over a real database: what one tick requests, and why not. Runs and back-fills are records of a
Dagster instance without a daemon; test_pipeline.py lets one act on them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    ExecuteInProcessResult,
    RunRequest,
    SensorDefinition,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.execution.backfill import PartitionBackfill
from psycopg.types.json import Jsonb

from ssa_pipeline.chain.links import DAILY_ASSETS, SCREENING_ASSETS
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.automation import fetching
from ssa_pipeline.defs.automation.schedules import AUTOMATION_SCHEDULES
from ssa_pipeline.defs.automation.sensors import freshness_sensor, new_tle_release, screen_catalog, watched_folder
from ssa_pipeline.defs.resources import PostgresStorage
from ssa_pipeline.settings import DatabaseUrl, Settings, SourceSettings, read_settings
from ssa_pipeline.sources.errors import TransientError
from ssa_pipeline.sources.fetching import Query
from ssa_pipeline.sources.folder import Folder
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.release_gate import ReleaseGate
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.shared.fake_sources import GP_CSV, FakeClock, fake_sources

# Dagster's own construction of back-fills calls a deprecated function.
pytestmark = pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")
HOUR = timedelta(hours=1)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
DEFS = build_defs()
REPOSITORY = DEFS.get_repository_def()
SCHEDULES = {schedule.name: schedule for schedule in AUTOMATION_SCHEDULES}
_INSERT = """
INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, input_versions, row_count,
    byte_count, content_hash, metadata, written_at)
VALUES (%s, %s, %s, %s, 1, '1', %s, 1, 1, %s, %s, %s) RETURNING log_id"""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """A database, a Dagster instance without a daemon, and what runs would leave in them."""

    url: DatabaseUrl
    instance: DagsterInstance
    settings: Settings
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def resources(self) -> dict[str, Any]:
        return {"settings": self.settings, "storage": PostgresStorage(SliceStore(self.url), self.url)}

    def tick(self, sensor: SensorDefinition, cursor: str | None = None) -> tuple[list[RunRequest], str, str | None]:
        """Requests, skip reason and cursor of one evaluation."""
        context = build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            repository_def=REPOSITORY,
            resources=self.resources,
            sensor_name=sensor.name,
        )
        with context:
            result = sensor.evaluate_tick(context)
        return list(result.run_requests), result.skip_message or "", result.cursor

    def schedule(self, name: str) -> tuple[list[RunRequest], str]:
        with build_schedule_context(
            instance=self.instance, repository_def=REPOSITORY, resources=self.resources, scheduled_execution_time=now()
        ) as context:
            result = SCHEDULES[name].evaluate_tick(context)
        return list(result.run_requests or []), result.skip_message or ""

    def receive(self, day: date, received_at: datetime) -> int:
        number = next(self.numbers)
        stored = store_snapshot(
            self.url, f"{number}".encode(), file_name="a", source="test", epoch_day=day, received_at=received_at
        )
        return stored.snapshot_id

    def log(self, asset: str, day: date, at: datetime, *, lead_day: int = -1, **facts: Any) -> int:
        """One write of a slice; ``facts``: run_id, inputs, metadata, content."""
        row = (
            *(asset, day, lead_day, facts.get("run_id", "unknown"), Jsonb(facts.get("inputs", {}))),
            *(facts.get("content", f"{next(self.numbers)}"), Jsonb(facts.get("metadata", {})), at),
        )
        with connect(self.url) as connection:
            found = connection.execute(_INSERT, row).fetchone()
        assert found is not None
        return int(found[0])

    def catalog(self, day: date, at: datetime, snapshots: list[int] | None = None, **facts: Any) -> int:
        facts = {"metadata": {"snapshot_ids": snapshots or []}} | facts
        raw = self.log("raw_tle_snapshots", day, at, **facts)
        return self.log("clean_catalog", day, at, inputs={"raw_tle_snapshots": raw}, **facts)

    def screen(self, day: date, catalog: int, at: datetime, lead_days: range = range(7)) -> None:
        for lead_day in lead_days:
            self.log("refined_events", day, at, lead_day=lead_day, inputs={"clean_catalog": catalog})

    def run(self, status: DagsterRunStatus, job: str = "other_job", **tags: str) -> str:
        run = DagsterRun(job_name=job, run_id=str(uuid.uuid4()), status=status, tags=tags)
        return self.instance.add_run(run).run_id

    def verdict(self, log_id: int, *, passed: bool) -> None:
        """Of a blocking check of the catalogue."""
        with connect(self.url) as connection:
            connection.execute(
                "INSERT INTO screening.slice_verdict VALUES (%s, 'one_element_set_per_object', %s, 'said by the test')",
                [log_id, passed],
            )

    def obey(self, request: RunRequest, sensor: SensorDefinition, status: DagsterRunStatus) -> str:
        """The run that the daemon would make of a request."""
        tags = {**request.tags, "dagster/run_key": str(request.run_key), "dagster/sensor_name": sensor.name}
        return self.run(status, str(sensor.job_name), **tags)

    def backfill(self, *days: date) -> None:
        """As launched in the UI over all five assets; its daemon has not looked yet."""
        self.instance.add_backfill(
            PartitionBackfill.from_asset_partitions(
                backfill_id="backfill",
                asset_graph=REPOSITORY.asset_graph,
                partition_names=[str(day) for day in days],
                asset_selection=[AssetKey(asset) for asset in (*DAILY_ASSETS, *SCREENING_ASSETS)],
                backfill_timestamp=now().timestamp(),
                tags={},
                dynamic_partitions_store=self.instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
        )

    def execute(
        self, source: str, queries: list[str], sources: SourceSettings, told: Iterable[str] = ()
    ) -> ExecuteInProcessResult:
        settings = replace(self.settings, sources=sources)
        job = build_defs(resource_overrides={**self.resources, "settings": settings}).resolve_job_def(
            fetching.job_name(source)
        )
        config = fetching.run_config(source, queries, told)
        return job.execute_in_process(run_config=config, instance=self.instance, raise_on_error=False)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    quiet = {"telemetry": {"enabled": False}}  # it writes into the user's home
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster")), overrides=quiet) as instance:
        yield instance


@pytest.fixture
def bench(database: DatabaseUrl, instance: DagsterInstance) -> Bench:
    settings = read_settings({"DATABASE_URL": database.url})
    instance.wipe()
    with connect(database) as connection:
        connection.execute(
            "TRUNCATE raw.accepted_checksums, raw.snapshot, raw.content, raw.fetch_state, screening.slice_log, "
            "catalog.release_gate, catalog.satcat"
        )
    return Bench(database, instance, settings)


def ranges(requests: list[RunRequest]) -> list[tuple[str, ...]]:
    return [tuple(request.tags[name] for name in RANGE) for request in requests]


def test_every_tick_asks_indexes_only(fresh_database: DatabaseUrl) -> None:
    """Ten years of receipts and slices; a scan of either table would grow with them."""
    with connect(fresh_database) as connection:
        connection.execute("INSERT INTO raw.content (sha256, content, byte_count) VALUES (sha256('a'), 'a', 1)")
        connection.execute(
            "INSERT INTO raw.snapshot (epoch_day, source, file_name, sha256, received_at) SELECT DATE '2016-01-01' + "
            "d, 'test', 'a', sha256('a'), now() FROM generate_series(0, 3650) d"
        )
        connection.execute(
            "INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, input_versions, "
            "row_count, byte_count, content_hash, metadata) SELECT asset, DATE '2016-01-01' + d, lead, 'r', 1, '1', "
            "'{\"clean_catalog\": 1}', 1, 1, 'x', '{}' FROM generate_series(0, 3650) d, (VALUES "
            "('raw_tle_snapshots', -1), ('clean_catalog', -1), ('refined_events', 0), ('refined_events', 6)) "
            "s(asset, lead)"
        )
        connection.execute("ANALYZE raw.snapshot, screening.slice_log")
        questions = {
            "releases": {"first": 3640},
            "newest_catalog": {"first_day": date(2016, 1, 1), "last_day": date(2030, 1, 1)},
            "newer_table": {"log_id": 3640},
            "late_day": {"log_id": 3640},
            "screenings": {
                **{"days": 7, "lead_days": list(range(7))},
                **{"first_day": date(2016, 1, 1), "last_day": date(2030, 1, 1)},
            },
        }
        for name, params in questions.items():
            rows = connection.execute(f"EXPLAIN {section('questions/automation.sql', name)}".encode(), params)
            plan = "\n".join(row[0] for row in rows)
            assert "Index" in plan
            assert "Seq Scan" not in plan, plan


class TestNewRelease:
    def test_a_release_is_requested_once_and_its_fate_is_told(self, bench: Bench) -> None:
        assert "no release was received yet" in bench.tick(new_tle_release)[1]
        today = now().date()
        snapshot = bench.receive(today, now() - 2 * HOUR)
        (request,), _, cursor = bench.tick(new_tle_release)
        assert request.tags["dagster/partition"] == str(today)
        assert f"snapshot {snapshot}" in request.tags["ssa/reason"]
        assert str(snapshot) in str(request.run_key)
        run_id = bench.obey(request, new_tle_release, DagsterRunStatus.NOT_STARTED)
        requests, reason, cursor = bench.tick(new_tle_release, cursor)
        assert (requests, reason) == ([], f"{today} is in hand: run {run_id[:8]} (not started)")
        bench.catalog(today, now(), [snapshot])
        requests, reason, cursor = bench.tick(new_tle_release, cursor)
        assert not requests
        assert f"(snapshot {snapshot}, test) is in the catalogue since {now():%Y-%m-%d}" in reason
        assert cursor == str(snapshot)

    def test_a_held_release_is_left_until_an_operator_accepts_it(self, bench: Bench) -> None:
        today = now().date()
        snapshot = bench.receive(today, now() - 2 * HOUR)
        (request,), _, cursor = bench.tick(new_tle_release)
        bench.obey(request, new_tle_release, DagsterRunStatus.FAILURE)
        raw = bench.log("raw_tle_snapshots", today, now(), metadata={"snapshot_ids": [snapshot]})
        with connect(bench.url) as connection:
            connection.execute(
                "INSERT INTO catalog.release_gate (raw_log_id, epoch_day, snapshot_ids, state, reasons, measures) "
                "VALUES (%s, %s, %s, 'held', '{few}', '{}')",
                [raw, today, [snapshot]],
            )
        requests, reason, cursor = bench.tick(new_tle_release, cursor)
        assert not requests
        assert "held by the completeness gate" in reason
        ReleaseGate(bench.url).accept(today, "test", "it is right")
        (request,), _, _ = bench.tick(new_tle_release, cursor)
        assert "was accepted" in request.tags["ssa/reason"]

    def test_a_release_whose_run_failed_is_not_asked_for_at_every_tick(self, bench: Bench) -> None:
        bench.receive(now().date(), now())
        (request,), _, cursor = bench.tick(new_tle_release)
        run_id = bench.obey(request, new_tle_release, DagsterRunStatus.FAILURE)
        requests, reason, _ = bench.tick(new_tle_release, cursor)
        assert not requests
        assert f"run {run_id[:8]} (failure)" in reason
        assert "not asked for again today" in reason
        newer = bench.receive(now().date(), now())
        (request,), _, _ = bench.tick(new_tle_release, cursor)
        assert str(newer) in str(request.run_key)

    def test_only_what_makes_a_catalog_counts(self, bench: Bench) -> None:
        """Supplemental sets are no catalogue by themselves (the run would fail) and belong to one with the day's GP."""
        requests: list[list[RunRequest]] = []
        for kind in ("satcat", "supplemental_gp", "gp", "supplemental_gp"):
            number, day = next(bench.numbers), now().date()
            store_snapshot(
                bench.url, b"%d" % number, file_name="a", source="test", epoch_day=day, received_at=now(), kind=kind
            )
            requests.append(bench.tick(new_tle_release)[0])
        assert [len(made) for made in requests] == [0, 0, 1, 1]
        assert requests[2][0].run_key != requests[3][0].run_key

    def test_a_newer_table_makes_the_newest_catalog_again_at_most_once_in_the_interval(self, bench: Bench) -> None:
        """Known by its content: what the catalogue was made with does not count again, however often it is received."""
        today = now().date()

        def receive(kind: str, data: bytes, day: date = today, at: datetime | None = None) -> str:
            stored = store_snapshot(
                bench.url, data, file_name="a", source="test", epoch_day=day, received_at=at or now(), kind=kind
            )
            return stored.sha256

        for back in (3, 0):
            snapshot = bench.receive(today - timedelta(days=back), now() - 9 * HOUR)
            bench.catalog(today - timedelta(days=back), now() - 7 * HOUR, [snapshot])
        assert "is in the catalogue" in bench.tick(new_tle_release)[1]
        used = {"tip": {"sha256": receive("tip", b"read", today - timedelta(days=1))}}
        receive("decay", b"long ago", today - timedelta(days=8))
        receive("tip", b"older", today - timedelta(days=2))  # than the one that counts
        bench.catalog(today, now() - 5 * HOUR, [snapshot], metadata={"snapshot_ids": [snapshot], "tables": used})
        receive("tip", b"read")
        assert "is in the catalogue" in bench.tick(new_tle_release)[1]
        digest = receive("satcat", b"new")
        requests, reason, _ = bench.tick(new_tle_release)
        assert not requests
        assert "is newer than the catalogue" in reason
        assert reason.endswith("(SSA_RESCREEN_HOURS=6)")
        bench.settings = replace(bench.settings, automation=replace(bench.settings.automation, rescreen_hours=4))
        fetching = bench.run(DagsterRunStatus.STARTED, "fetch_release_celestrak")
        assert bench.tick(new_tle_release)[1].endswith(f"but run {fetching[:8]} (started) still fetches")
        bench.instance.delete_run(fetching)
        (request,), _, _ = bench.tick(new_tle_release)
        assert request.tags["dagster/partition"] == str(today)
        assert "satcat snapshot" in request.tags["ssa/reason"]
        run_id = bench.obey(request, new_tle_release, DagsterRunStatus.STARTED)
        assert bench.tick(new_tle_release)[1] == f"{today} is in hand: run {run_id[:8]} (started)"
        bench.instance.report_run_failed(bench.instance.get_run_by_id(run_id))  # type: ignore[arg-type]
        assert "not asked for again today" in bench.tick(new_tle_release)[1]
        used["satcat"] = {"sha256": digest}
        bench.catalog(today, now(), [snapshot], metadata={"snapshot_ids": [snapshot], "tables": used})
        assert "is in the catalogue" in bench.tick(new_tle_release)[1]

    def test_an_earlier_day_that_came_late_makes_the_newest_catalog_again(self, bench: Bench) -> None:
        """It carries over from that day. One that was read again without another content changes nothing."""
        today, between, late = (now().date() - timedelta(days=n) for n in range(3))
        of = {day: bench.receive(day, now() - 8 * HOUR) for day in (today, between, late)}
        for day in (late, between, today):
            bench.catalog(day, now() - 7 * HOUR, [of[day]], content=f"first of {day}")
        bench.log("raw_tle_snapshots", late - timedelta(days=40), now() - HOUR)  # too old to be carried over
        bench.catalog(late, now() - HOUR, [of[late]], content=f"first of {late}")
        assert "is in the catalogue" in bench.tick(new_tle_release)[1]
        second = bench.receive(late, now() - HOUR)
        (request,), _, _ = bench.tick(new_tle_release)
        assert request.tags["dagster/partition"] == str(late)
        bench.catalog(late, now() - HOUR, [of[late], second], content="second")
        (request,), _, _ = bench.tick(new_tle_release)
        assert request.tags["dagster/partition"] == str(today)
        assert request.tags["ssa/reason"].startswith(f"{today}: what was received for {late}, read ")
        bench.obey(request, new_tle_release, DagsterRunStatus.FAILURE)
        assert "not asked for again today" in bench.tick(new_tle_release)[1]
        bench.catalog(today, now(), [of[today]])
        assert "is in the catalogue" in bench.tick(new_tle_release)[1]
        bench.catalog(late, now(), [of[late], second], content="third")
        assert "which is made again from" in bench.tick(new_tle_release)[1]

    def test_a_day_that_cannot_be_made_does_not_keep_a_newer_table_from_the_newest_catalog(self, bench: Bench) -> None:
        today = now().date()
        bench.receive(today - timedelta(days=5), now() - 100 * HOUR)  # its run fails every day
        bench.catalog(today, now() - 19 * HOUR, [bench.receive(today, now() - 20 * HOUR)])
        bench.receive(today + timedelta(days=1), now() - 20 * HOUR)
        table = store_snapshot(
            bench.url, b"tip", file_name="t", source="test", epoch_day=today, received_at=now(), kind="tip"
        )
        (release,), _, _ = bench.tick(new_tle_release)
        run_id = bench.obey(release, new_tle_release, DagsterRunStatus.STARTED)
        requests, reason, _ = bench.tick(new_tle_release)
        assert not requests
        assert f"in hand: run {run_id[:8]} (started); tip snapshot {table.snapshot_id}" in reason
        bench.instance.report_run_failed(bench.instance.get_run_by_id(run_id))  # type: ignore[arg-type]
        (request,), _, _ = bench.tick(new_tle_release)
        assert request.run_key == f"{today} tip snapshot {table.snapshot_id}, {today}"
        bench.obey(request, new_tle_release, DagsterRunStatus.FAILURE)
        requests, reason, _ = bench.tick(new_tle_release)
        assert (requests, reason.count("was asked for"), reason.count("lies ahead")) == ([], 2, 1)

    def test_a_day_before_the_first_does_not_keep_a_newer_table_from_the_newest_catalog(self, bench: Bench) -> None:
        today = now().date()
        bench.settings = replace(bench.settings, first_day=today - timedelta(days=2))
        bench.catalog(today, now() - 19 * HOUR, [bench.receive(today, now() - 20 * HOUR)])
        bench.receive(today - timedelta(days=9), now() - 18 * HOUR)
        assert "is before the first day" in bench.tick(new_tle_release)[1]
        store_snapshot(bench.url, b"tip", file_name="t", source="test", epoch_day=today, received_at=now(), kind="tip")
        (request,), _, _ = bench.tick(new_tle_release)
        assert "tip snapshot" in request.tags["ssa/reason"]

    def test_days_are_made_one_after_the_other_the_oldest_first(self, bench: Bench) -> None:
        """A day carries over from the days before. One that fails does not keep the next from being made."""
        days = [now().date() - timedelta(days=n) for n in range(3)]
        for day in days:
            bench.receive(day, now())
        seen: list[str] = []
        for _ in days:
            ((request,), _, _) = bench.tick(new_tle_release)
            seen.append(request.tags["dagster/partition"])
            run_id = bench.obey(request, new_tle_release, DagsterRunStatus.STARTED)
            requests, reason, _ = bench.tick(new_tle_release)
            assert not requests
            assert reason.startswith(f"{seen[-1]} is in hand: run {run_id[:8]} (started)")
            bench.instance.report_run_failed(bench.instance.get_run_by_id(run_id))
        assert seen == [str(day) for day in reversed(days)]
        requests, reason, _ = bench.tick(new_tle_release)
        assert (requests, reason.count("was asked for")) == ([], 3)

    def test_the_files_of_one_fetch_become_one_run(self, bench: Bench) -> None:
        bench.receive(now().date(), now())
        run_id = bench.run(DagsterRunStatus.STARTED, "fetch_release_celestrak")
        requests, reason, _ = bench.tick(new_tle_release)
        assert not requests
        assert reason.endswith(f"but run {run_id[:8]} (started) still fetches")

    def test_a_backfill_that_will_read_it_is_left_to_do_so(self, bench: Bench) -> None:
        yesterday = now().date() - timedelta(days=1)
        for day in (now().date(), yesterday):
            bench.receive(day, now())
        bench.backfill(now().date())
        requests, _, _ = bench.tick(new_tle_release)
        assert [request.tags["dagster/partition"] for request in requests] == [str(yesterday)]


class TestScreenCatalog:
    def test_seven_lead_days_are_one_run_and_nothing_is_asked_for_twice(self, bench: Bench) -> None:
        assert bench.tick(screen_catalog)[1] == "there is no catalogue yet"
        today = now().date()
        catalog = bench.catalog(today, now())
        (request,), _, _ = bench.tick(screen_catalog)
        assert ranges([request]) == [(f"{today}|0", f"{today}|6")]
        assert request.tags["ssa/reason"] == f"{today}: lead days 0 to 6 not screened yet"
        run_id = bench.obey(request, screen_catalog, DagsterRunStatus.STARTED)
        assert bench.tick(screen_catalog)[1] == f"{today} is in hand: run {run_id[:8]} (started)"
        bench.screen(today, catalog, now())
        assert "from its newest catalogue" in bench.tick(screen_catalog)[1]

    def test_a_newer_catalog_waits_for_the_interval_unless_a_lead_day_is_missing(self, bench: Bench) -> None:
        today = now().date()
        bench.screen(today, bench.catalog(today, now() - HOUR), now() - HOUR, range(6))
        newer = bench.catalog(today, now())
        assert ranges(bench.tick(screen_catalog)[0]) == [(f"{today}|6", f"{today}|6")]
        bench.screen(today, newer, now() - HOUR, range(6, 7))
        assert "(SSA_RESCREEN_HOURS=6)" in bench.tick(screen_catalog)[1]
        bench.settings = replace(bench.settings, automation=replace(bench.settings.automation, rescreen_hours=0.5))
        assert ranges(bench.tick(screen_catalog)[0]) == [(f"{today}|0", f"{today}|5")]

    def test_a_lead_day_that_was_never_screened_is_a_run_of_its_own(self, bench: Bench) -> None:
        """In one run with the others it would fail them all, each time."""
        today, then = now().date(), now() - 20 * HOUR
        catalog = bench.catalog(today, then)
        bench.screen(today, catalog, then, range(2))
        bench.screen(today, catalog, then, range(3, 7))
        bench.catalog(today, now())
        found = ranges(bench.tick(screen_catalog)[0])
        assert found == [(f"{today}|{first}", f"{today}|{last}") for first, last in ((2, 2), (0, 1), (3, 6))]

    def test_a_catalog_of_the_same_content_is_not_screened_again(self, bench: Bench) -> None:
        today, then = now().date(), now() - 20 * HOUR
        bench.screen(today, bench.catalog(today, then, content="same"), then)
        bench.catalog(today, now(), content="same")
        assert "from its newest catalogue" in bench.tick(screen_catalog)[1]

    @pytest.mark.parametrize("status", [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED])
    @pytest.mark.parametrize("passed", [True, False, None])
    def test_a_catalog_is_judged_by_its_checks_and_not_by_its_run(
        self, bench: Bench, status: DagsterRunStatus, passed: bool | None
    ) -> None:
        """One that no check has looked at, since its run ended before, is judged by the run that reads it."""
        today = now().date()
        run_id = bench.run(status, "ingest_job", **{"dagster/partition": str(today)})
        refused = bench.catalog(today, now() - HOUR, run_id=run_id)
        bench.verdict(refused, passed=not passed)  # of an earlier version
        newest = bench.catalog(today, now(), run_id=run_id)
        if passed is not None:
            bench.verdict(newest, passed=passed)
        requests, reason, _ = bench.tick(screen_catalog)
        assert len(requests) == (passed is not False)
        assert ("refused by its check one_element_set_per_object: said by the test" in reason) == (passed is False)

    def test_a_catalog_that_is_being_made_again_is_waited_for(self, bench: Bench) -> None:
        today = now().date()
        bench.run(DagsterRunStatus.STARTED, "ingest_job", **{"dagster/partition": str(today)})
        bench.catalog(today, now())
        assert "waits for its catalogue, which is being made" in bench.tick(screen_catalog)[1]

    def test_missed_days_are_made_up_newest_first_as_many_as_are_wanted(self, bench: Bench) -> None:
        days = [now().date() - timedelta(days=back) for back in range(0, 20, 2)]
        for day in days:
            bench.catalog(day, now())
        requests, _, _ = bench.tick(screen_catalog)
        assert ranges(requests) == [(f"{day}|0", f"{day}|6") for day in days[:7]]
        assert [request.tags["dagster/priority"] for request in requests] == [str(-rank) for rank in range(7)]

    def test_sensor_schedule_and_backfill_ask_for_every_key_once(self, bench: Bench) -> None:
        days = [now().date() - timedelta(days=back) for back in range(4)]
        for day in days:
            bench.catalog(day, now() - HOUR)
        bench.backfill(*days[2:])
        by_hand = {name: f"{days[1]}|{lead}" for name, lead in zip(RANGE, (2, 3), strict=True)}
        bench.run(DagsterRunStatus.NOT_STARTED, "screen_job", **by_hand)
        asked: list[tuple[str, ...]] = []
        for _ in range(3):
            requests, _, _ = bench.tick(screen_catalog)
            for request in requests:
                bench.obey(request, screen_catalog, DagsterRunStatus.NOT_STARTED)
            asked += ranges(requests)
            scheduled, reason = bench.schedule("daily_screening")
            assert not scheduled
            assert "in hand: back-fill backfill" in reason
        wanted = [(days[0], 0, 6), (days[1], 0, 1), (days[1], 4, 6)]
        assert asked == [(f"{day}|{first}", f"{day}|{last}") for day, first, last in wanted]

    def test_the_daily_schedule_makes_up_for_a_sensor_that_is_off_and_leaves_it_its_turn(self, bench: Bench) -> None:
        yesterday, today = now().date() - timedelta(days=1), now().date()
        bench.catalog(yesterday, now() - HOUR)
        bench.catalog(today, now())
        requests, _ = bench.schedule("daily_screening")
        assert ranges(requests) == [(f"{yesterday}|0", f"{yesterday}|6")]


@pytest.mark.parametrize("sensor", [new_tle_release, screen_catalog], ids=lambda sensor: str(sensor.name))
def test_a_run_that_ends_while_a_tick_looks_is_not_asked_for_again(
    bench: Bench, sensor: SensorDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = now().date()
    snapshot = bench.receive(today, now() - HOUR)
    catalog = bench.catalog(today, now() - HOUR) if sensor is screen_catalog else 0
    get_runs, looks = bench.instance.get_runs, count()

    def end_and_get_runs(*arguments: Any, **filters: Any) -> Any:
        if next(looks) == 0:  # the run writes its slices and ends just before it would be seen
            if catalog:
                bench.screen(today, catalog, now())
            else:
                bench.catalog(today, now(), [snapshot])
        return get_runs(*arguments, **filters)

    monkeypatch.setattr(bench.instance, "get_runs", end_and_get_runs)
    requests, _, _ = bench.tick(sensor)
    assert requests == []


def test_freshness_is_judged_per_partition(bench: Bench) -> None:
    """By noon UTC the day's own partition is expected; until then that of the day before is."""
    context = build_sensor_context(
        instance=bench.instance, repository_def=REPOSITORY, sensor_name=freshness_sensor.name
    )
    (request,) = freshness_sensor.evaluate_tick(context).run_requests or []
    checks = list(request.asset_check_keys or [])
    assert {key.asset_key.to_user_string() for key in checks} == set(DAILY_ASSETS)
    defs = build_defs(resource_overrides=bench.resources)
    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=set(checks), asset_selection=())
    expected = (now() - timedelta(hours=12)).date()
    backfilled = AssetMaterialization("raw_tle_snapshots", partition="2024-11-01")
    for reported in (backfilled, AssetMaterialization("clean_catalog", partition=str(expected))):
        bench.instance.report_runless_asset_event(reported)
    done = job.execute_in_process(instance=bench.instance)
    found = {e.asset_key.to_user_string(): (e.passed, e.description) for e in done.get_asset_check_evaluations()}
    assert found["clean_catalog"][0]
    assert not found["raw_tle_snapshots"][0]
    assert str(expected) in str(found["raw_tle_snapshots"][1])


class TestFetching:
    def test_a_schedule_asks_for_what_is_due_and_its_job_stores_it(self, bench: Bench) -> None:
        clock = FakeClock(now())
        with fake_sources(clock) as server:
            sources = replace(server.settings(), celestrak_queries=("GROUP=active", "satcat"))
            bench.settings = replace(bench.settings, sources=sources)
            (request,), _ = bench.schedule("fetch_celestrak")
            assert request.run_config == fetching.run_config("celestrak", ["GROUP=active", "satcat"])
            assert server.requests == []  # a tick sends nothing
            done = bench.execute("celestrak", ["GROUP=active", "satcat"], sources)
            assert done.success
            assert len(server.requests) == 2
            requests, reason = bench.schedule("fetch_celestrak")
            assert not requests
            assert reason.count("stored at") == 2
            done = bench.execute("celestrak", ["GROUP=active"], sources)
            assert done.success  # too early is no failure
            assert len(server.requests) == 2

    def test_ends_of_a_fetch_are_told_and_only_failures_fail(self, bench: Bench) -> None:
        clock = FakeClock(now())
        with fake_sources(clock) as server:
            for mode, outcome, text in (
                ("404", "refused", "HTTP 404"),
                ("html", "not_a_catalog", "content type"),
                ("500", "failed", "by the provider's rule"),
            ):
                server.modes.append(mode)
                before = len(server.requests)
                done = bench.execute("celestrak", [f"GROUP={mode}"], server.settings())
                assert not done.success
                assert len(server.requests) == before + 1  # asked once: nothing is tried again against the rules
                (failure,) = [e.step_failure_data for e in done.all_events if e.is_step_failure]
                told = failure.user_failure_data
                assert told is not None
                assert text in str(told.description)
                assert told.metadata[outcome].value == 1

    def test_a_source_without_configuration_says_what_to_set(self, bench: Bench) -> None:
        assert "set SPACE_TRACK_USERNAME and SPACE_TRACK_PASSWORD" in bench.schedule("fetch_space_track")[1]
        assert "set SSA_WATCHED_FOLDER" in bench.tick(watched_folder)[1]

    def test_a_transient_failure_of_a_folder_is_tried_again(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetching, "back_off_s", lambda _: 0.0)
        failures, read = [1, 1], Folder.get

        def get(*arguments: Any) -> Any:
            if failures:
                failures.pop()
                raise TransientError("the disk is away")
            return read(*arguments)

        monkeypatch.setattr(Folder, "get", get)
        _old_file(tmp_path / "celestrak_20260822.csv")
        done = bench.execute("folder", [], replace(bench.settings.sources, folder=tmp_path))
        assert done.success
        assert sum(event.is_step_up_for_retry for event in done.all_events) == 2

    def test_a_file_that_cannot_be_read_fails_one_run_and_is_tried_in_silence(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failed run is an alert; the same file again, every hour, is none. Another file is."""
        monkeypatch.setattr(fetching, "back_off_s", lambda _: 0.0)
        unreadable, read = {"locked_20260822.csv"}, Folder.get

        def get(self: Folder, query: Query, *rest: Any) -> Any:
            if query.file_name in unreadable:
                raise TransientError(f"{query.file_name}: permission denied")
            return read(self, query, *rest)

        monkeypatch.setattr(Folder, "get", get)
        sources = replace(bench.settings.sources, folder=tmp_path)
        bench.settings = replace(bench.settings, sources=sources)
        _old_file(tmp_path / "locked_20260822.csv")
        assert not bench.execute("folder", [], sources, _told(bench)).success
        again = bench.execute("folder", [], sources, _told(bench))
        assert again.success
        assert sum(event.is_step_up_for_retry for event in again.all_events) == 0
        reason = bench.tick(watched_folder)[0][0].tags["ssa/reason"]
        assert reason == "1 new or changed files (1 could not be read before): locked_20260822.csv"
        unreadable.add("second_20260822.csv")
        _old_file(tmp_path / "second_20260822.csv")
        failed = bench.execute("folder", [], sources, _told(bench))
        (failure,) = [e.step_failure_data for e in failed.all_events if e.is_step_failure]
        assert failure.user_failure_data is not None
        assert failure.user_failure_data.description == "second_20260822.csv: permission denied"
        (tmp_path / "second_20260822.csv").unlink()
        bad = tmp_path / "locked_20260822.csv"
        bad.write_bytes(b"<html>")
        os.utime(bad, (0, 0))
        bench.execute("folder", [], sources)
        told = _told(bench)
        unreadable.clear()
        assert not bench.execute("folder", [], sources, told).success  # what it turns out to be is news
        _old_file(bad)
        assert bench.execute("folder", [], sources, _told(bench)).success
        assert bench.tick(watched_folder)[1].startswith("all 1 files of")

    def test_new_files_of_a_folder_are_asked_for_and_become_a_release(self, bench: Bench, tmp_path: Path) -> None:
        sources = replace(bench.settings.sources, folder=tmp_path / "incoming")
        bench.settings = replace(bench.settings, sources=sources)
        assert "cannot be read" in bench.tick(watched_folder)[1]
        (tmp_path / "incoming").mkdir()
        assert bench.tick(watched_folder)[1].startswith("all 0 files of")
        _old_file(tmp_path / "incoming" / "celestrak_20260822.csv")
        (request,), _, _ = bench.tick(watched_folder)
        assert request.tags["ssa/reason"] == "1 new or changed files: celestrak_20260822.csv"
        run_id = bench.obey(request, watched_folder, DagsterRunStatus.STARTED)
        assert f"run {run_id[:8]} (started) reads the folder" in bench.tick(watched_folder)[1]
        assert "still fetches" not in bench.tick(new_tle_release)[1]  # nothing has come yet
        assert bench.execute("folder", [], sources).success
        bench.instance.report_run_failed(bench.instance.get_run_by_id(run_id))  # type: ignore[arg-type]
        assert bench.tick(watched_folder)[1].startswith("all 1 files of")
        (release,), _, _ = bench.tick(new_tle_release)
        assert release.tags["dagster/partition"] == "2026-08-22"

    def test_a_file_name_that_is_not_utf_8_keeps_no_file_of_the_folder_from_being_read(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        bench.settings = replace(bench.settings, sources=replace(bench.settings.sources, folder=tmp_path))
        for name in (b"good_20260822.csv", b"caf\xe9_20260821.csv"):
            _old_file(tmp_path / os.fsdecode(name))
        (request,), _, _ = bench.tick(watched_folder)
        assert request.tags["ssa/reason"] == "2 new or changed files: caf\ufffd_20260821.csv, good_20260822.csv"
        assert bench.execute("folder", [], bench.settings.sources).success
        assert bench.tick(watched_folder)[1].startswith("all 2 files of")
        (release,), _, _ = bench.tick(new_tle_release)
        assert release.tags["dagster/partition"] == "2026-08-21"


def _told(bench: Bench) -> list[str]:
    """What the folder's sensor tells its job of files that failed before."""
    ((request,), _, _) = bench.tick(watched_folder)
    config: dict[str, Any] = request.run_config
    return list(config["ops"]["fetch_queries_folder"]["config"]["told"])


def _old_file(path: Path) -> None:
    path.write_bytes(GP_CSV)
    an_hour_ago = now().timestamp() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
