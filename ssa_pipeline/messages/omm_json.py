"""OMM as JSON: an array of flat objects, as CelesTrak (numbers) and Space-Track (everything a string) serve it; one
object alone, or one after the other, are read too.

Numbers are taken as the text that stands there, so that JSON, CSV, XML and KVN of one element set give the same bits.
"""

from __future__ import annotations

import re
from functools import lru_cache
from json import JSONDecodeError, JSONDecoder
from typing import Any

from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.messages.assembly import Assembly, NoCatalogError, RecordError, Span, encoding_of
from ssa_pipeline.messages.omm_fields import KEYWORDS, add_record

LOOKS_LIKE_JSON = re.compile(rb'\[\s*(?:[{\]]|\Z)|\{\s*["}]')
LARGEST_RECORD = 1 << 14  # characters; real ones have 500 to 1,600. Bounds the work on a damaged file.

_MOST_NESTED = 64  # arrays and objects in one record, whose own is the only one; Python's own limit differs by version
_TOO_DEEP = "values are nested too deep"
_NO_SEPARATOR = re.compile(r"[^\s,\[\]]")
_END_OF_RECORD = re.compile(r"\}(?=\s*(?:,\s*\{|\{|\]|\Z))")


class Pairs(list[tuple[str, Any]]):
    """A JSON object with all its fields, those that it names twice too."""


_DECODER = JSONDecoder(object_pairs_hook=Pairs, parse_float=str, parse_int=str, parse_constant=str)


def parse_omm_json(
    data: bytes, file_name: str, spans: list[Span] | None = None
) -> tuple[ElementSets, list[RejectedRecord]]:
    """All records of a JSON file. What is no record is rejected up to the next one; a file that was cut off keeps the
    whole records before the cut. NoCatalogError where no object has a field of an OMM."""
    reader = _OmmReader(data, Assembly(file_name, data, spans))
    reader.read()
    if reader.objects_without_fields and not reader.objects_with_fields:
        raise NoCatalogError("is JSON, but no object in it has the fields of an OMM")
    return reader.assembly.finish()


class JsonReader:
    """Reads a file object by object. A subclass says in ``add`` what it makes of one; what is none is rejected in
    ``assembly``."""

    what = "the fields of an OMM"

    def __init__(self, data: bytes, assembly: Assembly) -> None:
        encoding = encoding_of(data)
        self.text = data.decode(encoding)
        self.assembly = assembly
        self._place = _Place(self.text, encoding, len(self.text) == len(data))

    def read(self) -> None:
        """The whole file."""
        open_arrays, at = 0, 0
        while True:
            found = _NO_SEPARATOR.search(self.text, at)
            between = self.text[at : found.start() if found else len(self.text)]
            open_arrays += between.count("[") - between.count("]")
            at += len(between)
            if at == len(self.text):
                break
            at = self._record(at)
            if at == len(self.text) and self.assembly.rejected:
                return  # the rest was rejected
        if open_arrays > 0:
            self._reject("the array is not closed: the file is cut off", at, at)

    def _record(self, start: int) -> int:
        """Read what begins at ``start``; the position after it."""
        try:
            values, length = _DECODER.raw_decode(self.text[start : start + LARGEST_RECORD])
        except (JSONDecodeError, RecursionError) as error:
            return self._reject_broken(start, error)
        if self._is_nested(start, start + length):
            self._reject(_TOO_DEEP, start, start + length)
            return start + length
        if not isinstance(values, Pairs):
            self._reject(f"{str(values)[:40]!r} is not an object with {self.what}", start, start + length)
            return start + length
        self.add(values, self._place.span(start, start + length))
        return start + length

    def add(self, pairs: Pairs, span: Span) -> None:
        raise NotImplementedError

    def _reject_broken(self, start: int, error: JSONDecodeError | RecursionError) -> int:
        if self.text[start] == "{":
            end = _END_OF_RECORD.search(self.text, start)
            stop = end.end() if end else len(self.text)
        else:
            found = self.text.find("{", start)
            stop = found if found > 0 else len(self.text)
        if isinstance(error, RecursionError) or self._is_nested(start, stop):
            why = _TOO_DEEP
        elif stop - start > LARGEST_RECORD:
            why = f"no end of the record within {LARGEST_RECORD:,} characters"
        elif stop == len(self.text):
            why = f"the record is cut off: {error.msg}"
        else:
            why = f"not JSON: {error.msg} at character {error.pos + 1} of the record"
        self._reject(why, start, stop)
        return stop

    def _is_nested(self, start: int, stop: int) -> bool:
        return self.text.count("[", start, stop) + self.text.count("{", start, stop) > _MOST_NESTED

    def _reject(self, why: str, start: int, stop: int) -> None:
        self.assembly.reject(RecordError(RejectRule.MALFORMED, why), self._place.span(start, stop))


@lru_cache(maxsize=256)
def _keyword(name: str) -> str:
    """In capitals; '' for a name that is not read here."""
    keyword = name.strip().upper()
    return keyword if keyword in KEYWORDS else ""


class _OmmReader(JsonReader):
    def __init__(self, data: bytes, assembly: Assembly) -> None:
        super().__init__(data, assembly)
        self.objects_with_fields = self.objects_without_fields = 0

    def add(self, pairs: Pairs, span: Span) -> None:
        known = [(keyword, value) for name, value in pairs if (keyword := _keyword(name))]
        self.objects_with_fields += bool(known)
        self.objects_without_fields += not known
        texts, error = texts_of(known)
        add_record(self.assembly, span, texts, error)


def texts_of(pairs: list[tuple[str, Any]]) -> tuple[list[tuple[str, str]], RecordError | None]:
    """Names with their texts, null left out; and what is wrong where a value is neither a number nor a text."""
    texts, error = [], None
    for name, value in pairs:
        if isinstance(value, str):
            texts.append((name, value))
        elif value is not None:
            detail = f"{name} {str(value)[:40]!r} is neither a number nor a text"
            error = RecordError(RejectRule.MALFORMED, detail)
    return texts, error


class _Place:
    """Turns positions in the text into lines and bytes; asked in rising order, it reads the text once."""

    def __init__(self, text: str, encoding: str, is_one_byte_each: bool) -> None:
        self._text, self._encoding, self._is_one_byte_each = text, encoding, is_one_byte_each
        self._line, self._at, self._byte = 1, 0, 0

    def span(self, start: int, stop: int) -> Span:
        self._line += _line_ends(self._text, self._at, start)
        self._byte += self._bytes(self._at, start)
        self._at = start
        return Span(self._line, self._byte, self._byte + self._bytes(start, stop))

    def _bytes(self, start: int, stop: int) -> int:
        return stop - start if self._is_one_byte_each else len(self._text[start:stop].encode(self._encoding))


def _line_ends(text: str, start: int, stop: int) -> int:
    line_feeds, returns = text.count("\n", start, stop), text.count("\r", start, stop)
    return line_feeds + returns - text.count("\r\n", start, stop) if returns else line_feeds
