"""TLE and 3LE: exact values, layout, checksums, and what happens to broken records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
import sgp4
from sgp4.api import WGS72, Satrec

from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.core.time import from_us
from ssa_pipeline.messages.assembly import Assembly
from ssa_pipeline.messages.tle import checksum, read_tle
from ssa_pipeline_tests.shared.places import DATA

ACTIVE = (DATA / "celestrak_active_20260822.tle").read_bytes()
DEBRIS = (DATA / "celestrak_debris_20260822.tle").read_bytes()

# Space-Track's ISS of its TLE documentation, checksums as published
ISS_1 = "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927"
ISS_2 = "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537"


def _signed(line: str) -> str:
    """With the right checksum."""
    return line[:68] + str(checksum(line))


def _changed(line: str, column: int, text: str) -> str:
    """The text put at a 1-based column, checksum right again."""
    return _signed(line[: column - 1] + text + line[column - 1 + len(text) :])


def parse_tle(data: bytes, file_name: str) -> tuple[ElementSets, list[RejectedRecord]]:
    assembly = Assembly(file_name, data)
    read_tle(assembly)
    return assembly.finish()[0], assembly.rejected


def _parse(*lines: str) -> tuple[ElementSets, list[RejectedRecord]]:
    return parse_tle("\n".join(lines).encode() + b"\n", "test.tle")


def _rejected(*lines: str) -> RejectedRecord:
    sets, rejected = _parse(*lines)
    assert len(sets) == 0
    assert len(rejected) == 1
    return rejected[0]


def test_every_value_of_the_published_example() -> None:
    sets, rejected = _parse("ISS (ZARYA)", ISS_1, ISS_2)
    assert rejected == []
    row = {name: getattr(sets, name)[0] for name in ElementSets.__dataclass_fields__}
    # 2008 day 264.51782528 = 20 September, 12:25:40.104192 UTC
    assert from_us(row.pop("epoch_us")) == datetime(2008, 9, 20, 12, 25, 40, 104192, tzinfo=UTC)
    assert row == {
        "norad_id": 25544,
        "object_name": "ISS (ZARYA)",
        "object_id": "1998-067A",
        "mean_motion_rev_per_day": 15.72125391,
        "eccentricity": 0.0006703,
        "inclination_deg": 51.6416,
        "raan_deg": 247.4627,
        "arg_perigee_deg": 130.5360,
        "mean_anomaly_deg": 325.0288,
        "bstar": -0.11606e-4,
        "mean_motion_dot": -0.00002182,
        "mean_motion_ddot": 0.0,
        "classification": "U",
        "element_set_no": 292,
        "rev_at_epoch": 56353,
        "source_file": "test.tle",
        "source_line": 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        f"{ISS_1}\n{ISS_2}\n",
        f"ISS\n{ISS_1}\n{ISS_2}\n",
        f"0 ISS\n{ISS_1}\n{ISS_2}\n",
        f"0 ISS\r\n{ISS_1}\r\n{ISS_2}\r\n",
        f"ISS                     \r\n{ISS_1}   \r\n{ISS_2}\t\r\n",
        f"\n\nISS\n\n{ISS_1}\n{ISS_2}\n\n",
        f"# a comment\nISS\n{ISS_1}\n{ISS_2}",
        f"ISS\r{ISS_1}\r{ISS_2}\r",
    ],
)
def test_names_line_ends_blanks_and_blank_lines(text: str) -> None:
    sets, rejected = parse_tle(text.encode(), "test.tle")
    assert rejected == []
    assert sets.norad_id.tolist() == [25544]
    assert sets.object_name.tolist() == ["ISS" if "ISS" in text else ""]


@pytest.mark.parametrize(("data", "count"), [(ACTIVE, 55), (DEBRIS, 25)])
def test_real_files_are_used_whole(data: bytes, count: int) -> None:
    sets, rejected = parse_tle(data, "real.tle")
    lines = data.decode().splitlines()
    assert (len(sets), rejected) == (count, [])
    assert sets.object_name.tolist() == [line.strip() for line in lines[::3]]
    assert sets.source_line.tolist() == list(range(1, len(lines), 3))


@pytest.mark.parametrize("data", [ACTIVE, DEBRIS])
def test_epochs_are_exact_and_elements_are_those_of_sgp4(data: bytes) -> None:
    sets, _ = parse_tle(data, "real.tle")
    lines = data.decode().splitlines()
    for row, (one, two) in enumerate(zip(lines[1::3], lines[2::3], strict=True)):
        # the definition, in rational arithmetic: day 1.0 is 1 January, 00:00
        elapsed_us = (Fraction(one[20:32]) - 1) * 86_400_000_000
        assert elapsed_us.denominator == 1
        start = datetime(2000 + int(one[18:20]), 1, 1, tzinfo=UTC)
        assert from_us(sets.epoch_us[row]) == start + timedelta(microseconds=int(elapsed_us))
        theirs = Satrec.twoline2rv(one, two, WGS72)
        assert sets.eccentricity[row] == theirs.ecco
        assert sets.bstar[row] == pytest.approx(theirs.bstar, rel=1e-15)
        assert sets.norad_id[row] == theirs.satnum


def test_sgp4s_verification_sets_read_as_sgp4_reads_them() -> None:
    """Published test cases of Vallado et al. 2006; their checksums are those of older content, so put right."""
    text = (Path(sgp4.__file__).parent / "SGP4-VER.TLE").read_text()
    lines = [_signed(line[:69]) for line in text.splitlines() if line[0] in "12"]
    sets, rejected = _parse(*lines)
    theirs = {int(a[2:7]): Satrec.twoline2rv(a, b, WGS72) for a, b in zip(lines[::2], lines[1::2], strict=True)}
    assert len(sets) + len(rejected) == len(lines) // 2
    assert len(sets) >= 30
    for row, norad_id in enumerate(sets.norad_id.tolist()):
        satrec = theirs[norad_id]
        julian_day = satrec.jdsatepoch + satrec.jdsatepochF
        if norad_id in (20413, 33333, 33334, 33335):  # several sets of one number in the file
            continue
        assert julian_day == pytest.approx(2440587.5 + sets.epoch_us[row] / 86_400e6, abs=1e-9)
        assert sets.mean_motion_ddot[row] == pytest.approx(satrec.nddot * (1440.0 / 6.283185307179586) * 1440**2)
        assert sets.raan_deg[row] == pytest.approx(satrec.nodeo * 57.29577951308232, abs=1e-12)


@pytest.mark.parametrize(("year", "full"), [("57", 1957), ("99", 1999), ("00", 2000), ("56", 2056)])
def test_the_years_of_two_digits_turn_at_57(year: str, full: int) -> None:
    sets, _ = _parse(_changed(ISS_1, 19, year), ISS_2)
    assert from_us(sets.epoch_us[0]).year == full


@pytest.mark.parametrize("number", ["A0000", "T0001", "Z9999"])
def test_alpha5(number: str) -> None:
    sets, rejected = _parse(_changed(ISS_1, 3, number), _changed(ISS_2, 3, number))
    assert rejected == []
    assert sets.norad_id.tolist() == [{"A0000": 100_000, "T0001": 270_001, "Z9999": 339_999}[number]]


@pytest.mark.parametrize(("text", "value"), [(" 12345-3", 0.12345e-3), ("-12345+1", -1.2345), ("+00000+0", 0.0)])
def test_numbers_with_an_exponent(text: str, value: float) -> None:
    sets, _ = _parse(_changed(ISS_1, 54, text), ISS_2)
    assert sets.bstar.tolist() == [value]


def test_a_wrong_checksum_rejects_its_record_only() -> None:
    wrong = ISS_2[:-1] + "9"
    sets, rejected = _parse("ISS", ISS_1, wrong, "ISS AGAIN", ISS_1, ISS_2)
    assert sets.object_name.tolist() == ["ISS AGAIN"]
    assert [(r.rule, r.source_line, r.norad_id, r.object_name) for r in rejected] == [
        (RejectRule.CHECKSUM, 1, 25544, "ISS")
    ]
    assert "says checksum 9, its columns sum to 7" in rejected[0].detail
    assert rejected[0].raw == f"ISS\n{ISS_1}\n{wrong}\n".encode()


def test_one_changed_digit_is_found_by_the_checksum() -> None:
    assert _rejected(ISS_1.replace("264.5", "265.5"), ISS_2).rule == RejectRule.CHECKSUM


@pytest.mark.parametrize(
    ("line_1", "line_2", "rule", "said"),
    [
        (ISS_1[:60], ISS_2, RejectRule.MALFORMED, "60 columns instead of 69"),
        (ISS_1, ISS_2[:50], RejectRule.MALFORMED, "50 columns instead of 69"),
        (ISS_1, _changed(ISS_2, 3, "25545"), RejectRule.MALFORMED, "line 1 is of object '25544', line 2 of '25545'"),
        (ISS_1, _changed(ISS_2, 12, "x"), RejectRule.MALFORMED, "columns 9 to 16 (inclination)"),
        (ISS_1, _changed(ISS_2, 9, "-51.6416"), RejectRule.MALFORMED, "(inclination) cannot be '-51.6416'"),
        (ISS_1, _changed(ISS_2, 27, " NAN   "), RejectRule.MALFORMED, "columns 27 to 33 (eccentricity)"),
        (_changed(ISS_1, 54, " 1160 -4"), ISS_2, RejectRule.MALFORMED, "(B*)"),
        (_changed(ISS_1, 21, "000.51782528"), ISS_2, RejectRule.BAD_EPOCH, "epoch day 000 of 2008"),
        (_changed(ISS_1, 21, "367.51782528"), ISS_2, RejectRule.BAD_EPOCH, "not in 1 to 366"),
        (_changed(ISS_1, 63, "4"), ISS_2, RejectRule.EPHEMERIS_TYPE, "'4' is not SGP4"),
        (_changed(ISS_1, 3, "I0001"), _changed(ISS_2, 3, "I0001"), RejectRule.BAD_CATALOG_NUMBER, "'I0001'"),
        (_changed(ISS_1, 3, "00000"), _changed(ISS_2, 3, "00000"), RejectRule.BAD_CATALOG_NUMBER, "'00000'"),
        (ISS_1, _changed(ISS_2, 9, "181.6416"), RejectRule.OUT_OF_RANGE, "inclination_deg 181.6416"),
        (ISS_1, _changed(ISS_2, 53, "00.00000000"), RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day 0.0"),
        (ISS_1, _changed(ISS_2, 53, "25.72125391"), RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day 25.72125391"),
        (_changed(ISS_1, 54, " 99999+4"), ISS_2, RejectRule.OUT_OF_RANGE, "bstar 9999.9"),
    ],
)
def test_a_broken_record_is_rejected_by_its_rule(line_1: str, line_2: str, rule: RejectRule, said: str) -> None:
    record = _rejected(line_1, line_2)
    assert record.rule == rule
    assert said in record.detail
    assert record.raw == f"{line_1}\n{line_2}\n".encode()


@pytest.mark.parametrize("ephemeris_type", ["0", "2", " "])
def test_ephemeris_types_of_sgp4_are_used(ephemeris_type: str) -> None:
    assert len(_parse(_changed(ISS_1, 63, ephemeris_type), ISS_2)[0]) == 1


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (["LONELY NAME"], (5, "a name without element lines")),
        (["ISS", ISS_1], (5, "line 1 without line 2")),
        (["ISS", ISS_1[:40]], (5, "line 1 without line 2")),
        ([ISS_2], (5, "line 2 without line 1")),
        (["ISS", ISS_2], (5, "line 2 without line 1")),
    ],
)
def test_a_cut_off_end_is_rejected_and_the_rest_used(lines: list[str], where: tuple[int, str]) -> None:
    sets, rejected = _parse("", "ISS", ISS_1, ISS_2, *lines)
    assert sets.source_line.tolist() == [2]
    assert [(r.source_line, r.detail) for r in rejected] == [where]
    assert rejected[0].raw.splitlines() == [line.encode() for line in lines]


def test_a_lost_line_costs_one_record() -> None:
    lines = ACTIVE.splitlines(keepends=True)
    for lost in range(9):
        data = b"".join(lines[:lost] + lines[lost + 1 :])
        sets, rejected = parse_tle(data, "lost.tle")
        is_name = lost % 3 == 0
        assert (len(sets), len(rejected)) == ((55, 0) if is_name else (54, 1))


def test_two_records_of_one_object_are_both_kept() -> None:
    sets, rejected = _parse(ISS_1, ISS_2, ISS_1, ISS_2)
    assert (sets.norad_id.tolist(), rejected) == ([25544, 25544], [])


def test_control_characters_do_not_get_in() -> None:
    record = _rejected("IS\x00S", ISS_1, ISS_2)
    assert record.rule == RejectRule.MALFORMED
    assert record.object_name is None  # PostgreSQL text cannot hold it
    assert "\x00" not in record.detail


def test_names_in_latin_1_are_read() -> None:
    sets, _ = parse_tle(f"ÑUSAT-1\n{ISS_1}\n{ISS_2}\n".encode("latin-1"), "test.tle")
    assert sets.object_name.tolist() == ["ÑUSAT-1"]
