"""How long an element set can be propagated at all: walks from its epoch until SGP4 fails or the object comes too low.

Times are integer microseconds; ``propagate`` gets minutes from the epoch computed from their exact difference, so any
two windows that contain one instant see bit-identical states there.
"""

from __future__ import annotations

from math import fabs, sqrt

import numpy as np
from numpy.typing import NDArray

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.constants import EARTH_RADIUS_KM
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.propagate import propagate

Float = NDArray[np.float64]
Int = NDArray[np.int64]

BELOW_FLOOR = 10
IMPLAUSIBLE_STATE = 11
FAR_BEYOND_APOGEE = 2.0  # no orbit is there, but some elements lead SGP4 there without an error code
US_PER_MINUTE = 60_000_000
FALL_KM_S2 = 0.0101  # above the largest gravity, oblateness and drag included: nothing comes down faster than it falls
DIP_KM = 5.0  # the lowest point between two minutes lies less than half a minute's fall below one of them
RATE_ROOM_KM_S = 0.01  # SGP4's velocity is not quite the derivative of its position
CALM, MAY_COME_LOW, MAY_FAIL = 0, 1, 2
RESONANCE_KM = 200.0  # 20 times what resonance was seen to move a semi-major axis in SGP4 within weeks
THIRD_HARMONIC_KM = 7.5  # the earth's radius times half of J3 / J2: what it moves a perigee where e is 0


@njit
def state_code(coef, epoch_us, t_us, floor_km, resonance, out):
    """0 where the state at ``t_us`` can be used, else SGP4's code or ours (`core.status`); the state is left in ``out``
    (6,), km and km/s, TEME.

    SGP4 itself fails below the surface; a higher ``floor_km`` (distance from the centre) is for those who ask when an
    object first comes below it.
    """
    code = propagate(coef, (t_us - epoch_us) / 6.0e7, resonance, out)
    if code != 0:
        return code
    r2 = out[0] * out[0] + out[1] * out[1] + out[2] * out[2]
    farthest = FAR_BEYOND_APOGEE * coef[at.AO] * (1.0 + coef[at.ECCO]) * EARTH_RADIUS_KM
    if not r2 <= farthest * farthest:
        return IMPLAUSIBLE_STATE
    if r2 < floor_km * floor_km:
        return BELOW_FLOOR
    return 0


@njit
def mean_apsides(coef, minutes):
    """Of the secular elements at ``minutes`` from epoch: perigee and apogee (km from the centre), the root of the
    semi-major axis in parts of that at epoch, and the eccentricity."""
    tempa = 1.0 - coef[at.CC1] * minutes
    if coef[at.ISIMP] == 0.0:
        t2 = minutes * minutes
        tempa = tempa - coef[at.D2] * t2 - coef[at.D3] * t2 * minutes - coef[at.D4] * t2 * t2
    e = coef[at.ECCO] - coef[at.BCC4] * minutes + coef[at.DEDT] * minutes
    axis = coef[at.AO] * tempa * tempa * EARTH_RADIUS_KM
    return axis * (1.0 - fabs(e)), axis * (1.0 + fabs(e)), tempa, e


@njit
def _eccentricity_room(coef):
    """The Moon and the Sun move the eccentricity of a deep-space object by at most this (Hoots & Roehrich 1980, DPPER:
    a quarter is the largest value of either factor)."""
    return 0.25 * (fabs(coef[at.SE2]) + fabs(coef[at.SE3]) + fabs(coef[at.EE2]) + fabs(coef[at.E3]))


@njit
def least_calm_perigee_km(coef, axis, e):
    """Altitude of the mean perigee above which an object whose mean orbit has semi-major axis ``axis`` (km) and
    eccentricity ``e`` cannot come below 100 km.

    Oblateness moves the radius by less than 30 km about the mean ellipse, its third harmonic by more where an orbit is
    very eccentric; the Moon and the Sun move the eccentricity of a deep-space object, resonance its axis.
    """
    if coef[at.DEEP] == 0.0:
        return 160.0
    third_harmonic_km = THIRD_HARMONIC_KM / (1.0 - e * e)
    return 220.0 + axis * _eccentricity_room(coef) + RESONANCE_KM * (1.0 - e) + third_harmonic_km


@njit
def _doubt(coef, minutes):
    """Whether the secular elements at ``minutes`` from epoch leave room for a failure near that time: MAY_COME_LOW,
    MAY_FAIL for other reasons, else CALM."""
    perigee, apogee, tempa, e = mean_apsides(coef, minutes)
    # SGP4 cannot fail above; without the Moon and the Sun the eccentricity may be a little below zero
    least = 1.0e-6 + _eccentricity_room(coef) if coef[at.DEEP] != 0.0 else -0.0005
    if tempa < 0.95 or tempa > 1.05 or e < least or fabs(e - coef[at.ECCO]) > 0.05:
        return MAY_FAIL
    least_km = least_calm_perigee_km(coef, 0.5 * (perigee + apogee), e)
    return MAY_COME_LOW if perigee - EARTH_RADIUS_KM < least_km else CALM


@njit
def _whole_minutes(height, rate):
    """Minutes in which an object ``height`` km above the floor, rising at ``rate`` km/s, cannot come to it; at least
    one."""
    if not height > 0.0:
        return 1
    rate -= RATE_ROOM_KM_S
    return max(1, int((rate + sqrt(rate * rate + 2.0 * FALL_KM_S2 * height)) / (60.0 * FALL_KM_S2)))


@njit
def _lowest(coef, epoch_us, from_us, to_us, floor_km, resonance, out):
    """(instant, code) of a failure between two good instants whose radius has one minimum in between, (to_us, 0) where
    there is none: golden section on the radius, to a millisecond."""
    ratio = 0.6180339887498949
    a, b = float(min(from_us, to_us)), float(max(from_us, to_us))
    x, other = b - ratio * (b - a), a + ratio * (b - a)
    r_x = -1.0
    r_other = -1.0
    while b - a > 1000.0:
        for k in range(2):
            if (r_x if k == 0 else r_other) >= 0.0:
                continue
            t = np.int64(x if k == 0 else other)
            code = state_code(coef, epoch_us, t, floor_km, resonance, out)
            if code != 0:
                return t, code
            radius = out[0] * out[0] + out[1] * out[1] + out[2] * out[2]
            if k == 0:
                r_x = radius
            else:
                r_other = radius
        if r_x < r_other:
            b, other, r_other = other, x, r_x
            x, r_x = b - ratio * (b - a), -1.0
        else:
            a, x, r_x = x, other, r_other
            other, r_other = a + ratio * (b - a), -1.0
    return to_us, 0


@njit
def _border(coef, epoch_us, good, bad, code, floor_km, resonance, out):
    """(microsecond at which validity ends or begins, code), by bisection between a good and a bad instant."""
    while abs(bad - good) > 1:
        middle = (bad + good) // 2
        found = state_code(coef, epoch_us, middle, floor_km, resonance, out)
        if found != 0:
            bad = middle
            code = found
        else:
            good = middle
    return max(bad, good), code


@njit
def _first_failure(coef, epoch_us, from_us, to_us, floor_km, is_thorough, resonance, out):
    """First failing instant when walking in whole UTC minutes from ``from_us`` towards ``to_us`` (either way).

    Returns (microsecond at which validity ends, code); (to_us, 0) where nothing fails. Minutes are left out where
    nothing can fail before the next one looked at, unless ``is_thorough``; between two minutes near the floor the
    lowest point is looked at.
    """
    sign = 1 if to_us >= from_us else -1
    code = state_code(coef, epoch_us, from_us, floor_km, resonance, out)
    if code != 0:
        return from_us, code
    radius = sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2])
    rate = sign * (out[0] * out[3] + out[1] * out[4] + out[2] * out[5]) / radius
    good = from_us
    minute = from_us // US_PER_MINUTE
    if sign < 0 and minute * US_PER_MINUTE != from_us:
        minute += 1
    while good != to_us:
        ahead = good + sign * 60 * US_PER_MINUTE
        doubt = max(_doubt(coef, (good - epoch_us) / 6.0e7), _doubt(coef, (ahead - epoch_us) / 6.0e7))
        if doubt == CALM and not is_thorough and sign * (to_us - ahead) > 0:
            minute += sign * 60
            good = minute * US_PER_MINUTE
            radius = floor_km  # not known
            rate = 0.0
            continue
        is_every = is_thorough or doubt == MAY_FAIL
        minute += sign * (1 if is_every else _whole_minutes(radius - floor_km, rate))
        t = minute * US_PER_MINUTE
        if sign * (t - to_us) > 0:
            t = to_us
        code = state_code(coef, epoch_us, t, floor_km, resonance, out)
        if code != 0:
            return _border(coef, epoch_us, good, t, code, floor_km, resonance, out)
        falls_before = rate < RATE_ROOM_KM_S
        height = radius - floor_km
        radius = sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2])
        rate = sign * (out[0] * out[3] + out[1] * out[4] + out[2] * out[5]) / radius
        if falls_before and rate > -RATE_ROOM_KM_S and min(height, radius - floor_km) < DIP_KM:
            bad, code = _lowest(coef, epoch_us, good, t, floor_km, resonance, out)
            if code != 0:
                return _border(coef, epoch_us, good, bad, code, floor_km, resonance, out)
        good = t
    return to_us, 0


@njit
def find_validity(
    coef: Float,
    epoch_us: Int,
    from_us: int,
    to_us: int,
    history_us: int,
    floor_km: float,
    is_thorough: bool,
    validity: Int,
    code: Int,
) -> None:
    """When each object of coef (n, COEF_SIZE) and epoch_us (n,) can be propagated: ``validity`` (n, 2) = [first, end)
    inside [from_us, to_us), ``code`` (n,) the failure that cuts it short (`core.status`), 0 for none.

    Validity ends for good at the first failure on either side of the epoch, or where the object first comes below
    ``floor_km`` from the centre. Objects whose secular elements stay far from that are not searched, unless
    ``is_thorough``. Others are walked minute by minute from their epoch, at most ``history_us`` before the window.
    """
    resonance = np.zeros(3)
    out = np.empty(6)
    for i in range(coef.shape[0]):
        c = coef[i]
        epoch = epoch_us[i]
        resonance[0] = 0.0
        validity[i, 0] = from_us
        validity[i, 1] = to_us
        code[i] = 0
        if not (
            is_thorough
            or _doubt(c, 0.0) != CALM
            or _doubt(c, (from_us - epoch) / 6.0e7) != CALM
            or _doubt(c, (to_us - epoch) / 6.0e7) != CALM
            or state_code(c, epoch, from_us, floor_km, resonance, out) != 0
            or state_code(c, epoch, to_us, floor_km, resonance, out) != 0
        ):
            continue
        anchor = max(epoch, from_us - history_us)
        if anchor < to_us:
            end, failure = _first_failure(c, epoch, anchor, to_us, floor_km, is_thorough, resonance, out)
            validity[i, 1] = max(end, from_us)
            if failure != 0:
                code[i] = failure
        if epoch > from_us:
            begin, failure = _first_failure(c, epoch, min(epoch, to_us), from_us, floor_km, is_thorough, resonance, out)
            validity[i, 0] = min(begin, to_us)
            if failure != 0 and begin > from_us:
                code[i] = failure
