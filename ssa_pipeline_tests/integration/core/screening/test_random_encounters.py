"""Hundreds of encounters made between orbits of all kinds: the engine finds every one of them, to the centimetre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline_tests.shared.encounters import (
    EARTH_RADIUS_KM,
    MISS_KM,
    MU,
    Encounter,
    Vector,
    across,
    assert_as_the_twin,
    drawn,
    encounter,
    motion,
    orbit,
    rows_of_pair,
)
from ssa_pipeline_tests.shared.naive import satrec

START_US = parse_utc("2024-11-01T18:00:00Z")
WINDOW_US = 6 * 3600 * 10**6
DAY_US = 86_400 * 10**6
SECOND_US = 10**6
SHAPES_KM = {  # lowest and highest perigee, lowest and highest apogee
    "LEO": (350.0, 1500.0, 350.0, 1500.0),
    "MEO": (19_000.0, 23_500.0, 19_000.0, 23_500.0),
    "GEO": (35_700.0, 35_850.0, 35_700.0, 35_850.0),
    "GTO": (250.0, 800.0, 30_000.0, 37_000.0),
    "HEO": (500.0, 3000.0, 38_000.0, 41_000.0),
    "far": (1000.0, 20_000.0, 50_000.0, 90_000.0),
}


def random_orbit(generator: np.random.Generator, norad_id: int, t_us: int, kind: str) -> ElementSets:
    """An orbit of one kind, every other one near its perigee at ``t_us``, with an epoch up to three days before or half
    a day after."""
    low_perigee, high_perigee, low_apogee, high_apogee = SHAPES_KM[kind]
    perigee, apogee = sorted((generator.uniform(low_perigee, high_perigee), generator.uniform(low_apogee, high_apogee)))
    age_days = generator.uniform(-0.5, 3.0)
    made = orbit(
        norad_id,
        t_us - round(age_days * DAY_US),
        perigee_km=perigee,
        apogee_km=apogee,
        inclination=generator.uniform(1.0, 12.0) if kind == "GEO" else generator.uniform(2.0, 178.0),
        raan=generator.uniform(0.0, 360.0),
        arg_perigee=generator.uniform(0.0, 360.0),
        bstar=10.0 ** generator.uniform(-6.0, -4.0),
    )
    anomaly = generator.choice([180.0, 15.0]) * generator.uniform(-1.0, 1.0)
    return replace(made, mean_anomaly_deg=(anomaly - 360.0 * age_days * made.mean_motion_rev_per_day) % 360.0)


def random_velocity(generator: np.random.Generator, r: Vector, v: Vector) -> Vector:
    """Of another orbit through the place ``r``: any ellipse in any direction, or one much like the first."""
    if generator.random() < 0.3:
        return v + 10.0 ** generator.uniform(-3.0, -0.3) * across(generator.normal(size=3), 0.0)
    radius = float(np.linalg.norm(r))
    perigee = EARTH_RADIUS_KM + 250.0
    perigee += generator.random() ** 2 * (radius - perigee)
    apogee = radius * 10.0 ** (generator.random() ** 2)
    a = 0.5 * (perigee + apogee)
    level = np.sqrt(MU * perigee * apogee / a) / radius
    radial = np.sqrt(max(MU * (2.0 / radius - 1.0 / a) - level**2, 0.0)) * generator.choice([-1.0, 1.0])
    return np.asarray(radial * r / radius + level * across(r, generator.uniform(0.0, 2.0 * np.pi)))


def random_encounter(
    generator: np.random.Generator,
    norad_id: int,
    kind: str,
    threshold_km: float,
    velocity: Callable[[Vector, Vector], Vector],
) -> Encounter:
    t_us = START_US + int(generator.integers(SECOND_US, WINDOW_US - SECOND_US))
    first = random_orbit(generator, norad_id, t_us, kind)
    wanted = velocity(*motion(satrec(first, 0), t_us))
    miss_km = (threshold_km - 2 * MISS_KM) * np.sqrt(generator.uniform(1e-6, 1.0))
    made = encounter(
        first,
        norad_id + 1,
        t_us,
        wanted,
        miss_km,
        angle=generator.uniform(0.0, 2.0 * np.pi),
        epoch_us=t_us - round(generator.uniform(-0.5, 2.0) * DAY_US),
        bstar=10.0 ** generator.uniform(-6.0, -4.0),
    )
    if perigee_km(made.second) < 240.0:
        raise ValueError("the visitor may have decayed before")
    return made


def perigee_km(sets: ElementSets) -> float:
    a = np.cbrt(MU / (sets.mean_motion_rev_per_day * 2.0 * np.pi / 86_400.0) ** 2)
    return float((a * (1.0 - sets.eccentricity) - EARTH_RADIUS_KM)[0])


def is_found(events: Events, wanted: Encounter) -> bool:
    """One row has this minimum; where a persistent row has several, it lies inside and is not the deepest."""
    rows = rows_of_pair(events, wanted.first, wanted.second)
    tca_us, miss_km = wanted.approach.tca_us, wanted.approach.miss_km
    for k in rows:
        is_same = abs(events.tca_us[k] - tca_us) <= wanted.approach.tolerance_us
        if is_same and abs(events.miss_distance_km[k] - miss_km) < MISS_KM:
            return True
        is_within = events.start_us[k] <= tca_us <= events.end_us[k]
        if is_within and events.n_minima[k] > 1 and events.miss_distance_km[k] < miss_km + MISS_KM:
            return True
    return False


@pytest.mark.parametrize("threshold_km", [1.0, 5.0, 50.0])
def test_every_random_encounter_is_found(threshold_km: float) -> None:
    generator = np.random.default_rng(round(threshold_km))
    kinds = ["LEO", *SHAPES_KM]
    velocity = partial(random_velocity, generator)
    made = [
        drawn(partial(random_encounter, generator, 2 * k + 1, kinds[k % len(kinds)], threshold_km, velocity))
        for k in range(240)
    ]
    speeds = np.array([e.approach.speed_km_s for e in made])
    assert np.count_nonzero(speeds < 0.1) > 30
    assert np.count_nonzero(speeds > 10.0) >= 30
    sets = ElementSets.concat([s for e in made for s in (e.first, e.second)])
    events = screen(sets, START_US, START_US + WINDOW_US, threshold_km=threshold_km, threads=2).events
    assert [e.approach for e in made if not is_found(events, e)] == []


def pairs(seed: int, count: int, threshold_km: float, speeds_km_s: tuple[float, float]) -> ElementSets:
    """Pairs in all orbits but the farthest, each meeting at a speed drawn between the given ones."""
    generator = np.random.default_rng(seed)
    slowest, fastest = np.log10(speeds_km_s)

    def make(k: int) -> Encounter:
        kind = list(SHAPES_KM)[k % 5]
        return random_encounter(
            generator,
            2 * k + 1,
            kind,
            threshold_km,
            lambda r, v: v + 10.0 ** generator.uniform(slowest, fastest) * across(generator.normal(size=3), 0.0),
        )

    made = [drawn(partial(make, k)) for k in range(count)]
    return ElementSets.concat([s for e in made for s in (e.first, e.second)])


@pytest.mark.parametrize("threshold_km", [1.0, 5.0, 50.0])
def test_pairs_between_fast_and_slow_are_as_the_twin_has_them(threshold_km: float) -> None:
    """Relative speeds around those at which the sieve hands a pair to the slow search."""
    border = 0.022 * threshold_km + 0.01
    sets = pairs(21, 60, threshold_km, (0.3 * border, 3.0 * border))
    assert len(assert_as_the_twin(sets, START_US, START_US + WINDOW_US, threshold_km)) >= 60


@pytest.mark.parametrize("threshold_km", [1.0, 50.0])
def test_random_formations_are_as_the_twin_has_them(threshold_km: float) -> None:
    """Pairs that part at 1 cm/s to 50 m/s, over half a day that begins before they meet."""
    sets = pairs(22, 50, threshold_km, (1e-5, 0.05))
    start_us = START_US - WINDOW_US // 2
    twin = assert_as_the_twin(sets, start_us, start_us + 2 * WINDOW_US, threshold_km)
    assert sum(event.is_persistent for event in twin) >= 20
