"""OMM as CSV: one element set a line below a header line.

Columns are found by name, in any order and case, quoted or not; others than those of omm_fields are ignored.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from operator import itemgetter

from ssa_pipeline.core.outside_text import from_csv
from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.assembly import (
    Assembly,
    NoCatalogError,
    RecordError,
    Span,
    has_control_characters,
    split_lines,
)
from ssa_pipeline.messages.omm_fields import (
    CONVENTION_NAMES,
    KEYWORDS,
    NUMERIC,
    OPTIONAL,
    OTHERS,
    REQUIRED,
    identify,
    read_fields,
)
from ssa_pipeline.messages.tle import has_element_line, read_tle_texts
from ssa_pipeline.messages.tle_fields import has_tle_names, name_of

Select = Callable[[Sequence[str]], tuple[str, ...]]
HEADER_NAMES = "|".join(sorted({*KEYWORDS, "CCSDS_OMM_VERS", "ORDINAL"}, key=len, reverse=True))
_GLUED_HEADER = re.compile(rf'(?<=[^\s,"_])"?(?:{HEADER_NAMES})"?[ \t]*,[ \t]*"?[A-Z_]+"?[ \t]*,', re.IGNORECASE)


class HeaderError(NoCatalogError):
    """The header line lacks a required column or names one twice."""


def is_header(line: str) -> bool:
    """Two known names are enough, so that a header without a required column is told so."""
    names = header_names(line)
    return len(set(names) & KEYWORDS) >= 2 or has_tle_names(names)


def read_omm_csv(assembly: Assembly) -> None:
    """All records of a CSV file that begins with its header; HeaderError where the header is unusable."""
    lines = split_lines(assembly.data)
    header: _Header | None = None
    for line_no, line in enumerate(lines.texts, start=1):
        if not line:
            continue
        if header is None:
            header = _Header(line)
            continue
        span = lines.span(line_no, line_no)
        try:
            header.add(line, span, assembly)
        except RecordError as error:
            header = _recovered(header, line, span, error, assembly)


def _next_header(line: str) -> _Header:
    try:
        return _Header(line)
    except HeaderError as error:
        raise RecordError(RejectRule.MALFORMED, str(error)) from None


def _recovered(header: _Header, line: str, span: Span, error: RecordError, assembly: Assembly) -> _Header:
    """The header for the lines after one that is no record. That line may be the header of the next file; or the last
    line of a file that has no line end, with the next file's header glued to it."""
    found = _GLUED_HEADER.search(line)
    if found is None and is_header(line):  # files were joined
        try:
            return _next_header(line)
        except RecordError as wrong:
            error = wrong
    if found and is_header(line[found.start() :]):
        try:
            header.add(line[: found.start()], span, assembly)
            return _next_header(line[found.start() :])
        except RecordError as wrong:
            error = wrong
    norad_id, object_name = header.identify(line)
    assembly.reject(error, span, norad_id=norad_id, object_name=object_name)
    return header


class _Header:
    """Where each column is, and how to read a line below."""

    def __init__(self, line: str) -> None:
        self.names = header_names(line)
        missing = [name for name in REQUIRED if name not in self.names]
        self.is_of_lines = bool(missing) and has_tle_names(self.names)
        if missing and not self.is_of_lines:
            raise HeaderError(f"the header lacks the required column {', '.join(missing)}")
        if twice := [name for name in REQUIRED + OPTIONAL if self.names.count(name) > 1]:
            raise HeaderError(f"the header names the column {', '.join(twice)} twice")
        self._numbers = self._select(NUMERIC)
        self._others = self._select(OTHERS)
        self._conventions = self._select(CONVENTION_NAMES)

    def _select(self, wanted: tuple[str, ...]) -> Select:
        """The values of these columns; '' for one the file does not have (one past the last)."""
        absent = len(self.names)
        return itemgetter(*(self.names.index(name) if name in self.names else absent for name in wanted))

    def add(self, line: str, span: Span, assembly: Assembly) -> None:
        """Accept the record of a line; RecordError where it cannot be used."""
        values = self._values(line)
        if self.is_of_lines:
            self._add_lines(values, span, assembly, RecordError(RejectRule.MISSING_FIELD, "no element lines in it"))
            return
        try:
            numbers, conventions = self._numbers(values), self._conventions(values)
            others = self._others(values)
            if "'" in line:  # before what a spreadsheet would take for a formula, as `ssa convert` writes it
                others = tuple(map(from_csv, others))
            assembly.accept(read_fields(numbers, others, conventions), span)
        except RecordError as error:
            if error.rule is not RejectRule.MISSING_FIELD:
                raise
            self._add_lines(values, span, assembly, error)

    def _add_lines(self, values: Sequence[str], span: Span, assembly: Assembly, error: RecordError) -> None:
        """The record of the element lines among the values; ``error`` where there are none."""
        texts = [value for value in values if has_element_line(value)]
        if not texts:
            raise error
        name = name_of(zip(self.names, values, strict=False))
        read_tle_texts([name, *texts], span, assembly, self._others(values)[0])

    def identify(self, line: str) -> tuple[int | None, str | None]:
        """Number and name of a rejected line, as far as they can be read: it may be cut off."""
        if has_control_characters(line):
            return None, None
        values = line.replace('"', "").split(",")
        if len(values) < len(self.names):
            values.pop()  # where the line was cut
        norad_id, _, name, *_ = self._others(values + [""] * (len(self.names) + 1 - len(values)))
        return identify(norad_id, name)

    def _values(self, line: str) -> list[str]:
        if has_control_characters(line):
            raise RecordError(RejectRule.MALFORMED, f"control characters in {line!r}")
        values = line.split(",") if '"' not in line else split_quoted(line)
        if len(values) != len(self.names):
            detail = f"{len(values)} fields where the header has {len(self.names)}"
            raise RecordError(RejectRule.MALFORMED, detail)
        values.append("")
        return values


def header_names(line: str) -> list[str]:
    """Column names of a header line, in capitals."""
    return [name.strip().strip('"').strip().upper() for name in line.removeprefix("\ufeff").split(",")]


def split_quoted(line: str) -> list[str]:
    """The fields of a line with quotes; RecordError where these do not pair up."""
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise RecordError(RejectRule.MALFORMED, f"quotes do not pair up: {error}") from None
