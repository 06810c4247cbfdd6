"""The sieve: pairs that may come below the threshold within one step. The margins are derived in docs/sieve.md."""

from __future__ import annotations

from math import fabs, sqrt

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.kernels._njit import njit

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Nodes = NDArray[np.int32]

MU = 398600.8
R_FLOOR_KM = 6400.0  # narrow objects lie above; what is lower goes the slower, general way
V_NARROW_KM_S = 8.0
RADIUS_BIN_KM = 1.0
RADIUS_BINS = 60_000
J2_ACCELERATION_KM_S2 = 3.0e-5  # largest acceleration that is not two-body, above the surface, drag apart
NUMERICS_KM = 0.02  # rounding of float64 positions and of the formula below, with room to spare


@njit
def interpolate(
    nodes: Nodes, base: int, value: Float, slope: Float, spacing_s: float, scale: Float, state: Float, first: int
) -> None:
    """Positions and velocities of one spacing class at one instant into columns ``first...`` of ``state``.

    nodes (count, 3, m) int32, weights (12,) for nodes base ... base + 11, scale (m,) km, state (6, n).
    """
    m = nodes.shape[2]
    for c in range(3):
        for o in range(m):
            q = scale[o]
            n0 = nodes[base, c, o]
            n1 = nodes[base + 1, c, o]
            n2 = nodes[base + 2, c, o]
            n3 = nodes[base + 3, c, o]
            n4 = nodes[base + 4, c, o]
            n5 = nodes[base + 5, c, o]
            n6 = nodes[base + 6, c, o]
            n7 = nodes[base + 7, c, o]
            n8 = nodes[base + 8, c, o]
            n9 = nodes[base + 9, c, o]
            n10 = nodes[base + 10, c, o]
            n11 = nodes[base + 11, c, o]
            state[c, first + o] = q * (
                value[0] * n0
                + value[1] * n1
                + value[2] * n2
                + value[3] * n3
                + value[4] * n4
                + value[5] * n5
                + value[6] * n6
                + value[7] * n7
                + value[8] * n8
                + value[9] * n9
                + value[10] * n10
                + value[11] * n11
            )
            state[3 + c, first + o] = (q / spacing_s) * (
                slope[0] * n0
                + slope[1] * n1
                + slope[2] * n2
                + slope[3] * n3
                + slope[4] * n4
                + slope[5] * n5
                + slope[6] * n6
                + slope[7] * n7
                + slope[8] * n8
                + slope[9] * n9
                + slope[10] * n10
                + slope[11] * n11
            )


@njit
def _test_pair(rows, a, b, threshold, tau, hit):
    """Whether rows a and b of ``rows`` (x, y, z, vx, vy, vz, r, radial room, error, acceleration at mid-step) may
    come below the threshold within ``tau``. Fills hit = (distance of the linear motion, relative speed)."""
    if fabs(rows[b, 6] - rows[a, 6]) > threshold + rows[a, 7] + rows[b, 7]:
        return False
    dx = rows[b, 0] - rows[a, 0]
    dy = rows[b, 1] - rows[a, 1]
    dz = rows[b, 2] - rows[a, 2]
    ux = rows[b, 3] - rows[a, 3]
    uy = rows[b, 4] - rows[a, 4]
    uz = rows[b, 5] - rows[a, 5]
    dd = dx * dx + dy * dy + dz * dz
    uu = ux * ux + uy * uy + uz * uz
    du = dx * ux + dy * uy + dz * uz
    low = 0.97 * min(rows[a, 6], rows[b, 6])
    cube = low * low * low
    t2 = tau * tau
    s = 0.0
    if fabs(du) > uu * tau:
        s = -tau if du > 0.0 else tau
    elif uu > 0.0:
        s = -du / uu
    m2 = dd + s * (du + du + s * uu)
    speed = sqrt(uu)
    pad = (
        threshold
        + rows[a, 8]
        + rows[b, 8]
        + 0.5 * (rows[a, 9] + rows[b, 9]) * t2
        + 2.02 * MU / cube * (0.5 * threshold * t2 + (speed + 0.2) * t2 * tau / 3.0)
        + NUMERICS_KM
    )
    if m2 > pad * pad:
        return False
    hit[0] = sqrt(max(m2, 0.0))
    hit[1] = speed
    return True


@njit
def _grown(buffer, used):
    bigger = np.empty((2 * buffer.shape[0], buffer.shape[1]))
    bigger[:used] = buffer[:used]
    return bigger


@njit
def _pairs_in_step(rows, cell, narrow, reach, count, cells, room, threshold, tau, hits, used, order, scratch, step):
    """All pair tests of one step. ``rows`` (n, 10), of which the first ``count`` of ``order`` take part; pairs are
    appended to ``hits`` as (row a, row b, step, distance, speed). Returns (hits, used)."""
    total = cells * cells * cells
    by_radius = scratch[0]
    sorted_rows = scratch[1]
    radius_count = scratch[2]
    # radius, then cell: two stable counting sorts leave every cell sorted by radius (to RADIUS_BIN_KM)
    radius_count[:] = 0
    for k in range(count):
        o = order[k]
        bin_ = min(int(rows[o, 6] / RADIUS_BIN_KM), RADIUS_BINS - 1)
        radius_count[bin_ + 1] += 1
    for b in range(RADIUS_BINS):
        radius_count[b + 1] += radius_count[b]
    for k in range(count):
        o = order[k]
        bin_ = min(int(rows[o, 6] / RADIUS_BIN_KM), RADIUS_BINS - 1)
        by_radius[radius_count[bin_]] = o
        radius_count[bin_] += 1
    narrow_start = np.zeros(total + 1, np.int64)
    wide_start = np.zeros(total + 1, np.int64)
    for k in range(count):
        o = by_radius[k]
        if narrow[o]:
            narrow_start[cell[o] + 1] += 1
        else:
            wide_start[cell[o] + 1] += 1
    for c in range(total):
        narrow_start[c + 1] += narrow_start[c]
        wide_start[c + 1] += wide_start[c]
    n_narrow = narrow_start[total]
    narrow_next = narrow_start[:total].copy()
    wide_next = wide_start[:total] + n_narrow
    for k in range(count):
        o = by_radius[k]
        if narrow[o]:
            sorted_rows[narrow_next[cell[o]]] = o
            narrow_next[cell[o]] += 1
        else:
            sorted_rows[wide_next[cell[o]]] = o
            wide_next[cell[o]] += 1
    packed = np.empty((count, 10))
    for k in range(count):
        packed[k] = rows[sorted_rows[k]]

    hit = np.empty(2)
    window = threshold + 2.0 * room + RADIUS_BIN_KM
    for ix in range(cells):
        for iy in range(cells):
            for iz in range(cells):
                c = (ix * cells + iy) * cells + iz
                a0 = narrow_start[c]
                a1 = narrow_start[c + 1]
                if a0 == a1:
                    continue
                for a in range(a0, a1):
                    limit = packed[a, 6] + window
                    for b in range(a + 1, a1):
                        if packed[b, 6] > limit:
                            break
                        if _test_pair(packed, a, b, threshold, tau, hit):
                            if used == hits.shape[0]:
                                hits = _grown(hits, used)
                            hits[used, 0] = sorted_rows[a]
                            hits[used, 1] = sorted_rows[b]
                            hits[used, 2] = step
                            hits[used, 3] = hit[0]
                            hits[used, 4] = hit[1]
                            used += 1
                for neighbour in range(14, 27):
                    jx = ix + neighbour // 9 - 1
                    jy = iy + (neighbour // 3) % 3 - 1
                    jz = iz + neighbour % 3 - 1
                    if jx < 0 or jy < 0 or jz < 0 or jx >= cells or jy >= cells or jz >= cells:
                        continue
                    d = (jx * cells + jy) * cells + jz
                    b0 = narrow_start[d]
                    b1 = narrow_start[d + 1]
                    for a in range(a0, a1):
                        if b0 == b1:
                            break
                        floor_ = packed[a, 6] - window - RADIUS_BIN_KM
                        while b0 < b1 and packed[b0, 6] < floor_:
                            b0 += 1
                        limit = packed[a, 6] + window
                        for b in range(b0, b1):
                            if packed[b, 6] > limit:
                                break
                            if _test_pair(packed, a, b, threshold, tau, hit):
                                if used == hits.shape[0]:
                                    hits = _grown(hits, used)
                                hits[used, 0] = sorted_rows[a]
                                hits[used, 1] = sorted_rows[b]
                                hits[used, 2] = step
                                hits[used, 3] = hit[0]
                                hits[used, 4] = hit[1]
                                used += 1

    for a in range(n_narrow, count):
        o = sorted_rows[a]
        c = cell[o]
        ix = c // (cells * cells)
        iy = (c // cells) % cells
        iz = c % cells
        n = reach[o]
        spread = threshold + packed[a, 7] + room + RADIUS_BIN_KM
        for jx in range(max(ix - n, 0), min(ix + n + 1, cells)):
            for jy in range(max(iy - n, 0), min(iy + n + 1, cells)):
                for jz in range(max(iz - n, 0), min(iz + n + 1, cells)):
                    d = (jx * cells + jy) * cells + jz
                    first = narrow_start[d]
                    last = narrow_start[d + 1]
                    if first != last:
                        floor_ = packed[a, 6] - spread - RADIUS_BIN_KM
                        limit = packed[a, 6] + spread
                        low = first
                        high = last
                        while low < high:
                            middle = (low + high) // 2
                            if packed[middle, 6] < floor_:
                                low = middle + 1
                            else:
                                high = middle
                        # radii are sorted to a bin only: step back over the bin that the search cut
                        while low > first and packed[low - 1, 6] >= floor_ - RADIUS_BIN_KM:
                            low -= 1
                        for b in range(low, last):
                            if packed[b, 6] > limit + RADIUS_BIN_KM:
                                break
                            if _test_pair(packed, a, b, threshold, tau, hit):
                                if used == hits.shape[0]:
                                    hits = _grown(hits, used)
                                hits[used, 0] = sorted_rows[a]
                                hits[used, 1] = sorted_rows[b]
                                hits[used, 2] = step
                                hits[used, 3] = hit[0]
                                hits[used, 4] = hit[1]
                                used += 1
                    for b in range(max(n_narrow + wide_start[d], a + 1), n_narrow + wide_start[d + 1]):
                        if _test_pair(packed, a, b, threshold, tau, hit):
                            if used == hits.shape[0]:
                                hits = _grown(hits, used)
                            hits[used, 0] = sorted_rows[a]
                            hits[used, 1] = sorted_rows[b]
                            hits[used, 2] = step
                            hits[used, 3] = hit[0]
                            hits[used, 4] = hit[1]
                            used += 1
    return hits, used


@njit
def sieve_step(
    state: Float,
    error_km: Float,
    acceleration: Float,
    alive: NDArray[np.bool_],
    threshold: float,
    tau: float,
    room: float,
    hits: Float,
    used: int,
    step: int,
) -> tuple[Float, int]:
    """Append every pair that may come below ``threshold`` km within ``tau`` s of one instant to ``hits``.

    state (6, n) km and km/s at that instant, error_km and acceleration (n,) the bounds of the ephemeris, alive
    (n,) who takes part, room: largest radial room (km) of a narrow object. hits (capacity, 5) rows (a, b, step,
    distance, speed); a grown copy may be returned. Returns (hits, used).
    """
    n = state.shape[1]
    rows = np.empty((n, 10))
    cell = np.empty(n, np.int64)
    narrow = np.empty(n, np.bool_)
    reach = np.ones(n, np.int64)
    order = np.empty(n, np.int64)
    pad = 1.1 * threshold + 5.0
    size = 2.02 * (V_NARROW_KM_S * tau + 0.5 * pad) / R_FLOOR_KM
    cells = int(2.0 / size) + 1
    fastest = 0.0
    count = 0
    for o in range(n):
        if not alive[o]:
            continue
        x, y, z = state[0, o], state[1, o], state[2, o]
        vx, vy, vz = state[3, o], state[4, o], state[5, o]
        r = sqrt(x * x + y * y + z * z)
        radial = (x * vx + y * vy + z * vz) / r
        v2 = vx * vx + vy * vy + vz * vz
        centrifugal = max(v2 - radial * radial, 0.0) / r
        gravity = MU / (r * r)
        curve = fabs(centrifugal - gravity) + J2_ACCELERATION_KM_S2 + acceleration[o]
        jerk = fabs(radial) * 4.0 * max(centrifugal, gravity) / r
        # how far the radius can be from its value now, plus this object's share of every other margin
        spread = 1.05 * (fabs(radial) * tau + 0.5 * curve * tau * tau + jerk * tau * tau * tau / 6.0)
        rows[o, 0], rows[o, 1], rows[o, 2] = x, y, z
        rows[o, 3], rows[o, 4], rows[o, 5] = vx, vy, vz
        rows[o, 6] = r
        rows[o, 7] = spread + error_km[o] + NUMERICS_KM
        rows[o, 8] = error_km[o]
        rows[o, 9] = acceleration[o]
        speed = sqrt(v2)
        fastest = max(fastest, speed)
        narrow[o] = rows[o, 7] <= room and speed <= V_NARROW_KM_S and r >= R_FLOOR_KM
        ix = min(int((x / r + 1.0) / size), cells - 1)
        iy = min(int((y / r + 1.0) / size), cells - 1)
        iz = min(int((z / r + 1.0) / size), cells - 1)
        cell[o] = (ix * cells + iy) * cells + iz
        order[count] = o
        count += 1
    for k in range(count):
        o = order[k]
        if not narrow[o]:
            r = rows[o, 6]
            speed = sqrt(rows[o, 3] * rows[o, 3] + rows[o, 4] * rows[o, 4] + rows[o, 5] * rows[o, 5])
            # the distance at mid-step of anything that this object can meet, and the chord between directions
            far = 1.02 * (speed + fastest) * tau + pad + rows[o, 8]
            inner = max(r - far, 0.9 * R_FLOOR_KM)
            reach[o] = min(int(far / sqrt(r * inner) / size) + 1, cells)
    scratch = (
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(RADIUS_BINS + 1, np.int64),
    )
    return _pairs_in_step(
        rows, cell, narrow, reach, count, cells, room, threshold, tau, hits, used, order, scratch, step
    )
