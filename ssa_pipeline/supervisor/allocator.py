"""How the C library keeps memory that was freed."""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # of malloc.h
LARGE_BYTES = 512 * 1024


def return_large_arrays() -> None:
    """Have the memory of arrays go back to the system when they are freed; without glibc nothing is changed.

    Left alone, glibc raises the size from which it does so to 32 MB, keeps what lies below in a heap per thread, and
    a process that works in blocks grows with every one of them: by a tenth for each lead day screened.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
