"""Size and kind of an orbit from its mean elements, with the constants of SGP4 (WGS-72).

The mean motion is the one that the set gives, Kozai's; SGP4 itself goes on with Brouwer's, and a slightly other axis.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2, EARTH_RADIUS_KM
from ssa_pipeline.core.records import SECONDS_PER_DAY, ElementSets, Float64, Text


class Regime(StrEnum):
    """Of the rows that fit an orbit: LEO, HEO, GEO, HIGH in this order, else MEO."""

    LEO = "LEO"  # apogee below 2,000 km
    MEO = "MEO"  # between LEO and GEO, eccentricity below 0.25
    GEO = "GEO"  # 0.9 to 1.1 revolutions a day, eccentricity below 0.1
    HEO = "HEO"  # eccentricity of 0.25 and more, apogee above 2,000 km
    HIGH = "beyond GEO"  # everything else slower than 0.9 revolutions a day


def semi_major_axis_km(element_sets: ElementSets) -> Float64:
    """Km, from the Kozai mean motion by Kepler's third law: shape (n,)."""
    return np.asarray(np.cbrt(EARTH_MU_KM3_S2 / mean_motion_rad_s(element_sets) ** 2))


def mean_motion_rad_s(element_sets: ElementSets) -> Float64:
    """Kozai mean motion, rad/s, shape (n,)."""
    return element_sets.mean_motion_rev_per_day * (2.0 * np.pi / SECONDS_PER_DAY)


def perigee_altitude_km(element_sets: ElementSets) -> Float64:
    """Mean perigee above the equatorial radius, km, shape (n,)."""
    return semi_major_axis_km(element_sets) * (1.0 - element_sets.eccentricity) - EARTH_RADIUS_KM


def apogee_altitude_km(elements: ElementSets) -> Float64:
    """Mean apogee above the equatorial radius, km, shape (n,)."""
    return semi_major_axis_km(elements) * (1 + elements.eccentricity) - EARTH_RADIUS_KM


def regimes(elements: ElementSets) -> Text:
    """The Regime of every element set, shape (n,)."""
    revolutions, eccentricity = elements.mean_motion_rev_per_day, elements.eccentricity
    tests = {
        Regime.LEO: apogee_altitude_km(elements) < 2000,
        Regime.HEO: eccentricity >= 0.25,
        Regime.GEO: (np.abs(revolutions - 1) <= 0.1) & (eccentricity < 0.1),
        Regime.HIGH: revolutions < 0.9,
    }
    # Indices first: numpy would cut the names to one length.
    index = np.select(list(tests.values()), range(len(tests)), default=len(tests))
    names: Text = np.array([*tests, Regime.MEO], dtype=object)
    return np.asarray(names[index])
