"""How far two element sets are from being one orbit: the older is propagated to the epoch of the newer (SGP4) and
compared with it. What the limits rest on is in docs/decisions/0011-jumps.md."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from sgp4.api import Satrec

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2, EARTH_RADIUS_KM, J2
from ssa_pipeline.core.orbits.mean_orbit import apogee_altitude_km, mean_motion_rad_s, semi_major_axis_km
from ssa_pipeline.core.orbits.rtn import rtn_axes
from ssa_pipeline.core.orbits.satrec import to_satrecs
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, SECONDS_PER_DAY, ElementSets, Float64, Int64

_LOW_APOGEE_KM = 2000.0
# Sets of one undisturbed object agree within LIMIT * (1 + gap in days), radially, along the track and across, km.
_LIMITS_LOW_KM = (1.0, 4.0, 1.0)
_LIMITS_HIGH_KM = (2.0, 6.0, 2.0)
_MOST_DRIFT_KM = 2000.0  # a set that far away was not predicted, whatever the drag
_LARGEST_CHANGE_LOW_M_S = 200.0
_LARGEST_CHANGE_HIGH_M_S = 2500.0


@dataclass(frozen=True)
class OrbitChange:
    """n comparisons; every field has shape (n,). ``r_km``, ``t_km``, ``n_km``: the older set's position minus the
    newer one's at the epoch of the newer, in its RTN frame (NaN where SGP4 fails). ``excess``: the largest of the three
    in units of its limit, above 1 is a jump. ``velocity_m_s``: impulse that changes the one mean orbit's plane, size
    and shape to the other's; ``velocity_limit_m_s``: above it no satellite does so between two sets."""

    r_km: Float64
    t_km: Float64
    n_km: Float64
    excess: Float64
    velocity_m_s: Float64
    velocity_limit_m_s: Float64


def orbit_changes(older: ElementSets, newer: ElementSets) -> OrbitChange:
    """Compare row by row, n with n; states are TEME of date. The order of epochs may be the other way round. Nothing is
    raised where SGP4 fails: the differences are NaN."""
    gap_us = newer.epoch_us - older.epoch_us
    found = [
        _arrival(satrec, minutes) for satrec, minutes in zip(to_satrecs(older), (gap_us / 6e7).tolist(), strict=True)
    ]
    arrived = np.array(found, dtype=np.float64).reshape(-1, 4)
    now = np.array([_state(satrec, 0.0) for satrec in to_satrecs(newer)], dtype=np.float64).reshape(-1, 6)
    axes = np.ascontiguousarray(rtn_axes(now).transpose(1, 0, 2))
    r_km, t_km, n_km = (np.einsum("ij,ij->i", arrived[:, :3] - now[:, :3], axis) for axis in axes)
    radius = np.linalg.norm(now[:, :3], axis=1)
    is_low = apogee_altitude_km(older) < _LOW_APOGEE_KM
    is_low &= apogee_altitude_km(newer) < _LOW_APOGEE_KM
    gap_days = np.abs(gap_us) / MICROSECONDS_PER_DAY
    limits = np.where(is_low[:, None], _LIMITS_LOW_KM, _LIMITS_HIGH_KM) * (1.0 + gap_days[:, None])
    # An error of the drag as large as the drag itself.
    drift_km = 0.75 * mean_motion_rad_s(newer) * SECONDS_PER_DAY * gap_days * np.abs(arrived[:, 3])
    along_km = limits[:, 1] + np.minimum(drift_km, _MOST_DRIFT_KM)
    # A shift along the track turns into a radial one by the curvature of the orbit and by its eccentricity; of a shift
    # that is not explained itself, the rest explains nothing.
    shift = np.minimum(np.abs(t_km), along_km)
    eccentricity = newer.eccentricity
    radial = np.abs(r_km) - shift**2 / (2.0 * radius) - shift * eccentricity / (1.0 - eccentricity)
    shares = [radial / limits[:, 0], np.abs(t_km) / along_km, np.abs(n_km) / limits[:, 2]]
    return OrbitChange(
        r_km,
        t_km,
        n_km,
        np.max(shares, axis=0) if len(newer) else np.empty(0),
        velocity_changes_m_s(older, newer),
        np.where(is_low, _LARGEST_CHANGE_LOW_M_S, _LARGEST_CHANGE_HIGH_M_S),
    )


def velocity_changes_m_s(older: ElementSets, newer: ElementSets) -> Float64:
    """Impulse (m/s) from one mean orbit to the other: plane, and the larger of size and shape; shape (n,). In between
    the nodes drift by J2, to first order (Kozai 1959). Where the satellite is on its orbit does not count."""
    axis = semi_major_axis_km(newer)
    plane = np.linalg.norm(_normals(older, newer.epoch_us) - _normals(newer, newer.epoch_us), axis=1)
    size = np.abs(axis - semi_major_axis_km(older)) / (2.0 * axis)
    shape = np.abs(newer.eccentricity - older.eccentricity) / 2.0
    speed_m_s = 1000.0 * np.sqrt(EARTH_MU_KM3_S2 / axis)
    return np.asarray(speed_m_s * np.hypot(plane, np.maximum(size, shape)))


def _normals(sets: ElementSets, at_us: Int64) -> Float64:
    """Unit normals of the mean planes at given times, shape (n, 3)."""
    inclination = np.radians(sets.inclination_deg)
    axis = semi_major_axis_km(sets)
    drift = -1.5 * J2 * (EARTH_RADIUS_KM / (axis * (1.0 - sets.eccentricity**2))) ** 2 * np.cos(inclination)
    node = np.radians(sets.raan_deg) + drift * mean_motion_rad_s(sets) * (at_us - sets.epoch_us) / 1e6
    sine = np.sin(inclination)
    return np.stack([sine * np.sin(node), -sine * np.cos(node), np.cos(inclination)], axis=1)


def _arrival(satrec: Satrec, minutes: float) -> tuple[float, float, float, float]:
    """Position after some minutes, km, and by how much drag shrinks the semi-major axis until then, km."""
    satrec.sgp4_tsince(0.0)
    axis = satrec.am
    error, position, _ = satrec.sgp4_tsince(minutes)
    return (nan, nan, nan, nan) if error else (*position, (axis - satrec.am) * EARTH_RADIUS_KM)


def _state(satrec: Satrec, minutes: float) -> tuple[float, ...]:
    error, position, velocity = satrec.sgp4_tsince(minutes)
    return (nan,) * 6 if error else (*position, *velocity)
