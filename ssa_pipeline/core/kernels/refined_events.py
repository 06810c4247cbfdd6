"""Minima of the distance of SGP4 positions: fast encounters by bracket and secant, slow ones by dense search.

The minimum is sought as the zero of F(t) = |d(t + h)|² - |d(t - h)|², h = 0.5 s: symmetric about the minimum of
the distance itself, whereas SGP4's velocity is not the derivative of its position. Borders of steps and windows
are evaluated at whole microseconds, so that both sides of a border decide alike who owns a minimum. Roots are found by
the Illinois variant of regula falsi (Dowell & Jarratt 1971), what is too flat for that by golden section (Kiefer 1953).
"""

from __future__ import annotations

from math import fabs, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import Pair
from ssa_pipeline.core.kernels.sgp4.propagate import propagate

Float = NDArray[np.float64]
Int = NDArray[np.int64]

HALF_BASE_US = 500_000
LEAST_BASE_US = 900  # nearer to an instant at which SGP4 has no state, the sign of the range rate is not asked for
EDGE_US = 1_000

EVENT = 0
ABOVE_THRESHOLD = 1
MINIMUM_ELSEWHERE = 2
NOT_VALID = 3

KNOT_EDGE = 0
KNOT_MINIMUM = 1
KNOT_MAXIMUM = 2

FLAT_KM = 1.0e-6  # smaller wiggles of the distance are rounding, not minima


class Objects(NamedTuple):
    """The n objects that candidates name by their rows."""

    coef: Float  # (n, COEF_SIZE)
    epoch_us: Int  # (n,)
    valid_us: Int  # (n, 2) first and end of validity


class Steps(NamedTuple):
    """k candidates: a pair and the step in which it may come below its threshold."""

    first: Int  # (k,) row of an object
    second: Int
    lo_us: Int  # (k,) begin of the step
    hi_us: Int  # and end
    threshold_km: Float  # (k,)


class Outcomes(NamedTuple):
    """What became of k candidates."""

    code: Int  # (k,) EVENT, ABOVE_THRESHOLD, MINIMUM_ELSEWHERE, NOT_VALID
    times_us: Int  # (k, 3) TCA, start, end; filled for EVENT alone, as is the next
    miss_km: Float  # (k,)


class Search(NamedTuple):
    """Where and for what the distance of a pair is searched."""

    from_us: int
    to_us: int
    sample_us: int  # between two distances looked at
    threshold_km: float
    merge_us: int  # passages less far apart than this may be one


class Passages(NamedTuple):
    """Room for what a search finds."""

    spans: Int  # (., 3) start and end in us, and 1 where it is merged with the one before
    minima_us: Int  # (.,)
    minima_km: Float  # (.,)


@njit
def _distance2(pair, t_us, s):
    """Squared distance (km²) at integer ``t_us`` plus ``s`` microseconds; leaves both states in ``pair.work``."""
    shift, work = s / 6.0e7, pair.work
    propagate(pair.coef_a, (t_us - pair.epoch_a) / 6.0e7 + shift, work[0, 6:], work[0, :6])
    propagate(pair.coef_b, (t_us - pair.epoch_b) / 6.0e7 + shift, work[1, 6:], work[1, :6])
    dx = work[1, 0] - work[0, 0]
    dy = work[1, 1] - work[0, 1]
    dz = work[1, 2] - work[0, 2]
    return dx * dx + dy * dy + dz * dz


@njit
def _slope(pair, t_us, s):
    """F(t): its sign is the sign of the range rate. Where SGP4 has no state so far from t, h is smaller;
    NaN where it has none within LEAST_BASE_US."""
    half = HALF_BASE_US
    f = np.nan
    while f != f and half >= LEAST_BASE_US:
        after = _distance2(pair, t_us + half, s)
        f = after - _distance2(pair, t_us - half, s)
        half //= 2
    return f


@njit
def _root_of_slope(pair, lo_us, hi_us, f_lo, f_hi):
    """Microsecond of the sign change of F in [lo, hi]; f_lo and f_hi have opposite signs (or one is zero)."""
    a, b = 0.0, float(hi_us - lo_us)
    fa, fb = f_lo, f_hi
    side = 0
    x = 0.0
    for _ in range(80):
        if b - a <= 0.25:
            break
        x = (fa * b - fb * a) / (fa - fb) if fa != fb else 0.5 * (a + b)
        if not (x > a and x < b):
            x = 0.5 * (a + b)
        f = _slope(pair, lo_us, x)
        if f == 0.0:
            break
        if (f < 0.0) == (fa < 0.0):
            # Illinois: an end that stays twice has its weight halved
            step = x - a
            a, fa = x, f
            if side == -1:
                fb *= 0.5
            side = -1
        else:
            step = b - x
            b, fb = x, f
            if side == 1:
                fa *= 0.5
            side = 1
        if step < 0.01:
            break
    return lo_us + np.int64(np.rint(x))


@njit
def _threshold_crossing(pair, inside_us, outside_us, limit2):
    """Microsecond between an instant below and one above the threshold at which the distance crosses it."""
    a = 0.0
    b = float(outside_us - inside_us)
    fa = _distance2(pair, inside_us, a) - limit2
    fb = _distance2(pair, inside_us, b) - limit2
    side = 0
    x = b
    for _ in range(80):
        if fabs(b - a) <= 0.5 or fb == 0.0:
            break
        x = (fa * b - fb * a) / (fa - fb) if fa != fb else 0.5 * (a + b)
        if not (min(a, b) < x < max(a, b)):
            x = 0.5 * (a + b)
        f = _distance2(pair, inside_us, x) - limit2
        if f < 0.0:
            a, fa = x, f
            if side == -1:
                fb *= 0.5
            side = -1
        else:
            b, fb = x, f
            if side == 1:
                fa *= 0.5
            side = 1
    return inside_us + np.int64(np.rint(b))


@njit
def _short_side(pair, tca_us, sign, miss2, speed2, limit2):
    """Microseconds from a fast minimum to where the distance reaches the threshold, on one side of it."""
    x2 = (limit2 - miss2) / speed2
    for _ in range(4):
        x = sqrt(max(x2, 0.0))
        found = _distance2(pair, tca_us, sign * x * 1.0e6)
        x2 = x2 + (limit2 - found) / speed2
    return np.int64(np.rint(sqrt(max(x2, 0.0)) * 1.0e6))


@njit
def refine_fast(objects: Objects, steps: Steps, found: Outcomes, start: int, stop: int) -> None:
    """The minimum of each candidate inside its step, if it has one below the threshold: fills ``found`` for the
    candidates ``start`` to ``stop - 1``."""
    coef, epoch_us, valid = objects.coef, objects.epoch_us, objects.valid_us
    outcome, times = found.code, found.times_us
    work = np.zeros((2, 9))
    for k in range(start, stop):
        limit2 = steps.threshold_km[k] * steps.threshold_km[k]
        i, j = steps.first[k], steps.second[k]
        pair = Pair(coef[i], epoch_us[i], coef[j], epoch_us[j], work)
        work[0, 6] = 0.0
        work[1, 6] = 0.0
        begin = max(valid[i, 0], valid[j, 0])
        end = min(valid[i, 1], valid[j, 1])
        lo = max(steps.lo_us[k], begin)
        hi = min(steps.hi_us[k], end)
        if hi <= lo:
            outcome[k] = NOT_VALID
            continue
        f_lo = _slope(pair, lo, 0.0)
        f_hi = _slope(pair, hi, 0.0)
        # beyond an end of validity SGP4 mostly still has a state
        if f_lo != f_lo:
            lo += EDGE_US
            f_lo = _slope(pair, lo, 0.0)
        if f_hi != f_hi:
            hi -= EDGE_US
            f_hi = _slope(pair, hi, 0.0)
        if not (f_lo < 0.0 and f_hi >= 0.0):
            outcome[k] = MINIMUM_ELSEWHERE
            continue
        tca = min(max(_root_of_slope(pair, lo, hi, f_lo, f_hi), lo), hi - 1)
        miss2 = _distance2(pair, tca, 0.0)
        if not miss2 < limit2:
            outcome[k] = ABOVE_THRESHOLD
            continue
        speed2 = 0.0
        for c in range(3, 6):
            speed2 += (work[1, c] - work[0, c]) ** 2
        outcome[k] = EVENT
        found.miss_km[k] = sqrt(miss2)
        times[k, 0] = tca
        times[k, 1] = max(tca - _short_side(pair, tca, -1.0, miss2, speed2, limit2), begin)
        times[k, 2] = min(tca + _short_side(pair, tca, 1.0, miss2, speed2, limit2), end)


@njit
def _extreme(pair, lo_us, hi_us, sign):
    """Microsecond of the one extreme of the distance in [lo, hi]: sign +1 minimum, -1 maximum."""
    lo = lo_us
    hi = hi_us
    f_lo = sign * _slope(pair, lo, 0.0)
    f_hi = sign * _slope(pair, hi, 0.0)
    if f_lo < 0.0 and f_hi >= 0.0:
        return _root_of_slope(pair, lo, hi, f_lo, f_hi)
    # too flat for the slope's sign: golden section on the distance
    ratio = 0.6180339887498949
    a, b = 0.0, float(hi - lo)
    x1, x2 = b - ratio * (b - a), a + ratio * (b - a)
    f1 = sign * _distance2(pair, lo, x1)
    f2 = sign * _distance2(pair, lo, x2)
    while b - a > 1000.0:
        if f1 < f2:
            b, x2, f2 = x2, x1, f1
            x1 = b - ratio * (b - a)
            f1 = sign * _distance2(pair, lo, x1)
        else:
            a, x1, f1 = x1, x2, f2
            x2 = a + ratio * (b - a)
            f2 = sign * _distance2(pair, lo, x2)
    return lo + np.int64(np.rint(0.5 * (a + b)))


@njit
def _find_knots(pair, r0, r1, dt, time, dist, kind):
    """Edges, minima and maxima of the distance over [r0, r1] in time order; between them it is monotone.

    Beyond an edge the sign of the range rate stands for the neighbour that is missing there.
    """
    n = (r1 - r0 + dt - 1) // dt + 1
    d2 = np.empty(n)
    for k in range(n):
        d2[k] = _distance2(pair, min(r0 + k * dt, r1), 0.0)
    is_closing_first = _slope(pair, r0, 0.0) < 0.0
    is_closing_last = _slope(pair, r1, 0.0) < 0.0
    time[0], dist[0], kind[0] = r0, sqrt(d2[0]), KNOT_EDGE
    used = 1
    for k in range(n):
        falls_before = d2[k] <= d2[k - 1] if k > 0 else is_closing_first
        rises_before = d2[k] >= d2[k - 1] if k > 0 else not is_closing_first
        rises_after = d2[k] < d2[k + 1] if k < n - 1 else not is_closing_last
        falls_after = d2[k] > d2[k + 1] if k < n - 1 else is_closing_last
        found = 0
        if falls_before and rises_after:
            found = KNOT_MINIMUM
        elif rises_before and falls_after:
            found = KNOT_MAXIMUM
        if found == 0:
            continue
        lo = max(r0 + (k - 1) * dt, r0)
        hi = min(r0 + (k + 1) * dt, r1)
        t = _extreme(pair, lo, hi, 1.0 if found == KNOT_MINIMUM else -1.0)
        d = sqrt(_distance2(pair, t, 0.0))
        # an extreme that differs from the edge by rounding only is none
        if (k == 0 or k == n - 1) and fabs(sqrt(d2[k]) - d) < FLAT_KM:
            continue
        # two neighbouring extremes of almost equal distance are rounding noise: drop both
        if used > 1 and kind[used - 1] != found and fabs(dist[used - 1] - d) < FLAT_KM:
            used -= 1
            continue
        # equal samples on a slope look like a second extreme of the same kind
        if used > 1 and kind[used - 1] == found:
            continue
        time[used], dist[used], kind[used] = max(t, time[used - 1]), d, found
        used += 1
    time[used], dist[used], kind[used] = r1, sqrt(d2[n - 1]), KNOT_EDGE
    return used + 1


@njit
def search_slow(pair: Pair, search: Search, found: Passages) -> tuple[int, int, float]:
    """All times in [from_us, to_us] of the search at which the distance is below the threshold, and the minima there.

    Fills ``found``, which has room for one row per sample and four more. A passage that the search cuts begins at
    from_us or ends at to_us. It is merged with the one before where they are less than ``merge_us`` apart and the
    distance stays below twice the threshold between them. Returns (passages, minima, range of the distance in km over
    the search).
    """
    from_us, to_us, dt_us, threshold = search.from_us, search.to_us, search.sample_us, search.threshold_km
    passages, minima = found.spans, found.minima_us
    n = (to_us - from_us) // dt_us + 4
    time = np.empty(n, np.int64)
    dist = np.empty(n)
    kind = np.empty(n, np.int64)
    knots = _find_knots(pair, from_us, to_us, dt_us, time, dist, kind)
    limit2 = threshold * threshold
    n_passages = 0
    n_minima = 0
    is_inside = dist[0] < threshold
    passages[0, 0] = from_us
    passages[0, 2] = 0
    peak = np.inf  # largest distance since the last passage ended
    for k in range(knots):
        if kind[k] == KNOT_MINIMUM and dist[k] < threshold and n_minima < minima.shape[0]:
            minima[n_minima] = time[k]
            found.minima_km[n_minima] = dist[k]
            n_minima += 1
        if k == 0:
            continue
        below = dist[k] < threshold
        if below and not is_inside:
            begin = _threshold_crossing(pair, time[k], time[k - 1], limit2)
            is_near = (
                n_passages > 0 and begin - passages[n_passages - 1, 1] < search.merge_us and peak < 2.0 * threshold
            )
            passages[n_passages, 0] = begin
            passages[n_passages, 2] = 1 if is_near else 0
        elif is_inside and not below:
            passages[n_passages, 1] = _threshold_crossing(pair, time[k - 1], time[k], limit2)
            n_passages += 1
            peak = 0.0
        if not below:
            peak = max(peak, dist[k])
        is_inside = below
    if is_inside:
        passages[n_passages, 1] = to_us
        n_passages += 1
    nearest = farthest = dist[0]
    for k in range(knots):
        nearest = min(nearest, dist[k])
        farthest = max(farthest, dist[k])
    return n_passages, n_minima, farthest - nearest


@njit
def distance_at(pair: Pair, t_us: int) -> float:
    """Distance (km) of SGP4 positions at an integer microsecond; NaN where one of the two has none."""
    return sqrt(_distance2(pair, t_us, 0.0))


@njit
def is_closing(pair: Pair, t_us: int) -> bool:
    """Whether the distance still falls at ``t_us``, decided as ``refine_fast`` decides it."""
    return bool(_slope(pair, t_us, 0.0) < 0.0)
