"""Two-line element sets, with or without name lines (3LE), with or without "0 " before the name.

Columns as CelesTrak documents them (https://celestrak.org/columns/v04n03/). A number is the decimal number
that is written: mantissa and exponent are joined as text before they become a float.

Element lines are read as people have them, where their meaning is certain: indented or quoted, with text after column
69, without column 69, several on one line (docs/formats.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.alpha5 import parse_catalog_number
from ssa_pipeline.messages.assembly import (
    Assembly,
    Fields,
    Lines,
    RecordError,
    Span,
    check_ephemeris_type,
    day_of_year_us,
    has_control_characters,
    split_lines,
)

_YEAR_PIVOT = 57  # 57 to 99 are of the 20th century
_MICROSECONDS_PER_1E8TH_DAY = 864
_LENGTH = 69


class Column(NamedTuple):
    name: str
    pattern: str
    width: int


def _right_justified(width: int, at_least: int = 0) -> str:
    """Digits with blanks before them, at least so many digits."""
    ways = (f" {{{width - n}}}[0-9]{{{n}}}" for n in range(at_least, width + 1))
    return f"(?:{'|'.join(ways)})"


_BLANK = Column("blank", " ", 1)
_OBJECT = Column("catalogue number", "(?:[A-Z][0-9]{4}|" + _right_justified(5, 1) + ")", 5)
_ANGLE = _right_justified(3) + r"\.[0-9]{4}"
_POWER = r"[ +\-][0-9]{5}[ +\-][0-9]|[ +\-0-9][0-9]{4}[+\-][0-9]{2}"  # the second with an exponent of two digits

LINE_1 = (
    Column("line number", "1", 1),
    _BLANK,
    _OBJECT,
    Column("classification", "[A-Za-z ]", 1),
    _BLANK,
    Column("international designator", "[ -~]{8}", 8),
    _BLANK,
    Column("epoch year", "[0-9]{2}", 2),
    Column("epoch day", _right_justified(3, 1) + r"\.[0-9]{8}", 12),
    _BLANK,
    Column("mean motion derivative", r"[ +\-0-9]\.[0-9]{8}| {10}", 10),
    _BLANK,
    Column("mean motion second derivative", _POWER + "| {8}", 8),
    _BLANK,
    Column("B*", _POWER, 8),
    _BLANK,
    Column("ephemeris type", "[0-9 ]", 1),
    _BLANK,
    Column("element set number", _right_justified(4), 4),
    Column("checksum", "[0-9]?", 1),
)
LINE_2 = (
    Column("line number", "2", 1),
    _BLANK,
    _OBJECT,
    _BLANK,
    Column("inclination", _ANGLE, 8),
    _BLANK,
    Column("right ascension of the node", _ANGLE, 8),
    _BLANK,
    Column("eccentricity", _right_justified(7, 1), 7),
    _BLANK,
    Column("argument of perigee", _ANGLE, 8),
    _BLANK,
    Column("mean anomaly", _ANGLE, 8),
    _BLANK,
    Column("mean motion", _right_justified(2) + r"\.[0-9]{8}", 11),
    Column("revolution number", _right_justified(5), 5),
    Column("checksum", "[0-9]?", 1),
)


def _layout(columns: tuple[Column, ...]) -> re.Pattern[str]:
    return re.compile("".join(c.pattern if c is _BLANK else f"({c.pattern})" for c in columns))


_LAYOUT_1, _LAYOUT_2 = _layout(LINE_1), _layout(LINE_2)
_BEGINS_LIKE = re.compile(r"([12]) [ 0-9A-Z][ 0-9]{3}[0-9](?:[A-Za-z ]|$)")
_MARKS = " \t\"'`>"  # what stands before a line that was quoted or indented
# Enough of an element line to know it anywhere in a line.
_LINE_ANYWHERE = (
    r"(?:1 [ 0-9A-Z][ 0-9]{3}[0-9][A-Za-z ] [ -~]{8} [0-9]{2}[ 0-9]{2}[0-9]\.[0-9]{8} "
    r"|2 [ 0-9A-Z][ 0-9]{3}[0-9] [ 0-9]{3}\.[0-9]{4} [ 0-9]{3}\.[0-9]{4} [ 0-9]{7} )"
)
_ANYWHERE = re.compile(_LINE_ANYWHERE)
_LINE_BEGINS = r"(?:\A|[\r\n])[ \t\"'`>]*[12] [ 0-9A-Z][ 0-9]{3}[0-9][A-Za-z ]|" + _LINE_ANYWHERE
_HAS_ELEMENT_LINE = re.compile(_LINE_BEGINS)
LOOKS_LIKE_TLE = re.compile(_LINE_BEGINS.encode())
_CODE = frozenset("=:,;\"'`")  # a text with one of these is no name of an object but the source of a program
# Right behind column 69 of a file without a line end: the first name of the next file, or one of another format.
_NEXT_FILE = re.compile(r"[A-Za-z\[{]|<(?:\?xml|(?:[\w.-]+:)?(?:ndm|omm)\b)")
_NO_DOT, _NO_DDOT = " " * 10, " " * 8
_GOES_ON = frozenset("0123456789.+-")  # after column 69: the line was not 69 columns long
_WEIGHTS = bytes(c - 48 if 48 <= c <= 57 else int(c == 45) for c in range(256))
_DESIGNATOR = re.compile(r"([0-9]{2})([0-9]{3})([A-Z]{1,3}) *")


@dataclass
class _Open:
    """The lines of the record being read; 0 = not seen yet."""

    name: str = ""
    name_line: int = 0
    line_1: str = ""
    line_1_no: int = 0

    @property
    def first(self) -> int:
        return self.name_line or self.line_1_no


@dataclass(frozen=True)
class _OnePlace:
    """Of lines that all are in one record of another format."""

    place: Span

    def span(self, _first: int, _last: int) -> Span:
        return self.place


@dataclass
class _Reader:
    assembly: Assembly
    lines: Lines | _OnePlace
    norad_id: str = ""  # all lines are of this object; '': of any
    open: _Open = field(default_factory=_Open)

    def feed(self, line: str, line_no: int) -> None:
        if len(line) > _LENGTH:
            self._feed_wrapped(line, line_no)
        elif _BEGINS_LIKE.match(line):
            if line[0] == "2":
                self._complete(line, line_no)
            else:
                self._begin(line, line_no)
        elif line[0] == "0" or (line[0] not in _MARKS and "`" not in line):
            self._name(_name(line), line_no)
        else:
            self._feed_wrapped(line, line_no)

    def _feed_wrapped(self, line: str, line_no: int) -> None:
        """A line with something around its element lines, or a name in quotes."""
        text = line.lstrip(_MARKS)
        starts = [found.start() for found in _ANYWHERE.finditer(text)]
        if _BEGINS_LIKE.match(text) and 0 not in starts:
            starts.insert(0, 0)
        if not starts:
            self._name(_name(_unquoted(line)), line_no)
            return
        before = text[: starts[0]]
        if before.endswith(" ") and not self.open.line_1_no and not _CODE & set(before):
            self._name(_name(before.rstrip()), line_no)
        for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
            read = self._complete if text[start] == "2" else self._begin
            read(text[start:stop].rstrip(), line_no)
        rest = text[starts[-1] + _LENGTH :]
        if text[starts[-1]] == "2" and _NEXT_FILE.match(rest):
            self._name(_name(rest), line_no)

    def _name(self, name: str, line_no: int) -> None:
        if self.open.first:
            self.close(line_no - 1, "a name without element lines")
        self.open = _Open(name=name, name_line=line_no)

    def _begin(self, line: str, line_no: int) -> None:
        if self.open.line_1_no:
            self.close(line_no - 1, "line 1 without line 2")
        self.open.line_1, self.open.line_1_no = line, line_no

    def close(self, last_line: int, why: str) -> None:
        """Reject what has begun and was not completed."""
        unfinished, self.open = self.open, _Open()
        if unfinished.first:
            why = "line 1 without line 2" if unfinished.line_1_no else why
            self._reject(RecordError(RejectRule.MALFORMED, why), unfinished, last_line)

    def _complete(self, line_2: str, line_no: int) -> None:
        record, self.open = self.open, _Open()
        if not record.line_1_no:
            record.name_line = record.name_line or line_no
            self._reject(RecordError(RejectRule.MALFORMED, "line 2 without line 1"), record, line_no)
            return
        try:
            fields, has_bad_checksum = read_record(record.name, record.line_1, line_2, self.assembly)
            if self.norad_id:
                _check_object(self.norad_id, fields.norad_id)
            span = self.lines.span(record.first, line_no)
            self.assembly.accept(fields, span, has_bad_checksum=has_bad_checksum)
        except RecordError as error:
            self._reject(error, record, line_no)

    def _reject(self, error: RecordError, record: _Open, last_line: int) -> None:
        name = None if has_control_characters(record.name) else record.name
        try:
            norad_id = parse_catalog_number(record.line_1[2:7])
        except ValueError:
            norad_id = None
        span = self.lines.span(record.first, last_line)
        self.assembly.reject(error, span, norad_id=norad_id, object_name=name)


def read_tle(assembly: Assembly) -> None:
    """All records of a TLE or 3LE file. Lines that belong to no record are rejected, blank ones and comments
    (#) skipped."""
    lines = split_lines(assembly.data)
    reader = _Reader(assembly, lines)
    for line_no, line in enumerate(lines.texts, start=1):
        if line and not line.startswith("#"):
            reader.feed(line, line_no)
    reader.close(len(lines.texts), "a name without element lines")


def has_element_line(text: str) -> bool:
    return _HAS_ELEMENT_LINE.search(text) is not None


def read_tle_texts(texts: Iterable[str], span: Span, assembly: Assembly, norad_id: str = "") -> None:
    """Element lines, and names before them, that were found as values in a record of another format at ``span``;
    ``norad_id`` is the object's number as that says it, '' where it does not."""
    reader = _Reader(assembly, _OnePlace(span), norad_id.strip())
    for text in texts:
        for line in filter(None, map(str.rstrip, text.splitlines())):
            reader.feed(line, span.line)
    reader.close(span.line, "a name without element lines")


def _name(line: str) -> str:
    """``0 ISS`` and ``ISS`` are ISS; a bare 0 is the line 0 of an object without a name."""
    return "" if line == "0" else line.removeprefix("0 ").strip()


def _unquoted(line: str) -> str:
    """A name as in the source of a program: ``'ISS',`` or what stands behind the backtick that opens a text."""
    inner = line.rpartition("`")[2].strip(" \t>").removesuffix(",")
    is_quoted = len(inner) > 1 and inner[0] in "\"'" and inner[0] == inner[-1]
    return inner[1:-1] if is_quoted else inner


def read_record(name: str, line_1: str, line_2: str, assembly: Assembly) -> tuple[Fields, bool]:
    """One element set, and whether it was accepted with a wrong checksum; RecordError where a checksum, a column or a
    value is wrong."""
    _check_line(name, "name")
    accepts = assembly.accept_bad_checksums
    one = _read_line(line_1, 1, LINE_1, _LAYOUT_1, accepts)
    two = _read_line(line_2, 2, LINE_2, _LAYOUT_2, accepts)
    _, norad_text, classification, designator, year, day, dot, ddot, bstar, kind, set_no, sum_1 = one
    _, norad_text_2, inclination, raan, eccentricity, perigee, anomaly, motion, rev, sum_2 = two
    if bool(sum_1) != bool(sum_2) and not line_1.endswith("\\"):  # the archives that lack column 69 write a backslash
        short, line = (1, line_1) if sum_2 else (2, line_2)
        detail = f"line {short} has 68 columns instead of 69, the other has 69: one may be lost: {line!r}"
        raise RecordError(RejectRule.MALFORMED, detail)
    check_ephemeris_type(kind)
    norad_id = _catalog_number(norad_text)
    if _catalog_number(norad_text_2) != norad_id:
        detail = f"line 1 is of object {norad_text!r}, line 2 of {norad_text_2!r}"
        raise RecordError(RejectRule.MALFORMED, detail)
    fields = Fields(
        norad_id,
        name,
        _object_id(designator),
        _epoch_us(year, day),
        float(motion),
        float("0." + eccentricity.replace(" ", "0")),
        float(inclination),
        float(raan),
        float(perigee),
        float(anomaly),
        power(bstar),
        float(dot) if dot != _NO_DOT else 0.0,
        power(ddot) if ddot != _NO_DDOT else 0.0,
        classification.strip().upper() or "U",
        int(set_no.strip() or 0),
        int(rev.strip() or 0),
    )
    return fields, accepts and (_is_wrong(line_1, sum_1) or _is_wrong(line_2, sum_2))


def _read_line(
    line: str, line_no: int, columns: tuple[Column, ...], layout: re.Pattern[str], accept_bad_checksums: bool
) -> tuple[str, ...]:
    if len(line) != _LENGTH or not line[-1].isdecimal():
        line = _cut(line, line_no)
    if len(line) == _LENGTH and int(line[-1]) != (computed := checksum(line)) and not accept_bad_checksums:
        detail = f"line {line_no} says checksum {line[-1]}, its columns sum to {computed}: {line!r}"
        raise RecordError(RejectRule.CHECKSUM, detail)
    if match := layout.fullmatch(line):
        return match.groups()
    raise RecordError(RejectRule.MALFORMED, _first_wrong_column(line, line_no, columns))


def _cut(line: str, line_no: int) -> str:
    """Without what stands after column 69, or in its place."""
    end = line[_LENGTH - 1 : _LENGTH]
    if end.isdecimal() and line[_LENGTH : _LENGTH + 1] not in _GOES_ON:
        return line[:_LENGTH]
    if len(line) >= _LENGTH - 1 and not end.isalnum():
        return line[: _LENGTH - 1]
    raise RecordError(RejectRule.MALFORMED, f"line {line_no} has {len(line)} columns instead of {_LENGTH}: {line!r}")


def _is_wrong(line: str, said: str) -> bool:
    return bool(said) and int(said) != checksum(line)


def checksum(line: str) -> int:
    """Digits of the first 68 columns, a minus counts 1, modulo 10."""
    return sum(line[: _LENGTH - 1].encode("ascii", "replace").translate(_WEIGHTS)) % 10


def _first_wrong_column(line: str, line_no: int, columns: tuple[Column, ...]) -> str:
    start = 0
    for column in columns:
        text = line[start : start + column.width]
        if not re.fullmatch(column.pattern, text):
            where = f"columns {start + 1} to {start + column.width}" if column.width > 1 else f"column {start + 1}"
            return f"line {line_no}, {where} ({column.name}) cannot be {text!r}: {line!r}"
        start += column.width
    return f"line {line_no} is not laid out as a TLE: {line!r}"


def _check_line(text: str, what: str) -> None:
    if has_control_characters(text):
        raise RecordError(RejectRule.MALFORMED, f"control characters in the {what} {text!r}")


def _catalog_number(text: str) -> int:
    try:
        return parse_catalog_number(text)
    except ValueError as error:
        raise RecordError(RejectRule.BAD_CATALOG_NUMBER, str(error)) from None


def _check_object(said: str, norad_id: int) -> None:
    if _catalog_number(said.removesuffix(".0")) != norad_id:
        detail = f"the record is of object {said}, its element lines are of {norad_id}"
        raise RecordError(RejectRule.MALFORMED, detail)


def _epoch_us(year: str, day: str) -> int:
    whole, fraction = day.split(".")
    start = day_of_year_us(_four_digits(year), int(whole))
    return start + int(fraction) * _MICROSECONDS_PER_1E8TH_DAY


def _four_digits(year: str) -> int:
    return int(year) + (1900 if int(year) >= _YEAR_PIVOT else 2000)


def power(text: str) -> float:
    """`` 12345-3`` and ``12345-03`` are 0.12345e-3, ``-1234-03`` is -0.1234e-3; the sign may be blank."""
    if text[5] not in "+-":
        return float(f"{text[0].strip()}.{text[1:6]}e{text[6:].strip()}")
    sign, digits = (text[0].strip(), text[1:5]) if text[0] in " +-" else ("", text[:5])
    return float(f"{sign}.{digits}e{text[5:]}")


def _object_id(designator: str) -> str:
    """``64063C`` as OMM spells it, ``1964-063C``; anything else as it is."""
    if match := _DESIGNATOR.fullmatch(designator):
        return f"{_four_digits(match[1])}-{match[2]}{match[3]}"
    return designator.strip()
