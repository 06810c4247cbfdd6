"""Link 4: the pairs that may come below the threshold, step by step. Complete by derivation: docs/sieve.md."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.kernels import conjunction_candidates as kernel
from ssa_pipeline.core.parallel import map_blocks
from ssa_pipeline.core.records import Candidates, EphemerisChunks, Float64, Int64
from ssa_pipeline.core.screening.interpolation import HALO, lagrange_weights
from ssa_pipeline.core.versions import CHUNK_FORMAT_VERSION
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, as_volumes
from ssa_pipeline.core.watch import SILENT, Watch

STEP_US = 240_000_000
LONGEST_STEP_US = 600_000_000  # gravity over half a step must stay a correction (g < 0.5 in docs/sieve.md)
ROOM_KM = 20.0  # radial room up to which an object takes the fast way through the sieve
MANY_PRIMARIES = 0.25  # of all objects: from here on primaries take the fast way too
STEPS_PER_BLOCK = 12


@dataclass(frozen=True)
class _SpacingClass:
    nodes: NDArray[np.int32]  # (count, 3, m)
    scale: Float64
    spacing_us: int
    first_node_us: int


def find_conjunction_candidates(
    chunks: EphemerisChunks,
    volumes: float | ScreeningVolumes,
    *,
    threads: int = 1,
    watch: Watch = SILENT,
    step_us: int = STEP_US,
) -> Candidates:
    """Every (pair, step) of the chunks' window in which the pair may enter a screening volume.

    ``volumes`` is a threshold in km for all pairs, or the volumes of the chunks' objects in their order: then pairs
    within the larger of the two spheres about their volumes are named, and only those that are asked for. Raises
    ValueError for a chunk format other than this version's, a threshold that is not positive, volumes of another number
    of objects, or a step outside of (0, LONGEST_STEP_US]; Cancelled.
    """
    if chunks.format_version != CHUNK_FORMAT_VERSION:
        raise ValueError(f"ephemeris chunk format {chunks.format_version}, expected {CHUNK_FORMAT_VERSION}")
    if not 0 < step_us <= LONGEST_STEP_US:
        raise ValueError(f"a step of {step_us} us is not above 0 and at most {LONGEST_STEP_US}")
    asked = as_volumes(volumes, len(chunks))
    order, classes = _by_spacing(chunks)
    steps = -(-(chunks.end_us - chunks.start_us) // step_us)
    sieve = _Sieve(chunks, asked, order, classes)

    def block(first: int, last: int) -> Float64:
        hits = _Hits(len(order))
        for step in range(first, last):
            watch.check()
            begin = chunks.start_us + step * step_us
            sieve.step(begin, min(begin + step_us, chunks.end_us), step, hits)
        return hits.rows[: hits.used]

    parts = map_blocks(block, steps, threads=threads, watch=watch, stage="sieve", block=STEPS_PER_BLOCK)
    hits = np.concatenate(parts) if parts else np.empty((0, kernel.HIT_COLUMNS))
    return _candidates(chunks, hits, order, asked, step_us)


class _Hits:
    """What a block of steps has found, and room for the states of ``n`` objects."""

    def __init__(self, n: int) -> None:
        self.rows, self.used = np.empty((4096, kernel.HIT_COLUMNS)), 0
        self.state = np.empty((6, n))


class _Sieve:
    """The sieve over the objects ``order`` of the chunks. Its margins hold for objects that are valid throughout; a
    step in which the validity of some begins or ends is cut there, and its pieces are sieved for those objects."""

    def __init__(
        self, chunks: EphemerisChunks, asked: ScreeningVolumes, order: Int64, classes: list[_SpacingClass]
    ) -> None:
        self._valid_from, self._valid_to = chunks.valid_from_us[order], chunks.valid_to_us[order]
        threshold, wanted = asked.reach_km[order], asked.is_primary[order]
        self._asked = kernel.Asked(
            error_km=chunks.error_bound_km[order],
            acceleration_km_s2=chunks.acceleration_bound_km_s2[order],
            alive=np.ones(len(order), dtype=np.bool_),
            threshold_km=threshold,
            wanted=wanted,
            base_threshold_km=_base_threshold(threshold, wanted),
            room_km=ROOM_KM,
        )
        self._cuts = np.unique(np.concatenate([self._valid_from, self._valid_to]))
        self._classes = classes
        self._weights = _Weights(classes)

    def step(self, begin: int, end: int, step: int, hits: _Hits) -> None:
        """Append what may meet in [begin, end) to ``hits``; a pair may be named twice."""
        is_whole = (self._valid_from <= begin) & (self._valid_to >= end)
        self._sieve(begin, end, self._asked._replace(alive=is_whole), step, hits)
        inside = self._cuts[np.searchsorted(self._cuts, begin, "right") : np.searchsorted(self._cuts, end, "left")]
        if not len(inside):
            return
        few = self._asked._replace(  # looked up one by one
            threshold_km=np.where(is_whole, 0.0, self._asked.threshold_km.max()),
            wanted=~is_whole,
            base_threshold_km=0.0,
        )
        for first, last in pairwise([begin, *inside.tolist(), end]):
            is_alive = (self._valid_from <= first) & (self._valid_to >= last)
            self._sieve(first, last, few._replace(alive=is_alive), step, hits)

    def _sieve(self, begin: int, end: int, asked: kernel.Asked, step: int, hits: _Hits) -> None:
        self._interpolate((begin + end) // 2, hits.state)
        while True:
            found = kernel.sieve_step(hits.state, asked, 0.5e-6 * (end - begin) + 1e-6, hits.rows, hits.used, step)
            if found <= len(hits.rows):
                break
            hits.rows = np.concatenate([hits.rows[: hits.used], np.empty((2 * found, kernel.HIT_COLUMNS))])
        hits.used = found

    def _interpolate(self, t_us: int, state: Float64) -> None:
        column = 0
        for spacing_class, (base, value, slope) in zip(self._classes, self._weights.at(t_us), strict=True):
            kernel.interpolate(
                spacing_class.nodes,
                base,
                value,
                slope,
                spacing_class.spacing_us * 1e-6,
                spacing_class.scale,
                state,
                column,
            )
            column += len(spacing_class.scale)


def _base_threshold(threshold: Float64, wanted: NDArray[np.bool_]) -> float:
    """The threshold up to which objects take the fast way through the sieve: it costs as much as all pairs do, so a
    few primaries are better looked up one by one."""
    if np.count_nonzero(wanted) < MANY_PRIMARIES * len(wanted):
        return 0.0
    return float(np.median(threshold[wanted])) if len(wanted) else 0.0


def slow_speed_km_s(reach_km: Float64) -> Float64:
    """Relative speed in km/s below which an encounter within ``reach_km`` (k,) is searched densely (docs/sieve.md):
    shape (k,)."""
    return np.maximum(np.minimum(0.022 * reach_km, 0.11), 0.01 * reach_km) + 0.01


def _candidates(
    chunks: EphemerisChunks, hits: Float64, rows: Int64, volumes: ScreeningVolumes, step_us: int
) -> Candidates:
    first, second = rows[hits[:, 0].astype(np.int64)], rows[hits[:, 1].astype(np.int64)]
    is_asked = volumes.is_asked(first, second)
    hits, first, second = hits[is_asked], first[is_asked], second[is_asked]
    reach = volumes.pair_reach_km(first, second)
    a, b = chunks.norad_id[first], chunks.norad_id[second]
    start = chunks.start_us + hits[:, 2].astype(np.int64) * step_us
    first, second = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((hits[:, 4], second, first, start))
    pair = np.stack([start, first, second])[:, order]
    order = order[np.any(np.diff(pair, axis=1, prepend=-1), axis=0)]  # once, at the lowest speed
    speed = hits[order, 4]
    start = start[order]
    return Candidates(
        norad_id_1=first[order],
        norad_id_2=second[order],
        step_start_us=start,
        step_end_us=np.minimum(start + step_us, chunks.end_us),
        approx_miss_km=hits[order, 3],
        approx_speed_km_s=speed,
        is_slow=speed < slow_speed_km_s(reach[order]),
    )


def _by_spacing(chunks: EphemerisChunks) -> tuple[Int64, list[_SpacingClass]]:
    """Objects with nodes, ordered class by class, and each class with its nodes side by side."""
    classes, order = [], []
    offsets = chunks.offsets
    usable = chunks.node_count > 0
    for spacing in np.unique(chunks.spacing_us[usable]):
        rows = np.flatnonzero(usable & (chunks.spacing_us == spacing))
        count = int(chunks.node_count[rows[0]])
        nodes = np.empty((count, 3, len(rows)), dtype=np.int32)
        for k in range(0, len(rows), 64):  # in strips, so that the transposition stays in the cache
            strip = rows[k : k + 64]
            stack = np.stack([chunks.nodes_int32[offsets[i] : offsets[i + 1]] for i in strip])
            nodes[:, :, k : k + len(strip)] = stack.reshape(len(strip), count, 3).transpose(1, 2, 0)
        order.append(rows)
        classes.append(
            _SpacingClass(nodes, chunks.scale_km[rows].copy(), int(spacing), int(chunks.first_node_us[rows[0]]))
        )
    return (np.concatenate(order) if order else np.empty(0, dtype=np.int64)), classes


class _Weights:
    """Interpolation weights at the middle of each step; only a few distinct offsets occur."""

    def __init__(self, classes: list[_SpacingClass]) -> None:
        self._classes = classes
        self._cache: dict[tuple[int, int], tuple[Float64, Float64]] = {}

    def at(self, t_us: int) -> list[tuple[int, Float64, Float64]]:
        """First node, weights of the value and of the slope (NODES,) of each class at an instant of the window."""
        return [self._one(c, t_us) for c in self._classes]

    def _one(self, spacing_class: _SpacingClass, t_us: int) -> tuple[int, Float64, Float64]:
        node, remainder = divmod(t_us - spacing_class.first_node_us, spacing_class.spacing_us)
        key = (spacing_class.spacing_us, remainder)
        if key not in self._cache:
            self._cache[key] = lagrange_weights(remainder / spacing_class.spacing_us)
        value, slope = self._cache[key]
        return node - (HALO - 1), value, slope
