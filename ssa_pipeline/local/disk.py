"""Disk space: a reserve that can be given back when the disk is full, and the words for a full disk.

PostgreSQL ends itself with a PANIC where it cannot write its log, and needs some room to start again. The reserve is
that room: a file beside the cluster, allocated block by block while there is plenty, deleted by ``ssa make-room``.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from ssa_pipeline.local import host

RESERVE_BYTES = 512 * 1024**2  # what recovery and the first statements of retention write, with a margin
FULL_BYTES = 128 * 1024**2  # less than this is free: whatever fails now fails for that
_NAME = "reserve"
_NO_SPACE = ("no space left on device", "could not extend file", "disk quota exceeded")
_NO_SPACE_ERRNO = (errno.ENOSPC, errno.EDQUOT)
REMEDY = "`ssa make-room` gives the reserve back and drops what retention may drop; or make room yourself"


def keep_reserve(directory: Path, spare_bytes: int) -> bool:
    """Make the reserve in ``directory`` unless it is there, leaving at least ``spare_bytes`` free; whether it is there
    now. Never raises for a disk that is short of room, or that may not be written."""
    path = directory / _NAME
    if path.exists():
        return True
    if host.free_disk_bytes(directory) < RESERVE_BYTES + spare_bytes:
        return False
    fresh = path.with_name(f"{_NAME}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        finally:
            os.close(descriptor)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        return False
    return True


def give_back_reserve(directory: Path) -> int:
    """Delete the reserve; the bytes that it held, 0 where there was none."""
    path = directory / _NAME
    try:
        size = path.stat().st_blocks * 512
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def is_full(directory: Path) -> bool:
    """Whether less than FULL_BYTES is free on the disk of ``directory``."""
    return host.free_disk_bytes(directory) < FULL_BYTES


def described(directory: Path) -> str:
    """``the disk is full: 0.0 GB free on the disk of /var/ssa``."""
    return f"the disk is full: {host.gigabytes(host.free_disk_bytes(directory))} free on the disk of {directory}"


def says_no_space(error: BaseException | str | None) -> bool:
    """Whether an error, or one behind it, says that there is no room on a disk."""
    while isinstance(error, BaseException):
        if isinstance(error, OSError) and error.errno in _NO_SPACE_ERRNO:
            return True
        if getattr(error, "sqlstate", None) == "53100" or says_no_space(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return isinstance(error, str) and any(words in error.lower() for words in _NO_SPACE)
