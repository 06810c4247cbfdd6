"""How the C library keeps memory that was freed. Without glibc nothing is changed."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGE_BYTES = 2**20
KEPT_BYTES = 8 * 2**20  # at the end of a heap; with the default of 128 KiB every step of the sieve would ask anew


def return_large_arrays() -> None:
    """Have the memory of large arrays go back to the system when they are freed.

    Left alone, glibc raises the size from which it does so to 32 MB, keeps what lies below in a heap per thread, and
    a process that works in blocks grows with every one of them: by a tenth for each lead day screened.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def return_free_memory() -> None:
    """Give back what small objects and arrays left free in the heaps."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
