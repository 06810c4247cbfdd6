"""Encounters built to slip through: the fastest, the slowest, on every border, at the threshold, at the end of
validity. The truth of each comes from python-sgp4 (encounters.py, naive.py)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline_tests.shared.encounters import (
    MISS_KM,
    Encounter,
    Vector,
    across,
    assert_as_the_twin,
    at_perigee,
    circular,
    drawn,
    encounter,
    motion,
    orbit,
    orbit_through,
    rows_of_pair,
    turned,
)
from ssa_pipeline_tests.shared.naive import Sky, satrec

T_US = parse_utc("2024-11-01T06:00:00Z")
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
CM = 1e-5
EVERY_GRID_US = 720 * SECOND_US  # a multiple of all steps of the sieve and all spacings of nodes tried here


def velocity(sets: ElementSets, t_us: int = T_US) -> Vector:
    return motion(satrec(sets, 0), t_us)[1]


def low(norad_id: int = 1, **angles: float) -> ElementSets:
    return orbit(norad_id, T_US, perigee_km=540.0, apogee_km=560.0, inclination=53.0, **angles)


def screened(encounters: list[Encounter], start_us: int, end_us: int, threshold_km: float, step_us: int) -> Events:
    """Events of all objects of ``encounters`` in one window, whatever its length."""
    sets = ElementSets.concat([s for e in encounters for s in (e.first, e.second)])
    chunks = compute_ephemeris_chunks(sets, start_us, end_us)
    candidates = find_conjunction_candidates(chunks, threshold_km, step_us=step_us)
    return refine_events(sets, chunks, candidates, threshold_km).events


def assert_found(events: Events, wanted: Encounter) -> None:
    """Exactly one row of the pair has this minimum."""
    rows = rows_of_pair(events, wanted.first, wanted.second)
    close = np.abs(events.tca_us[rows] - wanted.approach.tca_us) <= wanted.approach.tolerance_us
    (row,) = rows[close]
    assert abs(events.miss_distance_km[row] - wanted.approach.miss_km) < MISS_KM


@cache
def head_on_at_perigee() -> list[Encounter]:
    generator = np.random.default_rng(5)
    shapes = [(perigee, apogee) for perigee in (160.0, 300.0) for apogee in (17_000.0, 36_000.0, 90_000.0)]

    def make(k: int) -> Encounter:
        t_us = T_US + k * 7_654_321
        perigee, apogee = shapes[k % len(shapes)]
        place, turn = generator.normal(size=3), generator.uniform(0.0, 6.28)
        first = at_perigee(2 * k + 1, t_us, perigee_km=perigee, apogee_km=apogee, place=place, turn=turn)
        return encounter(first, 2 * k + 2, t_us, -0.998 * velocity(first, t_us), 4.9, angle=0.9 * k)

    return [drawn(partial(make, k)) for k in range(60)]


@pytest.mark.parametrize("step_s", [60, 120, 240])
def test_head_on_at_perigee_of_eccentric_orbits(step_s: int) -> None:
    """Both at 160 to 300 km, at up to 21 km/s, at every part of the sieve's step and from every side."""
    made = head_on_at_perigee()
    speeds = [e.approach.speed_km_s for e in made]
    assert min(speeds) >= 17.9
    assert max(speeds) > 21.0
    events = screened(made, T_US - EVERY_GRID_US, T_US + EVERY_GRID_US, 5.0, step_s * SECOND_US)
    for wanted in made:
        assert_found(events, wanted)


def test_molniya_perigees_against_retrograde_low_orbits() -> None:
    made = []
    for k in range(24):
        first = orbit(
            2 * k + 1, T_US, perigee_km=450.0 + 20.0 * k, apogee_km=39_800.0, inclination=63.4, raan=15.0 * k,
            arg_perigee=270.0, anomaly=-0.3 + 0.025 * k,
        )  # fmt: skip
        against = turned(first, T_US, 170.0 + 0.9 * k)
        made.append(encounter(first, 2 * k + 2, T_US, circular(first, T_US, against), 0.2 * k + 0.1, angle=1.1 * k))
    assert max(e.approach.speed_km_s for e in made) > 17.0
    events = screened(made, T_US - 10 * MINUTE_US, T_US + 10 * MINUTE_US, 5.0, 120 * SECOND_US)
    for wanted in made:
        assert_found(events, wanted)


@pytest.mark.parametrize("speed_m_s", [2.0, 8.0, 16.0, 31.0, 75.0, 115.0, 125.0])
def test_geostationary_drifters(speed_m_s: float) -> None:
    """Slow passages, from an hour below the threshold to a minute: class, ends and minima as the twin has them."""
    first = orbit(1, T_US, perigee_km=35_780.0, apogee_km=35_795.0, inclination=2.0, anomaly=111.0)
    v = velocity(first)
    made = [
        encounter(first, 2, T_US, v + 1e-3 * speed_m_s * across(v, 0.7), 1.5, angle=2.0),
        encounter(first, 3, T_US + HOUR_US, velocity(first, T_US + HOUR_US) * (1 + 3e-4 * speed_m_s), 4.5),
    ]
    assert_as_the_twin(ElementSets.concat([first, *(e.second for e in made)]), T_US - 4 * HOUR_US, T_US + 4 * HOUR_US)


def test_two_centimetres_decide_at_the_threshold() -> None:
    """Fast passages at 5 km - 2 cm are found, those at 5 km + 2 cm are not."""
    made = []
    for k in range(20):
        first = low(2 * k + 1, raan=17.0 * k, anomaly=100.0 + 13.0 * k)
        place = T_US + k * 6_100_000
        miss = 5.0 + (2 * CM if k % 2 else -2 * CM)
        made.append(encounter(first, 2 * k + 2, place, turned(first, place, 15.0 + 8.0 * k), miss, angle=0.7 * k))
    events = screened(made, T_US - 10 * MINUTE_US, T_US + 10 * MINUTE_US, 5.0, 120 * SECOND_US)
    for k, wanted in enumerate(made):
        if k % 2:
            rows = rows_of_pair(events, wanted.first, wanted.second)
            assert not np.any(np.abs(events.tca_us[rows] - wanted.approach.tca_us) < 10 * SECOND_US)
        else:
            assert_found(events, wanted)


@pytest.mark.parametrize("turn", [178.0, 60.0, 0.5], ids=["15 km/s", "7 km/s", "60 m/s"])
def test_a_minimum_on_a_border_is_found_once(turn: float) -> None:
    """On grid points and nodes, and in one of two neighbouring windows, wherever to the microsecond they meet."""
    first = low(raan=33.0, anomaly=250.0)
    made = encounter(first, 2, T_US, turned(first, T_US, turn), 3.0, angle=0.4)
    tca_us = round(made.approach.tca_us)
    for border_us in (tca_us - SECOND_US, tca_us - 1, tca_us, tca_us + 1, tca_us + SECOND_US):
        start, end = border_us - EVERY_GRID_US, border_us + EVERY_GRID_US
        for step_s in (60, 90, 120, 240):
            assert_found(screened([made], start, end, 5.0, step_s * SECOND_US), made)
        before = screened([made], start, border_us, 5.0, 120 * SECOND_US)
        after = screened([made], border_us, end, 5.0, 120 * SECOND_US)
        rows = [(e, k) for e in (before, after) for k in rows_of_pair(e, made.first, made.second)]
        ((events, row),) = rows
        assert abs(events.tca_us[row] - made.approach.tca_us) <= made.approach.tolerance_us
        assert abs(events.miss_distance_km[row] - made.approach.miss_km) < MISS_KM


def formation(count: int, metres: float, **elements: float) -> ElementSets:
    """Objects ``metres`` apart on one orbit."""
    first = low(**elements)
    degrees = np.degrees(1e-3 * metres / 6928.0)
    return ElementSets.concat(
        [
            replace(first, norad_id=np.array([k + 1]), mean_anomaly_deg=first.mean_anomaly_deg + k * degrees)
            for k in range(count)
        ]
    )


def test_a_relative_ellipse_has_all_its_minima_in_one_row() -> None:
    """A GRACE-like pair on slightly different ellipses: two or more minima a revolution, together for hours."""
    leader = low(anomaly=10.0)
    follower = replace(
        leader, norad_id=np.array([2]), eccentricity=leader.eccentricity + 1.5e-4,
        mean_anomaly_deg=leader.mean_anomaly_deg - 0.01, inclination_deg=leader.inclination_deg + 0.02,
    )  # fmt: skip
    pair = ElementSets.concat([leader, follower])
    assert_as_the_twin(pair, T_US, T_US + 8 * HOUR_US)
    events = screen(pair, T_US, T_US + 8 * HOUR_US).events
    assert len(events) == 1
    assert events.n_minima[0] >= 8


@pytest.mark.parametrize("size", [1.0, 0.1, 0.01])
def test_pieces_of_an_interval_share_its_minima_wherever_it_is_cut(size: float) -> None:
    """Cut near a minimum, to the microsecond: it belongs to one of the two pieces, not to both or none. The smaller
    the relative ellipse, the flatter the minimum."""
    leader = low(anomaly=10.0)
    follower = replace(
        leader, norad_id=np.array([2]), eccentricity=leader.eccentricity + 0.7e-4 * size,
        mean_anomaly_deg=leader.mean_anomaly_deg - 0.01, inclination_deg=leader.inclination_deg + 0.01 * size,
    )  # fmt: skip
    pair = ElementSets.concat([leader, follower])
    start, end = T_US, T_US + 4 * HOUR_US
    whole = screen(pair, start, end).events
    tca_us = int(whole.tca_us[0])
    assert whole.n_minima[0] >= 2
    for off_us in (-100_000, -300, -20, *range(-4, 5), 20, 300, 100_000):
        before = screen(pair, start, tca_us + off_us).events
        after = screen(pair, tca_us + off_us, end).events
        assert [len(before), len(after)] == [1, 1]
        assert before.n_minima[0] + after.n_minima[0] == whole.n_minima[0], off_us
        deepest = min(e.miss_distance_km[0] for e in (before, after) if e.n_minima[0])
        assert deepest == pytest.approx(whole.miss_distance_km[0], abs=MISS_KM)


def test_a_cluster_on_one_orbit_loses_no_pair() -> None:
    """110 objects 2 m apart: all 5,995 pairs are together all the time, far more than the sieve expects in a step."""
    cluster = formation(110, 2.0)
    chunks = compute_ephemeris_chunks(cluster, T_US, T_US + 4 * MINUTE_US)
    candidates = find_conjunction_candidates(chunks, 5.0, step_us=120 * SECOND_US)
    pairs = candidates.norad_id_1 * 1000 + candidates.norad_id_2
    assert len(candidates) == 2 * 110 * 109 // 2
    assert len(np.unique(pairs)) == 110 * 109 // 2


def test_close_neighbours_and_copies_are_one_row_a_pair() -> None:
    neighbours = formation(4, 100.0)
    copies = replace(neighbours.take(np.array([0, 0])), norad_id=np.array([11, 12]))
    sets = ElementSets.concat([neighbours, copies])
    events = screen(sets, T_US, T_US + HOUR_US).events
    assert len(events) == 6 * 5 // 2
    assert set(events.event_class) == {"persistent"}
    same = ["identical_elements" in flags for flags in events.flags]
    assert sum(same) == 3
    assert_as_the_twin(sets, T_US, T_US + HOUR_US)


@pytest.mark.parametrize("far_km", [61_000.0, 75_000.0, 140_000.0])
def test_a_pair_beyond_60000_km_is_found_among_others_there(far_km: float) -> None:
    """Three objects near one direction at apogee, the farthest between the two that meet in the catalogue's order."""
    shape = {"perigee_km": 10_000.0, "inclination": 20.0, "anomaly": 180.0}
    first = orbit(1, T_US, apogee_km=far_km, **shape)
    middle = orbit(2, T_US, apogee_km=far_km + 90_000.0, **shape)
    last = orbit(4, T_US, apogee_km=far_km + 30_000.0, **shape)
    made = encounter(first, 3, T_US, turned(first, T_US, 40.0), 2.0, angle=1.0)
    for sets in (
        [first, middle, made.second, last],
        [made.second, last, middle, first],
        [middle, first, last, made.second],
    ):
        events = screen(ElementSets.concat(sets), T_US - HOUR_US, T_US + HOUR_US).events
        assert_found(events, made)


@pytest.mark.parametrize("length_s", [0.5, 1.0, 3.0, 20.0, 60.0, 200.0])
def test_a_last_step_that_is_cut_short_loses_nothing(length_s: float) -> None:
    """Head-on at 16 km/s right before the end of a window that is no multiple of the step, with an object of heavy drag
    (nodes every 30 s) whose validity ends soon after."""
    falling = orbit(1, T_US - HOUR_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=0.004)
    made = drawn(
        lambda: encounter(falling, 2, T_US, 1.15 * circular(falling, T_US, turned(falling, T_US, 170.0)), 4.99)
    )
    end = made.approach.tca_us + 1000
    begin = end - round(length_s * 1e6) - 240 * SECOND_US
    events = screen(ElementSets.concat([made.first, made.second]), round(begin), round(end)).events
    assert_found(events, made)


def short_lived(is_falling: bool) -> tuple[ElementSets, int]:
    """An object and the microsecond near T_US after which, or (rising under negative drag) before which, SGP4 has it
    below the surface."""
    epoch_us = T_US - HOUR_US if is_falling else T_US + HOUR_US
    first = orbit(
        1, epoch_us, perigee_km=10.0, apogee_km=400.0, inclination=53.0, bstar=1e-5 if is_falling else -1e-5
    )  # fmt: skip
    sky = Sky(first, T_US - 2 * HOUR_US, T_US + 2 * HOUR_US)
    edge_s = float(sky.valid_to_s[0] if is_falling else sky.valid_from_s[0])
    assert 1800.0 < edge_s < 12_600.0
    return first, T_US - 2 * HOUR_US + round(edge_s * 1e6)


@pytest.mark.parametrize("is_falling", [True, False], ids=["leaving", "entering"])
@pytest.mark.parametrize(
    ("turn", "away_s"),
    [
        (170.0, 30.0),
        (170.0, 1.0),
        (170.0, 0.6),
        (170.0, 0.3),
        (170.0, 0.05),
        (0.6, 60.0),
        (0.6, 12.0),
        (0.6, 5.0),
        (0.6, 1.0),
    ],
)
def test_an_encounter_at_the_edge_of_validity(is_falling: bool, turn: float, away_s: float) -> None:
    """Fast (17 km/s) or slow (80 m/s), inside validity by ``away_s``: found. The same outside: not found."""
    first, edge_us = short_lived(is_falling)
    inward = -1 if is_falling else 1
    for is_inside in (True, False):
        t_us = edge_us + round(away_s * 1e6) * (inward if is_inside else -inward)
        made = visitor_above(first, t_us, turn)
        events = screened([made], t_us - HOUR_US, t_us + HOUR_US, 5.0, 120 * SECOND_US)
        if is_inside:
            assert_found(events, made)
        else:
            assert len(events) == 0


def visitor_above(first: ElementSets, t_us: int, turn: float) -> Encounter:
    """An encounter with an object 3 km higher, which stays valid while ``first`` is: either one on a high ellipse at
    its perigee, or one on almost the same orbit."""
    r, v = motion(satrec(first, 0), t_us)
    aside = turned(first, t_us, turn)
    wanted = 1.15 * circular(first, t_us, aside) if turn > 90.0 else 1.001 * aside
    angles = np.linspace(0.0, 2.0 * np.pi, 100)
    upward = angles[np.argmax([across(wanted - v, angle) @ r for angle in angles])]
    return encounter(first, 2, t_us, wanted, 3.0, angle=float(upward), bstar=0.0 if turn > 90.0 else first.bstar[0])


def test_high_orbits_are_valid_as_long_as_the_twin_says() -> None:
    """Apogees of 100,000 to 350,000 km: the perigee that SGP4 gives lies up to 2,000 km from that of the elements."""
    generator = np.random.default_rng(4)
    start, end = T_US, T_US + 24 * HOUR_US
    sets = ElementSets.concat(
        [
            orbit(
                k + 1, start - round(generator.uniform(0.0, 5.0) * 24 * HOUR_US),
                perigee_km=generator.uniform(150.0, 2500.0), apogee_km=(100e3, 250e3, 350e3)[k % 3],
                inclination=generator.uniform(1.0, 178.0), raan=generator.uniform(0.0, 360.0),
                arg_perigee=generator.uniform(0.0, 360.0), anomaly=generator.uniform(0.0, 360.0),
            )
            for k in range(90)
        ]
    )  # fmt: skip
    twin, chunks = Sky(sets, start, end), compute_ephemeris_chunks(sets, start, end)
    expected = [np.clip(t, 0.0, 86_400.0) for t in (twin.valid_from_s, twin.valid_to_s)]
    found = [np.clip((t - start) / 1e6, 0.0, 86_400.0) for t in (chunks.valid_from_us, chunks.valid_to_us)]
    is_valid = expected[1] > expected[0]
    assert 3 <= np.count_nonzero(~is_valid) < 45
    np.testing.assert_array_equal(found[1] > found[0], is_valid)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one[is_valid], other[is_valid], atol=5e-6)


@pytest.mark.parametrize("is_late", [True, False], ids=["end of step", "start of step"])
def test_pairs_that_come_from_different_heights(is_late: bool) -> None:
    """One rises, one sinks at 150 m/s; they meet two seconds from an end of the sieve's step. At its middle they are
    some 36 km apart in height, at heights between 200 and 2,900 km."""
    step_s, threshold_km = 240, 5.0
    t_us = T_US + (118 if is_late else -118) * SECOND_US
    rate = 0.15 if is_late else -0.15
    generator = np.random.default_rng(2)

    def make(k: int, radius: float) -> Encounter:
        up = generator.normal(size=3)
        up /= np.linalg.norm(up)
        level = np.sqrt(398600.8 / radius) * across(up, generator.uniform(0.0, 6.28))
        first = orbit_through(2 * k + 1, radius * up, level + rate * up, t_us, t_us)
        wanted = turned(first, t_us, generator.uniform(30.0, 180.0)) - 2.0 * rate * up
        return encounter(first, 2 * k + 2, t_us, wanted, 4.9, angle=generator.uniform(0.0, 6.28))

    radii = np.concatenate([np.arange(6580.0, 9300.0, 34.0), np.arange(8740.0, 8860.0, 3.0)])
    made = [drawn(partial(make, k, radius)) for k, radius in enumerate(radii)]
    start_us = T_US - step_s // 2 * SECOND_US
    events = screened(made, start_us, start_us + step_s * SECOND_US, threshold_km, step_s * SECOND_US)
    for wanted in made:
        assert_found(events, wanted)
