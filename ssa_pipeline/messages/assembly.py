"""What every reader shares: one record's fields, its rejection, and the columns made of all records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, RejectedRecord, RejectRule

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_YEAR, _LAST_YEAR = 1957, 2156  # of the space age, and the reach of any setting here
# sgp4 would quietly propagate every other kind as if it were SGP4; CCSDS 502.0-B-3 table 4-3, 0 = default.
_SGP4_TYPES = ("", "0", "2")


class Fields(NamedTuple):
    """One element set's values, in the order and units of ``ElementSets``."""

    norad_id: int
    object_name: str
    object_id: str
    epoch_us: int
    mean_motion_rev_per_day: float
    eccentricity: float
    inclination_deg: float
    raan_deg: float
    arg_perigee_deg: float
    mean_anomaly_deg: float
    bstar: float
    mean_motion_dot: float
    mean_motion_ddot: float
    classification: str
    element_set_no: int
    rev_at_epoch: int


class NoCatalogError(Exception):
    """The whole file cannot be used; the message goes on from the file's name ("is …", "lacks …")."""


class RecordError(Exception):
    """This record cannot be used; the rest of the file can."""

    def __init__(self, rule: RejectRule, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail


class Limit(NamedTuple):
    field: str
    low: float
    high: float
    is_usable: str  # the interval as people read it


# No real orbit of an Earth satellite lies outside; NaN lies outside of everything.
_FINITE = 1e300
LIMITS = (
    Limit("mean_motion_rev_per_day", 1e-3, 20.0, "0.001 to 20"),
    Limit("eccentricity", 0.0, np.nextafter(1.0, 0.0), "0 to below 1"),
    Limit("inclination_deg", 0.0, 180.0, "0 to 180"),
    Limit("raan_deg", 0.0, 360.0, "0 to 360"),
    Limit("arg_perigee_deg", 0.0, 360.0, "0 to 360"),
    Limit("mean_anomaly_deg", 0.0, 360.0, "0 to 360"),
    Limit("bstar", -100.0, 100.0, "-100 to 100"),
    Limit("mean_motion_dot", -_FINITE, _FINITE, "finite"),
    Limit("mean_motion_ddot", -_FINITE, _FINITE, "finite"),
)


MOST_LINES = 4_000_000  # 100,000 objects in KVN; every line is kept as text, at sixty times the bytes of an empty one


class Span(NamedTuple):
    """Where a record is: the 1-based line on which it begins, and its bytes ``data[start:stop]``."""

    line: int
    start: int
    stop: int


@dataclass
class Assembly:
    """Collects the records of one file, whose bytes (unpacked) are ``data``; ``spans`` gets those of usable ones."""

    file_name: str
    data: bytes
    spans: list[Span] | None = None
    rejected: list[RejectedRecord] = field(default_factory=list)
    _records: list[Fields] = field(default_factory=list)
    _spans: list[Span] = field(default_factory=list)

    def accept(self, record: Fields, span: Span) -> None:
        self._records.append(record)
        self._spans.append(span)

    def reject(
        self, error: RecordError, span: Span, *, norad_id: int | None = None, object_name: str | None = None
    ) -> None:
        raw = self.data[span.start : span.stop]
        self.rejected.append(
            RejectedRecord(self.file_name, span.line, error.rule, error.detail, raw, norad_id, object_name)
        )

    def finish(self) -> tuple[ElementSets, list[RejectedRecord]]:
        """The records within LIMITS, and all rejects by line."""
        element_sets = self._columns()
        is_good = np.ones(len(element_sets), dtype=np.bool_)
        for limit in LIMITS:
            values = getattr(element_sets, limit.field)
            is_outside = is_good & ~((values >= limit.low) & (values <= limit.high))
            for row in np.flatnonzero(is_outside).tolist():
                self._reject_row(row, limit, float(values[row]))
            is_good &= ~is_outside
        if self.spans is not None:
            self.spans += [self._spans[row] for row in np.flatnonzero(is_good).tolist()]
        self.rejected.sort(key=lambda record: record.source_line)
        return element_sets.take(is_good), self.rejected

    def _reject_row(self, row: int, limit: Limit, value: float) -> None:
        record = self._records[row]
        error = RecordError(RejectRule.OUT_OF_RANGE, f"{limit.field} {value!r} is not in {limit.is_usable}")
        self.reject(error, self._spans[row], norad_id=record.norad_id, object_name=record.object_name)

    def _columns(self) -> ElementSets:
        if not self._records:
            return ElementSets.empty()
        kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
        dtypes = [kinds[str(f.type)] for f in fields(ElementSets)]
        lines = [span.line for span in self._spans]
        files = [self.file_name] * len(lines)
        columns = [*zip(*self._records, strict=True), files, lines]
        return ElementSets(*(np.array(values, dtype=kind) for values, kind in zip(columns, dtypes, strict=True)))


@dataclass(frozen=True)
class Lines:
    """A file by lines: ``texts`` without their ends and trailing blanks."""

    texts: list[str]
    _offsets: list[int]

    def span(self, first: int, last: int) -> Span:
        """Lines ``first`` to ``last``, 1-based, both included, ends included."""
        return Span(first, self._offsets[first - 1], self._offsets[last])


def split_lines(data: bytes) -> Lines:
    """NoCatalogError for more than MOST_LINES."""
    if max(data.count(b"\n"), data.count(b"\r")) > MOST_LINES:
        raise NoCatalogError(f"has more than {MOST_LINES:,} lines")
    raw = data.splitlines(keepends=True)
    encoding = encoding_of(data)
    return Lines([line.decode(encoding).rstrip() for line in raw], list(accumulate(map(len, raw), initial=0)))


def encoding_of(data: bytes) -> str:
    """UTF-8 or, for names in an older encoding, Latin-1, which reads any byte."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def has_control_characters(text: str) -> bool:
    """True where a text holds NUL or its like, or half a surrogate pair, which no catalogue has and PostgreSQL text
    refuses."""
    return not text.isprintable() and any(map(_is_control, text))


def _is_control(character: str) -> bool:
    code = ord(character)
    return (code < 32 and character != "\t") or code == 127 or 0xD800 <= code <= 0xDFFF


def number(name: str, text: str) -> float:
    """A decimal number, nothing that Python's float() would take besides (``nan``, ``1_0``, ``inf``)."""
    if _NUMBER.fullmatch(text.strip()):
        return float(text)
    raise RecordError(RejectRule.BAD_NUMBER, f"{name} {text!r} is not a number")


def whole_number(name: str, text: str) -> int:
    """Up to nine digits; blank means 0, as in a TLE."""
    text = text.strip()
    if not text:
        return 0
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    raise RecordError(RejectRule.BAD_NUMBER, f"{name} {text!r} is not a whole number")


def check_ephemeris_type(text: str) -> None:
    if text.strip() not in _SGP4_TYPES:
        detail = f"EPHEMERIS_TYPE {text.strip()!r} is not SGP4 (0 or 2): sgp4 would propagate it wrongly"
        raise RecordError(RejectRule.EPHEMERIS_TYPE, detail)


@lru_cache(maxsize=4096)
def day_us(year: int, month: int, day: int) -> int:
    """Microseconds of 00:00 of a calendar day; RecordError where there is no such day."""
    try:
        ordinal = date(year, month, day).toordinal()
    except ValueError as error:
        raise RecordError(RejectRule.BAD_EPOCH, f"epoch {year:04d}-{month:02d}-{day:02d}: {error}") from None
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        detail = f"epoch year {year} is not in {_FIRST_YEAR} to {_LAST_YEAR}"
        raise RecordError(RejectRule.BAD_EPOCH, detail)
    return (ordinal - _UNIX_ORDINAL) * MICROSECONDS_PER_DAY


def day_of_year_us(year: int, day_of_year: int) -> int:
    """Microseconds of 00:00 of day 1 to 366 of a year (366 of a common year is 1 January of the next)."""
    if not 1 <= day_of_year <= 366:
        raise RecordError(RejectRule.BAD_EPOCH, f"epoch day {day_of_year:03d} of {year} is not in 1 to 366")
    return day_us(year, 1, 1) + (day_of_year - 1) * MICROSECONDS_PER_DAY
