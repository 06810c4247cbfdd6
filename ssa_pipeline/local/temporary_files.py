"""Where our services put sockets and temporary files: a directory of this home, emptied when none of them lives.

A code server that is killed leaves its socket there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from ssa_pipeline.local import processes

_LONGEST = 80  # characters; the address of a socket may have 107, and its name is added


def directory(home: Path) -> Path:
    """The directory, made 0700 where it is absent: below the home, or where that is too deep for a socket's address
    below /tmp. PermissionError where another user has made it."""
    path = _place(home)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid not in {0, os.geteuid(), home.stat().st_uid}:
        raise PermissionError(13, "belongs to another user", str(path))
    return path


def clear_if_unused(home: Path) -> None:
    """Remove what is left there by processes that are gone; nothing where one of this home still lives."""
    if not processes.supervised(home):
        with suppress(OSError):
            shutil.rmtree(_place(home))


def _place(home: Path) -> Path:
    below = home / "tmp"
    if len(str(below)) <= _LONGEST:
        return below
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return Path("/tmp") / f"ssa-{home.stat().st_uid}-{digest}"  # noqa: S108 (0700, its owner is checked)
