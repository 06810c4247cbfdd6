"""TCA, miss distance and speed of real events against a high-precision minimisation of python-sgp4's own positions.

Tolerances: miss 1 cm; TCA max(1 ms, sqrt(2 miss 1 cm) / speed)."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY
from ssa_pipeline_tests.shared.encounters import MISS_KM, Approach, closest_approach
from ssa_pipeline_tests.shared.naive import satrec
from ssa_pipeline_tests.shared.places import BUNDLED, TRUTH

START_US = parse_utc("2024-11-01T00:00:00Z")
DAY_US = 86_400 * 10**6


@pytest.fixture(scope="module")
def objects() -> ElementSets:
    """Those of the slowest 2,000 minima of the truth: deep space, stations, formations, debris in like orbits."""
    with gzip.open(TRUTH, "rt") as lines:
        slowest = sorted(csv.DictReader(lines), key=lambda row: float(row["relspeed_km_s"]))[:2000]
    ids = {int(row[name]) for row in slowest for name in ("norad_1", "norad_2")}
    sets = clean_catalog(parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets, EPOCH_DAY).element_sets
    return sets.take(np.isin(sets.norad_id, list(ids)))


@pytest.fixture(scope="module")
def events(objects: ElementSets) -> Events:
    return screen(objects, START_US, START_US + DAY_US, threads=2).events


def reference(objects: ElementSets, events: Events, k: int) -> Approach:
    """The minimum next to row ``k``, sought from half a second away."""
    rows = [int(np.flatnonzero(objects.norad_id == i[k])[0]) for i in (events.norad_id_1, events.norad_id_2)]
    reported = Approach(int(events.tca_us[k]), events.miss_distance_km[k], events.relative_speed_km_s[k])
    half_s = float(np.clip(3e-6 * reported.tolerance_us, 2.0, 300.0))
    a, b = (satrec(objects, row) for row in rows)
    return closest_approach(a, b, int(events.tca_us[k]) + 500_000, half_s)


def test_real_events_lie_at_the_minimum_of_sgp4_positions(objects: ElementSets, events: Events) -> None:
    at_edge = np.array(["tca_at_edge" in flags.split() for flags in events.flags])
    has_minimum = np.flatnonzero((events.n_minima > 0) & ~at_edge)
    true = [reference(objects, events, int(k)) for k in has_minimum]
    slow = np.array([t.speed_km_s < 0.1 for t in true])
    persistent = events.event_class[has_minimum] == "persistent"
    assert (len(true) >= 1500, slow.sum() >= 70, persistent.sum() >= 25) == (True, True, True)
    miss = events.miss_distance_km[has_minimum] - np.array([t.miss_km for t in true])
    late_us = events.tca_us[has_minimum] - np.array([t.tca_us for t in true])
    tolerance_us = np.array([t.tolerance_us for t in true])
    speed = events.relative_speed_km_s[has_minimum] - np.array([t.speed_km_s for t in true])
    assert np.abs(miss).max() < MISS_KM
    assert np.all(np.abs(late_us) <= tolerance_us)
    assert np.abs(speed).max() < 5e-3  # SGP4's velocity against the derivative of its position
    fast = ~slow & ~persistent
    assert np.abs(miss[fast]).max() < 1e-6
    assert np.percentile(np.abs(late_us[fast]), 99) < 50.0
