"""The engine against its brute-force twin in windows of odd length and place: short ones cut slow encounters of
formations, docked objects, neighbours in GEO and decaying objects, so flags, ends and counts of minima are compared
too. test_brute_force.py compares whole days.

Tolerances: miss 1 cm; TCA max(1 ms, sqrt(2 miss 1 cm) / speed); ends 1 s; rows within 1 cm of the threshold apart.
"""

from __future__ import annotations

from collections import defaultdict
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets, EventClass, Events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY
from ssa_pipeline_tests.shared.naive import NaiveEvent, brute_force_events
from ssa_pipeline_tests.shared.places import BUNDLED

MISS_KM = 1e-5  # 1 cm
ENDS_US = 1_000_000
HOUR_US = 3_600_000_000
KINDS = (
    "continues_before", "continues_after", "no_minimum", "constant_range", "tca_at_edge", "passage_continues_before"
)  # fmt: skip

Choice = NDArray[np.bool_]


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    received = parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets
    return clean_catalog(received, EPOCH_DAY).element_sets


def _altitude_km(sets: ElementSets) -> NDArray[np.float64]:
    """Of the mean semi-major axis above 6378.135 km."""
    motion = sets.mean_motion_rev_per_day * 2.0 * np.pi / 86_400.0
    return np.asarray(np.cbrt(398600.8 / motion**2) - 6378.135)


def _between(sets: ElementSets, low_km: float, high_km: float) -> Choice:
    altitude = _altitude_km(sets)
    return (altitude >= low_km) & (altitude < high_km)


def _companions(sets: ElementSets) -> Choice:
    """Space stations with their visitors, formations and fresh clusters, and objects that share their elements."""
    names = sets.object_name.astype(str)
    words = ("ISS", "CSS", "SOYUZ", "PROGRESS", "DRAGON", "TIANZHOU", "SHENZHOU", "TANDEM-X", "TERRASAR", "YAOGAN")
    named = np.any([np.char.find(names, word) >= 0 for word in words], axis=0)
    keys = np.stack([sets.epoch_us.astype(float), sets.mean_anomaly_deg, sets.mean_motion_rev_per_day])
    _, which, counts = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    return named | (counts[which.ravel()] > 1)


def _eccentric(sets: ElementSets) -> Choice:
    """Transfer and Molniya orbits."""
    return sets.eccentricity > 0.3


def _decaying(sets: ElementSets) -> Choice:
    return _between(sets, 0.0, 300.0)


def _crowd(sets: ElementSets, seed: int) -> Choice:
    """All companions and decaying objects, and 300 others drawn from low, eccentric, and geostationary orbits."""
    generator = np.random.default_rng(seed)
    pools = (_between(sets, 500.0, 600.0), _eccentric(sets), _between(sets, 35_700.0, 35_900.0))
    drawn = np.concatenate([generator.choice(np.flatnonzero(pool), 100, replace=False) for pool in pools])
    chosen = _companions(sets) | _between(sets, 0.0, 300.0)
    chosen[drawn] = True
    return chosen


@pytest.mark.parametrize(
    ("start", "hours", "threshold_km"),
    [
        pytest.param("2024-10-31T14:56:27.654321Z", 0.06, 200.0, id="four minutes, 200 km"),
        pytest.param("2024-11-01T07:02:03.123456Z", 0.3, 50.0, id="18 minutes, 50 km"),
        pytest.param("2024-11-01T23:59:59.999999Z", 1.7, 5.0, id="over midnight, 5 km"),
        pytest.param("2024-11-02T20:11:00.000001Z", 7.7, 100.0, id="a third of a day, 100 km"),
        pytest.param("2024-10-30T00:00:00Z", 12.0, 0.5, id="before most epochs, 500 m"),
    ],
)
def test_the_engine_agrees_in_odd_windows(
    catalogue: ElementSets, start: str, hours: float, threshold_km: float
) -> None:
    start_us = parse_utc(start)
    end_us = start_us + round(hours * HOUR_US)
    objects = catalogue.take(_crowd(catalogue, seed=start_us % 1000))

    expected = brute_force_events(objects, start_us, end_us, threshold_km)
    found = _records(screen(objects, start_us, end_us, threshold_km=threshold_km, threads=2).events)

    missed, extra = _unmatched(expected, found, threshold_km)
    assert (missed, extra) == ([], [])
    assert sum(event.is_persistent for event in found) >= 30


def _records(events: Events) -> list[NaiveEvent]:
    """The engine's columns as the twin's records."""
    return [
        NaiveEvent(
            norad_id_1=int(events.norad_id_1[k]),
            norad_id_2=int(events.norad_id_2[k]),
            tca_us=int(events.tca_us[k]),
            miss_distance_km=float(events.miss_distance_km[k]),
            relative_speed_km_s=float(events.relative_speed_km_s[k]),
            is_persistent=events.event_class[k] == EventClass.PERSISTENT,
            start_us=int(events.start_us[k]),
            end_us=int(events.end_us[k]),
            n_minima=int(events.n_minima[k]),
            **{word: word in events.flags[k].split() for word in KINDS},
            below_threshold_s=float(events.below_threshold_s[k]),
            n_passages=int(events.n_passages[k]),
        )
        for k in range(len(events))
    ]


def _unmatched(
    expected: list[NaiveEvent], found: list[NaiveEvent], threshold_km: float
) -> tuple[list[NaiveEvent], list[NaiveEvent]]:
    """Events of one list that the other lacks, those within 1 cm of the threshold set apart."""
    open_by_pair: dict[tuple[int, int], list[NaiveEvent]] = defaultdict(list)
    for event in found:
        open_by_pair[event.norad_id_1, event.norad_id_2].append(event)
    missed = []
    for event in expected:
        rest = open_by_pair[event.norad_id_1, event.norad_id_2]
        same = [other for other in rest if _agree(event, other)]
        if same:
            rest.remove(min(same, key=lambda other: abs(other.tca_us - event.tca_us)))
        else:
            missed.append(event)
    extra = [event for rest in open_by_pair.values() for event in rest]

    def is_clear(event: NaiveEvent) -> bool:
        return abs(event.miss_distance_km - threshold_km) > MISS_KM

    return list(filter(is_clear, missed)), list(filter(is_clear, extra))


def _agree(a: NaiveEvent, b: NaiveEvent) -> bool:
    if a.is_persistent != b.is_persistent or abs(a.miss_distance_km - b.miss_distance_km) > MISS_KM:
        return False
    if max(abs(a.start_us - b.start_us), abs(a.end_us - b.end_us)) > ENDS_US or a.n_minima != b.n_minima:
        return False
    if a.is_persistent:
        is_as_long = abs(a.below_threshold_s - b.below_threshold_s) <= 1e-6 * ENDS_US * (1 + a.n_passages)
        return is_as_long and all(getattr(a, kind) == getattr(b, kind) for kind in ("n_passages", *KINDS))
    tolerance_s = max(1e-3, sqrt(2.0 * a.miss_distance_km * MISS_KM) / a.relative_speed_km_s)
    return abs(a.tca_us - b.tca_us) <= tolerance_s * 1e6
