"""The brute-force twin on geometry that can be worked out by hand, and on real encounters found by others."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import catalog_of
from ssa_pipeline_tests.shared.naive import NaiveEvent, Sky, brute_force_events

START = parse_utc("2024-11-01T00:00:00Z")
HOUR = 3_600_000_000


def circular(norad_id: int, **elements: float) -> ElementSets:
    """One circular polar orbit of 15 revolutions a day through the ascending node at START."""
    values: dict[str, object] = {
        "norad_id": norad_id,
        "epoch_us": START,
        "mean_motion_rev_per_day": 15.0,
        "inclination_deg": 90.0,
    }
    values |= elements
    kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
    blank = {"Text": "", "Int64": 0, "Float64": 0.0}
    return ElementSets(
        **{
            f.name: np.array([values.get(f.name, blank[str(f.type)])], dtype=kinds[str(f.type)])
            for f in fields(ElementSets)
        }
    )


def real(*norad_ids: int) -> ElementSets:
    return parse_catalog(catalog_of(set(norad_ids)), "bundled").element_sets


def events_of(*sets: ElementSets, hours: float, threshold_km: float = 5.0, start_us: int = START) -> list[NaiveEvent]:
    return brute_force_events(ElementSets.concat(list(sets)), start_us, start_us + round(hours * HOUR), threshold_km)


def test_head_on_circular_orbits_meet_every_half_revolution() -> None:
    """Two satellites in opposite directions on one circle, both at the node at the epoch: SGP4 sees the same
    radius for both at equal arguments of latitude, so they pass each other at twice the circular speed."""
    there = circular(1)
    back = circular(2, raan_deg=180.0, mean_anomaly_deg=180.0)
    found = events_of(there, back, hours=86_400 / 15 / 3600, threshold_km=5.0, start_us=START + HOUR // 2)
    assert len(found) == 2
    half_revolution = (found[1].tca_us - found[0].tca_us) / 1e6
    assert half_revolution == pytest.approx(86_400 / 15 / 2, rel=2e-3)  # nodal against mean motion: 0.1 %
    for event in found:
        assert not event.is_persistent
        assert event.relative_speed_km_s == pytest.approx(2 * 7.59, rel=0.01)
        lasting = (event.end_us - event.start_us) / 1e6
        chord = 2 * np.sqrt(5.0**2 - event.miss_distance_km**2)
        assert lasting == pytest.approx(chord / event.relative_speed_km_s, rel=1e-3)


def test_identical_elements_are_one_row_of_constant_range() -> None:
    (event,) = events_of(circular(7), circular(3), hours=2.0)
    assert (event.norad_id_1, event.norad_id_2) == (3, 7)
    assert event.is_persistent
    assert event.constant_range
    assert event.n_minima == 0
    assert (event.start_us, event.end_us) == (START, START + 2 * HOUR)
    assert event.continues_before
    assert event.continues_after


def test_a_follower_on_the_same_orbit_stays_at_its_chord() -> None:
    """0.02 degrees behind on a nearly circular orbit: 2 a sin(0.01 degrees), about 2.4 km all the time."""
    (event,) = events_of(circular(1), circular(2, mean_anomaly_deg=-0.02), hours=3.0)
    assert event.is_persistent
    assert event.miss_distance_km == pytest.approx(2 * 6932.0 * np.sin(np.radians(0.01)), rel=0.01)


def test_a_minimum_belongs_to_the_half_open_window_that_holds_it() -> None:
    pair = circular(1), circular(2, raan_deg=180.0, mean_anomaly_deg=180.0)
    first, second = events_of(*pair, hours=1.6, start_us=START + HOUR // 2)
    up_to = (first.tca_us - START - HOUR // 2) / HOUR
    assert events_of(*pair, hours=up_to, start_us=START + HOUR // 2) == []
    again = events_of(*pair, hours=1.0, start_us=first.tca_us)
    assert [event.tca_us for event in again] == pytest.approx([first.tca_us, second.tca_us], abs=2)


def test_pieces_of_one_encounter_classify_alike_on_both_sides_of_a_border() -> None:
    """61530 and 61531 are together for 20 minutes around 19:23; either piece alone is shorter than that."""
    pair = real(61530, 61531)
    (whole,) = events_of(pair, hours=24.0)
    assert whole.is_persistent
    border = whole.end_us - 60_000_000
    (before,) = events_of(pair, hours=1.0, start_us=border - HOUR)
    (after,) = events_of(pair, hours=1.0, start_us=border)
    assert before.is_persistent
    assert before.continues_after
    assert before.n_minima == 1
    assert abs(before.tca_us - whole.tca_us) < 1_000_000
    assert after.is_persistent
    assert after.continues_before
    assert after.no_minimum
    assert after.n_minima == 0
    assert after.end_us == pytest.approx(whole.end_us, abs=1000)
    assert after.miss_distance_km > before.miss_distance_km


def test_the_space_station_and_an_independent_element_set_of_it_are_together_all_day() -> None:
    (event,) = events_of(real(25544, 49044), hours=24.0)
    assert event.is_persistent
    assert event.n_minima > 1
    assert event.tca_at_edge
    assert event.miss_distance_km == pytest.approx(0.384243, abs=1e-5)  # at 00:00; the least of its minima is 0.386186


def test_an_object_ends_where_sgp4_first_puts_it_below_the_surface() -> None:
    falling = circular(1, mean_motion_rev_per_day=16.45, bstar=0.01)
    sky = Sky(falling, START, START + 24 * HOUR)
    end = float(sky.valid_to_s[0])
    radii = np.linalg.norm(sky.states(0, np.array([end - 60.0, end - 1e-3, end + 1e-3]))[0], axis=1)
    assert 0.0 < end < 86_400.0
    assert np.all(radii[:2] > 6378.135)
    assert not radii[2] > 6378.135
    low = sky.first_below(0, 100.0, 86_400.0)
    radii = np.linalg.norm(sky.states(0, np.array([low - 1e-3, low + 1e-3]))[0], axis=1)
    assert low < end
    assert radii[1] < 6478.135 < radii[0]
    twin = replace(falling, norad_id=np.array([2]))
    (event,) = events_of(falling, twin, hours=24.0)
    assert event.end_us == pytest.approx(START + end * 1e6, abs=2)
    assert not event.continues_after


def test_nobody_is_near_nobody() -> None:
    assert events_of(circular(1), hours=1.0) == []
    assert events_of(circular(1), circular(2, raan_deg=90.0, mean_anomaly_deg=90.0), hours=0.2) == []
