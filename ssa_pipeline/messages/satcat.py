"""SATCAT, decay and TIP tables, as CelesTrak (https://celestrak.org/satcat/satcat-format.php) and Space-Track (classes
satcat, decay, tip) serve them, CSV or JSON, plain, gzip or zip; found by content (docs/satcat.md).

Columns are found by name, in any order; columns that are not named here are ignored. A row is used whole or not at
all: one value that cannot be read rejects it, with file, line and rule. A code that is not known (type, status,
size) is kept as unknown, and said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from ssa_pipeline.core.catalog.satcat import DecayMessages, MessageKind, ObjectType, Satcat
from ssa_pipeline.core.records import (
    DECAY,
    MICROSECONDS_PER_DAY,
    SATCAT,
    SUPPLEMENTAL_GP,
    TIP,
    RejectedRecord,
    RejectRule,
)
from ssa_pipeline.messages.alpha5 import parse_catalog_number
from ssa_pipeline.messages.assembly import (
    Assembly,
    NoCatalogError,
    RecordError,
    Span,
    day_us,
    has_control_characters,
    number,
    split_lines,
)
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.messages.omm_csv import header_names, split_quoted
from ssa_pipeline.messages.omm_json import LOOKS_LIKE_JSON, JsonReader, Pairs, texts_of
from ssa_pipeline.messages.packed import unpack
from ssa_pipeline.messages.text import to_text

_LOOKED_AT = 1 << 14  # bytes in which the header, or the first object, must end
_NAME_IN_JSON = re.compile(rb'"([A-Za-z_]+)"\s*:')
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([01]?[0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.[0-9]+)?Z?)?"
)
_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
_MAX_WINDOW_MIN = 60 * 24 * 366
_PERIOD_MIN = (1.0, 1e7)  # up to 19 years
_RCS_M2 = (0.0, 1e6)

_TYPES = {
    "PAY": ObjectType.PAYLOAD,
    "R/B": ObjectType.ROCKET_BODY,
    "DEB": ObjectType.DEBRIS,
    "UNK": ObjectType.UNKNOWN,
    "TBA": ObjectType.UNKNOWN,
    "": ObjectType.UNKNOWN,
    **{str(kind): kind for kind in ObjectType},
}
_STATUSES = {
    "+": "operational",
    "-": "nonoperational",
    "P": "partially operational",
    "B": "backup",
    "S": "spare",
    "X": "extended mission",
    "D": "decayed",
    "?": "unknown",
    "": "",
}
_OF_SUPPLEMENTAL_GP = {"MEAN_MOTION", "RMS", "DATA_SOURCE"}
_SIZES = ("SMALL", "MEDIUM", "LARGE", "")
# Name, place among the fields, and what is known of the columns of codes.
_CODES: tuple[tuple[str, int, Iterable[str]], ...] = (
    ("OBJECT_TYPE", 3, _TYPES),
    ("OPS_STATUS_CODE", 5, _STATUSES),
    ("RCS_SIZE", 10, _SIZES),
)


class _Layout(NamedTuple):
    """One kind of table: its fields with their spellings, those that it must have, and how a row is read from the
    texts of the fields ('' where there is none)."""

    fields: tuple[tuple[str, ...], ...]
    required: tuple[str, ...]
    read: Callable[[Sequence[str]], tuple[Any, ...]]


@dataclass(frozen=True)
class ParsedTable:
    """``kind`` is SATCAT, DECAY or TIP; ``satcat`` has rows for the first, ``messages`` for the others."""

    kind: str
    satcat: Satcat
    messages: DecayMessages
    rejected: list[RejectedRecord]  # by line
    notes: list[str]  # what else a user should know, each with the file's name

    def __len__(self) -> int:
        return len(self.satcat) + len(self.messages)


def kind_by_columns(data: bytes) -> str | None:
    """SATCAT, DECAY or TIP, or SUPPLEMENTAL_GP for a catalogue with the columns that CelesTrak's has and GP never; None
    for anything else, other catalogues too."""
    try:
        names = _names(to_text(next(iter(unpack(data))).data).data)
    except NoCatalogError:
        return None
    return SUPPLEMENTAL_GP if names >= _OF_SUPPLEMENTAL_GP else _kind_of(names)


def parse_table(data: bytes, file_name: str) -> ParsedTable:
    """Read a table; ``file_name`` is for messages and lineage (of a zip member: ``file!member``). CatalogFormatError
    where the file, or a member of it, is none, or members are of two kinds. Zero usable rows are no error here."""
    parts: list[ParsedTable] = []
    seen: set[int] = set()
    try:
        for member in unpack(data):
            name = f"{file_name}!{member.name}" if member.name else file_name
            parts.append(_parse_member(to_text(member.data).data, name, seen))
    except NoCatalogError as error:
        raise CatalogFormatError(f"{file_name}: {error}") from None
    kinds = sorted({part.kind for part in parts})
    if len(kinds) > 1:
        raise CatalogFormatError(f"{file_name}: holds tables of several kinds, {', '.join(kinds)}: unpack it first")
    return ParsedTable(
        kinds[0],
        Satcat.concat([part.satcat for part in parts]),
        DecayMessages.concat([part.messages for part in parts]),
        [record for part in parts for record in part.rejected],
        [note for part in parts for note in part.notes],
    )


def _names(data: bytes) -> set[str]:
    """Column names of a table, in capitals, or what stands where they would."""
    start = data[:_LOOKED_AT].lstrip()
    if LOOKS_LIKE_JSON.match(start):
        return {name.decode().upper() for name in _NAME_IN_JSON.findall(start.partition(b"}")[0])}
    lines = start.splitlines()
    return set(header_names(lines[0].decode("utf-8", "replace"))) if lines else set()


def _kind_of(names: set[str]) -> str | None:
    if "MEAN_MOTION" in names or "NORAD_CAT_ID" not in names:
        return None  # element sets may have many columns of the SATCAT
    for kind, layout in _LAYOUTS.items():
        spellings = {name: field for field in layout.fields for name in field}
        if all(set(spellings[name]) & names for name in layout.required):
            return kind
    return None


def _parse_member(data: bytes, file_name: str, seen: set[int]) -> ParsedTable:
    kind = _kind_of(_names(data))
    if kind is None:
        raise CatalogFormatError(
            f"{file_name}: is no SATCAT, decay or TIP table: it lacks their columns (it begins {data[:60]!r})"
        )
    rows = _Rows(kind, Assembly(file_name, data), seen)
    if LOOKS_LIKE_JSON.match(data.lstrip()):
        _JsonTable(rows).read()
    else:
        _read_csv(data, rows)
    return rows.finish()


class _Rows:
    """Collects the rows of one file."""

    def __init__(self, kind: str, assembly: Assembly, seen: set[int]) -> None:
        """``seen``: objects that have a row already, in this file or a member before it."""
        self.kind, self.layout, self.assembly = kind, _LAYOUTS[kind], assembly
        self._rows: list[tuple[Any, ...]] = []
        self._seen = seen

    def add(self, texts: Sequence[str], span: Span) -> None:
        """One row from the texts of the layout's fields."""
        try:
            row = self.layout.read(texts)
            self._check_once(row[0])
            if self.kind == SATCAT:
                self._note_unknown_codes(texts, span.line)
            self._rows.append((*row, self.assembly.file_name, span.line))
        except RecordError as error:
            self.reject(error, span, texts[0])

    def reject(self, error: RecordError, span: Span, norad_id: str = "") -> None:
        try:
            known = parse_catalog_number(norad_id)
        except ValueError:
            known = None
        self.assembly.reject(error, span, norad_id=known)

    def _note_unknown_codes(self, texts: Sequence[str], line: int) -> None:
        """A code that a provider added costs no row: its decay date matters more."""
        for name, place, words in _CODES:
            if (code := texts[place].strip()).upper() not in words:
                self.assembly.note(f"{name} {code!r} is none of {_listed(words)}: kept as unknown", line)

    def _check_once(self, norad_id: int) -> None:
        if self.kind != SATCAT:
            return
        if norad_id in self._seen:
            raise RecordError(RejectRule.DUPLICATE, f"object {norad_id} has a row further up")
        self._seen.add(norad_id)

    def finish(self) -> ParsedTable:
        is_satcat = self.kind == SATCAT
        rejected = sorted(self.assembly.rejected, key=lambda record: record.source_line)
        return ParsedTable(
            self.kind,
            Satcat.from_rows(self._rows if is_satcat else []),
            DecayMessages.from_rows([] if is_satcat else self._rows),
            rejected,
            [f"{self.assembly.file_name}: {note}" for note in self.assembly.notes()],
        )


def _read_csv(data: bytes, rows: _Rows) -> None:
    lines = split_lines(data)
    names: list[str] = []
    select: Callable[[Sequence[str]], tuple[str, ...]] = tuple
    for line_no, line in enumerate(lines.texts, start=1):
        if not line:
            continue
        if not names:
            names, select = _columns(line, rows.layout)
            continue
        span = lines.span(line_no, line_no)
        try:
            values = _values(line, len(names))
        except RecordError as error:
            rows.reject(error, span)
        else:
            rows.add(select(values), span)


def _columns(header: str, layout: _Layout) -> tuple[list[str], Callable[[Sequence[str]], tuple[str, ...]]]:
    """The names of the columns, and how to take the layout's fields from a line's values (one '' behind them)."""
    names = header_names(header)
    wanted = [next((name for name in field if name in names), None) for field in layout.fields]
    if twice := [name for name in wanted if name and names.count(name) > 1]:
        raise NoCatalogError(f"names the column {', '.join(twice)} twice in its header")
    return names, itemgetter(*(len(names) if name is None else names.index(name) for name in wanted))


def _values(line: str, n_columns: int) -> list[str]:
    if has_control_characters(line):
        raise RecordError(RejectRule.MALFORMED, f"control characters in {line!r}")
    values = split_quoted(line) if '"' in line else line.split(",")
    if len(values) != n_columns:
        raise RecordError(RejectRule.MALFORMED, f"{len(values)} fields where the header has {n_columns}")
    return [*values, ""]


class _JsonTable(JsonReader):
    def __init__(self, rows: _Rows) -> None:
        super().__init__(rows.assembly)
        self._rows = rows
        self.what = f"the fields of a {rows.kind} table"
        self.keywords = frozenset(name for names in rows.layout.fields for name in names)

    def is_record(self, pairs: Pairs) -> bool:
        return "NORAD_CAT_ID" in {name.strip().upper() for name, _ in pairs}

    def add_lines(self, texts: list[str], span: Span) -> None:
        why = f"{texts[0][:40]!r} is no row of a {self._rows.kind} table"
        self._rows.reject(RecordError(RejectRule.MALFORMED, why), span)

    def add(self, pairs: Pairs, span: Span) -> None:
        fields = self._rows.layout.fields
        spellings = {name for field in fields for name in field}
        known = [(name.strip().upper(), value) for name, value in pairs if name.strip().upper() in spellings]
        texts, error = texts_of(known)
        values = dict(texts)
        if len(values) < len(texts):
            error = RecordError(RejectRule.MALFORMED, "a field occurs twice in one record")
        elif missing := _missing(self._rows.layout, {name for name, _ in known}):
            error = RecordError(RejectRule.MISSING_FIELD, f"the record lacks {', '.join(missing)}")
        elif any(map(has_control_characters, values.values())):
            error = RecordError(RejectRule.MALFORMED, f"control characters in {values!r}")
        if error is not None:
            self._rows.reject(error, span, values.get("NORAD_CAT_ID", ""))
            return
        self._rows.add([next((values[name] for name in field if name in values), "") for field in fields], span)


def _missing(layout: _Layout, names: set[str]) -> list[str]:
    return [field[0] for field in layout.fields if set(field) & set(layout.required) and not set(field) & names]


def _read_satcat(texts: Sequence[str]) -> tuple[Any, ...]:
    norad_id, name, object_id, kind, owner, status, launch, decay, period, rcs, size, current = map(str.strip, texts)
    if current.upper() == "N":
        raise RecordError(RejectRule.SUPERSEDED, "CURRENT is N: an earlier entry of the object")
    return (
        _norad_id(norad_id),
        object_id,
        name,
        str(_TYPES.get(kind.upper(), ObjectType.UNKNOWN)),
        owner,
        _STATUSES.get(status.upper(), f"unrecognised code {status}"),
        _day("launch date", launch),
        _day("decay date", decay),
        _quantity("PERIOD", period, *_PERIOD_MIN),
        _quantity("RCS", rcs, *_RCS_M2),
        size.upper() if size.upper() in _SIZES else "",
    )


def _read_decay(texts: Sequence[str]) -> tuple[Any, ...]:
    norad_id, message, decay, kind = map(str.strip, texts)
    words = {"HISTORICAL": MessageKind.DECAY, "PREDICTION": MessageKind.PREDICTION}
    decay_us = _time("DECAY_EPOCH", decay)
    return (
        _norad_id(norad_id),
        _word("MSG_TYPE", kind.upper(), words),
        _time("MSG_EPOCH", message) if message else 0,
        decay_us,
        decay_us - decay_us % MICROSECONDS_PER_DAY + MICROSECONDS_PER_DAY,  # the time of day is 0:00:00 in most
    )


def _read_tip(texts: Sequence[str]) -> tuple[Any, ...]:
    norad_id, message, decay, window = map(str.strip, texts)
    decay_us = _time("DECAY_EPOCH", decay)
    window_min = number("WINDOW", _filled("WINDOW", window))
    if not 0 <= window_min <= _MAX_WINDOW_MIN:
        raise RecordError(RejectRule.OUT_OF_RANGE, f"WINDOW {window} min is not in 0 to {_MAX_WINDOW_MIN}")
    return (
        _norad_id(norad_id),
        MessageKind.TIP,
        _time("MSG_EPOCH", message),
        decay_us,
        decay_us + round(window_min * 60_000_000),
    )


# In this order: the columns of a TIP table are more than those of a decay table.
_LAYOUTS = {
    TIP: _Layout(
        (("NORAD_CAT_ID",), ("MSG_EPOCH",), ("DECAY_EPOCH",), ("WINDOW",)),
        ("NORAD_CAT_ID", "MSG_EPOCH", "DECAY_EPOCH", "WINDOW"),
        _read_tip,
    ),
    DECAY: _Layout(
        (("NORAD_CAT_ID",), ("MSG_EPOCH",), ("DECAY_EPOCH",), ("MSG_TYPE",)),
        ("NORAD_CAT_ID", "DECAY_EPOCH", "MSG_TYPE"),
        _read_decay,
    ),
    SATCAT: _Layout(
        (
            ("NORAD_CAT_ID",),
            ("OBJECT_NAME", "SATNAME"),
            ("OBJECT_ID", "INTLDES"),
            ("OBJECT_TYPE",),
            ("OWNER", "COUNTRY"),
            ("OPS_STATUS_CODE",),
            ("LAUNCH_DATE", "LAUNCH"),
            ("DECAY_DATE", "DECAY"),
            ("PERIOD",),
            ("RCS",),
            ("RCS_SIZE",),
            ("CURRENT",),
        ),
        ("NORAD_CAT_ID", "OBJECT_NAME", "OBJECT_TYPE", "DECAY_DATE"),
        _read_satcat,
    ),
}


def _filled(name: str, text: str) -> str:
    if not text:
        raise RecordError(RejectRule.MISSING_FIELD, f"{name} is empty")
    return text


def _norad_id(text: str) -> int:
    try:
        return parse_catalog_number(_filled("NORAD_CAT_ID", text))
    except ValueError as error:
        raise RecordError(RejectRule.BAD_CATALOG_NUMBER, f"NORAD_CAT_ID: {error}") from None


def _word(name: str, text: str, words: dict[str, Any]) -> str:
    if text not in words:
        raise RecordError(RejectRule.MALFORMED, f"{name} {text!r} is none of {_listed(words)}")
    return str(words[text])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(word or "blank" for word in words)


def _quantity(name: str, text: str, least: float, most: float) -> float:
    """NaN where nothing is known."""
    if not text:
        return float("nan")
    value = number(name, text)
    if not least <= value <= most:
        raise RecordError(RejectRule.OUT_OF_RANGE, f"{name} {text} is not in {least:g} to {most:g}")
    return value


@lru_cache(maxsize=65536)
def _day(name: str, text: str) -> date | None:
    """The day of a date, perhaps with a time; None where nothing is known."""
    return date.fromordinal(_UNIX_ORDINAL + _time(name, text) // MICROSECONDS_PER_DAY) if text else None


def _time(name: str, text: str) -> int:
    """Microseconds of ``2012-03-28`` or ``2012-03-28 1:14:00``; fractions of a second are dropped."""
    match = _TIME.fullmatch(_filled(name, text))
    if match is None:
        raise RecordError(RejectRule.BAD_EPOCH, f"{name} {text!r} is not a UTC time like 2012-03-28 01:14:00")
    year, month, day, hour, minute, second = (int(digits or 0) for digits in match.groups())
    try:
        return day_us(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1_000_000
    except RecordError as error:
        raise RecordError(error.rule, f"{name} {text!r}: {error.detail}") from None
