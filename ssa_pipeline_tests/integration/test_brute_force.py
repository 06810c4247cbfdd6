"""The engine against its brute-force twin (naive.py), event for event, on real objects of every regime.

Tolerances of design §4.3 and §4.4: miss 1 cm; TCA max(1 ms, sqrt(2 miss 1 cm) / speed); ends of persistent rows
1 s; rows within 1 cm of the threshold are set apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from ssa_pipeline.core.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets, EventClass, Events
from ssa_pipeline.core.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.chain_data import CATALOG, EPOCH_DAY
from ssa_pipeline_tests.naive import NaiveEvent, brute_force_events

MISS_KM = 1e-5  # 1 cm
ENDS_US = 1_000_000
HOUR_US = 3_600_000_000
MIDNIGHT = parse_utc("2024-11-01T00:00:00Z")

Choice = NDArray[np.bool_]


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    received = parse_catalog(CATALOG.read_bytes(), CATALOG.name).element_sets
    return clean_catalog(received, EPOCH_DAY).element_sets


def _altitude_km(sets: ElementSets) -> NDArray[np.float64]:
    """Of the mean semi-major axis above 6378.135 km."""
    motion = sets.mean_motion_rev_per_day * 2.0 * np.pi / 86_400.0
    return np.asarray(np.cbrt(398600.8 / motion**2) - 6378.135)


def _between(sets: ElementSets, low_km: float, high_km: float) -> Choice:
    altitude = _altitude_km(sets)
    return (altitude >= low_km) & (altitude < high_km)


def _every(sets: ElementSets, nth: int) -> Choice:
    return np.arange(len(sets)) % nth == 0


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


def _crowd_at_5_km(sets: ElementSets) -> Choice:
    sun_synchronous = _between(sets, 762.0, 790.0)
    starlink = _between(sets, 545.0, 550.0)
    geostationary = _between(sets, 35_750.0, 35_830.0) & _every(sets, 3)
    high = _eccentric(sets) & _every(sets, 3)
    return sun_synchronous | starlink | geostationary | high | _companions(sets) | _decaying(sets)


def _crowd_at_75_km(sets: ElementSets) -> Choice:
    low = (_between(sets, 545.0, 552.0) | _between(sets, 770.0, 790.0)) & _every(sets, 5)
    geostationary = _between(sets, 35_750.0, 35_830.0) & _every(sets, 4)
    high = _eccentric(sets) & _every(sets, 8)
    return low | geostationary | high | (_companions(sets) & _every(sets, 4)) | _decaying(sets)


@pytest.mark.parametrize(
    ("choose", "start_us", "hours", "threshold_km", "at_least"),
    [
        pytest.param(_crowd_at_5_km, MIDNIGHT, 24.0, 5.0, 500, id="5 km, one day"),
        pytest.param(_crowd_at_75_km, MIDNIGHT + 7 * HOUR_US + 123_456_789, 9.3, 75.0, 2000, id="75 km, odd window"),
    ],
)
def test_engine_finds_what_brute_force_finds(
    catalogue: ElementSets,
    choose: Callable[[ElementSets], Choice],
    start_us: int,
    hours: float,
    threshold_km: float,
    at_least: int,
) -> None:
    chosen = catalogue.take(choose(catalogue))
    end_us = start_us + round(hours * HOUR_US)

    expected = brute_force_events(chosen, start_us, end_us, threshold_km)
    found = _records(screen(chosen, start_us, end_us, threshold_km=threshold_km, threads=2).events)

    missed, extra = _unmatched(expected, found, threshold_km)
    assert not missed, f"{len(missed)} of {len(expected)} events are missed, the first: {missed[:5]}"
    assert not extra, f"{len(extra)} events are extra, the first: {extra[:5]}"
    assert len(found) >= at_least
    persistent = [event for event in expected if event.is_persistent]
    assert any(event.constant_range for event in persistent)
    assert any(event.n_minima > 1 for event in persistent)
    assert any(event.continues_after for event in persistent)


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
            **{
                word: word in events.flags[k].split()
                for word in ("continues_before", "continues_after", "no_minimum", "constant_range")
            },
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
        kinds = ("continues_before", "continues_after", "no_minimum", "constant_range")
        return all(getattr(a, kind) == getattr(b, kind) for kind in kinds)
    tolerance_s = max(1e-3, sqrt(2.0 * a.miss_distance_km * MISS_KM) / a.relative_speed_km_s)
    return abs(a.tca_us - b.tca_us) <= tolerance_s * 1e6
