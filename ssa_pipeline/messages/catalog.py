"""The one door for catalogues: bytes of any supported file in, element sets and rejected records out."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass

from ssa_pipeline.core.records import ElementSets, RejectedRecord
from ssa_pipeline.messages.omm_csv import HeaderError, is_header, parse_omm_csv
from ssa_pipeline.messages.tle import LOOKS_LIKE_TLE, parse_tle

OMM_CSV = "omm_csv"
TLE = "tle"

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_MAX_BYTES = 1 << 30  # a catalogue of a hundred times today's size; more is a decompression bomb
# How other things that turn up in place of a catalogue begin, in lower case.
_IMPOSTORS = (
    ((b"<!doctype html", b"<html"), "is an HTML page, not a catalogue: the server answered with a web page"),
    ((b"<?xml", b"<ndm", b"<omm"), "is XML; supported are OMM as CSV, TLE and 3LE: ask the source for CSV"),
    ((b"{", b"["), "is JSON; supported are OMM as CSV, TLE and 3LE: ask the source for CSV"),
    ((b"no gp data found",), "holds no catalogue: the source answered that it has no data for the query"),
    ((b"ccsds_omm_vers =", b"ccsds_omm_vers="), "is OMM as KVN; supported are OMM as CSV, TLE and 3LE"),
)


class CatalogFormatError(ValueError):
    """The whole file is no catalogue; the message says file, rule, and how it begins."""


@dataclass(frozen=True)
class ParsedCatalog:
    format: str  # OMM_CSV or TLE
    element_sets: ElementSets  # every usable record in file order; several may be of one object
    rejected: list[RejectedRecord]  # the others, by line


def parse_catalog(data: bytes, file_name: str) -> ParsedCatalog:
    """Read OMM CSV, TLE or 3LE, plain or gzip, found by content; ``file_name`` is only for messages and
    lineage. Unusable records are rejected one by one; CatalogFormatError where the whole file is no catalogue.
    Zero usable records are no error here."""
    text = decompress(data, file_name).removeprefix(_BOM)
    kind = _format(text, file_name)
    try:
        element_sets, rejected = (parse_omm_csv if kind == OMM_CSV else parse_tle)(text, file_name)
    except HeaderError as error:
        raise _no_catalog(file_name, str(error), text) from None
    return ParsedCatalog(kind, element_sets, rejected)


def decompress(data: bytes, file_name: str) -> bytes:
    """The content of a gzip file, other bytes as they are; CatalogFormatError where gzip is broken."""
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            text = stream.read(_MAX_BYTES + 1)
    except EOFError:
        raise _no_catalog(file_name, f"is a gzip file cut off after {len(data)} bytes: fetch it again", data) from None
    except (OSError, zlib.error) as error:
        raise _no_catalog(file_name, f"is a damaged gzip file ({error}): fetch it again", data) from None
    if len(text) > _MAX_BYTES:
        raise _no_catalog(file_name, f"unpacks to more than {_MAX_BYTES >> 20} MiB", data)
    return text


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
    first_line = start.splitlines()[0].decode("utf-8", "replace")
    if is_header(first_line):
        return OMM_CSV
    if LOOKS_LIKE_TLE.search(text):
        return TLE
    raise _no_catalog(file_name, "is neither OMM as CSV (no header line) nor TLE (no element lines)", text)


def _no_catalog(file_name: str, rule: str, data: bytes, shown: int = 60) -> CatalogFormatError:
    beginning = repr(data[:shown])[1:] + ("…" if len(data) > shown else "")
    return CatalogFormatError(f"{file_name}: {rule} (it begins {beginning})")
