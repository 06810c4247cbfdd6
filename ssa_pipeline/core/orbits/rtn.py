"""The frame in which encounters and changes of an orbit are told: radial, transverse, normal (docs/naming.md)."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.records import Float64


def rtn_axes(state: Float64) -> Float64:
    """Unit vectors R, T, N of each object's frame as rows, shape (k, 3, 3), from states (k, 6) in km and km/s of any
    inertial frame: R along the position, N along the orbital angular momentum, T completes. NaN where a state is."""
    radial = state[:, :3] / np.linalg.norm(state[:, :3], axis=1, keepdims=True)
    normal = np.cross(state[:, :3], state[:, 3:])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return np.stack([radial, np.cross(normal, radial), normal], axis=1)
