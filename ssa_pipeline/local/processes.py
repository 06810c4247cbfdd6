"""Processes that outlive their starter, found again by what the kernel says of them, not by files.

A started process and all its descendants carry ``SSA_SUPERVISED=<home>`` in their environment. So nothing is
lost with a file, a re-used process id is never taken for ours, and workers whose parent was killed are found.
Anyone can set a variable: only processes of the home's owner, of root and of the caller are believed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "SSA_SUPERVISED"
_POLL_S = 0.05
_DETACH = 'umask 077 && cd "$1" && shift && exec "$@"'


def is_alive(process: psutil.Process) -> bool:
    """False for a zombie too: a container whose first process does not reap keeps those for ever."""
    try:
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def process(pid: int) -> psutil.Process | None:
    """The living process of that id, or None."""
    try:
        found = psutil.Process(pid)
    except (psutil.NoSuchProcess, ValueError):
        return None
    return found if is_alive(found) else None


def own_id() -> int:
    """Of the process that asks."""
    return os.getpid()


def wait_gone(processes: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until none of them lives; those still alive after timeout_s. Reaps children of this process."""
    remaining = list(processes)
    deadline = time.monotonic() + timeout_s
    while True:
        for gone in remaining:
            with suppress(ChildProcessError):
                os.waitpid(gone.pid, os.WNOHANG)
        remaining = [one for one in remaining if is_alive(one)]
        if not remaining or time.monotonic() >= deadline:
            return remaining
        time.sleep(_POLL_S)


def end(processes: Iterable[psutil.Process], *, grace_s: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Signal them, wait grace_s, kill what is left. psutil.AccessDenied where they belong to someone else."""
    remaining = [one for one in processes if is_alive(one)]
    for number, patience_s in ((first, grace_s), (signal.SIGKILL, 10.0)):
        for one in remaining:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        remaining = wait_gone(remaining, patience_s)


def matching(test: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Living processes that pass ``test``; those that may not be looked at do not."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if test(one) and is_alive(one):
                found.append(one)
    return found


def supervised(home: Path) -> list[psutil.Process]:
    """Every living process started for this home and its descendants, without the caller and its ancestors, and
    without those of users who have no business here."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    trusted = trusted_users(home)
    return matching(
        lambda one: one.pid not in own and set(one.uids()) <= trusted and one.environ().get(MARK) == str(home)
    )


def trusted_users(home: Path) -> set[int]:
    """User ids whose processes may be services of this home: its owner's, root's, the caller's."""
    try:
        return {0, os.geteuid(), home.stat().st_uid}
    except OSError:
        return {0, os.geteuid()}


def spawn_detached(
    arguments: Sequence[str], *, environ: Mapping[str, str], log: Path, cwd: Path, home: Path
) -> psutil.Process:
    """Start a program in a session of its own, output appended to ``log``, marked as belonging to ``home``.

    posix_spawn returns after exec: no moment exists in which an interrupt leaves an unmarked process behind.
    """
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _DETACH, "sh", str(cwd), *arguments],
        {**environ, MARK: str(home)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT),
    )
    return psutil.Process(pid)


def log_tail(path: Path, *, lines: int, start: int = 0) -> list[str]:
    """The last lines of a log, at most the last 64 kB of it, from byte ``start`` on; empty when there is none."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start, size - 65_536))
            return log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
