"""Where a position in TEME is above the Earth: geodetic latitude and longitude, height above the WGS-84 ellipsoid.

The Earth turns by GMST-82, SGP4's own sidereal time, with UT1 taken for UTC (within 0.9 s, 0.4 km at the equator) and
no polar motion (within 15 m): finer than what element sets are good for. Sources: WGS-84 (NIMA TR8350.2); Vallado et
al., AIAA 2006-6753 (gstime), for the sidereal time.
"""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, Float64, Int64

EQUATORIAL_RADIUS_KM = 6378.137
FLATTENING = 1 / 298.257223563
J2000_US = 946_728_000_000_000  # 2000-01-01T12:00Z
_JULIAN_CENTURY_US = 36_525 * MICROSECONDS_PER_DAY
_ROUNDS = 8  # each divides the error by 150 or more


def geodetic_of_teme(position_km: Float64, utc_us: Int64) -> tuple[Float64, Float64, Float64]:
    """Latitude and longitude (degrees, east positive, -180 to 180) and height (km), each of shape (k,), of TEME
    positions in km of shape (k, 3) at ``utc_us`` (k,)."""
    x, y, z = position_km.T
    longitude = np.arctan2(y, x) - gmst_rad(utc_us)
    latitude, height = _latitude_and_height(np.hypot(x, y), z)
    turned = (np.degrees(longitude) + 180.0) % 360.0 - 180.0
    return np.degrees(latitude), turned, height


def gmst_rad(ut1_us: Int64) -> Float64:
    """Greenwich mean sidereal time of 1982 in radians, at least 0 and below 2 pi, shape (k,), at microseconds since
    1970 of shape (k,)."""
    t = (ut1_us - J2000_US) / _JULIAN_CENTURY_US
    seconds = 67310.54841 + (876_600 * 3600 + 8_640_184.812866) * t + 0.093104 * t**2 - 6.2e-6 * t**3
    return np.asarray(np.radians(seconds / 240.0) % (2 * np.pi))


def _latitude_and_height(across: Float64, along: Float64) -> tuple[Float64, Float64]:
    """Radians and km from the distances from the Earth's axis and from its equator, km."""
    e2 = FLATTENING * (2 - FLATTENING)
    latitude = np.arctan2(along, across * (1 - e2))
    for _ in range(_ROUNDS):
        sine = np.sin(latitude)
        vertical = EQUATORIAL_RADIUS_KM / np.sqrt(1 - e2 * sine**2)
        latitude = np.arctan2(along + e2 * vertical * sine, across)
    sine = np.sin(latitude)
    height = across * np.cos(latitude) + along * sine - EQUATORIAL_RADIUS_KM * np.sqrt(1 - e2 * sine**2)
    return np.asarray(latitude), np.asarray(height)
