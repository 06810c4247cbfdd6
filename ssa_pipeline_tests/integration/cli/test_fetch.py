"""`ssa fetch` against the fake providers and a real database: what is stored, what is remembered, exit codes."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.sources.errors import RefusedError, TooEarlyError
from ssa_pipeline.sources.state import Attempt
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.questions.freshness import read_freshness
from ssa_pipeline.storage.receipts.fetch_state import PostgresFetchState
from ssa_pipeline.storage.receipts.snapshots import read_snapshots, snapshot_ids
from ssa_pipeline.use_cases.fetch import fetch_release
from ssa_pipeline_tests.shared.command_line import ssa_done
from ssa_pipeline_tests.shared.fake_sources import (
    GP_CSV,
    NOON,
    PASSWORD,
    SATCAT_CSV,
    USER,
    FakeClock,
    FakeSources,
    as_csv,
    as_space_track_csv,
    fake_sources,
)
from ssa_pipeline_tests.shared.places import DATA

DAY = NOON.date()
Ssa = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> Iterator[FakeSources]:
    with fake_sources(clock) as running:
        yield running


@pytest.fixture
def ssa(embedded_database: DatabaseUrl, tmp_path: Path) -> Ssa:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"SSA_HOME": str(tmp_path), "DATABASE_URL": embedded_database.url}
        return ssa_done("fetch", *arguments, **settings | environment)

    return run


def test_bytes_and_where_they_came_from_are_stored(
    fresh_database: DatabaseUrl, server: FakeSources, clock: FakeClock
) -> None:
    queries = ["GROUP=active", "satcat"]
    results = fetch_release(fresh_database, server.settings(), "celestrak", queries, clock=clock)
    assert [(r.is_new, r.error, r.epoch_day) for r in results] == [(True, None, DAY)] * 2
    (gp,) = read_snapshots(fresh_database, DAY)
    assert (gp.data, gp.source, gp.received_at) == (GP_CSV, "celestrak", NOON)
    assert snapshot_ids(fresh_database, DAY) == [gp.snapshot_id]
    assert [s.data for s in read_snapshots(fresh_database, DAY, "satcat")] == [SATCAT_CSV]
    with connect(fresh_database) as connection:
        row = connection.execute(
            "SELECT url, headers->>'content-type', etag, last_modified, http_status FROM raw.snapshot WHERE kind = 'gp'"
        ).fetchone()
        quality = connection.execute("SELECT snapshots_received FROM ssa.catalog_quality").fetchall()
    assert row is not None
    url = f"{server.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv"
    assert row[2].startswith('"')
    assert row == (url, "text/csv", row[2], "Sat, 22 Aug 2026 12:00:00 GMT", 200)
    assert quality == [(1,)]


def test_a_restart_does_not_ask_again(fresh_database: DatabaseUrl, server: FakeSources, clock: FakeClock) -> None:
    """Every call is a new client with nothing but the database; a 304 and the same bytes make no new receipt."""
    settings, groups = server.settings(), ["GROUP=active"]
    fetch_release(fresh_database, settings, "celestrak", groups, clock=clock)
    clock.advance(minutes=119)
    (result,) = fetch_release(fresh_database, settings, "celestrak", groups, clock=clock)
    assert isinstance(result.error, TooEarlyError)
    assert len(server.requests) == 1
    clock.advance(minutes=1)
    (result,) = fetch_release(fresh_database, settings, "celestrak", groups, clock=clock)
    assert (result.is_new, result.error) == (False, None)
    assert "if-none-match" in server.requests[-1][2]
    server.has_validators = False
    clock.advance(hours=2)
    (result,) = fetch_release(fresh_database, settings, "celestrak", groups, clock=clock)
    assert (result.is_new, result.error, result.byte_count) == (False, None, len(GP_CSV))
    assert len(snapshot_ids(fresh_database, DAY)) == 1


@pytest.mark.parametrize("has_validators", [True, False])
def test_what_has_not_changed_since_yesterday_is_the_release_of_today_too(
    fresh_database: DatabaseUrl, server: FakeSources, clock: FakeClock, has_validators: bool
) -> None:
    """A 304 or "has not updated" after midnight: the bytes are stored once and received on both days. The same content
    as another file of yesterday, and a provider's error in between, change nothing of that."""
    settings, queries, received = server.settings(), ["GROUP=active", "GROUP=stations"], []
    server.has_validators = has_validators
    clock.advance(hours=11, minutes=30)
    server.gp = GP_CSV[: GP_CSV.rindex(b"\n", 0, -1) + 1]  # of GROUP=stations, and of the same moment
    fetch_release(fresh_database, settings, "celestrak", queries[1:], clock=clock)
    server.gp = GP_CSV
    fetch_release(fresh_database, settings, "celestrak", queries[:1], clock=clock)
    for hours in (2, 2, 24):
        clock.advance(hours=hours)
        server.downloads["GROUP=active"] = clock() - timedelta(hours=1)
        (result,) = fetch_release(fresh_database, settings, "celestrak", queries[:1], clock=clock)
        assert result.error is None
        received.append((result.is_new, result.epoch_day, result.byte_count))
    days = [DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert received == [(True, days[0], len(GP_CSV)), (False, days[0], len(GP_CSV)), (True, days[1], len(GP_CSV))]
    for day in days:
        (again,) = read_snapshots(fresh_database, day)
        assert (again.data, again.source, again.received_at.date()) == (GP_CSV, "celestrak", day)
    with connect(fresh_database) as connection:
        sql = "SELECT url, headers, http_status FROM raw.snapshot ORDER BY snapshot_id DESC LIMIT 2"
        url = f"{server.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv"
        assert connection.execute(sql).fetchall() == [(url, None, 304 if has_validators else 403)] * 2
        assert connection.execute("SELECT count(*) FROM raw.content").fetchone() == (2,)
    (state,), _ = read_freshness(fresh_database)
    assert state.received_at == NOON + timedelta(hours=11, minutes=30)  # a source that confirms is silent all the same


def test_the_attempt_is_committed_before_the_request(fresh_database: DatabaseUrl, clock: FakeClock) -> None:
    """Another connection sees it while the server has not answered yet."""
    seen: list[tuple[object, ...]] = []

    class Watching(FakeSources):
        def process_request(self, request: object, client_address: object) -> None:
            with connect(fresh_database) as connection:
                seen.extend(connection.execute("SELECT outcome, attempted_at FROM raw.fetch_state").fetchall())
            super().process_request(request, client_address)  # type: ignore[arg-type]

    with fake_sources(clock, Watching) as server:
        fetch_release(fresh_database, server.settings(), "celestrak", [], clock=clock)
    assert seen == [("started", NOON)]


def test_one_of_many_processes_asks(fresh_database: DatabaseUrl) -> None:
    state = PostgresFetchState(fresh_database)

    def check(last: Attempt | None) -> None:
        if last:
            raise RefusedError("not now")

    def begin(_: int) -> int:
        try:
            state.begin("query", "test", NOON, check)
        except RefusedError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(16))) == 1

    def take(_: int) -> None:
        state.take_request("account", NOON, lambda times: counts.append(len(times)))

    counts: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(16)))
    assert sorted(counts) == list(range(16))
    state.take_request("account", NOON + timedelta(hours=1), lambda times: counts.append(len(times)))
    assert counts[-1] == 0  # requests of more than an hour ago are forgotten


def test_a_clock_that_was_ahead_is_not_waited_for(
    fresh_database: DatabaseUrl, server: FakeSources, clock: FakeClock
) -> None:
    """Set right, every query waits for its interval from then on, and not until the date that was wrong."""
    settings = server.settings()
    fetch_release(fresh_database, settings, "celestrak", [], clock=FakeClock(NOON + timedelta(days=3650)))
    state, counts = PostgresFetchState(fresh_database), list[int]()
    state.take_request("account", NOON + timedelta(days=3650), lambda _: None)
    (result,) = fetch_release(fresh_database, settings, "celestrak", [], clock=clock)
    assert isinstance(result.error, TooEarlyError)
    assert result.error.not_before == NOON + timedelta(hours=2)
    clock.advance(hours=2)
    server.downloads.clear()
    (result,) = fetch_release(fresh_database, settings, "celestrak", [], clock=clock)
    assert result.error is None
    state.take_request("account", NOON, lambda _: None)
    state.take_request("account", NOON + timedelta(hours=1), lambda times: counts.append(len(times)))
    assert counts == [0]


def test_space_track_into_the_database(fresh_database: DatabaseUrl, server: FakeSources, clock: FakeClock) -> None:
    clock.now = NOON.replace(hour=18)
    kinds = ["gp", "satcat", "decay", "tip"]
    results = fetch_release(fresh_database, server.settings(), "space-track", kinds, clock=clock)
    assert [result.error for result in results] == [None] * 4
    assert (server.logins, len(server.data_requests())) == (1, 4)
    assert [s.data for s in read_snapshots(fresh_database, DAY)] == [as_space_track_csv(GP_CSV)]
    with connect(fresh_database) as connection:
        everything = "".join(
            str(connection.execute(f"SELECT * FROM raw.{table}").fetchall())
            for table in ("snapshot", "fetch_state", "fetch_account")
        )
        stored = connection.execute("SELECT array_agg(kind ORDER BY kind) FROM raw.snapshot").fetchone()
    assert stored == (sorted(kinds),)
    assert PASSWORD not in everything
    assert "chocolatechip" not in everything


def test_exit_codes_of_celestrak(ssa: Ssa, server: FakeSources) -> None:
    asked = ("--source", "celestrak", "--base-url", server.url)
    done = ssa(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(GP_CSV):,} bytes stored for" in done.stdout
    done = ssa(*asked)
    assert done.returncode == 11
    assert "not before" in done.stderr
    for mode, code in (("404", 12), ("html", 3), ("no data", 3), ("500", 1), ("truncated", 1)):
        server.modes.append(mode)
        assert ssa(*asked, "--query", f"GROUP={mode.replace(' ', '-')}").returncode == code, mode
    done = ssa(*asked, "--query", "GROUP=404")
    assert done.returncode == 12
    assert "--after-refusal" in done.stderr
    assert ssa(*asked, "--query", "GROUP=404", "--after-refusal").returncode == 11  # the provider's interval holds
    server.downloads["GROUP=stations"] = server.clock()
    done = ssa(*asked, "--query", "GROUP=stations")
    assert done.returncode == 10
    assert "nothing new" in done.stdout
    assert "not stored here" in done.stderr
    assert ssa(*asked, "--query", "CATNR=25544").returncode == 2
    assert ssa("--source", "celestrak", "--base-url", "celestrak.org").returncode == 2


def test_exit_codes_of_space_track(ssa: Ssa, server: FakeSources) -> None:
    asked = ("--source", "space-track", "--base-url", server.url)
    assert ssa(*asked).returncode == 2  # no account
    done = ssa(*asked, SPACE_TRACK_USERNAME=USER, SPACE_TRACK_PASSWORD="wr0ng-secret")
    is_quiet_time = done.returncode == 11  # the real clock is close to the full hour
    assert done.returncode == 12 or is_quiet_time
    assert "wr0ng" not in done.stdout + done.stderr
    assert server.logins == (0 if is_quiet_time else 1)
    done = ssa("--source", "space-track", "--base-url", "http://example.org", SPACE_TRACK_USERNAME=USER)
    assert done.returncode == 2
    assert "unencrypted" in done.stderr


def test_a_folder(ssa: Ssa, embedded_database: DatabaseUrl, tmp_path: Path) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    path = folder / "celestrak_20241101.csv"
    path.write_bytes(GP_CSV)
    an_hour_ago = datetime.now(UTC).timestamp() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
    assert ssa("--source", "folder", "--base-url", str(folder)).returncode == 0
    assert [s.data for s in read_snapshots(embedded_database, date(2024, 11, 1))] == [GP_CSV]
    assert ssa("--source", "folder", "--base-url", folder.as_uri()).returncode == 10
    assert ssa("--source", "folder", SSA_WATCHED_FOLDER=str(folder)).returncode == 10
    done = ssa("--source", "folder")
    assert done.returncode == 2
    assert "SSA_WATCHED_FOLDER" in done.stderr


def test_a_folder_takes_tables_by_their_content(fresh_database: DatabaseUrl, clock: FakeClock, tmp_path: Path) -> None:
    """As `ssa ingest` does, whatever they are called, plain or packed, as CSV or JSON."""
    files = {
        "a_20260822.csv": GP_CSV,
        "b_20260822.csv.gz": gzip.compress(SATCAT_CSV),
        "c_20260821.json": (DATA / "space_track_decay.json").read_bytes(),
        "d.txt": as_csv((DATA / "space_track_tip.json").read_bytes()),
        "e_20260822.csv": (DATA / "celestrak_supgp_starlink_20260929.csv").read_bytes(),
        "f.csv": SATCAT_CSV.splitlines(keepends=True)[0],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (0, 0))
    settings = replace(read_settings({}).sources, folder=tmp_path)
    results = fetch_release(fresh_database, settings, "folder", [], clock=clock)
    assert [result.is_new for result in results] == [True, True, True, True, True, False]
    assert str(results[5].error) == "none of 0 rows can be used; the first: there is none"
    with connect(fresh_database) as connection:
        stored = connection.execute("SELECT file_name, kind, epoch_day FROM raw.snapshot ORDER BY 1").fetchall()
        n_objects = connection.execute("SELECT count(*) FROM catalog.satcat").fetchone()
    days = [DAY, DAY, DAY - timedelta(days=1), DAY, DAY]
    kinds = ("gp", "satcat", "decay", "tip", "supplemental_gp")
    assert stored == list(zip(list(files)[:5], kinds, days, strict=True))
    assert n_objects == (len(parse_table(SATCAT_CSV, "a").satcat),)
