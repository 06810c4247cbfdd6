"""What may be around catalogues, by kind: every spelling gives the same sets as the plain one, or is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from ssa_pipeline.core.records import ElementSets, RejectRule
from ssa_pipeline.core.time import format_utc
from ssa_pipeline.messages import packed
from ssa_pipeline.messages.catalog import CatalogFormatError, ParsedCatalog, parse_catalog, record_bytes
from ssa_pipeline.messages.tle import checksum
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV, ROWS, celestrak_json, kvn, space_track_json, xml
from ssa_pipeline_tests.shared.places import DATA

VALUES = [name for name in ElementSets.__dataclass_fields__ if not name.startswith("source_")]
TLE = (DATA / "celestrak_active_20260822.tle").read_bytes().replace(b"\r\n", b"\n")
LINES = TLE.decode().splitlines()
NAME, LINE_1, LINE_2 = (line.rstrip() for line in LINES[:3])
CSV = b"".join(CELESTRAK_CSV.splitlines(keepends=True)[:7])
FORMATS = {
    "omm_csv": CSV,
    "omm_json": space_track_json(ROWS[6:12]),
    "omm_xml": xml(ROWS[12:18]),
    "omm_kvn": kvn(ROWS[18:24]),
    "tle": TLE[: len("\n".join(LINES[:18])) + 1],
}
Pack = Callable[[bytes], bytes]


def read(data: bytes | str) -> ParsedCatalog:
    return parse_catalog(data if isinstance(data, bytes) else data.encode(), "x")


def values(catalog: ParsedCatalog) -> dict[str, list[Any]]:
    return {name: getattr(catalog.element_sets, name).tolist() for name in VALUES}


def tarred(data: bytes, name: str = "a.tle") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(data: bytes, name: str = "a.tle") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


PACKINGS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "tar": tarred,
    "zip": zipped,
}


@pytest.mark.parametrize("outer", PACKINGS)
@pytest.mark.parametrize("inner", [*PACKINGS, "plain"])
def test_every_packing_in_every_other(outer: str, inner: str) -> None:
    data = PACKINGS[outer](TLE if inner == "plain" else PACKINGS[inner](TLE))
    catalog = read(data)
    assert (values(catalog), catalog.rejected, catalog.notes) == (values(read(TLE)), [], [])
    assert record_bytes(data, catalog.spans) == record_bytes(TLE, read(TLE).spans)


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz"])
def test_what_follows_a_packed_stream_is_read_or_said(packing: str) -> None:
    pack, half = PACKINGS[packing], len("\n".join(LINES[:30])) + 1
    whole = values(read(TLE))
    assert values(read(pack(TLE[:half]) + pack(TLE[half:]))) == whole
    for more in (b"garbage\n", b"\0" * 512, b"-----END-----"):
        catalog = read(pack(TLE) + more)
        assert (values(catalog), catalog.rejected) == (whole, [])
        assert catalog.notes == [f"x: {len(more)} bytes after the end of the packed data are not used"]
    for other in (gzip.compress, zipped, tarred, bytes):
        catalog = read(pack(TLE[:half]) + other(TLE[half:]))
        assert (values(catalog), catalog.rejected) == (whole, [])


@pytest.mark.parametrize("archive", ["zip", "tar"])
def test_what_follows_an_archive_is_read_or_said(archive: str) -> None:
    pack, half = PACKINGS[archive], len("\n".join(LINES[:30])) + 1
    catalog = read(pack(TLE) + b"garbage\n")
    assert (values(catalog), catalog.rejected) == (values(read(TLE)), [])
    assert catalog.notes == ["x: 8 bytes after the end of the packed data are not used"]
    assert values(read(pack(TLE[:half]) + pack(TLE[half:]))) == values(read(TLE))


@pytest.mark.parametrize("packing", ["bzip2", "xz", "lzma", "tar"])
def test_a_cut_or_damaged_packing_is_refused(packing: str) -> None:
    data = PACKINGS[packing](TLE)
    end = 512 * (1 + -(-len(TLE) // 512)) if packing == "tar" else len(data) - 3  # a tar has much padding
    for cut in (len(data) // 3, end):
        with pytest.raises(CatalogFormatError, match=r"cut.off|damaged"):
            read(data[:cut])


@pytest.mark.parametrize("layers", [2, 3, 4])
@pytest.mark.parametrize("packing", PACKINGS)
def test_nested_bombs_are_refused(packing: str, layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_BYTES", 1 << 18)
    data = TLE * 80
    for _ in range(layers):
        data = PACKINGS[packing](data)
    with pytest.raises(CatalogFormatError, match=r"holds more than 0 MiB|packed more than"):
        read(data)


def test_packed_too_often_or_in_other_ways_is_refused_by_name() -> None:
    data = TLE
    for _ in range(6):
        data = gzip.compress(data)
    with pytest.raises(CatalogFormatError, match="packed more than 4 times"):
        read(data)
    for start, name in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\0", "rar")):
        with pytest.raises(CatalogFormatError, match=name):
            read(start + b"\0" * 600)
    many = gzip.compress(b"") * 3000 + gzip.compress(TLE)
    assert values(read(many)) == values(read(TLE))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-8"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_every_encoding(kind: str, encoding: str, mark: str) -> None:
    if encoding.startswith("utf-32") and not mark:
        return  # not told apart from binary data
    data = (mark + FORMATS[kind].decode()).encode(encoding)
    catalog = read(data)
    assert (values(catalog), catalog.rejected, catalog.notes) == (values(read(FORMATS[kind])), [], [])
    assert record_bytes(data, catalog.spans) == record_bytes(FORMATS[kind], read(FORMATS[kind]).spans)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n\n", "\r\r\n"])
@pytest.mark.parametrize("ending", ["", "\x1a", "\0" * 700, "\r\n\x1a\0\0"])
def test_line_ends_and_padding(kind: str, line_end: str, ending: str) -> None:
    catalog = read(FORMATS[kind].decode().replace("\r\n", "\n").replace("\n", line_end) + ending)
    assert (values(catalog), catalog.rejected) == (values(read(FORMATS[kind])), [])
    assert bool(catalog.notes) == ("\0" in ending)


@pytest.mark.parametrize("kinds", list(permutations(FORMATS, 2)) + list(permutations(FORMATS, 3)))
@pytest.mark.parametrize("between", ["", "\n", "\ufeff", "\0" * 512])
def test_joined_formats_are_read_whole(kinds: tuple[str, ...], between: str) -> None:
    catalog = read(between.encode().join(FORMATS[kind] for kind in kinds))
    assert catalog.rejected == []
    apart = [values(read(FORMATS[kind])) for kind in kinds]
    assert values(catalog) == {name: [value for part in apart for value in part[name]] for name in VALUES}
    assert catalog.format == "+".join(sorted(kinds))


@pytest.mark.parametrize("kinds", list(permutations(FORMATS, 2)))
def test_formats_joined_without_a_line_end_lose_nothing_unsaid(kinds: tuple[str, ...]) -> None:
    one, two = (FORMATS[kind] for kind in kinds)
    catalog = read(one.rstrip() + two)
    whole = [*values(read(one))["norad_id"], *values(read(two))["norad_id"]]
    assert len(catalog.element_sets) + len(catalog.rejected) >= len(whole)
    assert set(values(catalog)["norad_id"]) >= set(whole) - {record.norad_id for record in catalog.rejected}
    assert len(catalog.rejected) <= 1


@pytest.mark.parametrize("kind", FORMATS)
def test_files_of_one_format_joined_without_a_line_end(kind: str) -> None:
    catalog = read(FORMATS[kind].rstrip() + FORMATS[kind])
    once = values(read(FORMATS[kind]))
    assert catalog.rejected == []
    assert values(catalog)["norad_id"] == once["norad_id"] * 2
    assert values(catalog)["bstar"] == once["bstar"] * 2


def test_two_encodings_in_one_file_are_refused() -> None:
    for data in (TLE + TLE.decode().encode("utf-16-le"), TLE.decode().encode("utf-16") + TLE):
        with pytest.raises(CatalogFormatError, match="changes its encoding"):
            read(data)


def signed(line: str) -> str:
    return line[:68] + str(checksum(line))


INDENTED = [
    "    {0}\n\t{1}\n\t{2}\n",
    "const tle = `{0}\n  {1}\n  {2}`;\n",
    "tle = '''{0}\n{1}\n{2}'''\n",
    "> {0}\n> {1}\n> {2}\n",
    "'{0}',\n'{1}',\n'{2}',\n",
    '    "{0}",\n    "{1}",\n    "{2}"\n',
    'line1 = "{1}"\nline2 = "{2}"\n',
    "s = '{1}'; t = '{2}'\n",
    "{0} {1} {2}\n",
    "{1}    extra text\n{2}     0.00      4320.0        360.00\n",
    "{1}\\\n{2}\\\n",
    "{1}\\n{2}\n",
    "{1} {2}\n",
]


@pytest.mark.parametrize("layout", INDENTED)
def test_element_lines_with_something_around_them(layout: str) -> None:
    catalog = read(layout.format(NAME, LINE_1, LINE_2))
    plain = values(read(f"{LINE_1}\n{LINE_2}\n"))
    for name in VALUES:
        if name != "object_name":
            assert values(catalog)[name] == plain[name]
    unsaid = {record.rule for record in catalog.rejected} - {RejectRule.MALFORMED}
    assert unsaid == set()
    if layout.startswith(("    {0}", "const", "> ", "'{0}", '    "', "{0} ")):
        assert catalog.element_sets.object_name.tolist() == [NAME]


@pytest.mark.parametrize(
    ("columns", "text", "field", "value"),
    [
        ((53, 61), "87000-10", "bstar", 8.7e-11),
        ((53, 61), " 8700-10", "bstar", 8.7e-11),
        ((53, 61), "-8700-10", "bstar", -8.7e-11),
        ((53, 61), "+8700+01", "bstar", 8.7),
        ((44, 52), "12345-11", "mean_motion_ddot", 1.2345e-12),
        ((44, 52), "        ", "mean_motion_ddot", 0.0),
        ((33, 43), "          ", "mean_motion_dot", 0.0),
        ((7, 8), "u", "classification", "U"),
        ((7, 8), "c", "classification", "C"),
    ],
)
def test_columns_as_old_and_other_programs_write_them(
    columns: tuple[int, int], text: str, field: str, value: object
) -> None:
    line = signed(LINE_1[: columns[0]] + text + LINE_1[columns[1] :])
    catalog = read(f"{line}\n{LINE_2}\n")
    assert (catalog.rejected, values(catalog)[field]) == ([], [value])


def test_a_blank_bstar_is_no_zero() -> None:
    line = signed(LINE_1[:53] + " " * 8 + LINE_1[61:])
    assert [record.rule for record in read(f"{line}\n{LINE_2}\n").rejected] == [RejectRule.MALFORMED]


def test_column_69_may_be_absent_where_no_digit_can_be_lost() -> None:
    rev = LINE_2[:63] + "12345"
    one, two = LINE_1[:68], rev + str(checksum(rev + "0"))
    assert read(f"{one}\n{rev}\n").element_sets.rev_at_epoch.tolist() == [12345]
    assert read(f"{one}\\\n{rev}\\\n").rejected == []
    assert read(f"{one}\\\n{two}\n").rejected == []
    for lost in (f"{LINE_1}\n{rev}\n", f"{one}\n{two}\n"):
        assert "may be lost" in read(lost).rejected[0].detail
    for longer in (f"{LINE_1}5\n{two}\n", f"{LINE_1}\n{two}.5\n"):
        assert "columns instead of 69" in read(longer).rejected[0].detail


@pytest.mark.parametrize("key", ["data", "results", "member", "hydra:member", "x y", "OBJECT_NAME"])
@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("before", [True, False])
def test_json_in_a_wrapper(key: str, count: int, before: bool) -> None:
    records = json.loads(space_track_json(ROWS[:count]))
    metadata = {"request_metadata": {"Total": count, "list": [1, "a", None]}, "EPOCH": "2024-11-01", "next": None}
    wrapped = {**metadata, key: records} if before else {key: records, **metadata}
    plain = read(json.dumps(records))
    for data in (wrapped, [wrapped], {"a": {"b": wrapped}}):
        for indent in (None, 2):
            catalog = read(json.dumps(data, indent=indent))
            assert (values(catalog), catalog.rejected) == (values(plain), [])


@pytest.mark.parametrize(
    "shape",
    [
        lambda records: {str(k): record for k, record in enumerate(records)},
        lambda records: [{"omm": record} for record in records],
        lambda records: [[record] for record in records],
        lambda records: {"data": [{"attributes": {"elements": record}, "id": 1} for record in records]},
        lambda records: {"schema": {"fields": [{"name": "EPOCH"}]}, "data": records},
        lambda records: [
            {"header": {}, "a": {k: r[k] for k in list(r)[:9]}, "b": {"c": {k: r[k] for k in list(r)[9:]}}}
            for r in records
        ],
    ],
)
@pytest.mark.parametrize("count", [2, 90])
def test_json_of_other_shapes(shape: Callable[[list[dict[str, Any]]], Any], count: int) -> None:
    records = json.loads(celestrak_json(ROWS[:count]))
    catalog = read(json.dumps(shape(records)))
    assert (values(catalog), catalog.rejected) == (values(read(json.dumps(records))), [])


@pytest.mark.parametrize(
    "shape",
    [
        lambda newest, older: {"latest": newest, "history": older},
        lambda newest, older: {**newest, "history": older},
        lambda newest, older: {**newest, "older": {str(k): record for k, record in enumerate(older)}},
        lambda newest, older: {"a": {"latest": newest, "history": older}, "next": None},
        lambda newest, older: {"latest": newest, "history": {"count": 4, "sets": older}},
    ],
)
def test_records_beside_and_inside_of_a_record_are_read(shape: Callable[[Any, Any], Any]) -> None:
    newest, *older = records = json.loads(celestrak_json(ROWS[:5]))
    catalog = read(json.dumps(shape(newest, older)))
    assert (values(catalog), catalog.rejected) == (values(read(json.dumps(records))), [])


def test_element_lines_inside_of_a_record_are_read_unless_they_are_its_own() -> None:
    newest = json.loads(celestrak_json(ROWS[:1]))[0]
    lines = {"line1": LINE_1, "line2": LINE_2}
    assert len(read(json.dumps({**newest, "previous": [lines]})).element_sets) == 2
    assert len(read(json.dumps({**newest, "tle": lines})).element_sets) == 1
    assert len(read(json.dumps({**newest, "tle": [LINE_1, LINE_2]})).element_sets) == 1
    both = read(json.dumps({**lines, "history": [newest]}))
    assert len(both.element_sets) == 2


def test_a_cut_wrapper_keeps_its_whole_records_and_says_the_cut() -> None:
    data = json.dumps({"meta": {"n": 3}, "data": json.loads(space_track_json(ROWS[:2]))})
    for stop in range(data.index("},", data.index("[")) + 1, len(data)):
        catalog = read(data[:stop])
        assert catalog.element_sets.norad_id.tolist() == [5, 11][: len(catalog.element_sets)]
        assert len(catalog.rejected) == 1


def test_a_cut_array_is_said_after_an_earlier_reject_too() -> None:
    records = json.loads(celestrak_json(ROWS[:3]))
    data = json.dumps([records[0] | {"ECCENTRICITY": "NaN"}, *records[1:]])
    catalog = read(data[:-1])
    assert [record.rule for record in catalog.rejected] == [RejectRule.BAD_NUMBER, RejectRule.MALFORMED]
    assert "the array is not closed: the file is cut off" in catalog.rejected[1].detail


LINE_SHAPES: list[Callable[[str, str, str], Any]] = [
    lambda name, one, two: {"tle0": f"0 {name}", "tle1": one, "tle2": two, "norad_cat_id": int(one[2:7])},
    lambda name, one, two: {"name": name, "line1": one, "line2": two, "epoch": "2026-08-22T00:00:00", "inclination": 1},
    lambda name, one, two: {"OBJECT_NAME": name, "TLE_LINE1": one, "TLE_LINE2": two, "EPOCH": "2026-08-22 00:00:00"},
    lambda name, one, two: {"info": {"satid": 1, "satname": name}, "tle": f"{one}\r\n{two}"},
    lambda name, one, two: {"tle": f"0 {name}\n{one}\n{two}\n"},
    lambda name, one, two: {"name": name, "tle": [one, two]},
    lambda name, one, two: {"name": name, "tle": {"line1": one, "line2": two}},
    lambda name, one, two: [name, one, two],
]


@pytest.mark.parametrize("shape", LINE_SHAPES)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"member": x, "totalItems": 6}])
def test_element_lines_in_json(shape: Callable[[str, str, str], Any], wrap: Callable[[Any], Any]) -> None:
    triples = [(name.rstrip(), one, two) for name, one, two in zip(*[iter(LINES[:18])] * 3, strict=True)]
    catalog = read(json.dumps(wrap([shape(*triple) for triple in triples])))
    assert (values(catalog), catalog.rejected, catalog.format) == (values(read(FORMATS["tle"])), [], "omm_json")


def test_element_lines_in_json_are_rejected_like_others() -> None:
    good = {"line1": LINE_1, "line2": LINE_2}
    for bad, rule in (
        (good | {"line2": LINE_2[:68] + str((int(LINE_2[68]) + 1) % 10)}, RejectRule.CHECKSUM),
        ({"line1": LINE_1}, RejectRule.MALFORMED),
        (good | {"norad_cat_id": 799501}, RejectRule.MALFORMED),
    ):
        catalog = read(json.dumps([good, bad]))
        assert len(catalog.element_sets) == 1
        assert [record.rule for record in catalog.rejected] == [rule]


@pytest.mark.parametrize("header", ["name,tle1,tle2", "satName,line1,line2", '"OBJECT_NAME","TLE_LINE1","TLE_LINE2"'])
def test_element_lines_in_csv(header: str) -> None:
    triples = [[line.rstrip() for line in three] for three in zip(*[iter(LINES[:18])] * 3, strict=True)]
    quote = '"' if '"' in header else ""
    text = "\n".join([header, *(",".join(f"{quote}{value}{quote}" for value in row) for row in triples)])
    catalog = read(text + "\n")
    assert (values(catalog), catalog.rejected) == (values(read(FORMATS["tle"])), [])


MICROSECONDS = {"EPOCH": "2024-10-24 20:34:48", "EPOCH_MICROSECONDS": "889056"}


def containers(record: dict[str, str]) -> dict[str, str]:
    tags = "".join(f"<{name}>{value}</{name}>" for name, value in record.items())
    return {
        "csv": ",".join(record) + "\n" + ",".join(record.values()) + "\n",
        "json": json.dumps([record]),
        "kvn": "CCSDS_OMM_VERS = 2.0\n" + "".join(f"{name} = {value}\n" for name, value in record.items()),
        "xml": f'<?xml version="1.0"?><ndm><omm id="CCSDS_OMM_VERS" version="2.0"><body>{tags}</body></omm></ndm>',
        "items": f'<?xml version="1.0" encoding="UTF-8"?>\n<xml><item>{tags}</item></xml>',
    }


@pytest.mark.parametrize("container", ["csv", "json", "kvn", "xml", "items"])
@pytest.mark.parametrize(
    ("changes", "exact"),
    [
        (MICROSECONDS, "2024-10-24T20:34:48.889056Z"),
        (MICROSECONDS | {"EPOCH_MICROSECONDS": "56.0"}, "2024-10-24T20:34:48.000056Z"),
        (MICROSECONDS | {"EPOCH_MICROSECONDS": ""}, "2024-10-24T20:34:48.000000Z"),
        (MICROSECONDS | {"EPOCH": "2024-10-24T20:34:48.889056"}, "2024-10-24T20:34:48.889056Z"),
        (MICROSECONDS | {"EPOCH": "2024-10-24T20:34:48.5"}, None),
        (MICROSECONDS | {"EPOCH_MICROSECONDS": "1000000"}, None),
        ({"EPOCH": "2024-W44-5T12:00:00"}, None),
    ],
)
def test_epochs_with_their_microseconds_beside_them(container: str, changes: dict[str, str], exact: str | None) -> None:
    catalog = read(containers(ROWS[0] | changes)[container])
    if exact is None:
        assert [record.rule for record in catalog.rejected] == [RejectRule.BAD_EPOCH]
    else:
        assert [format_utc(us) for us in catalog.element_sets.epoch_us.tolist()] == [exact]


@pytest.mark.parametrize("container", ["csv", "json", "kvn", "xml", "items"])
@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"ELEMENT_SET_NO": "999.0", "REV_AT_EPOCH": "1e3"}, {"element_set_no": 999, "rev_at_epoch": 1000}),
        ({"NORAD_CAT_ID": "25544.0", "EPHEMERIS_TYPE": "0.0"}, {"norad_id": 25544}),
        ({"BSTAR": "87000-10", "MEAN_MOTION_DDOT": "-12345-06"}, {"bstar": 8.7e-11, "mean_motion_ddot": -1.2345e-7}),
        ({"BSTAR": "8.7E-11", "CLASSIFICATION_TYPE": "u"}, {"bstar": 8.7e-11, "classification": "U"}),
        ({"MEAN_ELEMENT_THEORY": "TLE", "REF_FRAME": "TEMEOFDATE"}, {"norad_id": 5}),
        ({"MEAN_ELEMENT_THEORY": "sgp4/sdp4", "REF_FRAME": "TEME of Date"}, {"norad_id": 5}),
    ],
)
def test_values_whose_meaning_is_certain(container: str, changes: dict[str, str], wanted: dict[str, Any]) -> None:
    catalog = read(containers(ROWS[0] | changes)[container])
    assert catalog.rejected == []
    assert {name: values(catalog)[name][0] for name in wanted} == wanted


@pytest.mark.parametrize("container", ["csv", "json", "kvn", "xml", "items"])
@pytest.mark.parametrize(
    "changes",
    [
        {"ELEMENT_SET_NO": "999.5"},
        {"REV_AT_EPOCH": "-1.0"},
        {"REV_AT_EPOCH": "1e9"},
        {"NORAD_CAT_ID": "25544.5"},
        {"EPHEMERIS_TYPE": "4.0"},
        {"MEAN_MOTION": "15500-10"},
        {"REF_FRAME": "TEME OF EPOCH"},
        {"MEAN_ELEMENT_THEORY": "SGP4-XP"},
        {"BSTAR": "870000-10"},
    ],
)
def test_values_whose_meaning_is_not_certain(container: str, changes: dict[str, str]) -> None:
    catalog = read(containers(ROWS[0] | changes)[container])
    assert (len(catalog.element_sets), len(catalog.rejected)) == (0, 1)


def test_csv_with_an_index_column_of_pandas() -> None:
    header, *rows = CSV.decode().splitlines()
    indexed = "\n".join([f",{header}", *(f"{k},{row}" for k, row in enumerate(rows))])
    assert values(read(indexed)) == values(read(CSV))


@pytest.mark.parametrize("year", ["23", "24"])
def test_day_366_of_a_common_year_is_said(year: str) -> None:
    line = signed(LINE_1[:18] + year + "366.50000000" + LINE_1[32:])
    epochs = {"23": "2024-01-01T12:00:00.000000Z", "24": "2024-12-31T12:00:00.000000Z"}
    for data in (f"{line}\n{LINE_2}\n", celestrak_json([ROWS[0] | {"EPOCH": f"20{year}-366T12:00:00"}])):
        catalog = read(data)
        assert [format_utc(us) for us in catalog.element_sets.epoch_us.tolist()] == [epochs[year]]
        said = ["x: line 1: day 366 of 2023, a common year, is read as 1 January"]
        assert catalog.notes == (said if year == "23" else [])


def test_names_of_members_are_printable_and_find_their_bytes() -> None:
    name = "a\x9b31m\u202e\x07.tle"
    for data in (zipped(TLE, name), tarred(TLE, name), zipped(gzip.compress(TLE), name)):
        catalog = read(data)
        assert all(text.isprintable() for text in {*catalog.spans.member, *catalog.element_sets.source_file})
        assert record_bytes(data, catalog.spans) == record_bytes(TLE, read(TLE).spans)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped, tarred])
@pytest.mark.parametrize("between", [b"\n", b"\r\n\r\n", b" ", b"\0\0\n"])
def test_packed_files_with_line_ends_between_them_are_all_read(pack: Pack, between: bytes) -> None:
    catalog = read(between.join(pack(FORMATS[kind]) for kind in ("omm_csv", "tle")) + between)
    plain = [read(FORMATS[kind]) for kind in ("omm_csv", "tle")]
    assert len(catalog.element_sets) == sum(len(part.element_sets) for part in plain)
    assert catalog.rejected == []
