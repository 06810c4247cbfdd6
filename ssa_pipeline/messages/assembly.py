"""What every reader shares: one record's fields, its rejection, and the columns made of all records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Int64, RecordSpans, RejectedRecord, RejectRule

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST = 10**9  # above the largest number of nine digits
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


_DAY_366 = re.compile(rb"(?m:^\s*1 .{16}[0-9]{2}366\.)|[0-9]{4}-366[Tt ]")
MOST_LINES = 4_000_000  # 100,000 objects in KVN; every line is kept as text, at sixty times the bytes of an empty one


class Span(NamedTuple):
    """Where a record is: the 1-based line on which it begins, and its bytes ``data[start:stop]``."""

    line: int
    start: int
    stop: int


@dataclass
class Assembly:
    """Collects the records of one file, whose text is ``data``; ``received`` are the same places as they came.
    Records with a wrong checksum are rejected unless they are to be accepted."""

    file_name: str
    data: bytes
    received: bytes = b""
    accept_bad_checksums: bool = False
    rejected: list[RejectedRecord] = field(default_factory=list)
    _records: list[Fields] = field(default_factory=list)
    _spans: list[Span] = field(default_factory=list)
    _bad_checksums: set[int] = field(default_factory=set)
    _noted: dict[str, list[int]] = field(default_factory=dict)

    def accept(self, record: Fields, span: Span, *, has_bad_checksum: bool = False) -> None:
        if has_bad_checksum:
            self._bad_checksums.add(len(self._records))
        self._records.append(record)
        self._spans.append(span)

    def reject(
        self, error: RecordError, span: Span, *, norad_id: int | None = None, object_name: str | None = None
    ) -> None:
        raw = (self.received or self.data)[span.start : span.stop]
        self.rejected.append(
            RejectedRecord(self.file_name, span.line, error.rule, error.detail, raw, norad_id, object_name)
        )

    def note(self, what: str, line: int) -> None:
        """What a user should know of a record that is used."""
        self._noted.setdefault(what, []).append(line)

    def notes(self) -> list[str]:
        return [
            f"line {lines[0]}: {what}" + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else "")
            for what, lines in self._noted.items()
        ]

    def finish(self) -> tuple[ElementSets, RecordSpans]:
        """The records within LIMITS; all others are in ``rejected``, by line."""
        element_sets = self._columns()
        is_good = np.ones(len(element_sets), dtype=np.bool_)
        for limit in LIMITS:
            values = getattr(element_sets, limit.field)
            is_outside = is_good & ~((values >= limit.low) & (values <= limit.high))
            for row in np.flatnonzero(is_outside).tolist():
                self._reject_row(row, limit, float(values[row]))
            is_good &= ~is_outside
        self.rejected.sort(key=lambda record: record.source_line)
        self._note_days_366(element_sets.epoch_us)
        return element_sets.take(is_good), self._record_spans().take(is_good)

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

    def _record_spans(self) -> RecordSpans:
        """In no member of an archive, as far as is known here."""
        places = np.array(self._spans, dtype=np.int64).reshape(-1, 3)
        start, stop = places[:, 1], places[:, 2]
        has_bad_checksum = np.zeros(len(places), dtype=np.bool_)
        has_bad_checksum[sorted(self._bad_checksums)] = True
        return RecordSpans(np.full(len(places), "", dtype=object), start, stop - start, has_bad_checksum)

    def _note_days_366(self, epoch_us: Int64) -> None:
        """Only epochs on a first of January can have been written so; their text says it."""
        days = epoch_us.astype("datetime64[us]").astype("datetime64[D]")
        for row in np.flatnonzero(days == days.astype("datetime64[Y]")).tolist():
            span = self._spans[row]
            if _DAY_366.search(self.data, span.start, span.stop):
                self.note(f"day 366 of {days[row].item().year - 1}, a common year, is read as 1 January", span.line)


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
    """Up to nine digits, or a decimal number with nothing behind its point (``999.0``, ``1e3``), as programs write
    columns with gaps; blank means 0, as in a TLE."""
    text = text.strip()
    if not text:
        return 0
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    value = whole_decimal(text)
    if value is None:
        raise RecordError(RejectRule.BAD_NUMBER, f"{name} {text!r} is not a whole number of up to nine digits")
    return value


def whole_decimal(text: str) -> int | None:
    """The value of ``999.0`` or ``1e3``; None where it is no such number, or none of up to nine digits."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return int(value) if 0 <= value < _MOST and value.is_integer() else None


def check_ephemeris_type(text: str) -> None:
    if text in _SGP4_TYPES or text.strip() in _SGP4_TYPES:
        return
    if str(whole_decimal(text.strip())) not in _SGP4_TYPES:  # 0.0
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
