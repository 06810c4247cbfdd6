"""What the machine offers: ports, disk, memory."""

from __future__ import annotations

import os
import random
import shutil
import socket
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
MINIMUM_MEMORY_BYTES = 4 * 1024**3
MINIMUM_FREE_DISK_BYTES = 3 * 1024**3
_PORT_RANGE = range(20_000, 30_000)  # below the kernel's ephemeral ports, so that a remembered port stays free


def name() -> str:
    """Of this host, as workers give it."""
    return socket.gethostname()


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def node(home: Path) -> str:
    """This installation on this host: ``host:/home/ssa/var``."""
    return f"{name()}:{home}"


def is_port_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """``preferred`` where it is free, else a free port chosen at random; OSError when there is none."""
    if preferred is not None and is_port_free(preferred):
        return preferred
    for port in random.sample(_PORT_RANGE, 200):
        if is_port_free(port):
            return port
    raise OSError(f"no free TCP port on {LOOPBACK} between {_PORT_RANGE.start} and {_PORT_RANGE.stop - 1}")


def next_free_port(first: int) -> int:
    """The first free port from ``first`` upwards; OSError when there is none within 100."""
    for port in range(first, min(first + 100, 65_536)):
        if is_port_free(port):
            return port
    raise OSError(f"no free TCP port on {LOOPBACK} between {first} and {first + 99}")


def free_disk_bytes(path: Path) -> int:
    """Free space of the file system that holds ``path`` or its nearest existing parent."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def memory_bytes() -> int:
    """Physical memory, or the limit of this control group where that is smaller."""
    limits = [psutil.virtual_memory().total]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def gigabytes(count: int) -> str:
    """A count of bytes in GB of 1024³: ``3.0 GB``."""
    return f"{count / 1024**3:.1f} GB"
