"""The screening engine link by link: error bounds, completeness against the independent truth, invariance."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from sgp4.propagation import gstime

from ssa_pipeline.core.kernels import ephemeris_chunks as nodes_kernel
from ssa_pipeline.core.orbits.mean_orbit import perigee_altitude_km
from ssa_pipeline.core.orbits.propagation import sgp4_coefficients, states_at
from ssa_pipeline.core.orbits.satrec import julian_date, to_satrecs
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.conjunction_candidates import STEP_US, find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.interpolation import NODES, lagrange_weights
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.screening.screen import screen, screen_days
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.core.watch import Cancelled, Watch
from ssa_pipeline_tests.shared.crowd import bundled_catalog
from ssa_pipeline_tests.shared.places import REPOSITORY, TRUTH

START_US = parse_utc("2024-11-01T00:00:00Z")
HOUR_US = 3600 * 10**6
CODE_HASHES = Path(__file__).with_name("code_hashes.json")
SGP4 = [
    "constants.py",
    *(f"kernels/sgp4/{name}.py" for name in ("coefficients", "init", "deep_init", "deep", "propagate", "vector")),
]
SOURCES = {
    "clean_catalog": [
        "catalog/clean_catalog.py",
        "catalog/choice.py",
        "catalog/faults.py",
        "catalog/rejected.py",
        "catalog/supplemental.py",
        "catalog/records.py",
        "catalog/jumps.py",
        "catalog/orbit_change.py",
        "orbits/rtn.py",
        "catalog/near_pairs.py",
        "catalog/aliases.py",
        "flags.py",
        "catalog/satcat.py",
        "catalog/segments.py",
        "catalog/shared_numbers.py",
        "orbits/propagation.py",
        "kernels/validity.py",
        *SGP4,
    ],
    "ephemeris_chunks": [
        "screening/ephemeris_chunks.py",
        "screening/interpolation.py",
        "orbits/propagation.py",
        "kernels/validity.py",
        "kernels/ephemeris_chunks.py",
        *SGP4,
    ],
    "conjunction_candidates": [
        "screening/conjunction_candidates.py",
        "kernels/conjunction_candidates.py",
        "constants.py",
        "volumes/screening_volume.py",
    ],
    "refined_events": [
        "screening/refined_events.py",
        "screening/flagged_events.py",
        "flags.py",
        "kernels/refined_events.py",
        "orbits/propagation.py",
        "kernels/validity.py",
        *SGP4,
        "volumes/screening_volume.py",
        "volumes/volume_entries.py",
        "kernels/screening_volume.py",
        "orbits/geodetic.py",
        "orbits/rtn.py",
    ],
}


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    return bundled_catalog()


@pytest.fixture(scope="module")
def crowd(catalogue: ElementSets) -> ElementSets:
    """1,500 objects that meet often, the two space stations among them."""
    with gzip.open(TRUTH, "rt") as file:
        rows = list(csv.DictReader(file))
    ids: dict[int, None] = {25544: None, 48274: None}
    for row in sorted(rows, key=lambda r: float(r["relspeed_km_s"])):
        ids.setdefault(int(row["norad_1"]))
        ids.setdefault(int(row["norad_2"]))
    return catalogue.take(np.isin(catalogue.norad_id, list(ids)[:1500]))


def test_weights_reproduce_polynomials_and_their_slopes() -> None:
    x = np.arange(NODES) - (NODES / 2 - 1)
    for offset in (0.0, 1 / 6, 0.5, 5 / 6, 1.0):
        value, slope = lagrange_weights(offset)
        for degree in range(NODES):
            assert value @ x**degree == pytest.approx(offset**degree, abs=1e-6)
            expected = degree * offset ** (degree - 1) if degree else 0.0
            assert slope @ x**degree == pytest.approx(expected, abs=1e-5)


def test_interpolation_stays_within_the_bound_of_every_object(catalogue: ElementSets) -> None:
    chunks = compute_ephemeris_chunks(catalogue, START_US, START_US + 24 * HOUR_US, threads=2)
    coefficients = sgp4_coefficients(catalogue)
    generator = np.random.default_rng(7)
    first = np.concatenate([[0], np.cumsum(chunks.node_count)])[:-1]
    nodes = chunks.nodes_int32.reshape(-1, 3)
    for offset in generator.uniform(0.0, 1.0, 12):
        value, _ = lagrange_weights(offset)
        interval = generator.integers(0, (chunks.node_count - NODES + 1).clip(1))
        t_us = chunks.first_node_us + ((interval + NODES // 2 - 1 + offset) * chunks.spacing_us).astype(np.int64)
        usable = (chunks.node_count > 0) & (t_us >= chunks.valid_from_us) & (t_us < chunks.valid_to_us)
        rows = (first + interval)[usable, None] + np.arange(NODES)
        found = np.einsum("k,nkc->nc", value, nodes[rows].astype(np.float64)) * chunks.scale_km[usable, None]
        states, _ = states_at(coefficients[usable], (t_us - catalogue.epoch_us)[usable] / 6e7)
        error = np.linalg.norm(found - states[:, :3], axis=1)
        rounding = 2e-5  # the instant above is rounded to 1 us
        assert np.all(error <= chunks.error_bound_km[usable] + rounding)
        assert usable.mean() > 0.99


def test_no_truth_minimum_of_two_hours_is_lost_by_the_sieve(catalogue: ElementSets) -> None:
    chunks = compute_ephemeris_chunks(catalogue, START_US, START_US + 2 * HOUR_US, threads=2)
    candidates = find_conjunction_candidates(chunks, 5.0, threads=2)
    pairs = zip(candidates.norad_id_1.tolist(), candidates.norad_id_2.tolist(), strict=True)
    have = set(zip(pairs, ((candidates.step_start_us - START_US) // STEP_US).tolist(), strict=True))
    with gzip.open(TRUTH, "rt") as file:
        truth = [row for row in csv.DictReader(file) if float(row["t_s"]) < 7200.0]
    assert len(truth) > 1_900
    for row in truth:
        ids = sorted((int(row["norad_1"]), int(row["norad_2"])))
        assert ((ids[0], ids[1]), int(float(row["t_s"]) * 1e6) // STEP_US) in have, row


def assert_same_crossings(one: Events, other: Events) -> None:
    """Row for row: TCA within design tolerance (well inside 10 ms for these), miss to 1 cm."""
    a = np.flatnonzero(one.event_class == "crossing")
    b = np.flatnonzero(other.event_class == "crossing")
    assert len(a) == len(b)
    for name in ("norad_id_1", "norad_id_2"):
        np.testing.assert_array_equal(getattr(one, name)[a], getattr(other, name)[b])
    tolerance = np.maximum(1e3, 1e6 * np.sqrt(2e-5 * one.miss_distance_km[a]) / one.relative_speed_km_s[a])
    assert np.all(np.abs(one.tca_us[a] - other.tca_us[b]) <= tolerance)
    assert np.abs(one.miss_distance_km[a] - other.miss_distance_km[b]).max() < 1e-5


def test_the_answer_depends_neither_on_partitions_nor_on_threads(crowd: ElementSets) -> None:
    whole = screen(crowd, START_US, START_US + 12 * HOUR_US, threads=1).events
    threaded = screen(crowd, START_US, START_US + 12 * HOUR_US, threads=2).events
    for field in fields(Events):
        np.testing.assert_array_equal(getattr(whole, field.name), getattr(threaded, field.name))
    parts = [screen(crowd, START_US + k * HOUR_US, START_US + (k + 3) * HOUR_US).events for k in (0, 3, 6, 9)]
    joined = Events.concat(parts)
    assert np.count_nonzero(whole.event_class == "crossing") > 300
    assert_same_crossings(whole, joined)
    # persistent pieces touch at the borders and add up to the intervals of the whole
    for k in np.flatnonzero(whole.event_class == "persistent"):
        pair = (joined.norad_id_1 == whole.norad_id_1[k]) & (joined.norad_id_2 == whole.norad_id_2[k])
        inside = pair & (joined.end_us > whole.start_us[k]) & (joined.start_us < whole.end_us[k])
        assert set(joined.event_class[inside]) == {"persistent"}
        covered = int((joined.end_us - joined.start_us)[inside].sum())
        assert covered == pytest.approx(int(whole.end_us[k] - whole.start_us[k]), abs=2e6)
        assert joined.n_minima[inside].sum() == whole.n_minima[k]
        assert joined.miss_distance_km[inside].min() == pytest.approx(whole.miss_distance_km[k], abs=1e-5)
        assert joined.below_threshold_s[inside].sum() == pytest.approx(whole.below_threshold_s[k], abs=2.0)
        cut = sum("passage_continues_before" in f.split() for f in joined.flags[inside & (joined.start_us > START_US)])
        assert joined.n_passages[inside].sum() - cut == whole.n_passages[k]


@pytest.mark.parametrize("step_s", [60, 90, 120, 180])
def test_the_answer_does_not_depend_on_the_grid_step(crowd: ElementSets, step_s: int) -> None:
    chunks = compute_ephemeris_chunks(crowd, START_US, START_US + 4 * HOUR_US)
    reference = refine_events(crowd, chunks, find_conjunction_candidates(chunks, 5.0), 5.0)
    candidates = find_conjunction_candidates(chunks, 5.0, step_us=step_s * 10**6)
    found = refine_events(crowd, chunks, candidates, 5.0)
    assert sum(found.outcomes.values()) == len(candidates)
    assert_same_crossings(reference.events, found.events)
    assert np.count_nonzero(found.events.event_class == "persistent") > 10
    np.testing.assert_array_equal(
        reference.events.norad_id_1[reference.events.event_class == "persistent"],
        found.events.norad_id_1[found.events.event_class == "persistent"],
    )


def circular(template: ElementSets, norad_id: int, inclination: float, raan: float, anomaly: float) -> ElementSets:
    """A copy of one element set as a drag-free, nearly circular orbit of 15 revolutions a day."""
    return replace(
        template,
        norad_id=np.array([norad_id]),
        epoch_us=np.array([START_US]),
        mean_motion_rev_per_day=np.array([15.0]),
        eccentricity=np.array([1e-4]),
        inclination_deg=np.array([inclination]),
        raan_deg=np.array([raan]),
        arg_perigee_deg=np.array([0.0]),
        mean_anomaly_deg=np.array([anomaly]),
        bstar=np.array([0.0]),
    )


def test_head_on_retrograde_encounters_are_found(catalogue: ElementSets) -> None:
    """Two opposite equatorial orbits meet twice a revolution, every 48 minutes, at about 15 km/s."""
    template = catalogue.take(np.array([0]))
    pair = ElementSets.concat([circular(template, 1, 0.01, 0.0, 10.0), circular(template, 2, 179.99, 0.0, 200.0)])
    events = screen(pair, START_US, START_US + 12 * HOUR_US, threshold_km=40.0).events
    assert len(events) == 15
    assert np.all(events.relative_speed_km_s > 15.0)
    assert np.all(np.abs(np.diff(events.tca_us) - 48 * 60 * 10**6) < 2 * 60 * 10**6)


def test_events_say_where_object_1_is(crowd: ElementSets) -> None:
    """By python-sgp4, on a sphere: within the flattening of the Earth."""
    few = crowd.take(np.arange(300))
    events = screen(few, START_US, START_US + 6 * HOUR_US, threshold_km=20.0).events
    assert len(events) > 10
    satrecs = dict(zip(few.norad_id.tolist(), to_satrecs(few), strict=True))
    for k, norad_id in enumerate(events.norad_id_1.tolist()):
        date = julian_date(int(events.tca_us[k]))
        _, (x, y, z), _ = satrecs[norad_id].sgp4(*date)
        radius = float(np.linalg.norm((x, y, z)))
        assert events.altitude_km[k] == pytest.approx(radius - 6378.137, abs=22.0)
        assert events.latitude_deg[k] == pytest.approx(np.degrees(np.arcsin(z / radius)), abs=0.2)
        turned = np.degrees(np.arctan2(y, x) - gstime(sum(date)))
        assert (events.longitude_deg[k] - turned + 180) % 360 == pytest.approx(180, abs=1e-4)


def test_identical_element_sets_are_one_persistent_row(catalogue: ElementSets) -> None:
    template = catalogue.take(np.flatnonzero(catalogue.norad_id == 25544))
    pair = ElementSets.concat([template, replace(template, norad_id=np.array([99999]))])
    events = screen(pair, START_US, START_US + 6 * HOUR_US).events
    assert len(events) == 1
    assert events.event_class[0] == "persistent"
    assert events.miss_distance_km[0] == 0.0
    expected = {
        "constant_range", "identical_elements", "continues_before", "passage_continues_before", "continues_after"
    }  # fmt: skip
    assert expected == set(events.flags[0].split())
    assert (events.start_us[0], events.end_us[0]) == (START_US, START_US + 6 * HOUR_US)


def test_lead_days_in_turn_are_sorted_and_joined_are_the_whole(crowd: ElementSets) -> None:
    few, end_us = crowd.take(np.arange(300)), START_US + 60 * HOUR_US
    days = list(screen_days(few, START_US, end_us, 20.0))
    borders = [START_US + hours * HOUR_US for hours in (0, 24, 48, 60)]
    assert len(days) == 3
    for day, begin, end in zip(days, borders, borders[1:], strict=False):
        assert len(day.events) > 10
        assert begin <= day.events.tca_us.min() <= day.events.tca_us.max() < end
    whole = screen(few, START_US, end_us, threshold_km=20.0)
    order = np.lexsort((whole.events.norad_id_2, whole.events.norad_id_1, whole.events.tca_us))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    assert sum(day.outcomes["event"] for day in days) == whole.outcomes["event"]
    assert sum(day.candidates for day in days) == whole.candidates == sum(whole.outcomes.values())
    assert len(whole.events) == sum(len(day.events) for day in days)


def test_empty_and_tiny_catalogues_give_empty_answers(catalogue: ElementSets) -> None:
    for count in (0, 1):
        result = screen(catalogue.take(np.arange(count)), START_US, START_US + HOUR_US)
        assert (len(result.events), result.candidates) == (0, 0)


def test_unusable_requests_are_refused(catalogue: ElementSets) -> None:
    few = catalogue.take(np.arange(3))
    with pytest.raises(ValueError, match="window is empty"):
        screen(few, START_US, START_US)
    with pytest.raises(ValueError, match="threshold"):
        screen(few, START_US, START_US + HOUR_US, threshold_km=0.0)
    with pytest.raises(ValueError, match="more than one element set"):
        screen(ElementSets.concat([few, few]), START_US, START_US + HOUR_US)
    chunks = compute_ephemeris_chunks(few, START_US, START_US + HOUR_US)
    with pytest.raises(ValueError, match="format"):
        find_conjunction_candidates(replace(chunks, format_version=99), 5.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_cancelling_stops_the_engine(catalogue: ElementSets, threads: int) -> None:
    reached = []
    watch = Watch(progress=lambda stage, done: reached.append((stage, done)), should_stop=lambda: len(reached) >= 3)
    with pytest.raises(Cancelled):
        screen(catalogue, START_US, START_US + HOUR_US, threads=threads, watch=watch)
    assert reached[-1][0] == "validity"
    assert reached[-1][1] < 0.2


def test_a_decaying_object_is_screened_up_to_its_failure(catalogue: ElementSets) -> None:
    """On the last lead day; on the first none of the bundled objects ends any more, as 100 km is no end."""
    catalogue = catalogue.take(perigee_altitude_km(catalogue) < 300.0)
    chunks = compute_ephemeris_chunks(catalogue, START_US + 144 * HOUR_US, START_US + 168 * HOUR_US, threads=2)
    cut = np.flatnonzero((chunks.status > 0) & (chunks.node_count > 0))
    assert len(cut) >= 2
    coefficients = sgp4_coefficients(catalogue)[cut]
    ends = np.minimum(chunks.valid_to_us[cut], chunks.end_us)
    _, codes = states_at(coefficients, (chunks.valid_to_us[cut] - catalogue.epoch_us[cut]) / 6e7)
    assert np.all(codes != 0)
    before, codes = states_at(coefficients, (ends - 2 * 10**6 - catalogue.epoch_us[cut]) / 6e7)
    usable = ends - 2 * 10**6 > chunks.valid_from_us[cut]
    assert np.all((codes == 0)[usable])
    assert np.all((np.linalg.norm(before[:, :3], axis=1) > 6378.135)[usable])


def test_changed_sources_come_with_a_new_code_version() -> None:
    """Update code_hashes.json together with CODE_VERSIONS (or alone, where no answer can have changed)."""
    core = REPOSITORY / "ssa_pipeline" / "core"
    found = {
        asset: {
            "version": CODE_VERSIONS[asset],
            "sha256": hashlib.sha256(b"".join((core / name).read_bytes() for name in names)).hexdigest(),
        }
        for asset, names in SOURCES.items()
    }
    assert json.loads(CODE_HASHES.read_text()) == found


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_node_that_is_not_a_number_makes_the_bound_none_wherever_it_stands(place: int) -> None:
    x, y, z = (np.array([1.0, 2.0, 3.0, 2.0]) for _ in range(3))
    assert nodes_kernel._largest(x, y, z, 4) == 27.0
    y[place] = np.nan
    assert np.isnan(nodes_kernel._largest(x, y, z, 4))
