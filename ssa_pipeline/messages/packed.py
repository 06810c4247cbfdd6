"""Files as they travel: plain, gzip, or a zip with one or several members."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ssa_pipeline.messages.assembly import NoCatalogError

MAX_BYTES = 1 << 29  # unpacked; ten times today's catalogue in its largest format. More is a decompression bomb.

MAX_NAME_BYTES = 255  # of a file in any usual file system

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_ENCRYPTED = 0x1
# All that zipfile raises on damaged bytes.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)


class Member(NamedTuple):
    name: str  # within the zip, unique there; '' for a file that is none
    data: bytes


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so is one to unpack."""
    return start.startswith((_GZIP, _ZIP, _EMPTY_ZIP))


def unpack(data: bytes) -> Iterator[Member]:
    """The content of a file: one Member, or those of a zip, at most MAX_BYTES in all. NoCatalogError where the packing
    is broken, encrypted, empty or a bomb."""
    if data.startswith((_ZIP, _EMPTY_ZIP)):
        yield from _unzip(data)
    else:
        yield Member("", _gunzip(data, MAX_BYTES))


def _gunzip(data: bytes, limit: int) -> bytes:
    if not data.startswith(_GZIP):
        return _within(data, limit)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(limit + 1)
    except EOFError:
        raise NoCatalogError(f"is a gzip file cut off after {len(data)} bytes: fetch it again") from None
    except (OSError, zlib.error) as error:
        raise NoCatalogError(f"is a damaged gzip file ({error}): fetch it again") from None
    return _within(content, limit)


def _within(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise NoCatalogError(f"holds more than {MAX_BYTES >> 20} MiB")
    return content


def _unzip(data: bytes) -> Iterator[Member]:
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not _is_hidden(member)]
            if not members:
                raise NoCatalogError("is a zip file without a file in it")
            for member, name in zip(members, _names(members), strict=True):
                content = _read_member(archive, member, left)
                left -= len(content)
                yield Member(name, content)
    except _BROKEN_ZIP as error:
        raise NoCatalogError(f"is a damaged or cut-off zip file ({error}): fetch it again") from None


def _names(members: list[zipfile.ZipInfo]) -> list[str]:
    """One name each: a zip file may hold the same name several times."""
    names: dict[str, None] = {}
    uses: Counter[str] = Counter()
    for member in members:
        name = member.filename
        if len(name.encode()) > MAX_NAME_BYTES:
            raise NoCatalogError(f"is a zip file with a member whose name is longer than {MAX_NAME_BYTES} bytes")
        while name in names:
            uses[member.filename] += 1
            name = f"{member.filename}#{uses[member.filename] + 1}"
        names[name] = None
    return list(names)


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    """Directories, and what file managers put beside the files: ``__MACOSX/…``, ``.DS_Store``; not ``./a.csv``."""
    parts = [part for part in member.filename.split("/") if part not in (".", "..")]
    return member.is_dir() or any(part == "__MACOSX" or part.startswith(".") for part in parts)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    if member.flag_bits & _ENCRYPTED:
        raise NoCatalogError(f"is a zip file whose member {member.filename} is encrypted: unpack it with its password")
    with archive.open(member) as stream:
        return _gunzip(_within(stream.read(limit + 1), limit), limit)
