"""Element sets as rows of SGP4 coefficients. Constants WGS-72, opsmode 'i', TEME of date, UTC.

Source: Vallado et al., AIAA 2006-6753 (`core.kernels.sgp4`). Nothing is raised for a set that SGP4 cannot start from or
carry on: that is a code (`core.status`).
"""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.constants import EARTH_RADIUS_KM
from ssa_pipeline.core.kernels import validity as validity_kernel
from ssa_pipeline.core.kernels.sgp4.coefficients import COEF_SIZE
from ssa_pipeline.core.kernels.sgp4.init import init_element_sets
from ssa_pipeline.core.kernels.sgp4.propagate import propagate_each
from ssa_pipeline.core.orbits.satrec import DAYS_1949_TO_1970
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Float64, Int64

PROPAGATOR = "SGP4 (compiled port of python-sgp4 2.27)"
CONSTANTS = "WGS-72, opsmode i"

SURFACE_KM = EARTH_RADIUS_KM  # SGP4's own: nothing is screened below
LOW_PERIGEE_KM = SURFACE_KM + 100.0  # below, drag is beyond what the elements know
HISTORY_US = 60 * MICROSECONDS_PER_DAY  # a decay is searched at most this long before a window


def sgp4_epoch_days(elements: ElementSets) -> Float64:
    """Epochs in days since 1949-12-31 00:00 UTC, correctly rounded: shape (n,)."""
    return (elements.epoch_us + DAYS_1949_TO_1970 * MICROSECONDS_PER_DAY) / float(MICROSECONDS_PER_DAY)


def sgp4_coefficients(elements: ElementSets) -> Float64:
    """Everything ``kernels.sgp4`` needs, one row per element set: shape (n, COEF_SIZE)."""
    n = len(elements)
    mean = np.empty((n, 8))
    mean[:, 0] = sgp4_epoch_days(elements)
    mean[:, 1] = elements.bstar
    mean[:, 2] = elements.eccentricity
    mean[:, 3] = np.radians(elements.arg_perigee_deg)
    mean[:, 4] = np.radians(elements.inclination_deg)
    mean[:, 5] = np.radians(elements.mean_anomaly_deg)
    mean[:, 6] = elements.mean_motion_rev_per_day * (2.0 * np.pi / 1440.0)
    mean[:, 7] = np.radians(elements.raan_deg)
    coefficients = np.empty((n, COEF_SIZE))
    init_element_sets(mean, coefficients)
    return coefficients


def states_at(coefficients: Float64, minutes_from_epoch: Float64) -> tuple[Float64, Float64]:
    """States of n objects at one time each, in minutes from their epochs (n,): (n, 6) km and km/s TEME, and SGP4's
    error codes (n,). For codes 1 to 4 the state is NaN."""
    n = len(coefficients)
    states = np.empty((n, 6))
    codes = np.empty(n)
    propagate_each(coefficients, np.ascontiguousarray(minutes_from_epoch, dtype=np.float64), states, codes)
    return states, codes


def find_validity(
    coefficients: Float64,
    epoch_us: Int64,
    from_us: int,
    to_us: int,
    *,
    floor_km: float = SURFACE_KM,
    is_thorough: bool = False,
) -> tuple[Int64, Int64]:
    """When n objects can be propagated from their epochs: (n, 2) = [first, end) in microseconds within [from_us,
    to_us), and (n,) why that is shorter (core.status), 0 where it is not.

    It ends for good where SGP4 first fails, puts the object below the surface or beyond twice its apogee; with another
    ``floor_km`` (km from the centre), where the object first comes below that.
    """
    validity = np.empty((len(coefficients), 2), dtype=np.int64)
    code = np.empty(len(coefficients), dtype=np.int64)
    validity_kernel.find_validity(
        coefficients, epoch_us, from_us, to_us, HISTORY_US, floor_km, is_thorough, validity, code
    )
    return validity, code
