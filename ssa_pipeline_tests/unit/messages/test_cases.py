"""Files as people have them (data/cases, after public bug reports): each is read whole, or what is left out is said."""

from __future__ import annotations

from typing import Any

import pytest

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.core.time import format_utc
from ssa_pipeline.messages.catalog import ParsedCatalog, parse_catalog
from ssa_pipeline_tests.shared.places import DATA, REPOSITORY

CASES = DATA / "cases"
ISS = {"norad_id": 25544, "epoch": "2024-11-01T12:00:00.000000Z", "bstar": 0.00035, "object_id": "1998-067A"}
ISS |= {"mean_motion_rev_per_day": 15.5, "eccentricity": 0.0006, "inclination_deg": 51.64, "classification": "U"}
STARLINK = {"norad_id": 44713, "epoch": "2024-11-01T12:00:00.000000Z", "bstar": 9e-05, "object_id": "2019-074A"}
AQUA = {"norad_id": 27424, "object_name": "AQUA", "epoch": "2024-10-24T20:34:48.889056Z", "bstar": 0.00031}
AQUA |= {"object_id": "2002-022A", "element_set_no": 999, "rev_at_epoch": 19999, "mean_anomaly_deg": 27.0}
GOES = {"norad_id": 23581, "object_name": "GOES-9", "epoch": "2007-03-05T10:34:41.426400Z", "bstar": 0.0001}
NUMBERED = {"element_set_no": 999, "rev_at_epoch": 4800}

EXPECTED: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "p01_nochecksum.tle": (
        "tle",
        [
            {"norad_id": 58, "object_name": "", "object_id": "1960-013A", "bstar": 0.10762e-4, "element_set_no": 274},
            {"norad_id": 1317, "object_id": "1965-028A", "bstar": 1e-4, "element_set_no": 497, "rev_at_epoch": 1882},
        ],
    ),
    "p02_bstar_exp10.tle": ("tle", [{"norad_id": 53577, "object_name": "STARLINK-4553", "bstar": 8.7e-11}]),
    "p03_same_set.tle": ("tle", [AQUA]),
    "p03_spacetrack_tle_class.csv": ("omm_csv", [AQUA]),
    "p03_spacetrack_tle_class.json": ("omm_json", [AQUA]),
    "p04_theory_TLE.xml": ("omm_xml", [GOES]),
    "p06_backslash.tle": ("tle", [ISS, STARLINK]),
    "p06_sgp4_ver.tle": ("tle", [{"norad_id": 5, "epoch": "2000-06-27T18:50:19.733568Z", "rev_at_epoch": 41366}]),
    "p18_indented.tle": ("tle", [ISS | {"object_name": "ISS (ZARYA)"}]),
    "p19_blank_nddot.tle": (
        "tle",
        [{"norad_id": 11416, "mean_motion_ddot": 0.0, "mean_motion_dot": 1.4e-6, "bstar": 0.6796e-4}],
    ),
    "p20_lower_u.tle": ("tle", [ISS]),
    "p20_nulpad_small.tle": ("tle", [ISS]),
    "p20_utf16.tle": ("tle", [ISS | {"object_name": "ISS"}]),
    "p21_two_boms.2le": ("tle", [ISS, STARLINK]),
    "p22_pandas.csv": (
        "omm_csv",
        [ISS | NUMBERED, STARLINK | {"element_set_no": 999, "rev_at_epoch": 2700, "bstar": 0.9e-4}],
    ),
    "p23_satnogs.json": ("omm_json", [ISS | {"object_name": "ISS"}]),
    "p23_udl.json": ("omm_json", [ISS]),
    "p24_bz2.tle.bz2": ("tle", [ISS]),
    "p24_gzgz.tle.gz.gz": ("tle", [ISS]),
    "p24_mixed_csv_then_tle.txt": ("omm_csv+tle", [STARLINK, ISS | {"object_name": "ISS"}]),
    "p24_trailing_garbage.gz": ("tle", [ISS]),
    "p25_xml_utf16.xml": ("omm_xml", [GOES]),
    "p27_temeofdate.xml": ("omm_xml", [GOES]),
    "p28_spacetrack_metadata_true.json": ("omm_json", [{"norad_id": 44700 + k} for k in range(30)]),
    "perigee_dip.csv": ("omm_csv", [{"norad_id": 40735}, {"norad_id": 55781}]),
    "s06_same_id.3le": ("tle", [{"norad_id": 99999, "object_name": f"PAYLOAD {letter}"} for letter in "ABCDEF"]),
    "s12_archive_mix.txt": ("tle", [ISS, STARLINK, {"norad_id": 44714}, {"norad_id": 44715, "rev_at_epoch": 2700}]),
    "s17_debris.3le": ("tle", [{"norad_id": 58001, "object_name": "DEBRIS X"}]),
    "s17_supgp_iss_segments.csv": ("omm_csv", [{"norad_id": 25544, "element_set_no": k} for k in range(1, 16)]),
}
SAID = {
    "p20_nulpad_small.tle": "p20_nulpad_small.tle: 100 NUL bytes of padding are not used",
    "p24_trailing_garbage.gz": "p24_trailing_garbage.gz: 8 bytes after the end of the packed data are not used",
}


def read(name: str, **how: bool) -> ParsedCatalog:
    return parse_catalog((CASES / name).read_bytes(), name, **how)


def rows(catalog: ParsedCatalog) -> list[dict[str, Any]]:
    sets = catalog.element_sets
    columns = {name: getattr(sets, name).tolist() for name in sets.__dataclass_fields__}
    columns["epoch"] = [format_utc(us) for us in sets.epoch_us.tolist()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_every_case_has_its_expected_values() -> None:
    assert {path.name for path in CASES.iterdir()} == {*EXPECTED, "p15_p16.tle"}


def test_every_case_is_in_the_table_of_the_documentation() -> None:
    table = (REPOSITORY / "docs" / "formats.md").read_text()
    assert [path.name for path in sorted(CASES.iterdir()) if f"`{path.name}`" not in table] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_case_gives_what_stands_in_it(name: str) -> None:
    kind, expected = EXPECTED[name]
    catalog = read(name)
    found = rows(catalog)
    assert (catalog.format, len(found), catalog.rejected) == (kind, len(expected), [])
    for row, wanted in zip(found, expected, strict=True):
        assert {key: row[key] for key in wanted} == wanted
    assert catalog.notes == ([SAID[name]] if name in SAID else [])


def test_wrong_checksums_are_rejected_or_accepted_and_marked() -> None:
    """The first of three forgets a minus sign."""
    catalog = read("p15_p16.tle")
    assert catalog.element_sets.object_name.tolist() == ["VIGORIDE 6", "NOID"]
    assert [(record.rule, record.source_line) for record in catalog.rejected] == [(RejectRule.CHECKSUM, 1)]
    accepted = read("p15_p16.tle", accept_bad_checksums=True)
    assert accepted.element_sets.object_name.tolist() == ["TEST", "VIGORIDE 6", "NOID"]
    assert (accepted.rejected, accepted.spans.has_bad_checksum.tolist()) == ([], [True, False, False])
