"""``ssa screen``: the events.csv contract, bad input, and what it does not load."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.command_line import ssa_done
from ssa_pipeline_tests.shared.places import DATA

COLUMNS = [
    "norad_id_1",
    "norad_id_2",
    "name_1",
    "name_2",
    "tca_utc",
    "miss_distance_km",
    "relative_speed_km_s",
    "miss_r_km",
    "miss_t_km",
    "miss_n_km",
    "age_1_days",
    "age_2_days",
    "epoch_1",
    "epoch_2",
    "event_class",
    "start_utc",
    "end_utc",
    "n_minima",
    "flags",
]
WINDOW = ["--start", "2024-11-01T00:00:00Z", "--hours", "6"]


def run(*arguments: str | Path, home: Path, standard_input: str = "") -> subprocess.CompletedProcess[str]:
    return ssa_done("screen", *arguments, standard_input=standard_input.encode(), SSA_HOME=str(home))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "small.csv"
    path.write_bytes(small_catalog(150)[0])
    return path


@dataclass(frozen=True)
class Screened:
    """What one process of its own said, given a catalogue on its standard input, and what it had loaded in the end."""

    rows: str
    stats: str
    modules: set[str]


@pytest.fixture(scope="module")
def screened(catalog: Path) -> Screened:
    stats = catalog.parent / "stats.json"
    script = (
        "import sys\nfrom ssa_pipeline.cli import main\n"
        "try:\n    main()\nfinally:\n    print('loaded:', *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "screen", "-", *WINDOW, "--out", "-", "--stats", stats],
        input=catalog.read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "SSA_HOME": str(catalog.parent)},
    )
    assert done.returncode == 0, done.stderr
    return Screened(done.stdout, stats.read_text(), set(done.stderr.rpartition("loaded:")[2].split()))


def test_the_file_keeps_its_contract(screened: Screened) -> None:
    rows = list(csv.DictReader(screened.rows.splitlines()))
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    truth = [m for m in small_catalog(150)[1] if m.t_s < 6 * 3600]
    assert len(rows) >= len({m.pair for m in truth}) > 10
    order = [(row["tca_utc"], int(row["norad_id_1"]), int(row["norad_id_2"])) for row in rows]
    assert order == sorted(order)
    for row in rows:
        assert int(row["norad_id_1"]) < int(row["norad_id_2"])
        assert "2024-11-01T00:00:00.000000Z" <= row["tca_utc"] < "2024-11-01T06:00:00.000000Z"
        assert row["event_class"] in ("crossing", "persistent")
        assert 0.0 <= float(row["miss_distance_km"]) < 5.0
        components = [float(row[f"miss_{axis}_km"]) for axis in "rtn"]
        assert sum(c * c for c in components) ** 0.5 == pytest.approx(float(row["miss_distance_km"]), abs=1e-6)
    counted = json.loads(screened.stats)
    for name in (
        "objects_used",
        "objects_rejected",
        "candidates",
        "events",
        "peak_memory_mb",
        "propagator",
        "constants",
    ):
        assert name in counted
    assert counted["objects_used"] > 100


def test_an_analysts_number_beside_the_final_one_is_flagged(catalog: Path, tmp_path: Path) -> None:
    head, *lines = catalog.read_text().splitlines()
    columns = head.split(",")
    values = dict(zip(columns, lines[0].split(","), strict=True))
    lent = {**values, "NORAD_CAT_ID": "81234", "OBJECT_NAME": "UNKNOWN", "BSTAR": "0"}
    pair, out = tmp_path / "pair.csv", tmp_path / "events.csv"
    pair.write_text("\n".join([head, lines[0], ",".join(lent[name] for name in columns), ""]))
    done = run(pair, *WINDOW, "--out", out, home=tmp_path)
    assert done.returncode == 0, done.stderr
    with out.open() as file:
        (row,) = csv.DictReader(file)
    assert "possible_duplicate" in row["flags"].split()


def test_standard_output_carries_the_same_rows(catalog: Path, screened: Screened, tmp_path: Path) -> None:
    out = tmp_path / "events.csv"
    run(catalog, *WINDOW, "--out", out, "--threads", "1", home=tmp_path)
    assert out.read_text() == screened.rows


def test_neither_dagster_nor_a_database_driver_is_loaded(screened: Screened) -> None:
    assert "numba" in screened.modules
    assert not {"dagster", "psycopg", "psycopg2", "sqlalchemy", "pandas"} & screened.modules


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--threshold-km", "0"], 2),
        (["--threshold-km", "nan"], 2),
        (["--threshold-km", "100000"], 2),
        (["--hours", "0"], 2),
        (["--hours", "-1"], 2),
        (["--start", "2024-11-01T00:00:00"], 2),
        (["--start", "yesterday"], 2),
        (["--no-such-option"], 2),
    ],
)
def test_unusable_requests_are_refused_and_write_nothing(
    catalog: Path, tmp_path: Path, arguments: list[str], code: int
) -> None:
    out = tmp_path / "events.csv"
    out.write_text("kept")
    done = run(catalog, *WINDOW, "--out", out, *arguments, home=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert out.read_text() == "kept"
    assert [path.name for path in tmp_path.glob("*events*")] == ["events.csv"]


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html></html>", b"No GP data found\n", b"\x1f\x8b\x08\x00abc"]
)
def test_files_that_are_no_catalogue_exit_with_3(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(content)
    done = run(file, *WINDOW, "--out", tmp_path / "events.csv", home=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "broken.csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "events.csv").exists()


def test_a_wrong_checksum_is_accepted_on_demand_from_standard_input_and_flagged(tmp_path: Path) -> None:
    """The debris meets the ISS segment of the cases; a changed checksum changes nothing but the flag."""
    cases = DATA / "cases"
    debris = (cases / "s17_debris.3le").read_text().splitlines()
    debris[1] = debris[1][:68] + str((int(debris[1][68]) + 1) % 10)
    station = tmp_path / "iss.csv"
    station.write_text("".join((cases / "s17_supgp_iss_segments.csv").read_text().splitlines(keepends=True)[:2]))
    window = ["--start", "2024-11-01T13:00:00Z", "--hours", "6", "--threshold-km", "20"]
    arguments, given = ["-", station, *window, "--out", "-"], "\n".join(debris) + "\n"
    rejected = run(*arguments, home=tmp_path, standard_input=given)
    accepted = run(*arguments, "--accept-bad-checksums", home=tmp_path, standard_input=given)
    assert "checksum: standard input line 1: line 1 says checksum" in rejected.stderr
    rows = list(csv.DictReader(accepted.stdout.splitlines()))
    assert len(rows) == 3, accepted.stderr
    assert {row["norad_id_2"]: "bad_checksum_2" in row["flags"].split() for row in rows} == {"58001": True}
    assert "standard input: 1 records are used although their checksum is wrong" in accepted.stderr
    assert "can be read once only" in run(*arguments, "-", home=tmp_path, standard_input=given).stderr
