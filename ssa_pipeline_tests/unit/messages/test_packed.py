"""gzip and zip around any format: one or several members, and what is refused by name."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages import assembly, packed
from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog, record_bytes
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV, ROWS, celestrak_json, kvn, xml
from ssa_pipeline_tests.shared.places import DATA

TLE = (Path(DATA) / "celestrak_active_20260822.tle").read_bytes()
FORMATS = {
    "omm_csv": CELESTRAK_CSV,
    "omm_json": celestrak_json(ROWS),
    "omm_xml": xml(ROWS),
    "omm_kvn": kvn(ROWS),
    "tle": TLE,
}
BOM = b"\xef\xbb\xbf"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda d: zipped({"a.txt": d}), lambda d: BOM + d])
def test_every_format_in_every_packing(kind: str, pack: object) -> None:
    assert callable(pack)
    catalog = parse_catalog(pack(FORMATS[kind]), "release")
    plain = parse_catalog(FORMATS[kind], "release")
    assert (catalog.format, catalog.rejected, plain.format) == (kind, [], kind)
    for name in ("norad_id", "epoch_us", "bstar", "source_line"):
        assert getattr(catalog.element_sets, name).tolist() == getattr(plain.element_sets, name).tolist()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_several_members_are_read_in_order_and_named(method: int) -> None:
    members = {
        "groups/active.tle": TLE,
        "groups/": b"",
        "__MACOSX/groups/._active.tle": b"junk",
        ".DS_Store": b"junk",
        "./all.csv.gz": gzip.compress(CELESTRAK_CSV),
    }
    catalog = parse_catalog(zipped(members, method), "release.zip")
    assert (catalog.format, catalog.rejected) == ("omm_csv+tle", [])
    assert len(catalog.element_sets) == 55 + 138
    files = catalog.element_sets.source_file.tolist()
    assert files == ["release.zip!groups/active.tle"] * 55 + ["release.zip!./all.csv.gz"] * 138
    assert catalog.element_sets.source_line[55] == 2


def test_a_member_that_is_no_catalogue_is_rejected_and_the_others_used() -> None:
    catalog = parse_catalog(zipped({"README.txt": b"Read me first.", "a.tle": TLE}), "release.zip")
    assert len(catalog.element_sets) == 55
    assert [(r.source_file, r.source_line, r.rule, r.raw) for r in catalog.rejected] == [
        ("release.zip!README.txt", 1, RejectRule.MALFORMED, b"Read me first.")
    ]
    assert "is neither OMM" in catalog.rejected[0].detail


def test_a_members_name_is_shown_without_control_characters() -> None:
    catalog = parse_catalog(zipped({"a\n\x1b[2J.tle": TLE}), "release.zip")
    assert set(catalog.element_sets.source_file.tolist()) == {"release.zip!a\ufffd\ufffd[2J.tle"}
    assert record_bytes(zipped({"a\n\x1b[2J.tle": TLE}), catalog.spans)[0] in TLE


def test_members_of_one_name_are_told_apart() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.tle", TLE)
        archive.writestr("a.tle#2", TLE)
        for _ in range(2):
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr("a.tle", TLE[: len(TLE) // 2])
    catalog = parse_catalog(packed.getvalue(), "x.zip")
    assert list(dict.fromkeys(catalog.spans.member)) == ["a.tle", "a.tle#2", "a.tle#3", "a.tle#4"]
    raws = record_bytes(packed.getvalue(), catalog.spans)
    numbers = [int(raw[raw.index(b"\n1 ") + 3 :][:5]) for raw in raws]
    assert numbers == catalog.element_sets.norad_id.tolist()


def _encrypted() -> bytes:
    data = bytearray(zipped({"a.tle": TLE}))
    data[6] |= 1  # the flag in the member's header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _lying(size: int) -> bytes:
    """The directory says another size than the member has."""
    data = bytearray(zipped({"a.tle": TLE}))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, size)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (zipped({}), "is a zip file without a file in it"),
        (zipped({"empty/": b""}), "is a zip file without a file in it"),
        (_encrypted(), "whose member a.tle is encrypted"),
        (_lying(100), "is a damaged or cut-off zip file"),
        (zipped({"a.tle": TLE})[:-30], "is a damaged or cut-off zip file"),
        (zipped({"a.tle": TLE})[:700], "is a damaged or cut-off zip file"),
        (b"PK\x03\x04 and nothing more", "is a damaged or cut-off zip file"),
        (zipped({"a.tle": TLE}).replace(b"\x08\x00", b"\x63\x00"), "is a damaged or cut-off zip file"),  # method 99
        (zipped({"n" * 256: TLE}), "a member whose name is longer than 255 bytes"),
        (zipped({"a.txt": b"text", "b.txt": b"text"}), "release.zip!a.txt: is neither OMM"),
        (zipped({"a.txt": b""}), "release.zip!a.txt: is empty"),
        (zipped({"a.tle.gz": gzip.compress(TLE)[:-9]}), "is a gzip file cut off"),
    ],
)
def test_what_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(CatalogFormatError) as error:
        parse_catalog(data, "release.zip")
    assert rule in str(error.value)
    assert str(error.value).startswith("release.zip")


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(TLE * 40),
        zipped({"a.tle": TLE * 40}),
        zipped({f"{n}.tle": TLE for n in range(40)}),
        zipped({"a.tle.gz": gzip.compress(TLE * 40)}),
        TLE * 40,
    ],
)
def test_a_bomb_is_refused_before_it_unpacks(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_BYTES", 1 << 18)  # 256 KiB; the content has 330
    with pytest.raises(CatalogFormatError, match="holds more than 0 MiB"):
        parse_catalog(data, "bomb")


@pytest.mark.parametrize("data", [gzip.compress(TLE[:2000]), zipped({"a.tle": TLE[:2000], "b.tle": TLE[:2000]})])
def test_damaged_packings_are_refused_and_never_crash(data: bytes) -> None:
    whole = set(parse_catalog(data, "x").element_sets.epoch_us.tolist())
    rng = random.Random(20260822)
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            sets = parse_catalog(bytes(damaged), "x").element_sets
        except CatalogFormatError:
            continue
        assert set(sets.epoch_us.tolist()) <= whole  # CRCs and checksums hold


@pytest.mark.parametrize("data", [CELESTRAK_CSV, TLE, b"CCSDS_OMM_VERS = 2.0\n" * 60, TLE.replace(b"\n", b"\r")])
def test_too_many_lines_are_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every line an object is made: a kilobyte of packed newlines would take a megabyte."""
    monkeypatch.setattr(assembly, "MOST_LINES", 50)
    with pytest.raises(CatalogFormatError, match="many lines: has more than 50 lines"):
        parse_catalog(data, "many lines")
