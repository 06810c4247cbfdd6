"""The one door for catalogues: bytes of any supported file in, element sets and rejected records out
(docs/formats.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ssa_pipeline.core.outside_text import printable
from ssa_pipeline.core.records import ElementSets, RecordSpans, RejectedRecord, RejectRule
from ssa_pipeline.messages.assembly import Assembly, NoCatalogError
from ssa_pipeline.messages.joined import OMM_CSV, OMM_JSON, OMM_KVN, OMM_XML, TLE, only, parts_of
from ssa_pipeline.messages.omm_csv import is_header, read_omm_csv
from ssa_pipeline.messages.omm_json import LOOKS_LIKE_JSON, read_omm_json
from ssa_pipeline.messages.omm_kvn import LOOKS_LIKE_KVN, OTHER_MESSAGE, read_omm_kvn
from ssa_pipeline.messages.omm_xml import read_omm_xml
from ssa_pipeline.messages.packed import Member, is_packed, unpack
from ssa_pipeline.messages.text import Text, has_other_encoding, to_text
from ssa_pipeline.messages.tle import LOOKS_LIKE_TLE, read_tle

_READERS: dict[str, Callable[[Assembly], None]] = {
    OMM_CSV: read_omm_csv,
    OMM_JSON: read_omm_json,
    OMM_XML: read_omm_xml,
    OMM_KVN: read_omm_kvn,
    TLE: read_tle,
}
_BEGINNING = 1 << 16  # bytes in which a KVN message shows itself
_SHOWN = 4096  # bytes of a zip member that is no catalogue, kept with its rejection
# How other things that turn up in place of a catalogue begin, in lower case.
_IMPOSTORS = (
    ((b"<!doctype html", b"<html"), "is an HTML page, not a catalogue: the server answered with a web page"),
    ((b"no gp data found",), "holds no catalogue: the source answered that it has no data for the query"),
    ((b"\x28\xb5\x2f\xfd",), "is packed by zstd, which is not read here: unpack it first"),
    ((b"7z\xbc\xaf\x27\x1c",), "is a 7z file, which is not read here: unpack it first"),
    ((b"rar!\x1a\x07",), "is a rar file, which is not read here: unpack it first"),
    ((b"\x1f\x9d", b"\x1f\xa0"), "is packed by compress, which is not read here: unpack it first"),
    ((b"\x04\x22\x4d\x18",), "is packed by lz4, which is not read here: unpack it first"),
    ((b"%pdf-",), "is a PDF document, not a catalogue"),
)


class CatalogFormatError(ValueError):
    """The whole file is no catalogue; the message says file, rule, and how it begins."""


@dataclass(frozen=True)
class ParsedCatalog:
    format: str  # OMM_CSV, OMM_JSON, …; of a file with several kinds, all of them
    element_sets: ElementSets  # every usable record in file order; several may be of one object
    rejected: list[RejectedRecord]  # the others, by line
    spans: RecordSpans  # of the usable ones
    notes: list[str]  # what else a user should know, each with the file's name

    @property
    def n_bad_checksums(self) -> int:
        """Records used although a checksum of theirs is wrong."""
        return int(self.spans.has_bad_checksum.sum())


def parse_catalog(data: bytes, file_name: str, *, accept_bad_checksums: bool = False) -> ParsedCatalog:
    """Read OMM as CSV, JSON, XML or KVN, TLE or 3LE, plain or packed, found by content; ``file_name`` is only for
    messages and lineage (of a member of an archive: ``file!member``). Unusable records are rejected one by one, those
    with a wrong checksum only where it is not accepted; CatalogFormatError where the whole file is no catalogue. Zero
    usable records are no error here."""
    parts: list[ParsedCatalog] = []
    strangers: list[CatalogFormatError] = []
    try:
        for member in unpack(data):
            try:
                parts.append(_parse_member(member, file_name, accept_bad_checksums))
            except CatalogFormatError as error:
                if member.is_rest:
                    parts.append(_nothing(notes=[_of_rest(member, file_name)]))
                    continue
                strangers.append(error)
                parts.append(_nothing([_stranger(member, file_name, error)]))
    except NoCatalogError as error:
        raise _no_catalog(file_name, str(error), data) from None
    if strangers and not any(part.format for part in parts):
        raise strangers[0]
    return _joined(parts)


def record_bytes(data: bytes, spans: RecordSpans) -> list[bytes]:
    """The bytes of records of a file, as received."""
    texts = {member.name: _received(member) for member in unpack(data)}
    places = zip(spans.member.tolist(), spans.byte_start.tolist(), spans.byte_count.tolist(), strict=True)
    return [texts[printable(member)][start : start + count] for member, start, count in places]


def has_wrong_checksum(record: bytes) -> bool:
    """Whether a record, as received and in whatever format, has element lines with a wrong checksum."""
    try:
        return parse_catalog(record, "record", accept_bad_checksums=True).n_bad_checksums > 0
    except CatalogFormatError:
        return False  # a line of a CSV without its header


def is_plain(start: bytes) -> bool:
    """Whether a file's records can be read straight from its bytes (a byte order mark aside): it is neither packed nor
    in another encoding than ours. ``start``: its first packed.START_BYTES."""
    return not is_packed(start) and not has_other_encoding(start)


def _received(member: Member) -> bytes:
    try:
        return to_text(member.data).received
    except NoCatalogError:
        return b""


def _joined(parts: list[ParsedCatalog]) -> ParsedCatalog:
    if len(parts) == 1:
        return parts[0]
    return ParsedCatalog(
        "+".join(sorted({part.format for part in parts} - {""})),
        ElementSets.concat([part.element_sets for part in parts]),
        [record for part in parts for record in part.rejected],
        RecordSpans.concat([part.spans for part in parts]),
        [note for part in parts for note in part.notes],
    )


def _nothing(rejected: list[RejectedRecord] | None = None, notes: list[str] | None = None) -> ParsedCatalog:
    return ParsedCatalog("", ElementSets.empty(), rejected or [], RecordSpans.unknown(0), notes or [])


def _parse_member(member: Member, file_name: str, accept_bad_checksums: bool) -> ParsedCatalog:
    name = f"{file_name}!{member.name}" if member.name else file_name
    try:
        text = to_text(member.data)
    except NoCatalogError as error:
        raise _no_catalog(name, str(error), member.data) from None
    parsed = _parse_text(text, name, accept_bad_checksums)
    notes = [f"{name}: {note}" for note in (*text.notes, *parsed.notes)]
    places = replace(parsed.spans, member=np.full(len(parsed.spans), member.name, dtype=object))
    return replace(parsed, spans=places, notes=notes)


def _parse_text(text: Text, name: str, accept_bad_checksums: bool) -> ParsedCatalog:
    def parse(kind: str, data: bytes) -> ParsedCatalog:
        assembly = Assembly(name, data, text.received, accept_bad_checksums)
        try:
            if kind not in _READERS:
                raise NoCatalogError("begins with something that is no catalogue")
            _READERS[kind](assembly)
        except NoCatalogError as error:
            raise _no_catalog(name, str(error), text.received) from None
        element_sets, spans = assembly.finish()
        return ParsedCatalog(kind, element_sets, assembly.rejected, spans, assembly.notes())

    def parse_part(kind: str) -> ParsedCatalog:
        data = only(text.data, parts, kind)
        try:
            return parse(kind, data)
        except CatalogFormatError as error:
            if kind in (OMM_CSV, OMM_KVN, TLE):
                raise
            return _nothing([_not_of_a_catalog(data, name, str(error))])

    kind = _format(text.data, name)
    parsed = parse(kind, text.data) if kind else None
    if parsed and not parsed.rejected:
        return parsed
    parts = parts_of(text.data, kind)
    kinds = dict.fromkeys(part.format for part in parts)
    if parsed and len(kinds) == 1:
        return parsed
    return _in_order(_joined([parse_part(kind) for kind in kinds]))


def _not_of_a_catalog(data: bytes, name: str, why: str) -> RejectedRecord:
    """The rejection of one part of a file; ``data`` is the file with all other parts blanked."""
    text = data.strip()
    line = 1 + len(data[: data.index(text)].splitlines())
    return RejectedRecord(name, line, RejectRule.MALFORMED, why, text[:_SHOWN])


def _in_order(catalog: ParsedCatalog) -> ParsedCatalog:
    """As in the file, whatever the formats."""
    ends = catalog.spans.byte_start + catalog.spans.byte_count  # a first record may begin on the last line of others
    order = np.argsort(ends, kind="stable")
    return replace(
        catalog,
        element_sets=catalog.element_sets.take(order),
        spans=catalog.spans.take(order),
        rejected=sorted(catalog.rejected, key=lambda record: record.source_line),
    )


def _stranger(member: Member, file_name: str, error: CatalogFormatError) -> RejectedRecord:
    """A member that is no catalogue, beside others that are."""
    name = f"{file_name}!{member.name}" if member.name else file_name
    return RejectedRecord(name, 1, RejectRule.MALFORMED, str(error), member.data[:_SHOWN])


def _of_rest(member: Member, file_name: str) -> str:
    return f"{file_name}: {len(member.data):,} bytes after the end of the packed data are not used"


def _format(text: bytes, file_name: str) -> str:
    """The format with which the file begins; '' where it begins with something else and a catalogue may follow."""
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
    if LOOKS_LIKE_KVN.search(text, 0, _BEGINNING):
        return OMM_KVN
    if LOOKS_LIKE_TLE.search(text):
        return TLE
    if any(part.format for part in parts_of(text)):
        return ""
    raise _no_catalog(file_name, "is neither OMM (CSV, JSON, XML, KVN) nor TLE (no element lines)", text)


def _no_catalog(file_name: str, rule: str, data: bytes, shown: int = 60) -> CatalogFormatError:
    beginning = repr(data[:shown])[1:] + ("…" if len(data) > shown else "")
    return CatalogFormatError(f"{file_name}: {rule} (it begins {beginning})")
