"""The chain through a real Dagster instance: daemon, webserver over HTTP, PostgreSQL as IO manager and run store."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ssa_pipeline.local.postgres.address import database_url, embedded_server
from ssa_pipeline.local.services import state, stopping
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.use_cases.runs.webserver import Webserver
from ssa_pipeline_tests.shared.chain_data import Minimum, catalog_of, small_catalog
from ssa_pipeline_tests.shared.command_line import SSA, ssa_done

DAY = "2024-11-01"
EMPTY_DAY = "2024-11-04"
BACKFILL_DAY = "2024-11-05"
AUTOMATIC_DAY = "2024-11-08"
SENSORS = ("watched_folder", "new_tle_release", "screen_catalog")  # not all: the others ask real providers
_BACKFILL = """mutation Backfill($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


def _settings(home: Path) -> Settings:
    return read_settings({"SSA_HOME": str(home)})


def ssa(home: Path, *arguments: str, code: int = 0, **environment: str) -> str:
    done = ssa_done(*arguments, SSA_HOME=str(home), **{"COLUMNS": "160", **environment})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def small() -> tuple[bytes, list[Minimum]]:
    return small_catalog(120)


@pytest.fixture(scope="module")
def home(open_tmp_dir: Path, small: tuple[bytes, list[Minimum]]) -> Iterator[Path]:
    """Services up, and a small real catalogue received."""
    directory = open_tmp_dir / "pipeline"
    file = open_tmp_dir / "small.csv"
    file.write_bytes(small[0])
    try:
        (open_tmp_dir / "incoming").mkdir()
        ssa(
            directory, "up", "--unwatched", SSA_SENSOR_INTERVAL_S="1", SSA_WATCHED_FOLDER=str(open_tmp_dir / "incoming")
        )
        ssa(directory, "ingest", str(file), "--epoch-day", DAY)
        yield directory
    finally:
        stopping.down(_settings(directory), lambda _: None)
        embedded_server(_settings(directory)).remove()


def one(home: Path, query: str, *parameters: object) -> tuple[object, ...]:
    with connect(database_url(_settings(home))) as connection:
        row = connection.execute(query, parameters).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return tuple(row)


def test_a_range_run_screens_two_lead_days_and_finds_the_truth(home: Path, small: tuple[bytes, list[Minimum]]) -> None:
    said = ssa(home, "materialize", "--epoch-day", DAY, "--lead-days", "0-1")
    assert "done" in said
    runs = one(home, "SELECT count(DISTINCT run_id) FROM ssa.runs WHERE epoch_day = %s AND lead_day IS NOT NULL", DAY)
    assert runs == (1,)  # one run for the range
    with connect(database_url(_settings(home))) as connection:
        rows = connection.execute(
            "SELECT norad_id_1, norad_id_2, event_class, extract(epoch FROM tca_utc - %s::timestamptz)::float8, "
            "extract(epoch FROM start_utc - %s::timestamptz)::float8, "
            "extract(epoch FROM end_utc - %s::timestamptz)::float8, miss_distance_km "
            "FROM ssa.events WHERE epoch_day = %s AND lead_day = 0",
            [f"{DAY} 00:00Z"] * 3 + [DAY],
        ).fetchall()
    assert len(small[1]) > 60
    for minimum in small[1]:
        mine = [row for row in rows if row[:2] == minimum.pair]
        assert any(
            abs(row[3] - minimum.t_s) < 0.01 and abs(row[6] - minimum.miss_km) < 1e-5
            if row[2] == "crossing"
            else row[4] - 1 <= minimum.t_s <= row[5] + 1
            for row in mine
        ), minimum


def test_what_is_up_to_date_is_not_computed_again(home: Path) -> None:
    before = one(home, "SELECT count(*) FROM ssa.runs")
    assert "up to date" in ssa(home, "materialize", "--epoch-day", DAY, "--lead-days", "0-1")
    assert one(home, "SELECT count(*) FROM ssa.runs") == before


def test_events_and_why_answer(home: Path) -> None:
    printed = ssa(home, "events", "--epoch-day", DAY, "--limit", "3", "--format", "csv").splitlines()
    assert len(printed) == 4
    assert printed[0].startswith("norad_id_1,norad_id_2,name_1")
    norad_id = printed[1].split(",")[0]
    assert f"{norad_id} " in ssa(home, "why", norad_id, "--epoch-day", DAY)
    assert "line" in ssa(home, "why", norad_id)
    assert "in no file received" in ssa(home, "why", "99998", code=1)
    assert "no screening of 2024-12-24" in ssa(home, "events", "--epoch-day", "2024-12-24", code=1)
    assert "as it should be" in ssa(home, "db", "check")


def test_a_day_without_data_says_what_to_do(home: Path) -> None:
    assert "ssa ingest FILE --epoch-day 2024-12-24" in ssa(home, "materialize", "--epoch-day", "2024-12-24", code=3)


def test_a_partial_release_becomes_the_catalogue_only_when_it_is_accepted(home: Path, open_tmp_dir: Path) -> None:
    few = open_tmp_dir / "few.csv"
    few.write_bytes(catalog_of({25544, 48274, 5}))
    assert "WARNING" in ssa(home, "ingest", str(few), "--epoch-day", "2024-11-02")
    said = ssa(home, "materialize", "--epoch-day", "2024-11-02", "--lead-days", "0", code=1)
    assert "release_is_complete: held: 3 objects" in said
    catalogs = "SELECT count(*) FROM ssa.runs WHERE asset = 'clean_catalog' AND epoch_day = '2024-11-02'"
    assert one(home, catalogs) == (0,)
    assert "goes on with it" in ssa(home, "catalog", "accept", "--epoch-day", "2024-11-02", "--reason", "a test")
    assert "done" in ssa(home, "materialize", "--epoch-day", "2024-11-02", "--lead-days", "0")
    assert one(home, catalogs) == (1,)
    quality = one(home, "SELECT gate_state, accept_reason FROM ssa.catalog_quality WHERE epoch_day = '2024-11-02'")
    assert quality == ("accepted", "a test")


def test_one_backfill_over_all_five_assets(home: Path, open_tmp_dir: Path) -> None:
    """One from the UI, which `ssa backfill` follows. Automation is turned on beside it and wants the same: every key is
    still computed by one run. Of the day before nothing was received; its run fails, and keeps no other day from being
    screened."""
    ssa(home, "ingest", str(open_tmp_dir / "small.csv"), "--epoch-day", BACKFILL_DAY)
    assert " off" in ssa(home, "automation", "status")
    address = state.ui_url(_settings(home))
    assert address is not None
    assets = ["raw_tle_snapshots", "clean_catalog", "ephemeris_chunks", "conjunction_candidates", "refined_events"]
    with Webserver(address) as webserver:
        params = {
            "assetSelection": [{"path": [asset]} for asset in assets],
            "partitionNames": [EMPTY_DAY, BACKFILL_DAY],
        }
        answer = webserver.query(_BACKFILL, {"params": params})["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
    ssa(home, "automation", "on", *SENSORS)
    said = ssa(home, "backfill", "--from", EMPTY_DAY, "--to", BACKFILL_DAY)
    assert f"catalogue of {EMPTY_DAY}: failed" in said
    assert f"back-fill {answer['backfillId']} has ended: failed" in said
    assert f"nothing was received on 1 of 2 days ({EMPTY_DAY}): passed over" in said
    assert f"1 of 2 days ({BACKFILL_DAY}) need nothing" in said
    assert one(home, "SELECT count(*) FROM ssa.runs WHERE epoch_day = %s", EMPTY_DAY) == (0,)
    lead_days = one(
        home,
        "SELECT count(DISTINCT lead_day), count(DISTINCT run_id) FROM ssa.runs WHERE epoch_day = %s AND asset = %s",
        BACKFILL_DAY,
        "refined_events",
    )
    assert lead_days == (7, 1)
    writes = "SELECT count(*), count(DISTINCT (asset, lead_day)) FROM ssa.runs WHERE epoch_day = %s"
    assert one(home, writes, BACKFILL_DAY) == (23, 23)


def test_a_backfill_forced_paused_and_resumed_writes_identical_slices(home: Path) -> None:
    """What was made before the pause is not made again."""
    newest = (
        "SELECT array_agg(content_hash ORDER BY asset, lead_day), array_agg(n ORDER BY asset, lead_day) "
        "FROM (SELECT DISTINCT ON (asset, lead_day) asset, lead_day, content_hash, "
        "count(*) OVER (PARTITION BY asset, lead_day) n FROM screening.slice_log "
        "WHERE epoch_day = %s AND lead_day < 2 ORDER BY asset, lead_day, log_id DESC) newest"
    )
    ssa(home, "automation", "off")
    hashes, writes = one(home, newest, BACKFILL_DAY)
    assert writes == [1] * (2 + 2 * 3)
    days = ("--from", BACKFILL_DAY, "--to", BACKFILL_DAY, "--lead-days", "0-1")
    assert "need nothing" in ssa(home, "backfill", *days)
    assert "days to compute: 1" in ssa(home, "backfill", *days, "--force", "--detach")
    catalogs = "SELECT count(*) FROM ssa.runs WHERE asset = 'clean_catalog' AND epoch_day = %s"
    deadline = time.monotonic() + 120
    while one(home, catalogs, BACKFILL_DAY) != (2,) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert "ends within a minute" in ssa(home, "backfill", "pause")
    said = ssa(home, "backfill", "resume")
    assert "computes the rest" in said
    assert ", days: 1" in said
    assert one(home, newest, BACKFILL_DAY) == (hashes, [2] * (2 + 2 * 3))
    assert "nothing is left" in ssa(home, "backfill", "resume", code=2)


def test_a_file_in_the_folder_is_screened_by_itself(home: Path, open_tmp_dir: Path) -> None:
    file = open_tmp_dir / "incoming" / f"release_{AUTOMATIC_DAY}.csv"
    shutil.copy(open_tmp_dir / "small.csv", file)
    os.utime(file, (0, 0))  # not one that is still being written
    assert "there is no nonsense" in ssa(home, "automation", "on", "nonsense", code=2)
    assert "`ssa up` first" in ssa(open_tmp_dir / "elsewhere", "automation", "on", code=4)
    ssa(home, "automation", "on", *SENSORS)
    assert "3 were on already" in ssa(home, "automation", "on", *SENSORS)
    screened = "SELECT count(*), count(DISTINCT run_id) FROM ssa.runs WHERE epoch_day = %s AND asset = 'refined_events'"
    deadline = time.monotonic() + 200
    while one(home, screened, AUTOMATIC_DAY) != (7, 1) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert one(home, screened, AUTOMATIC_DAY) == (7, 1)
    shown = ssa(home, "automation", "status")
    assert "new_tle_release          sensor   on" in shown
    assert "daily_retention          schedule on" in shown
    assert "3 turned off" in ssa(home, "automation", "off")


def slots(home: Path) -> list[psutil.Process]:
    """The processes in which runs are executed."""
    family = state.with_descendants(_settings(home), state.WORKER)
    return [one for one in family if any("slot_process" in part for part in one.cmdline())]


@contextmanager
def run_in_progress(home: Path, lead_days: str) -> Iterator[subprocess.Popen[str]]:
    """`ssa materialize`, from the moment on which its run works."""
    with subprocess.Popen(
        [
            *SSA,
            *("materialize", "--epoch-day", DAY, "--lead-days", lead_days, "--force"),
        ],
        env={**os.environ, "SSA_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as command:
        try:
            deadline = time.monotonic() + 90
            started: tuple[object, ...] = (0,)
            while time.monotonic() < deadline and started == (0,):
                time.sleep(0.1)
                started = one(home, "SELECT count(*) FROM dagster.runs WHERE status = 'STARTED'")
            assert started == (1,)
            yield command
        finally:
            command.kill()


def test_a_killed_run_worker_is_noticed_and_the_job_completes(home: Path) -> None:
    with run_in_progress(home, "2-6"):
        for process in slots(home):
            process.send_signal(signal.SIGKILL)
    completes_after_up(home)


def test_a_killed_postmaster_is_said_and_a_later_job_completes(home: Path) -> None:
    with run_in_progress(home, "2-6") as command:
        postmaster = embedded_server(_settings(home)).postmaster()
        assert postmaster is not None
        postmaster.kill()
        said, _ = command.communicate(timeout=120)
    assert command.returncode == 1, said
    assert "Traceback" not in said
    completes_after_up(home)


def test_a_worker_that_died_while_the_database_was_away_is_noticed_without_up(home: Path) -> None:
    with run_in_progress(home, "2-6"):
        server = embedded_server(_settings(home))
        postmaster = server.postmaster()
        assert postmaster is not None
        postmaster.kill()
        for process in slots(home):
            process.send_signal(signal.SIGKILL)
        time.sleep(3)
        server.start()
    wait_until_none_is_in_progress(home)
    completes_after_up(home)


def wait_until_none_is_in_progress(home: Path) -> None:
    """A worker that lost its database takes some seconds to say so and end; lost runs are begun again."""
    count = "SELECT count(*) FROM dagster.runs WHERE status IN ('QUEUED', 'STARTED', 'STARTING', 'CANCELING')"
    deadline = time.monotonic() + 120
    while one(home, count) != (0,) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert one(home, count) == (0,)


def completes_after_up(home: Path) -> None:
    ssa(home, "up", "--unwatched")  # the watcher would start again what these tests kill
    wait_until_none_is_in_progress(home)
    assert "done" in ssa(home, "materialize", "--epoch-day", DAY, "--lead-days", "2-6", "--force")
    written = one(
        home,
        "SELECT count(*), count(DISTINCT run_id) FROM ssa.runs "
        "WHERE epoch_day = %s AND asset = 'refined_events' AND lead_day BETWEEN 2 AND 6 AND is_current",
        DAY,
    )
    assert written == (5, 1)
