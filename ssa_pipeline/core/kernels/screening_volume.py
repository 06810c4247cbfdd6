"""When a pair of objects is inside a screening volume, on SGP4 positions (derivation: docs/volumes.md).

A volume is ``(radius, half_r, half_t, half_n)`` in km: the points within the radius and between the three pairs of
faces, in the RTN frame of its owner.
"""

from __future__ import annotations

from math import ceil, fabs, sqrt

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2 as MU
from ssa_pipeline.core.constants import EARTH_RADIUS_KM as SURFACE_KM
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import Pair
from ssa_pipeline.core.kernels.sgp4.propagate import propagate

Float = NDArray[np.float64]
Int = NDArray[np.int64]

NEVER = -(2**62)
NOT_TWO_BODY_KM_S2 = 1.0e-4  # both objects' accelerations that are not two-body, drag apart, with room to spare
STRAIGHT_KM = 1.0e-6  # a piece of path that bends less is straight
PIECE = 0.05  # radians that an object moves in one piece of path, at most
STACK = 64


@njit
def _relative(pair, t_us, x):
    """Position of b in the RTN frame of a (km) into ``x`` (4,), whose last value becomes the relative speed; and the
    largest angular rate (1/s) of a's motion."""
    work = pair.work
    propagate(pair.coef_a, (t_us - pair.epoch_a) / 6.0e7, work[0, 6:], work[0, :6])
    propagate(pair.coef_b, (t_us - pair.epoch_b) / 6.0e7, work[1, 6:], work[1, :6])
    px, py, pz, vx, vy, vz = work[0, 0], work[0, 1], work[0, 2], work[0, 3], work[0, 4], work[0, 5]
    dx, dy, dz = work[1, 0] - px, work[1, 1] - py, work[1, 2] - pz
    radius = sqrt(px * px + py * py + pz * pz)
    hx, hy, hz = py * vz - pz * vy, pz * vx - px * vz, px * vy - py * vx
    momentum = sqrt(hx * hx + hy * hy + hz * hz)
    rx, ry, rz = px / radius, py / radius, pz / radius
    nx, ny, nz = hx / momentum, hy / momentum, hz / momentum
    x[0] = dx * rx + dy * ry + dz * rz
    x[1] = dx * (ny * rz - nz * ry) + dy * (nz * rx - nx * rz) + dz * (nx * ry - ny * rx)
    x[2] = dx * nx + dy * ny + dz * nz
    x[3] = sqrt((work[1, 3] - vx) ** 2 + (work[1, 4] - vy) ** 2 + (work[1, 5] - vz) ** 2)
    return max(sqrt(vx * vx + vy * vy + vz * vz) / radius, sqrt(MU / (radius * radius * radius)))


@njit
def _part_inside(x, y, volume, pad):
    """First and last part (0 to 1) of the straight path from x to y within the volume grown by ``pad``; the first is
    the larger where the path misses it."""
    first, last = 0.0, 1.0
    dd, du, uu = 0.0, 0.0, 0.0
    for c in range(3):
        u = y[c] - x[c]
        dd += x[c] * x[c]
        du += x[c] * u
        uu += u * u
        half = volume[c + 1] + pad
        if u == 0.0:
            if fabs(x[c]) > half:
                return 1.0, 0.0
            continue
        s, t = (-half - x[c]) / u, (half - x[c]) / u
        first, last = max(first, min(s, t)), min(last, max(s, t))
    radius = volume[0] + pad
    outside = dd - radius * radius
    if uu == 0.0:
        return (first, last) if outside <= 0.0 else (1.0, 0.0)
    root = du * du - uu * outside
    if root < 0.0:
        return 1.0, 0.0
    root = sqrt(root)
    return max(first, (-du - root) / uu), min(last, (-du + root) / uu)


@njit
def _bend(speed, rate, radius, apart, acceleration):
    """Bound (km/s²) of the acceleration of one object in the other's rotating frame, at most ``apart`` km away. The
    line between two objects above the surface dips by at most apart² / (4 · its radius)."""
    low = max(radius - apart, SURFACE_KM - 0.25 * apart * apart / SURFACE_KM)
    gravity = 2.0 * MU / (low * low * low) * apart
    return gravity + NOT_TWO_BODY_KM_S2 + acceleration + 2.0 * rate * speed + 5.0 * rate * rate * apart


@njit
def first_inside(pair: Pair, volume: Float, apart: float, acceleration: float, from_us: int, to_us: int) -> int:
    """The first microsecond from ``from_us`` towards ``to_us`` (which may be the earlier one) at which b is inside
    the volume (4,) of a; NEVER where there is none. ``apart``: distance (km) that the two do not exceed meanwhile;
    acceleration (km/s²): that of both together which is not two-body."""
    work = pair.work
    here, there = np.empty(4), np.empty(4)
    left, right = np.empty((STACK, 4)), np.empty((STACK, 4))
    begin, end = np.empty(STACK), np.empty(STACK)  # seconds from ``at``
    sign = 1 if to_us >= from_us else -1
    at = from_us
    rate = _relative(pair, at, here)
    _, last = _part_inside(here, here, volume, 0.0)
    if last == 1.0:
        return at
    while at != to_us:
        radius = sqrt(work[0, 0] ** 2 + work[0, 1] ** 2 + work[0, 2] ** 2)
        length = min(int(PIECE / rate * 1.0e6), sign * (to_us - at))
        rate_there = _relative(pair, at + sign * length, there)
        rate = 1.1 * max(rate, rate_there)
        seconds = 1.0e-6 * length
        speed = max(here[3], there[3]) + rate * rate * apart * seconds + 0.01
        bend = _bend(speed, rate, 0.9 * radius, apart, acceleration)
        left[0], right[0] = here, there
        begin[0], end[0] = 0.0, seconds
        depth = 1
        while depth > 0:
            depth -= 1
            span = end[depth] - begin[depth]
            pad = 0.125 * bend * span * span
            first, last = _part_inside(left[depth], right[depth], volume, pad)
            if first > last:
                continue
            if pad < STRAIGHT_KM:
                return at + sign * min(ceil(1.0e6 * (begin[depth] + first * span)), length)
            middle = int(0.5e6 * (begin[depth] + end[depth]) + 0.5)
            _relative(pair, at + sign * middle, left[depth + 1])
            # the later half waits below the earlier one
            begin[depth + 1], end[depth + 1] = begin[depth], 1.0e-6 * middle
            right[depth + 1] = left[depth + 1]
            keep = left[depth].copy()
            left[depth] = left[depth + 1]
            begin[depth] = 1.0e-6 * middle
            left[depth + 1] = keep
            depth += 2
        rate = rate_there
        here, there = there, here
        at += sign * length
    return NEVER
