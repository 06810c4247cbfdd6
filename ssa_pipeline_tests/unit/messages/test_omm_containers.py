"""OMM as JSON, XML and KVN: the same values and the same rules as in CSV, and what each container may do to them."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sgp4 import omm
from sgp4.api import Satrec

from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.core.time import format_utc, to_us
from ssa_pipeline.messages.catalog import OMM_JSON, OMM_KVN, OMM_XML, CatalogFormatError, parse_catalog
from ssa_pipeline_tests.shared.omm_samples import (
    CELESTRAK_CSV,
    ROWS,
    celestrak_json,
    kvn,
    kvn_message,
    space_track_json,
    xml,
    xml_message,
)
from ssa_pipeline_tests.shared.places import DATA

VALUES = [name for name in ElementSets.__dataclass_fields__ if not name.startswith("source_")]
Spell = Callable[[list[dict[str, str]]], bytes]
SPELLINGS: dict[str, Spell] = {
    "celestrak json": celestrak_json,
    "celestrak json-pretty": lambda rows: celestrak_json(rows, indent=4),
    "space-track json": space_track_json,
    "json lines": lambda rows: b"\n".join(celestrak_json([row])[1:-1] for row in rows),
    "xml": xml,
    "xml on one line": lambda rows: xml(rows, line_end=""),
    "kvn": kvn,
    "kvn crlf": lambda rows: kvn(rows).replace(b"\n", b"\r\n"),
}


def read(data: bytes) -> tuple[ElementSets, list[RejectedRecord]]:
    catalog = parse_catalog(data, "test")
    return catalog.element_sets, catalog.rejected


def columns(sets: ElementSets) -> dict[str, list[object]]:
    return {name: getattr(sets, name).tolist() for name in VALUES}


def with_values(**changes: str) -> dict[str, str]:
    return ROWS[0] | changes


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_same_bits_as_csv(spelling: str) -> None:
    theirs, rejected = read(SPELLINGS[spelling](ROWS))
    assert rejected == []
    assert columns(theirs) == columns(read(CELESTRAK_CSV)[0])


def test_xml_agrees_with_the_tle_that_the_source_served() -> None:
    from_xml, rejected = read((DATA / "celestrak_eutelsat_20250715.xml").read_bytes())
    from_tle, _ = read((DATA / "celestrak_eutelsat_20250715.tle").read_bytes())
    assert rejected == []
    assert columns(from_xml) == columns(from_tle)


@pytest.mark.parametrize("data", [(DATA / "celestrak_eutelsat_20250715.xml").read_bytes(), xml(ROWS)])
def test_xml_agrees_with_sgp4s_own_reader(data: bytes) -> None:
    sets, _ = read(data)
    for row, fields in enumerate(omm.parse_xml(io.BytesIO(data))):
        assert sets.norad_id[row] == int(fields["NORAD_CAT_ID"])
        assert sets.mean_motion_rev_per_day[row] == float(fields["MEAN_MOTION"])
        assert sets.bstar[row] == float(fields["BSTAR"])
        assert sets.epoch_us[row] == to_us(datetime.fromisoformat(fields["EPOCH"]).replace(tzinfo=UTC))
        theirs = Satrec()
        omm.initialize(theirs, fields | {"OBJECT_ID": fields["OBJECT_ID"] or "", "NORAD_CAT_ID": "0"})
        assert sets.eccentricity[row] == theirs.ecco


@pytest.mark.parametrize("figure", ["g7.kvn", "g8.kvn", "g9.kvn", "g10.xml"])
def test_the_published_messages(figure: str) -> None:
    """CCSDS 502.0-B-3, figures G-7 to G-10, the OMM of figure G-6's TLE with another year."""
    sets, rejected = read((DATA / f"ccsds_502_{figure}").read_bytes())
    assert rejected == []
    row = {name: getattr(sets, name)[0] for name in VALUES}
    assert format_utc(row.pop("epoch_us")) == "2020-03-04T10:34:41.426400Z"  # day 64
    assert row == {
        "norad_id": 23581,
        "object_name": "GOES-9" if figure == "g10.xml" else "GOES 9",
        "object_id": "1995-025A",
        "mean_motion_rev_per_day": 1.00273272,
        "eccentricity": 0.0005013,
        "inclination_deg": 3.0539,
        "raan_deg": 81.7939,
        "arg_perigee_deg": 249.2363,
        "mean_anomaly_deg": 150.1602,
        "bstar": 0.0001,
        "mean_motion_dot": -0.00000113,
        "mean_motion_ddot": 0.0,
        "classification": "U",
        "element_set_no": 925,
        "rev_at_epoch": 4316,
    }


def test_several_kvn_messages_in_one_file() -> None:
    data = b"".join((DATA / f"ccsds_502_{figure}.kvn").read_bytes() for figure in ("g7", "g8", "g9"))
    sets, rejected = read(data)
    assert (sets.norad_id.tolist(), rejected) == ([23581] * 3, [])
    lines = data.decode().splitlines()
    begins = [number for number, line in enumerate(lines, start=1) if line.startswith("CCSDS_OMM_VERS")]
    assert sets.source_line.tolist() == begins


def test_supplemental_gp_with_nine_digits_and_its_own_fields() -> None:
    sets, rejected = read((DATA / "celestrak_supgp_starlink_20260929.csv").read_bytes())
    assert rejected == []
    assert sets.norad_id.tolist() == [48386, 49154, 100_001, 799_501_648]
    assert set(sets.classification) == {"C"}
    rows = [dict(zip(VALUES, values, strict=True)) for values in zip(*columns(sets).values(), strict=True)]
    assert rows[3]["bstar"] == -0.056082


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if "kvn" not in name])
def test_names_of_any_letters(spelling: str) -> None:
    names = ["ÑUSAT-1", 'A "QUOTED" & <B>, {C}', "星", "[D]"]
    rows = [with_values(OBJECT_NAME=name) for name in names]
    sets, rejected = read(SPELLINGS[spelling](rows))
    assert rejected == []
    assert sets.object_name.tolist() == names


def test_a_kvn_name_keeps_its_brackets_and_equal_signs() -> None:
    sets, _ = read(kvn([with_values(OBJECT_NAME="GOES 9 [P]"), with_values(OBJECT_NAME="A = B")]))
    assert sets.object_name.tolist() == ["GOES 9 [P]", "A = B"]


def test_json_in_latin_1() -> None:
    sets, rejected = read(celestrak_json([with_values(OBJECT_NAME="ÑUSAT-1")] * 2).decode().encode("latin-1"))
    assert (sets.object_name.tolist(), rejected) == (["ÑUSAT-1"] * 2, [])


BROKEN = [
    ({"ECCENTRICITY": "NaN"}, RejectRule.BAD_NUMBER, "ECCENTRICITY 'NaN'"),
    ({"MEAN_MOTION": "1_0.8"}, RejectRule.BAD_NUMBER, "MEAN_MOTION '1_0.8'"),
    ({"INCLINATION": ""}, RejectRule.MISSING_FIELD, "INCLINATION is empty"),
    ({"EPOCH": "2016-12-31T23:59:60"}, RejectRule.BAD_EPOCH, "23:59:60"),
    ({"NORAD_CAT_ID": "1234567890"}, RejectRule.BAD_CATALOG_NUMBER, "1234567890"),
    ({"MEAN_MOTION": "20.1"}, RejectRule.OUT_OF_RANGE, "mean_motion_rev_per_day 20.1"),
    ({"EPHEMERIS_TYPE": "4"}, RejectRule.EPHEMERIS_TYPE, "EPHEMERIS_TYPE '4'"),
    ({"MEAN_ELEMENT_THEORY": "SGP4-XP"}, RejectRule.THEORY, "SGP4-XP"),
    ({"REF_FRAME": "EME2000"}, RejectRule.REFERENCE_FRAME, "EME2000"),
    ({"TIME_SYSTEM": "TAI"}, RejectRule.TIME_SYSTEM, "TAI"),
    ({"CENTER_NAME": "MOON"}, RejectRule.CENTER, "MOON"),
]


@pytest.mark.parametrize("spelling", ["space-track json", "xml", "xml on one line", "kvn", "kvn crlf"])
@pytest.mark.parametrize(("changes", "rule", "said"), BROKEN)
def test_a_broken_record_is_rejected_by_its_rule_and_costs_no_other(
    spelling: str, changes: dict[str, str], rule: RejectRule, said: str
) -> None:
    data = SPELLINGS[spelling]([ROWS[0], with_values(**changes), ROWS[1]])
    sets, rejected = read(data)
    assert sets.norad_id.tolist() == [5, 11]
    assert [record.rule for record in rejected] == [rule]
    record = rejected[0]
    assert said in record.detail
    assert record.norad_id == (None if "NORAD_CAT_ID" in changes else 5)
    assert data.count(record.raw) == 1
    value = next(iter(changes.values())).encode()
    assert value in record.raw
    assert b"VANGUARD 2" not in record.raw
    assert record.source_line == 1 + data[: data.index(record.raw)].count(b"\n")


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_json_lines_are_those_of_the_opening_braces(indent: int | None) -> None:
    data = celestrak_json(ROWS[:5], indent)
    expected = [1 + data[:at].count(b"\n") for at in range(len(data)) if data[at : at + 1] == b"{"]
    assert read(data)[0].source_line.tolist() == expected
    assert read(data.replace(b"\n", b"\r\n"))[0].source_line.tolist() == expected
    assert read(b"\n\n" + data)[0].source_line.tolist() == [line + 2 for line in expected]
    assert read(data.replace(b"\n", b"\r"))[0].source_line.tolist() == expected


@pytest.mark.parametrize(
    "data",
    [celestrak_json(ROWS[:3], indent=1), space_track_json(ROWS[:3]), xml(ROWS[:3]), xml(ROWS[:3], ""), kvn(ROWS[:3])],
)
def test_a_file_cut_anywhere_keeps_the_whole_records_and_rejects_the_tail(data: bytes) -> None:
    whole = columns(read(data)[0])
    text = data.rstrip()
    assert len(read(text[: len(text) * 3 // 5])[0]) == 1  # from within the second of three records on
    for stop in range(len(text) * 3 // 5, len(text)):
        sets, rejected = read(text[:stop])
        count = len(sets)
        if rejected:
            assert count < 3 or text[:stop].rstrip().endswith((b"}", b"omm>", b"<", b"</", b"</n", b"</nd", b"</ndm"))
            assert {record.rule for record in rejected} <= {RejectRule.MALFORMED, RejectRule.MISSING_FIELD}
            assert len(rejected) == 1
        else:  # KVN: between two messages, or within the last value, which SGP4 does not use
            assert b"CCSDS_OMM_VERS" in data
            assert text[:stop].rstrip().rpartition(b"\n")[2].startswith(b"MEAN_MOTION_DDOT")
        for name, values in columns(sets).items():
            if name != "mean_motion_ddot":
                assert values == whole[name][:count], name


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ('"A": [1, {"B": "}"}], "C": {"D": {}}', None),
        ('"BSTAR": 1', "BSTAR occurs twice"),
        ('"CENTER_NAME": ["EARTH"]', "is neither a number nor a text"),
        ('"RMS": Infinity', None),
        ('"RMS": 1 2', "not JSON"),
        ('"X": ' + "[" * 63 + "]" * 63, None),
        ('"X": ' + "[" * 64 + "]" * 64, "nested too deep"),
        ('"BSTAR": ' + '{"A":' * 700 + "1" + "}" * 700, "nested too deep"),
        ('"X": ' + "[" * 9000, "nested too deep"),
        ('"X": "' + "x" * 20_000 + '"', "no end of the record within 16,384 characters"),
    ],
)
def test_what_a_json_object_may_hold(inside: str, said: str | None) -> None:
    one, two = (celestrak_json([row])[1:-1].decode() for row in ROWS[:2])
    data = f"[{one[:-1]}, {inside}}},\n{two}]".encode()
    sets, rejected = read(data)
    if said is None:
        assert (sets.norad_id.tolist(), rejected) == ([5, 11], [])
    else:
        assert sets.norad_id.tolist() == [11]
        assert [said in record.detail for record in rejected] == [True], rejected[0].detail
        assert rejected[0].raw == data[1 : data.index(b",\n")]


@pytest.mark.parametrize("value", ["true", "[15.5]", "{}", "0x10", "+1", "01"])
def test_a_json_value_of_another_kind_is_no_number(value: str) -> None:
    record = celestrak_json(ROWS[:1])[1:-1].decode().replace("10.8574679", value)
    sets, rejected = read(f"[{record}]".encode())
    assert len(sets) == 0
    assert rejected[0].rule == RejectRule.MALFORMED


def test_a_json_null_is_an_absent_value() -> None:
    record = json.loads(celestrak_json(ROWS[:1]))[0]
    sets, _ = read(json.dumps([record | {"OBJECT_ID": None, "MEAN_MOTION_DDOT": None}]).encode())
    assert (sets.object_id.tolist(), sets.mean_motion_ddot.tolist()) == ([""], [0.0])
    _, rejected = read(json.dumps([record | {"BSTAR": None}]).encode())
    assert rejected[0].rule == RejectRule.MISSING_FIELD


@pytest.mark.parametrize("name", ["A\x00B", "A\nB", "\ud800"])
def test_names_that_postgresql_refuses_are_rejected(name: str) -> None:
    record = json.loads(celestrak_json(ROWS[:1]))[0] | {"OBJECT_NAME": name}
    sets, rejected = read(json.dumps([record]).encode())
    assert len(sets) == 0
    assert rejected[0].rule == RejectRule.MALFORMED
    assert rejected[0].object_name is None


def test_small_letters_in_json_keys_and_garbage_between_objects() -> None:
    small = json.dumps([{k.lower(): v for k, v in row.items()} for row in ROWS[:1]]).encode()
    assert read(small)[0].norad_id.tolist() == [5]
    one, two = (celestrak_json([row])[1:-1] for row in ROWS[:2])
    sets, rejected = read(b"[" + one + b",garbage," + two + b',"text"]')
    assert sets.norad_id.tolist() == [5, 11]
    assert [record.raw for record in rejected] == [b"garbage,", b'"text"']


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"epoch": "2020-01-01T00:00:00"}, RejectRule.MALFORMED),
        ({"ref_frame": "GCRF"}, RejectRule.REFERENCE_FRAME),
        ({"Mean_Element_Theory": "SGP4-XP"}, RejectRule.THEORY),
    ],
)
def test_a_json_name_in_small_letters_counts_beside_capitals(more: dict[str, str], rule: RejectRule) -> None:
    sets, rejected = read(json.dumps([json.loads(celestrak_json(ROWS[:1]))[0] | more]).encode())
    assert (len(sets), [record.rule for record in rejected]) == (0, [rule])


def test_an_empty_json_array_is_an_empty_catalogue() -> None:
    assert read(b"[]")[0].norad_id.tolist() == read(b" [ ] \n")[0].norad_id.tolist() == []
    assert read(b"[]")[1] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("<INCLINATION>", '<INCLINATION units="rad">'), "INCLINATION is in 'rad', not in deg"),
        (("<INCLINATION>", "<INCLINATION><B/>"), "INCLINATION holds other elements"),
        (("</INCLINATION>", "<B/></INCLINATION>"), "INCLINATION holds other elements"),
        (("</INCLINATION>", ""), "not well-formed XML: mismatched tag"),
        (("VANGUARD 1", "VANGUARD & 1"), "not well-formed XML"),
        (("VANGUARD 1", "&name;"), "not well-formed XML: undefined entity"),
        (("VANGUARD 1", "\x01"), "not well-formed XML"),
        (("<BSTAR>", "<BSTAR>1</BSTAR><BSTAR>"), "BSTAR occurs twice"),
        (("</omm>", ""), "<omm> is not closed"),
    ],
)
def test_a_damaged_xml_message_costs_no_other(change: tuple[str, str], said: str) -> None:
    data = xml(ROWS[:3]).decode().replace(*change, 1).encode()
    sets, rejected = read(data)
    assert sets.norad_id.tolist() == [11, 12]
    assert [said in record.detail for record in rejected] == [True], rejected[0].detail
    assert rejected[0].source_line == 3


def test_what_xml_may_say_besides() -> None:
    one, two = (xml_message(row) for row in ROWS[:2])
    one = one.replace("<INCLINATION>", '<INCLINATION units="DEG">').replace("VANGUARD 1", "\n  VANGUARD <![CDATA[1]]>")
    two = two.replace(
        "</data>",
        '<userDefinedParameters><USER_DEFINED parameter="BSTAR">9</USER_DEFINED></userDefinedParameters></data>',
    )
    hidden = f"<!-- {one} -->"
    data = (
        f"<?xml version='1.0'?><?style none?>\n<ndm:ndm xmlns:ndm='urn:x'><COMMENT>all</COMMENT>{hidden}\n"
        f"{one.replace('<omm ', '<ndm:omm ').replace('</omm>', '</ndm:omm >')}\n"
        f"{two}<MESSAGE_ID>1</MESSAGE_ID></ndm:ndm>"
    )
    sets, rejected = read(data.encode())
    assert rejected == []
    assert sets.object_name.tolist() == ["VANGUARD 1", "VANGUARD 2"]
    begins = [data.index("<ndm:omm"), data.index("<omm", data.index("</ndm:omm"))]
    assert sets.source_line.tolist() == [1 + data[:begin].count("\n") for begin in begins]
    assert sets.bstar.tolist() == [float(row["BSTAR"]) for row in ROWS[:2]]


def test_another_message_in_the_ndm_is_rejected_and_the_rest_used() -> None:
    oem = '<oem id="CCSDS_OEM_VERS" version="2.0"><header/></oem>'
    one, two = (xml_message(row) for row in ROWS[:2])
    sets, rejected = read(f"<ndm>{one}\n{oem}\n{two}</ndm>".encode())
    assert sets.norad_id.tolist() == [5, 11]
    assert [(record.raw.decode().strip(), record.source_line) for record in rejected] == [(oem, 3)]


def test_xml_in_another_encoding() -> None:
    text = xml([with_values(OBJECT_NAME="ÑUSAT-1")]).decode()
    for encoding in ("ISO-8859-1", "windows-1252"):
        sets, _ = read(text.replace("UTF-8", encoding).encode(encoding))
        assert sets.object_name.tolist() == ["ÑUSAT-1"]
    _, rejected = read(text.replace("UTF-8", "no-such-code").encode())
    assert "no-such-code" in rejected[0].detail
    _, rejected = read(text.encode("latin-1"))  # says UTF-8 and is not
    assert "not well-formed XML" in rejected[0].detail


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declaration",
    [
        f'<!DOCTYPE ndm [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE ndm [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE ndm SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!ENTITY l0 "ha">',
    ],
)
def test_document_types_and_entities_are_refused(declaration: str) -> None:
    text = xml([with_values(OBJECT_NAME="NAME")]).decode().replace("<ndm", declaration + "<ndm", 1)
    for entity in ("&l9;", "&file;"):
        with pytest.raises(CatalogFormatError, match="document type declaration"):
            read(text.replace("NAME<", entity + "<").encode())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("INCLINATION         = 34.2551", "INCLINATION = 34.2551 [rad]"), "INCLINATION is in 'rad'"),
        (("INCLINATION         = 34.2551", "INCLINATION = 34.2551 deg"), "'34.2551 deg' is not a number"),
        (("INCLINATION         = 34.2551", "INCLINATION 34.2551"), "is not keyword = value"),
        (("INCLINATION         = 34.2551", "BSTAR = 1\nINCLINATION = 34.2551"), "BSTAR occurs twice"),
        (("CCSDS_OMM_VERS      = 2.0\n", "CCSDS_OEM_VERS = 2.0\nCOMMENT EPOCH\n"), "a CCSDS OEM is no OMM"),
        (("VANGUARD 1", "VANGUARD\x01"), "control characters"),
    ],
)
def test_a_damaged_kvn_message_costs_no_other(change: tuple[str, str], said: str) -> None:
    text = "".join(kvn_message(row) for row in [ROWS[1], ROWS[0], ROWS[2]]).replace("VANGUARD 1\n", "VANGUARD 1\n\n", 1)
    head, middle, rest = text.partition(kvn_message(ROWS[0]).replace("VANGUARD 1\n", "VANGUARD 1\n\n"))
    assert middle
    data = (head + middle.replace(*change, 1) + rest).encode()
    sets, rejected = read(data)
    assert sets.norad_id.tolist() == [11, 12]
    assert [said in record.detail for record in rejected] == [True], rejected[0].detail
    assert rejected[0].source_line == head.count("\n") + 1


def test_comments_blanks_and_unknown_keywords_in_kvn() -> None:
    text = kvn_message(ROWS[0]).replace("EPOCH ", "COMMENT EPOCH = 1\n\n  RMS = 5\nUSER_DEFINED_BSTAR = 9\nEPOCH ", 1)
    sets, rejected = read(f"COMMENT first\n\n{text}COMMENT last\n".encode())
    assert (rejected, sets.bstar.tolist()) == ([], [float(ROWS[0]["BSTAR"])])


def test_the_last_kvn_message_that_lost_its_end_is_rejected() -> None:
    text = kvn_message(ROWS[1]).partition("MEAN_MOTION_DOT")[0]
    sets, rejected = read((kvn_message(ROWS[0]) + text).encode())
    assert sets.norad_id.tolist() == [5]
    assert "MEAN_MOTION_DOT is missing, the message before has it" in rejected[0].detail
    sets, rejected = read(text.encode())  # alone it may be meant so
    assert (sets.mean_motion_dot.tolist(), rejected) == ([0.0], [])


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b'{"error":"You must be logged in to complete this action"}', OMM_JSON, "no object in it has the fields"),
        (b'<?xml version="1.0"?><rss><item>x</item></rss>', OMM_XML, "holds no <omm>"),
        (b"<oem></oem>", OMM_XML, "holds no <omm>"),
        (b"COMMENT x\nCCSDS_OEM_VERS = 2.0\nEPOCH = 1\n", OMM_KVN, "is a CCSDS OEM, not an OMM"),
    ],
)
def test_files_of_the_right_kind_with_something_else_in_them_are_refused(data: bytes, kind: str, said: str) -> None:
    with pytest.raises(CatalogFormatError, match=said):
        parse_catalog(data, "file." + kind)


def _seconds(data: bytes) -> float:
    """CPU to read it; the least of three."""

    def once() -> float:
        started = time.process_time()
        read(data)
        return time.process_time() - started

    return min(once() for _ in range(3))


def test_blanks_after_a_damaged_json_record_cost_no_more_than_their_length() -> None:
    """The time rose with the square of their number, to a thousand times that of as many letters."""
    damaged, letters = (b'[{"EPOCH": x}' + c * 80_000 + b"x}," + celestrak_json(ROWS[:1])[1:] for c in (b" ", b"x"))
    sets, rejected = read(damaged)
    assert (len(sets), len(rejected)) == (1, 1)
    assert _seconds(damaged) < 50 * _seconds(letters)


def test_comments_before_the_first_message_cost_no_more_than_their_length() -> None:
    """Blanks at their ends doubled the time with every one, to a thousand times that of comments without."""
    data = b"COMMENT \n" * 24 + kvn(ROWS[:1])
    sets, rejected = read(data)
    assert (len(sets), rejected) == (1, [])
    assert _seconds(data) < 50 * _seconds(data.replace(b"COMMENT ", b"COMMENT"))


def test_a_name_may_begin_like_json() -> None:
    lines = (Path(DATA) / "celestrak_active_20260822.tle").read_bytes().splitlines(keepends=True)[:3]
    catalog = parse_catalog(b"[A] SAT\n" + b"".join(lines[1:]), "x.tle")
    assert (catalog.format, catalog.element_sets.object_name.tolist()) == ("tle", ["[A] SAT"])
