"""Whatever is written is read back: OMM to the last bit, TLE to the columns' own resolution, decided in decimals."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4 import exporter, omm
from sgp4.api import WGS72, Satrec

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.assembly import Fields
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.messages.catalog_write import FORMATS, write_catalog
from ssa_pipeline.messages.tle_write import UnrepresentableError, three_lines, two_lines
from ssa_pipeline_tests.shared.places import BUNDLED, DATA

CREATED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OMM = [name for name in FORMATS if name not in ("tle", "3le")]
VALUES = Fields._fields
FIRST_US, LAST_US = -409_536_000_000_000, 5_900_000_000_000_000  # 1957-01-09 to 2156-12-17
TLE_LAST_US = 2_745_000_000_000_000  # 2056-12-25

_texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30).map(str.strip)
# a byte order mark is read as a blank wherever it stands: files are joined with theirs
_names = _texts.filter(lambda text: not {"\ufffe", "\uffff", "\ufeff"} & set(text))


def _real(low: float, high: float) -> st.SearchStrategy[float]:
    """Any float of the interval, and those that people write: eight decimals."""
    reach = 10**15
    least, most = max(ceil(low * 1e8), -reach), min(floor(high * 1e8), reach)
    written = st.integers(least, most).map(lambda digits: float(Decimal(digits).scaleb(-8)))
    return st.floats(low, high) | written.filter(lambda x: low <= x <= high)


def _record(**changes: st.SearchStrategy[Any]) -> st.SearchStrategy[Fields]:
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "norad_id": st.integers(1, 999_999_999),
        "object_name": _names,
        "object_id": _names,
        "epoch_us": st.integers(FIRST_US, LAST_US),
        "mean_motion_rev_per_day": _real(1e-3, 20.0),
        "eccentricity": _real(0.0, float(np.nextafter(1.0, 0.0))),
        "inclination_deg": _real(0.0, 180.0),
        "raan_deg": _real(0.0, 360.0),
        "arg_perigee_deg": _real(0.0, 360.0),
        "mean_anomaly_deg": _real(0.0, 360.0),
        "bstar": _real(-100.0, 100.0),
        "mean_motion_dot": _real(-1e300, 1e300),
        "mean_motion_ddot": _real(-1e300, 1e300),
        "classification": st.sampled_from("UCS"),
        "element_set_no": st.integers(0, 999_999_999),
        "rev_at_epoch": st.integers(0, 999_999_999),
    }
    return st.builds(Fields, **(strategies | changes))


_tle_records = _record(
    norad_id=st.integers(1, 339_999),
    object_name=_names.map(lambda name: name[:24].strip()),
    object_id=st.just("") | st.from_regex(r"(19[6-9][0-9]|20[0-4][0-9])-[0-9]{3}[A-Z]{1,3}", fullmatch=True),
    epoch_us=st.integers(FIRST_US, TLE_LAST_US),
    eccentricity=_real(0.0, 0.99999994),
    mean_motion_dot=_real(-0.999999994, 0.999999994),
    mean_motion_ddot=_real(-9e8, 9e8),
    element_set_no=st.integers(0, 9999),
    rev_at_epoch=st.integers(0, 99_999),
)


def element_sets(records: list[Fields]) -> ElementSets:
    kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
    dtypes = [kinds[str(f.type)] for f in ElementSets.__dataclass_fields__.values()]
    columns = [*zip(*records, strict=True), ["test"] * len(records), list(range(1, len(records) + 1))]
    return ElementSets(*(np.array(values, dtype=kind) for values, kind in zip(columns, dtypes, strict=True)))


def spelled(records: list[Fields], target: str) -> bytes:
    written = write_catalog(element_sets(records), target, CREATED)
    assert (written.count, written.unrepresentable) == (len(records), [])
    return written.text.encode()


def read(data: bytes) -> list[Fields]:
    catalog = parse_catalog(data, "test")
    assert catalog.rejected == []
    columns = (getattr(catalog.element_sets, name).tolist() for name in VALUES)
    return [Fields(*row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("target", OMM)
@settings(max_examples=80)
@given(records=st.lists(_record(), min_size=1, max_size=4))
def test_omm_comes_back_to_the_last_bit(target: str, records: list[Fields]) -> None:
    assert read(spelled(records, target)) == records


@pytest.mark.parametrize("target", ["tle", "3le"])
@settings(max_examples=100)
@given(records=st.lists(_tle_records, min_size=1, max_size=3))
def test_tle_comes_back_within_half_a_unit_of_its_last_column(target: str, records: list[Fields]) -> None:
    data = spelled(records, target)
    for before, after in zip(records, read(data), strict=True):
        named = after._replace(object_name=before.object_name) if target == "tle" else after
        for name in ("norad_id", "object_name", "object_id", "classification", "element_set_no", "rev_at_epoch"):
            assert getattr(named, name) == getattr(before, name)
        assert abs(after.epoch_us - before.epoch_us) <= 432
        for name, unit in (
            ("mean_motion_rev_per_day", "1e-8"),
            ("eccentricity", "1e-7"),
            ("inclination_deg", "1e-4"),
            ("raan_deg", "1e-4"),
            ("arg_perigee_deg", "1e-4"),
            ("mean_anomaly_deg", "1e-4"),
            ("mean_motion_dot", "1e-8"),
            ("bstar", _unit(before.bstar)),
            ("mean_motion_ddot", _unit(before.mean_motion_ddot)),
        ):
            difference = Decimal(repr(getattr(after, name))) - Decimal(repr(getattr(before, name)))
            assert abs(difference) <= Decimal(unit) / 2, name
    assert spelled(read(data), target) == data  # nothing is lost twice


def _unit(value: float) -> str:
    """Of the fifth digit, at most nine places after the point."""
    return f"1e{max(Decimal(repr(value)).adjusted() + 1, -9) - 5}" if value else "0"


@settings(max_examples=100)
@given(record=_tle_records.filter(lambda r: r.mean_motion_rev_per_day > 0.1))
def test_sgp4_reads_what_is_written(record: Fields) -> None:
    line_1, line_2 = two_lines(record, Counter()).splitlines()
    theirs = Satrec.twoline2rv(line_1, line_2, WGS72)
    (ours,) = read(f"{line_1}\n{line_2}\n".encode())
    assert theirs.satnum == record.norad_id
    assert theirs.ecco == ours.eccentricity
    assert theirs.bstar == pytest.approx(ours.bstar, rel=1e-15)
    assert theirs.inclo == pytest.approx(np.radians(ours.inclination_deg), rel=1e-14)
    assert theirs.no_kozai == pytest.approx(ours.mean_motion_rev_per_day * 2 * np.pi / 1440, rel=1e-14)
    # sgp4's own writer takes the revolution number and the rest back to the same columns
    if record.bstar == 0.0 or 1e-9 < abs(record.bstar) < 0.9:
        assert exporter.export_tle(theirs)[1][:63] == line_2[:63]


@pytest.mark.parametrize("target", FORMATS)
def test_the_bundled_catalogue_survives(target: str) -> None:
    data = gzip.decompress(BUNDLED.read_bytes())
    sample = data.splitlines(keepends=True)
    before = read(b"".join([sample[0], *sample[1::20]]))
    after = read(spelled(before, target))
    if target in OMM:
        assert after == before
    else:  # CelesTrak's own numbers come from TLE: only B* and eccentricities with more digits are shortened
        assert [record.epoch_us for record in after] == [record.epoch_us for record in before]
        assert [record.raan_deg for record in after] == [record.raan_deg for record in before]


def test_celestraks_own_tle_come_out_byte_for_byte() -> None:
    for name in ("celestrak_supgp_starlink_20260929.csv", "celestrak_eutelsat_20250715.xml"):
        served = (DATA / name).with_suffix(".tle").read_text().splitlines()
        records = read((DATA / name).read_bytes())[: len(served) // 3]
        assert spelled(records, "tle").decode().splitlines() == [line for line in served if line[0] in "12"]
        names = [line.removeprefix("0 ") for line in spelled(records, "3le").decode().splitlines()[::3]]
        assert names == [line.rstrip() for line in served[::3]]


@pytest.mark.parametrize("name", ["celestrak_active_20260822.tle", "celestrak_debris_20260822.tle"])
def test_real_tle_files_come_out_with_their_own_lines(name: str) -> None:
    data = (DATA / name).read_bytes()
    theirs = [line.replace("00000-0", "00000+0") for line in data.decode().splitlines() if line[:2] in ("1 ", "2 ")]
    ours = spelled(read(data), "tle").decode().splitlines()
    assert [line[:68].replace("+00000+0", " 00000+0") for line in theirs] == [line[:68] for line in ours]


@pytest.mark.parametrize("target", OMM)
def test_sgp4s_reader_or_a_plain_one_finds_the_same(target: str) -> None:
    records = read((DATA / "celestrak_omm_20241101.csv").read_bytes())
    rows = [_strings(row) for row in _plainly(spelled(records, target).decode(), target)]
    for row, record in zip(rows, records, strict=True):
        assert float(row["BSTAR"]) == record.bstar
        assert float(row["MEAN_MOTION"]) == record.mean_motion_rev_per_day
        theirs = Satrec()
        omm.initialize(theirs, row | {"NORAD_CAT_ID": "0"})
        assert theirs.ecco == record.eccentricity
        moment = datetime.fromisoformat(row["EPOCH"]).replace(tzinfo=UTC)
        assert round(moment.timestamp() * 1e6) == record.epoch_us
        assert int(row["NORAD_CAT_ID"]) == record.norad_id


def _plainly(text: str, target: str) -> list[dict[str, Any]]:
    if target == "csv":
        return list(omm.parse_csv(io.StringIO(text, newline="")))
    if target == "json":
        return list(json.loads(text))
    if target == "xml":
        return list(omm.parse_xml(io.StringIO(text)))
    return [
        {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in message.splitlines())}
        for message in text.split("\n\n")
        if message
    ]


def _strings(row: dict[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def test_the_files_are_well_formed() -> None:
    records = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[:3]
    root = ElementTree.fromstring(spelled(records, "xml"))
    assert (root.tag, [child.tag for child in root]) == ("ndm", ["omm"] * 3)
    assert root[0].attrib == {"id": "CCSDS_OMM_VERS", "version": "3.0"}
    assert root[0].findtext("header/CREATION_DATE") == "2026-11-24T09:00:00"
    (header, *_) = csv.reader(io.StringIO(spelled(records, "csv").decode()))
    assert header == (DATA / "celestrak_omm_20241101.csv").read_text().splitlines()[0].split(",")
    assert spelled(records, "kvn").decode().startswith("CCSDS_OMM_VERS      = 3.0\nCREATION_DATE       = 2026")
    assert len(spelled(records, "json").decode().splitlines()) == 3  # one object a line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"norad_id": 340_000}, "340000 has no five-character spelling"),
        ({"eccentricity": 0.99999996}, "eccentricity 0.99999996 does not fit 7 decimals"),
        ({"mean_motion_dot": 0.999999996}, "mean_motion_dot 0.999999996 does not fit"),
        ({"mean_motion_dot": -1.5}, "mean_motion_dot -1.5 does not fit"),
        ({"mean_motion_ddot": 1e9}, "mean_motion_ddot 1000000000.0 does not fit"),
        ({"element_set_no": 10_000}, "element_set_no 10000 has more than 4 digits"),
        ({"rev_at_epoch": 100_000}, "rev_at_epoch 100000 has more than 5 digits"),
        ({"classification": "UNCLASSIFIED"}, "classification 'UNCLASSIFIED'"),
        ({"object_id": "1998-067ABCD"}, "object_id '1998-067ABCD' does not fit"),
        ({"object_id": "98067A"}, "object_id '98067A' does not fit"),  # would be read as 1998-067A
        ({"object_id": "1956-067A"}, "object_id '1956-067A' does not fit"),  # would be read as of 2056
        ({"epoch_us": 2_800_000_000_000_000}, "epoch year 2058"),
    ],
)
def test_what_a_tle_cannot_hold_is_named(changes: dict[str, Any], said: str) -> None:
    record = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[0]
    with pytest.raises(UnrepresentableError) as error:
        three_lines(record._replace(**changes), Counter())
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.999994, " 99999+0"),
        (0.999999, " 10000+1"),
        (0.000123455, " 12346-3"),
        (-0.0, " 00000+0"),
        (1.2e-13, " 00012-9"),
        (4e-15, " 00000+0"),
        (-99.9, "-99900+2"),
    ],
)
def test_powers_are_rounded_half_up_and_carry(value: float, text: str) -> None:
    record = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[0]
    losses: Counter[str] = Counter()
    assert two_lines(record._replace(bstar=value), losses)[53:61] == text
    assert losses["bstar"] == (value not in (-0.0, -99.9, 1.2e-13))


def test_a_long_name_is_cut_and_counted_and_an_epoch_may_round_into_the_next_year() -> None:
    record = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[0]
    record = record._replace(object_name="A" * 30, epoch_us=1_735_689_599_999_900)  # 2024-12-31T23:59:59.9999
    losses: Counter[str] = Counter()
    text = three_lines(record, losses)
    assert text.startswith("0 " + "A" * 24 + "\n1 ")
    assert "25001.00000000" in text
    assert (losses["object_name"], losses["epoch"]) == (1, 1)


def test_an_object_without_a_name_keeps_none() -> None:
    record = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[0]._replace(object_name="")
    assert spelled([record, record], "3le").splitlines()[::3] == [b"0", b"0"]
    assert [r.object_name for r in read(spelled([record, record], "3le"))] == ["", ""]


def test_a_name_that_xml_cannot_hold_is_named() -> None:
    record = read((DATA / "celestrak_omm_20241101.csv").read_bytes())[0]._replace(object_name="A\uffff")
    written = write_catalog(element_sets([record]), "xml", CREATED)
    assert [problem.norad_id for problem in written.unrepresentable] == [5]
