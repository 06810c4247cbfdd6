"""Plain twins of the engine, written from the specification and sharing no code with it.

``brute_force_events`` screens with python-sgp4 (WGS-72, opsmode 'i') on a dense grid, a KD-tree whose radius
cannot lose a passage, and minimisation of the distance of SGP4 positions. Slow and simple on purpose. Inside
this file times are float seconds from the window's start (better than 0.1 ns over weeks), lengths are km.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, radians

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.signal import find_peaks
from scipy.spatial import cKDTree
from sgp4.api import WGS72, Satrec, SatrecArray

from ssa_pipeline.core.records import ElementSets, Events

EARTH_RADIUS_KM = 6378.135
LOW_PERIGEE_KM = 100.0  # altitude
STEP_S = 10.0
PERSISTENT_S = 600.0
CONSTANT_RANGE_KM = 1e-6  # a distance that varies less than this is rounding, not motion
_US_PER_DAY = 86_400_000_000
_JD_1970 = 2440587.5
_JD_1949_12_31 = 2433281.5
_NEVER_S = 1e12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class NaiveEvent:
    """One row as design §4.4 defines it; times in integer microseconds of UTC, ``is_persistent`` is its class."""

    norad_id_1: int
    norad_id_2: int
    tca_us: int
    miss_distance_km: float
    relative_speed_km_s: float
    is_persistent: bool
    start_us: int
    end_us: int
    n_minima: int
    continues_before: bool = False
    continues_after: bool = False
    no_minimum: bool = False
    constant_range: bool = False
    below_threshold_s: float = 0.0
    n_passages: int = 1
    tca_at_edge: bool = False
    passage_continues_before: bool = False


def satrec(element_sets: ElementSets, row: int) -> Satrec:
    """One element set as python-sgp4's record."""
    e = element_sets
    satellite = Satrec()
    satellite.sgp4init(
        WGS72,
        "i",
        0,  # sgp4 refuses numbers above 339999 and does not use them
        int(e.epoch_us[row]) / _US_PER_DAY + (_JD_1970 - _JD_1949_12_31),
        float(e.bstar[row]),
        0.0,
        0.0,
        float(e.eccentricity[row]),
        radians(float(e.arg_perigee_deg[row])),
        radians(float(e.inclination_deg[row])),
        radians(float(e.mean_anomaly_deg[row])),
        float(e.mean_motion_rev_per_day[row]) * 2.0 * pi / 1440.0,
        radians(float(e.raan_deg[row])),
    )
    day, within = divmod(int(e.epoch_us[row]), _US_PER_DAY)
    satellite.jdsatepoch, satellite.jdsatepochF = day + _JD_1970, within / _US_PER_DAY  # sgp4init rounds to 0.3 us
    return satellite


class Sky:
    """The objects over one window, valid from ``valid_from_s`` until ``valid_to_s`` (both shape (n,))."""

    def __init__(self, element_sets: ElementSets, start_us: int, end_us: int) -> None:
        self.satellites = [satrec(element_sets, row) for row in range(len(element_sets))]
        self.epoch_s = (element_sets.epoch_us - start_us) / 1e6
        self.period_s = 86400.0 / element_sets.mean_motion_rev_per_day
        self.length_s = (end_us - start_us) / 1e6
        axis_km = np.array([satellite.a for satellite in self.satellites]) * EARTH_RADIUS_KM
        self.highest_km = 2.0 * axis_km * (1.0 + element_sets.eccentricity)
        self._day, self._fraction_us = divmod(start_us, _US_PER_DAY)
        self.start_us = start_us
        beyond = 2 * self.period_s + 3600.0
        rows = range(len(element_sets))
        after = np.maximum(self.length_s + beyond, self.epoch_s)
        self.valid_to_s = np.array([self._failure(row, after[row], _NEVER_S) for row in rows])
        before = np.minimum(-beyond, self.epoch_s)
        self.valid_from_s = np.array([self._failure(row, before[row], -_NEVER_S) for row in rows])

    def julian(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Whole and fractional Julian dates of times since the start."""
        return np.full(t_s.shape, self._day + _JD_1970), (t_s + self._fraction_us / 1e6) / 86400.0

    def states(self, row: int, t_s: Floats) -> tuple[Floats, Floats]:
        """Position and velocity, each shape (len(t_s), 3), NaN where SGP4 fails."""
        error, r, v = self.satellites[row].sgp4_array(*self.julian(t_s))
        r[error != 0] = v[error != 0] = np.nan
        return r, v

    def batch_states(self, rows: Ints, t_s: Floats) -> tuple[Floats, Floats]:
        """States of object ``rows[i]`` at times ``t_s[i, :]``: shapes (m, k, 3)."""
        r = np.empty((*t_s.shape, 3))
        v = np.empty((*t_s.shape, 3))
        order = np.argsort(rows, kind="stable")
        for group in np.split(order, np.nonzero(np.diff(rows[order]))[0] + 1):
            if len(group):
                a, b = self.states(int(rows[group[0]]), t_s[group].ravel())
                r[group], v[group] = a.reshape(len(group), -1, 3), b.reshape(len(group), -1, 3)
        return r, v

    def distance(self, i: int, j: int, t_s: Floats) -> Floats:
        """Distance of two objects in km at each time."""
        return np.linalg.norm(self.states(i, t_s)[0] - self.states(j, t_s)[0], axis=1)

    def first_below(self, row: int, altitude_km: float, until_s: float, never_s: float = _NEVER_S) -> float:
        """The first instant on the way from the epoch to ``until_s`` at which SGP4 fails or the object is so low."""
        return self._failure(row, until_s, never_s, EARTH_RADIUS_KM + altitude_km)

    def _failure(self, row: int, until_s: float, never_s: float, lowest_km: float = EARTH_RADIUS_KM) -> float:
        """The first failure on the way from the epoch to ``until_s`` (either way), looked for at whole UTC minutes and
        at the lowest points between them, found to the microsecond between the last good instant and the first bad one;
        ``never_s`` where there is none."""
        epoch_s = float(self.epoch_s[row])
        minutes = np.arange(*sorted((self._minute(epoch_s), self._minute(until_s))) + np.array([-1, 2])) * 60.0
        t = minutes - (self.start_us % 60_000_000) / 1e6
        forward = until_s >= epoch_s
        t = t[(t >= epoch_s) & (t <= until_s)] if forward else t[(t <= epoch_s) & (t >= until_s)][::-1]
        t, radius = self._with_low_points(row, np.concatenate([[epoch_s], t]), lowest_km)
        bad = np.nonzero(~self._is_good(row, radius, lowest_km))[0]
        if not len(bad):
            return never_s
        if bad[0] == 0:
            return epoch_s
        left, right = t[bad[0] - 1], t[bad[0]]
        while abs(right - left) > 1e-6:
            middle = 0.5 * (left + right)
            is_good = self._is_good(row, self._radius(row, np.array([middle])), lowest_km)[0]
            left, right = (middle, right) if is_good else (left, middle)
        return float(right)

    def _with_low_points(self, row: int, t: Floats, lowest_km: float) -> tuple[Floats, Floats]:
        """The times, between them those of the lowest points that may come near ``lowest_km``, and the radii at all."""
        radius = self._radius(row, t)
        padded = np.concatenate([[np.inf], radius, [np.inf]])
        is_low = (radius <= padded[:-2]) & (radius <= padded[2:]) & (radius < lowest_km + 50.0)
        points = []
        for k in np.flatnonzero(is_low).tolist():
            near = (min(t[max(k - 1, 0)], t[min(k + 1, len(t) - 1)]), max(t[max(k - 1, 0)], t[min(k + 1, len(t) - 1)]))
            found = minimize_scalar(
                lambda x: float(self._radius(row, np.array([x]))[0]),
                bounds=near, method="bounded", options={"xatol": 1e-3},
            )  # fmt: skip
            points.append(found.x)
        joined = np.concatenate([t, points])
        order = np.argsort(joined if t[-1] >= t[0] else -joined, kind="stable")
        return joined[order], np.concatenate([radius, self._radius(row, np.array(points))])[order]

    def _minute(self, t_s: float) -> int:
        return int((t_s + (self.start_us % 60_000_000) / 1e6) // 60)

    def _radius(self, row: int, t: Floats) -> Floats:
        return np.linalg.norm(self.states(row, t)[0], axis=1)

    def _is_good(self, row: int, radius: Floats, lowest_km: float) -> NDArray[np.bool_]:
        return (radius >= lowest_km) & (radius <= self.highest_km[row])


def brute_force_events(element_sets: ElementSets, start_us: int, end_us: int, threshold_km: float) -> list[NaiveEvent]:
    """Every encounter below ``threshold_km`` in [start_us, end_us), sorted by (tca_us, ids)."""
    element_sets = element_sets.take(np.argsort(element_sets.norad_id))
    sky = Sky(element_sets, start_us, end_us)
    i, j, t = _times_below(sky, threshold_km)
    events: list[NaiveEvent] = []
    order = np.lexsort((t, j, i))
    i, j, t = i[order], j[order], t[order]
    revolution = np.minimum(sky.period_s[i], sky.period_s[j])
    new = (np.diff(i) != 0) | (np.diff(j) != 0) | (np.diff(t) > revolution[1:] + 60.0)
    for group in np.split(np.arange(len(t)), np.nonzero(new)[0] + 1):
        if len(group):
            pair = _Pair(sky, int(i[group[0]]), int(j[group[0]]), threshold_km)
            ids = int(element_sets.norad_id[pair.i]), int(element_sets.norad_id[pair.j])
            events += pair.rows(ids, t[group])
    return sorted(events, key=lambda e: (e.tca_us, e.norad_id_1, e.norad_id_2))


def _times_below(sky: Sky, threshold_km: float) -> tuple[Ints, Ints, Floats]:
    """(pair, time) triples that touch every stretch of the window below the threshold: all minima, all grid times."""
    i, j, guess, is_bracket, is_below = _dense_grid(sky, threshold_km)
    t, d = refine_minima(sky, i[is_bracket], j[is_bracket], guess[is_bracket], threshold_km)
    hit = (d < threshold_km) & (t >= 0.0) & (t < sky.length_s)
    a, b = i[is_bracket][hit], j[is_bracket][hit]
    alive = (t[hit] >= np.maximum(sky.valid_from_s[a], sky.valid_from_s[b])) & (
        t[hit] < np.minimum(sky.valid_to_s[a], sky.valid_to_s[b])
    )
    first = np.concatenate([a[alive], i[is_below]])
    second = np.concatenate([b[alive], j[is_below]])
    return first, second, np.concatenate([t[hit][alive], guess[is_below]])


def _dense_grid(sky: Sky, threshold_km: float) -> tuple[Ints, Ints, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """All (pair, grid time) near enough that a minimum below the threshold may lie within half a step, with whether
    the grid time brackets a minimum, and whether it is itself below the threshold."""
    steps = int(np.ceil(sky.length_s / STEP_S))
    step = sky.length_s / steps  # the grid hits both ends of the window
    array = SatrecArray(sky.satellites)
    found = []
    for first in range(0, steps + 1, 60):
        k = np.arange(first - 1, min(first + 60, steps + 1) + 1)
        t = k * step
        error, r, v = array.sgp4(*sky.julian(t))
        bad = (error != 0) | (t < sky.valid_from_s[:, None]) | (t >= sky.valid_to_s[:, None])
        r[bad] = np.nan
        fastest = np.nanmax(np.where(bad, np.nan, np.linalg.norm(v, axis=2)), initial=0.0) + 0.01 * step
        radius = threshold_km + fastest * step  # two objects, each half a step
        for n in range(1, len(t) - 1):
            alive = np.nonzero(~bad[:, n])[0]
            if len(alive) < 2:
                continue
            pairs = alive[cKDTree(r[alive, n]).query_pairs(radius, output_type="ndarray")]
            d = np.linalg.norm(r[pairs[:, 0], n - 1 : n + 2] - r[pairs[:, 1], n - 1 : n + 2], axis=2)
            d[np.isnan(d)] = np.inf
            bracket = (d[:, 1] <= d[:, 0]) & (d[:, 1] < d[:, 2])
            below = d[:, 1] < threshold_km
            use = bracket | below
            found.append((pairs[use], np.full(int(use.sum()), t[n]), bracket[use], below[use]))
    if not found:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, np.empty(0), np.empty(0, bool), np.empty(0, bool)
    pairs, times, bracket, below = (np.concatenate(part) for part in zip(*found, strict=True))
    return np.min(pairs, axis=1), np.max(pairs, axis=1), times, bracket, below


_OFFSETS = np.arange(-2.0, 3.0)
_QUARTIC = np.linalg.inv(np.vander(_OFFSETS, 5, increasing=True))
_FINE = np.linspace(-2.0, 2.0, 81)


def refine_minima(
    sky: Sky, i: Ints, j: Ints, guess_s: Floats, threshold_km: float, *, sign: float = 1.0
) -> tuple[Floats, Floats]:
    """Minimise (``sign`` -1: maximise) the distance of positions within 10 s of each guess; times and distances.

    The squared distance is interpolated by quartics through five SGP4 positions, again and again closer. The first
    one is good to 0.02 km near zero, so minima more than 1 km above the threshold are given up there (inf).
    """
    t, d = guess_s.astype(float), np.full(len(guess_s), np.inf)
    live = np.arange(len(t))
    spacing = np.full(len(t), 5.0)
    for stage in range(4):
        around = t[live, None] + spacing[live, None] * _OFFSETS
        r1, v1 = sky.batch_states(i[live], around)
        r2, v2 = sky.batch_states(j[live], around)
        c = np.sum((r1 - r2) ** 2, axis=2) @ _QUARTIC.T
        x = _quartic_minimum(sign * c)
        value = np.sum(c * x[:, None] ** np.arange(5), axis=1)
        t[live] += spacing[live] * x
        if stage == 0 and sign > 0:
            near = np.sqrt(np.maximum(value, 0.0)) < threshold_km + 1.0  # NaN (SGP4 fails within the step): no
            live, v1, v2 = live[near], v1[near], v2[near]
        speed = np.linalg.norm(v1[:, 2] - v2[:, 2], axis=1)
        spacing[live] = np.clip(1.0 / np.maximum(speed, 0.1), 0.5, 5.0)
    at = t[live, None]
    d[live] = np.linalg.norm(sky.batch_states(i[live], at)[0] - sky.batch_states(j[live], at)[0], axis=2)[:, 0]
    return t, d


def _quartic_minimum(c: Floats) -> Floats:
    """Where in [-2, 2] the quartics with rising coefficients ``c`` (m, 5) are lowest."""
    x = _FINE[np.argmin(c @ (_FINE ** np.arange(5)[:, None]), axis=1)]
    for _ in range(6):
        slope = c[:, 1] + x * (2 * c[:, 2] + x * (3 * c[:, 3] + x * 4 * c[:, 4]))
        curvature = 2 * c[:, 2] + x * (6 * c[:, 3] + x * 12 * c[:, 4])
        x = np.clip(x - np.where(curvature > 0, slope / np.where(curvature > 0, curvature, 1.0), 0.0), -2.0, 2.0)
    return x


class _Pair:
    """One pair around some times below the threshold: its intervals, looked at beyond the window's borders."""

    def __init__(self, sky: Sky, i: int, j: int, threshold_km: float) -> None:
        self.sky, self.i, self.j, self.threshold_km = sky, i, j, threshold_km
        self.revolution_s = float(min(sky.period_s[i], sky.period_s[j]))
        self.valid_from_s = float(max(sky.valid_from_s[i], sky.valid_from_s[j]))
        self.valid_to_s = float(min(sky.valid_to_s[i], sky.valid_to_s[j]))

    def rows(self, ids: tuple[int, int], touched: Floats) -> list[NaiveEvent]:
        """The rows of the merged intervals that contain one of the times ``touched`` (sorted)."""
        t, d, minima = self._curve(touched)
        rows = []
        for passages in self._merged(t, d):
            if np.any((touched >= passages[0][0] - 1e-6) & (touched <= passages[-1][1] + 1e-6)):
                rows += self._row(ids, t, d, minima, passages)
        return rows

    def _curve(self, touched: Floats) -> tuple[Floats, Floats, Floats]:
        """Times and distances dense enough to see every interval, extrema included, and the times of all minima
        below the threshold; one revolution and more beyond ``touched`` on both sides."""
        margin = self.revolution_s + 2 * PERSISTENT_S
        first = max(touched[0] - margin, self.valid_from_s + 1e-6)
        last = min(touched[-1] + margin, self.valid_to_s - 1e-6)
        t = np.unique(np.concatenate([np.arange(first, last, STEP_S), [last], touched]))
        d = self.sky.distance(self.i, self.j, t)
        t, d = t[~np.isnan(d)], d[~np.isnan(d)]
        near = 3 * self.threshold_km
        low = find_peaks(-d, height=-near, prominence=CONSTANT_RANGE_KM)[0]
        high = find_peaks(d, height=(None, near), prominence=CONSTANT_RANGE_KM)[0]
        minima, depth = self._refined(t[low], 1.0)
        maxima, _ = self._refined(t[high], -1.0)
        is_seen = (minima >= t[0]) & (minima <= t[-1])  # beyond SGP4's failure there is no minimum
        maxima = maxima[(maxima >= t[0]) & (maxima <= t[-1])]
        t = np.unique(np.concatenate([t, minima[is_seen], maxima]))
        return t, self.sky.distance(self.i, self.j, t), minima[is_seen & (depth < self.threshold_km)]

    def _refined(self, guess: Floats, sign: float) -> tuple[Floats, Floats]:
        rows = np.full(len(guess), 1)
        return refine_minima(self.sky, rows * self.i, rows * self.j, guess, 3 * self.threshold_km, sign=sign)

    def _merged(self, t: Floats, d: Floats) -> list[list[tuple[float, float]]]:
        """Passages below the threshold; those less than a revolution apart that stay below twice it belong together."""
        below = d < self.threshold_km
        edges = np.nonzero(np.diff(below.astype(int)))[0]
        cuts = [self._crossing_time(t[k], t[k + 1]) for k in edges]
        bounds = ([float(t[0])] if below[0] else []) + cuts + ([float(t[-1])] if below[-1] else [])
        merged: list[list[tuple[float, float]]] = []
        for begin, end in zip(bounds[::2], bounds[1::2], strict=True):
            last = merged[-1][-1][1] if merged else -np.inf
            gap = (t > last) & (t < begin)
            if begin - last < self.revolution_s and np.max(d[gap], initial=0.0) < 2 * self.threshold_km:
                merged[-1].append((begin, end))
            else:
                merged.append([(begin, end)])
        return merged

    def _crossing_time(self, t0: float, t1: float) -> float:
        def excess(t: float) -> float:
            return float(self.sky.distance(self.i, self.j, np.array([t]))[0]) - self.threshold_km

        return float(brentq(excess, t0, t1, xtol=1e-7))

    def _row(
        self, ids: tuple[int, int], t: Floats, d: Floats, minima: Floats, passages: list[tuple[float, float]]
    ) -> list[NaiveEvent]:
        """The row of one merged interval in this window, if it has one."""
        begin, end = passages[0][0], passages[-1][1]
        mine = minima[(minima >= begin) & (minima <= end)]
        inside = (t >= begin) & (t <= end)
        is_constant = bool(np.ptp(d[inside]) < CONSTANT_RANGE_KM) and end - begin > STEP_S
        is_persistent = end - begin >= PERSISTENT_S or len(mine) >= 2 or is_constant
        start, stop = (max(begin, 0.0), min(end, self.sky.length_s)) if is_persistent else (begin, end)
        in_window = mine[self._is_in_window(mine)]
        if start >= stop or (not is_persistent and not len(in_window)):
            return []
        edges = np.array([start, stop - 1e-6]) if is_persistent else np.empty(0)
        candidates = np.concatenate([in_window, edges])
        depth = self.sky.distance(self.i, self.j, candidates)
        depth[len(in_window) :] += CONSTANT_RANGE_KM  # of equals the minimum
        tca = float(candidates[np.argmin(depth)])
        inside = [(max(a, start), min(b, stop)) for a, b in passages if max(a, start) < min(b, stop)]
        speed = np.linalg.norm(
            self.sky.states(self.i, np.array([tca]))[1] - self.sky.states(self.j, np.array([tca]))[1]
        )
        return [
            NaiveEvent(
                *ids,
                tca_us=self._us(tca),
                miss_distance_km=float(self.sky.distance(self.i, self.j, np.array([tca]))[0]),
                relative_speed_km_s=float(speed),
                is_persistent=is_persistent,
                start_us=self._us(start),
                end_us=self._us(stop),
                n_minima=len(in_window),
                continues_before=is_persistent and begin < 0.0,
                continues_after=is_persistent and end > self.sky.length_s,
                no_minimum=not len(in_window) and not is_constant,
                constant_range=is_constant,
                below_threshold_s=sum(b - a for a, b in inside),
                n_passages=len(inside),
                tca_at_edge=is_persistent and not is_constant and tca not in in_window,
                passage_continues_before=is_persistent and any(a < 0.0 < b for a, b in passages),
            )
        ]

    def _is_in_window(self, t: Floats) -> NDArray[np.bool_]:
        us = np.round(t * 1e6)
        return (us >= 0) & (us < round(self.sky.length_s * 1e6))

    def _us(self, t: float) -> int:
        return self.sky.start_us + round(t * 1e6)


def box_margins(sky: Sky, owner: int, other: int, t_s: Floats, box: tuple[float, float, float]) -> Floats:
    """How far (km) beyond the faces of its owner's RTN box (half-axes in km) another object is at each time; negative
    inside."""
    r, v = sky.states(owner, t_s)
    d = sky.states(other, t_s)[0] - r
    radial = r / np.linalg.norm(r, axis=1)[:, None]
    normal = np.cross(r, v)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    components = np.stack([np.sum(d * axis, axis=1) for axis in (radial, np.cross(normal, radial), normal)], axis=1)
    return np.asarray(np.max(np.abs(components) - np.array(box), axis=1))


def box_stay(
    sky: Sky, owner: int, other: int, begin_s: float, end_s: float, box: tuple[float, float, float]
) -> tuple[float, float] | None:
    """First and last sampled time in [begin_s, end_s] inside the box, by 2,000 samples or more and as many again around
    the deepest; None where all are outside."""
    count = int(np.clip((end_s - begin_s) * 10, 2000, 8000))
    t = np.linspace(begin_s, end_s, count)
    lowest = int(np.argmin(box_margins(sky, owner, other, t, box)))
    t = np.union1d(t, np.linspace(t[max(lowest - 1, 0)], t[min(lowest + 1, count - 1)], 2000))
    inside = np.flatnonzero(box_margins(sky, owner, other, t, box) <= 0.0)
    return (float(t[inside[0]]), float(t[inside[-1]])) if len(inside) else None


def naive_object_changes(before: ElementSets, after: ElementSets, jumped: set[int]) -> list[tuple[str, int]]:
    """(change, number) by number, then in the order in which the changes are declared."""
    old = dict(zip(before.norad_id.tolist(), before.object_name.tolist(), strict=True))
    new = dict(zip(after.norad_id.tolist(), after.object_name.tolist(), strict=True))
    found = []
    for norad_id in sorted(set(old) | set(new)):
        if norad_id not in old:
            found.append(("appeared", norad_id))
        elif norad_id not in new:
            found.append(("vanished", norad_id))
        else:
            if old[norad_id] and new[norad_id] and old[norad_id] != new[norad_id]:
                found.append(("renamed", norad_id))
            if norad_id in jumped:
                found.append(("jumped", norad_id))
    return found


def naive_event_changes(
    before: Events, after: Events, catalogs: tuple[ElementSets, ElementSets]
) -> list[tuple[str, int, int]]:
    """(change, row of before, row of after): every encounter against every other of its pair."""
    period_us = {
        norad_id: 86_400e6 / mean_motion
        for sets in catalogs
        for norad_id, mean_motion in zip(sets.norad_id.tolist(), sets.mean_motion_rev_per_day.tolist(), strict=True)
    }

    pairs = {
        id(events): list(zip(events.norad_id_1.tolist(), events.norad_id_2.tolist(), strict=True))
        for events in (before, after)
    }

    def pair(events: Events, i: int) -> tuple[int, int]:
        return pairs[id(events)][i]

    def time_us(events: Events, i: int) -> int:
        if events.event_class[i] == "crossing":
            return int(events.tca_us[i])
        return int(events.start_us[i] + events.end_us[i]) // 2

    def nearest(events: Events, i: int, others: Events) -> int:
        """The earlier of two that are equally near."""
        mine = time_us(events, i)
        keys = [
            (abs(time_us(others, j) - mine), time_us(others, j), j)
            for j in range(len(others))
            if pair(others, j) == pair(events, i)
        ]
        return min(keys)[2] if keys else -1

    found, matched = [], set()
    for i in range(len(before)):
        j = nearest(before, i, after)
        if j < 0 or nearest(after, j, before) != i:
            found.append(("gone", i, -1))
            continue
        longest = max(int(before.end_us[i] - before.start_us[i]), int(after.end_us[j] - after.start_us[j]))
        limit = max(longest, int(min(period_us.get(k, 90 * 60e6) for k in pair(before, i)))) // 2
        if abs(time_us(after, j) - time_us(before, i)) > limit:
            found.append(("gone", i, -1))
            continue
        matched.add(j)
        is_changed = abs(after.miss_distance_km[j] - before.miss_distance_km[i]) > 1.0
        is_changed |= before.event_class[i] != after.event_class[j]
        if before.event_class[i] == after.event_class[j] == "crossing":
            is_changed |= abs(int(after.tca_us[j]) - int(before.tca_us[i])) > 1_000_000
        found.append(("changed" if is_changed else "same", i, j))
    return found + [("new", -1, j) for j in range(len(after)) if j not in matched]
