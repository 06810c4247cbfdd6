"""Pairs of points that lie near each other, without looking at all pairs: a hash of cubes."""

from __future__ import annotations

from itertools import product

import numpy as np

from ssa_pipeline.core.records import Float64, Int64

_OFFSET = 1 << 20  # cells of a kilometre reach beyond the Moon


def near_pairs(one: Float64, two: Float64, radius_km: float) -> tuple[Int64, Int64]:
    """Rows (i, j) with |one[i] - two[j]| <= radius_km, of points of shape (n, 3) and (m, 3), km. Points that are NaN or
    farther out than a million cells have no neighbours."""
    rows_1, cells_1 = _cells(one, radius_km)
    rows_2, cells_2 = _cells(two, radius_km)
    keys_2 = _keys(cells_2)
    order = np.argsort(keys_2, kind="stable")
    keys_2, rows_2 = keys_2[order], rows_2[order]
    found_1, found_2 = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for step in product((-1, 0, 1), repeat=3):
        keys = _keys(cells_1 + np.array(step))
        first, last = np.searchsorted(keys_2, keys, "left"), np.searchsorted(keys_2, keys, "right")
        counts = last - first
        found_1.append(np.repeat(rows_1, counts))
        starts = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        found_2.append(rows_2[starts + np.arange(int(counts.sum()))])
    i, j = np.concatenate(found_1), np.concatenate(found_2)
    is_near = np.linalg.norm(one[i] - two[j], axis=1) <= radius_km
    return i[is_near], j[is_near]


def _cells(points: Float64, size_km: float) -> tuple[Int64, Int64]:
    """Rows of the usable points, and their cubes, shape (k, 3)."""
    scaled = np.floor(points / size_km)
    rows = np.flatnonzero(np.all(np.abs(scaled) < _OFFSET - 2, axis=1))
    return rows, scaled[rows].astype(np.int64)


def _keys(cells: Int64) -> Int64:
    x, y, z = (cells + _OFFSET).T
    return np.asarray((x << 42) | (y << 21) | z)
