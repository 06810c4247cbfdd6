"""OMM as JSON: an array of flat objects, as CelesTrak (numbers) and Space-Track (everything a string) serve it; one
object alone, or one after the other; and all of these inside of other objects and arrays, whatever their keys.

Numbers are taken as the text that stands there, so that JSON, CSV, XML and KVN of one element set give the same bits.
Where an object has no elements of its own, but TLE lines as values, these are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from json import JSONDecodeError, JSONDecoder
from typing import Any

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.assembly import Assembly, NoCatalogError, RecordError, Span, encoding_of
from ssa_pipeline.messages.omm_fields import KEYWORDS, REQUIRED, read_keywords, reject_record
from ssa_pipeline.messages.tle import has_element_line, read_tle_texts
from ssa_pipeline.messages.tle_fields import name_of

LOOKS_LIKE_JSON = re.compile(rb'\[\s*(?:[{\]"]|\[\s*[{\["]|\Z)|\{\s*["}]')
LARGEST_RECORD = 1 << 14  # characters; real ones have 500 to 1,600. Bounds the work on a damaged file.

_MOST_NESTED = 64  # arrays and objects in one record, whose own is the only one; Python's own limit differs by version
_TOO_DEEP = "values are nested too deep"
_NO_SEPARATOR = re.compile(r"[^\s,]")
_KEY = re.compile(r'[\s,]*"((?:[^"\\]|\\.){0,256})"\s*:\s*')
_ARRAY_OF_TEXT = re.compile(r'\[\s*"')
_END_OF_RECORD = re.compile(r"\}(?=\s*(?:,\s*\{|\{|\]|\Z))")


class Pairs(list[tuple[str, Any]]):
    """A JSON object with all its fields, those that it names twice too."""


_DECODER = JSONDecoder(object_pairs_hook=Pairs, parse_float=str, parse_int=str, parse_constant=str)


def read_omm_json(assembly: Assembly) -> None:
    """All records of a JSON file. What is no record is rejected up to the next one; a file that was cut off keeps the
    whole records before the cut. NoCatalogError where no object has a field of an OMM, or element lines."""
    reader = _OmmReader(assembly)
    reader.read()
    if reader.objects_without_fields and not reader.objects_with_fields:
        raise NoCatalogError("is JSON, but no object in it has the fields of an OMM")


@dataclass
class _Open:
    """An array, or an object that holds the records, before its end."""

    bracket: str
    start: int
    keywords: list[str] = field(default_factory=list)  # its own fields that a record would have
    has_records: bool = False  # objects or arrays in it


class JsonReader:
    """Reads a file object by object. A subclass says in ``add`` what it makes of one; what is none is rejected in
    ``assembly``."""

    what = "the fields of an OMM"
    keywords: frozenset[str] = KEYWORDS

    def __init__(self, assembly: Assembly) -> None:
        data = assembly.data
        encoding = encoding_of(data)
        self.text = data.decode(encoding)
        self.assembly = assembly
        self._place = _Place(self.text, encoding, len(self.text) == len(data))
        self._open: list[_Open] = []
        self._is_rest_rejected = False

    def read(self) -> None:
        """The whole file."""
        at = 0
        while (found := _NO_SEPARATOR.search(self.text, at)) is not None:
            at = found.start()
            at = self._object(at) if self.text[at] == "{" else self._next(at)
        if self._open and not self._is_rest_rejected:
            what = "array" if self._open[-1].bracket == "[" else "object"
            self._reject(f"the {what} is not closed: the file is cut off", len(self.text), len(self.text))

    def _next(self, start: int) -> int:
        """Read what begins at ``start`` and is no object; the position after it."""
        character = self.text[start]
        if character == "[":
            return self._array(start)
        if character == "]":
            if self._open and self._open[-1].bracket == "[":
                self._open.pop()
            return start + 1
        if self._open and self._open[-1].bracket == "{":
            if character == "}":
                self._close(start + 1)
                return start + 1
            if key := _KEY.match(self.text, start):
                return self._value_of_wrapper(key)
        return self._stranger(start)

    def _object(self, start: int) -> int:
        try:
            values, length = _DECODER.raw_decode(self.text[start : start + LARGEST_RECORD])
        except (JSONDecodeError, RecursionError) as error:
            if self._begins_wrapper(start):
                return self._descend("{", start)
            return self._reject_broken(start, error)
        if self._open:
            self._open[-1].has_records = True
        if (count := self._count_brackets(start, start + length)) > 1:
            if count > _MOST_NESTED and _depth(self.text[start : start + length]) > _MOST_NESTED:
                self._reject(_TOO_DEEP, start, start + length)
                return start + length
            others = [inner for _, inner in values if self._count_records(inner)]
            own = Pairs((name, value) for name, value in values if not any(value is other for other in others))
            if others and self.is_record(own):  # as an object's newest set beside its older ones
                self.add(own, self._place.span(start, start + length))
                return self._descend("{", start)
            if sum(map(self._count_records, others)) > 1:
                return self._descend("{", start)
            if not self.is_record(values) and any(self._has_records(inner) for _, inner in values):
                return self._descend("{", start)
        self.add(values, self._place.span(start, start + length))
        return start + length

    def _array(self, start: int) -> int:
        """One with records in it, or one of element lines."""
        if _ARRAY_OF_TEXT.match(self.text, start):
            with suppress(JSONDecodeError, RecursionError):
                values, length = _DECODER.raw_decode(self.text[start : start + LARGEST_RECORD])
                if all(isinstance(value, str) for value in values) and any(map(has_element_line, values)):
                    self.add_lines(values, self._place.span(start, start + length))
                    return start + length
        return self._descend("[", start)

    def _descend(self, bracket: str, start: int) -> int:
        if self._open:
            self._open[-1].has_records = True
        self._open.append(_Open(bracket, start))
        if len(self._open) > _MOST_NESTED:
            self._open.clear()
            self._reject(_TOO_DEEP, start, len(self.text))
            self._is_rest_rejected = True
            return len(self.text)
        return start + 1

    def _close(self, stop: int) -> None:
        """The end of a wrapper: one with the fields of a record and nothing inside was a damaged record."""
        wrapper = self._open.pop()
        if wrapper.keywords and not wrapper.has_records:
            self._reject(f"no record: {', '.join(wrapper.keywords[:3])} and other values", wrapper.start, stop)

    def _value_of_wrapper(self, key: re.Match[str]) -> int:
        """Skip what a wrapper says besides; objects and arrays in it are read."""
        stop = key.end()
        if key[1].strip().upper() in self.keywords:
            self._open[-1].keywords.append(key[1])
        if self.text[stop : stop + 1] in ("{", "["):
            return stop
        try:
            return stop + _DECODER.raw_decode(self.text[stop : stop + LARGEST_RECORD])[1]
        except JSONDecodeError:
            return self._stranger(key.start())

    def _stranger(self, start: int) -> int:
        """Reject a value that stands where an object should."""
        try:
            value, length = _DECODER.raw_decode(self.text[start : start + LARGEST_RECORD])
        except (JSONDecodeError, RecursionError) as error:
            return self._reject_broken(start, error)
        self._reject(f"{str(value)[:40]!r} is not an object with {self.what}", start, start + length)
        return start + length

    def _has_records(self, value: Any) -> bool:
        if isinstance(value, Pairs):
            return self.is_record(value) or any(self._has_records(inner) for _, inner in value)
        if isinstance(value, list):
            return any(has_element_line(v) if isinstance(v, str) else self._has_records(v) for v in value)
        return False

    def _count_records(self, value: Any) -> int:
        """How many records are in a value of an object that are not that object's own, as lines of the same elements
        or parts of a message would be."""
        if isinstance(value, Pairs):
            inside = sum(self._count_records(inner) for _, inner in value)
            return inside + self.is_complete(value)
        if isinstance(value, list):
            return sum(self._has_records(inner) for inner in value if not isinstance(inner, str))
        return 0

    def is_complete(self, pairs: Pairs) -> bool:
        """Whether an object has all of a record, and needs none of the object around it."""
        return self.is_record(pairs)

    def _begins_wrapper(self, start: int) -> bool:
        """Of an object that is longer than a record: whether an object or an array comes before any field of a
        record."""
        part = self.text[start : start + LARGEST_RECORD]
        at = 1
        while key := _KEY.match(part, at):
            if part[key.end() : key.end() + 1] in ("{", "["):
                return True
            if key[1].strip().upper() in self.keywords:
                return False
            try:
                at = key.end() + _DECODER.raw_decode(part[key.end() :])[1]
            except JSONDecodeError:
                return False
        return False

    def is_record(self, pairs: Pairs) -> bool:
        """Whether an object has enough of a record to be read as one."""
        raise NotImplementedError

    def add(self, pairs: Pairs, span: Span) -> None:
        raise NotImplementedError

    def add_lines(self, texts: list[str], span: Span) -> None:
        """Element lines in an array."""
        raise NotImplementedError

    def _reject_broken(self, start: int, error: JSONDecodeError | RecursionError) -> int:
        if self.text[start] == "{":
            end = _END_OF_RECORD.search(self.text, start)
            stop = end.end() if end else len(self.text)
        else:
            found = self.text.find("{", start)
            stop = found if found > 0 else len(self.text)
        if isinstance(error, RecursionError) or self._count_brackets(start, stop) > _MOST_NESTED:
            why = _TOO_DEEP
        elif stop - start > LARGEST_RECORD:
            why = f"no end of the record within {LARGEST_RECORD:,} characters"
        elif stop == len(self.text):
            why = f"the record is cut off: {error.msg}"
        else:
            why = f"not JSON: {error.msg} at character {error.pos + 1} of the record"
        self._reject(why, start, stop)
        self._is_rest_rejected = stop == len(self.text)
        return stop

    def _count_brackets(self, start: int, stop: int) -> int:
        return self.text.count("[", start, stop) + self.text.count("{", start, stop)

    def _reject(self, why: str, start: int, stop: int) -> None:
        self.assembly.reject(RecordError(RejectRule.MALFORMED, why), self._place.span(start, stop))


@lru_cache(maxsize=256)
def _keyword(name: str) -> str:
    """In capitals; '' for a name that is not read here."""
    keyword = name.strip().upper()
    return keyword if keyword in KEYWORDS else ""


class _OmmReader(JsonReader):
    def __init__(self, assembly: Assembly) -> None:
        super().__init__(assembly)
        self.objects_with_fields = self.objects_without_fields = 0

    def is_complete(self, pairs: Pairs) -> bool:
        return {name.strip().upper() for name, _ in pairs}.issuperset(REQUIRED)

    def is_record(self, pairs: Pairs) -> bool:
        if self.is_complete(pairs):
            return True
        own = [text for _, value in pairs if not isinstance(value, Pairs) for text in _texts_in(value, is_flat=True)]
        if any(map(has_element_line, own)):
            return True
        flat = list(_flat(pairs))
        keywords = [keyword for name, _ in flat if (keyword := _keyword(name))]
        n_lines = sum(isinstance(value, str) and has_element_line(value) for _, value in flat)
        return 1 <= n_lines <= 2 or (len(set(keywords)) == len(keywords) and {*keywords}.issuperset(REQUIRED))

    def add(self, pairs: Pairs, span: Span) -> None:
        known = [(keyword, value) for name, value in pairs if (keyword := _keyword(name))]
        if len(known) < len(REQUIRED):
            flat = [(keyword, value) for name, value in _flat(pairs) if (keyword := _keyword(name))]
            known = flat if len(flat) >= len(REQUIRED) else known
        texts, error = texts_of(known)
        try:
            self.assembly.accept(read_keywords(texts, error), span)
        except RecordError as wrong:
            lines = [value for value in _texts_in(pairs) if has_element_line(value)]
            if not lines or wrong.rule is not RejectRule.MISSING_FIELD:
                self.objects_with_fields += bool(known)
                self.objects_without_fields += not known
                if known:
                    reject_record(self.assembly, span, dict(texts), wrong)
                return
            name = name_of((key, value) for key, value in _flat(pairs) if isinstance(value, str))
            read_tle_texts([name, *lines], span, self.assembly, dict(texts).get("NORAD_CAT_ID", ""))
        self.objects_with_fields += 1

    def add_lines(self, texts: list[str], span: Span) -> None:
        self.objects_with_fields += 1
        read_tle_texts(texts, span, self.assembly)


def _flat(pairs: Pairs) -> Iterator[tuple[str, Any]]:
    """The fields of an object and of the objects in it."""
    for name, value in pairs:
        if isinstance(value, Pairs):
            yield from _flat(value)
        else:
            yield name, value


def _texts_in(value: Any, *, is_flat: bool = False) -> Iterator[str]:
    """All texts in an object or array, in their order; only those of the array itself where ``is_flat``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and not isinstance(value, Pairs):
        for inner in value:
            if isinstance(inner, str) or not is_flat:
                yield from _texts_in(inner)
    elif isinstance(value, Pairs) and not is_flat:
        for _, inner in value:
            yield from _texts_in(inner)


def _depth(text: str) -> int:
    """How deep brackets are nested; those in texts count as well."""
    return max(accumulate((character in "[{") - (character in "]}") for character in text), default=0)


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
