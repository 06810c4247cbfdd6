"""Boxes against a twin on dense python-sgp4 positions, large spheres against the brute force."""

from __future__ import annotations

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, Volume
from ssa_pipeline_tests.shared.crowd import START_US, bundled_catalog, crowd_of
from ssa_pipeline_tests.shared.encounters import COMPANIONS
from ssa_pipeline_tests.shared.naive import Sky, box_margins, box_stay, brute_force_events

HOUR_US = 3600 * 10**6


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    return bundled_catalog()


@pytest.fixture(scope="module")
def crowd(catalogue: ElementSets) -> ElementSets:
    return crowd_of(catalogue, set(COMPANIONS))


BOXES = [(0.4, 44.0, 51.0), (2.0, 25.0, 25.0), (0.5, 5.0, 0.5), (10.0, 10.0, 10.0)]


@pytest.mark.parametrize("box", BOXES)
def test_a_box_reports_the_passes_that_enter_it_and_no_others(
    crowd: ElementSets, box: tuple[float, float, float]
) -> None:
    """Every pass within the sphere about the box is sampled with python-sgp4; its rows are exactly those inside."""
    n = len(crowd)
    is_primary = np.zeros(n, dtype=np.bool_)
    is_primary[::4] = True
    is_primary[np.isin(crowd.norad_id, [25544, 31698, 43476, 26824, 39452])] = True
    volume = Volume.box(*box)
    end_us = START_US + 2 * HOUR_US
    boxed = screen(crowd, START_US, end_us, volumes=ScreeningVolumes.of([volume] * n, is_primary)).events
    sphere = ScreeningVolumes.of([Volume.sphere(volume.radius_km)] * n, is_primary)
    passes = screen(crowd, START_US, end_us, volumes=sphere).events
    sky = Sky(crowd, START_US, end_us)
    row_of = {norad_id: row for row, norad_id in enumerate(crowd.norad_id.tolist())}
    found = {
        (one, two, tca): k
        for k, (one, two, tca) in enumerate(
            zip(boxed.norad_id_1.tolist(), boxed.norad_id_2.tolist(), boxed.tca_us.tolist(), strict=True)
        )
    }
    assert len(found) == len(boxed)
    entered = outside = 0
    for k in range(len(passes)):
        one, two = row_of[int(passes.norad_id_1[k])], row_of[int(passes.norad_id_2[k])]
        begin, end = (int(passes.start_us[k]) - START_US) / 1e6, (int(passes.end_us[k]) - START_US) / 1e6
        stays = [
            s
            for owner, other in ((one, two), (two, one))
            if is_primary[owner] and (s := box_stay(sky, owner, other, begin, end, box)) is not None
        ]
        row = found.pop((int(passes.norad_id_1[k]), int(passes.norad_id_2[k]), int(passes.tca_us[k])), None)
        if not stays:
            assert row is None, "a pass that stays outside"
            outside += 1
            continue
        assert row is not None, "a pass that enters the box"
        entered += 1
        spacing = 1.1 * max((end - begin) / 2000, 1e-3)
        assert (int(boxed.start_us[row]) - START_US) / 1e6 == pytest.approx(min(s[0] for s in stays), abs=spacing)
        assert (int(boxed.end_us[row]) - START_US) / 1e6 == pytest.approx(max(s[1] for s in stays), abs=spacing)
        at_tca = np.array([(int(boxed.tca_us[row]) - START_US) / 1e6])
        is_out = all(
            box_margins(sky, owner, other, at_tca, box)[0] > 0.0
            for owner, other in ((one, two), (two, one))
            if is_primary[owner]
        )
        assert ("tca_outside_volume" in boxed.flags[row]) == is_out
    assert not found, "rows that are no pass of the sphere"
    assert entered > 10
    assert outside > 10


def test_the_faces_of_a_box_are_met_to_millimetres(crowd: ElementSets) -> None:
    """A box whose radial face lies 3 mm inside or outside the least radial distance of a pass."""
    end_us = START_US + HOUR_US
    events = screen(crowd, START_US, end_us, threshold_km=40.0).events
    fast = np.flatnonzero((events.event_class == "crossing") & (events.relative_speed_km_s > 2.0))
    sky = Sky(crowd, START_US, end_us)
    tried = 0
    for k in fast[:: max(len(fast) // 25, 1)].tolist():
        one, two = (
            int(np.flatnonzero(crowd.norad_id == norad_id)[0])
            for norad_id in (events.norad_id_1[k], events.norad_id_2[k])
        )
        begin, end = (int(t) for t in (events.start_us[k], events.end_us[k]))
        t = np.linspace(begin - START_US, end - START_US, 20_001) / 1e6
        h = box_margins(sky, one, two, t, (0.0, 1e3, 1e3))
        h_radial = np.abs(h)
        lowest = int(np.argmin(h_radial))
        if h_radial[lowest] < 0.1 or lowest in (0, len(t) - 1):
            continue  # passes the centre plane, or is least at the end
        tried += 1
        least = float(h_radial[lowest])
        pair = crowd.take(np.array([one, two]))
        for face, count in ((least + 3e-6, 1), (least - 3e-6, 0)):
            volumes = ScreeningVolumes.of([Volume.box(face, 40.0, 40.0)] * 2, np.array([True, False]))
            near = (START_US, end_us)
            rows = screen(pair, *near, volumes=volumes).events
            here = (rows.tca_us > begin) & (rows.tca_us < end)
            assert np.count_nonzero(here) == count
    assert tried >= 3


@pytest.mark.parametrize("radius_km", [20.0, 50.0])
def test_large_spheres_find_what_the_twin_finds(catalogue: ElementSets, radius_km: float) -> None:
    """Beyond 11 km fewer encounters count as slow: the answer is the brute-force twin's all the same."""
    some = catalogue.take(np.isin(catalogue.norad_id, [*COMPANIONS, *catalogue.norad_id[::260].tolist()]))
    end_us = START_US + HOUR_US
    truth = brute_force_events(some, START_US, end_us, radius_km)
    found = screen(some, START_US, end_us, threshold_km=radius_km).events
    wanted = sorted((e.norad_id_1, e.norad_id_2, e.is_persistent, round(e.miss_distance_km, 4)) for e in truth)
    got = sorted(
        zip(
            found.norad_id_1.tolist(),
            found.norad_id_2.tolist(),
            (found.event_class == "persistent").tolist(),
            np.round(found.miss_distance_km, 4).tolist(),
            strict=True,
        )
    )
    assert [row[:3] for row in got] == [row[:3] for row in wanted]
    assert [row[3] for row in got] == pytest.approx([row[3] for row in wanted], abs=2e-4)
    assert len(got) > 30
