"""OMM as XML: one ``<omm>``, or an ``<ndm>`` with many (CCSDS 502.0-B-3 section 8, 505.0-B-3).

Safe by construction: a document type declaration is refused, and the parser sees one ``<omm>`` at a time, so that no
entity but XML's own five can exist, and a damaged record costs no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.assembly import Assembly, NoCatalogError, RecordError, Span
from ssa_pipeline.messages.omm_fields import KEYWORDS, UNITS, add_record, check_unit

_PREFIX = rb"(?:[A-Za-z_][\w.-]*:)?"  # as in ndm:omm
_HIDDEN = re.compile(rb"<!(?:--.*?(?:-->|\Z)|\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
_NAME = re.compile(rb"omm(?=[\s/>])")
_BEFORE_NAME = re.compile(rb"<(/?)" + _PREFIX)
_END = re.compile(rb"\s*>")
_LONGEST_PREFIX = 64
# One piece of what may stand outside of the messages; anything else is rejected, since it may be a message of another
# kind. (Not all pieces in one possessive pattern: Python before 3.11.5 ends that a byte too late.)
_OUTSIDE = re.compile(
    rb"\s+|<\?.*?\?>|<!--.*?-->|</?" + _PREFIX + rb"ndm(?:\s[^<>]*)?>"
    rb"|<(?P<note>" + _PREFIX + rb"(?:COMMENT|MESSAGE_ID))>[^<]*</(?P=note)>",
    re.DOTALL,
)
_OPENS = re.compile(rb"<" + _PREFIX + rb"ndm[\s>]")
_CLOSES = re.compile(rb"</" + _PREFIX + rb"ndm\s*>")
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][\w.-]*)[\"']")
_WIDE = ("utf-16", "utf16", "utf-32", "utf32", "ucs-2", "ucs-4", "iso-10646-ucs")
_RECORD = re.compile(
    rb"<([A-Za-z_][\w.-]*)>\s*(?:<([A-Za-z_][\w.-]*)(?:\s*/>|>[^<>]*</\2\s*>)\s*){0,60}?<NORAD_CAT_ID>"
)
_LONGEST_RECORD = 1 << 14  # as in JSON
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_omm_xml(assembly: Assembly) -> None:
    """All records of an XML file; those of a file that was cut off up to the cut. NoCatalogError where the file
    declares a document type, or holds neither ``<omm>`` nor ``<ndm>`` nor records under another name."""
    data = assembly.data
    if _DECLARES.search(data):
        raise NoCatalogError("is XML with a document type declaration (DOCTYPE): refused, since entities are not safe")
    _Reader(assembly, _encoding(data), _record_name(data)).read()


def _encoding(data: bytes) -> str:
    """As declared; what was UTF-16 is UTF-8 here."""
    declared = _ENCODING.match(data.lstrip())
    encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
    return "utf-8" if encoding.startswith(_WIDE) else encoding


def _record_name(data: bytes) -> bytes:
    """``omm``; or, in a file without any, what the elements around the fields of a record are called, as ``item`` in
    Space-Track's class tle."""
    if _NAME.search(data):
        return b"omm"
    first = data.find(b"<NORAD_CAT_ID>")
    found = _RECORD.search(data, max(0, first - _LONGEST_RECORD)) if first >= 0 else None
    return found[1] if found else b"omm"


class _Tag(NamedTuple):
    is_end: bool
    start: int
    stop: int


def _tags(data: bytes, record: bytes) -> Iterator[_Tag]:
    """Every ``<omm`` and ``</omm>``, or of what else a record is called, that is not in a comment."""
    visible = _HIDDEN.sub(lambda hidden: b" " * len(hidden[0]), data)
    for name in re.finditer(re.escape(record) + rb"(?=[\s/>])", visible):
        start = visible.rfind(b"<", max(0, name.start() - _LONGEST_PREFIX), name.start())
        before = _BEFORE_NAME.fullmatch(visible, start, name.start()) if start >= 0 else None
        if before and not before[1]:
            yield _Tag(False, start, name.end())
        elif before and (end := _END.match(visible, name.end())):
            yield _Tag(True, start, end.end())


@dataclass
class _Reader:
    assembly: Assembly
    encoding: str
    record: bytes
    _line: int = 1
    _at: int = 0  # where _line was counted

    def read(self) -> None:
        begin: int | None = None
        done = 0
        for tag in _tags(self.assembly.data, self.record):
            if tag.is_end and begin is not None:
                self._record(begin, tag.stop)
                begin, done = None, tag.stop
            elif not tag.is_end:
                if begin is None:
                    self._outside(done, tag.start)
                else:
                    self._reject(f"<{self.record.decode()}> is not closed", begin, tag.start)
                begin = tag.start
        self._end(begin, done)

    def _end(self, begin: int | None, done: int) -> None:
        data = self.assembly.data
        shown = self.record.decode("ascii")
        is_many = self.record == b"omm" and _OPENS.search(data) is not None
        if begin is not None:
            self._reject(f"<{shown}> is not closed: the file is cut off", begin, len(data))
        elif done == 0 and not is_many:
            raise NoCatalogError("is XML, but holds no <omm>")
        elif self.record != b"omm" and b"</" not in data[done:]:
            self._reject("the file is cut off: its root is not closed", done, len(data))
        elif is_many and not _CLOSES.search(data, done):
            self._reject("<ndm> is not closed: the file is cut off", done, len(data))
        else:
            self._outside(done, len(data))

    def _outside(self, start: int, stop: int) -> None:
        end = start
        if self.record != b"omm":  # whatever stands there belongs to no standard
            end = stop if b"NORAD_CAT_ID" not in self.assembly.data[start:stop] else start
        while allowed := _OUTSIDE.match(self.assembly.data, end, stop):
            end = allowed.end()
        if end < stop:
            shown = self.assembly.data[end : end + 40].decode("utf-8", "replace")
            self._reject(f"{shown!r} outside of <{self.record.decode()}> is no OMM", end, stop)

    def _record(self, start: int, stop: int) -> None:
        message, error = _Message(), None
        try:
            message.parse(self.assembly.data[start:stop], self.encoding)
        except RecordError as wrong:
            error = wrong
        add_record(self.assembly, self._span(start, stop), message.values, error)

    def _reject(self, why: str, start: int, stop: int) -> None:
        self.assembly.reject(RecordError(RejectRule.MALFORMED, why), self._span(start, stop))

    def _span(self, start: int, stop: int) -> Span:
        """Asked in rising order, it counts the lines once."""
        data = self.assembly.data
        line_feeds, returns = data.count(b"\n", self._at, start), data.count(b"\r", self._at, start)
        self._line += line_feeds + returns - (data.count(b"\r\n", self._at, start) if returns else 0)
        self._at = start
        return Span(self._line, start, stop)


@dataclass
class _Message:
    """The fields of one ``<omm>``, wherever in it they stand."""

    values: list[tuple[str, str]] = field(default_factory=list)
    _open: str = ""  # the element begun last, '' once it or a child of it has ended
    _texts: list[str] = field(default_factory=list)

    def parse(self, data: bytes, encoding: str) -> None:
        """RecordError where this is not well-formed XML or a field has the wrong shape."""
        try:
            parser = expat.ParserCreate(encoding)
            parser.buffer_text = True
            parser.StartElementHandler = self._start
            parser.CharacterDataHandler = self._texts.append
            parser.EndElementHandler = self._end
            parser.Parse(data, True)
        except expat.ExpatError as error:
            detail = f"not well-formed XML: {expat.ErrorString(error.code)}, line {error.lineno} of the record"
            raise RecordError(RejectRule.MALFORMED, detail) from None
        except (ValueError, LookupError) as error:
            raise RecordError(RejectRule.MALFORMED, f"encoding {encoding!r} cannot be read: {error}") from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open = tag
        self._texts.clear()
        if attributes and tag in UNITS:
            check_unit(tag, attributes.get("units", ""))

    def _end(self, tag: str) -> None:
        if tag in KEYWORDS:
            if tag != self._open:
                raise RecordError(RejectRule.MALFORMED, f"{tag} holds other elements instead of a value")
            self.values.append((tag, "".join(self._texts)))
        self._open = ""
