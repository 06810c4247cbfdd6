"""The sieve: pairs that may come below their threshold within one step. Every margin is derived in docs/sieve.md.

One file, though a long one: a stage stands beside its plain twin and its derivation as a whole
(`unit/core/kernels/test_rules.py`).
"""

from __future__ import annotations

from math import asin, cos, fabs, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2 as MU
from ssa_pipeline.core.constants import EARTH_RADIUS_KM
from ssa_pipeline.core.kernels._njit import inlined, njit

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
Nodes = NDArray[np.int32]
Bool = NDArray[np.bool_]

R_FLOOR_KM = 6400.0  # narrow objects lie above; what is lower goes the slower, general way
# no SGP4 position that is valid lies lower, and its interpolant by no more than the error bound
R_LEAST_KM = EARTH_RADIUS_KM
LEAST_LINE_KM = 5400.0  # the straight line between two objects that can meet in the longest step lies above
R_CEILING_KM = 50_000.0  # and below
R_LOW_KM = 8800.0  # shells are as thin as can be below, HIGH_SHELL_KM thick above
HIGH_SHELL_KM = 200.0
V_NARROW_KM_S = 8.0
GRAVITY_KM_S2 = 0.0099  # above the largest gravity above the surface, oblateness included
J2_ACCELERATION_KM_S2 = 3.3e-5  # largest acceleration that is not two-body, above the surface, drag apart
NUMERICS_KM = 0.02  # rounding of float64 positions and of the formulas below, with room to spare
# the coarse test runs in float32 on coordinates up to R_CEILING_KM and on what can meet in a step
ROUNDING_KM = 0.1
ROUNDING_KM2 = 4.0
ALPHA = 3.8  # (f + k u)² <= (1 + ALPHA) f² + (1 + 1/ALPHA) k² u², tight for fast encounters in low orbits

LANES = 8  # rows that are tested together; the columns of the table are padded by as many
TURN_BINS = 64  # parts of a turn about the axis
MOST_CHORD = 1.2  # caps of directions wider than this are taken for the whole sphere
PLAN_ROWS = 50_000  # ranges planned before they are scanned
HIT_COLUMNS = 5


class Grid(NamedTuple):
    """How a step divides space: by radius into shells, by latitude into bands, by turn about the axis into bins."""

    tau: float  # s, half of the step
    room: float  # km, largest radial room of a narrow object
    base_threshold: float  # km, the threshold that most objects have
    width: float  # km, thickness of a low shell
    n_low: int  # low shells
    shells: int
    bands: int
    sine: float  # of the cap in which a narrow object meets others
    edges: Float  # (bands + 1,) sines of the latitudes between the bands


class Asked(NamedTuple):
    """What is known and asked of the n objects of a step."""

    error_km: Float  # (n,) bound of the ephemeris
    acceleration_km_s2: Float  # (n,) bound of what is not two-body
    alive: Bool  # (n,) who takes part: valid throughout the step
    threshold_km: Float  # (n,) a pair's is the larger of its two
    wanted: Bool  # (n,) at least one of a pair must be
    base_threshold_km: float  # the threshold that most objects have
    room_km: float  # largest radial room of a narrow object


class Objects(NamedTuple):
    """The n objects at the middle of the step."""

    state: Float  # (6, n) km and km/s
    about: Float  # (5, n) radius, speed, radial room, margin, rest (``_describe``)
    turns: Int32  # (4, n) band, bin, first and last bin of the cap (``_place``)
    threshold: Float  # (n,) km
    wanted: Bool  # (n,)


class Table(NamedTuple):
    """Those m that take part, in the order in which they are tested: narrow ones first."""

    rows: Int32  # (m,) object
    key: Int32  # (n,) shell, band and bin of each object
    n_narrow: int
    start: Int32  # first row of each key of the narrow ones
    wide_start: Int32  # and of the wide ones
    tested: Float32  # (8, m + LANES) position, velocity, margin, threshold
    slacks: Float32  # (2, m) alpha and beta of the coarse test, filled when planned
    gradient: Float  # (m,) of gravity, 1/s², filled when planned


class Extremes(NamedTuple):
    """Of those that take part."""

    fastest: float  # km/s
    most: float  # km, largest sum of threshold and margin
    least: float  # km, radius that none comes below
    any_narrow_wanted: bool
    needs_wanted: bool  # some are not wanted


@njit
def interpolate(
    nodes: Nodes, base: int, value: Float, slope: Float, spacing_s: float, scale: Float, state: Float, first: int
) -> None:
    """Positions and velocities of one spacing class at one instant into columns ``first...`` of ``state``.

    nodes (count, 3, m) int32; value and slope (12,) the weights of nodes base ... base + 11 (Lagrange,
    `core.screening.interpolation`); scale (m,) km per unit; state (6, n) km and km/s, TEME.
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
def _series_remainder(radius, speed, spread, error, tau):
    """Bound (km) of the terms from the sixth on of a two-body orbit's Taylor series in time, |s| <= tau."""
    low = max(radius - spread, R_LEAST_KM - error)
    w2 = MU / (low * low * low)
    n2 = max(w2, (speed + GRAVITY_KM_S2 * tau) * (speed + GRAVITY_KM_S2 * tau) / (low * low))
    sixth = w2 * (radius + spread) * (120.0 * n2 * n2 + 204.0 * n2 * w2 + 22.0 * w2 * w2)
    t2 = tau * tau
    return sixth * t2 * t2 * t2 / 720.0


@njit
def _describe(state, error, acceleration, tau, about):
    """Fill ``about`` (5, n): radius (km), speed (km/s), radial room (km: how far the radius can be from its value now,
    with this object's share of every other margin), margin and rest (km) of every object."""
    radius, speed, spread, margin, rest = about[0], about[1], about[2], about[3], about[4]
    for o in range(state.shape[1]):
        x, y, z = state[0, o], state[1, o], state[2, o]
        vx, vy, vz = state[3, o], state[4, o], state[5, o]
        r = sqrt(x * x + y * y + z * z)
        inverse = 1.0 / r
        radial = fabs(x * vx + y * vy + z * vz) * inverse
        v2 = vx * vx + vy * vy + vz * vz
        centrifugal = max(v2 - radial * radial, 0.0) * inverse
        gravity = MU * inverse * inverse
        stiffness = 4.0 * max(centrifugal, gravity) * inverse
        curve = fabs(centrifugal - gravity) + J2_ACCELERATION_KM_S2 + acceleration[o]
        jerk = radial * stiffness
        snap = 1.25 * stiffness * (curve + 4.0 * radial * radial * inverse)
        radius[o] = r
        speed[o] = sqrt(v2)
        spread[o] = (
            1.05 * tau * (radial + tau * (curve / 2.0 + tau * (jerk / 6.0 + tau * snap / 24.0)))
            + error[o]
            + NUMERICS_KM
        )
        margin[o] = error[o] + 0.5 * acceleration[o] * tau * tau
        rest[o] = _series_remainder(r, speed[o], spread[o], error[o], tau)


@njit
def _two_body(state, o, s, out):
    """Position and velocity of object ``o`` after ``s`` seconds on its two-body orbit: Lagrange's f and g through
    the fifth power of time (Bate, Mueller, White 1971, section 5.2)."""
    x, y, z = state[0, o], state[1, o], state[2, o]
    vx, vy, vz = state[3, o], state[4, o], state[5, o]
    r2 = x * x + y * y + z * z
    u = MU / (r2 * sqrt(r2))
    p = (x * vx + y * vy + z * vz) / r2
    q = (vx * vx + vy * vy + vz * vz) / r2 - u
    f2 = -0.5 * u
    f3 = 0.5 * u * p
    f4 = (3.0 * u * q - 15.0 * u * p * p + u * u) / 24.0
    f5 = (7.0 * u * p * p * p - 3.0 * u * p * q - u * u * p) / 8.0
    g3 = -u / 6.0
    g4 = 0.25 * u * p
    g5 = (9.0 * u * q - 45.0 * u * p * p + u * u) / 120.0
    f = 1.0 + s * s * (f2 + s * (f3 + s * (f4 + s * f5)))
    g = s * (1.0 + s * s * (g3 + s * (g4 + s * g5)))
    df = s * (2.0 * f2 + s * (3.0 * f3 + s * (4.0 * f4 + s * 5.0 * f5)))
    dg = 1.0 + s * s * (3.0 * g3 + s * (4.0 * g4 + s * 5.0 * g5))
    out[0] = f * x + g * vx
    out[1] = f * y + g * vy
    out[2] = f * z + g * vz
    out[3] = df * x + dg * vx
    out[4] = df * y + dg * vy
    out[5] = df * z + dg * vz


@njit
def _closest_on_segment(d, u, limit_s):
    """(squared least distance, its time) of the linear motion d + u s in |s| <= limit_s; d and u in one (6,)."""
    dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    uu = u[0] * u[0] + u[1] * u[1] + u[2] * u[2]
    du = d[0] * u[0] + d[1] * u[1] + d[2] * u[2]
    if fabs(du) <= uu * limit_s:
        s = -du / uu if uu > 0.0 else 0.0
    else:
        s = -limit_s if du > 0.0 else limit_s
    return max(dd + s * (du + du + s * uu), 0.0), s, uu


@njit
def _confirm(state, margin, rest, threshold, gradient, tau, a, b, work):
    """Whether objects a and b may come below ``threshold`` within ``tau`` s, and (distance, speed) at the closest
    point: the motion is expanded anew where its linear form is closest, so that gravity hardly matters."""
    for c in range(6):
        work[0, c] = state[c, b] - state[c, a]
    m2, s, uu = _closest_on_segment(work[0, :3], work[0, 3:], tau)
    stretch = gradient * tau * tau
    fixed = (1.0 + 0.5 * stretch) / (1.0 - stretch) * (threshold + margin[a] + margin[b] + NUMERICS_KM)
    pad = fixed + gradient * tau * tau * tau / (3.0 * (1.0 - stretch)) * sqrt(uu)
    if m2 > pad * pad:
        return False, 0.0, 0.0
    window = 2.0 * tau
    if pad < window * sqrt(uu):
        window = pad / sqrt(uu)
    _two_body(state, a, s, work[1])
    _two_body(state, b, s, work[2])
    for c in range(6):
        work[0, c] = work[2, c] - work[1, c]
    m2, _, uu = _closest_on_segment(work[0, :3], work[0, 3:], window)
    away = sqrt(work[0, 0] ** 2 + work[0, 1] ** 2 + work[0, 2] ** 2) + 1.1 * sqrt(uu) * window
    limit = (
        threshold
        + NUMERICS_KM
        + (margin[a] + margin[b]) / (1.0 - stretch)
        + (rest[a] + rest[b]) * (1.0 + 6.0 * window / tau)
        + 0.55 * gradient * away * window * window
    )
    return m2 <= limit * limit, sqrt(m2), sqrt(uu)


@njit
def _may_meet(dx, dy, dz, ux, uy, uz, fixed, alpha, beta, tau):
    """The coarse test in float32, without branches, so that the loop around it is vectorised: whether the linear
    motion comes within fixed + k |u| in |s| <= tau."""
    dd = dx * dx + dy * dy + dz * dz
    uu = ux * ux + uy * uy + uz * uz
    du = abs(dx * ux + dy * uy + dz * uz)
    pad2 = alpha * fixed * fixed + beta * uu + np.float32(ROUNDING_KM2)
    travel = tau * uu
    is_near = dd - tau * (du + du - travel) <= pad2
    is_passing = (du <= travel) & (dd * uu - du * du <= pad2 * uu)
    return is_near | is_passing


@njit
def _scan(plan, n_ranges, objects, table, needs_wanted, tau_s, step, hits, used):
    """Test the row of every planned range against the rows of the range; append what is confirmed to ``hits``."""
    tested = table.tested
    x, y, z, vx, vy, vz = tested[0], tested[1], tested[2], tested[3], tested[4], tested[5]
    fixed, reach = tested[6], tested[7]
    alpha, beta, tau = table.slacks[0], table.slacks[1], np.float32(tau_s)
    rows, gradient, threshold, wanted = table.rows, table.gradient, objects.threshold, objects.wanted
    state, margin, rest, work = objects.state, objects.about[3], objects.about[4], np.empty((3, 6))
    for k in range(n_ranges):
        a = plan[k, 0]
        first = plan[k, 1]
        last = plan[k, 2]
        ax, ay, az = x[a], y[a], z[a]
        au, av, aw = vx[a], vy[a], vz[a]
        af, ar, slack, growth = fixed[a], reach[a], alpha[a], beta[a]
        found = np.int32(0)
        # whole vectors, a few rows too many; an unsigned index has no negative values to check for, which would keep
        # the loop from being vectorised
        whole = (last - first + LANES - 1) // LANES * LANES
        for b in range(np.uint64(first), np.uint64(first + whole)):
            room = fixed[b] + af + max(reach[b], ar)
            is_found = _may_meet(
                x[b] - ax, y[b] - ay, z[b] - az, vx[b] - au, vy[b] - av, vz[b] - aw, room, slack, growth, tau
            )
            found = np.int32(found + np.int32(is_found))
        if found == 0:
            continue
        o = rows[a]
        for b in range(first, last):
            room = fixed[b] + af + max(reach[b], ar)
            if not _may_meet(
                x[b] - ax, y[b] - ay, z[b] - az, vx[b] - au, vy[b] - av, vz[b] - aw, room, slack, growth, tau
            ):
                continue
            p = rows[b]
            if needs_wanted and not (wanted[o] or wanted[p]):
                continue
            is_hit, miss, speed = _confirm(
                state, margin, rest, max(threshold[o], threshold[p]), gradient[a], tau_s, o, p, work
            )
            if is_hit:
                if used < hits.shape[0]:
                    hits[used, 0] = o
                    hits[used, 1] = p
                    hits[used, 2] = step
                    hits[used, 3] = miss
                    hits[used, 4] = speed
                used += 1
    return used


@njit
def _sort(key, count, n_keys, order):
    """Stable counting sort of ``order[:count]`` by ``key``: (order sorted, first place of each key (n_keys + 1,))."""
    start = np.zeros(n_keys + 1, np.int32)
    for k in range(count):
        start[key[order[k]] + 1] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    place = start[:n_keys].copy()
    rows = np.empty(count, np.int32)
    for k in range(count):
        o = order[k]
        rows[place[key[o]]] = o
        place[key[o]] += 1
    return rows, start


@njit
def _shell_of(radius, width, n_low):
    if radius < R_LOW_KM:
        return min(int((radius - R_FLOOR_KM) / width), n_low - 1)  # the last one is thicker, never thinner
    return n_low + int((radius - R_LOW_KM) / max(HIGH_SHELL_KM, width))


@njit
def _low_point(radius, apart):
    """Least radius on the straight line between two points at ``radius`` or above, ``apart`` km from each other."""
    half = 0.5 * apart
    return max(sqrt(max(radius * radius - half * half, 0.0)), LEAST_LINE_KM)


@njit
def _filter_constants(low, tau):
    """(gravity gradient 1/s², alpha, beta) of the coarse test for pairs whose line stays above ``low`` km."""
    gradient = 2.02 * MU / (low * low * low)
    stretch = gradient * tau * tau
    factor = (1.0 + 0.5 * stretch) / (1.0 - stretch)
    k = gradient * tau * tau * tau / (3.0 * (1.0 - stretch))
    return gradient, np.float32((1.0 + ALPHA) * factor * factor), np.float32((1.0 + 1.0 / ALPHA) * k * k * 1.0001)


@inlined
def _turn_bin(x, y):
    """Which of TURN_BINS parts of a turn the direction (x, y) lies in, by a measure that rises with its angle."""
    turn = x / (fabs(x) + fabs(y) + 1e-300)
    turn = 1.0 - turn if y >= 0.0 else 3.0 + turn
    return np.int32(min(turn * (TURN_BINS / 4), TURN_BINS - 1.0))


@inlined
def _turn_window(x, y, r, sine):
    """First and last bin of the directions that a cap of radius asin(``sine``) about (x, y, .) spans; the first is the
    larger one where the window passes the end of the turn, (0, TURN_BINS - 1) where it is the whole turn."""
    s = 1.000001 * sine * r / sqrt(x * x + y * y + 1e-300)
    is_whole = s >= 1.0
    s = min(s, 1.0)
    c = sqrt(1.0 - s * s)
    low = _turn_bin(x * c + y * s, y * c - x * s)
    high = _turn_bin(x * c - y * s, y * c + x * s)
    return np.int32(0) if is_whole else low, np.int32(TURN_BINS - 1) if is_whole else high


@njit
def _band_of(z, edges):
    """The band of latitude whose sine ``z`` lies in; ``edges`` (bands + 1,) rise from -1 to 1."""
    band = 0
    for k in range(1, edges.shape[0] - 1):
        band += z >= edges[k]
    return band


@njit
def _place(state, radius, sine, edges, band, turn, low, high):
    """Band and bin of every direction, and the bins that a cap of radius asin(``sine``) about it spans."""
    n = radius.shape[0]
    for o in range(n):
        x, y = state[0, o], state[1, o]
        turn[o] = _turn_bin(x, y)
        low[o], high[o] = _turn_window(x, y, radius[o], sine)
        band[o] = 0
    for k in range(1, edges.shape[0] - 1):
        edge = edges[k]
        for o in range(n):
            band[o] += np.int32(state[2, o] >= edge * radius[o])


@njit
def _plan_window(a, key, low, high, start, after, plan, n):
    """Append the rows of bins ``low`` to ``high`` of the band that begins at ``key``, those from row ``after`` on."""
    end = high if low <= high else TURN_BINS - 1
    first, last = max(start[key + low], after), start[key + end + 1]
    if first < last:
        plan[n, 0], plan[n, 1], plan[n, 2] = a, first, last
        n += 1
    if low > high:
        first, last = max(start[key], after), start[key + high + 1]
        if first < last:
            plan[n, 0], plan[n, 1], plan[n, 2] = a, first, last
            n += 1
    return n


@njit
def _grid(base_threshold, room, tau):
    width = base_threshold + 2.0 * room
    n_low = max(int((R_LOW_KM - R_FLOOR_KM) / width), 1)
    shells = n_low + int((R_CEILING_KM - R_LOW_KM) / max(HIGH_SHELL_KM, width)) + 2  # the last one stays empty
    chord = 2.02 * (V_NARROW_KM_S * tau + 0.5 * base_threshold + room + 1.0) / R_FLOOR_KM
    sine = 1.0
    bands = 1
    if chord < MOST_CHORD:
        sine = chord * sqrt(1.0 - 0.25 * chord * chord)
        bands = max(int(pi / (2.0 * asin(0.5 * chord))), 1)
    edges = np.empty(bands + 1)
    for k in range(bands + 1):
        edges[k] = -cos(pi * k / bands)
    return Grid(tau, room, base_threshold, width, n_low, shells, bands, sine, edges)


@njit
def _tabulate(objects, alive, grid):
    """The Table of those that are ``alive`` (n,): narrow objects by shell, band and bin, wide ones by band and bin."""
    about, turns, threshold = objects.about, objects.turns, objects.threshold
    room, base_threshold, width, n_low = grid.room, grid.base_threshold, grid.width, grid.n_low
    per_shell = grid.bands * TURN_BINS
    n = about.shape[1]
    key = np.empty(n, np.int32)
    narrow = np.empty(n, np.int32)
    wide = np.empty(n, np.int32)
    n_narrow = 0
    n_wide = 0
    for o in range(n):
        if not alive[o]:
            continue
        key[o] = turns[0, o] * TURN_BINS + turns[1, o]
        radius = about[0, o]
        if (
            about[2, o] <= room
            and about[1, o] <= V_NARROW_KM_S
            and threshold[o] <= base_threshold
            and R_FLOOR_KM <= radius < R_CEILING_KM
        ):
            key[o] += _shell_of(radius, width, n_low) * per_shell
            narrow[n_narrow] = o
            n_narrow += 1
        else:
            wide[n_wide] = o
            n_wide += 1
    narrow_rows, start = _sort(key, n_narrow, grid.shells * per_shell, narrow)
    wide_rows, wide_start = _sort(key, n_wide, per_shell, wide)
    rows = np.concatenate((narrow_rows, wide_rows))
    m = rows.shape[0]
    tested = _tested(objects.state, about, threshold, rows)
    wide_start = wide_start + np.int32(n_narrow)
    return Table(rows, key, n_narrow, start, wide_start, tested, np.empty((2, m), np.float32), np.empty(m))


@njit
def _tested(state, about, threshold, rows):
    """What the coarse test reads, (8, rows + LANES) float32: position, velocity, margin, threshold."""
    n = state.shape[1]
    record = np.empty((n, 8), np.float32)  # one object's values side by side: one miss of the cache each
    for o in range(n):
        for c in range(6):
            record[o, c] = state[c, o]
        record[o, 6] = about[3, o] + ROUNDING_KM
        record[o, 7] = threshold[o]
    table = np.zeros((8, rows.shape[0] + LANES), np.float32)
    for k in range(rows.shape[0]):
        o = rows[k]
        for c in range(8):
            table[c, k] = record[o, c]
    return table


@njit
def _plan_narrow(a, objects, table, grid, plan):
    """Plan narrow objects from row ``a`` on against each other: (row to go on with, ranges planned)."""
    width, n_low, bands, room, tau = grid.width, grid.n_low, grid.bands, grid.room, grid.tau
    rows, key, start, turns = table.rows, table.key, table.start, objects.turns
    slacks, gradient, n_narrow = table.slacks, table.gradient, table.n_narrow
    per_shell = bands * TURN_BINS
    planned = 0
    shell_before = -1
    while a < n_narrow and planned <= PLAN_ROWS:
        o = rows[a]
        shell = key[o] // per_shell
        if shell != shell_before:
            bottom = R_FLOOR_KM + shell * width if shell < n_low else R_LOW_KM
            low = _low_point(bottom - room, 2.02 * V_NARROW_KM_S * tau + width + 2.0)
            shell_gradient, shell_alpha, shell_beta = _filter_constants(low, tau)
            shell_before = shell
        gradient[a], slacks[0, a], slacks[1, a] = shell_gradient, shell_alpha, shell_beta
        band, first, last = turns[0, o], turns[2, o], turns[3, o]
        base = shell * per_shell
        here = base + band * TURN_BINS
        planned = _plan_window(a, here, first, last, start, a + 1, plan, planned)
        if band + 1 < bands:
            planned = _plan_window(a, here + TURN_BINS, first, last, start, 0, plan, planned)
        for other in range(max(band - 1, 0), min(band + 2, bands)):
            above = base + per_shell + other * TURN_BINS
            planned = _plan_window(a, above, first, last, start, 0, plan, planned)
        a += 1
    return a, planned


@njit
def _cap(x, y, z, radius, chord, edges):
    """(first band, last band, first bin, last bin) of the directions no farther than ``chord`` from (x, y, z)."""
    bands = edges.shape[0] - 1
    if chord >= MOST_CHORD:
        return 0, bands - 1, np.int32(0), np.int32(TURN_BINS - 1)
    sine = chord * sqrt(1.0 - 0.25 * chord * chord)
    cosine = 1.0 - 0.5 * chord * chord
    up = z / radius
    across = sqrt(max(1.0 - up * up, 0.0))
    first_band = 0
    last_band = bands - 1
    has_pole = across <= sine
    if not has_pole or up > 0.0:
        first_band = _band_of(up * cosine - across * sine - 1e-6, edges)
    if not has_pole or up <= 0.0:
        last_band = _band_of(up * cosine + across * sine + 1e-6, edges)
    first, last = _turn_window(x, y, radius, sine)
    return first_band, last_band, first, last


@njit
def _plan_wide(a, planned, objects, table, grid, extremes, plan):
    """Plan wide objects from row ``a`` on against narrow ones and each other: (row to go on with, ranges planned)."""
    width, n_low, shells, bands, edges = grid.width, grid.n_low, grid.shells, grid.bands, grid.edges
    room, tau, base_threshold = grid.room, grid.tau, grid.base_threshold
    state, about, threshold, wanted = objects.state, objects.about, objects.threshold, objects.wanted
    rows, start, wide_start, slacks, gradient = table.rows, table.start, table.wide_start, table.slacks, table.gradient
    fastest, most, least = extremes.fastest, extremes.most, extremes.least
    any_narrow_wanted = extremes.any_narrow_wanted
    per_shell = bands * TURN_BINS
    while a < rows.shape[0] and planned <= PLAN_ROWS:
        o = rows[a]
        radius, speed, spread = about[0, o], about[1, o], about[2, o]
        travel = 1.05 * GRAVITY_KM_S2 * tau * tau + most + about[3, o] + 1.0
        inside = max(radius - (speed + fastest) * tau - travel, least)
        far = (speed + min(fastest, 1.02 * sqrt(2.0 * MU / inside))) * tau + travel
        low = max(_low_point(least, far), radius - spread - far)
        gradient[a], slacks[0, a], slacks[1, a] = _filter_constants(low, tau)
        first_band, last_band, first, last = _cap(
            state[0, o], state[1, o], state[2, o], radius, far / sqrt(radius * inside), edges
        )
        if wanted[o] or any_narrow_wanted:
            window = spread + max(threshold[o], base_threshold) + room
            top = min(max(radius + window, R_FLOOR_KM), R_CEILING_KM - 1.0)
            shell = _shell_of(max(radius - window, R_FLOOR_KM), width, n_low)
            while shell <= min(_shell_of(top, width, n_low), shells - 1):
                for other in range(first_band, last_band + 1):
                    there = shell * per_shell + other * TURN_BINS
                    planned = _plan_window(a, there, first, last, start, 0, plan, planned)
                shell += 1
        # other wide objects: each pair once, by the row that comes first
        for other in range(first_band, last_band + 1):
            planned = _plan_window(a, other * TURN_BINS, first, last, wide_start, a + 1, plan, planned)
        a += 1
    return a, planned


@njit
def _extremes(objects, rows, n_narrow):
    about, threshold, wanted = objects.about, objects.threshold, objects.wanted
    fastest = 0.0
    most = 0.0
    margin = 0.0
    any_narrow_wanted = False
    any_unwanted = False
    for k in range(rows.shape[0]):
        o = rows[k]
        fastest = max(fastest, about[1, o])
        most = max(most, threshold[o] + about[3, o])
        margin = max(margin, about[3, o])
        any_narrow_wanted |= wanted[o] and k < n_narrow
        any_unwanted |= not wanted[o]
    return Extremes(fastest, most, max(R_LEAST_KM - margin, LEAST_LINE_KM), any_narrow_wanted, any_unwanted)


@njit
def sieve_step(state: Float, asked: Asked, tau: float, hits: Float, used: int, step: int) -> int:
    """Append every pair that may come below its threshold within ``tau`` s of one instant to ``hits``.

    state (6, n) km and km/s, TEME, at that instant; hits (capacity, HIT_COLUMNS) rows (a, b, step, distance km, speed
    km/s), of which ``used`` are taken. Returns the new count; where it exceeds the capacity the caller repeats the step
    with a larger table.
    """
    n = state.shape[1]
    objects = Objects(state, np.empty((5, n)), np.empty((4, n), np.int32), asked.threshold_km, asked.wanted)
    _describe(state, asked.error_km, asked.acceleration_km_s2, tau, objects.about)
    grid = _grid(asked.base_threshold_km, asked.room_km, tau)
    turns = objects.turns
    _place(state, objects.about[0], grid.sine, grid.edges, turns[0], turns[1], turns[2], turns[3])
    table = _tabulate(objects, asked.alive, grid)
    extremes = _extremes(objects, table.rows, table.n_narrow)
    plan = np.empty((PLAN_ROWS + 2 * (grid.shells + 1) * grid.bands, 3), np.int32)
    a = 0 if extremes.any_narrow_wanted else table.n_narrow
    while True:
        a, planned = _plan_narrow(a, objects, table, grid, plan)
        if a >= table.n_narrow:
            a, planned = _plan_wide(a, planned, objects, table, grid, extremes, plan)
        used = _scan(plan, planned, objects, table, extremes.needs_wanted, tau, step, hits, used)
        if a == table.rows.shape[0]:
            return used
