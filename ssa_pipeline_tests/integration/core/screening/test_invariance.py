"""One week of a crowded subset of the real catalogue gives one answer, however it is cut into windows, steps, threads.

Crossings are compared row for row (miss 1 cm, TCA max(1 ms, sqrt(2 miss 1 cm) / speed)), persistent intervals after
stitching the pieces of neighbouring windows (ends 1 s, all minima, deepest miss 1 cm)."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass, fields

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY
from ssa_pipeline_tests.shared.encounters import COMPANIONS, MISS_KM
from ssa_pipeline_tests.shared.places import BUNDLED, TRUTH

START_US = parse_utc("2024-11-01T00:00:00Z")
HOUR_US = 3600 * 10**6
DAYS = 7
SECOND_US = 10**6


@pytest.fixture(scope="module")
def objects() -> ElementSets:
    """Slow meetings of the bundled day, companions, formations on high orbits, GEO, Molniya, decaying objects."""
    sets = clean_catalog(parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets, EPOCH_DAY).element_sets
    with gzip.open(TRUTH, "rt") as lines:
        slowest = sorted(csv.DictReader(lines), key=lambda row: float(row["relspeed_km_s"]))[:400]
    ids = {int(row[name]) for row in slowest for name in ("norad_1", "norad_2")} | set(COMPANIONS)
    generator = np.random.default_rng(11)
    motion, eccentricity = sets.mean_motion_rev_per_day, sets.eccentricity
    for pool, count in (
        (np.abs(motion - 1.0027) < 0.003, 120),
        ((eccentricity > 0.6) & (np.abs(motion - 2.006) < 0.02), 50),
        (motion > 15.9, 30),
    ):
        ids.update(sets.norad_id[generator.choice(np.flatnonzero(pool), count, replace=False)].tolist())
    return sets.take(np.isin(sets.norad_id, list(ids)))


def answer(
    sets: ElementSets, threshold_km: float, *, hours: int = 24 * DAYS, step_s: int = 120, threads: int = 2
) -> Events:
    """Events of the week from windows of ``hours``, joined as they come."""
    parts = []
    for start in range(START_US, START_US + DAYS * 24 * HOUR_US, hours * HOUR_US):
        chunks = compute_ephemeris_chunks(sets, start, start + hours * HOUR_US, threads=threads)
        candidates = find_conjunction_candidates(chunks, threshold_km, threads=threads, step_us=step_s * SECOND_US)
        parts.append(refine_events(sets, chunks, candidates, threshold_km, threads=threads).events)
    return Events.concat(parts)


@dataclass
class Interval:
    start_us: int
    end_us: int
    n_minima: int
    miss_km: float  # the smallest distance
    is_open: bool  # goes on after its end


def stitched(events: Events) -> dict[tuple[int, int], list[Interval]]:
    """Persistent intervals of each pair; pieces that say that they continue are one. Windows may lie between them in
    which the pair stays above the threshold, but below twice it: such windows have no row."""
    intervals: dict[tuple[int, int], list[Interval]] = defaultdict(list)
    rows = np.flatnonzero(events.event_class == "persistent")
    for k in rows[np.argsort(events.start_us[rows], kind="stable")]:
        flags = events.flags[k].split()
        n = int(events.n_minima[k])
        piece = Interval(
            int(events.start_us[k]),
            int(events.end_us[k]),
            n,
            float(events.miss_distance_km[k]),
            "continues_after" in flags,
        )
        known = intervals[int(events.norad_id_1[k]), int(events.norad_id_2[k])]
        if "continues_before" in flags and piece.start_us > START_US:
            assert known, (events.norad_id_1[k], events.norad_id_2[k], "continues nothing")
            last = known[-1]
            assert last.is_open, (events.norad_id_1[k], events.norad_id_2[k])
            last.end_us, last.is_open = piece.end_us, piece.is_open
            last.n_minima += piece.n_minima
            last.miss_km = min(last.miss_km, piece.miss_km)
        else:
            known.append(piece)
    return intervals


def assert_same_answer(one: Events, other: Events) -> None:
    a, b = (np.flatnonzero(e.event_class == "crossing") for e in (one, other))
    a, b = (k[np.lexsort((e.tca_us[k], e.norad_id_2[k], e.norad_id_1[k]))] for e, k in ((one, a), (other, b)))
    assert len(a) == len(b)
    np.testing.assert_array_equal(one.norad_id_1[a], other.norad_id_1[b])
    np.testing.assert_array_equal(one.norad_id_2[a], other.norad_id_2[b])
    tolerance_us = np.maximum(1e3, 1e6 * np.sqrt(2 * MISS_KM * one.miss_distance_km[a]) / one.relative_speed_km_s[a])
    assert np.all(np.abs(one.tca_us[a] - other.tca_us[b]) <= tolerance_us)
    assert np.abs(one.miss_distance_km[a] - other.miss_distance_km[b]).max() < MISS_KM
    assert np.abs(one.start_us[a] - other.start_us[b]).max() < SECOND_US
    assert np.abs(one.end_us[a] - other.end_us[b]).max() < SECOND_US

    together, pieces = stitched(one), stitched(other)
    assert together.keys() == pieces.keys()
    for pair, intervals in together.items():
        assert len(intervals) == len(pieces[pair]), pair
        for x, y in zip(intervals, pieces[pair], strict=True):
            assert (x.n_minima, x.is_open) == (y.n_minima, y.is_open), pair
            assert max(abs(x.start_us - y.start_us), abs(x.end_us - y.end_us)) < SECOND_US, pair
            assert x.miss_km == pytest.approx(y.miss_km, abs=MISS_KM), pair


@pytest.fixture(scope="module", params=[5.0, 40.0])
def whole(objects: ElementSets, request: pytest.FixtureRequest) -> tuple[float, Events]:
    events = answer(objects, request.param, threads=1)
    assert np.count_nonzero(events.event_class == "crossing") > 180
    assert np.count_nonzero(events.event_class == "persistent") > 60
    return request.param, events


@pytest.mark.parametrize("hours", [24, 6], ids=["7 x 1 d", "28 x 6 h"])
def test_windows_of_any_length_give_one_answer(objects: ElementSets, whole: tuple[float, Events], hours: int) -> None:
    threshold_km, events = whole
    assert_same_answer(events, answer(objects, threshold_km, hours=hours))


@pytest.mark.parametrize("step_s", [60, 90, 240])
def test_steps_of_any_length_give_one_answer(objects: ElementSets, whole: tuple[float, Events], step_s: int) -> None:
    threshold_km, events = whole
    assert_same_answer(events, answer(objects, threshold_km, step_s=step_s))


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_one_answer(
    objects: ElementSets, whole: tuple[float, Events], threads: int
) -> None:
    threshold_km, events = whole
    other = answer(objects, threshold_km, threads=threads)
    for f in fields(Events):
        np.testing.assert_array_equal(getattr(events, f.name), getattr(other, f.name), err_msg=f.name)
