"""Blocks of work over threads. Kernels release the GIL; results do not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ssa_pipeline.core.watch import Watch

T = TypeVar("T")

BLOCK = 256


def map_blocks(
    work: Callable[[int, int], T], total: int, *, threads: int, watch: Watch, stage: str, block: int = BLOCK
) -> list[T]:
    """``work(first, last)`` for consecutive blocks of range(total), results in order.

    Reports progress after each block. Raises Cancelled between blocks, and whatever ``work`` raises; blocks that have
    not begun by then are left out.
    """
    edges = [(first, min(first + block, total)) for first in range(0, total, block)]
    results: list[T] = []

    def guarded(edge: tuple[int, int]) -> T:
        watch.check()
        return work(*edge)

    if threads <= 1 or len(edges) <= 1:
        stream = map(guarded, edges)
        for result in stream:
            results.append(result)
            watch.progress(stage, len(results) / len(edges))
        return results
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(guarded, edge) for edge in edges]
        try:
            for future in futures:
                results.append(future.result())
                watch.progress(stage, len(results) / len(edges))
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return results
