"""Orbital regimes, told from mean elements."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ssa_pipeline.core.records import ElementSets, Float64, Text

_MU_KM3_S2 = 398600.8  # WGS-72, as SGP4
_RADIUS_KM = 6378.135
_SECONDS_PER_DAY = 86_400.0


class Regime(StrEnum):
    LEO = "LEO"  # apogee below 2,000 km
    MEO = "MEO"  # between LEO and GEO, eccentricity below 0.25
    GEO = "GEO"  # 0.9 to 1.1 revolutions a day, eccentricity below 0.1
    HEO = "HEO"  # eccentricity of 0.25 and more, apogee above 2,000 km
    HIGH = "beyond GEO"  # everything slower than GEO


def altitudes_km(elements: ElementSets) -> tuple[Float64, Float64]:
    """Mean perigee and apogee altitude above the equatorial radius, km, each of shape (n,)."""
    rate_rad_s = elements.mean_motion_rev_per_day * 2 * np.pi / _SECONDS_PER_DAY
    semi_major_km = np.cbrt(_MU_KM3_S2 / rate_rad_s**2)
    return (
        semi_major_km * (1 - elements.eccentricity) - _RADIUS_KM,
        semi_major_km * (1 + elements.eccentricity) - _RADIUS_KM,
    )


def regimes(elements: ElementSets) -> Text:
    """The Regime of every element set, shape (n,)."""
    _, apogee_km = altitudes_km(elements)
    revolutions, eccentricity = elements.mean_motion_rev_per_day, elements.eccentricity
    tests = [
        apogee_km < 2000,
        eccentricity >= 0.25,
        (np.abs(revolutions - 1) <= 0.1) & (eccentricity < 0.1),
        revolutions < 0.9,
    ]
    names = np.array([Regime.LEO, Regime.HEO, Regime.GEO, Regime.HIGH, Regime.MEO], dtype=object)
    chosen: Text = np.select(tests, list(names[:-1]), default=names[-1])
    return chosen
