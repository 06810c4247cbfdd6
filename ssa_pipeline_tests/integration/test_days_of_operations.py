"""Days of operations: real daily releases come through the watched folder into a running Dagster instance, one cut off,
one missing until all others are there, one partial, one twice. The catalogue of every day is compared with a plain
reading of the files. Ten days where ``../shared/data/releases`` lies beside the checkout, else the four bundled ones,
of which none comes late; the header of the test run says which."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ssa_pipeline.local.postgres.address import database_url, embedded_server
from ssa_pipeline.local.services import stopping
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline_tests.shared.command_line import ssa_done
from ssa_pipeline_tests.shared.releases import release, release_days

WHOLE, CUT_OFF, MISSING, PARTIAL, TWICE = "2026-08-13", "2026-08-14", "2026-08-15", "2026-08-16", "2026-08-17"
SENSORS = ("watched_folder", "new_tle_release")  # the schedules would ask real providers, screening takes minutes
A_WHILE_S = 240
# What makes an object of the files no member of the catalogue.
NOT_IN_ORBIT = ["decayed", "perigee_below_surface", "sgp4_init_failed"]


@dataclass
class Operations:
    """An installation at work, and by plain reading of its files what its catalogues must hold."""

    home: Path
    folder: Path
    received: dict[str, list[bytes]] = field(default_factory=dict)  # day -> files
    checked: dict[str, dict[int, datetime]] = field(default_factory=dict)  # day -> its catalogue, found right

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SSA_HOME": str(self.home),
            "SSA_WATCHED_FOLDER": str(self.folder),
            "SSA_SENSOR_INTERVAL_S": "1",
            "COLUMNS": "160",
        }

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    def ssa(self, *arguments: str, code: int = 0) -> str:
        done = ssa_done(*arguments, **self.environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with connect(database_url(self.settings)) as connection:
            return connection.execute(query, parameters).fetchall()

    def receive(self, day: str, files: dict[str, bytes]) -> None:
        """Files appear in the folder, complete; what they hold counts as received."""
        for name, data in files.items():
            self.put(f"{day}-{name}", data)
            self.received.setdefault(day, []).append(data)

    def put(self, name: str, data: bytes) -> None:
        beside = self.folder / f".{name}"
        beside.write_bytes(data)
        a_minute_ago = time.time() - 60  # a file that has just changed is left alone for ten seconds
        os.utime(beside, (a_minute_ago, a_minute_ago))
        beside.replace(self.folder / name)

    def wait_for(self, query: str, *parameters: object, until: Callable[[Any], bool] = bool) -> None:
        deadline = time.monotonic() + A_WHILE_S
        while not until(found := self.rows(query, *parameters)[0][0]):
            assert time.monotonic() < deadline, f"{query} {parameters}: {found}\n{self.ssa('automation', 'status')}"
            time.sleep(0.5)

    def wait_for_catalog(self, day: str) -> None:
        self.wait_for("SELECT count(*) FROM ssa.runs WHERE asset = 'clean_catalog' AND epoch_day = %s", day)

    def wait_for_gate(self, day: str, state: str) -> None:
        query = "SELECT gate_state FROM ssa.catalog_quality WHERE epoch_day = %s UNION ALL SELECT NULL"
        self.wait_for(query, day, until=lambda found: found == state)

    def has_catalog(self, day: str) -> bool:
        return bool(self.rows("SELECT FROM ssa.runs WHERE asset = 'clean_catalog' AND epoch_day = %s", day))

    def catalog(self, day: str) -> dict[int, datetime]:
        query = """SELECT c.norad_id, s.epoch FROM screening.clean_catalog c JOIN catalog.element_set s
            USING (element_set_id) WHERE c.epoch_day = %s"""
        return dict(self.rows(query, day))

    def check_catalog(self, day: str) -> None:
        """Every object received in 30 days is there with its newest set, or was found not to be in orbit."""
        newest = newest_of([data for of_day, files in self.received.items() if of_day <= day for data in files], day)
        used = self.catalog(day)
        gone = {
            norad_id
            for (norad_id,) in self.rows(
                "SELECT norad_id FROM ssa.rejected_records WHERE epoch_day = %s AND asset = 'clean_catalog' "
                "AND rule = ANY (%s)",
                day,
                NOT_IN_ORBIT,
            )
        }
        midnight = datetime.fromisoformat(f"{day}T00:00:00Z")
        stale = {i for i, epoch in newest.items() if epoch < midnight - timedelta(days=30)}
        assert len(used) > 18_000
        assert {*used, *gone} == {*newest} - stale
        late = [i for i, epoch in used.items() if abs(epoch - newest[i]) > timedelta(milliseconds=1)]
        assert set(late) <= gone  # an older set of an object whose newest could not be used
        carried = self.rows(
            "SELECT norad_id FROM screening.clean_catalog WHERE epoch_day = %s AND received_day < epoch_day", day
        )
        of_the_day = newest_of(self.received[day], day)
        not_of_the_day = {i for i in used if of_the_day.get(i) != newest[i]}
        assert {i for (i,) in carried} == {*not_of_the_day, *late}
        self.checked[day] = used


def newest_of(files: Iterable[bytes], day: str) -> dict[int, datetime]:
    """Of every object the newest epoch up to the end of the day; the nearest of the later ones where there is none."""
    end = datetime.fromisoformat(f"{day}T00:00:00Z") + timedelta(days=1)
    epochs: dict[int, list[datetime]] = {}
    for data in files:
        for norad_id, epoch in newest_epochs(data).items():
            epochs.setdefault(norad_id, []).append(epoch)
    return {i: max((e for e in found if e < end), default=min(found)) for i, found in epochs.items()}


@cache
def newest_epochs(data: bytes) -> dict[int, datetime]:
    """Of TLE text, gzip or not: catalogue number -> newest epoch, from the columns alone."""
    text = gzip.decompress(data).decode() if data[:2] == b"\x1f\x8b" else data.decode()
    epochs: dict[int, datetime] = {}
    for line in text.splitlines():
        if line.startswith("1 ") and len(line) >= 69:
            number = catalog_number(line[2:7])
            days = timedelta(days=int(line[20:23]) - 1, microseconds=int(line[24:32]) * 864)
            epoch = datetime(2000 + int(line[18:20]), 1, 1, tzinfo=UTC) + days
            epochs[number] = max(epoch, epochs.get(number, epoch))
    return epochs


def catalog_number(columns: str) -> int:
    """Of plain digits or Alpha-5, which counts on with letters, I and O left out."""
    if columns.isdigit():
        return int(columns)
    return ("ABCDEFGHJKLMNPQRSTUVWXYZ".index(columns[0]) + 10) * 10_000 + int(columns[1:])


@pytest.fixture
def operations(open_tmp_path: Path) -> Iterator[Operations]:
    folder = open_tmp_path / "incoming"
    folder.mkdir()
    installation = Operations(open_tmp_path / "operations", folder)
    try:
        installation.ssa("up")
        installation.ssa("automation", "on", *SENSORS)
        yield installation
    finally:
        stopping.down(installation.settings, lambda _: None)
        embedded_server(installation.settings).remove()


@pytest.mark.timeout(1200)  # ten days on a busy machine
def test_days_of_operations(operations: Operations) -> None:
    operations.receive(WHOLE, release(WHOLE))
    operations.wait_for_catalog(WHOLE)
    operations.check_catalog(WHOLE)

    whole = release(CUT_OFF)
    active = whole.pop("active.tle.gz")
    operations.put(f"{CUT_OFF}-active.tle.gz", active[: len(active) // 2])
    operations.receive(CUT_OFF, whole)
    operations.wait_for_gate(CUT_OFF, "held")
    assert not operations.has_catalog(CUT_OFF)
    outcome = "SELECT count(*) FROM raw.fetch_state WHERE outcome = 'not_a_catalog' AND detail LIKE %s"
    assert operations.rows(outcome, "%active.tle.gz%") == [(1,)]
    operations.receive(CUT_OFF, {"active.tle.gz": active})
    operations.wait_for_gate(CUT_OFF, "open")
    operations.wait_for_catalog(CUT_OFF)
    operations.check_catalog(CUT_OFF)

    lines = gzip.decompress(release(PARTIAL)["active.tle.gz"]).splitlines(keepends=True)
    operations.receive(PARTIAL, {"active.tle": b"".join(lines[: len(lines) // 6 * 3])})
    operations.wait_for_gate(PARTIAL, "held")
    assert not operations.has_catalog(PARTIAL)
    assert not operations.has_catalog(MISSING)
    assert "held" in operations.ssa("catalog", "status")
    operations.ssa("catalog", "accept", "--epoch-day", PARTIAL, "--reason", "the rest will not come")
    operations.wait_for_catalog(PARTIAL)
    operations.check_catalog(PARTIAL)

    again = release(TWICE)
    operations.receive(TWICE, {**again, **{f"copy-of-{name}": data for name, data in again.items()}})
    operations.wait_for_catalog(TWICE)
    operations.check_catalog(TWICE)
    received = "SELECT snapshots_received FROM ssa.catalog_quality WHERE epoch_day = %s"
    assert operations.rows(received, TWICE) == [(2,)]

    days = release_days()
    together = [day for day in days if day > TWICE]  # a folder that was not read for a while
    for day in together:
        operations.receive(day, release(day))
    for day in together:
        operations.wait_for_catalog(day)
        operations.check_catalog(day)

    if MISSING in days:
        operations.receive(MISSING, release(MISSING))
        operations.wait_for_catalog(MISSING)
        operations.check_catalog(MISSING)
    for day in days:
        assert operations.catalog(day) == operations.checked[day]  # what comes late changes no other day
    runs = "SELECT epoch_day::text, count(*) FROM ssa.runs WHERE asset = 'clean_catalog' GROUP BY 1 ORDER BY 1"
    assert operations.rows(runs) == [(day, 1) for day in days]
