"""The engine against the brute-force twin (naive.py), event for event, on real objects."""

from __future__ import annotations

import csv
import gzip
from collections import Counter

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.naive import NaiveEvent, brute_force_events
from ssa_pipeline_tests.shared.places import BUNDLED, TRUTH

START_US = parse_utc("2024-11-01T00:00:00Z")
HOUR_US = 3600 * 10**6
MISS_KM = 1e-5
SECOND_US = 10**6
STATIONS = (25544, 48274, 49044, 53239, 54216, 58811, 59591, 59913, 60378, 60450, 61043, 61447, 61683)


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    parsed = parse_catalog(BUNDLED.read_bytes(), BUNDLED.name)
    return clean_catalog(parsed.element_sets, from_us(START_US).date()).element_sets


def crowd(catalogue: ElementSets, count: int) -> ElementSets:
    """The objects with most encounters on the day, and the two space stations with what is docked to them."""
    with gzip.open(TRUTH, "rt") as file:
        meetings = Counter(int(row[name]) for row in csv.DictReader(file) for name in ("norad_1", "norad_2"))
    ids = [norad_id for norad_id, _ in meetings.most_common(count)]
    return catalogue.take(np.isin(catalogue.norad_id, [*ids, *STATIONS]))


def all_regimes(catalogue: ElementSets) -> ElementSets:
    """GEO, MEO, eccentric and low objects, decaying ones among them, drawn with a fixed seed."""
    generator = np.random.default_rng(3)
    motion, eccentricity = catalogue.mean_motion_rev_per_day, catalogue.eccentricity
    groups = [
        (np.abs(motion - 1.0027) < 0.01, 130),
        ((motion > 1.5) & (motion < 6.0), 50),
        (eccentricity > 0.2, 90),
        ((motion > 13.0) & (motion < 15.5), 420),
        (motion > 15.9, 30),
    ]
    chosen = [generator.choice(np.flatnonzero(group), count, replace=False) for group, count in groups]
    return catalogue.take(np.unique(np.concatenate(chosen)))


def assert_same(events: Events, twin: list[NaiveEvent], threshold_km: float) -> None:
    """Every row of either side has its partner in the other; rows within 1 cm of the threshold apart."""
    by_pair: dict[tuple[int, int], list[int]] = {}
    for k in range(len(events)):
        by_pair.setdefault((int(events.norad_id_1[k]), int(events.norad_id_2[k])), []).append(k)
    unmatched = set(range(len(events)))
    missed = []
    for expected in twin:
        rows = by_pair.get((expected.norad_id_1, expected.norad_id_2), [])
        partner = next((k for k in rows if k in unmatched and is_same(events, k, expected)), None)
        if partner is not None:
            unmatched.remove(partner)
        elif expected.miss_distance_km < threshold_km - MISS_KM:
            missed.append(expected)
    extra = [k for k in unmatched if events.miss_distance_km[k] < threshold_km - MISS_KM]
    assert missed == []
    assert [(events.norad_id_1[k], events.norad_id_2[k], events.tca_us[k], events.event_class[k]) for k in extra] == []


def is_same(events: Events, k: int, expected: NaiveEvent) -> bool:
    if (events.event_class[k] == "persistent") != expected.is_persistent:
        return False
    if abs(events.miss_distance_km[k] - expected.miss_distance_km) > MISS_KM:
        return False
    if not expected.is_persistent:
        speed = max(float(events.relative_speed_km_s[k]), 1e-9)
        tolerance = max(1e3, 1e6 * (2.0 * expected.miss_distance_km * MISS_KM) ** 0.5 / speed)
        return bool(abs(int(events.tca_us[k]) - expected.tca_us) <= tolerance)
    ends = (int(events.start_us[k]) - expected.start_us, int(events.end_us[k]) - expected.end_us)
    return max(map(abs, ends)) <= SECOND_US


def test_a_crowded_sky_at_5_km(catalogue: ElementSets) -> None:
    objects = crowd(catalogue, 700)
    end_us = START_US + 24 * HOUR_US
    twin = brute_force_events(objects, START_US, end_us, 5.0)
    assert len(twin) >= 500
    assert sum(e.is_persistent for e in twin) >= 30
    assert_same(screen(objects, START_US, end_us, threads=2).events, twin, 5.0)


def test_all_regimes_at_75_km(catalogue: ElementSets) -> None:
    objects = all_regimes(catalogue)
    end_us = START_US + 20 * HOUR_US
    twin = brute_force_events(objects, START_US, end_us, 75.0)
    assert len(twin) >= 2000
    found = screen(objects, START_US, end_us, threshold_km=75.0, threads=2).events
    assert_same(found, twin, 75.0)
