"""Encounters made to measure, and the truth about an encounter from python-sgp4 alone.

An orbit is found through any wanted state: mean elements are corrected by Newton's method until SGP4 itself passes
through position and velocity at the wanted microsecond, with the epoch wherever it shall be. Only
``assert_as_the_twin`` calls the engine. Lengths km, speeds km/s, frame TEME, times integer microseconds of UTC unless
a name says ``_s``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sgp4.api import Satrec

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline_tests.shared.naive import NaiveEvent, brute_force_events, satrec

MU = 398600.8
EARTH_RADIUS_KM = 6378.135
J2 = 0.001082616
MISS_KM = 1e-5  # 1 cm: what a miss distance may differ
_JD_1970 = 2440587.5

# objects of the bundled catalogue of 2024-11-01 that keep company, group by group
ISS = {
    25544: "ISS (ZARYA)",
    49044: "ISS (NAUKA)",
    59913: "PROGRESS-MS 27",
    60378: "CYGNUS NG-21",
    60450: "PROGRESS-MS 28",
    61043: "SOYUZ-MS 26",
    61447: "CREW DRAGON 9",
}
CSS = {
    48274: "CSS (TIANHE)",
    53239: "CSS (WENTIAN)",
    54216: "CSS (MENGTIAN)",
    58811: "TIANZHOU-7",
    59591: "SHENZHOU-18 (SZ-18)",
    61683: "SHENZHOU-19 (SZ-19)",
}
TANDEM_X = {31698: "TERRASAR-X", 36605: "TANDEM-X"}
TIANHUI = {44207: "TIANHUI 2-01A", 44209: "TIANHUI 2-01B"}
PIESAT = {56153: "PIESAT A", 56154: "PIESAT B", 56155: "PIESAT C", 56156: "PIESAT D"}
MEV_1 = {26824: "INTELSAT 901 (IS-901)", 44625: "MEV-1"}
MEV_2 = {28358: "INTELSAT 10-02", 46113: "MEV-2"}
GRACE_FO = {43476: "GRACE-FO 1", 43477: "GRACE-FO 2"}
O3B = {43234: "O3B FM13", 44113: "O3B FM19"}
SWARM = {39452: "SWARM A", 39453: "SWARM C"}
CLUSTER = {26410: "CLUSTER II-FM7 (SAMBA)", 26464: "CLUSTER II-FM8 (TANGO)"}
MMS = {40482: "MMS 1", 40483: "MMS 2", 40484: "MMS 3", 40485: "MMS 4"}
STARLINK = {61530: "STARLINK-32261", 61531: "STARLINK-32358"}
COMPANIONS = {
    norad_id: name
    for group in (
        ISS, CSS, TANDEM_X, TIANHUI, PIESAT, MEV_1, MEV_2, GRACE_FO, O3B, SWARM, CLUSTER, MMS, STARLINK
    )
    for norad_id, name in group.items()
}  # fmt: skip

Vector = NDArray[np.float64]
T = TypeVar("T")


def element_set(norad_id: int, epoch_us: int, **elements: float) -> ElementSets:
    """One set; elements that are not given are 0."""
    values: dict[str, object] = {"norad_id": norad_id, "epoch_us": epoch_us, **elements}
    kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
    blank = {"Text": "", "Int64": 0, "Float64": 0.0}
    return ElementSets(
        **{
            f.name: np.array([values.get(f.name, blank[str(f.type)])], dtype=kinds[str(f.type)])
            for f in fields(ElementSets)
        }
    )


def orbit(
    norad_id: int,
    epoch_us: int,
    *,
    perigee_km: float,
    apogee_km: float,
    inclination: float,
    raan: float = 0.0,
    arg_perigee: float = 0.0,
    anomaly: float = 0.0,
    bstar: float = 0.0,
) -> ElementSets:
    """One set by its altitudes and angles in degrees."""
    a = EARTH_RADIUS_KM + 0.5 * (perigee_km + apogee_km)
    return element_set(
        norad_id,
        epoch_us,
        mean_motion_rev_per_day=sqrt(MU / a**3) * 86_400.0 / (2.0 * np.pi),
        eccentricity=(apogee_km - perigee_km) / (2.0 * a),
        inclination_deg=inclination,
        raan_deg=raan % 360.0,
        arg_perigee_deg=arg_perigee % 360.0,
        mean_anomaly_deg=anomaly % 360.0,
        bstar=bstar,
    )


def position(satellite: Satrec, t_us: int, s: float = 0.0) -> Vector:
    """Position at ``t_us`` plus ``s`` seconds, good to 0.1 ns. Raises ValueError where SGP4 has none."""
    day, within = divmod(int(t_us), MICROSECONDS_PER_DAY)
    error, r, _ = satellite.sgp4(day + _JD_1970, (within + s * 1e6) / MICROSECONDS_PER_DAY)
    if error not in (0, 6):  # 6: below the surface, where an orbit on its way to the wanted one may pass
        raise ValueError(f"SGP4 error {error}")
    return np.array(r)


def motion(satellite: Satrec, t_us: int, s: float = 0.0) -> tuple[Vector, Vector]:
    """Position and its derivative, which is not SGP4's velocity (up to 2 m/s off, more under heavy drag)."""
    r = [position(satellite, t_us, s + k) for k in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    return r[2], (r[0] - 8.0 * r[1] + 8.0 * r[3] - r[4]) / 6.0


def orbit_through(norad_id: int, r: Vector, v: Vector, t_us: int, epoch_us: int, bstar: float = 0.0) -> ElementSets:
    """The element set of ``epoch_us`` that moves through (r, v) at ``t_us``, to 1 mm and 1 um/s.

    Raises ValueError where there is none, or Newton's method does not find it.
    """
    target = np.concatenate([r, 1e3 * v])
    mean = _corrected(norad_id, _osculating(r, v), target, t_us, t_us, bstar)
    if epoch_us != t_us:
        mean = _corrected(norad_id, _drifted(mean, (epoch_us - t_us) / 1e6), target, t_us, epoch_us, bstar)
    return _from_vector(norad_id, mean, epoch_us, bstar)


def at_perigee(
    norad_id: int, t_us: int, *, perigee_km: float, apogee_km: float, place: Vector, turn: float
) -> ElementSets:
    """One set that is at its perigee at ``t_us``: in the direction ``place``, moving ``turn`` radians from an arbitrary
    horizontal one."""
    r = (EARTH_RADIUS_KM + perigee_km) * place / np.linalg.norm(place)
    a = EARTH_RADIUS_KM + 0.5 * (perigee_km + apogee_km)
    speed = sqrt(MU * (2.0 / float(np.linalg.norm(r)) - 1.0 / a))
    return orbit_through(norad_id, r, speed * across(place, turn), t_us, t_us)


def _corrected(norad_id: int, mean: Vector, target: Vector, t_us: int, epoch_us: int, bstar: float) -> Vector:
    def reached(p: Vector) -> Vector:
        r, v = motion(satrec(_from_vector(norad_id, p, epoch_us, bstar), 0), t_us)
        return np.concatenate([r, 1e3 * v])

    steps = np.array([1e-6, 1e-6, 1e-6, 1e-5, 1e-5, 1e-5])
    for _ in range(30):
        lacking = target - reached(mean)
        if np.abs(lacking).max() < 1e-6:
            return mean
        jacobian = np.stack(
            [
                (reached(mean + h) - reached(mean - h)) / (2 * step)
                for h, step in zip(np.diag(steps), steps, strict=True)
            ]
        ).T
        change = np.linalg.solve(jacobian, lacking)
        limit = np.array([0.02 * mean[0], 0.05, 0.05, 5.0, 20.0, 20.0])
        mean = mean + change / max(1.0, float(np.max(np.abs(change) / limit)))
    raise ValueError("no element set reaches this state")


def _from_vector(norad_id: int, p: Vector, epoch_us: int, bstar: float) -> ElementSets:
    """From (revolutions per day, e cos w, e sin w, inclination, node, w + M), angles in degrees."""
    arg_perigee = float(np.degrees(np.arctan2(p[2], p[1])))
    return element_set(
        norad_id,
        epoch_us,
        mean_motion_rev_per_day=float(p[0]),
        eccentricity=float(np.hypot(p[1], p[2])),
        inclination_deg=float(p[3]),
        raan_deg=float(p[4] % 360.0),
        arg_perigee_deg=arg_perigee % 360.0,
        mean_anomaly_deg=float((p[5] - arg_perigee) % 360.0),
        bstar=bstar,
    )


def _osculating(r: Vector, v: Vector) -> Vector:
    """Two-body elements in the same six numbers."""
    distance = np.linalg.norm(r)
    a = 1.0 / (2.0 / distance - v @ v / MU)
    if a <= 0.0:
        raise ValueError("not a closed orbit")
    h = np.cross(r, v)
    inclination = np.arccos(h[2] / np.linalg.norm(h))
    node = np.arctan2(h[0], -h[1])
    p_axis = np.array([np.cos(node), np.sin(node), 0.0])
    q_axis = np.cross(h / np.linalg.norm(h), p_axis)
    e = np.cross(v, h) / MU - r / distance
    eccentricity = float(np.linalg.norm(e))
    w = np.arctan2(e @ q_axis, e @ p_axis)
    latitude = np.arctan2(r @ q_axis, r @ p_axis)
    half = np.sqrt((1 - eccentricity) / (1 + eccentricity)) * np.tan((latitude - w) / 2)
    eccentric = 2 * np.arctan(half)
    anomaly = eccentric - eccentricity * np.sin(eccentric)
    n = np.sqrt(MU / a**3) * 86_400.0 / (2 * np.pi)
    return np.array([n, e @ p_axis, e @ q_axis, np.degrees(inclination), np.degrees(node), np.degrees(w + anomaly)])


def _drifted(p: Vector, s: float) -> Vector:
    """Mean elements ``s`` seconds later under the secular rates of the Earth's oblateness."""
    n = p[0] * 2 * np.pi / 86_400.0
    e2 = p[1] ** 2 + p[2] ** 2
    a = (MU / n**2) ** (1 / 3)
    rate = 1.5 * J2 * (EARTH_RADIUS_KM / (a * (1 - e2))) ** 2 * n
    cosine = np.cos(np.radians(p[3]))
    w_dot = rate * (2.0 - 2.5 * (1 - cosine**2))
    m_dot = n  # SGP4's mean motion is Kozai's: the oblateness is in it
    w = np.arctan2(p[2], p[1]) + w_dot * s
    e = np.sqrt(e2)
    turned = np.degrees(np.array([-rate * cosine * s, (m_dot + w_dot) * s]))
    return np.array([p[0], e * np.cos(w), e * np.sin(w), p[3], p[4] + turned[0], p[5] + turned[1]])


@dataclass(frozen=True)
class Approach:
    """A local minimum of the distance of SGP4 positions, and the relative speed there."""

    tca_us: float
    miss_km: float
    speed_km_s: float

    @property
    def tolerance_us(self) -> float:
        """What a TCA may differ: 1 ms, or as far as the distance stays within 1 cm of the minimum."""
        return max(1e3, 1e6 * sqrt(2.0 * self.miss_km * MISS_KM) / max(self.speed_km_s, 1e-9))


def closest_approach(a: Satrec, b: Satrec, near_us: int, half_s: float) -> Approach:
    """The minimum within ``half_s`` seconds of ``near_us``: bounded minimisation, then the zero of the slope of a
    quartic through 41 squared distances around it, which rounding moves far less than the minimum itself.

    Raises ValueError where the distance has no minimum inside.
    """

    def relative(s: float) -> Vector:
        return position(b, near_us, s) - position(a, near_us, s)

    def distance(s: float) -> float:
        return float(np.linalg.norm(relative(s)))

    found = minimize_scalar(distance, bounds=(-half_s, half_s), method="bounded", options={"xatol": 1e-6})
    centre = float(found.x)
    if half_s - abs(centre) < 1e-3 * half_s:
        raise ValueError("no minimum inside")
    speed = float(np.linalg.norm(motion(b, near_us, centre)[1] - motion(a, near_us, centre)[1]))
    width = float(np.clip((0.2 * distance(centre) + 0.1) / max(speed, 1e-6), 0.05, 10.0))
    x = np.linspace(-1.0, 1.0, 41)
    for _ in range(2):
        squared = np.array([float(np.sum(relative(centre + width * k) ** 2)) for k in x])
        slope = np.polynomial.Polynomial.fit(x, squared - squared[20], 4, domain=[-1, 1]).deriv()
        roots = slope.roots()
        real = roots[np.abs(roots.imag) < 1e-9].real
        if len(real):
            centre += width * float(np.clip(real[np.argmin(np.abs(real))], -1.0, 1.0))
    return Approach(near_us + centre * 1e6, distance(centre), speed)


def across(direction: Vector, angle: float) -> Vector:
    """A unit vector perpendicular to ``direction``, turned by ``angle`` radians."""
    axis = direction / np.linalg.norm(direction)
    other = np.eye(3)[np.argmin(np.abs(axis))]
    u = np.cross(axis, other) / np.linalg.norm(np.cross(axis, other))
    return np.asarray(np.cos(angle) * u + np.sin(angle) * np.cross(axis, u))


def turned(sets: ElementSets, t_us: int, degrees: float) -> Vector:
    """The object's velocity, turned about the vertical."""
    r, v = motion(satrec(sets, 0), t_us)
    axis, angle = r / np.linalg.norm(r), np.radians(degrees)
    return np.asarray(np.cos(angle) * v + np.sin(angle) * np.cross(axis, v) + (1.0 - np.cos(angle)) * (axis @ v) * axis)


def circular(sets: ElementSets, t_us: int, direction: Vector) -> Vector:
    """The velocity of a circular orbit through the object's place, as near as may be to ``direction``."""
    r, _ = motion(satrec(sets, 0), t_us)
    level = direction - (direction @ r) * r / (r @ r)
    return np.asarray(np.sqrt(MU / np.linalg.norm(r)) * level / np.linalg.norm(level))


@dataclass(frozen=True)
class Encounter:
    """Two element sets of one row each, and the minimum of their distance as python-sgp4 has it."""

    first: ElementSets
    second: ElementSets
    approach: Approach


def encounter(
    first: ElementSets,
    norad_id: int,
    t_us: int,
    velocity: Vector,
    miss_km: float,
    *,
    angle: float = 0.0,
    epoch_us: int | None = None,
    bstar: float = 0.0,
) -> Encounter:
    """A second object, of ``velocity`` at ``t_us``, that passes ``first`` at ``miss_km`` (to 1 mm) at about ``t_us``.

    ``angle`` turns the miss vector about the relative velocity. Raises ValueError where no orbit does that.
    """
    satellite = satrec(first, 0)
    r, v = motion(satellite, t_us)
    relative = velocity - v
    speed = float(np.linalg.norm(relative))
    half_s = float(np.clip((2.0 * miss_km + 1.0) / speed, 1.0, 300.0))
    offset = miss_km
    for _ in range(6):
        second = orbit_through(
            norad_id,
            r + offset * across(relative, angle),
            velocity,
            t_us,
            t_us if epoch_us is None else epoch_us,
            bstar,
        )
        approach = closest_approach(satellite, satrec(second, 0), t_us, half_s)
        if abs(approach.miss_km - miss_km) < 1e-6:
            return Encounter(first, second, approach)
        offset += miss_km - approach.miss_km
    raise ValueError(f"the miss distance stays at {approach.miss_km} km")


def drawn(make: Callable[[], T], attempts: int = 30) -> T:
    """The first success of ``make``, which draws at random and raises ValueError where no orbit fits."""
    for _ in range(attempts):
        try:
            return make()
        except ValueError:
            continue
    raise AssertionError(f"no encounter in {attempts} attempts")


def rows_of_pair(events: Events, one: ElementSets, other: ElementSets) -> NDArray[np.intp]:
    """Where ``events`` has the pair of two one-row sets."""
    ids = sorted((int(one.norad_id[0]), int(other.norad_id[0])))
    return np.flatnonzero((events.norad_id_1 == ids[0]) & (events.norad_id_2 == ids[1]))


def assert_as_the_twin(sets: ElementSets, start_us: int, end_us: int, threshold_km: float = 5.0) -> list[NaiveEvent]:
    """The engine has the twin's rows (at least one), which are returned: same pairs, classes, minima, passages, flags,
    ends and time below the threshold to 1 s, miss to 1 cm, TCA of rows with a minimum within the tolerance."""
    twin = brute_force_events(sets, start_us, end_us, threshold_km)
    assert twin
    twin.sort(key=lambda e: (e.norad_id_1, e.norad_id_2, e.start_us))
    events = screen(sets, start_us, end_us, threshold_km=threshold_km).events
    order = np.lexsort((events.start_us, events.norad_id_2, events.norad_id_1))
    words = (
        "continues_before", "continues_after", "no_minimum", "constant_range", "tca_at_edge", "passage_continues_before"
    )  # fmt: skip
    found = [
        (
            int(events.norad_id_1[k]),
            int(events.norad_id_2[k]),
            events.event_class[k] == "persistent",
            int(events.n_minima[k]),
            int(events.n_passages[k]),
            *(word in events.flags[k].split() for word in words),
        )
        for k in order
    ]
    expected = [
        (e.norad_id_1, e.norad_id_2, e.is_persistent, e.n_minima, e.n_passages, *(getattr(e, word) for word in words))
        for e in twin
    ]
    assert found == expected
    for k, e in zip(order, twin, strict=True):
        approach = Approach(e.tca_us, e.miss_distance_km, e.relative_speed_km_s)
        assert max(abs(events.start_us[k] - e.start_us), abs(events.end_us[k] - e.end_us)) < 1_000_000, e
        assert abs(events.miss_distance_km[k] - e.miss_distance_km) < MISS_KM, e
        assert abs(events.below_threshold_s[k] - e.below_threshold_s) < 1.0, e
        tolerance_us = 1_000_000 if e.tca_at_edge else approach.tolerance_us
        assert e.n_minima == 0 or abs(events.tca_us[k] - e.tca_us) <= tolerance_us, e
    return twin
