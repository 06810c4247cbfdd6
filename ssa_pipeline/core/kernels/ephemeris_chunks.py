"""Nodes of the ephemeris and their error bounds.

Times are integer microseconds; ``propagate`` gets minutes from the epoch computed from their exact difference,
so any two windows that contain one instant see bit-identical states there.
"""

from __future__ import annotations

from math import fabs, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.constants import EARTH_MU_KM3_S2 as MU
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.propagate import propagate
from ssa_pipeline.core.kernels.sgp4.vector import VECTOR, VECTOR_SCRATCH, propagate_near_earth

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Objects(NamedTuple):
    """The n objects whose nodes are made."""

    coef: Float  # (n, COEF_SIZE)
    epoch_us: Int  # (n,)
    valid_us: Int  # (n, 2) first and end of validity
    widest: Int  # (n,) index of the spacing with which the search begins


class Formula(NamedTuple):
    """How the nodes are laid and will be interpolated, and what bounds the error of that
    (`core.screening.ephemeris_chunks`)."""

    spacings_us: Int  # descending
    limit_km: float  # of the error bound: above it the next finer spacing is taken
    halo: int  # nodes needed on each side of an interval
    order: int  # of the difference that bounds the error
    jump_factor: float  # from the largest such difference to the bound
    derivative: Float  # (2 m + 1,) weights of the second derivative, per spacing squared


class Scratch(NamedTuple):
    """Room for one object at a time; its results mean nothing to the caller."""

    resonance: Float  # (3,) SGP4's integrator
    state: Float  # (6,)
    rows: Float  # (VECTOR_SCRATCH,)


@njit
def _two_body(position, velocity, dt, steps, out):
    """Crude but smooth continuation of a failed object: Kepler motion by ``steps`` leapfrog steps of dt s."""
    x, y, z = position[0], position[1], position[2]
    vx, vy, vz = velocity[0], velocity[1], velocity[2]
    for _ in range(steps):
        r2 = x * x + y * y + z * z
        k = -MU / (r2 * sqrt(r2)) * 0.5 * dt
        vx += k * x
        vy += k * y
        vz += k * z
        x += vx * dt
        y += vy * dt
        z += vz * dt
        r2 = x * x + y * y + z * z
        k = -MU / (r2 * sqrt(r2)) * 0.5 * dt
        vx += k * x
        vy += k * y
        vz += k * z
    out[0], out[1], out[2] = x, y, z
    out[3], out[4], out[5] = vx, vy, vz


@njit
def _sgp4_nodes(coef, epoch_us, first_us, spacing_us, first, last, nodes, scratch):
    """SGP4 positions at nodes ``first`` ... ``last - 1``; False where SGP4 fails at one of them."""
    rows, out = scratch.rows, scratch.state
    if coef[at.DEEP] == 0.0 and coef[at.ISIMP] == 0.0:
        for begin in range(first, last, VECTOR):
            count = min(VECTOR, last - begin)
            minutes = (first_us + begin * spacing_us - epoch_us) / 6.0e7
            if not propagate_near_earth(coef, minutes, spacing_us / 6.0e7, count, rows):
                return False
            for c in range(3):
                for j in range(count):
                    nodes[c, begin + j] = rows[c * VECTOR + j]
        return True
    for j in range(first, last):
        if propagate(coef, (first_us + j * spacing_us - epoch_us) / 6.0e7, scratch.resonance, out) != 0:
            return False
        for c in range(3):
            nodes[c, j] = out[c]
    return True


@njit
def _fill_nodes(coef, epoch_us, first_us, spacing_us, begin_us, end_us, nodes, scratch):
    """SGP4 positions at the nodes (3, n) inside validity [begin_us, end_us]; beyond it the last good state moves on
    as a two-body orbit, so that interpolation stays smooth up to the border. False where SGP4 fails inside."""
    edge, out = np.empty(6), scratch.state
    n = nodes.shape[1]
    first_good = 0
    while first_good < n and first_us + first_good * spacing_us < begin_us:
        first_good += 1
    last_good = n - 1
    while last_good >= 0 and first_us + last_good * spacing_us > end_us - 1:
        last_good -= 1
    if not _sgp4_nodes(coef, epoch_us, first_us, spacing_us, first_good, last_good + 1, nodes, scratch):
        return False
    for side in range(2):
        outer = n - 1 - last_good if side == 0 else first_good
        if outer <= 0:
            continue
        t = end_us - 1 if side == 0 else begin_us
        sign = 1 if side == 0 else -1
        propagate(coef, (t - epoch_us) / 6.0e7, scratch.resonance, edge)
        j = last_good + 1 if side == 0 else first_good - 1
        while 0 <= j < n:
            gap = (first_us + j * spacing_us - t) * 1.0e-6
            _two_body(edge[:3], edge[3:], gap / 60.0, 60, out)
            for c in range(3):
                nodes[c, j] = out[c]
            for c in range(6):  # as a slice this would take two seconds to compile
                edge[c] = out[c]
            t = first_us + j * spacing_us
            j += sign
    return True


@njit
def _largest(x, y, z, n):
    """Largest of x² + y² + z² over the first n; NaN where one is not a number."""
    worst = 0.0
    for j in range(n):
        square = x[j] * x[j] + y[j] * y[j] + z[j] * z[j]
        if not square <= worst and worst == worst:  # nothing is larger than NaN, nor hides it
            worst = square
    return worst


@njit
def _bounds(nodes, spacing_s, formula, work):
    """(error bound km, bound of the non-two-body acceleration km/s²) of the interpolation through ``nodes`` (3, n);
    work (3, >= n) is scratch."""
    n, order, derivative = nodes.shape[1], formula.order, formula.derivative
    for c in range(3):
        difference = work[c]
        for j in range(n):
            difference[j] = nodes[c, j]
        for k in range(order):
            for j in range(n - 1 - k):
                difference[j] = difference[j + 1] - difference[j]
    worst = _largest(work[0], work[1], work[2], n - order)
    width = derivative.shape[0]
    half = width // 2
    inner = n - 2 * half
    for c in range(3):
        second = work[c]
        for j in range(inner):
            second[j] = 0.0
        for k in range(width):
            d = derivative[k] / (spacing_s * spacing_s)
            for j in range(inner):
                second[j] += d * nodes[c, j + k]
    for j in range(inner):
        px, py, pz = nodes[0, j + half], nodes[1, j + half], nodes[2, j + half]
        r2 = px * px + py * py + pz * pz
        g = MU / (r2 * sqrt(r2))
        work[0, j] += g * px
        work[1, j] += g * py
        work[2, j] += g * pz
    return sqrt(worst) * formula.jump_factor, sqrt(_largest(work[0], work[1], work[2], inner))


@njit
def fill_objects(
    objects: Objects, start_us: int, end_us: int, formula: Formula, quantised: NDArray[np.int32], columns: Float
) -> int:
    """Quantised nodes (TEME) of objects one after the other into ``quantised``, each at the widest spacing whose error
    bound is below the formula's limit (else the finest).

    columns (n, 5): spacing_us, node count (-1 where SGP4 fails within the validity claimed, 0 where there is none), km
    per unit, error bound km, acceleration bound km/s². Returns the length used of ``quantised``.
    """
    coef, epoch_us, valid = objects.coef, objects.epoch_us, objects.valid_us
    spacings_us, halo = formula.spacings_us, formula.halo
    finest = (end_us - start_us + spacings_us[-1] - 1) // spacings_us[-1] + 2 * halo
    buffer = np.empty((3, finest))
    work = np.empty((3, finest))
    scratch = Scratch(np.zeros(3), np.empty(6), np.empty(VECTOR_SCRATCH))
    used = 0
    for i in range(coef.shape[0]):
        columns[i, 0], columns[i, 1], columns[i, 2], columns[i, 3], columns[i, 4] = spacings_us[0], 0.0, 1.0, 0.0, 0.0
        if valid[i, 0] >= min(valid[i, 1], end_us) or valid[i, 1] <= start_us:
            continue
        for k in range(objects.widest[i], spacings_us.shape[0]):
            spacing = spacings_us[k]
            count = (end_us - start_us + spacing - 1) // spacing + 2 * halo
            first_us = start_us - (halo - 1) * spacing
            nodes = buffer[:, :count]
            scratch.resonance[0] = 0.0
            columns[i, 0] = spacing
            columns[i, 1] = count
            if not _fill_nodes(coef[i], epoch_us[i], first_us, spacing, valid[i, 0], valid[i, 1], nodes, scratch):
                columns[i, 1] = -1.0
                break
            columns[i, 3], columns[i, 4] = _bounds(nodes, spacing * 1.0e-6, formula, work)
            if columns[i, 3] <= formula.limit_km:
                break
        if columns[i, 1] > 0.0:
            count = int(columns[i, 1])
            columns[i, 2] = _quantise(buffer[:, :count], quantised[used:])
            used += 3 * count
    return used


@njit
def _quantise(nodes, out):
    """Scale the coordinates (3, count) to int32, node after node, in ``out``; returns km per unit."""
    largest = 0.0
    for c in range(3):
        for j in range(nodes.shape[1]):
            largest = max(largest, fabs(nodes[c, j]))
    scale = largest / 2147483000.0 if largest > 0.0 else 1.0
    for j in range(nodes.shape[1]):
        for c in range(3):
            out[3 * j + c] = np.int32(np.rint(nodes[c, j] / scale))
    return scale
