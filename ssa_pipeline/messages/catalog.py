"""The one door for catalogues: bytes of any supported file in, element sets and rejected records out
(docs/formats.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ssa_pipeline.core.records import ElementSets, RecordSpans, RejectedRecord, RejectRule
from ssa_pipeline.messages.assembly import NoCatalogError, Span
from ssa_pipeline.messages.omm_csv import is_header, parse_omm_csv
from ssa_pipeline.messages.omm_json import LOOKS_LIKE_JSON, parse_omm_json
from ssa_pipeline.messages.omm_kvn import LOOKS_LIKE_KVN, OTHER_MESSAGE, parse_omm_kvn
from ssa_pipeline.messages.omm_xml import parse_omm_xml
from ssa_pipeline.messages.packed import Member, unpack
from ssa_pipeline.messages.tle import LOOKS_LIKE_TLE, parse_tle

OMM_CSV = "omm_csv"
OMM_JSON = "omm_json"
OMM_XML = "omm_xml"
OMM_KVN = "omm_kvn"
TLE = "tle"

Parsed = tuple[ElementSets, list[RejectedRecord]]
_READERS: dict[str, Callable[..., Parsed]] = {
    OMM_CSV: parse_omm_csv,
    OMM_JSON: parse_omm_json,
    OMM_XML: parse_omm_xml,
    OMM_KVN: parse_omm_kvn,
    TLE: parse_tle,
}
BOM = b"\xef\xbb\xbf"
_SHOWN = 4096  # bytes of a zip member that is no catalogue, kept with its rejection
# How other things that turn up in place of a catalogue begin, in lower case.
_IMPOSTORS = (
    ((b"<!doctype html", b"<html"), "is an HTML page, not a catalogue: the server answered with a web page"),
    ((b"no gp data found",), "holds no catalogue: the source answered that it has no data for the query"),
    ((b"pk\x03\x04",), "is a zip file in a zip or gzip file: unpack it first"),
)


class CatalogFormatError(ValueError):
    """The whole file is no catalogue; the message says file, rule, and how it begins."""


@dataclass(frozen=True)
class ParsedCatalog:
    format: str  # OMM_CSV, OMM_JSON, …; of a zip with several kinds, all of them
    element_sets: ElementSets  # every usable record in file order; several may be of one object
    rejected: list[RejectedRecord]  # the others, by line
    spans: RecordSpans  # of the usable ones


def parse_catalog(data: bytes, file_name: str) -> ParsedCatalog:
    """Read OMM as CSV, JSON, XML or KVN, TLE or 3LE, plain, gzip or zip, found by content; ``file_name`` is only for
    messages and lineage (of a zip member: ``file!member``). Unusable records are rejected one by one;
    CatalogFormatError where the whole file is no catalogue. Zero usable records are no error here."""
    parts: list[ParsedCatalog] = []
    strangers: list[CatalogFormatError] = []
    try:
        for member in unpack(data):
            try:
                parts.append(_parse_member(member, file_name))
            except CatalogFormatError as error:
                strangers.append(error)
                stranger = _stranger(member, file_name, error)
                parts.append(ParsedCatalog("", ElementSets.empty(), [stranger], RecordSpans.unknown(0)))
    except NoCatalogError as error:
        raise _no_catalog(file_name, str(error), data) from None
    if len(strangers) == len(parts):
        raise strangers[0]
    return _joined(parts)


def record_bytes(data: bytes, spans: RecordSpans) -> list[bytes]:
    """The bytes of records of a file, as received."""
    texts = {member.name: _text(member) for member in unpack(data)}
    places = zip(spans.member.tolist(), spans.byte_start.tolist(), spans.byte_count.tolist(), strict=True)
    return [texts[member][start : start + count] for member, start, count in places]


def _joined(parts: list[ParsedCatalog]) -> ParsedCatalog:
    if len(parts) == 1:
        return parts[0]
    kinds = "+".join(sorted({part.format for part in parts} - {""}))
    rejected = [record for part in parts for record in part.rejected]
    element_sets = ElementSets.concat([part.element_sets for part in parts])
    return ParsedCatalog(kinds, element_sets, rejected, RecordSpans.concat([part.spans for part in parts]))


def _parse_member(member: Member, file_name: str) -> ParsedCatalog:
    name = _name(member, file_name)
    text = _text(member)
    kind = _format(text, name)
    spans: list[Span] = []
    try:
        element_sets, rejected = _READERS[kind](text, name, spans)
    except NoCatalogError as error:
        raise _no_catalog(name, str(error), text) from None
    return ParsedCatalog(kind, element_sets, rejected, _spans(member, spans))


def _text(member: Member) -> bytes:
    return member.data.removeprefix(BOM)


def _spans(member: Member, spans: list[Span]) -> RecordSpans:
    places = np.array(spans, dtype=np.int64).reshape(-1, 3)
    start, stop = places[:, 1], places[:, 2]
    return RecordSpans(np.full(len(spans), member.name, dtype=object), start, stop - start)


def _name(member: Member, file_name: str) -> str:
    """What is not printable in a member's name could forge lines on a terminal."""
    shown = "".join(character if character.isprintable() else "\ufffd" for character in member.name)
    return f"{file_name}!{shown}" if shown else file_name


def _stranger(member: Member, file_name: str, error: CatalogFormatError) -> RejectedRecord:
    """A member that is no catalogue, beside others that are."""
    name = _name(member, file_name)
    return RejectedRecord(name, 1, RejectRule.MALFORMED, str(error), member.data[:_SHOWN])


def _format(text: bytes, file_name: str) -> str:
    start = text.lstrip()
    if not start:
        raise CatalogFormatError(f"{file_name}: is empty; a catalogue has at least one element set")
    begins = start[:32].lower()
    for beginnings, rule in _IMPOSTORS:
        if begins.startswith(beginnings):
            raise _no_catalog(file_name, rule, text)
    if b"\0" in start[:4096]:
        raise _no_catalog(file_name, "is binary, not text", text)
    if begins.startswith(b"<"):
        return OMM_XML
    if LOOKS_LIKE_JSON.match(start):
        return OMM_JSON
    if is_header(start.splitlines()[0].decode("utf-8", "replace")):
        return OMM_CSV
    if other := OTHER_MESSAGE.match(start):
        raise _no_catalog(file_name, f"is a CCSDS {other[1].decode()}, not an OMM: it has no mean elements", text)
    if LOOKS_LIKE_KVN.search(text):
        return OMM_KVN
    if LOOKS_LIKE_TLE.search(text):
        return TLE
    raise _no_catalog(file_name, "is neither OMM (CSV, JSON, XML, KVN) nor TLE (no element lines)", text)


def _no_catalog(file_name: str, rule: str, data: bytes, shown: int = 60) -> CatalogFormatError:
    beginning = repr(data[:shown])[1:] + ("…" if len(data) > shown else "")
    return CatalogFormatError(f"{file_name}: {rule} (it begins {beginning})")
