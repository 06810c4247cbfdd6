"""What providers give as observations: one per receipt, through whatever door it came, and what is said of its age."""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetObservation,
    AssetRecordsFilter,
    DagsterInstance,
    SensorDefinition,
    build_sensor_context,
)

from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.automation import feeds, fetching
from ssa_pipeline.defs.automation.alerting import watch_freshness
from ssa_pipeline.defs.automation.feeds import FEED_CHECKS, FEEDS, FRESHNESS_CHECK, observe_feeds
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot, store_snapshot
from ssa_pipeline.use_cases.fetch import fetch_release
from ssa_pipeline.use_cases.freshness import check_freshness
from ssa_pipeline_tests.shared.command_line import ssa_on
from ssa_pipeline_tests.shared.fake_sources import GP_CSV, SATCAT_CSV, fake_sources
from ssa_pipeline_tests.shared.places import DATA
from ssa_pipeline_tests.unit.core.test_outside_text import HOSTILE, is_visible

HOUR = timedelta(hours=1)
NAMES = [spec.key.to_user_string() for spec in FEEDS]
SUPPLEMENTAL = DATA / "celestrak_supgp_starlink_20260929.csv"
ROWS = list(csv.DictReader(io.StringIO(GP_CSV.decode())))
numbers = count(1)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    quiet = {"telemetry": {"enabled": False}}
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster")), overrides=quiet) as instance:
        yield instance


@pytest.fixture
def url(database: DatabaseUrl, instance: DagsterInstance) -> DatabaseUrl:
    for name in NAMES:
        instance.wipe_assets([AssetKey(name)])
    with connect(database) as connection:
        connection.execute(
            "TRUNCATE raw.accepted_checksums, raw.snapshot, raw.content, raw.fetch_state, catalog.satcat"
        )
    return database


@pytest.fixture
def settings(url: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE_URL", url.url)  # for the storage of jobs
    return read_settings({"DATABASE_URL": url.url, "SSA_HOME": str(tmp_path)})


def now() -> datetime:
    return datetime.now(UTC)


def tick(
    sensor: SensorDefinition, instance: DagsterInstance, settings: Settings, cursor: str | None
) -> tuple[list[Any], str, str]:
    """Events, cursor and what is said; nothing is reported yet."""
    with build_sensor_context(instance=instance, resources={"settings": settings}, cursor=cursor) as context:
        found = sensor.evaluate_tick(context)
    return list(found.asset_events), found.cursor or "", found.skip_message or ""


def observe(instance: DagsterInstance, settings: Settings, cursor: str | None) -> tuple[list[Any], str]:
    """A whole tick, as the daemon does it: the events, then the cursor."""
    events, cursor, _ = tick(observe_feeds, instance, settings, cursor)
    for event in events:
        instance.report_runless_asset_event(event)
    return events, cursor


def observed(instance: DagsterInstance, feed: str) -> list[dict[str, Any]]:
    """Metadata of the feed's observations in Dagster, the oldest first."""
    records = instance.fetch_observations(AssetRecordsFilter(asset_key=AssetKey(feed)), limit=100).records
    found = [record.asset_observation for record in reversed(records)]
    return [{name: value.value for name, value in one.metadata.items()} for one in found if one]


def ids(events: list[AssetObservation]) -> list[int]:
    return [int(str(event.metadata["snapshot_id"].value)) for event in events]


def receive(url: DatabaseUrl, source: str, data: bytes | None = None, **given: Any) -> StoredSnapshot:
    receipt: dict[str, Any] = {"file_name": "a.csv", "epoch_day": now().date(), "received_at": now()} | given
    return store_snapshot(url, data or f"{next(numbers)}".encode(), source=source, **receipt)


def catalogue(newest: datetime) -> bytes:
    """A catalogue of which nine tenths are as old as ``newest`` or older, and the rest lies an hour ahead of that."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ROWS[0]), lineterminator="\n")
    writer.writeheader()
    ahead = len(ROWS) // 10
    for place, row in enumerate(ROWS):
        epoch = newest + HOUR if place < ahead else newest - timedelta(minutes=place - ahead)
        writer.writerow(row | {"EPOCH": f"{epoch:%Y-%m-%dT%H:%M:%S}.000000"})
    return out.getvalue().encode()


def test_receipts_of_every_door_are_observed_once_each(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance, tmp_path: Path
) -> None:
    events, cursor = observe(instance, settings, None)
    assert (events, cursor) == ([], "0")
    gp = DATA / "celestrak_omm_20241101.csv"
    ssa_on(url, tmp_path, "ingest", str(gp), "--epoch-day", "2024-11-01")
    ssa_on(url, tmp_path, "ingest", str(gp), "--epoch-day", "2024-11-02", "--source", "my radar")
    ssa_on(url, tmp_path, "ingest", str(gp), "--epoch-day", "2024-11-03", "--source", "space-track")
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / SUPPLEMENTAL.name).write_bytes(SUPPLEMENTAL.read_bytes())
    (watched / "late.csv").write_bytes(catalogue(now() - 9 * HOUR))
    for path in watched.iterdir():
        os.utime(path, (path.stat().st_mtime - 60,) * 2)
    with fake_sources(now) as server:
        sources = server.settings()
        (fetched,) = fetch_release(url, sources, "celestrak", ["GROUP=active"])
        assert fetched.is_new
        for source, asked in (("celestrak", ["satcat"]), ("folder", [])):
            run_job(instance, replace(settings, sources=replace(sources, folder=watched)), source, asked)
        events, cursor = observe(instance, settings, cursor)
        found = {name: observed(instance, name) for name in NAMES}
        assert {name: len(seen) for name, seen in found.items() if seen} == {
            **{"ingested_files": 2, "space_track_gp": 1, "celestrak_gp": 1, "celestrak_satcat": 1, "folder_files": 2}
        }
        assert observe(instance, settings, cursor) == ([], cursor)
        (celestrak,) = found["celestrak_gp"]
        assert celestrak["url"] == f"{server.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv"
    assert sorted(ids(events)) == ids(events)
    assert len(events) == 7
    assert (celestrak["rows"], celestrak["bytes"]) == (len(ROWS), len(GP_CSV))
    epochs = sorted(datetime.fromisoformat(row["EPOCH"]).replace(tzinfo=UTC) for row in ROWS)
    assert celestrak["content_at"] == pytest.approx(epochs[-(-len(epochs) * 9 // 10) - 1].timestamp(), abs=1e-3)
    age = (celestrak["received_at"] - celestrak["content_at"]) / 3600
    assert celestrak["age_on_receipt_hours"] == pytest.approx(age, abs=0.01)
    (satcat,) = found["celestrak_satcat"]
    assert (satcat["rows"], satcat["bytes"]) == (len(SATCAT_CSV.splitlines()) - 1, len(SATCAT_CSV))
    assert "content_at" not in satcat
    assert [seen["source"] for seen in found["ingested_files"]] == ["file", "my radar"]
    assert "url" not in found["ingested_files"][0]
    folder = {seen["file"]: seen for seen in found["folder_files"]}
    assert folder[SUPPLEMENTAL.name]["kind"] == "supplemental_gp"
    assert folder["late.csv"]["age_on_receipt_hours"] == pytest.approx(9, abs=0.1)
    assert folder["late.csv"]["url"].startswith("file://")


def run_job(instance: DagsterInstance, settings: Settings, source: str, asked: list[str]) -> None:
    job = build_defs(resource_overrides={"settings": settings}).resolve_job_def(fetching.job_name(source))
    assert job.execute_in_process(run_config=fetching.run_config(source, asked), instance=instance).success


def test_a_tick_that_died_while_it_told_is_taken_up_where_it_was(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = observe(instance, settings, None)
    sources = ("celestrak", "file", "celestrak", "folder", "celestrak")
    stored = [receive(url, source).snapshot_id for source in sources]
    events, _, _ = tick(observe_feeds, instance, settings, cursor)
    assert ids(events) == stored
    for event in events[:3]:
        instance.report_runless_asset_event(event)
    again, cursor = observe(instance, settings, cursor)
    assert ids(again) == stored[3:]
    assert cursor == str(stored[-1])
    monkeypatch.setattr(feeds, "_PER_TICK", 2)
    more = [receive(url, source).snapshot_id for source in sources]
    told = []
    for _ in range(4):
        events, cursor = observe(instance, settings, cursor)
        assert len(events) <= 2
        told += ids(events)
    assert told == more


def test_a_tick_ends_in_time_and_the_next_goes_on(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = observe(instance, settings, None)
    stored = [receive(url, "file").snapshot_id for _ in range(3)]
    monkeypatch.setattr(feeds, "_TICK_S", -1.0)
    told = []
    for _ in stored:
        events, cursor = observe(instance, settings, cursor)
        told.append(ids(events))
    assert told == [[one] for one in stored]


def test_without_a_cursor_each_feeds_newest_receipt_is_observed_and_not_years_of_them(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance
) -> None:
    for _ in range(2):
        receive(url, "celestrak")
        receive(url, "my radar")
        receive(url, "file")
    newest = [receive(url, "celestrak").snapshot_id, receive(url, "your radar").snapshot_id]
    events, cursor = observe(instance, settings, None)
    assert ids(events) == newest
    assert observe(instance, settings, None) == ([], cursor)


def test_receipts_become_visible_in_the_order_of_their_numbers(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance
) -> None:
    """One that was numbered first and committed last would be passed by."""
    _, cursor = observe(instance, settings, None)
    later = threading.Thread(target=receive, args=(url, "file"))
    with connect(url) as connection, connection.transaction():
        connection.execute("INSERT INTO raw.content (sha256, content, byte_count) VALUES (sha256('a'), 'a', 1)")
        connection.execute(section("receipts/snapshots.sql", "number_in_order"))
        connection.execute(
            "INSERT INTO raw.snapshot (epoch_day, source, file_name, sha256, received_at) "
            "VALUES (current_date, 'celestrak', 'slow', sha256('a'), now())"
        )
        later.start()
        later.join(1)
        assert later.is_alive()
        assert observe(instance, settings, cursor) == ([], cursor)
    later.join(20)
    events, _ = observe(instance, settings, cursor)
    assert [event.metadata["file"].value for event in events] == ["slow", "a.csv"]


def test_what_comes_from_outside_stays_text_and_what_cannot_be_read_is_observed_too(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance
) -> None:
    receive(url, HOSTILE, b"no catalogue", file_name=HOSTILE)
    observe(instance, settings, None)
    (seen,) = observed(instance, "ingested_files")
    assert seen["rows"] == 0
    assert seen["unreadable"]
    assert all(is_visible(value) for value in seen.values() if isinstance(value, str))


def test_wrong_checksums_that_were_accepted_are_rows(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance
) -> None:
    lines = (DATA / "celestrak_part_20260817.tle").read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if line.startswith(b"1 "))
    row = lines[place].rstrip()
    lines[place] = row[:-1] + (b"0" if row[-1:] != b"0" else b"1") + b"\n"
    data = b"".join(lines)
    receive(url, "file", data)
    receive(url, "file", data, epoch_day=date(2026, 8, 17), accept_bad_checksums=True)
    observe(instance, settings, "0")
    refused, accepted = observed(instance, "ingested_files")
    assert (accepted["rows"], accepted["rejected"]) == (refused["rows"] + 1, refused["rejected"] - 1)


def test_the_check_of_a_feed_says_what_check_freshness_says_and_changes_are_told_once(
    url: DatabaseUrl, settings: Settings, instance: DagsterInstance
) -> None:
    """By its observation: silent is what came longer ago than its limit, or was as old as that and 12 h."""
    assert tick(watch_freshness, instance, settings, None)[0] == []
    received_at = now() - 20 * HOUR
    receive(url, "celestrak", catalogue(received_at - 3 * HOUR), received_at=received_at)
    receive(url, "space-track", catalogue(now() - 39 * HOUR))
    receive(url, "file", catalogue(now() - 500 * HOUR))
    observe(instance, settings, None)
    first, cursor = judged(instance, settings, None)
    assert first == {"celestrak_gp": True, "space_track_gp": False, "ingested_files": True}
    limits = {"celestrak_gp": 26.0, "space_track_gp": 26.0}
    for feed, limit in limits.items():
        (seen,) = observed(instance, feed)
        silence_hours = (now().timestamp() - min(seen["received_at"], seen["content_at"] + 12 * 3600)) / 3600
        assert first[feed] == (silence_hours <= limit)
    found = check_freshness(url, settings.alerts, now())
    assert {one.source for one in found.sources if found.is_silent(one)} == {"space-track"}
    assert judged(instance, settings, cursor)[0] == {}
    receive(url, "space-track", catalogue(now() - 2 * HOUR))
    changed, cursor = judged(instance, settings, cursor)
    assert changed == {"space_track_gp": True}
    stricter = read_settings({"DATABASE_URL": url.url, "SSA_SOURCE_SILENT_HOURS": "26,celestrak=15"})
    assert judged(instance, stricter, cursor)[0] == {"celestrak_gp": False}
    yesterday = f"{now().date() - timedelta(days=1)} {cursor.partition(' ')[2]}"
    assert set(judged(instance, settings, yesterday)[0]) == set(first)


def judged(instance: DagsterInstance, settings: Settings, cursor: str | None) -> tuple[dict[str, bool], str]:
    """Verdicts as told by a tick of the sensor, which are those that the checks give when somebody executes them."""
    events, cursor, _ = tick(watch_freshness, instance, settings, cursor)
    told = {}
    for event in events:
        assert isinstance(event, AssetCheckEvaluation)
        instance.report_runless_asset_event(event)
        told[event.asset_key.to_user_string()] = event.passed
        assert event.check_name == FRESHNESS_CHECK
    job = build_defs(resource_overrides={"settings": settings}).resolve_implicit_global_asset_job_def()
    keys = {key for check in FEED_CHECKS for key in check.check_keys}
    run = job.get_subset(asset_check_selection=keys).execute_in_process(instance=instance)
    executed = {one.asset_key.to_user_string(): one.passed for one in run.get_asset_check_evaluations()}
    assert told.items() <= executed.items()
    return told, cursor
