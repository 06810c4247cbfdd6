"""``ssa screen``: its input files, and that its output appears whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from ssa_pipeline.cli.events_csv import COLUMNS, ROWS_PER_BLOCK, EventsCsv
from ssa_pipeline.cli.screen.command import prepare_kernels
from ssa_pipeline.cli.screen.progress import QUIET_S, Progress
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, Events
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import catalog_of, small_catalog
from ssa_pipeline_tests.shared.command_line import SSA, ssa_done
from ssa_pipeline_tests.shared.places import BUNDLED

WINDOW = ("--start", "2024-11-01T00:00:00Z", "--hours", "2")
COMMAND = (*SSA, "screen")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "SSA_HOME": str(home)}


def run(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    return ssa_done("screen", *arguments, SSA_HOME=str(home))


def aged(data: bytes, days_later: int) -> bytes:
    """The same OMM CSV with every epoch of October 2024 that many days later."""

    def later(match: re.Match[bytes]) -> bytes:
        return b"2024-10-%02d" % (int(match[1]) + days_later)

    return re.sub(rb"2024-10-(\d\d)", later, data)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "small.csv"
    path.write_bytes(small_catalog(60)[0])
    return path


def test_one_object_gives_a_valid_empty_file(tmp_path: Path) -> None:
    single, out = tmp_path / "one.csv.gz", tmp_path / "events.csv"
    single.write_bytes(gzip.compress(catalog_of({25544})))
    done = run(single, *WINDOW, "--out", out, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(out.read_text().splitlines()) == 1
    assert out.read_text().startswith("norad_id_1,norad_id_2,")
    assert "1 used" in done.stderr


def test_of_an_object_in_several_files_the_newest_set_is_used(tmp_path: Path) -> None:
    data = catalog_of({25544, 49044})
    assert re.findall(rb"2024-1\d-\d\d", data) == [b"2024-10-31"] * 2
    newest, oldest, out = tmp_path / "new.csv", tmp_path / "old.csv", tmp_path / "events.csv"
    newest.write_bytes(data)
    oldest.write_bytes(aged(data, -3))
    for order in ((newest, oldest), (oldest, newest)):
        stats = tmp_path / "stats.json"
        done = run(*order, *WINDOW, "--out", out, "--stats", stats, home=tmp_path)
        assert done.returncode == 0, done.stderr
        (row,) = csv.DictReader(out.read_text().splitlines())
        assert (row["epoch_1"][:10], row["epoch_2"][:10]) == ("2024-10-31", "2024-10-31")
        counts = json.loads(stats.read_text())
        assert (counts["objects_used"], counts["objects_rejected"]) == (2, 0)
        assert counts["records_rejected_by_rule"] == {"superseded": 2}


def test_age_is_limited_only_on_request_and_measured_at_the_start(tmp_path: Path) -> None:
    data = catalog_of({25544, 49044})
    file, out = tmp_path / "old.csv", tmp_path / "events.csv"
    file.write_bytes(aged(data, -30))  # epochs of 1 October, late in the day: 30.0 to 31 days before the start
    assert run(file, *WINDOW, "--out", out, home=tmp_path).returncode == 0
    limited = run(file, *WINDOW, "--max-age-days", "29.5", "--out", out, home=tmp_path)
    assert limited.returncode == 3
    assert "2 stale" in limited.stderr
    epochs = parse_catalog(file.read_bytes(), file.name).element_sets.epoch_us
    age = float((parse_utc("2024-11-01T00:00:00Z") - epochs.max()) / MICROSECONDS_PER_DAY)
    late = ("--start", "2024-11-01T12:00:00Z", "--hours", "1", "--out", out, "--max-age-days")
    assert run(file, *late, f"{age + 0.6}", home=tmp_path).returncode == 0
    assert run(file, *late, f"{age + 0.4}", home=tmp_path).returncode == 3


def test_what_cannot_be_read_or_used_exits_with_3(catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.csv"
    lost = run(tmp_path / "lost.csv", *WINDOW, "--out", out, home=tmp_path)
    assert (lost.returncode, "lost.csv" in lost.stderr) == (3, True)
    directory = run(tmp_path, *WINDOW, "--out", out, home=tmp_path)
    assert (directory.returncode, "is a directory" in directory.stderr) == (3, True)
    header = tmp_path / "header.csv"
    header.write_bytes(catalog.read_bytes().splitlines(keepends=True)[0])
    nobody = run(header, *WINDOW, "--out", out, home=tmp_path)
    assert (nobody.returncode, "no usable object" in nobody.stderr) == (3, True)
    truncated = tmp_path / "cut.csv.gz"
    truncated.write_bytes(BUNDLED.read_bytes()[:5000])
    cut = run(catalog, truncated, *WINDOW, "--out", out, home=tmp_path)
    assert (cut.returncode, "cut.csv.gz" in cut.stderr) == (3, True)
    assert not out.exists()


def _with(line: bytes, **values: str) -> bytes:
    """A record of the bundled catalogue with other values in some columns."""
    columns = catalog_of(set()).decode().strip().split(",")
    return ",".join((dict(zip(columns, line.decode().split(","), strict=True)) | values).values()).encode()


def test_of_a_file_full_of_faults_the_good_records_are_used_and_the_others_reported(tmp_path: Path) -> None:
    csv_file, tle_file = tmp_path / "faults.csv", tmp_path / "faults.tle"
    header, station, *_ = catalog_of({25544}).splitlines()
    records = [
        header,
        station,
        _with(station, NORAD_CAT_ID="799501", EPOCH="2024-10-31T13:56:02"),
        _with(station, NORAD_CAT_ID="999999999", EPOCH="2024-10-31T13:56:02.5Z"),
        _with(station, NORAD_CAT_ID="1", EPOCH="2024-11-11T00:00:00"),  # 10 days ahead: used
        _with(station, NORAD_CAT_ID="2", EPOCH="2024-11-20T00:00:00"),  # 19 days ahead: not
        _with(station, NORAD_CAT_ID="3", ECCENTRICITY="NaN"),
        _with(station, NORAD_CAT_ID="4", MEAN_MOTION="-15.5"),
        _with(station, NORAD_CAT_ID="5", ECCENTRICITY="0.9"),  # perigee inside the Earth
        station,
    ]
    csv_file.write_bytes(b"  \r\n".join(records) + b" \r\n")
    first, second, wrong = (
        b"1 25544U 98067A   24305.58058399  .00000000  00000-0  10000-3 0  999",
        b"2 25544  51.6387  13.7583 0009508  66.4560  54.8450 15.4995390147940",
        b"0",
    )
    alpha5 = [line[:2] + b"T0001" + line[7:] for line in (first, second)]
    tle_lines = [line + str(_checksum(line)).encode() for line in alpha5]
    bad_line = first[:2] + b"25545" + first[7:]
    tle_lines += [bad_line + str((_checksum(bad_line) + 1) % 10).encode(), second + wrong]
    tle_file.write_bytes(b"\r\n".join(tle_lines))
    stats = tmp_path / "stats.json"
    done = run(csv_file, tle_file, *WINDOW, "--out", tmp_path / "events.csv", "--stats", stats, home=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = json.loads(stats.read_text())
    assert counts["objects_used"] == 5  # 25544, 799501, 999999999, 1 and T0001
    assert counts["objects_rejected"] == 5
    assert counts["records_rejected_by_rule"] == {
        "bad_number": 1,
        "checksum": 1,
        "duplicate": 1,
        "epoch_too_far_ahead": 1,
        "out_of_range": 1,
        "perigee_below_surface": 1,
    }
    for rule, where in {
        "epoch_too_far_ahead": "faults.csv line 6",
        "bad_number": "faults.csv line 7: ECCENTRICITY 'NaN' is not a number",
        "out_of_range": "faults.csv line 8: mean_motion_rev_per_day -15.5",
        "perigee_below_surface": "faults.csv line 9",
        "checksum": "faults.tle line 3",
    }.items():
        assert re.search(rf"{rule}: \S*{re.escape(where)}", done.stderr), done.stderr


def _checksum(line: bytes) -> int:
    return sum(c - 48 if chr(c).isdigit() else c == 45 for c in line) % 10


def test_an_unwritable_target_is_named_before_the_work_begins(catalog: Path, tmp_path: Path) -> None:
    nowhere = run(catalog, *WINDOW, "--out", tmp_path / "no" / "events.csv", home=tmp_path)
    assert (nowhere.returncode, "does not exist" in nowhere.stderr) == (1, True)
    directory = run(catalog, *WINDOW, "--out", tmp_path, home=tmp_path)
    assert (directory.returncode, "is a directory" in directory.stderr) == (1, True)
    stats = run(catalog, *WINDOW, "--out", "-", "--stats", tmp_path / "no" / "s.json", home=tmp_path)
    assert (stats.returncode, "--stats" in stats.stderr, stats.stdout) == (1, True, "")
    same = run(catalog, *WINDOW, "--out", tmp_path / "x", "--stats", tmp_path / "x", home=tmp_path)
    assert same.returncode == 2


def test_devices_are_written_to_and_not_replaced(catalog: Path, tmp_path: Path) -> None:
    assert run(catalog, *WINDOW, "--out", "/dev/null", home=tmp_path).returncode == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(catalog: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    assert run(catalog, *WINDOW, "--out", link, home=tmp_path).returncode == 0
    assert link.is_symlink()
    assert target.read_text().startswith("norad_id_1,")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_reader_that_goes_away_is_no_crash(catalog: Path, tmp_path: Path) -> None:
    arguments = [*COMMAND, str(catalog), *WINDOW, "--threshold-km", "300", "--out", "-"]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        message = process.stderr.read().decode()
        assert process.wait(timeout=120) == 1, message
    assert "the reader went away" in message
    assert "Traceback" not in message
    assert "Exception ignored" not in message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Two thousand objects over a month take a minute; it is stopped at its first sign of progress, shown at once."""
    script = (
        "from ssa_pipeline.cli import main\nfrom ssa_pipeline.cli.screen import progress\n"
        "progress.QUIET_S = 0.0\nmain()"
    )
    file = tmp_path / "many.csv"
    file.write_bytes(small_catalog(2000)[0])
    out = tmp_path / "events.csv"
    out.write_text("kept")
    month = ("--start", "2024-11-01T00:00:00Z", "--hours", "744")
    arguments = [sys.executable, "-c", script, "screen", str(file), *month, "--threads", "1", "--out", str(out)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)) as process:
        assert process.stderr is not None
        shown = process.stderr.readline()
        process.send_signal(number)
        asked = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(timeout=120) == 130, shown + rest
    assert "%" in shown
    assert "Traceback" not in rest
    assert time.monotonic() - asked < 60
    assert out.read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir() if "events" in path.name] == ["events.csv"]


def test_an_interrupted_run_says_nothing_on_standard_output(tmp_path: Path) -> None:
    """Stopped on its second day, when the first has been written."""
    script = (
        "import os, signal\nfrom ssa_pipeline.cli import events_csv, main\nwrite = events_csv.EventsCsv.write\n"
        "def then_interrupt(self, events):\n    write(self, events)\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "events_csv.EventsCsv.write = then_interrupt\nmain()"
    )
    file = tmp_path / "small.csv"
    file.write_bytes(small_catalog(60)[0])
    days = ("--start", "2024-11-01T00:00:00Z", "--hours", "48", "--out", "-")
    done = subprocess.run(
        [sys.executable, "-c", script, "screen", str(file), *days],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(tmp_path),
    )
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert "nothing was written" in done.stderr


def test_progress_is_shown_once_the_work_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress()
    progress.show("sieve", 0.25)
    assert capsys.readouterr().err == ""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + QUIET_S + 1.0)
    progress.show("sieve", 0.5)
    progress.show("sieve", 0.51)
    assert capsys.readouterr().err == "ssa: sieve 50%\n"


def test_help_explains_itself(tmp_path: Path) -> None:
    done = run("--help", home=tmp_path)
    assert done.returncode == 0
    for option in ("--start", "--hours", "--threshold-km", "--threads", "--max-age-days", "--out", "--stats"):
        assert option in done.stdout


def test_names_with_commas_and_quotes_survive_the_csv() -> None:
    kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
    columns = {f.name: np.zeros(2, dtype=kinds[str(f.type)]) for f in fields(Events)}
    columns["norad_id_1"], columns["norad_id_2"] = np.array([5, 5]), np.array([9, 7])
    columns["miss_r_km"] = np.array([-1e-12, 1.25])
    stream = io.StringIO()
    EventsCsv(stream, {5: 'A, "B"', 7: "Ü"}).write(Events(**columns))
    first, second = csv.DictReader(io.StringIO(stream.getvalue()))
    assert list(first) == list(COLUMNS)
    assert (first["norad_id_2"], first["name_1"], first["name_2"]) == ("7", 'A, "B"', "Ü")
    assert second["name_2"] == ""
    assert (first["miss_r_km"], second["miss_r_km"]) == ("1.250000000", "0.000000000")


def test_many_rows_are_written_in_order_and_none_is_lost() -> None:
    kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
    count = ROWS_PER_BLOCK + 2
    columns = {f.name: np.zeros(count, dtype=kinds[str(f.type)]) for f in fields(Events)}
    columns["norad_id_2"] = np.random.default_rng(8).permutation(count)
    columns["tca_us"] = columns["norad_id_2"] // 3
    stream = io.StringIO()
    EventsCsv(stream, {}).write(Events(**columns))
    assert [int(row["norad_id_2"]) for row in csv.DictReader(io.StringIO(stream.getvalue()))] == list(range(count))


def test_only_a_user_who_must_wait_for_the_compiler_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "empty"))
    prepare_kernels()
    assert "compiling kernels, once per installation" in capsys.readouterr().err
    compiled = subprocess.run(
        [sys.executable, "-c", "from ssa_pipeline.core.kernels.sgp4.init import _gstime; _gstime(2460000.5)"],
        check=False,
    )
    assert compiled.returncode == 0
    prepare_kernels()
    assert capsys.readouterr().err == ""
