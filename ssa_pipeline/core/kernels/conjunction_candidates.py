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


# columns of a row of the packed table; the last five hold what one object adds to the margin of a pair
X, Y, Z, VX, VY, VZ, ERROR, DRIFT, GRADIENT = range(9)
COLUMNS = 9
HIT_COLUMNS = 5
FASTEST_PAIR_KM_S = 25.0  # above any relative speed of two bound orbits that reach the ground


@njit
def _test_pair(table, a, b, threshold, tau, step, ids, hits, used):
    """Append (id a, id b, step, distance of the linear motion, relative speed) to ``hits`` where rows a and b may
    come below the threshold within ``tau`` of mid-step. Returns the new count, which may exceed the capacity."""
    dx = table[b, X] - table[a, X]
    dy = table[b, Y] - table[a, Y]
    dz = table[b, Z] - table[a, Z]
    ux = table[b, VX] - table[a, VX]
    uy = table[b, VY] - table[a, VY]
    uz = table[b, VZ] - table[a, VZ]
    dd = dx * dx + dy * dy + dz * dz
    uu = ux * ux + uy * uy + uz * uz
    du = dx * ux + dy * uy + dz * uz
    gradient = max(table[a, GRADIENT], table[b, GRADIENT])
    fixed = threshold + table[a, ERROR] + table[b, ERROR] + table[a, DRIFT] + table[b, DRIFT] + NUMERICS_KM
    fixed += gradient * 0.5 * threshold * tau * tau
    per_speed = gradient * tau * tau * tau / 3.0
    # most pairs fail with the largest margin that any speed can give: no square root, no division
    most = fixed + per_speed * (FASTEST_PAIR_KM_S + 0.2)
    if fabs(du) <= uu * tau:
        if dd * uu - du * du > most * most * uu:
            return used
        s = -du / uu if uu > 0.0 else 0.0
    else:
        s = -tau if du > 0.0 else tau
        if dd + s * (du + du + s * uu) > most * most:
            return used
    m2 = dd + s * (du + du + s * uu)
    speed = sqrt(uu)
    pad = fixed + per_speed * (speed + 0.2)
    if m2 > pad * pad:
        return used
    if used < hits.shape[0]:
        hits[used, 0] = ids[a]
        hits[used, 1] = ids[b]
        hits[used, 2] = step
        hits[used, 3] = sqrt(max(m2, 0.0))
        hits[used, 4] = speed
    return used + 1


@njit
def _narrow_pairs(a0, a1, b0, b1, window, radius, spread, table, threshold, tau, step, ids, hits, used):
    """Pairs of two lists of narrow objects sorted by radius, or of one with itself (a0 == b0)."""
    is_same = a0 == b0
    for a in range(a0, a1):
        # lists are sorted to a radius bin only, hence the bin's width on either side
        floor_ = radius[a] - window
        while b0 < b1 and radius[b0] < floor_ - RADIUS_BIN_KM:
            b0 += 1
        first = a + 1 if is_same else b0
        ceiling = radius[a] + window + RADIUS_BIN_KM
        room = threshold + spread[a]
        for b in range(first, b1):
            if radius[b] > ceiling:
                break
            if fabs(radius[b] - radius[a]) <= room + spread[b]:
                used = _test_pair(table, a, b, threshold, tau, step, ids, hits, used)
    return used


@njit
def _first_at_least(radius, low, high, value):
    while low < high:
        middle = (low + high) // 2
        if radius[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def _wide_pairs(
    a, ix, iy, iz, reach, cells, narrow_room, narrow_start, wide_start, radius, spread, table, threshold, tau, step,
    ids, hits, used,
):  # fmt: skip
    """Pairs of one wide object with all narrow and all later wide ones within its reach."""
    n_narrow = narrow_start[cells * cells * cells]
    room = threshold + spread[a]
    window = room + narrow_room + 2.0 * RADIUS_BIN_KM
    for jx in range(max(ix - reach, 0), min(ix + reach + 1, cells)):
        for jy in range(max(iy - reach, 0), min(iy + reach + 1, cells)):
            for jz in range(max(iz - reach, 0), min(iz + reach + 1, cells)):
                d = (jx * cells + jy) * cells + jz
                last = narrow_start[d + 1]
                if narrow_start[d] < last:
                    first = _first_at_least(radius, narrow_start[d], last, radius[a] - window)
                    for b in range(first, last):
                        if radius[b] > radius[a] + window:
                            break
                        if fabs(radius[b] - radius[a]) <= room + spread[b]:
                            used = _test_pair(table, a, b, threshold, tau, step, ids, hits, used)
                for b in range(max(n_narrow + wide_start[d], a + 1), n_narrow + wide_start[d + 1]):
                    if fabs(radius[b] - radius[a]) <= room + spread[b]:
                        used = _test_pair(table, a, b, threshold, tau, step, ids, hits, used)
    return used


@njit
def _sort_into_cells(radius, cell, narrow, order, count, cells):
    """Row numbers by (narrow before wide, cell, radius), and where each cell begins in either part.

    Two stable counting sorts: by radius bin, then by cell.
    """
    total = cells * cells * cells
    bins = np.zeros(RADIUS_BINS + 1, np.int32)
    by_radius = np.empty(count, np.int64)
    for k in range(count):
        bins[min(int(radius[order[k]] / RADIUS_BIN_KM), RADIUS_BINS - 1) + 1] += 1
    for b in range(RADIUS_BINS):
        bins[b + 1] += bins[b]
    for k in range(count):
        o = order[k]
        b = min(int(radius[o] / RADIUS_BIN_KM), RADIUS_BINS - 1)
        by_radius[bins[b]] = o
        bins[b] += 1
    narrow_start = np.zeros(total + 1, np.int64)
    wide_start = np.zeros(total + 1, np.int64)
    for k in range(count):
        o = order[k]
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
    rows = np.empty(count, np.int64)
    for k in range(count):
        o = by_radius[k]
        c = cell[o]
        if narrow[o]:
            rows[narrow_next[c]] = o
            narrow_next[c] += 1
        else:
            rows[wide_next[c]] = o
            wide_next[c] += 1
    return rows, narrow_start, wide_start


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
) -> int:
    """Append every pair that may come below ``threshold`` km within ``tau`` s of one instant to ``hits``.

    state (6, n) km and km/s at that instant, error_km and acceleration (n,) the bounds of the ephemeris, alive
    (n,) who takes part, room: largest radial room (km) of a narrow object. hits (capacity, HIT_COLUMNS) rows (a,
    b, step, distance, speed), of which ``used`` are taken. Returns the new count; where it exceeds the capacity
    the caller repeats the step with a larger table.
    """
    n = state.shape[1]
    radius = np.empty(n)
    spread = np.empty(n)
    speed = np.empty(n)
    cell = np.empty(n, np.int64)
    narrow = np.empty(n, np.bool_)
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
        # how far the radius can be from its value now, with this object's share of every other margin
        spread[o] = (
            1.05 * (fabs(radial) * tau + 0.5 * curve * tau * tau + jerk * tau * tau * tau / 6.0)
            + error_km[o]
            + NUMERICS_KM
        )
        radius[o] = r
        speed[o] = sqrt(v2)
        fastest = max(fastest, speed[o])
        narrow[o] = spread[o] <= room and speed[o] <= V_NARROW_KM_S and r >= R_FLOOR_KM
        ix = min(int((x / r + 1.0) / size), cells - 1)
        iy = min(int((y / r + 1.0) / size), cells - 1)
        iz = min(int((z / r + 1.0) / size), cells - 1)
        cell[o] = (ix * cells + iy) * cells + iz
        order[count] = o
        count += 1
    rows, narrow_start, wide_start = _sort_into_cells(radius, cell, narrow, order, count, cells)
    table = np.empty((count, COLUMNS))
    sorted_radius = np.empty(count)
    sorted_spread = np.empty(count)
    for k in range(count):
        o = rows[k]
        for c in range(6):
            table[k, c] = state[c, o]
        low = 0.97 * radius[o]
        table[k, ERROR] = error_km[o]
        table[k, DRIFT] = 0.5 * acceleration[o] * tau * tau
        table[k, GRADIENT] = 2.02 * MU / (low * low * low)
        sorted_radius[k] = radius[o]
        sorted_spread[k] = spread[o]
    window = threshold + 2.0 * room
    for ix in range(cells):
        for iy in range(cells):
            for iz in range(cells):
                c = (ix * cells + iy) * cells + iz
                a0 = narrow_start[c]
                a1 = narrow_start[c + 1]
                if a0 == a1:
                    continue
                for neighbour in range(13, 27):  # itself and the half of its neighbours that follow it
                    jx = ix + neighbour // 9 - 1
                    jy = iy + (neighbour // 3) % 3 - 1
                    jz = iz + neighbour % 3 - 1
                    if jx < 0 or jy < 0 or jz < 0 or jx >= cells or jy >= cells or jz >= cells:
                        continue
                    d = (jx * cells + jy) * cells + jz
                    b0 = narrow_start[d]
                    b1 = narrow_start[d + 1]
                    if b0 < b1:
                        used = _narrow_pairs(
                            a0, a1, b0, b1, window, sorted_radius, sorted_spread, table, threshold, tau, step, rows,
                            hits, used,
                        )  # fmt: skip
    for a in range(narrow_start[cells * cells * cells], count):
        o = rows[a]
        # the distance at mid-step of anything that this object can meet, and the chord between their directions
        far = 1.02 * (speed[o] + fastest) * tau + pad + error_km[o]
        inner = max(radius[o] - far, 0.9 * R_FLOOR_KM)
        reach = min(int(far / sqrt(radius[o] * inner) / size) + 1, cells)
        c = cell[o]
        used = _wide_pairs(
            a, c // (cells * cells), (c // cells) % cells, c % cells, reach, cells, room, narrow_start, wide_start,
            sorted_radius, sorted_spread, table, threshold, tau, step, rows, hits, used,
        )  # fmt: skip
    return used
