"""Files as they travel: plain, or packed by gzip, bzip2, xz, zip and tar, also one in the other."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, Protocol

from ssa_pipeline.core.outside_text import printable
from ssa_pipeline.messages.assembly import NoCatalogError

MAX_BYTES = 1 << 29  # unpacked; ten times today's catalogue in its largest format. More is a decompression bomb.
MAX_NAME_BYTES = 255  # of a file in any usual file system
MOST_LAYERS = 4  # as a gzip in a tar in an xz in a zip
MOST_PIECES = 1000  # packed files joined to one
START_BYTES = tarfile.BLOCKSIZE  # of a file, enough to say whether it is packed
_BETWEEN = b"\0 \t\r\n"  # what may stand between packed files that were joined

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_ENCRYPTED = 0x1
_XZ_MEMORY = 1 << 28  # the largest dictionary of xz -9 takes a quarter of it
_FIRST_PIECE, _PIECE = 1 << 12, 1 << 18
# All that zipfile and tarfile raise on damaged bytes.
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
_BROKEN_ARCHIVE = (*_BROKEN, RuntimeError, struct.error, OverflowError, MemoryError)


class Member(NamedTuple):
    name: str  # within the archives, unique there and printable; '' for a file that is in none
    data: bytes
    is_rest: bool = False  # no packed file, but what stands after the end of one


class _Decompressor(Protocol):
    """As bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """One member of a gzip file."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Stream(NamedTuple):
    name: str
    begins: re.Pattern[bytes]
    open: Callable[[], _Decompressor]


_STREAMS = (
    _Stream("gzip", re.compile(rb"\x1f\x8b"), _Gunzip),
    _Stream("bzip2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), bz2.BZ2Decompressor),
    _Stream("xz", re.compile(rb"\xfd7zXZ\0"), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)),
    _Stream("lzma", re.compile(rb"\]\0\0"), lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _XZ_MEMORY)),
)


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so (with START_BYTES of it) is one to unpack."""
    return start.startswith((_ZIP, _EMPTY_ZIP)) or _stream_of(start) is not None or _is_tar(start)


def unpack(data: bytes) -> Iterator[Member]:
    """The content of a file: one Member, or those of its archives, at most MAX_BYTES in all layers together.
    NoCatalogError where the packing is broken, encrypted, empty or a bomb."""
    yield from _Unpacker().unpack("", data, 0)


def _stream_of(data: bytes) -> _Stream | None:
    return next((stream for stream in _STREAMS if stream.begins.match(data)), None)


def _is_tar(data: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


class _Unpacker:
    def __init__(self) -> None:
        self._left = MAX_BYTES
        self._names: set[str] = set()
        self._uses: Counter[str] = Counter()

    def unpack(self, name: str, data: bytes, depth: int) -> Iterator[Member]:
        """A file, or several packed ones that were joined."""
        for _ in range(MOST_PIECES):
            end = yield from self._piece(name, data, depth)
            rest = data[end:]
            behind = rest.lstrip(_BETWEEN)
            if not is_packed(behind[:START_BYTES]):
                if rest:
                    yield Member(self._unique(name), rest, is_rest=True)
                return
            data = behind
        raise NoCatalogError(f"is made of more than {MOST_PIECES:,} packed files")

    def _piece(self, name: str, data: bytes, depth: int) -> Generator[Member, None, int]:
        """What a file begins with, and where that ends."""
        if depth > MOST_LAYERS:
            raise NoCatalogError(f"is packed more than {MOST_LAYERS} times, one in the other: unpack it first")
        if data.startswith((_ZIP, _EMPTY_ZIP)):
            return (yield from self._unzip(name, data, depth))
        if stream := _stream_of(data):
            content, end = self._decompress(stream, data)
            yield from self.unpack(name, content, depth + 1)
            return end
        if _is_tar(data):
            return (yield from self._untar(name, data, depth))
        self._take(len(data) if depth == 0 else 0)
        yield Member(self._unique(name), data)
        return len(data)

    def _take(self, n_bytes: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            raise NoCatalogError(f"holds more than {MAX_BYTES >> 20} MiB")

    def _unique(self, name: str) -> str:
        """Once each: an archive may hold the same name several times."""
        wanted = found = printable(name)
        while found in self._names:
            self._uses[wanted] += 1
            found = f"{wanted}#{self._uses[wanted] + 1}"
        self._names.add(found)
        return found

    def _decompress(self, stream: _Stream, data: bytes) -> tuple[bytes, int]:
        """All that was packed one after the other, and where it ends."""
        parts: list[bytes] = []
        at = 0
        try:
            while at == 0 or stream.begins.match(data, at):
                at = self._decompress_one(stream.open(), data, at, parts)
        except EOFError:
            raise NoCatalogError(f"is a {stream.name} file cut off after {len(data)} bytes: fetch it again") from None
        except _BROKEN as error:
            raise NoCatalogError(f"is a damaged {stream.name} file ({error}): fetch it again") from None
        return b"".join(parts), at

    def _decompress_one(self, one: _Decompressor, data: bytes, at: int, parts: list[bytes]) -> int:
        size = _FIRST_PIECE  # many short ones must not cost a long piece each
        while not one.eof:
            piece = b""
            if one.needs_input:
                piece = data[at : at + size]
                if not piece:
                    raise EOFError
                at, size = at + len(piece), _PIECE
            parts.append(one.decompress(piece, self._left + 1))
            self._take(len(parts[-1]))
        return at - len(one.unused_data)

    def _unzip(self, name: str, data: bytes, depth: int) -> Generator[Member, None, int]:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                first = min((member.header_offset for member in archive.infolist()), default=0)
                if first > 0:  # another zip stands before it
                    yield from self.unpack(name, data[:first], depth + 1)
                members = [member for member in archive.infolist() if not _is_hidden(member.filename, member.is_dir())]
                if not members:
                    raise NoCatalogError("is a zip file without a file in it")
                for member in members:
                    content = self._read_zipped(archive, member)
                    yield from self.unpack(_inner(name, member.filename, "zip"), content, depth + 1)
        except _BROKEN_ARCHIVE as error:
            raise NoCatalogError(f"is a damaged or cut-off zip file ({error}): fetch it again") from None
        return _end_of_zip(data)

    def _read_zipped(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
        if member.flag_bits & _ENCRYPTED:
            shown = printable(member.filename)
            raise NoCatalogError(f"is a zip file whose member {shown} is encrypted: unpack it with its password")
        with archive.open(member) as stream:
            content = stream.read(self._left + 1)
        self._take(len(content))
        return content

    def _untar(self, name: str, data: bytes, depth: int) -> Generator[Member, None, int]:
        found = False
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
                for member in archive:
                    if member.isreg() and not _is_hidden(member.name, False):
                        found = True
                        content = self._read_tarred(archive, member)
                        yield from self.unpack(_inner(name, member.name, "tar"), content, depth + 1)
                end = archive.offset
        except _BROKEN_ARCHIVE as error:
            raise NoCatalogError(f"is a damaged or cut-off tar file ({error}): fetch it again") from None
        if not found:
            raise NoCatalogError("is a tar file without a file in it")
        if data[end : end + tarfile.BLOCKSIZE].strip(b"\0") or end >= len(data):
            # tarfile takes a damaged header for the end
            raise NoCatalogError("is a damaged or cut-off tar file (its end is missing): fetch it again")
        return end + len(data[end:]) - len(data[end:].lstrip(b"\0"))

    def _read_tarred(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        stream = archive.extractfile(member)
        content = stream.read(self._left + 1) if stream else b""
        self._take(len(content))
        return content


def _inner(outer: str, name: str, archive: str) -> str:
    if len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise NoCatalogError(f"is a {archive} file with a member whose name is longer than {MAX_NAME_BYTES} bytes")
    return f"{outer}!{name}" if outer else name


def _is_hidden(name: str, is_directory: bool) -> bool:
    """Directories, and what file managers put beside the files: ``__MACOSX/…``, ``.DS_Store``; not ``./a.csv``."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return is_directory or any(part == "__MACOSX" or part.startswith(".") for part in parts)


def _end_of_zip(data: bytes) -> int:
    """Behind its last record and the comment in it."""
    record = data.rfind(_EMPTY_ZIP)
    n_comment: int = struct.unpack_from("<H", data, record + 20)[0]
    return min(record + 22 + n_comment, len(data))
