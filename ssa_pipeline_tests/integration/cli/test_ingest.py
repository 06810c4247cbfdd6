"""`ssa ingest` as a user runs it, against a real database: what is stored, what is said, exit codes."""

from __future__ import annotations

import gzip
import itertools
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.receipts.snapshots import read_snapshots
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.command_line import ssa_done
from ssa_pipeline_tests.shared.filled import write
from ssa_pipeline_tests.shared.places import DATA

CSV = DATA / "celestrak_omm_20241101.csv"
TLE = DATA / "celestrak_active_20260822.tle"

Ssa = Callable[..., "subprocess.CompletedProcess[str]"]


_days = (date(2024, 11, 1) + timedelta(days=30 * n) for n in itertools.count())


@pytest.fixture
def day() -> date:
    """A day of its own for every test, far from the others."""
    return next(_days)


def _ssa(database: str | None, home: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    environment = {"SSA_HOME": str(home)} | ({"DATABASE_URL": database} if database else {})
    return ssa_done(*arguments, standard_input=stdin, **environment)


@pytest.fixture
def ssa(database: DatabaseUrl, tmp_path: Path) -> Ssa:
    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        return _ssa(database.url, tmp_path, *arguments, stdin=stdin)

    return run


def test_bytes_are_stored_as_they_are_once_a_day(ssa: Ssa, database: DatabaseUrl, day: date) -> None:
    for said in ("138 element sets usable, 0 rejected; stored for", "was stored before"):
        done = ssa("ingest", str(CSV), "--epoch-day", str(day), "--source", "celestrak")
        assert done.returncode == 0
        assert said in done.stdout
        assert done.stderr == ""
    snapshots = read_snapshots(database, day)
    assert [(s.file_name, s.source, s.data) for s in snapshots] == [(CSV.name, "celestrak", CSV.read_bytes())]


def test_history_just_after_ingest_says_what_is_not_read_yet(ssa: Ssa, day: date) -> None:
    assert ssa("ingest", str(CSV), "--epoch-day", str(day)).returncode == 0
    done = ssa("history", "5")
    assert done.returncode == 1
    assert "object 5 is in no file read so far; what was received for" in done.stderr
    assert "is not read yet: `ssa materialize --epoch-day" in done.stderr


def test_wrong_checksums_are_accepted_with_the_receipt_also_later(ssa: Ssa, database: DatabaseUrl, day: date) -> None:
    file = DATA / "cases" / "p15_p16.tle"
    assert "2 element sets usable, 1 rejected; stored for" in ssa("ingest", str(file), "--epoch-day", str(day)).stdout
    assert [s.accepts_bad_checksums for s in read_snapshots(database, day)] == [False]
    done = ssa("ingest", str(file), "--epoch-day", str(day), "--accept-bad-checksums")
    assert "3 element sets usable, 0 rejected; was stored before" in done.stdout
    assert "1 records are used although their checksum is wrong; `ssa materialize --epoch-day" in done.stderr
    (snapshot,) = read_snapshots(database, day)
    assert snapshot.accepts_bad_checksums
    catalog = parse_catalog(snapshot.data, "x", accept_bad_checksums=True)
    parsed = ParsedSnapshot(snapshot.snapshot_id, catalog.element_sets, [], spans=catalog.spans)
    key = SliceKey("raw_tle_snapshots", day)
    with SliceStore(database) as store:
        write(store, key, ReceivedDay.from_parsed(day, [parsed]), {})
        received = store.read(key)[0]
    flagged = received.element_sets.object_name[received.receipts.has_bad_checksum]
    assert flagged.tolist() == ["TEST"]


def test_supplemental_sets_are_stored_as_such_and_bytes_keep_their_kind(
    ssa: Ssa, database: DatabaseUrl, day: date
) -> None:
    supplemental = DATA / "celestrak_supgp_starlink_20260929.csv"
    done = ssa("ingest", str(supplemental), "--epoch-day", str(day))  # told by its columns
    assert (done.returncode, done.stderr) == (0, "")
    assert "stored as supplemental_gp for" in done.stdout
    assert read_snapshots(database, day) == []
    assert [s.file_name for s in read_snapshots(database, day, "supplemental_gp")] == [supplemental.name]
    again = ssa("ingest", str(supplemental), "--epoch-day", str(day), "--kind", "gp")
    assert again.returncode == 3  # before, it was said in passing, and the exit code was 0
    assert f"was stored before for {day} as supplemental_gp, and stays that" in again.stderr
    assert (
        "was stored before as supplemental_gp" not in ssa("ingest", str(supplemental), "--epoch-day", str(day)).stderr
    )
    tle = supplemental.with_suffix(".tle")
    done = ssa("ingest", str(tle), "--epoch-day", str(day), "--kind", "supplemental_gp")  # that tells nothing
    assert "stored as supplemental_gp for" in done.stdout
    assert len(read_snapshots(database, day, "supplemental_gp")) == 2


def test_segments_are_told_by_their_names_and_several_objects_under_one_number_are_named(
    ssa: Ssa, database: DatabaseUrl, day: date, tmp_path: Path
) -> None:
    lines = (DATA / "s17_supgp_iss_segments.csv").read_text().splitlines()
    plain = tmp_path / "iss.csv"  # without the columns that tell the kind
    plain.write_text("\n".join(line.rsplit(",", 2)[0] for line in lines) + "\n")
    assert "stored as supplemental_gp for" in ssa("ingest", str(plain), "--epoch-day", str(day)).stdout
    done = ssa("ingest", str(DATA / "s06_same_id.3le"), "--epoch-day", str(day))
    assert done.returncode == 0
    named = ", ".join(f"PAYLOAD {letter}" for letter in "ABCDEF")
    assert f"99999 is the number of 6 objects, one of which is used: {named}" in done.stderr


def test_today_is_the_default_day(ssa: Ssa, database: DatabaseUrl) -> None:
    before = datetime.now(UTC).date()
    assert ssa("ingest", str(TLE)).returncode == 0
    days = {before, datetime.now(UTC).date()}
    assert sum(len(read_snapshots(database, today)) for today in days) == 1


def test_standard_input(ssa: Ssa, database: DatabaseUrl, day: date) -> None:
    packed = gzip.compress(CSV.read_bytes())
    done = ssa("ingest", "-", "--epoch-day", str(day), stdin=packed)
    assert done.returncode == 0
    assert [(s.file_name, s.data) for s in read_snapshots(database, day)] == [("standard input", packed)]


def test_rejected_records_are_reported_and_the_file_is_stored(
    ssa: Ssa, database: DatabaseUrl, day: date, tmp_path: Path
) -> None:
    lines = CSV.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b".1454801", b"NaN")
    lines[5] = lines[5].replace(b",0,U,", b",4,U,")
    path = tmp_path / "partly.csv"
    path.write_bytes(b"".join(lines)[:-30])
    done = ssa("ingest", str(path), "--epoch-day", str(day))
    assert done.returncode == 0
    report = done.stdout
    assert "135 element sets usable, 3 rejected" in report
    assert "bad_number" in report
    assert "line 3: ECCENTRICITY 'NaN' is not a number" in report
    assert "ephemeris_type_not_sgp4" in report
    assert "malformed" in report
    assert [s.data for s in read_snapshots(database, day)] == [path.read_bytes()]


def test_good_files_are_stored_though_others_are_refused(
    ssa: Ssa, database: DatabaseUrl, day: date, tmp_path: Path
) -> None:
    page = tmp_path / "page.csv"
    page.write_text("<html><body>Down for maintenance</body></html>")
    done = ssa("ingest", str(page), str(tmp_path / "absent.tle"), str(tmp_path), str(CSV), "--epoch-day", str(day))
    said = done.stderr
    assert done.returncode == 1
    assert "page.csv: is an HTML page" in said
    assert "absent.tle: no such file" in said
    assert f"{tmp_path}: is a directory" in said
    assert "3 of 4 files refused, 1 stored" in said
    assert [s.file_name for s in read_snapshots(database, day)] == [CSV.name]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"No GP data found", "has no data for the query"),
        (gzip.compress(CSV.read_bytes())[:2000], "cut off after 2000 bytes"),
        (CSV.read_bytes().splitlines()[0], "none of its 0 records can be used"),
        (b"\r\n".join(TLE.read_bytes().splitlines()[:3])[:-1] + b"9", "none of its 1 records can be used"),
    ],
)
def test_where_nothing_can_be_used_nothing_is_stored(
    ssa: Ssa, database: DatabaseUrl, day: date, tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "useless"
    path.write_bytes(data)
    done = ssa("ingest", str(path), "--epoch-day", str(day))
    assert done.returncode == 3
    assert said in done.stderr
    assert read_snapshots(database, day) == []


def test_a_handful_of_objects_after_a_full_day_is_announced_loudly(ssa: Ssa, day: date, tmp_path: Path) -> None:
    assert ssa("ingest", str(CSV), "--epoch-day", str(day - timedelta(days=2))).stderr == ""
    few = tmp_path / "few.csv"
    few.write_bytes(b"".join(CSV.read_bytes().splitlines(keepends=True)[:7]))
    done = ssa("ingest", str(few), "--epoch-day", str(day))
    assert done.returncode == 0
    said = done.stderr
    assert f"WARNING: {day} has 6 objects, 4.3% of the 138 of {day - timedelta(days=2)}; 132 of 138" in said
    assert "WARNING" not in ssa("ingest", str(CSV), "--epoch-day", str(day)).stderr


def test_days_that_have_no_partition_are_told(ssa: Ssa) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert "lies ahead" in ssa("ingest", str(CSV), "--epoch-day", str(tomorrow)).stderr
    for command in (("ingest", str(CSV)), ("fetch", "--source", "celestrak")):
        mistyped = ssa(*command, "--epoch-day", "2999-01-01")
        assert mistyped.returncode == 2
        assert "2999-01-01 lies more than one day ahead (today is" in mistyped.stderr
    assert "set SSA_FIRST_DAY" in ssa("ingest", str(CSV), "--epoch-day", "2001-01-01").stderr


def test_a_day_that_is_none(ssa: Ssa) -> None:
    done = ssa("ingest", str(CSV), "--epoch-day", "1.11.2024")
    assert done.returncode == 2
    assert "'1.11.2024' is not a day like 2024-11-01" in done.stderr


def test_without_a_database_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = _ssa(None, tmp_path, "ingest", str(CSV))
    assert done.returncode == 4
    assert "ssa up" in done.stderr


def test_a_database_without_tables_says_how_to_make_them(embedded_server: Server, tmp_path: Path) -> None:
    with embedded_server.empty_database() as empty:
        done = _ssa(empty.url, tmp_path, "ingest", str(CSV))
    assert done.returncode == 1
    assert "ssa db upgrade" in done.stderr


def test_a_satcat_is_recognised_and_stored_as_one(ssa: Ssa, database: DatabaseUrl, day: date, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes((DATA / "celestrak_satcat_20261002.csv").read_bytes().replace(b",UNK,", b",???,"))
    done = ssa("ingest", str(path), str(CSV), "--epoch-day", str(day))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert f"mine.csv: a satcat table, no element sets: 33 rows usable, 0 rejected; stored for {day}" in said
    assert "'???'" in done.stderr  # an unknown code costs no row, and is said
    assert [s.data for s in read_snapshots(database, day, "satcat")] == [path.read_bytes()]
    assert [s.file_name for s in read_snapshots(database, day)] == [CSV.name]
    part = tmp_path / "part.csv"
    part.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:20]))
    done = ssa("ingest", str(part), "--epoch-day", str(day))
    assert done.returncode == 0
    missing = f"14 of the 33 objects of mine.csv of {day} are missing (42.4%, at most 3% may be)"
    assert f"ssa: WARNING: part.csv: {missing}: stored, but not used" in done.stderr
    path.write_bytes(path.read_bytes().splitlines()[0] + b"\n")
    done = ssa("ingest", str(path), "--epoch-day", str(day))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        3,
        "ssa: mine.csv: none of the 0 rows can be used; it is not stored",
    )
