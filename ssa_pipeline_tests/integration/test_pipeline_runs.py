"""Runs under adverse conditions, and what is left of them: killed, cancelled, left by Ctrl-C, without services. What
the UI is told of every partition."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ssa_pipeline.chain.links import DAILY_ASSETS, INGEST_JOB, SCREEN_JOB, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.core.records import Events
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.defs.slices.reporting import column_schema, slice_query
from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services import spawning, starting, state, stopping
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.receipts.release_gate import ReleaseGate
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.use_cases.runs.webserver import RunState, Webserver
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, Minimum, small_catalog
from ssa_pipeline_tests.shared.command_line import SSA, ssa_done
from ssa_pipeline_tests.shared.places import BUNDLED

HANGING_S = 240  # a bound against hanging, not a measure of speed
KILLED_DAY = EPOCH_DAY + timedelta(days=2)
FULL_DAY = EPOCH_DAY + timedelta(days=3)

_CHECKS = """
query Checks($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 100) { status evaluation { partition success } }
}"""
_MATERIALIZATIONS = """
query Materializations($asset: AssetKeyInput!, $partitions: [String!]) {
  assetOrError(assetKey: $asset) {
    ... on Asset {
      assetMaterializations(partitions: $partitions, limit: 10) {
        partition
        metadataEntries { label ... on MarkdownMetadataEntry { mdStr } ... on IntMetadataEntry { intValue } }
      }
    }
  }
}"""


@dataclass(frozen=True)
class Installation:
    """Running services of a home of their own, with a small real catalogue received."""

    settings: Settings
    webserver: Webserver

    @property
    def url(self) -> DatabaseUrl:
        url = state.running_database_url(self.settings)
        assert url is not None
        return url

    def receive(self, content: bytes, day: date, file_name: str = "small.csv") -> None:
        store_snapshot(
            self.url, content, file_name=file_name, source="test", epoch_day=day, received_at=datetime.now(UTC)
        )

    def ssa(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _ssa(self.settings.home, *arguments)

    def launch_range(self, day: date, first: int, last: int) -> str:
        tags = {
            "dagster/asset_partition_range_start": f"{day}|{first}",
            "dagster/asset_partition_range_end": f"{day}|{last}",
        }
        return self.webserver.launch(SCREEN_JOB, tags)

    def wait(self, run_id: str, is_there: Callable[[RunState], bool]) -> RunState:
        return _wait_for(lambda: self.webserver.follow(run_id, None), is_there, f"run {run_id}")

    def events(self, day: date, lead_day: int) -> Events:
        with SliceStore(self.url) as slices:
            events: Events = slices.read(SliceKey("refined_events", day, lead_day))[0]
            return events

    def log_ids(self, day: date) -> dict[SliceKey, int]:
        """The newest version of every screening slice of a day that was written."""
        keys = [SliceKey(asset, day, lead_day) for asset in SCREENING_ASSETS for lead_day in range(7)]
        with SliceStore(self.url) as slices:
            return {key: version.log_id for key in keys if (version := slices.read_version(key)) is not None}


def _wait_for(ask: Callable[[], Any], is_there: Callable[[Any], bool], what: str) -> Any:
    deadline = time.monotonic() + HANGING_S
    while time.monotonic() < deadline:
        answer = ask()
        if is_there(answer):
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what} hangs: {answer}")


def _ssa(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return ssa_done(*arguments, SSA_HOME=str(home), **environment)


def _quiet(_: str) -> None:
    return None


@pytest.fixture(autouse=True)
def code_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone may edit the code while the tests run: that must not restart the services between two steps."""
    monkeypatch.setattr(spawning, "_code_state", lambda: ["as it was"])


@pytest.fixture(scope="module")
def small() -> tuple[bytes, list[Minimum]]:
    return small_catalog(200)


@pytest.fixture(scope="module")
def home(open_tmp_dir: Path) -> Iterator[Path]:
    directory = open_tmp_dir / "pipeline-runs"
    yield directory
    settings = read_settings({"SSA_HOME": str(directory)})
    stopping.down(settings, _quiet)
    embedded_server(settings).remove()


@pytest.fixture
def installation(home: Path, small: tuple[bytes, list[Minimum]]) -> Iterator[Installation]:
    settings = read_settings({"SSA_HOME": str(home)})
    starting.up(settings, _quiet, is_watched=False)
    address = state.ui_url(settings)
    assert address is not None
    with Webserver(address) as webserver:
        installation = Installation(settings, webserver)
        for day in (EPOCH_DAY, KILLED_DAY):
            installation.receive(small[0], day)
        yield installation


def _assert_truth(events: Events, truth: list[Minimum]) -> None:
    """Every minimum of the independent brute force is there, and every crossing is one of its."""
    start_us = day_start_us(EPOCH_DAY)
    rows = [
        ((int(a), int(b)), (tca - start_us) / 1e6, miss, name == "crossing")
        for a, b, tca, miss, name in zip(
            events.norad_id_1,
            events.norad_id_2,
            events.tca_us.tolist(),
            events.miss_distance_km.tolist(),
            events.event_class,
            strict=True,
        )
    ]
    persistent = {pair for pair, _, _, is_crossing in rows if not is_crossing}
    crossings = [(pair, t_s, miss_km) for pair, t_s, miss_km, is_crossing in rows if is_crossing]
    for minimum in truth:
        if minimum.pair not in persistent:
            assert any(_is_same(minimum, *row) for row in crossings), f"{minimum} is missing"
    for row in crossings:
        assert any(_is_same(minimum, *row) for minimum in truth), f"{row} is invented"


def _is_same(minimum: Minimum, pair: tuple[int, int], t_s: float, miss_km: float) -> bool:
    return minimum.pair == pair and abs(minimum.t_s - t_s) < 0.05 and abs(minimum.miss_km - miss_km) < 1e-5 + 5e-7


def test_the_ui_shows_pictures_counts_and_checks_per_partition(installation: Installation) -> None:
    assert installation.ssa("materialize", "--epoch-day", str(EPOCH_DAY), "--lead-days", "0-1").returncode == 0
    asset = {"path": ["refined_events"]}
    answer = installation.webserver.query(
        _MATERIALIZATIONS, {"asset": asset, "partitions": [f"{EPOCH_DAY}|0", f"{EPOCH_DAY}|1"]}
    )
    shown = {one["partition"]: one["metadataEntries"] for one in answer["assetOrError"]["assetMaterializations"]}
    assert set(shown) == {f"{EPOCH_DAY}|0", f"{EPOCH_DAY}|1"}
    for lead_day in (0, 1):
        entries = {entry["label"]: entry for entry in shown[f"{EPOCH_DAY}|{lead_day}"]}
        assert entries["events"]["intValue"] == len(installation.events(EPOCH_DAY, lead_day))
        assert "![](data:image/png;base64," in entries["miss_distance"]["mdStr"]
        assert f"lead_day = {lead_day}" in entries["query"]["mdStr"]
        assert "| object 1 |" in entries["closest_events"]["mdStr"]
    checks = installation.webserver.query(_CHECKS, {"asset": asset, "check": "every_candidate_accounted_for"})
    succeeded = {one["evaluation"]["partition"] for one in checks["assetCheckExecutions"] if one["evaluation"]}
    assert {f"{EPOCH_DAY}|0", f"{EPOCH_DAY}|1"} <= succeeded
    assert {one["status"] for one in checks["assetCheckExecutions"]} == {"SUCCEEDED"}


def test_a_killed_worker_leaves_the_old_slices_and_up_frees_its_run(installation: Installation) -> None:
    day = str(KILLED_DAY)
    assert installation.ssa("materialize", "--epoch-day", day, "--lead-days", "0").returncode == 0
    before = installation.log_ids(KILLED_DAY)
    with psycopg.connect(installation.url.psycopg) as blocker:
        # Holds up the last write; readers are let through.
        blocker.execute("LOCK TABLE screening.refined_event IN SHARE ROW EXCLUSIVE MODE")
        run_id = installation.launch_range(KILLED_DAY, 0, 0)
        installation.wait(run_id, lambda run: _is_started(run, "refined_events"))
        victims = [
            victim
            for name in (state.DAEMON, state.WORKER)
            for victim in state.with_descendants(installation.settings, name)
        ]
        assert len(victims) >= 3  # daemon, worker, slot
        for victim in victims:
            victim.kill()
        assert processes.wait_gone(victims, 30) == []
        assert installation.webserver.follow(run_id, None).status == "STARTED"
    after = installation.log_ids(KILLED_DAY)
    assert after[SliceKey("refined_events", KILLED_DAY, 0)] == before[SliceKey("refined_events", KILLED_DAY, 0)]
    starting.up(installation.settings, _quiet, is_watched=False)
    assert installation.webserver.follow(run_id, None).status == "FAILURE"
    done = installation.ssa("materialize", "--epoch-day", day, "--lead-days", "0")
    assert done.returncode == 0, done.stderr
    written = installation.log_ids(KILLED_DAY)
    assert all(written[key] > after[key] for key in after if key.asset == "refined_events")


def _is_started(run: RunState, step: str) -> bool:
    assert not run.is_finished, run
    return any(e["__typename"] == "ExecutionStepStartEvent" and e["stepKey"] == step for e in run.events)


def test_cancelling_stops_the_kernels_of_a_full_catalog(installation: Installation) -> None:
    installation.receive(BUNDLED.read_bytes(), FULL_DAY, BUNDLED.name)
    webserver = installation.webserver
    catalog = webserver.launch(INGEST_JOB, {"dagster/partition": str(FULL_DAY)})
    assert installation.wait(catalog, lambda run: run.is_finished).status == "SUCCESS"
    run_id = installation.launch_range(FULL_DAY, 0, 6)
    _wait_for(lambda: installation.log_ids(FULL_DAY), bool, "the first slice")  # the others are being computed
    started_s = time.monotonic()
    webserver.terminate(run_id)
    ended = installation.wait(run_id, lambda run: run.is_finished)
    assert ended.status == "CANCELED"
    assert time.monotonic() - started_s < 30  # seven lead days of the full catalogue take minutes
    assert {key.asset for key in installation.log_ids(FULL_DAY)} <= {"ephemeris_chunks", "conjunction_candidates"}
    with psycopg.connect(installation.url.psycopg) as connection:
        row = connection.execute("SELECT process_id FROM screening.run_claim WHERE run_id = %s", [run_id]).fetchone()
    assert row is not None
    slot = processes.process(row[0])
    assert slot is None or processes.wait_gone([slot], 30) == []


def test_ctrl_c_without_a_terminal_detaches_and_the_run_goes_on(installation: Installation) -> None:
    with psycopg.connect(installation.url.psycopg) as blocker:
        blocker.execute("LOCK TABLE screening.refined_event IN SHARE ROW EXCLUSIVE MODE")
        command = subprocess.Popen(
            [*SSA, "materialize", "--force", "--epoch-day", str(EPOCH_DAY), "--lead-days", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SSA_HOME": str(installation.settings.home)},
        )
        assert command.stderr is not None
        with command:
            line = next(line for line in command.stderr if "lead day 0: http" in line)
            run_id = line.strip().rsplit("/", 1)[1]
            installation.wait(run_id, lambda run: _is_started(run, "refined_events"))
            command.send_signal(signal.SIGINT)
            said = command.stderr.read()
        assert command.returncode == 130
        assert f"detached; the run {run_id} goes on" in said
        assert "Traceback" not in said
        listed = json.loads(installation.ssa("runs", "--unfinished", "--json").stdout)["runs"]
        assert [one["run_id"] for one in listed] == [run_id]
        again = subprocess.Popen(
            [*SSA, "materialize", "--epoch-day", str(EPOCH_DAY), "--lead-days", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SSA_HOME": str(installation.settings.home)},
        )
        assert again.stderr is not None
        assert any(f"`ssa cancel {run_id[:8]}` ends it" in line for line in again.stderr)  # it is followed
    with again:
        again.communicate(timeout=HANGING_S)
    assert again.returncode == 0
    newest = json.loads(installation.ssa("runs", "--limit", "1", "--json").stdout)["runs"]
    assert [one["run_id"] for one in newest] == [run_id]
    assert installation.wait(run_id, lambda run: run.is_finished).status == "SUCCESS"


def test_without_services_materialize_says_ssa_up(open_tmp_path: Path) -> None:
    done = _ssa(open_tmp_path, "materialize", "--epoch-day", "2024-11-01")
    assert done.returncode == 4
    assert "ssa up" in done.stderr


def test_foreground_needs_only_a_database_of_either_version(
    any_database: DatabaseUrl, tmp_path: Path, small: tuple[bytes, list[Minimum]]
) -> None:
    store_snapshot(
        any_database,
        small[0],
        file_name="small.csv",
        source="test",
        epoch_day=EPOCH_DAY,
        received_at=datetime.now(UTC),
    )
    command = ["materialize", "--foreground", "--epoch-day", str(EPOCH_DAY), "--lead-days", "0"]
    done = _ssa(tmp_path / "home", *command, DATABASE_URL=any_database.url)
    assert done.returncode == 0, done.stderr
    with SliceStore(any_database) as slices:
        events, version = slices.read(SliceKey("refined_events", EPOCH_DAY, 0))
    _assert_truth(events, small[1])
    with psycopg.connect(any_database.psycopg) as connection:
        runs = dict(connection.execute("SELECT run_id, status FROM dagster.runs").fetchall())
    assert runs[version.run_id] == "SUCCESS"
    _assert_queries_show_the_rows(any_database)
    assert "up to date" in _ssa(tmp_path / "home", *command, DATABASE_URL=any_database.url).stderr


def _assert_queries_show_the_rows(url: DatabaseUrl) -> None:
    """The query in the metadata gives the rows counted, in the columns of the asset's schema."""
    with SliceStore(url) as slices, psycopg.connect(url.psycopg) as connection:
        for asset in (*DAILY_ASSETS, *SCREENING_ASSETS):
            key = slice_key(asset, f"{EPOCH_DAY}|0")
            version = slices.read_version(key)
            cursor = connection.execute(slice_query(key).encode())
            assert version is not None
            assert cursor.rowcount == version.row_count > 0
            assert [column.name for column in cursor.description or ()] == [
                c.name for c in column_schema(asset).columns
            ]


def test_foreground_says_which_check_failed(
    database: DatabaseUrl, tmp_path: Path, small: tuple[bytes, list[Minimum]]
) -> None:
    day = EPOCH_DAY + timedelta(days=10)
    for content, received in ((small[0], day), (b"".join(small[0].splitlines(keepends=True)[:7]), day + timedelta(1))):
        store_snapshot(
            database, content, file_name="few.csv", source="test", epoch_day=received, received_at=datetime.now(UTC)
        )
    command = ["materialize", "--foreground", "--lead-days", "0", "--epoch-day"]
    assert _ssa(tmp_path / "home", *command, str(day), DATABASE_URL=database.url).returncode == 0
    done = _ssa(tmp_path / "home", *command, str(day + timedelta(1)), DATABASE_URL=database.url)
    assert done.returncode == 1
    assert "check error: raw_tle_snapshots 2024-11-12 release_is_complete: held: 6 objects" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 10


def test_days_received_before_are_read_first(
    embedded_database: DatabaseUrl, tmp_path: Path, small: tuple[bytes, list[Minimum]]
) -> None:
    """A partial release after a whole one that no run has read is held, and once accepted carries over from it."""
    whole, part = small[0], b"".join(small[0].splitlines(keepends=True)[:7])
    days = [EPOCH_DAY + timedelta(days=n) for n in range(3)]
    for day, content in zip(days, (whole, part, part + whole.splitlines(keepends=True)[7]), strict=True):
        store_snapshot(
            embedded_database, content, file_name="s.csv", source="test", epoch_day=day, received_at=datetime.now(UTC)
        )
    command = ["materialize", "--foreground", "--lead-days", "0", "--epoch-day", str(days[2])]
    done = _ssa(tmp_path / "home", *command, DATABASE_URL=embedded_database.url)
    assert done.returncode == 1
    assert f"catalogue of {days[0]}, received before: done" in done.stderr
    assert f"WARNING: catalogue of {days[1]}, received before: failed" in done.stderr
    assert f"raw_tle_snapshots {days[2]} release_is_complete: held: 7 objects" in done.stderr
    gate = ReleaseGate(embedded_database)
    assert [(one.epoch_day, one.state) for one in gate.newest_days(3)] == [
        (days[2], "held"),
        (days[1], "held"),
        (days[0], "open"),
    ]
    gate.accept(days[2], "test", "it is right")
    done = _ssa(tmp_path / "home", *command, DATABASE_URL=embedded_database.url)
    assert done.returncode == 0, done.stderr
    assert "received before" not in done.stderr
    with SliceStore(embedded_database) as slices:
        catalogs = [slices.read_object_ids(SliceKey("clean_catalog", day))[0].tolist() for day in (days[0], days[2])]
    assert catalogs[0] == catalogs[1]


def test_ctrl_c_in_the_foreground_ends_the_run_and_writes_nothing(
    database: DatabaseUrl, tmp_path: Path, small: tuple[bytes, list[Minimum]]
) -> None:
    day = EPOCH_DAY + timedelta(days=20)
    store_snapshot(database, small[0], file_name="s.csv", source="test", epoch_day=day, received_at=datetime.now(UTC))
    command = [*SSA, "materialize", "--foreground", "--epoch-day", str(day), "--lead-days", "0"]
    environment = {**os.environ, "SSA_HOME": str(tmp_path / "home"), "DATABASE_URL": database.url}
    with psycopg.connect(database.psycopg) as blocker:
        blocker.execute("LOCK TABLE screening.conjunction_candidate IN SHARE ROW EXCLUSIVE MODE")
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as running:
            _wait_for(lambda: _is_waiting_for_lock(database), bool, "the run")
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=HANGING_S)
    assert running.returncode == 130, said
    assert "cancelled (run " in said.splitlines()[-1]
    assert "Traceback" not in said
    with SliceStore(database) as slices:
        assert slices.read_version(SliceKey("ephemeris_chunks", day, 0)) is not None
        assert slices.read_version(SliceKey("conjunction_candidates", day, 0)) is None
    with psycopg.connect(database.psycopg) as connection:
        statuses = {str(row[0]) for row in connection.execute("SELECT status FROM dagster.runs")}
    assert statuses <= {"SUCCESS", "FAILURE", "CANCELED"}


def _is_waiting_for_lock(url: DatabaseUrl) -> bool:
    with psycopg.connect(url.psycopg) as connection:
        found = connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return found is not None
