"""The numeric core in plain Python (NUMBA_DISABLE_JIT=1), every line of it, on inputs small enough for that.

Run by `test_plain_python.py` and `make coverage` in a process of its own. Truth comes from python-sgp4, from the twin
in naive.py and from encounters solved to measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from importlib.resources import files

import numba
import numpy as np
import pytest
from sgp4.api import WGS72, Satrec

from benchmarks.completeness import read_truth
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.kernels import conjunction_candidates as sieve
from ssa_pipeline.core.kernels import refined_events as events_kernel
from ssa_pipeline.core.kernels import validity
from ssa_pipeline.core.kernels.sgp4 import coefficients as columns
from ssa_pipeline.core.kernels.sgp4 import vector
from ssa_pipeline.core.kernels.sgp4.init import init_element_sets
from ssa_pipeline.core.orbits.propagation import LOW_PERIGEE_KM, SURFACE_KM, find_validity, sgp4_coefficients, states_at
from ssa_pipeline.core.parallel import map_blocks
from ssa_pipeline.core.records import Candidates, ElementSets, RejectRule
from ssa_pipeline.core.screening import conjunction_candidates as link_4
from ssa_pipeline.core.screening import ephemeris_chunks as link_3
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.interpolation import interpolate_chunk
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.screening.screened_in_part import screened_in_part
from ssa_pipeline.core.status import Status
from ssa_pipeline.core.time import day_start_us, to_us
from ssa_pipeline.core.watch import SILENT, Cancelled, Watch
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, catalog_of
from ssa_pipeline_tests.shared.encounters import (
    assert_as_the_twin,
    at_perigee,
    encounter,
    motion,
    orbit,
    orbit_through,
    turned,
)
from ssa_pipeline_tests.shared.naive import Sky, satrec

START_US = day_start_us(EPOCH_DAY)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


@pytest.fixture(autouse=True)
def _plain() -> None:
    assert numba.config.DISABLE_JIT, "run with NUMBA_DISABLE_JIT=1, or nothing of the kernels is measured"


def published() -> Iterator[tuple[str, str, np.ndarray]]:
    """Element sets and rows (minutes, position, velocity) of the published verification set, AIAA 2006-6753."""
    text = files("sgp4").joinpath("SGP4-VER.TLE").read_text()
    lines = [line[:69] for line in text.splitlines() if line.startswith(("1 ", "2 "))]
    blocks = re.split(r"^\d+ xx\n", files("sgp4").joinpath("tcppver.out").read_text(), flags=re.MULTILINE)[1:]
    for k, block in enumerate(blocks):
        rows = [[float(word) for word in line.split()[:7]] for line in block.splitlines()]
        yield lines[2 * k], lines[2 * k + 1], np.array(rows[:: max(len(rows) // 3, 1)])


def coefficients_of(satrec: Satrec) -> np.ndarray:
    epoch = satrec.jdsatepoch - 2433281.5 + satrec.jdsatepochF
    mean = [[epoch, satrec.bstar, satrec.ecco, satrec.argpo, satrec.inclo, satrec.mo, satrec.no_kozai, satrec.nodeo]]
    coefficients = np.empty((1, columns.COEF_SIZE))
    init_element_sets(np.array(mean), coefficients)
    return coefficients


def test_sgp4_meets_the_published_set_and_fails_as_python_sgp4_does() -> None:
    rows = np.empty(vector.VECTOR_SCRATCH)
    vectors = 0
    for first, second, expected in published():
        satrec = Satrec.twoline2rv(first, second, WGS72)
        coefficients = coefficients_of(satrec)
        for row in expected:
            state, code = states_at(coefficients, row[:1])
            if code[0] in (0, 6):
                assert np.abs(state[0, :3] - row[1:4]).max() < 5e-6, (first, row[0])
        for minutes in (-50_000.0, 2_880.0, 200_000.0, 2_000_000.0):
            assert states_at(coefficients, np.array([minutes]))[1][0] == satrec.sgp4_tsince(minutes)[0]
        if coefficients[0, columns.DEEP] == 0.0 and coefficients[0, columns.ISIMP] == 0.0:
            is_good = vector.propagate_near_earth(coefficients[0], 5.0, 700.0, 3, rows)
            codes = [satrec.sgp4_tsince(5.0 + 700.0 * j)[0] for j in range(3)]
            assert is_good or any(codes), first
            for j in range(3 if is_good else 0):
                found = rows[[j, vector.VECTOR + j, 2 * vector.VECTOR + j]]
                assert np.abs(found - satrec.sgp4_tsince(5.0 + 700.0 * j)[1]).max() < 1e-6
            vectors += is_good
            vector.propagate_near_earth(coefficients[0], 2e7, 1.0, 1, rows)
    assert vectors >= 4


def real(*ids: int) -> ElementSets:
    return clean_catalog(parse_catalog(catalog_of(set(ids)), "real.csv").element_sets, EPOCH_DAY).element_sets


def test_real_encounters_of_half_an_hour_are_those_of_the_twin() -> None:
    minima = [m for m in read_truth() if 300.0 < m.t_s < 1500.0 and m.speed_km_s > 1.0][:6]
    # with a Molniya orbit, a geostationary one, one above the shells, and a transfer orbit
    sets = real(*{norad_id for m in minima for norad_id in m.pair}, 26867, 26824, 4382, 25492)
    end = START_US + 30 * MINUTE_US
    found = screen(sets, START_US, end, threads=2)
    assert len(found.events) >= 3
    assert_as_the_twin(sets, START_US, end)
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + 12 * MINUTE_US)
    expected = {m.pair for m in minima if m.t_s < 720.0}
    for step_us in (120 * 10**6, link_4.LONGEST_STEP_US):
        candidates = find_conjunction_candidates(chunks, 5.0, step_us=step_us)
        assert expected <= set(zip(candidates.norad_id_1.tolist(), candidates.norad_id_2.tolist(), strict=True))


def formation(count: int, metres: float, epoch_us: int) -> ElementSets:
    """Objects ``metres`` apart on one low orbit."""
    first = orbit(1, epoch_us, perigee_km=540.0, apogee_km=560.0, inclination=53.0)
    degrees = np.degrees(1e-3 * metres / 6928.0)
    return ElementSets.concat(
        [
            replace(first, norad_id=np.array([k + 1]), mean_anomaly_deg=first.mean_anomaly_deg + k * degrees)
            for k in range(count)
        ]
    )


def test_companions_copies_and_slow_passages_are_those_of_the_twin() -> None:
    neighbours = formation(3, 100.0, START_US)
    copies = replace(neighbours.take(np.array([0, 0])), norad_id=np.array([11, 12]))
    assert_as_the_twin(ElementSets.concat([neighbours, copies]), START_US, START_US + 12 * MINUTE_US)
    first = neighbours.take(np.array([0]))
    made = encounter(first, 77, START_US + 5 * MINUTE_US, turned(first, START_US + 5 * MINUTE_US, 0.4), 2.0)
    both = ElementSets.concat([first, made.second])
    assert_as_the_twin(both, START_US, START_US + 10 * MINUTE_US)
    # the passage belongs to one side of a border through it
    border = int(made.approach.tca_us)
    parts = [screen(both, START_US, border).events, screen(both, border, START_US + 10 * MINUTE_US).events]
    assert sum(len(part) for part in parts) == 1


def test_a_crowd_needs_a_larger_table_and_several_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "PLAN_ROWS", 1)
    crowd = formation(95, 2.0, START_US)
    eccentric = [
        orbit(200 + k, START_US, perigee_km=500.0, apogee_km=4000.0, inclination=53.0, anomaly=60.0 + 4e-4 * k)
        for k in range(3)
    ]
    polar = [
        orbit(300 + k, START_US, perigee_km=500.0, apogee_km=900.0, inclination=90.0, anomaly=90.0 + 180.0 * k)
        for k in range(2)
    ]
    chunks = compute_ephemeris_chunks(
        ElementSets.concat([crowd, *eccentric, *polar]), START_US, START_US + 4 * MINUTE_US
    )
    assert len(find_conjunction_candidates(chunks, 5.0)) >= 95 * 94 // 2 + 3


def test_a_reach_across_half_the_sky_leaves_no_direction_out() -> None:
    far = [
        orbit(k + 1, START_US, perigee_km=500.0, apogee_km=4000.0 - 3500.0 * (k > 0), inclination=53.0, anomaly=angle)
        for k, angle in enumerate((60.0, 135.0, 300.0))
    ]
    sets = ElementSets.concat(far)
    middle, _ = states_at(sgp4_coefficients(sets), (START_US + 2 * MINUTE_US - sets.epoch_us) / 6e7)
    apart_km = np.linalg.norm(middle[1:, :3] - middle[0, :3], axis=1)
    assert apart_km.min() > 6500.0
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + 4 * MINUTE_US)
    for other, distance_km in ((2, apart_km[0]), (3, apart_km[1])):
        found = find_conjunction_candidates(chunks, 1.001 * float(distance_km))
        assert (1, other) in zip(found.norad_id_1.tolist(), found.norad_id_2.tolist(), strict=True)


def test_only_pairs_with_a_wanted_object_and_each_with_its_own_threshold() -> None:
    sets = formation(4, 3000.0, START_US)  # 3, 6 and 9 km apart
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + 4 * MINUTE_US)
    order, classes = link_4._by_spacing(chunks)
    state = np.empty((6, 4))
    for spacing_class, (base, value, slope) in zip(
        classes, link_4._Weights(classes).at(START_US + 120 * 10**6), strict=True
    ):
        spacing_s = spacing_class.spacing_us * 1e-6
        sieve.interpolate(spacing_class.nodes, base, value, slope, spacing_s, spacing_class.scale, state, 0)
    assert order.tolist() == [0, 1, 2, 3]

    def pairs(thresholds: list[float], wanted: list[bool], base: float = 5.0) -> set[tuple[int, int]]:
        hits = np.empty((20, sieve.HIT_COLUMNS))
        asked = sieve.Asked(
            chunks.error_bound_km, chunks.acceleration_bound_km_s2, np.ones(4, np.bool_), np.array(thresholds),
            np.array(wanted), base, 20.0,
        )  # fmt: skip
        used = sieve.sieve_step(state, asked, 120.0, hits, 0, 0)
        return {(min(a, b), max(a, b)) for a, b in hits[:used, :2].astype(int).tolist()}

    everyone = [True] * 4
    assert pairs([5.0] * 4, everyone) == {(0, 1), (1, 2), (2, 3)}
    assert pairs([5.0] * 4, [True, False, False, False]) == {(0, 1)}
    assert pairs([8.0, 5.0, 5.0, 5.0], everyone) == {(0, 1), (0, 2), (1, 2), (2, 3)}
    assert pairs([8.0, 5.0, 5.0, 5.0], [False, False, False, True]) == {(2, 3)}
    assert pairs([7000.0] * 4, everyone, 7000.0) == {(a, b) for a in range(4) for b in range(a + 1, 4)}
    assert pairs([600.0, 5.0, 5.0, 5.0], [True, False, False, False]) == {(0, 1), (0, 2), (0, 3)}


def _dipping(norad_id: int, lowest_us: int, epoch_us: int, *, apogee_km: float) -> ElementSets:
    """An object 99.9 km above the equatorial radius at ``lowest_us``, its perigee."""
    place = np.array([1.0, 0.3, 0.2])
    there = at_perigee(norad_id, lowest_us, perigee_km=99.9, apogee_km=apogee_km, place=place, turn=0.3)
    r, v = motion(satrec(there, 0), lowest_us)
    return orbit_through(norad_id, r, v, lowest_us, epoch_us)


def test_validity_ends_where_python_sgp4_says() -> None:
    falling = orbit(1, START_US - HOUR_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=0.01)
    rising = orbit(2, START_US + HOUR_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=-0.01)
    high = orbit(3, START_US - HOUR_US, perigee_km=600.0, apogee_km=250e3, inclination=30.0, anomaly=350.0)
    low = orbit(6, START_US - HOUR_US, perigee_km=60.0, apogee_km=80.0, inclination=53.0)
    late = orbit(7, START_US + HOUR_US + 1, perigee_km=150.0, apogee_km=170.0, inclination=60.0, raan=90.0, bstar=-0.01)
    gone = orbit(4, START_US - 30 * HOUR_US, perigee_km=120.0, apogee_km=125.0, inclination=53.0, bstar=0.05)
    steady = orbit(5, START_US, perigee_km=700.0, apogee_km=710.0, inclination=98.0)
    sets = ElementSets.concat([falling, rising, high, gone, steady, low, late])
    end = START_US + 4 * HOUR_US
    chunks = compute_ephemeris_chunks(sets, START_US - 2 * HOUR_US, end)
    twin = Sky(sets, START_US - 2 * HOUR_US, end)
    length_s = 6 * 3600.0
    for found, expected in ((chunks.valid_from_us, twin.valid_from_s), (chunks.valid_to_us, twin.valid_to_s)):
        seconds = np.clip((found - START_US) / 1e6 + 7200.0, 0.0, length_s)
        np.testing.assert_allclose(
            seconds[[0, 1, 2, 4, 6]], np.clip(expected, 0.0, length_s)[[0, 1, 2, 4, 6]], atol=5e-6
        )
    assert chunks.node_count[3] == 0
    assert chunks.node_count[5] > 0  # below 100 km is no end
    parts = {part.norad_id: part for part in screened_in_part(chunks)}
    assert not parts[4].is_screened
    assert parts[1].from_us == chunks.start_us
    assert (parts[1].to_us - chunks.start_us) / 1e6 == pytest.approx(twin.valid_to_s[0], abs=5e-6)


def test_a_dip_between_two_minutes_is_found_on_both_sides_of_its_epoch() -> None:
    """100 m below the floor, and back above it before the next whole minute."""
    lowest_us = START_US + 20 * MINUTE_US + MINUTE_US // 2
    at_epoch = _dipping(1, lowest_us, lowest_us, apogee_km=5000.0)
    before = _dipping(2, lowest_us, START_US - 1, apogee_km=5000.0)
    after = _dipping(3, lowest_us, START_US + 40 * MINUTE_US, apogee_km=5000.0)
    sets = ElementSets.concat([at_epoch, before, after])
    end_us = START_US + 40 * MINUTE_US
    sky = Sky(sets, START_US, end_us)
    since, code = find_validity(sgp4_coefficients(sets), sets.epoch_us, START_US, end_us, floor_km=LOW_PERIGEE_KM)
    assert code.tolist() == [Status.BELOW_100_KM] * 3
    seconds = (since - START_US) / 1e6
    low_s = [sky.first_below(row, 100.0, until_s) for row, until_s in ((1, 2400.0), (2, 0.0))]
    np.testing.assert_allclose(seconds, [[1230.0, 1230.0], [0.0, low_s[0]], [low_s[1], 2400.0]], atol=5e-6)
    assert 1200.0 < low_s[0] < 1230.0 < low_s[1] < 1260.0


def test_events_after_a_passage_below_100_km_say_so() -> None:
    """One object dips after 4.5 minutes, another is low all the time."""
    middle_us = START_US + 4 * MINUTE_US + MINUTE_US // 2
    dips = _dipping(1, middle_us, START_US - 1, apogee_km=5000.0)
    low = _dipping(2, START_US, START_US, apogee_km=130.0)
    visitors = [
        encounter(sets, norad_id, at_us, turned(sets, at_us, 60.0), 1.0).second
        for norad_id, sets, at_us in (
            (11, dips, START_US + 2 * MINUTE_US),
            (12, dips, START_US + 6 * MINUTE_US),
            (13, low, START_US + 6 * MINUTE_US),
        )
    ]
    sets = ElementSets.concat([dips, low, *visitors])
    events = screen(sets, START_US, START_US + 8 * MINUTE_US).events
    low_from_us = START_US + round(Sky(dips, START_US, START_US + 8 * MINUTE_US).first_below(0, 100.0, 480.0) * 1e6)
    assert abs(low_from_us - middle_us) < MINUTE_US // 2
    found = zip(events.norad_id_2.tolist(), events.flags.tolist(), strict=True)
    assert sorted(found) == [(11, ""), (12, "low_perigee_1"), (13, "low_perigee_1 reentering_1")]
    assert ((events.tca_us > low_from_us) == (events.norad_id_2 != 11)).all()


def test_an_object_below_the_surface_at_the_start_of_the_day_has_decayed() -> None:
    falling = orbit(1, START_US - HOUR_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=0.01)
    end_us = round(float(Sky(falling, START_US, START_US + HOUR_US).valid_to_s[0]) * 1e6) + START_US
    earlier = replace(falling, epoch_us=falling.epoch_us - (end_us + 20_000_000 - START_US))
    (rejected,) = clean_catalog(earlier, EPOCH_DAY).rejected
    assert rejected.rule == RejectRule.DECAYED


def test_positions_from_nodes_stay_within_their_bound() -> None:
    sets = real(25544, 26824)
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + HOUR_US)
    sky = Sky(sets, START_US, START_US + HOUR_US)
    times = START_US + np.array([0, 1, 1_234_567_891, HOUR_US])
    for k in range(2):
        nodes = chunks.nodes_int32[chunks.offsets[k] : chunks.offsets[k + 1]].reshape(-1, 3)
        at = (float(chunks.scale_km[k]), int(chunks.first_node_us[k]), int(chunks.spacing_us[k]))
        found = interpolate_chunk(nodes, *at, times)
        expected, _ = sky.states(k, (times - START_US) / 1e6)
        assert np.linalg.norm(found[:, :3] - expected, axis=1).max() < chunks.error_bound_km[k] + 1e-5
        with pytest.raises(ValueError, match="outside of the chunk"):
            interpolate_chunk(nodes, *at, np.array([START_US - HOUR_US]))


def test_what_cannot_be_screened_is_refused() -> None:
    sets = real(25544)
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + 4 * MINUTE_US)
    with pytest.raises(ValueError, match="the window is empty"):
        screen(sets, START_US, START_US)
    with pytest.raises(ValueError, match="more than one element set"):
        screen(ElementSets.concat([sets, sets]), START_US, START_US + MINUTE_US)
    with pytest.raises(ValueError, match="is not positive"):
        find_conjunction_candidates(chunks, 0.0)
    with pytest.raises(ValueError, match="a step of 0 us"):
        find_conjunction_candidates(chunks, 5.0, step_us=0)
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2024, 11, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="chunk format 99"):
        find_conjunction_candidates(replace(chunks, format_version=99), 5.0)
    assert len(screen(ElementSets.empty(), START_US, START_US + MINUTE_US).events) == 0


def test_a_failure_that_nothing_announced_is_searched_minute_by_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the announcement switched off, nodes at which SGP4 fails lead to the same validity."""
    falling = orbit(1, START_US - HOUR_US, perigee_km=250.0, apogee_km=400.0, inclination=53.0, bstar=1.0)
    deep = orbit(2, START_US - HOUR_US, perigee_km=130.0, apogee_km=20e3, inclination=30.0, bstar=3.0)
    sets = ElementSets.concat([falling, deep])
    announced = compute_ephemeris_chunks(sets, START_US, START_US + 4 * HOUR_US)
    assert announced.status[0] == Status.DECAYED
    monkeypatch.setattr(validity, "_doubt", lambda *_: validity.CALM)
    monkeypatch.setattr(link_3, "BEYOND_US", 0)
    searched = compute_ephemeris_chunks(sets, START_US, START_US + 4 * HOUR_US)
    assert searched.valid_to_us.tolist() == announced.valid_to_us.tolist()
    assert len(searched) == 2


def test_what_has_no_state_has_a_code() -> None:
    coefficients = sgp4_coefficients(real(25544, 26824))
    resonance, out = np.zeros(3), np.empty(6)
    floor_km = SURFACE_KM

    def code(row: int, column: int, value: float) -> int:
        changed = coefficients[row].copy()
        changed[column] = value
        return int(validity.state_code(changed, START_US, START_US + MINUTE_US, floor_km, resonance, out))

    assert code(0, columns.NO, -1.0) == Status.MEAN_MOTION
    assert np.isnan(out).all()
    assert code(0, columns.AO, 0.0) == Status.MEAN_ECCENTRICITY
    assert code(0, columns.CC1, -10.0) == Status.IMPLAUSIBLE_STATE
    assert code(0, columns.AO, 0.9) == Status.DECAYED
    assert code(0, columns.AO, 1.005) == Status.GOOD
    floor_km = LOW_PERIGEE_KM
    assert code(0, columns.AO, 1.005) == Status.BELOW_100_KM


def test_every_candidate_is_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    minimum = next(m for m in read_truth() if 300.0 < m.t_s < 400.0 and 1.0 < m.miss_km < 4.0 and m.speed_km_s > 1.0)
    sets = real(*minimum.pair)
    chunks = compute_ephemeris_chunks(sets, START_US, START_US + 20 * MINUTE_US)
    starts = START_US + np.array([0, 4, 16]) * MINUTE_US
    candidates = Candidates(
        *(np.full(3, norad_id) for norad_id in minimum.pair), starts, starts + 4 * MINUTE_US, np.ones(3), np.ones(3),
        np.zeros(3, np.bool_),
    )  # fmt: skip
    shorter = replace(chunks, valid_to_us=np.full(2, START_US + 15 * MINUTE_US))
    found = refine_events(sets, shorter, candidates, 5.0)
    assert found.outcomes == {"event": 1, "above_threshold": 0, "minimum_in_another_step": 1, "object_not_valid": 1}
    assert found.events.miss_distance_km[0] == pytest.approx(minimum.miss_km, abs=1e-5)
    assert refine_events(sets, chunks, candidates, 0.5).outcomes["above_threshold"] == 1
    # no state half a second beyond either border: the search begins half a second inside
    slope, lost = events_kernel._slope, [np.nan, np.nan]
    monkeypatch.setattr(events_kernel, "_slope", lambda *a: lost.pop() if lost else slope(*a))
    assert refine_events(sets, chunks, candidates, 5.0).outcomes["event"] == 1
    assert not lost
    with pytest.raises(ValueError, match="different objects"):
        refine_events(sets.take(np.array([1, 0])), chunks, candidates, 5.0)


def test_intervals_that_breathe_about_the_threshold_are_one_row() -> None:
    leader = formation(1, 0.0, START_US)
    degrees = float(np.degrees(4.9 / 6928.0))
    follower = orbit(2, START_US, perigee_km=539.6, apogee_km=560.4, inclination=53.0, anomaly=degrees)
    (row,) = assert_as_the_twin(ElementSets.concat([leader, follower]), START_US, START_US + 110 * MINUTE_US)
    assert row.is_persistent
    # far enough apart in between to be two rows; near the threshold outside of both there is nothing
    wider = orbit(2, START_US, perigee_km=536.0, apogee_km=564.0, inclination=53.0, anomaly=degrees)
    both = ElementSets.concat([leader, wider])
    first, *_ = screen(both, START_US, START_US + 110 * MINUTE_US).events.end_us.tolist()
    assert len(screen(both, first + 2_000_000, first + 2_000_000 + 4 * MINUTE_US).events) == 0


def test_objects_that_come_and_go_are_flagged() -> None:
    falling = orbit(1, START_US + 5 * MINUTE_US, perigee_km=150.0, apogee_km=170.0, inclination=53.0, bstar=0.05)
    below = encounter(falling, 2, START_US + 4 * MINUTE_US, turned(falling, START_US + 4 * MINUTE_US, 90.0), 1.0)
    sets = ElementSets.concat([falling, below.second])
    flags = screen(sets, START_US, START_US + 30 * MINUTE_US).events.flags[0].split()
    assert {"validity_ends_1", "forward_epoch_1"} <= set(flags)


def test_roots_at_the_ends_of_a_bracket_are_found() -> None:
    sets = formation(2, 100.0, START_US)
    (first, second), epoch = sgp4_coefficients(sets), int(sets.epoch_us[0])
    work = np.zeros((2, 9))
    pair = columns.Pair(first, epoch, second, epoch, work)
    assert START_US <= events_kernel._root_of_slope(pair, START_US, START_US + 100, 0.0, 1.0) <= START_US + 100
    same = columns.Pair(first, epoch, first, epoch, work)
    middle = events_kernel._root_of_slope(same, START_US, START_US + 100, -1.0, 1.0)
    assert middle == START_US + 50
    limit2 = events_kernel.distance_at(pair, START_US) ** 2
    found = events_kernel._threshold_crossing(pair, START_US, START_US + MINUTE_US, limit2)
    assert START_US <= found <= START_US + MINUTE_US


def test_rounding_makes_no_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distances of our own making, one a second: stairs on a slope, and wiggles below a micrometre."""

    def knots(distances: list[float]) -> list[int]:
        n = len(distances)

        def distance2(_pair: object, t_us: int, s: float) -> float:
            return float(np.interp((t_us + s) * 1e-6, np.arange(n), distances)) ** 2

        monkeypatch.setattr(events_kernel, "_distance2", distance2)
        time, dist, kind = np.zeros(n + 4, np.int64), np.zeros(n + 4), np.zeros(n + 4, np.int64)
        used = events_kernel._find_knots(None, 0, (n - 1) * 10**6, 10**6, time, dist, kind)
        return kind[:used].tolist()

    edge, low, high = events_kernel.KNOT_EDGE, events_kernel.KNOT_MINIMUM, events_kernel.KNOT_MAXIMUM
    assert knots([3.0, 1.0, 2.0, 2.0, 3.0]) == [edge, low, edge]
    assert knots([3.0, 1.0, 4.0, 1.0, 3.0]) == [edge, low, high, low, edge]
    wiggle = 1.0 + 1e-7
    assert knots([3.0, 2.0, wiggle, 1.0, wiggle, 1.0, wiggle, 2.0, 3.0]).count(low) == 1


def test_extremes_too_flat_for_a_slope_are_found_by_their_distance() -> None:
    sets = formation(2, 100.0, START_US)
    (first, second), epoch = sgp4_coefficients(sets), int(sets.epoch_us[0])
    pair = columns.Pair(first, epoch, second, epoch, np.zeros((2, 9)))
    lo, hi = START_US, START_US + MINUTE_US
    distances = [events_kernel.distance_at(pair, t) for t in (lo, hi)]
    nearest = (lo, hi)[int(np.argmin(distances))]
    for sign in (1.0, -1.0):
        found = events_kernel._extreme(pair, lo, hi, sign)
        assert abs(found - (nearest if sign > 0 else lo + hi - nearest)) < 2000


def test_threads_share_the_work_and_stop_on_request() -> None:
    done: list[tuple[int, int]] = []

    def work(first: int, last: int) -> int:
        done.append((first, last))
        return last - first

    assert map_blocks(work, 10, threads=2, watch=SILENT, stage="x", block=4) == [4, 4, 2]
    assert sorted(done) == [(0, 4), (4, 8), (8, 10)]
    with pytest.raises(Cancelled):
        map_blocks(work, 10, threads=2, watch=Watch(should_stop=lambda: True), stage="x", block=4)
