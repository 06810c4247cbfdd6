"""A dip is not an end: objects are screened until SGP4 fails, and what comes after a passage below 100 km says so."""

from __future__ import annotations

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.kernels import validity as kernel
from ssa_pipeline.core.orbits.propagation import LOW_PERIGEE_KM, SURFACE_KM, find_validity, sgp4_coefficients
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.screening.screened_in_part import ScreenedInPart, joined, screened_in_part
from ssa_pipeline.core.status import MEANINGS, Status
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.encounters import across, assert_as_the_twin, orbit, orbit_through, position
from ssa_pipeline_tests.shared.naive import Sky, brute_force_events, satrec

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
T_US = parse_utc("2024-11-01T00:00:00Z")
# CelesTrak, March 2026: the pair has one event in SOCRATES, 2026-03-15T19:40:12.015Z, 4.427 km.
PERIGEE_DIP = b"""\
OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,MEAN_ANOMALY,\
EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,MEAN_MOTION_DOT,MEAN_MOTION_DDOT
ARIANE 5 DEB [SYLDA],2015-034D,2026-03-09T23:18:48.958272,13.47402299,0.12499591,3.8791,64.6612,201.0255,153.3584,\
0,U,40735,999,12318,0.0051736353,0.10375032,-2.0134112e-05
STARLINK-5820,2023-028AS,2026-03-09T19:28:07.575456,14.9832895,0.0003108,70,224.0872,269.6171,90.4631,\
0,U,55781,999,16655,-4.7828208e-05,-6.64e-06,0
"""


def crowd(count: int, seed: int) -> ElementSets:
    """Orbits that dip below 140 km or below the surface, with drag and without, epochs before, in and after the day."""
    generator = np.random.default_rng(seed)
    sets = []
    for k in range(count):
        epoch_us = T_US - round(generator.uniform(-1.0, 4.0) * DAY_US)
        angles = {name: generator.uniform(0.0, 360.0) for name in ("raan", "arg_perigee", "anomaly")}
        perigee_km = generator.uniform(0.0 if k % 3 == 0 else 60.0, 140.0)
        apogee_km = max(perigee_km + 1.0, float(np.exp(generator.uniform(np.log(150.0), np.log(40_000.0)))))
        drag = float(generator.choice([0.0, 0.0, 1e-4, 1e-3, 1e-2, -1e-3]))
        shape = {"perigee_km": perigee_km, "apogee_km": apogee_km, "bstar": drag}
        sets.append(orbit(k + 1, epoch_us, inclination=generator.uniform(1.0, 178.0), **angles, **shape))
    return ElementSets.concat(sets)


def soon_circular() -> ElementSets:
    """Drag makes its orbit circular, until the Moon brings SGP4's eccentricity below zero (error 3) 15 hours into the
    day, later back above, and below again."""
    return orbit(
        900, T_US - DAY_US // 2, perigee_km=5800.0, apogee_km=5984.58823728986, inclination=81.95966938580095,
        raan=57.50600926934828, arg_perigee=264.4477745073172, anomaly=40.92192717170523, bstar=471113.1214354689,
    )  # fmt: skip


def test_validity_and_first_low_passage_are_those_of_python_sgp4() -> None:
    """To 5 microseconds, between whole minutes too, where SGP4 is well again afterwards too."""
    sets = ElementSets.concat([crowd(120, seed=1), soon_circular()])
    length_s = 86_400.0
    twin = Sky(sets, T_US, T_US + DAY_US)
    chunks = compute_ephemeris_chunks(sets, T_US, T_US + DAY_US)
    for found, expected in ((chunks.valid_from_us, twin.valid_from_s), (chunks.valid_to_us, twin.valid_to_s)):
        seconds = np.clip((found - T_US) / 1e6, 0.0, length_s)
        np.testing.assert_allclose(seconds, np.clip(expected, 0.0, length_s), atol=5e-6)
    reasons = {MEANINGS[Status(int(code))] for code in chunks.status[chunks.status > 0]}
    assert {MEANINGS[Status.DECAYED], MEANINGS[Status.PERTURBED_ECCENTRICITY]} <= reasons

    low, _ = find_validity(sgp4_coefficients(sets), sets.epoch_us, T_US, T_US + DAY_US, floor_km=LOW_PERIGEE_KM)
    rows = np.flatnonzero(sets.epoch_us < T_US + DAY_US)
    first_low = np.array([twin.first_below(row, 100.0, length_s) for row in rows])
    seconds = (low[rows, 1] - T_US) / 1e6
    np.testing.assert_allclose(np.clip(seconds, 0.0, length_s), np.clip(first_low, 0.0, length_s), atol=5e-6)
    is_back = (chunks.valid_to_us[rows] >= T_US + DAY_US) & (seconds < length_s)
    assert np.count_nonzero(is_back) > 10  # cut for good before


def test_no_deep_space_object_comes_lower_than_the_room_that_is_left_for_it() -> None:
    """By python-sgp4, over ten days: GTO, half-day resonance and very eccentric orbits of any age."""
    generator = np.random.default_rng(7)
    sets = []
    for k in range(60):
        apogee_km = (
            generator.uniform(39_400, 40_300),
            generator.uniform(12_000, 45_000),
            45_000 * 9 ** generator.random(),
        )
        angles = {name: generator.uniform(0.0, 360.0) for name in ("raan", "arg_perigee", "anomaly")}
        shape = {"perigee_km": generator.uniform(130.0, 1200.0), "apogee_km": float(apogee_km[k % 3])}
        epoch_us = T_US - round(generator.uniform(-15.0, 60.0) * DAY_US)
        sets.append(orbit(k + 1, epoch_us, inclination=generator.uniform(1.0, 179.0), **angles, **shape))
    joined_sets = ElementSets.concat(sets)
    coefficients = sgp4_coefficients(joined_sets)
    largest_km = 0.0
    for row, coef in enumerate(coefficients):
        record = satrec(joined_sets, row)
        minutes = (T_US - joined_sets.epoch_us[row]) / 6e7 + np.arange(0.0, 14_400.0)
        error, position, _ = record.sgp4_array(
            np.full(len(minutes), record.jdsatepoch), record.jdsatepochF + minutes / 1440.0
        )
        radius = np.where(error == 0, np.linalg.norm(position, axis=1), np.inf)
        lowest = int(np.argmin(radius))
        perigee, apogee, _, e = kernel.mean_apsides(coef, minutes[lowest])
        room_km = kernel.least_calm_perigee_km(coef, 0.5 * (perigee + apogee), e) - 100.0
        assert perigee - radius[lowest] < room_km - 50.0, row
        largest_km = max(largest_km, perigee - float(radius[lowest]))
    assert largest_km > 100.0  # else there was nothing to leave room for
    for floor_km in (SURFACE_KM, LOW_PERIGEE_KM):
        some = np.arange(0, 60, 2)  # ten of each kind; a slice would be other arrays to compile for
        window = (coefficients[some], joined_sets.epoch_us[some], T_US, T_US + 2 * DAY_US)
        short, _ = find_validity(*window, floor_km=floor_km)
        thorough, _ = find_validity(*window, floor_km=floor_km, is_thorough=True)
        np.testing.assert_allclose(short, thorough, atol=5)


def test_the_event_after_a_dip_is_found() -> None:
    sets = parse_catalog(PERIGEE_DIP, "perigee_dip.csv").element_sets
    start_us = parse_utc("2026-03-10T04:00:00Z")
    assert len(clean_catalog(sets, from_us(start_us).date()).element_sets) == 2
    result = screen(sets, start_us, start_us + 168 * HOUR_US)
    (expected,) = brute_force_events(sets, start_us + 5 * DAY_US, start_us + 6 * DAY_US, 5.0)
    assert len(result.events) == 1
    assert result.events.tca_us[0] == pytest.approx(parse_utc("2026-03-15T19:40:12.015Z"), abs=2_000)
    assert result.events.miss_distance_km[0] == pytest.approx(4.42718, abs=1e-4)
    assert result.events.tca_us[0] == pytest.approx(expected.tca_us, abs=1_000)
    assert result.events.miss_distance_km[0] == pytest.approx(expected.miss_distance_km, abs=1e-5)
    assert result.events.flags[0] == "low_perigee_1"
    assert result.in_part == []


def test_encounters_of_low_objects_are_those_of_the_twin_with_their_flags() -> None:
    """One visitor for each of 24 low objects, at times all over the day, some below 100 km."""
    generator = np.random.default_rng(5)
    objects = crowd(60, seed=2)
    sky = Sky(objects, T_US, T_US + DAY_US)
    sets, last_us = [], 0
    for row in range(len(objects)):
        first_s, end_s = max(0.0, sky.valid_from_s[row]), min(86_400.0, sky.valid_to_s[row])
        if len(sets) >= 48 or end_s - first_s < 600.0 or objects.mean_motion_rev_per_day[row] < 2.0:
            continue
        t_us = T_US + round(generator.uniform(first_s + 1.0, end_s - 1.0) * 1e6)
        r, v = (np.array(x[0]) for x in sky.states(row, np.array([(t_us - T_US) / 1e6])))
        velocity = 1.15 * np.sqrt(398600.8 / np.linalg.norm(r)) * across(r, generator.uniform(0.0, 6.28))
        away = across(velocity - v, generator.uniform(0.0, 6.28))
        try:
            visitor = orbit_through(1000 + row, r + generator.uniform(0.1, 4.5) * away, velocity, t_us, t_us)
        except ValueError:
            continue
        sets += [objects.take(np.array([row])), visitor]
        last_us = max(last_us, t_us)
    joined_sets = ElementSets.concat(sets)
    expected = assert_as_the_twin(joined_sets, T_US, T_US + DAY_US)
    assert len(expected) >= 20
    events = screen(joined_sets, T_US, T_US + DAY_US).events
    flags = " ".join(events.flags.tolist())
    assert "low_perigee_1" in flags
    for k in range(len(events)):
        words = events.flags[k].split()
        row = int(np.flatnonzero(objects.norad_id == events.norad_id_1[k])[0])
        if objects.epoch_us[row] <= events.tca_us[k]:
            low_us = T_US + sky.first_below(row, 100.0, 86_400.0) * 1e6
            assert ("low_perigee_1" in words) == (events.tca_us[k] >= low_us - 5), k
        assert "reentering_1" not in words or "low_perigee_1" in words


def test_what_is_low_all_round_is_reentering() -> None:
    sets = ElementSets.concat(
        [
            orbit(1, T_US, perigee_km=120.0, apogee_km=145.0, inclination=51.0, bstar=1e-3),
            orbit(2, T_US, perigee_km=120.0, apogee_km=145.0, inclination=51.0, bstar=1e-3, anomaly=0.01),
        ]
    )
    events = screen(sets, T_US, T_US + DAY_US).events
    end_us = T_US + round(float(Sky(sets, T_US, T_US + DAY_US).valid_to_s.min()) * 1e6)
    assert T_US < end_us < T_US + DAY_US
    (later,) = screen(sets, end_us - 20 * 60_000_000, T_US + DAY_US).events.flags.tolist()
    assert {"low_perigee_1", "reentering_1", "low_perigee_2", "reentering_2", "validity_ends_1"} <= set(later.split())
    assert "low_perigee" not in screen(sets, T_US, T_US + HOUR_US // 4).events.flags[0]
    assert len(events) == 1


@pytest.mark.parametrize("away_s", [1.0, 0.4, 0.1, 0.01])
def test_a_minimum_just_before_sgp4_fails_is_found(away_s: float) -> None:
    """SGP4 error 3: no state at all beyond, so that F must do with less than half a second."""
    first = soon_circular()
    satellite = satrec(first, 0)
    end_us = T_US + round(float(Sky(first, T_US, T_US + DAY_US).valid_to_s[0]) * 1e6)
    t_us = end_us - round(away_s * 1e6)
    r = position(satellite, t_us)
    v = r - position(satellite, t_us, -1.0)
    second = orbit_through(999, r + 2.0 * across(v, 1.0), -v, t_us, t_us)
    times = t_us + np.arange(-round(2e6 * away_s), round(0.98e6 * away_s), max(round(away_s * 1e4), 100))
    distances = [np.linalg.norm(position(satrec(second, 0), t) - position(satellite, t)) for t in times.tolist()]
    deepest = int(np.argmin(distances))
    assert 0 < deepest < len(times) - 1
    events = screen(ElementSets.concat([first, second]), T_US, T_US + DAY_US).events
    near = np.abs(events.tca_us - t_us) < 1_000_000
    assert np.count_nonzero(near) == 1
    assert events.miss_distance_km[near][0] == pytest.approx(distances[deepest], abs=1e-5)
    assert abs(int(events.tca_us[near][0]) - int(times[deepest])) <= max(2e4 * away_s, 2_000)
    assert "validity_ends_1" in events.flags[near][0]


def test_objects_say_how_much_of_them_was_screened() -> None:
    falling = orbit(1, T_US - HOUR_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=0.01)
    gone = orbit(2, T_US - 30 * HOUR_US, perigee_km=120.0, apogee_km=125.0, inclination=53.0, bstar=0.05)
    steady = orbit(3, T_US, perigee_km=700.0, apogee_km=710.0, inclination=98.0)
    sets = ElementSets.concat([falling, gone, steady])
    end_us = T_US + round(float(Sky(falling, T_US, T_US + DAY_US).valid_to_s[0]) * 1e6)
    parts = screened_in_part(compute_ephemeris_chunks(sets, T_US, T_US + DAY_US))
    assert [(part.norad_id, part.from_us, part.to_us - end_us, part.is_screened) for part in parts] == [
        (1, T_US, pytest.approx(0, abs=5), True),
        (2, T_US, pytest.approx(T_US - end_us), False),
    ]
    assert parts[0].reason == MEANINGS[Status.MEAN_ECCENTRICITY]
    week = screen(sets, T_US, T_US + 2 * DAY_US)
    assert [(part.norad_id, part.is_screened) for part in week.in_part] == [(1, True), (2, False)]
    assert week.in_part[0].to_us == parts[0].to_us


def test_parts_of_a_window_join() -> None:
    def part(norad_id: int, from_us: int, to_us: int) -> ScreenedInPart:
        return ScreenedInPart(norad_id, from_us, to_us, "why")

    days = [(0, 10, [part(1, 0, 0), part(2, 3, 10)]), (10, 20, [part(1, 10, 10)]), (20, 30, [part(1, 20, 20)])]
    assert joined(days) == [part(1, 0, 0), part(2, 3, 30)]
    days = [(0, 10, []), (10, 20, [part(1, 10, 15)]), (20, 30, [part(1, 20, 20)])]
    assert joined(days) == [part(1, 0, 15)]
    assert joined([(0, 10, [])]) == []
