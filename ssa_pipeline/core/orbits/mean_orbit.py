"""Size of an orbit from its mean motion, with the constants of SGP4 (WGS-72)."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.records import ElementSets, Float64

EARTH_RADIUS_KM = 6378.135
EARTH_MU_KM3_S2 = 398600.8
J2 = 0.001082616


def semi_major_axis_km(element_sets: ElementSets) -> Float64:
    """From the Kozai mean motion, shape (n,)."""
    return np.asarray(np.cbrt(EARTH_MU_KM3_S2 / mean_motion_rad_s(element_sets) ** 2))


def mean_motion_rad_s(element_sets: ElementSets) -> Float64:
    return element_sets.mean_motion_rev_per_day * (2.0 * np.pi / 86_400.0)
