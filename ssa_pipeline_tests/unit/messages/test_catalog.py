"""The door: any supported file by its content, and a named refusal for everything else."""

from __future__ import annotations

import gzip
import random

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.catalog import OMM_CSV, TLE, CatalogFormatError, parse_catalog, record_bytes
from ssa_pipeline_tests.shared.omm_samples import ROWS, celestrak_json, kvn, space_track_json, xml
from ssa_pipeline_tests.shared.places import DATA, REPOSITORY

CSV = (DATA / "celestrak_omm_20241101.csv").read_bytes()
LINES = (DATA / "celestrak_active_20260822.tle").read_bytes()
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(("data", "kind", "count"), [(CSV, OMM_CSV, 138), (LINES, TLE, 55)])
@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda d: BOM + d, lambda d: gzip.compress(BOM + d)])
def test_the_content_decides_not_the_name(data: bytes, kind: str, count: int, wrap: object) -> None:
    assert callable(wrap)
    catalog = parse_catalog(wrap(data), "misleading.json")
    assert (catalog.format, len(catalog.element_sets), catalog.rejected) == (kind, count, [])


def test_lf_crlf_and_trailing_blanks_read_alike() -> None:
    unix = CSV.replace(b"\r\n", b"\n")
    for data in (unix, unix.replace(b"\n", b"  \t\r\n"), b"\n\n" + unix + b"\n \n"):
        sets = parse_catalog(data, "x.csv").element_sets
        for name in set(ElementSets.__dataclass_fields__) - {"source_line"}:
            assert getattr(sets, name).tolist() == getattr(parse_catalog(CSV, "x.csv").element_sets, name).tolist()


@pytest.mark.parametrize(
    ("data", "before"),
    [
        pytest.param(CSV, CSV.splitlines(keepends=True)[0], id="CSV"),
        pytest.param(gzip.compress(LINES), b"", id="TLE"),
        pytest.param(celestrak_json(ROWS[:20]), b"", id="JSON on one line"),
        pytest.param(space_track_json(ROWS[:20]), b"", id="JSON of strings"),
        pytest.param(xml(ROWS[:20]), b"", id="XML"),
        pytest.param(kvn(ROWS[:20]), b"", id="KVN"),
    ],
)
def test_the_bytes_of_a_record_are_that_record_and_no_other(data: bytes, before: bytes) -> None:
    """Read alone, they give the same element set."""
    catalog = parse_catalog(data, "x")
    sets = catalog.element_sets
    rows = np.arange(0, len(sets), 3)
    for row, raw in zip(rows.tolist(), record_bytes(data, catalog.spans.take(rows)), strict=True):
        again = parse_catalog(before + raw, "x").element_sets
        for name in set(ElementSets.__dataclass_fields__) - {"source_line"}:
            assert getattr(again, name).tolist() == [getattr(sets, name)[row]], name


def test_the_bundled_catalogue_is_used_whole() -> None:
    path = REPOSITORY / "data" / "omm_on_orbit_20241101.csv.gz"
    catalog = parse_catalog(path.read_bytes(), path.name)
    assert (len(catalog.element_sets), catalog.rejected) == (26_834, [])
    assert len(set(catalog.element_sets.norad_id.tolist())) == 26_834


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "is empty"),
        (b" \r\n\r\n", "is empty"),
        (gzip.compress(b""), "is empty"),
        (b"<!DOCTYPE html>\n<html><body>Service unavailable</body></html>", "is an HTML page"),
        (b"\n<HTML><head></head></HTML>", "is an HTML page"),
        (b"No GP data found", "has no data for the query"),
        (b"No GP data found\r\n", "has no data for the query"),
        (b"GP data has not updated since your last successful download of GROUP=active", "neither OMM"),
        (bytes(range(256)) * 20, "is binary"),
        (b"once upon a time", "neither OMM"),
        (gzip.compress(CSV)[:3000], "cut off after 3000 bytes"),
        (gzip.compress(CSV)[:-4], "cut off after"),
        (b"\x1f\x8b", "cut off after 2 bytes"),
        (b"\x1f\x8b\x08\x00rubbish rubbish rubbish", "is a damaged gzip file"),
        (gzip.compress(CSV)[:-8] + b"\0" * 8, "is a damaged gzip file"),
        (CSV.replace(b"MEAN_ANOMALY", b"ANOMALY", 1), "lacks the required column MEAN_ANOMALY"),
        (b"OBJECT_NAME,EPOCH\nISS,2024-11-01T00:00:00\n", "lacks the required column NORAD_CAT_ID"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused_with_the_rule(data: bytes, rule: str) -> None:
    with pytest.raises(CatalogFormatError) as error:
        parse_catalog(data, "active.csv")
    message = str(error.value)
    assert message.startswith("active.csv: ")
    assert rule in message
    assert len(message) < 400
    if "is empty" not in rule:
        assert "it begins " in message


def test_a_header_alone_is_an_empty_catalogue() -> None:
    catalog = parse_catalog(CSV.splitlines()[0], "header.csv")
    assert (len(catalog.element_sets), catalog.rejected) == (0, [])


def test_a_file_of_broken_records_only_is_readable_but_useless() -> None:
    wrong = LINES.replace(b" 9990\r\n", b" 9991\r\n", 1).splitlines(keepends=True)[:3]
    catalog = parse_catalog(b"".join(wrong), "broken.tle")
    assert (len(catalog.element_sets), len(catalog.rejected)) == (0, 1)


@pytest.mark.parametrize("data", [CSV[:3000], LINES[:1500]])
def test_damaged_bytes_are_refused_or_rejected_and_never_crash(data: bytes) -> None:
    rng = random.Random(20241101)
    n_used = 0
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(damaged))
            cut, put = rng.choice([(1, 1), (rng.randint(1, 40), 0), (0, 3)])
            damaged[at : at + cut] = rng.randbytes(put)
        try:
            catalog = parse_catalog(bytes(damaged), "damaged")
        except CatalogFormatError:
            continue
        n_used += len(catalog.element_sets)
        for record in catalog.rejected:
            assert record.raw in bytes(damaged)
            assert record.raw
        assert np.all((catalog.element_sets.eccentricity >= 0) & (catalog.element_sets.eccentricity < 1))
    assert n_used > 300  # the rest of a damaged file is used
