"""Element sets as python-sgp4 records: WGS-72 constants, opsmode ``i``, epochs to the microsecond.

The catalogue number stays outside (sgp4 refuses numbers above 339999); every record carries 0.
"""

from __future__ import annotations

from math import pi

from sgp4.api import WGS72, Satrec

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets

DAYS_1949_TO_1970 = 7306  # from 1949-12-31, SGP4's epoch zero
_JD_OF_SGP4_DAY_0 = 2433281.5
_JD_OF_UNIX_DAY_0 = _JD_OF_SGP4_DAY_0 + DAYS_1949_TO_1970
_RADIANS = pi / 180.0
_RAD_PER_MIN = 2.0 * pi / 1440.0
_PER_DAY_SQUARED = _RAD_PER_MIN / 1440.0
_PER_DAY_CUBED = _PER_DAY_SQUARED / 1440.0


def julian_date(us: int) -> tuple[float, float]:
    """(jd, fr) of microseconds since 1970, as ``Satrec.sgp4`` takes them: jd ends in .5, 0 ≤ fr < 1."""
    day, rest = divmod(int(us), MICROSECONDS_PER_DAY)
    return _JD_OF_UNIX_DAY_0 + day, rest / MICROSECONDS_PER_DAY


def to_satrecs(element_sets: ElementSets) -> list[Satrec]:
    """One initialised Satrec per row. A set SGP4 cannot start from keeps its code in ``Satrec.error``."""
    days, rests = divmod(element_sets.epoch_us, MICROSECONDS_PER_DAY)
    columns = (
        days + DAYS_1949_TO_1970,
        rests / MICROSECONDS_PER_DAY,
        element_sets.bstar,
        element_sets.mean_motion_dot * _PER_DAY_SQUARED,
        element_sets.mean_motion_ddot * _PER_DAY_CUBED,
        element_sets.eccentricity,
        element_sets.arg_perigee_deg * _RADIANS,
        element_sets.inclination_deg * _RADIANS,
        element_sets.mean_anomaly_deg * _RADIANS,
        element_sets.mean_motion_rev_per_day * _RAD_PER_MIN,
        element_sets.raan_deg * _RADIANS,
    )
    return [_satrec(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _satrec(day: int, fraction: float, *elements: float) -> Satrec:
    satrec = Satrec()
    satrec.sgp4init(WGS72, "i", 0, day + fraction, *elements)
    # One float64 holds a day count of 27,000 to 0.3 µs only, millimetres along track: set both parts exactly.
    satrec.jdsatepoch, satrec.jdsatepochF = _JD_OF_SGP4_DAY_0 + day, fraction
    return satrec
