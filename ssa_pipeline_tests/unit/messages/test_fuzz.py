"""Damaged bytes of real records, in every format: never a crash, never a number that is not the one that stands there,
never a record that vanishes. What is accepted is compared with sgp4's reader or a plain reading of the same bytes."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import pytest
from sgp4.api import WGS72, Satrec

from ssa_pipeline.messages.catalog import CatalogFormatError, ParsedCatalog, parse_catalog, record_bytes
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV, ROWS, kvn, space_track_json, xml
from ssa_pipeline_tests.shared.places import DATA

RUNS = 400
PIECES = [b"0", b"9", b".", b"-", b"+", b"e", b"E5", b" ", b"", b"\n", b"\r\n", b'"', b",", b"{", b"}", b"[", b"]"]
PIECES += [b"<", b">", b"/", b"&", b"=", b"<!--", b"-->", b"\x00", b"\xff", b"\xc3\xa9", b"NaN", b"null", b"\\u0000"]
CSV = b"".join(CELESTRAK_CSV.splitlines(keepends=True)[:7])
TLE = b"".join((DATA / "celestrak_active_20260822.tle").read_bytes().splitlines(keepends=True)[:18])
JSON = space_track_json(ROWS[:6]).replace(b"},{", b"},\n{")
WRAPPED = b'{"request_metadata": {"Total": 6, "next": null}, "data": ' + JSON + b"}"
# As in Space-Track's yearly archives: no checksum, a backslash at the end.
ARCHIVE = re.sub(rb"(?m)^([12] .{66}).\r?$", rb"\1\\", TLE)
NUMBERS = {
    "MEAN_MOTION": "mean_motion_rev_per_day",
    "ECCENTRICITY": "eccentricity",
    "INCLINATION": "inclination_deg",
    "RA_OF_ASC_NODE": "raan_deg",
    "ARG_OF_PERICENTER": "arg_perigee_deg",
    "MEAN_ANOMALY": "mean_anomaly_deg",
    "BSTAR": "bstar",
    "MEAN_MOTION_DOT": "mean_motion_dot",
    "MEAN_MOTION_DDOT": "mean_motion_ddot",
}
REQUIRED = {"NORAD_CAT_ID", "EPOCH", *list(NUMBERS)[:7]}
Values = dict[str, Any]
Read = Callable[[bytes, int], Iterator[Values]]


def text_of(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(data: bytes) -> list[str]:
    """Lines end as the file's do, in bytes; the encoding is that of the whole file."""
    is_utf_8 = len(text_of(data)) < len(data) or data.isascii()
    return [line.decode("utf-8" if is_utf_8 else "latin-1") for line in data.splitlines(keepends=True)]


def from_line(data: bytes, line: int) -> str:
    return "".join(lines_of(data)[line - 1 :])


def csv_values(data: bytes, line: int) -> Iterator[Values]:
    lines = [text.strip() for text in lines_of(data)]
    headers = [text.upper().replace('"', "").split(",") for text in lines[: line - 1] if "NORAD_CAT_ID" in text.upper()]
    names = [name.strip() for name in next(header for header in reversed(headers) if {*header} >= REQUIRED)]
    yield dict(zip(names, next(csv.reader([lines[line - 1]])), strict=True))


def json_values(data: bytes, line: int) -> Iterator[Values]:
    """Every object that begins on the line."""
    text = from_line(data, line)
    for brace in re.finditer(r"\{", lines_of(data)[line - 1]):
        with suppress(ValueError):
            yield dict(json.JSONDecoder(parse_float=str, parse_int=str).raw_decode(text[brace.start() :])[0])


def xml_values(data: bytes, line: int) -> Iterator[Values]:
    """Every message that begins on the line."""
    lines = data.splitlines(keepends=True)
    text = b"".join(lines[line - 1 :])
    for begin in re.finditer(rb"<omm\s", text[: len(lines[line - 1]) + 1]):
        with suppress(ElementTree.ParseError):
            root = ElementTree.fromstring(re.split(rb"(?<=</omm)\s*>", text[begin.start() :])[0] + b">")
            yield {element.tag: element.text or "" for element in root.iter()}


def kvn_values(data: bytes, line: int) -> Iterator[Values]:
    first, *others = lines_of(data)[line - 1 :]
    values = {}
    for text in [first, *others]:
        if text is not first and re.match(r"\s*CCSDS_[A-Za-z]+_VERS\s*=", text):
            break
        name, _, value = text.partition("=")
        values[name.strip().upper()] = value
    yield values


def plain_epoch_us(text: str) -> int:
    day, clock = re.split("[T ]", text.strip().upper().removesuffix("Z").removesuffix("+00:00"))
    days = (
        date.fromisoformat(day) if day.count("-") == 2 else datetime.strptime(day, "%Y-%j").replace(tzinfo=UTC).date()
    )
    hours, minutes, seconds = (Fraction(part) for part in clock.split(":"))
    exact = ((days.toordinal() - date(1970, 1, 1).toordinal()) * 86_400 + hours * 3600 + minutes * 60 + seconds) * 10**6
    return math.floor(exact + Fraction(1, 2))


def check_omm(catalog: ParsedCatalog, data: bytes, read: Read) -> None:
    sets = catalog.element_sets
    for row, line in enumerate(sets.source_line.tolist()):
        ours = {name: getattr(sets, name)[row] for name in ("norad_id", "epoch_us", *NUMBERS.values())}
        assert ours in [plainly(values) for values in read(data, line) if values.keys() >= {"EPOCH", "NORAD_CAT_ID"}]


def plainly(values: Values) -> Values:
    numbers = {name: float((values.get(keyword) or "").strip() or 0) for keyword, name in NUMBERS.items()}
    return {"norad_id": int(values["NORAD_CAT_ID"]), "epoch_us": plain_epoch_us(values["EPOCH"]), **numbers}


def element_line(record: str, number: str) -> str:
    """The last line 1 or 2 in a record, without what is around it; a 0 where its checksum is absent, which sgp4 does
    not look at."""
    found = re.findall(rf"{number} [ 0-9A-Z][ 0-9]{{3}}[0-9][A-Za-z ].{{60,61}}(?<=[0-9])", record)[-1]
    return found if len(found) == 69 else found + "0"


def check_tle(catalog: ParsedCatalog, data: bytes) -> None:
    sets = catalog.element_sets
    for row, record in enumerate(record_bytes(data, catalog.spans)):
        line_1, line_2 = (element_line(text_of(record), number) for number in "12")
        theirs = Satrec.twoline2rv(line_1, line_2, WGS72)
        assert sets.norad_id[row] == theirs.satnum
        assert sets.eccentricity[row] == theirs.ecco
        for name, value in (
            ("inclination_deg", theirs.inclo),
            ("raan_deg", theirs.nodeo),
            ("arg_perigee_deg", theirs.argpo),
            ("mean_anomaly_deg", theirs.mo),
        ):
            assert math.radians(getattr(sets, name)[row]) == pytest.approx(value, rel=1e-14), name
        assert sets.bstar[row] == pytest.approx(theirs.bstar, rel=1e-14)
        assert sets.mean_motion_rev_per_day[row] * math.tau / 1440 == pytest.approx(theirs.no_kozai, rel=1e-14)
        days = theirs.jdsatepoch - 2440587.5 + theirs.jdsatepochF
        assert sets.epoch_us[row] / 86_400e6 == pytest.approx(days, abs=1e-8)


def damaged(data: bytes, rng: random.Random) -> bytes:
    mutant = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(mutant))
        kind = rng.randrange(5)
        if kind == 0:
            mutant[at] = rng.randrange(256)
        elif kind == 1:
            mutant[at : at + rng.randint(0, 2)] = rng.choice(PIECES)
        elif kind == 2:
            del mutant[at : at + rng.choice([1, 1, 5, 60, 700])]
        elif kind == 3:  # a piece once more, somewhere else
            start = rng.randrange(len(mutant))
            mutant[at:at] = mutant[start : start + rng.choice([1, 20, 300, 900])]
        else:
            mutant[at : at + 1] = b"%d" % rng.randrange(10)
        if not mutant:
            return data
    return bytes(mutant)


FORMATS: dict[str, tuple[bytes, Read | None]] = {
    "csv": (CSV, csv_values),
    "json": (JSON, json_values),
    "xml": (xml(ROWS[:6]), xml_values),
    "kvn": (kvn(ROWS[:6]), kvn_values),
    "tle": (TLE, None),
    "json in a wrapper": (WRAPPED, json_values),
    "tle of an archive": (ARCHIVE, None),
}


def records_of(kind: str, data: bytes) -> list[bytes]:
    """The bytes of every record, none of them in another."""
    if kind == "csv":
        return [line.rstrip() for line in data.splitlines()[1:]]
    if kind.startswith("tle"):
        lines = data.splitlines(keepends=True)
        return [b"".join(lines[k : k + 2]).rstrip() for k in range(1, len(lines), 3)]
    if kind == "kvn":
        return [b"CCSDS_OMM_VERS" + part.rstrip() for part in data.split(b"CCSDS_OMM_VERS")[1:]]
    pattern = rb"\{[^{]*?EPOCH.*?\}" if kind.startswith("json") else rb"<omm.*?</omm>"
    return re.findall(pattern, data, re.DOTALL)


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_records_are_read_as_they_stand_or_rejected(kind: str) -> None:
    data, read = FORMATS[kind]
    rng = random.Random(f"{kind} 20261124")
    whole = parse_catalog(data, "whole").element_sets
    known = dict(zip(records_of(kind, data), whole.epoch_us.tolist(), strict=True))
    accepted = rejected = 0
    for _ in range(RUNS):
        mutant = damaged(data, rng)
        try:
            catalog = parse_catalog(mutant, "mutant")
        except CatalogFormatError:
            continue
        if read:
            check_omm(catalog, mutant, read)
        else:
            check_tle(catalog, mutant)
        epochs = set(catalog.element_sets.epoch_us.tolist())
        for record, epoch_us in known.items():
            if record in mutant:
                assert epoch_us in epochs or any(record in bad.raw for bad in catalog.rejected), record
        for bad in catalog.rejected:
            assert bad.raw in mutant
        accepted += len(catalog.element_sets)
        rejected += len(catalog.rejected)
    assert accepted > 2 * RUNS  # the rest of a damaged file is used
    assert rejected > RUNS / 4
