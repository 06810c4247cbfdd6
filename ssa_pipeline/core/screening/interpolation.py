"""Positions and velocities between the nodes of the ephemeris: central Lagrange interpolation.

No kernels here: whoever reads stored chunks interpolates them without a compiler.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.records import Float64, Int64

NODES = 12  # nodes in the interpolation formula
HALO = NODES // 2  # nodes needed on each side of an interval


def lagrange_weights(offset: float) -> tuple[Float64, Float64]:
    """Weights of value and first derivative (per node spacing) at ``offset`` in [0, 1] between the two middle
    nodes of NODES equidistant ones: two arrays of shape (NODES,)."""
    x = np.arange(NODES) - (HALO - 1.0)
    value = np.empty(NODES)
    slope = np.empty(NODES)
    for k in range(NODES):
        others = np.delete(x, k)
        scale = np.prod(x[k] - others)
        value[k] = np.prod(offset - others) / scale
        slope[k] = sum(np.prod(offset - np.delete(others, m)) for m in range(NODES - 1)) / scale
    return value, slope


def interpolate_chunk(
    nodes_int32: NDArray[np.int32], scale_km: float, first_node_us: int, spacing_us: int, t_us: Int64
) -> Float64:
    """States (k, 6) km and km/s, TEME, of one object at ``t_us`` (k,) from its nodes (count, 3) int32 of ``scale_km``
    per unit.

    The velocity is the derivative of the interpolated position. Raises ValueError for a time that the nodes do not
    surround by HALO on either side.
    """
    node, rest = np.divmod(t_us - first_node_us, spacing_us)
    at_border = (node == len(nodes_int32) - HALO) & (rest == 0)  # the end itself lies in the last interval
    node, rest = node - at_border, np.where(at_border, spacing_us, rest)
    if np.any((node < HALO - 1) | (node > len(nodes_int32) - HALO - 1)):
        raise ValueError("a time lies outside of the chunk")
    states = np.empty((len(t_us), 6))
    for k in range(len(t_us)):
        value, slope = lagrange_weights(rest[k] / spacing_us)
        around = nodes_int32[node[k] - (HALO - 1) : node[k] + HALO + 1] * scale_km
        states[k, :3] = value @ around
        states[k, 3:] = slope @ around / (spacing_us * 1e-6)
    return states
