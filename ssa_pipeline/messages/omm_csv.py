"""OMM as CSV, in the spellings of CelesTrak and Space-Track: one element set a line below a header line.

Columns are found by name, in any order and case, quoted or not; others than those below are ignored.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from operator import itemgetter

from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.messages.alpha5 import parse_catalog_number
from ssa_pipeline.messages.assembly import (
    Assembly,
    Fields,
    RecordError,
    check_ephemeris_type,
    day_of_year_us,
    day_us,
    has_control_characters,
    number,
    split_lines,
    whole_number,
)

NUMERIC = (
    "MEAN_MOTION",
    "ECCENTRICITY",
    "INCLINATION",
    "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER",
    "MEAN_ANOMALY",
    "BSTAR",
    "MEAN_MOTION_DOT",
    "MEAN_MOTION_DDOT",
)
# SGP4 uses neither derivative, so a file may do without them (they count as 0).
REQUIRED = ("NORAD_CAT_ID", "EPOCH", *NUMERIC[:7])
OPTIONAL = (
    "MEAN_MOTION_DOT",
    "MEAN_MOTION_DDOT",
    "OBJECT_NAME",
    "OBJECT_ID",
    "EPHEMERIS_TYPE",
    "CLASSIFICATION_TYPE",
    "ELEMENT_SET_NO",
    "REV_AT_EPOCH",
    "MEAN_ELEMENT_THEORY",
    "REF_FRAME",
    "TIME_SYSTEM",
    "CENTER_NAME",
)
# What SGP4 elements are; a column that is absent or blank says nothing against it.
CONVENTIONS = (
    ("MEAN_ELEMENT_THEORY", ("", "SGP4", "SGP/SGP4"), RejectRule.THEORY),
    ("REF_FRAME", ("", "TEME"), RejectRule.REFERENCE_FRAME),
    ("TIME_SYSTEM", ("", "UTC"), RejectRule.TIME_SYSTEM),
    ("CENTER_NAME", ("", "EARTH"), RejectRule.CENTER),
)

_EPOCH = re.compile(
    r"([0-9]{4})-(?:([0-9]{2})-([0-9]{2})|([0-9]{3}))[T ]"
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,12}))?(?:Z|\+00:00)?",
    re.IGNORECASE,
)
_PLAIN_NUMBERS = re.compile(r"[0-9+\-.eE]+")

Select = Callable[[Sequence[str]], tuple[str, ...]]


class HeaderError(ValueError):
    """The header line lacks a required column or names one twice."""


def is_header(line: str) -> bool:
    """Two known names are enough, so that a header without a required column is told so."""
    return len(set(_names(line)) & {*REQUIRED, *OPTIONAL}) >= 2


def parse_omm_csv(data: bytes, file_name: str) -> tuple[ElementSets, list[RejectedRecord]]:
    """All records of a CSV file that begins with its header; HeaderError where the header is unusable."""
    raw, lines = split_lines(data)
    assembly = Assembly(file_name, raw)
    header: _Header | None = None
    for line_no, line in enumerate(lines, start=1):
        if not line:
            continue
        if header is None:
            header = _Header(line)
            continue
        if "NORAD_CAT_ID" in line.upper():  # files were joined
            header = _next_header(assembly, line, line_no) or header
            continue
        try:
            assembly.accept(header.read(line), line_no, line_no)
        except RecordError as error:
            norad_id, object_name = header.identify(line)
            assembly.reject(error, line_no, line_no, norad_id=norad_id, object_name=object_name)
    return assembly.finish()


def _next_header(assembly: Assembly, line: str, line_no: int) -> _Header | None:
    try:
        return _Header(line)
    except HeaderError as error:
        assembly.reject(RecordError(RejectRule.MALFORMED, str(error)), line_no, line_no)
        return None


class _Header:
    """Where each column is, and how to read a line below."""

    def __init__(self, line: str) -> None:
        self.names = _names(line)
        if missing := [name for name in REQUIRED if name not in self.names]:
            raise HeaderError(f"the header lacks the required column {', '.join(missing)}")
        if twice := [name for name in REQUIRED + OPTIONAL if self.names.count(name) > 1]:
            raise HeaderError(f"the header names the column {', '.join(twice)} twice")
        self._numbers = self._select(NUMERIC)
        self._others = self._select(("NORAD_CAT_ID", "EPOCH", *OPTIONAL[2:8]))
        self._conventions = self._select(tuple(name for name, _, _ in CONVENTIONS))

    def _select(self, wanted: tuple[str, ...]) -> Select:
        """The values of these columns; '' for one the file does not have (one past the last)."""
        absent = len(self.names)
        return itemgetter(*(self.names.index(name) if name in self.names else absent for name in wanted))

    def read(self, line: str) -> Fields:
        values = self._values(line)
        norad_id, epoch, name, object_id, kind, classification, set_no, rev = self._others(values)
        self._check_conventions(values, kind)
        motion, ecc, inclination, raan, perigee, anomaly, bstar, dot, ddot = self._read_numbers(values)
        return Fields(
            _catalog_number(norad_id),
            name.strip(),
            object_id.strip(),
            parse_epoch(epoch),
            motion,
            ecc,
            inclination,
            raan,
            perigee,
            anomaly,
            bstar,
            dot,
            ddot,
            classification.strip() or "U",
            whole_number("ELEMENT_SET_NO", set_no),
            whole_number("REV_AT_EPOCH", rev),
        )

    def identify(self, line: str) -> tuple[int | None, str | None]:
        """Number and name of a rejected line, as far as they can be read: it may be cut off."""
        if has_control_characters(line):
            return None, None
        values = line.replace('"', "").split(",")
        if len(values) < len(self.names):
            values.pop()  # where the line was cut
        norad_id, _, name, *_ = self._others(values + [""] * (len(self.names) + 1 - len(values)))
        try:
            return parse_catalog_number(norad_id), name.strip()
        except ValueError:
            return None, name.strip() or None

    def _values(self, line: str) -> list[str]:
        if has_control_characters(line):
            raise RecordError(RejectRule.MALFORMED, f"control characters in {line!r}")
        values = line.split(",") if '"' not in line else _split_quoted(line)
        if len(values) != len(self.names):
            detail = f"{len(values)} fields where the header has {len(self.names)}"
            raise RecordError(RejectRule.MALFORMED, detail)
        values.append("")
        return values

    def _check_conventions(self, values: list[str], kind: str) -> None:
        check_ephemeris_type(kind)
        for (name, usable, rule), text in zip(CONVENTIONS, self._conventions(values), strict=True):
            if text and text.strip().upper() not in usable:
                raise RecordError(rule, f"{name} {text.strip()!r} is not {usable[1]}: sgp4 would propagate it wrongly")

    def _read_numbers(self, values: list[str]) -> list[float]:
        texts = self._numbers(values)
        if "" not in texts and _PLAIN_NUMBERS.fullmatch("".join(texts)):
            try:
                return [float(text) for text in texts]
            except ValueError:
                pass  # the careful way finds which one, and says so
        return [_number(name, text) for name, text in zip(NUMERIC, texts, strict=True)]


def _names(line: str) -> list[str]:
    return [name.strip().strip('"').strip().upper() for name in line.removeprefix("\ufeff").split(",")]


def _split_quoted(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise RecordError(RejectRule.MALFORMED, f"quotes do not pair up: {error}") from None


def _number(name: str, text: str) -> float:
    if text.strip():
        return number(name, text)
    if name in REQUIRED:
        raise RecordError(RejectRule.MISSING_FIELD, f"{name} is empty")
    return 0.0


def _catalog_number(text: str) -> int:
    if not text.strip():
        raise RecordError(RejectRule.MISSING_FIELD, "NORAD_CAT_ID is empty")
    try:
        return parse_catalog_number(text)
    except ValueError as error:
        raise RecordError(RejectRule.BAD_CATALOG_NUMBER, f"NORAD_CAT_ID: {error}") from None


def parse_epoch(text: str) -> int:
    """Microseconds of a UTC epoch, by calendar day or day of year, with or without a fraction (a finer one is
    rounded to the nearest microsecond) and Z; RecordError otherwise."""
    text = text.strip()
    if not text:
        raise RecordError(RejectRule.MISSING_FIELD, "EPOCH is empty")
    match = _EPOCH.fullmatch(text)
    if match is None:
        detail = f"EPOCH {text!r} is not a UTC time like 2024-11-01T12:34:56.789012"
        raise RecordError(RejectRule.BAD_EPOCH, detail)
    year, month, day, day_of_year, hour, minute, second, fraction = match.groups()
    if day_of_year is None:
        start = day_us(int(year), int(month), int(day))
    else:
        start = day_of_year_us(int(year), int(day_of_year))
    seconds = (int(hour) * 60 + int(minute)) * 60 + int(second)
    return start + seconds * 1_000_000 + _fraction_us(fraction or "0")


def _fraction_us(digits: str) -> int:
    if len(digits) <= 6:
        return int(digits.ljust(6, "0"))
    scale: int = 10 ** len(digits)
    return (2_000_000 * int(digits) // scale + 1) // 2
