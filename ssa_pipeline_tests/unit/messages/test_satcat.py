"""SATCAT, decay and TIP tables: what real ones say; nothing of a damaged one is changed, or dropped in silence."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile
from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from ssa_pipeline.core.catalog.satcat import MessageKind, ObjectType
from ssa_pipeline.core.records import DECAY, SATCAT, TIP, RejectRule
from ssa_pipeline.core.time import format_utc
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.messages.satcat import ParsedTable, kind_by_columns, parse_table
from ssa_pipeline_tests.shared.fake_sources import GP_CSV, as_csv, as_space_track_csv
from ssa_pipeline_tests.shared.places import DATA

CELESTRAK = (DATA / "celestrak_satcat_20261002.csv").read_bytes()
SPACE_TRACK = {kind: (DATA / f"space_track_{kind}.json").read_bytes() for kind in (SATCAT, DECAY, TIP)}
HEADER, *LINES = CELESTRAK.decode().splitlines()
ISS = next(line for line in LINES if ",25544,PAY" in line)
RUNS = 400


def rows(table: ParsedTable) -> list[tuple[object, ...]]:
    records = table.satcat if table.kind == SATCAT else table.messages
    names = [f.name for f in fields(records) if not f.name.startswith("source_")]
    return [tuple(map(str, row)) for row in zip(*(getattr(records, name).tolist() for name in names), strict=True)]


def celestrak(**values: str) -> ParsedTable:
    """The row of the ISS with other values, between two others."""
    row = dict(zip(HEADER.split(","), ISS.split(","), strict=True)) | values
    return parse_table("\r\n".join([HEADER, LINES[0], ",".join(row.values()), LINES[1]]).encode(), "satcat.csv")


def message(kind: str, **values: str | None) -> ParsedTable:
    return parse_table(json.dumps([json.loads(SPACE_TRACK[kind])[0] | values]).encode(), f"{kind}.json")


def test_celestraks_satcat_says_what_stands_there() -> None:
    table = parse_table(CELESTRAK, "satcat.csv")
    assert (table.kind, table.rejected) == (SATCAT, [])
    satcat = table.satcat
    expected = list(csv.DictReader(io.StringIO(CELESTRAK.decode())))
    assert satcat.norad_id.tolist() == [int(row["NORAD_CAT_ID"]) for row in expected]
    assert satcat.object_name.tolist() == [row["OBJECT_NAME"] for row in expected]
    assert satcat.object_id.tolist() == [row["OBJECT_ID"] for row in expected]
    assert satcat.owner.tolist() == [row["OWNER"] for row in expected]
    for name, column in (("PERIOD", satcat.period_min), ("RCS", satcat.rcs_m2)):
        texts = [row[name] for row in expected]
        assert [repr(value) for value in column.tolist()] == [repr(float(text or "nan")) for text in texts], name
    for name, days in (("LAUNCH_DATE", satcat.launch_date), ("DECAY_DATE", satcat.decay_date)):
        assert [str(day or "") for day in days] == [row[name] for row in expected], name
    assert satcat.source_line.tolist() == list(range(2, len(expected) + 2))
    codes = {"PAY": "PAYLOAD", "R/B": "ROCKET BODY", "DEB": "DEBRIS", "UNK": "UNKNOWN"}
    assert satcat.object_type.tolist() == [codes[row["OBJECT_TYPE"]] for row in expected]
    words = {"+": "operational", "-": "nonoperational", "D": "decayed", "": ""}
    assert satcat.operational_status.tolist() == [words[row["OPS_STATUS_CODE"]] for row in expected]


def test_space_tracks_satcat_in_its_own_words() -> None:
    for data in (SPACE_TRACK[SATCAT], as_csv(SPACE_TRACK[SATCAT])):
        satcat = parse_table(data, "satcat").satcat
        assert (satcat.norad_id.tolist(), satcat.object_name.tolist()) == ([1], ["SL-1 R/B"])
        assert (satcat.object_type[0], satcat.owner[0], satcat.rcs_size[0]) == (ObjectType.ROCKET_BODY, "CIS", "LARGE")
        assert (satcat.launch_date[0], satcat.decay_date[0]) == (date(1957, 10, 4), date(1957, 12, 1))
        assert satcat.period_min.tolist() == [96.19]
        assert np.isnan(satcat.rcs_m2[0])  # RCSVALUE is 0 for every object
        assert satcat.operational_status.tolist() == [""]


def test_both_providers_agree_on_the_first_object() -> None:
    ours, theirs = parse_table(CELESTRAK, "a").satcat, parse_table(SPACE_TRACK[SATCAT], "b").satcat
    for name in ("norad_id", "object_id", "object_name", "object_type", "owner", "launch_date", "decay_date"):
        assert getattr(ours, name)[0] == getattr(theirs, name)[0], name
    assert ours.period_min[0] == theirs.period_min[0]


def test_decay_and_tip_messages() -> None:
    for data in (SPACE_TRACK[DECAY], as_csv(SPACE_TRACK[DECAY])):
        decay = parse_table(data, "decay").messages
        assert (decay.norad_id.tolist(), decay.kind.tolist()) == ([1], [MessageKind.DECAY])
        assert decay.message_us.tolist() == [0]
        assert format_utc(decay.decay_us[0])[:19] == "1957-12-01T00:00:00"
        assert format_utc(decay.gone_us[0])[:19] == "1957-12-02T00:00:00"
    for data in (SPACE_TRACK[TIP], as_csv(SPACE_TRACK[TIP])):
        tip = parse_table(data, "tip").messages
        assert (tip.norad_id.tolist(), tip.kind.tolist()) == ([60], [MessageKind.TIP])
        times = [format_utc(us[0])[:19] for us in (tip.message_us, tip.decay_us, tip.gone_us)]
        assert times == ["2012-03-28T12:30:00", "2012-03-28T01:14:00", "2012-03-28T01:28:00"]
    assert message(DECAY, MSG_TYPE="Prediction").messages.kind.tolist() == [MessageKind.PREDICTION]


def test_json_csv_and_packed_files_give_the_same_rows() -> None:
    table = rows(parse_table(CELESTRAK, "a"))
    records = [dict(row) for row in csv.DictReader(io.StringIO(CELESTRAK.decode()))]
    numbers = [
        {k: None if v == "" else float(v) if k in ("PERIOD", "RCS") else v for k, v in r.items()} for r in records
    ]
    assert rows(parse_table(json.dumps(numbers).encode(), "a")) == table
    for data in (gzip.compress(CELESTRAK), zipped(satcat=CELESTRAK), b"\xef\xbb\xbf" + CELESTRAK, as_csv(records)):
        assert kind_by_columns(data) == SATCAT
        assert rows(parse_table(data, "a")) == table
    with pytest.raises(CatalogFormatError, match="several kinds, satcat, tip"):
        parse_table(zipped(a=CELESTRAK, b=SPACE_TRACK[TIP]), "a.zip")
    twice = parse_table(zipped(a=CELESTRAK, b=CELESTRAK), "a.zip")
    assert rows(twice) == table
    assert {(record.rule, record.source_file) for record in twice.rejected} == {(RejectRule.DUPLICATE, "a.zip!b")}


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_what_is_no_table_is_not_taken_for_one() -> None:
    with_types = as_space_track_csv(GP_CSV).replace(b'"CENTER_NAME"', b'"OBJECT_TYPE","DECAY_DATE"', 1)
    for data in (GP_CSV, with_types, b"", b"[]", b"{}", b"<html>", b"PK\x03\x04", b"NORAD_CAT_ID,OBJECT_TYPE\n1,PAY"):
        assert kind_by_columns(data) is None
        with pytest.raises(CatalogFormatError, match=r"a\.csv"):
            parse_table(data, "a.csv")
    with pytest.raises(CatalogFormatError, match="names the column DECAY_DATE twice"):
        parse_table(f"{HEADER},DECAY_DATE\n{ISS},\n".encode(), "a.csv")


@pytest.mark.parametrize(
    ("values", "rule", "said"),
    [
        ({"NORAD_CAT_ID": ""}, RejectRule.MISSING_FIELD, "NORAD_CAT_ID is empty"),
        ({"NORAD_CAT_ID": "25544.0"}, RejectRule.BAD_CATALOG_NUMBER, "'25544.0'"),
        ({"NORAD_CAT_ID": "1"}, RejectRule.DUPLICATE, "object 1 has a row further up"),
        ({"DECAY_DATE": "2026-02-30"}, RejectRule.BAD_EPOCH, "decay date '2026-02-30'"),
        ({"DECAY_DATE": "20260230"}, RejectRule.BAD_EPOCH, "decay date '20260230'"),
        ({"DECAY_DATE": "2026-02-03 25:00:00"}, RejectRule.BAD_EPOCH, "25:00:00"),
        ({"LAUNCH_DATE": "0998-11-20"}, RejectRule.BAD_EPOCH, "launch date '0998-11-20'"),
        ({"PERIOD": "nan"}, RejectRule.BAD_NUMBER, "PERIOD 'nan' is not a number"),
        ({"PERIOD": "9_2.9"}, RejectRule.BAD_NUMBER, "PERIOD '9_2.9'"),
        ({"PERIOD": "0"}, RejectRule.OUT_OF_RANGE, "PERIOD 0 is not in 1 to"),
        ({"PERIOD": "1e400"}, RejectRule.OUT_OF_RANGE, "PERIOD 1e400"),
        ({"RCS": "-1"}, RejectRule.OUT_OF_RANGE, "RCS -1"),
        ({"OBJECT_NAME": "A\x00B"}, RejectRule.MALFORMED, "control characters"),
        ({"OBJECT_NAME": "A,B"}, RejectRule.MALFORMED, "18 fields where the header has 17"),
        ({"OBJECT_NAME": '"AB'}, RejectRule.MALFORMED, "quotes do not pair up"),
    ],
)
def test_a_bad_row_is_set_apart_and_no_other(values: dict[str, str], rule: RejectRule, said: str) -> None:
    table = celestrak(**values)
    (record,) = table.rejected
    assert (record.source_file, record.source_line, record.rule) == ("satcat.csv", 3, rule)
    assert said in record.detail
    assert next(iter(values.values())).encode() in record.raw
    assert table.satcat.norad_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("kind", "values", "rule"),
    [
        (DECAY, {"MSG_TYPE": None}, RejectRule.MALFORMED),
        (DECAY, {"DECAY_EPOCH": None}, RejectRule.MISSING_FIELD),
        (DECAY, {"DECAY_EPOCH": "1957-12-01 0:61:00"}, RejectRule.BAD_EPOCH),
        (TIP, {"NORAD_CAT_ID": None}, RejectRule.MISSING_FIELD),  # as Space-Track serves it now and then
        (TIP, {"WINDOW": None}, RejectRule.MISSING_FIELD),
        (TIP, {"WINDOW": "-14"}, RejectRule.OUT_OF_RANGE),
        (TIP, {"MSG_EPOCH": ""}, RejectRule.MISSING_FIELD),
        (SATCAT, {"CURRENT": "N"}, RejectRule.SUPERSEDED),
    ],
)
def test_a_bad_message_is_set_apart(kind: str, values: dict[str, str | None], rule: RejectRule) -> None:
    table = message(kind, **values)
    assert (len(table), [record.rule for record in table.rejected]) == (0, [rule])


@pytest.mark.parametrize(
    ("name", "code", "field", "kept"),
    [
        ("OBJECT_TYPE", "SAT", "object_type", "UNKNOWN"),
        ("OPS_STATUS_CODE", "!", "operational_status", "unrecognised code !"),
    ],
)
def test_an_unknown_code_costs_neither_row_nor_decay_date(name: str, code: str, field: str, kept: str) -> None:
    table = celestrak(**{name: code, "DECAY_DATE": "2026-02-03"})
    assert table.rejected == []
    assert table.satcat.decay_date[1] == date(2026, 2, 3)
    assert str(getattr(table.satcat, field)[1]) == kept
    assert [note.split(" is none of")[0] for note in table.notes] == [f"satcat.csv: line 3: {name} {code!r}"]


def test_an_unknown_size_costs_no_row() -> None:
    table = message(SATCAT, RCS_SIZE="HUGE")
    assert (table.rejected, table.satcat.rcs_size.tolist()) == ([], [""])
    assert "RCS_SIZE 'HUGE' is none of SMALL" in table.notes[0]


def test_a_json_record_without_a_field_or_with_a_list_is_set_apart() -> None:
    record = json.loads(SPACE_TRACK[SATCAT])[0]
    shorter = {name: value for name, value in record.items() if name != "DECAY"}
    table = parse_table(json.dumps([record, shorter | {"NORAD_CAT_ID": "2"}, record | {"PERIOD": [1]}]).encode(), "a")
    assert table.satcat.norad_id.tolist() == [1]
    assert [(r.rule, r.detail, r.norad_id) for r in table.rejected] == [
        (RejectRule.MISSING_FIELD, "the record lacks DECAY_DATE", 2),
        (RejectRule.MALFORMED, "PERIOD \"['1']\" is neither a number nor a text", 1),
    ]


def test_a_time_of_decay_keeps_its_day() -> None:
    assert celestrak(DECAY_DATE="2026-02-03T23:59:59Z").satcat.decay_date[1] == date(2026, 2, 3)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_never_crash_and_never_change_a_value(seed: int) -> None:
    """Every accepted row is one that a plain reading of the same line gives; every line is accounted for."""
    rng = random.Random(seed)
    pieces = [b"0", b"9", b".", b"-", b"+", b"e", b" ", b"", b"\n", b'"', b",", b"\x00", b"\xff", b"NaN", b"D", b"\xc3"]
    for _ in range(RUNS // 8):
        data = bytearray(CELESTRAK)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(HEADER) + 1, len(data))
            data[at : at + rng.randint(0, 3)] = rng.choice(pieces)
        if rng.random() < 0.2:
            del data[rng.randrange(len(HEADER) + 1, len(data)) :]
        check_against_csv(bytes(data))


def check_against_csv(data: bytes) -> None:
    table = parse_table(data, "a")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [line.rstrip() for line in io.StringIO(text, newline="").read().replace("\r\n", "\n").split("\n")]
    accounted = {*table.satcat.source_line.tolist(), *(record.source_line for record in table.rejected)}
    assert accounted == {number for number, line in enumerate(lines, 1) if line and number > 1}
    satcat = table.satcat
    for row, number in enumerate(satcat.source_line.tolist()):
        plain = dict(zip(HEADER.split(","), next(csv.reader([lines[number - 1]])), strict=True))
        assert satcat.norad_id[row] == int(plain["NORAD_CAT_ID"])
        assert satcat.object_name[row] == plain["OBJECT_NAME"].strip()
        for name, value in (("PERIOD", satcat.period_min[row]), ("RCS", satcat.rcs_m2[row])):
            assert repr(float(value)) == repr(float(plain[name].strip() or "nan"))
        for name, day in (("LAUNCH_DATE", satcat.launch_date[row]), ("DECAY_DATE", satcat.decay_date[row])):
            assert str(day or "") == plain[name].strip()[:10]


@pytest.mark.parametrize("kind", [SATCAT, DECAY, TIP])
def test_damaged_json_never_crashes(kind: str) -> None:
    rng = random.Random(kind)
    whole = json.dumps(json.loads(SPACE_TRACK[kind]) * 5).encode()
    for _ in range(RUNS // 4):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(60, len(data))
            data[at : at + rng.randint(0, 3)] = rng.choice(
                [b"{", b"}", b"[", b'"', b",", b":", b"\\", b"\xff", b"7", b""]
            )
        try:
            table = parse_table(bytes(data), "a")
        except CatalogFormatError:
            continue
        assert len(table) + len(table.rejected) >= 1
