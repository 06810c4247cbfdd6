"""One-at-a-time sections over processes. The kernel frees an flock when its holder dies: no lock can go stale.

Whoever may open a file may lock it, so a lock file is 0600: other users of the machine cannot hold it. One that others
could open (an earlier release made it so) is replaced by a new file, and every holder looks whether its file still is
the one at the path.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_POLL_S = 0.05
_SILENCE_S = 2.0  # who waits longer is told for whom
_KERNEL_LOCKS = Path("/proc/locks")


class LockTimeoutError(RuntimeError):
    """Another live process holds the lock, or the file is not ours; the message names the file and the holder."""


def _say_nothing(_: str) -> None:
    return None


@contextmanager
def file_lock(path: Path, *, timeout_s: float = 180.0, say: Callable[[str], None] = _say_nothing) -> Iterator[None]:
    """Hold the flock of ``path`` (created if absent, never deleted) or raise LockTimeoutError after timeout_s. ``say``
    is told once for whom it waits. OSError where the file cannot be made."""
    descriptor = _acquired(path, timeout_s, say)
    try:
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # a full disk: the id only helps who looks into the file
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquired(path: Path, timeout_s: float, say: Callable[[str], None]) -> int:
    begin, is_told = time.monotonic(), False
    while True:
        descriptor = _open_private(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            waited_s = time.monotonic() - begin
            if waited_s >= timeout_s:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise LockTimeoutError(
                    f"{path} has been locked for more than {timeout_s:.0f} s by {holder}; "
                    "wait for it or end that process"
                ) from None
            if waited_s >= _SILENCE_S and not is_told:
                is_told = True
                say(f"waiting for {_holder(descriptor)}, which holds {path}")
            time.sleep(_POLL_S)
        os.close(descriptor)


def _open_private(path: Path) -> int:
    """The file, open; a new one in place of one that others could open. Never through a symbolic link."""
    if not _is_private(path):
        _replace(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    owner = path.parent.stat()
    if os.fstat(descriptor).st_uid != owner.st_uid and os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)  # root in a user's directory: the user must be able to go on
    return descriptor


def _is_private(path: Path) -> bool:
    """Whether there is no such file yet, or one that only its owner may open, and that is the directory's or ours."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    is_trusted = status.st_uid in {0, os.geteuid(), path.parent.stat().st_uid}
    is_usable = os.access(path, os.R_OK | os.W_OK, effective_ids=True)
    return is_trusted and is_usable and stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077


def _replace(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if _is_private(path):  # another process was quicker
        fresh.unlink()
    else:
        fresh.replace(path)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether another process has not replaced the file meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    """Who holds the lock by the kernel's word; what the file says may be of a process that is long dead."""
    status = os.fstat(descriptor)
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        entries = [line.split() for line in _KERNEL_LOCKS.read_text().splitlines()]
    except OSError:
        return "another process"
    for entry in entries:
        if "->" not in entry and place in entry:
            with suppress(psutil.Error, ValueError):
                holder = psutil.Process(int(entry[4]))
                return f"process {holder.pid} ({holder.name()}, user {holder.username()})"
    return "another process"
