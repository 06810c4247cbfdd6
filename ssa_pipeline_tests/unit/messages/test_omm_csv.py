"""OMM as CSV: both sources' spellings, exact values, and what happens to broken records."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.core.time import format_utc, to_us
from ssa_pipeline.messages.assembly import Assembly, RecordError
from ssa_pipeline.messages.omm_csv import HeaderError, read_omm_csv
from ssa_pipeline.messages.omm_fields import OPTIONAL, REQUIRED, parse_epoch
from ssa_pipeline_tests.shared.places import DATA

CELESTRAK = (DATA / "celestrak_omm_20241101.csv").read_bytes()
HEADER, VANGUARD, VANGUARD_2 = CELESTRAK.decode().splitlines()[:3]
COLUMNS = HEADER.split(",")


def parse_omm_csv(data: bytes, file_name: str) -> tuple[ElementSets, list[RejectedRecord]]:
    assembly = Assembly(file_name, data)
    read_omm_csv(assembly)
    return assembly.finish()[0], assembly.rejected


def _parse(*lines: str) -> tuple[ElementSets, list[RejectedRecord]]:
    return parse_omm_csv("\r\n".join(lines).encode() + b"\r\n", "test.csv")


def _with(**changes: str) -> str:
    values = dict(zip(COLUMNS, VANGUARD.split(","), strict=True)) | changes
    return ",".join(values.values())


def _rejected(line: str, header: str = HEADER) -> RejectedRecord:
    sets, rejected = _parse(header, line)
    assert len(sets) == 0
    assert len(rejected) == 1
    return rejected[0]


def test_every_value_of_a_real_record() -> None:
    sets, rejected = _parse(HEADER, VANGUARD)
    assert rejected == []
    row = {name: getattr(sets, name)[0] for name in ElementSets.__dataclass_fields__}
    assert format_utc(row.pop("epoch_us")) == "2024-10-29T12:18:43.492896Z"
    assert row == {
        "norad_id": 5,
        "object_name": "VANGUARD 1",
        "object_id": "1958-002B",
        "mean_motion_rev_per_day": 10.85746790,
        "eccentricity": 0.1843421,
        "inclination_deg": 34.2551,
        "raan_deg": 352.8583,
        "arg_perigee_deg": 332.7861,
        "mean_anomaly_deg": 18.6796,
        "bstar": 0.16091e-2,
        "mean_motion_dot": 0.1286e-4,
        "mean_motion_ddot": 0.0,
        "classification": "U",
        "element_set_no": 999,
        "rev_at_epoch": 37861,
        "source_file": "test.csv",
        "source_line": 2,
    }


def test_the_real_slice_agrees_with_the_csv_module() -> None:
    sets, rejected = parse_omm_csv(CELESTRAK, "omm.csv")
    rows = list(csv.DictReader(io.StringIO(CELESTRAK.decode())))
    assert rejected == []
    assert sets.norad_id.tolist() == [int(row["NORAD_CAT_ID"]) for row in rows]
    assert sets.bstar.tolist() == [float(row["BSTAR"]) for row in rows]
    assert sets.mean_motion_ddot.tolist() == [float(row["MEAN_MOTION_DDOT"]) for row in rows]
    epochs = [to_us(datetime.fromisoformat(row["EPOCH"]).replace(tzinfo=UTC)) for row in rows]
    assert sets.epoch_us.tolist() == epochs
    assert "" in sets.object_id.tolist()  # analyst objects have none
    assert max(sets.norad_id) == 270_387


def _space_track(*lines: str) -> list[str]:
    """As space-track.org/basicspacedata/query/class/gp/format/csv writes it: quoted, more columns, other order."""
    extra = {
        "CCSDS_OMM_VERS": "3.0",
        "COMMENT": "GENERATED VIA SPACE-TRACK.ORG API",
        "CENTER_NAME": "EARTH",
        "REF_FRAME": "TEME",
        "TIME_SYSTEM": "UTC",
        "MEAN_ELEMENT_THEORY": "SGP4",
    }
    names = [*extra, *reversed(COLUMNS), "DECAY_DATE"]
    rows = [extra | dict(zip(COLUMNS, line.split(","), strict=True)) | {"DECAY_DATE": ""} for line in lines]
    quoted = [",".join(f'"{row[name]}"' for name in names) for row in rows]
    return [",".join(f'"{name}"' for name in names), *quoted]


def test_space_tracks_spelling_gives_the_same_sets() -> None:
    theirs, rejected = _parse(*_space_track(VANGUARD, VANGUARD_2))
    ours, _ = _parse(HEADER, VANGUARD, VANGUARD_2)
    assert rejected == []
    for name in ElementSets.__dataclass_fields__:
        assert getattr(theirs, name).tolist() == getattr(ours, name).tolist(), name


def test_columns_in_lower_case_and_blanks_around_values() -> None:
    sets, rejected = _parse(HEADER.lower(), VANGUARD.replace(",", " , "))
    assert rejected == []
    assert (sets.norad_id[0], sets.object_name[0], sets.eccentricity[0]) == (5, "VANGUARD 1", 0.1843421)


def test_a_quoted_name_may_hold_a_comma() -> None:
    sets, _ = _parse(HEADER, _with(OBJECT_NAME='"ONE, TWO"'))
    assert sets.object_name.tolist() == ["ONE, TWO"]


def test_optional_columns_may_be_absent() -> None:
    values = dict(zip(COLUMNS, VANGUARD.split(","), strict=True))
    sets, rejected = _parse(",".join(REQUIRED), ",".join(values[name] for name in REQUIRED))
    assert rejected == []
    assert (sets.norad_id[0], sets.object_name[0], sets.classification[0], sets.mean_motion_dot[0]) == (5, "", "U", 0)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_column_that_is_absent_is_named(name: str) -> None:
    header = HEADER.replace(name, "X") if name not in ("MEAN_MOTION",) else HEADER.replace("MEAN_MOTION,", "X,")
    with pytest.raises(HeaderError, match=rf"lacks the required column {name}$"):
        _parse(header, VANGUARD)


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(HeaderError, match="BSTAR twice"):
        _parse(HEADER + ",BSTAR", VANGUARD + ",0")


@pytest.mark.parametrize("norad_id", [799_501, 339_999, 340_000, 999_999_999])
def test_six_and_nine_digit_numbers(norad_id: int) -> None:
    assert _parse(HEADER, _with(NORAD_CAT_ID=str(norad_id)))[0].norad_id.tolist() == [norad_id]


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("2024-11-01T12:34:56.789012", "2024-11-01T12:34:56.789012Z"),
        ("2024-11-01T12:34:56", "2024-11-01T12:34:56.000000Z"),
        ("2024-11-01T12:34:56Z", "2024-11-01T12:34:56.000000Z"),
        ("2024-11-01T12:34:56.5Z", "2024-11-01T12:34:56.500000Z"),
        ("2024-11-01T12:34:56.789012499", "2024-11-01T12:34:56.789012Z"),
        ("2024-11-01T12:34:56.789012500", "2024-11-01T12:34:56.789013Z"),
        ("2024-12-31T23:59:59.9999996", "2025-01-01T00:00:00.000000Z"),
        ("2024-11-01 12:34:56+00:00", "2024-11-01T12:34:56.000000Z"),
        ("2024-306T12:34:56.5", "2024-11-01T12:34:56.500000Z"),
        ("2024-02-29T00:00:00.000001", "2024-02-29T00:00:00.000001Z"),
    ],
)
def test_epochs_are_exact(text: str, exact: str) -> None:
    assert format_utc(parse_epoch(text)) == exact


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30T00:00:00",
        "2023-02-29T00:00:00",
        "2024-13-01T00:00:00",
        "2024-11-01",
        "2024-11-01T24:00:00",
        "2016-12-31T23:59:60",
        "2024-11-01T12:34:56+02:00",
        "2024-000T00:00:00",
        "2024-367T00:00:00",
        "1949-11-01T00:00:00",
        "01/11/2024 12:00",
        "NaN",
    ],
)
def test_other_epochs_are_rejected(text: str) -> None:
    with pytest.raises(RecordError, match=r"(?i)epoch") as error:
        parse_epoch(text)
    assert error.value.rule == RejectRule.BAD_EPOCH


@pytest.mark.parametrize(
    ("changes", "rule", "said"),
    [
        ({"ECCENTRICITY": "NaN"}, RejectRule.BAD_NUMBER, "ECCENTRICITY 'NaN' is not a number"),
        ({"MEAN_MOTION": "inf"}, RejectRule.BAD_NUMBER, "MEAN_MOTION 'inf'"),
        ({"MEAN_MOTION": "1_0.8"}, RejectRule.BAD_NUMBER, "MEAN_MOTION '1_0.8'"),
        ({"BSTAR": "1e"}, RejectRule.BAD_NUMBER, "BSTAR '1e'"),
        ({"BSTAR": "0x10"}, RejectRule.BAD_NUMBER, "BSTAR '0x10'"),
        ({"BSTAR": "."}, RejectRule.BAD_NUMBER, "BSTAR '.'"),
        ({"REV_AT_EPOCH": "many"}, RejectRule.BAD_NUMBER, "REV_AT_EPOCH 'many'"),
        ({"INCLINATION": ""}, RejectRule.MISSING_FIELD, "INCLINATION is empty"),
        ({"EPOCH": ""}, RejectRule.MISSING_FIELD, "EPOCH is empty"),
        ({"EPOCH": "yesterday"}, RejectRule.BAD_EPOCH, "EPOCH 'yesterday'"),
        ({"NORAD_CAT_ID": ""}, RejectRule.MISSING_FIELD, "NORAD_CAT_ID is empty"),
        ({"NORAD_CAT_ID": "1234567890"}, RejectRule.BAD_CATALOG_NUMBER, "'1234567890'"),
        ({"NORAD_CAT_ID": "-5"}, RejectRule.BAD_CATALOG_NUMBER, "'-5'"),
        ({"ECCENTRICITY": "1.0"}, RejectRule.OUT_OF_RANGE, "eccentricity 1.0 is not in 0 to below 1"),
        ({"ECCENTRICITY": "-.1"}, RejectRule.OUT_OF_RANGE, "eccentricity -0.1"),
        ({"MEAN_MOTION": "0"}, RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day 0.0"),
        ({"MEAN_MOTION": "-10.8"}, RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day -10.8"),
        ({"MEAN_MOTION": "20.1"}, RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day 20.1"),
        ({"MEAN_MOTION": "1e999"}, RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day inf"),
        ({"INCLINATION": "180.1"}, RejectRule.OUT_OF_RANGE, "inclination_deg 180.1"),
        ({"RA_OF_ASC_NODE": "-1"}, RejectRule.OUT_OF_RANGE, "raan_deg -1.0"),
        ({"BSTAR": "1e6"}, RejectRule.OUT_OF_RANGE, "bstar 1000000.0"),
        ({"MEAN_MOTION_DOT": "1e999"}, RejectRule.OUT_OF_RANGE, "mean_motion_dot inf"),
        ({"EPHEMERIS_TYPE": "4"}, RejectRule.EPHEMERIS_TYPE, "EPHEMERIS_TYPE '4' is not SGP4"),
        ({"OBJECT_NAME": "A\x00B"}, RejectRule.MALFORMED, "control characters"),
        ({"OBJECT_NAME": '"HALF QUOTED'}, RejectRule.MALFORMED, "quotes"),
        ({"OBJECT_NAME": "ONE,TWO"}, RejectRule.MALFORMED, "18 fields where the header has 17"),
    ],
)
def test_a_broken_record_is_rejected_by_its_rule(changes: dict[str, str], rule: RejectRule, said: str) -> None:
    line = _with(**changes)
    record = _rejected(line)
    assert record.rule == rule
    assert said in record.detail
    assert (record.source_file, record.source_line, record.raw) == ("test.csv", 2, line.encode() + b"\r\n")


@pytest.mark.parametrize(
    ("column", "good", "bad", "rule"),
    [
        ("MEAN_ELEMENT_THEORY", ["SGP4", "SGP/SGP4", "sgp4", ""], ["SGP4-XP", "DSST", "SGP"], RejectRule.THEORY),
        ("REF_FRAME", ["TEME", ""], ["ICRF", "EME2000", "TOD"], RejectRule.REFERENCE_FRAME),
        ("TIME_SYSTEM", ["UTC", ""], ["TAI", "GPS"], RejectRule.TIME_SYSTEM),
        ("CENTER_NAME", ["EARTH", "Earth", ""], ["MOON", "MARS"], RejectRule.CENTER),
    ],
)
def test_other_conventions_than_sgp4s_are_rejected(
    column: str, good: list[str], bad: list[str], rule: RejectRule
) -> None:
    assert column in OPTIONAL
    sets, rejected = _parse(f"{HEADER},{column}", *(f"{VANGUARD},{value}" for value in [*good, *bad]))
    assert len(sets) == len(good)
    assert [record.rule for record in rejected] == [rule] * len(bad)
    assert all(repr(value) in record.detail for value, record in zip(bad, rejected, strict=True))


def test_a_cut_off_last_record_is_rejected_and_the_rest_used() -> None:
    for length in range(1, VANGUARD_2.rindex(",")):
        sets, rejected = parse_omm_csv(f"{HEADER}\n{VANGUARD}\n{VANGUARD_2[:length]}".encode(), "cut.csv")
        assert sets.norad_id.tolist() == [5]
        assert [record.source_line for record in rejected] == [3]
        assert rejected[0].norad_id in (None, 11)  # never half a number


def test_header_lines_in_between_and_blank_lines_are_no_records() -> None:
    other = _space_track(VANGUARD_2)
    sets, rejected = _parse(HEADER, VANGUARD, "", HEADER, VANGUARD_2, *other)
    assert rejected == []
    assert sets.norad_id.tolist() == [5, 11, 11]
    assert sets.source_line.tolist() == [2, 5, 7]


def test_an_unusable_header_in_between_is_rejected() -> None:
    sets, rejected = _parse(HEADER, VANGUARD, "NORAD_CAT_ID,EPOCH", VANGUARD_2)
    assert sets.norad_id.tolist() == [5, 11]
    assert "lacks the required column" in rejected[0].detail
