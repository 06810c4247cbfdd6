"""One-at-a-time sections over processes. The kernel frees an flock when its holder dies: no lock can go stale."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.05


class LockTimeoutError(RuntimeError):
    """Another live process holds the lock; the message names the file and the holder."""


@contextmanager
def file_lock(path: Path, *, timeout_s: float = 180.0) -> Iterator[None]:
    """Hold the flock of ``path`` (created if absent, never deleted) or raise LockTimeoutError after timeout_s."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, timeout_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 20, 0).decode() or "unknown"
                raise LockTimeoutError(
                    f"{path} has been locked for more than {timeout_s:.0f} s by process {holder}; "
                    "wait for it or end that process"
                ) from None
            time.sleep(_POLL_S)
