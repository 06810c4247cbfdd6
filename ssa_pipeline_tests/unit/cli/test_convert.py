"""``ssa convert``: formats by ending or --to, whole files, and every loss said."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.command_line import SSA, ssa_done
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV, ROWS, xml
from ssa_pipeline_tests.shared.places import DATA

SUPGP = DATA / "celestrak_supgp_starlink_20260929.csv"
CSV = DATA / "celestrak_omm_20241101.csv"
ACTIVE = DATA / "celestrak_active_20260822.tle"


def convert(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = ssa_done("convert", *arguments, standard_input=stdin, COLUMNS="200")
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.encode(), done.stderr.encode())


def convert_as_users_do(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*SSA, "convert", *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=60
    )


def elements(data: bytes) -> list[tuple[object, ...]]:
    sets = parse_catalog(data, "x").element_sets
    names = ("norad_id", "object_id", "epoch_us", "mean_motion_rev_per_day", "eccentricity", "bstar", "rev_at_epoch")
    return list(zip(*(getattr(sets, name).tolist() for name in names), strict=True))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "omm_csv"),
        ("a.json", "omm_json"),
        ("a.XML", "omm_xml"),
        ("a.kvn.gz", "omm_kvn"),
        ("a.json.zip", "omm_json"),
        ("a.tle", "tle"),
        ("a.3le.gz", "tle"),
    ],
)
def test_the_ending_says_format_and_packing(name: str, kind: str, tmp_path: Path) -> None:
    done = convert(ACTIVE, tmp_path / name)
    assert done.returncode == 0, done.stderr
    data = (tmp_path / name).read_bytes()
    assert data.startswith({".gz": b"\x1f\x8b", ".zip": b"PK"}.get(Path(name).suffix, data[:1]))
    assert parse_catalog(data, name).format == kind
    assert elements(data) == elements(ACTIVE.read_bytes())
    assert b"55 element sets written to" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_to_wins_over_the_ending_and_names_the_member_of_a_zip(tmp_path: Path) -> None:
    out = tmp_path / "release.zip"
    assert convert(CSV, out, "--to", "xml").returncode == 0
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["release.xml"]
    assert elements(out.read_bytes()) == elements(CSV.read_bytes())


def test_standard_input_and_output() -> None:
    done = convert_as_users_do("-", "-", "--to", "3le", stdin=gzip.compress(ACTIVE.read_bytes()))
    assert done.returncode == 0, done.stderr
    assert elements(done.stdout) == elements(ACTIVE.read_bytes())
    assert done.stdout.startswith(b"0 CALSPHERE 1\n1 00900U")


def test_what_does_not_fit_is_named_and_nothing_written_unless_it_may_be_left_out(tmp_path: Path) -> None:
    out = tmp_path / "a.3le"
    out.write_text("as it was")
    done = convert(SUPGP, out)
    assert done.returncode == 1
    assert b"does not fit 3le: " in done.stderr
    assert b"line 5: 799501648 STARLINK-40083: 799501648 has no five-character spelling" in done.stderr
    assert b"1 of 4 records do not fit 3le; nothing was written" in done.stderr
    assert out.read_text() == "as it was"
    done = convert(SUPGP, out, "--skip-unrepresentable")
    assert done.returncode == 0
    assert [row[0] for row in elements(out.read_bytes())] == [48386, 49154, 100_001]
    assert b"3 element sets written" in done.stderr
    assert b"1 left out" in done.stderr
    assert b"shortened to what 3le holds: epoch in 3, mean_motion_dot in 2" in done.stderr


def test_all_left_out_is_a_failure(tmp_path: Path) -> None:
    lines = SUPGP.read_bytes().splitlines(keepends=True)
    done = convert("-", tmp_path / "a.tle", "--skip-unrepresentable", stdin=lines[0] + lines[4])
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])


def test_records_that_cannot_be_read_are_named_with_file_line_and_rule(tmp_path: Path) -> None:
    source = tmp_path / "in.xml"
    source.write_bytes(xml([ROWS[0], ROWS[1] | {"ECCENTRICITY": "1.5"}, ROWS[2]]))
    done = convert(source, tmp_path / "out.csv")
    assert done.returncode == 0
    expected = f"rejected: {source} line 5: out_of_range: eccentricity 1.5 is not in 0 to below 1"
    assert expected in done.stderr.decode()
    assert [row[0] for row in elements((tmp_path / "out.csv").read_bytes())] == [5, 12]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["-", "out.txt"], b"", 2, "does not end in one of tle, 3le, csv, json, xml, kvn: say --to"),
        (["-", "-"], b"", 2, "say --to"),
        (["-", "out.csv", "--to", "oem"], b"", 2, "--to 'oem' is none of"),
        (["missing.csv", "out.csv"], b"", 3, "missing.csv cannot be read: No such file or directory"),
        ([".", "out.csv"], b"", 3, "is a directory"),
        (["-", "out.csv"], b"", 3, "standard input: is empty"),
        (["-", "out.csv"], CELESTRAK_CSV.splitlines()[0], 3, "none of its 0 records can be used"),
        ([str(CSV), "none/out.csv"], b"", 1, "does not exist; make it first"),
    ],
)
def test_wrong_usage_and_bad_input(
    arguments: list[str], stdin: bytes, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = convert(*arguments, stdin=stdin)
    assert (done.returncode, said in done.stderr.decode()) == (code, True), done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_convert_loads_neither_dagster_nor_a_database_driver(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['ssa', 'convert', *sys.argv[1:]]; from ssa_pipeline.cli import app, convert\n"
        "convert.register(app)\n"
        "import atexit\n"
        "atexit.register(lambda: print([m for m in ('dagster', 'psycopg', 'numba') if m in sys.modules]))\n"
        "app()"
    )
    command = [sys.executable, "-c", script, str(CSV), str(tmp_path / "a.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_what_is_left_out_and_accepted_is_said() -> None:
    cases = DATA / "cases"
    said = convert(cases / "p24_trailing_garbage.gz", "-", "--to", "csv")
    assert (said.returncode, b"8 bytes after the end of the packed data are not used" in said.stderr) == (0, True)
    accepted = convert(cases / "p15_p16.tle", "-", "--to", "csv", "--accept-bad-checksums")
    assert len(elements(accepted.stdout)) == 3
    assert b"1 records with a wrong checksum are used" in accepted.stderr
