"""The text of a file in UTF-8 or Latin-1, one byte order mark or none, without padding."""

from __future__ import annotations

import re
from typing import NamedTuple

from ssa_pipeline.messages.assembly import NoCatalogError

BOM = b"\xef\xbb\xbf"
# A mark, and the encoding that it tells; the longer ones first.
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# As UTF-16 writes ASCII; so many in a row are nothing else.
_LITTLE_ENDIAN = re.compile(rb"(?:[\t\r\n -~]\0){16}")
_BIG_ENDIAN = re.compile(rb"(?:\0[\t\r\n -~]){16}")
_ONE_BYTE_EACH = re.compile(rb"[\t\r\n -~]{64}")
_LONG_NULS = re.compile(rb"\0{4,}")
_END_OF_FILE = re.compile(rb"(?<![^\r\n])\x1a")  # Ctrl-Z, which old systems put at the end
_PADDING = b"\0\x1a \t\r\n"
_BLANKED = bytes.maketrans(b"\0\x1a", b"  ")


class Text(NamedTuple):
    data: bytes  # to be read: padding and marks in between are blanks
    received: bytes  # the same places as they were received (UTF-16 and UTF-32 turned into UTF-8)
    notes: list[str]  # what was left out; goes on from the file's name


def has_other_encoding(start: bytes) -> bool:
    """Whether a text that begins so is turned into UTF-8 before it is read."""
    return _encoding(start) is not None


def to_text(data: bytes) -> Text:
    """NoCatalogError where a file changes its encoding on the way."""
    encoding = _encoding(data)
    if encoding:
        data = _decoded(data, encoding).encode()
    received = data.removeprefix(BOM)
    data, notes = received, []
    if BOM in data:
        data = data.replace(BOM, b"   ")
    if b"\0" in data or b"\x1a" in data:
        if _LITTLE_ENDIAN.search(data) or _BIG_ENDIAN.search(data):
            raise NoCatalogError("changes its encoding to UTF-16 on the way: two files were joined, give them apart")
        data = _without_padding(data)
        if n_bytes := received.count(b"\0") - data.count(b"\0"):
            notes.append(f"{n_bytes:,} NUL bytes of padding are not used")
    return Text(data, received, notes)


def _encoding(data: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if _LITTLE_ENDIAN.match(data):
        return "utf-16-le"
    return "utf-16-be" if _BIG_ENDIAN.match(data) else None


def _decoded(data: bytes, encoding: str) -> str:
    text = data.decode(encoding, "replace")
    if _ONE_BYTE_EACH.search(data) or "\ufffe" in text:
        raise NoCatalogError(f"changes its encoding from {encoding.upper()} on the way: two files were joined")
    return text


def _without_padding(data: bytes) -> bytes:
    data = _LONG_NULS.sub(lambda nuls: b" " * len(nuls[0]), data)
    data = _END_OF_FILE.sub(b" ", data)
    end = len(data.rstrip(_PADDING))
    return data[:end] + data[end:].translate(_BLANKED)
