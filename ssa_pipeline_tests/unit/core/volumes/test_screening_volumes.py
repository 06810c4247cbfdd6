"""Screening volumes: primaries and constellations against the whole answer, presets against the published tables.
Boxes are compared with a twin in integration/core/volumes/test_twin.py."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.volumes.screening_volume import (
    ScreeningVolumes,
    Volume,
    constellations,
    within_one_constellation,
)
from ssa_pipeline.core.volumes.volume_presets import PRESETS, preset_volumes
from ssa_pipeline_tests.shared.catalog_samples import with_fields
from ssa_pipeline_tests.shared.crowd import START_US, bundled_catalog, crowd_of
from ssa_pipeline_tests.shared.encounters import COMPANIONS, element_set, orbit
from ssa_pipeline_tests.shared.places import REPOSITORY

HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    return bundled_catalog()


@pytest.fixture(scope="module")
def crowd(catalogue: ElementSets) -> ElementSets:
    return crowd_of(catalogue, set(COMPANIONS))


def assert_equal(one: Events, other: Events) -> None:
    for field in fields(Events):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_a_sphere_of_volumes_is_the_threshold(crowd: ElementSets) -> None:
    end_us = START_US + 3 * HOUR_US
    plain = screen(crowd, START_US, end_us, threshold_km=5.0).events
    spheres = ScreeningVolumes.of([Volume.sphere(5.0)] * len(crowd))
    assert_equal(plain, screen(crowd, START_US, end_us, volumes=spheres).events)
    assert len(plain) > 50


def test_a_box_within_a_sphere_within_a_box(crowd: ElementSets) -> None:
    """The cube inside the sphere asks for no more than it, the cube around it for no less."""
    n, end_us = len(crowd), START_US + 6 * HOUR_US

    def pairs(volume: Volume) -> set[tuple[int, int]]:
        events = screen(crowd, START_US, end_us, volumes=ScreeningVolumes.of([volume] * n)).events
        return set(zip(events.norad_id_1.tolist(), events.norad_id_2.tolist(), strict=True))

    half = 5.0 / np.sqrt(3.0)
    inner, ball, outer = pairs(Volume.box(half, half, half)), pairs(Volume.sphere(5.0)), pairs(Volume.box(5, 5, 5))
    assert inner < ball < outer


# -- which pairs count ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [3, 40])
def test_primaries_give_the_rows_of_the_whole_answer_that_have_one(crowd: ElementSets, every: int) -> None:
    """One in three takes the fast way through the sieve, one in forty is looked up by itself."""
    end_us = START_US + 6 * HOUR_US
    everyone = screen(crowd, START_US, end_us, threshold_km=5.0).events
    is_primary = np.arange(len(crowd)) % every == 0
    volumes = ScreeningVolumes.of([Volume.sphere(5.0)] * len(crowd), is_primary)
    few = screen(crowd, START_US, end_us, volumes=volumes).events
    ids = crowd.norad_id[is_primary]
    wanted = everyone.take(np.flatnonzero(np.isin(everyone.norad_id_1, ids) | np.isin(everyone.norad_id_2, ids)))
    assert_equal(few, wanted)
    assert 0 < len(few) < len(everyone)


def test_each_primary_has_its_own_volume(crowd: ElementSets) -> None:
    """Two kinds of primaries: a pair is reported where either's sphere is entered."""
    end_us = START_US + 6 * HOUR_US
    n = len(crowd)
    kinds = np.arange(n) % 3
    radii = np.array([3.0, 12.0, 12.0])[kinds]
    volumes = ScreeningVolumes.of([Volume.sphere(float(radius)) for radius in radii], kinds < 2)
    found = screen(crowd, START_US, end_us, volumes=volumes).events
    wide = screen(crowd, START_US, end_us, threshold_km=12.0).events
    reach = {norad_id: r if kind < 2 else 0.0 for norad_id, r, kind in zip(crowd.norad_id, radii, kinds, strict=True)}
    limit = np.array([max(reach[a], reach[b]) for a, b in zip(wide.norad_id_1, wide.norad_id_2, strict=True)])
    crossing = wide.event_class == "crossing"
    wanted = wide.take(np.flatnonzero(crossing & (wide.miss_distance_km < limit)))
    got = found.take(np.flatnonzero(found.event_class == "crossing"))
    keys = [
        {(int(e.norad_id_1[k]), int(e.norad_id_2[k]), int(e.tca_us[k]) // 1000) for k in range(len(e))}
        for e in (wanted, got)
    ]
    # slow pairs may change class with the radius, so a few rows may differ
    assert len(keys[0] ^ keys[1]) <= 0.02 * len(keys[0])
    assert len(keys[0]) > 50


def test_pairs_of_one_constellation_are_left_out(crowd: ElementSets) -> None:
    end_us = START_US + 6 * HOUR_US
    groups = constellations(crowd.object_name)
    volumes = ScreeningVolumes.of([Volume.sphere(5.0)] * len(crowd), constellation=groups)
    found = screen(crowd, START_US, end_us, volumes=volumes).events
    everyone = screen(crowd, START_US, end_us).events
    name = dict(zip(crowd.norad_id.tolist(), crowd.object_name.tolist(), strict=True))
    both = np.array(
        [
            any(name[a].startswith(stem) and name[b].startswith(stem) for stem in ("STARLINK-", "ONEWEB-"))
            for a, b in zip(everyone.norad_id_1.tolist(), everyone.norad_id_2.tolist(), strict=True)
        ]
    )
    assert 0 < np.count_nonzero(both) < len(everyone)
    assert_equal(found, everyone.take(np.flatnonzero(~both)))


def test_constellations_are_told_by_the_stem_of_the_name() -> None:
    names = ["STARLINK-1007", "Starlink-31 [DTC]", "ONEWEB-0012", "ONEWEB", "STARLINK-1 DEB", "COSMOS 1408 DEB", "ISS"]
    found = constellations(np.array(names, dtype=object)).tolist()
    assert found[0] == found[1] > 0
    assert found[2] not in (0, found[0])
    assert found[3:] == [0, 0, 0, 0]


# -- windows ----------------------------------------------------------------------------------------------------------


def test_boxes_do_not_depend_on_windows_threads_and_steps(crowd: ElementSets) -> None:
    n = len(crowd)
    volumes = ScreeningVolumes.of([Volume.box(1.0, 12.0, 12.0)] * n, np.arange(n) % 5 == 0)
    whole = screen(crowd, START_US, START_US + 6 * HOUR_US, volumes=volumes).events
    assert_equal(whole, screen(crowd, START_US, START_US + 6 * HOUR_US, volumes=volumes, threads=2).events)
    crossings = whole.take(np.flatnonzero(whole.event_class == "crossing"))
    for length in (1, 3):
        parts = [
            screen(crowd, START_US + k * HOUR_US, START_US + (k + length) * HOUR_US, volumes=volumes).events
            for k in range(0, 6, length)
        ]
        joined = Events.concat(parts)
        again = joined.take(np.flatnonzero(joined.event_class == "crossing"))
        np.testing.assert_array_equal(crossings.norad_id_1, again.norad_id_1)
        np.testing.assert_array_equal(crossings.norad_id_2, again.norad_id_2)
        for name in ("tca_us", "start_us", "end_us"):
            assert np.abs(getattr(crossings, name) - getattr(again, name)).max() < 50_000
        # persistent rows are clipped: inside the volume at a border, the pieces touch there
        kept = joined.event_class == "persistent"
        for k in np.flatnonzero(whole.event_class == "persistent"):
            pair = kept & (joined.norad_id_1 == whole.norad_id_1[k]) & (joined.norad_id_2 == whole.norad_id_2[k])
            assert joined.start_us[pair].min() == pytest.approx(int(whole.start_us[k]), abs=50_000)
            assert joined.end_us[pair].max() == pytest.approx(int(whole.end_us[k]), abs=50_000)
    chunks = compute_ephemeris_chunks(crowd, START_US, START_US + 6 * HOUR_US)
    fine = refine_events(crowd, chunks, find_conjunction_candidates(chunks, volumes, step_us=90 * 10**6), volumes)
    np.testing.assert_array_equal(whole.norad_id_1, fine.events.norad_id_1)
    np.testing.assert_array_equal(whole.norad_id_2, fine.events.norad_id_2)


# -- presets ----------------------------------------------------------------------------------------------------------

OTHERWISE = Volume.sphere(5.0)


def low(perigee_km: float, apogee_km: float | None = None, inclination: float = 50.0) -> ElementSets:
    high = perigee_km if apogee_km is None else apogee_km
    return orbit(1, START_US, perigee_km=perigee_km, apogee_km=high, inclination=inclination)


@pytest.mark.parametrize(
    ("preset", "sets", "axes"),
    [
        # table 3: half-axes by perigee altitude, eccentricity below 0.25
        ("18sds-catalog", low(420.0), (0.4, 44.0, 51.0)),
        ("18sds-catalog", low(499.9), (0.4, 44.0, 51.0)),
        ("18sds-catalog", low(500.1), (0.4, 25.0, 25.0)),
        ("18sds-catalog", low(750.1, 900.0), (0.4, 12.0, 12.0)),
        ("18sds-catalog", low(1200.1), (0.4, 2.0, 2.0)),
        ("18sds-catalog", low(2000.1), None),
        ("18sds-catalog", low(400.0, 8000.0), None),
        ("18sds-catalog", low(35_786.0, inclination=34.0), (10.0, 10.0, 10.0)),
        ("18sds-catalog", low(35_786.0, inclination=36.0), None),
        # table 4: near Earth up to 225 min, deep space above
        ("18sds-ephemeris", low(1200.0), (2.0, 25.0, 25.0)),
        ("18sds-ephemeris", element_set(1, START_US, mean_motion_rev_per_day=1440 / 224.9), (2.0, 25.0, 25.0)),
        ("18sds-ephemeris", element_set(1, START_US, mean_motion_rev_per_day=1440 / 225.1), (20.0, 20.0, 20.0)),
        # table 7
        ("18sds-early-orbit", low(300.0), (2.0, 44.0, 51.0)),
        ("18sds-early-orbit", low(300.0, 35_000.0), (40.0, 77.0, 107.0)),
        ("iss-notification", low(420.0), (2.0, 25.0, 25.0)),
        ("iss-pizza-box", low(420.0), (0.5, 25.0, 25.0)),
    ],
)
def test_presets_give_the_published_half_axes(
    preset: str, sets: ElementSets, axes: tuple[float, float, float] | None
) -> None:
    (volume,) = preset_volumes(preset, sets, OTHERWISE)
    assert volume == (OTHERWISE if axes is None else Volume.box(*axes))


def test_every_preset_is_documented_with_its_source_and_numbers() -> None:
    text = (REPOSITORY / "docs" / "volumes.md").read_text()
    flat = " ".join(text.split())
    for name, preset in PRESETS.items():
        assert f"`{name}`" in text
        for row in preset.rows:
            assert " × ".join(f"{axis:g}" for axis in row.volume.half_axes_km) in flat, (name, row.name)
    with pytest.raises(KeyError):
        preset_volumes("no-such-table", low(420.0), OTHERWISE)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, float("nan")), (float("inf"),) * 3])
def test_volumes_without_extent_are_refused(axes: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Volume.box(*axes)
    if axes[0] != 1.0:
        with pytest.raises(ValueError, match="not positive"):
            Volume.sphere(axes[0])


def test_volumes_of_other_objects_are_refused(crowd: ElementSets) -> None:
    with pytest.raises(ValueError, match="expected"):
        screen(crowd.take(np.arange(4)), START_US, START_US + HOUR_US, volumes=ScreeningVolumes.spheres(3, 5.0))


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_to_meet_is_an_empty_answer(crowd: ElementSets, count: int) -> None:
    few = crowd.take(np.arange(count))
    for volumes in (None, ScreeningVolumes.of([Volume.box(2.0, 25.0, 25.0)] * count)):
        assert len(screen(few, START_US, START_US + HOUR_US, volumes=volumes).events) == 0


def test_no_primaries_are_an_empty_answer(crowd: ElementSets) -> None:
    nobody = ScreeningVolumes.of([Volume.sphere(5.0)] * len(crowd), np.zeros(len(crowd), dtype=np.bool_))
    assert len(screen(crowd, START_US, START_US + HOUR_US, volumes=nobody).events) == 0


def test_pairs_within_one_constellation_are_told_whatever_the_order() -> None:
    names = {5: "STARLINK-1007", 7: "ONEWEB-0012", 11: "Starlink-30123", 13: "STARLINK-1100 DEB", 17: "ISS (ZARYA)"}
    sets = ElementSets.concat([element_set(norad_id, START_US) for norad_id in names])
    sets = with_fields(sets, object_name=list(names.values()))
    every = np.array([*names, 6, 18])  # 6 and 18 are not in the catalogue
    one, two = (side.ravel() for side in np.meshgrid(every, every))
    expected = [{a, b} <= {5, 11} or (a, b) == (7, 7) for a, b in zip(one.tolist(), two.tolist(), strict=True)]
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]):
        assert within_one_constellation(sets.take(np.array(order)), one, two).tolist() == expected
    assert not within_one_constellation(ElementSets.empty(), one, two).any()
