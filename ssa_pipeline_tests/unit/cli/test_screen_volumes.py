"""``ssa screen`` with volumes, primaries, constellations and SOCRATES columns; and everything that is refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from ssa_pipeline.cli import CliError
from ssa_pipeline.cli.screen.volumes import volume_request
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.unit.cli.test_screen_files import run

WINDOW = ("--start", "2024-11-01T00:00:00Z", "--hours", "6")
# https://celestrak.org/SOCRATES/socrates-format.php
SOCRATES = (
    "NORAD_CAT_ID_1,OBJECT_NAME_1,DSE_1,NORAD_CAT_ID_2,OBJECT_NAME_2,DSE_2,TCA,TCA_RANGE,TCA_RELATIVE_SPEED,"
    "MAX_PROB,DILUTION"
)
SOCRATES_ROW = re.compile(
    r"\d+,[^,]*,-?\d+\.\d{3},\d+,[^,]*,-?\d+\.\d{3},2024-11-01 \d\d:\d\d:\d\d\.\d{3},\d+\.\d{3},\d+\.\d{3},,"
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "small.csv"
    path.write_bytes(small_catalog(120)[0])
    return path


def screened(catalog: Path, tmp_path: Path, *arguments: str | Path) -> list[dict[str, str]]:
    out = tmp_path / "events.csv"
    done = run(catalog, *WINDOW, "--out", out, *arguments, home=tmp_path)
    assert done.returncode == 0, done.stderr
    with out.open() as file:
        return list(csv.DictReader(file))


def ids(row: dict[str, str]) -> set[str]:
    return {row["norad_id_1"], row["norad_id_2"]}


def test_primaries_give_their_rows_of_the_whole_answer(catalog: Path, tmp_path: Path) -> None:
    everyone = screened(catalog, tmp_path)
    chosen = sorted({row["norad_id_1"] for row in everyone})[::3]
    file, stats = tmp_path / "mine.txt", tmp_path / "stats.json"
    file.write_text("# my satellites\nNORAD_CAT_ID\n" + "".join(f"{norad_id} # mine\n\n" for norad_id in chosen))
    rows = screened(catalog, tmp_path, "--primaries", file, "--stats", stats)
    assert rows == [row for row in everyone if ids(row) & set(chosen)]
    assert 0 < len(rows) < len(everyone)
    report = json.loads(stats.read_text())
    assert (report["primaries"], report["volume"], report["threshold_km"]) == (len(chosen), "below 5 km", 5.0)


def test_a_line_of_the_file_may_have_its_own_volume(catalog: Path, tmp_path: Path) -> None:
    everyone = screened(catalog, tmp_path, "--threshold-km", "4")
    first, second = sorted({row["norad_id_1"] for row in everyone})[:2]
    file = tmp_path / "mine.csv"
    file.write_text(f"norad_id,radius_km\n{first},4\n{second},0.000001,,\n")
    rows = screened(catalog, tmp_path, "--primaries", file, "--threshold-km", "2")
    assert rows == [row for row in everyone if first in ids(row)]


def test_a_box_reports_what_enters_it(catalog: Path, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    flat = screened(catalog, tmp_path, "--volume", "0.4,25,25", "--stats", stats)
    sphere = screened(catalog, tmp_path, "--threshold-km", "36")
    assert json.loads(stats.read_text())["volume"] == "within 0.4 x 25 x 25 km (R x T x N)"
    keys = [{(*sorted(ids(row)), row["tca_utc"]) for row in rows} for rows in (flat, sphere)]
    assert keys[0] < keys[1]
    assert len(keys[0]) > 5
    for row in flat:
        assert abs(float(row["miss_distance_km"])) < 36.0
        if "tca_outside_volume" not in row["flags"].split():
            assert row["start_utc"] <= row["tca_utc"] <= row["end_utc"]


def test_a_preset_is_chosen_by_name(catalog: Path, tmp_path: Path) -> None:
    rows = screened(catalog, tmp_path, "--volume", "iss-notification")
    assert rows == screened(catalog, tmp_path, "--volume", "2,25,25")


def test_pairs_of_one_constellation_are_left_out(catalog: Path, tmp_path: Path) -> None:
    everyone = screened(catalog, tmp_path, "--threshold-km", "20")
    rows = screened(catalog, tmp_path, "--threshold-km", "20", "--exclude-same-constellation")

    def is_mixed(row: dict[str, str]) -> bool:
        return not all(row[name].startswith("STARLINK-") for name in ("name_1", "name_2"))

    assert rows == [row for row in everyone if is_mixed(row)]
    assert 0 < len(rows) < len(everyone)


def test_the_columns_of_socrates(catalog: Path, tmp_path: Path) -> None:
    events, out = screened(catalog, tmp_path), tmp_path / "socrates.csv"
    done = run(catalog, *WINDOW, "--csv-style", "socrates", "--out", out, home=tmp_path)
    assert done.returncode == 0, done.stderr
    header, *lines = out.read_text().splitlines()
    assert header == SOCRATES
    assert all(SOCRATES_ROW.fullmatch(line) for line in lines)
    assert len(lines) == len(events) > 0
    for line, event in zip(csv.DictReader([header, *lines]), events, strict=True):
        assert {line["NORAD_CAT_ID_1"], line["NORAD_CAT_ID_2"]} == ids(event)
        assert line["OBJECT_NAME_1"] == event["name_1"]
        assert float(line["DSE_2"]) == pytest.approx(float(event["age_2_days"]), abs=6e-4)
        assert float(line["TCA_RANGE"]) == pytest.approx(float(event["miss_distance_km"]), abs=6e-4)
        assert float(line["TCA_RELATIVE_SPEED"]) == pytest.approx(float(event["relative_speed_km_s"]), abs=6e-4)
        assert line["TCA"][:16] == event["tca_utc"][:16].replace("T", " ")


def refused(threshold_km: float | None = None, volume: str | None = None, primaries: Path | None = None) -> str:
    with pytest.raises(CliError) as error:
        volume_request(threshold_km, volume, primaries, exclude_same_constellation=False)
    assert error.value.code == 2
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("# none\n\n", None, "names no object"),
        ("", None, "names no object"),
        ("\n,2,25,25\n", 2, "no object is named"),
        ("25544,0\n", 1, "above 0"),
        ("25544,1e9\n", 1, "at most 500"),
        ("25544,nan\n", 1, "above 0"),
        ("25544,1,2\n", 1, "R,T,N"),
        ("25544,no-such-preset\n", 1, "iss-pizza-box"),
    ],
)
def test_files_of_primaries_that_cannot_be_used(tmp_path: Path, content: str, line: int | None, reason: str) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(content)
    message = refused(primaries=file)
    assert str(file) in message
    assert reason in message
    assert (f" line {line}: " in message) == (line is not None)


def test_primaries_that_cannot_be_read(tmp_path: Path) -> None:
    assert "No such file" in refused(primaries=tmp_path / "none.txt")
    assert "directory" in refused(primaries=tmp_path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "no text file" in refused(primaries=binary)


@pytest.mark.parametrize(
    ("threshold_km", "volume", "reason"),
    [
        (None, "0,1,1", "above 0"),
        (None, "1,2", "R,T,N"),
        (None, "1,1,501", "at most 500"),
        (None, "nonsense", "18sds-catalog"),
        (None, "", "18sds-catalog"),
        (5.0, "2,25,25", "exclude each other"),
        (-1.0, None, "above 0"),
        (501.0, None, "at most 500"),
        (float("nan"), None, "above 0"),
    ],
)
def test_volumes_that_cannot_be_met(threshold_km: float | None, volume: str | None, reason: str) -> None:
    assert reason in refused(threshold_km, volume)


def test_unknown_primaries_are_named_with_their_line_and_nothing_is_written(tmp_path: Path) -> None:
    header, first, *others = small_catalog(20)[0].decode().splitlines()
    names = header.split(",")
    cells = first.split(",")
    cells[names.index("MEAN_MOTION")] = "99"
    catalog, file, out = (tmp_path / name for name in ("catalog.csv", "mine.txt", "events.csv"))
    catalog.write_text("\n".join([header, ",".join(cells), *others]))
    known, rejected = others[0].split(",")[names.index("NORAD_CAT_ID")], cells[names.index("NORAD_CAT_ID")]
    first_name = others[0].split(",")[names.index("OBJECT_NAME")]
    for content, reason in (
        (f"{known}\n999999999\n999999998", "mine.txt line 2: 999999999 is not in the catalogue; 1 more like it"),
        (rejected, f"mine.txt line 1: {rejected} has no usable element set in the catalogue (out_of_range)"),
        ("\nHAL 9000", "mine.txt line 2: no object in the catalogue is named 'HAL 9000'"),
        (f"{known}\n\n{known}", f"mine.txt line 3: {known} is asked for already, by --primaries {file} line 1"),
        (f"{known}\n{first_name}", f"mine.txt line 2: {known} is asked for already"),
        ("E", "mine.txt line 1: 'E' is part of the names of"),
    ):
        file.write_text(content)
        done = run(catalog, *WINDOW, "--primaries", file, "--out", out, home=tmp_path)
        assert done.returncode == 2
        assert reason in done.stderr
        assert not out.exists()


def test_primaries_may_be_named_in_a_file_and_on_the_command_line(catalog: Path, tmp_path: Path) -> None:
    with catalog.open() as stream:
        objects = [(row["NORAD_CAT_ID"], row["OBJECT_NAME"]) for row in csv.DictReader(stream)]
    counts = [name for _, name in objects]
    chosen = [(number, name) for number, name in objects if counts.count(name) == 1 and "," not in name][:12]
    by_number, by_name = tmp_path / "numbers.txt", tmp_path / "names.txt"
    by_number.write_text("\n".join(number for number, _ in chosen))
    by_name.write_text("\n".join(f'"{name.lower()}"' for _, name in chosen))
    wanted = screened(catalog, tmp_path, "--primaries", by_number)
    assert wanted
    assert screened(catalog, tmp_path, "--primaries", by_name) == wanted
    options = [part for _, name in chosen for part in ("--object", name)]
    assert screened(catalog, tmp_path, *options) == wanted


def test_a_start_far_from_the_elements_is_an_error_or_an_empty_answer(tmp_path: Path) -> None:
    """Of two objects: whether they are still there is found out step by step from the epoch on."""
    catalog, out = tmp_path / "few.csv", tmp_path / "events.csv"
    catalog.write_bytes(small_catalog(2)[0])
    early = run(catalog, "--start", "2020-01-01T00:00:00Z", "--hours", "1", "--out", out, home=tmp_path)
    assert early.returncode == 3
    assert "epoch_too_far_ahead" in early.stderr
    done = run(catalog, "--start", "2050-01-01T00:00:00Z", "--hours", "1", "--out", out, home=tmp_path)
    assert done.returncode in (0, 3)
    assert out.exists() == (done.returncode == 0)
