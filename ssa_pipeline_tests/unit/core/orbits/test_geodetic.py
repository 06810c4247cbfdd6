"""Latitude, longitude and height against Vallado's worked examples, and back again."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sgp4.propagation import gstime

from ssa_pipeline.core.orbits.geodetic import EQUATORIAL_RADIUS_KM, FLATTENING, geodetic_of_teme, gmst_rad
from ssa_pipeline.core.time import to_us


def test_sidereal_time_is_that_of_sgp4() -> None:
    times = [datetime(year, 7, 9, 3, 4, 5, 678, tzinfo=UTC) for year in (1957, 2000, 2024, 2056)]
    julian = [to_us(time) / 86_400e6 + 2_440_587.5 for time in times]
    found = gmst_rad(np.array([to_us(time) for time in times]))
    # a Julian date in one double is good to 40 us: 3e-9 rad
    assert found == pytest.approx([gstime(date) for date in julian], abs=1e-8)


def test_position_above_the_earth_is_that_of_vallado() -> None:
    """Fundamentals of Astrodynamics, 4th edition: example 3-15 (TEME to the pseudo-Earth-fixed frame, UT1 - UTC
    -0.4399619 s) and example 3-3 (Earth-fixed to geodetic)."""
    ut1 = to_us(datetime(2004, 4, 6, 7, 51, 28, 386_009, tzinfo=UTC)) - 439_962
    teme = np.array([[5094.18016210, 6127.64465950, 6380.34453270]])
    latitude, longitude, height = geodetic_of_teme(teme, np.array([ut1]))
    back = _earth_fixed(latitude, longitude, height)
    assert back == pytest.approx(np.array([[-1033.4750313, 7901.3055856, 6380.3445328]]), abs=1e-4)
    fixed = np.array([[6524.834, 6862.875, 6448.296]])
    angle = gmst_rad(np.array([ut1]))[0]
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    latitude, longitude, height = geodetic_of_teme(fixed @ turn, np.array([ut1]))
    assert (latitude[0], longitude[0], height[0]) == (
        pytest.approx(34.352496, abs=1e-6),
        pytest.approx(46.4464, abs=1e-4),
        pytest.approx(5085.22, abs=5e-3),
    )


def test_every_place_comes_back() -> None:
    latitude, longitude, height = (
        part.ravel()
        for part in np.meshgrid([-90, -89.99, -45, 0, 1e-9, 60, 90], [-179.9, 0.0, 12, 179], [-10, 0, 400, 42_000])
    )
    fixed = _earth_fixed(latitude, longitude, height)
    time = np.full(len(fixed), to_us(datetime(2024, 11, 1, tzinfo=UTC)))
    angle = gmst_rad(time)
    x, y, z = fixed.T
    teme = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z], axis=1)
    found = geodetic_of_teme(teme, time)
    assert found[0] == pytest.approx(latitude, abs=1e-9)
    assert found[2] == pytest.approx(height, abs=1e-8)
    off_axis = np.abs(latitude) < 90
    assert found[1][off_axis] == pytest.approx(longitude[off_axis], abs=1e-7)


def _earth_fixed(latitude_deg: np.ndarray, longitude_deg: np.ndarray, height_km: np.ndarray) -> np.ndarray:
    e2 = FLATTENING * (2 - FLATTENING)
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    vertical = EQUATORIAL_RADIUS_KM / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
    across = (vertical + height_km) * np.cos(latitude)
    along = (vertical * (1 - e2) + height_km) * np.sin(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), along], axis=1)
