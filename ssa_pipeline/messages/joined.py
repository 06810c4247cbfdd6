"""Files of several formats joined to one, as by ``cat``: which part is in which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from heapq import merge
from typing import NamedTuple

from ssa_pipeline.messages.omm_csv import HEADER_NAMES, is_header

OMM_CSV = "omm_csv"
OMM_JSON = "omm_json"
OMM_XML = "omm_xml"
OMM_KVN = "omm_kvn"
TLE = "tle"

# How a part of each format begins, in small letters. It may stand in the middle of a line, where the file before has no
# line end. One pattern per format, not one for all: each is found fast by its first characters.
_NAMES = HEADER_NAMES.lower().encode()
_BEGINNINGS = {
    OMM_XML: re.compile(rb"<\?xml\s|<(?:[\w.-]+:)?(?:ndm|omm)[\s>]"),
    OMM_KVN: re.compile(rb"ccsds_omm_vers[ \t]*="),
    OMM_JSON: re.compile(rb"\[\s*\{\s*\"|\{\s*\"[^\"\r\n]{1,64}\"\s*:"),
    OMM_CSV: re.compile(rb"\"?(?:" + _NAMES + rb")\"?[ \t]*,[ \t]*\"?\w+\"?[ \t]*,[^\r\n]*"),
    TLE: re.compile(rb"1 [ 0-9a-z][ 0-9]{3}[0-9][a-z ] [ -~]{8} [0-9]{2}[ 0-9]{2}[0-9]\.[0-9]{8} "),
}
_LONGEST_INDENT = 1024
_GLUE_BEFORE_LINES = re.compile(rb"[0-9a-z\]}]$")
# Of a line before element lines: whether it still belongs to the part before, or is their name.
_BELONGS = {
    OMM_CSV: re.compile(rb"(?:[^,]*,){5}"),
    OMM_JSON: re.compile(rb"\s*[\]}\[{\",]"),
    OMM_XML: re.compile(rb".*[<>]"),
    OMM_KVN: re.compile(rb"[^=]*=|\s*COMMENT"),
}
# A name behind the end of the part before, where that has no line end.
_GLUED_NAME = {
    OMM_JSON: re.compile(rb".*[\]}][ \t]*(?=[^\[\]{}:,\"]+$)"),
    OMM_XML: re.compile(rb".*>[ \t]*(?=[^<>]+$)"),
}
_NOT_LINE_ENDS = bytes.maketrans(bytes(range(256)), bytes(c if c in b"\r\n" else 32 for c in range(256)))


class Part(NamedTuple):
    format: str  # '' for what comes before the first
    start: int
    stop: int


def parts_of(data: bytes, first: str = "") -> list[Part]:
    """The parts of a file in their order, each of another format than the one before. ``first``: the format of the
    first part, where it is known."""
    parts = [Part(first, 0, len(data))]
    for kind, at in _beginnings(data):
        if kind != parts[-1].format and at >= parts[-1].start:
            start = _with_name(data, at, parts[-1]) if kind == TLE else at
            parts[-1] = parts[-1]._replace(stop=start)
            parts.append(Part(kind, start, len(data)))
    return [part for part in parts if data[part.start : part.stop].strip()]


def _beginnings(data: bytes) -> Iterator[tuple[str, int]]:
    """Format and place of every beginning in the order of places; none lies within another."""
    small, end = data.lower(), 0
    for start, stop, kind in merge(*(_of_kind(small, kind) for kind in _BEGINNINGS)):
        if start >= end:
            end = stop
            if kind != OMM_CSV or is_header(data[start:stop].decode("utf-8", "replace")):
                yield kind, start


def _of_kind(small: bytes, kind: str) -> Iterator[tuple[int, int, str]]:
    for found in _BEGINNINGS[kind].finditer(small):
        start = found.start()
        if kind == TLE:
            before = small[max(0, start - _LONGEST_INDENT) : start]
            blanks = len(before) - len(before.rstrip(b" \t"))
            if start - blanks == 0 or before[: len(before) - blanks][-1:] in (b"\r", b"\n"):
                start -= blanks
            elif not _GLUE_BEFORE_LINES.search(before):
                continue
        yield start, found.end(), kind


def _with_name(data: bytes, at: int, before: Part) -> int:
    """Where element lines begin, with the name on the line before them."""
    line = max(data.rfind(b"\n", before.start, at), data.rfind(b"\r", before.start, at)) + 1
    if data[max(line, before.start) : at].strip():
        return at  # they are glued to what comes before
    end = len(data[before.start : line].rstrip()) + before.start
    start = max(data.rfind(b"\n", before.start, end), data.rfind(b"\r", before.start, end), before.start - 1) + 1
    pattern = _BELONGS.get(before.format)
    if start >= end:
        return at
    if pattern is None or not pattern.match(data, start, end):
        return start
    glued = _GLUED_NAME[before.format].match(data[start:end]) if before.format in _GLUED_NAME else None
    return start + glued.end() if glued else at


def only(data: bytes, parts: list[Part], kind: str) -> bytes:
    """The same bytes with all that is of another format blanked, so that lines and places stay."""
    kept = bytearray(data.translate(_NOT_LINE_ENDS))
    for part in parts:
        if part.format == kind:
            kept[part.start : part.stop] = data[part.start : part.stop]
    return bytes(kept)
