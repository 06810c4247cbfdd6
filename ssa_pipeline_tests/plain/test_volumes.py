"""Screening volumes in plain Python: as test_core.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, Volume, constellations
from ssa_pipeline.core.volumes.volume_presets import PRESETS, preset_volumes
from ssa_pipeline_tests.plain.test_core import MINUTE_US, START_US, formation
from ssa_pipeline_tests.shared.encounters import encounter, orbit, turned
from ssa_pipeline_tests.shared.naive import Sky, box_margins, box_stay

END_US = START_US + 10 * MINUTE_US


@pytest.fixture(scope="module")
def crossing() -> ElementSets:
    """Two objects that pass each other after five minutes, 2 km apart, at 3 km/s."""
    first = formation(1, 0.0, START_US)
    t_us = START_US + 5 * MINUTE_US
    return ElementSets.concat([first, encounter(first, 77, t_us, turned(first, t_us, 25.0), 2.0).second])


@pytest.mark.parametrize("box", [(8.0, 8.0, 8.0), (0.3, 9.0, 9.0), (9.0, 0.3, 9.0), (9.0, 9.0, 0.3), (0.1, 0.1, 0.1)])
def test_a_pass_is_inside_when_the_twin_says(crossing: ElementSets, box: tuple[float, float, float]) -> None:
    sky = Sky(crossing, START_US, END_US)
    for owner, other in ((0, 1), (1, 0)):
        volumes = ScreeningVolumes.of([Volume.box(*box)] * 2, np.arange(2) == owner)
        events = screen(crossing, START_US, END_US, volumes=volumes).events
        wanted = box_stay(sky, owner, other, 290.0, 310.0, box)
        assert len(events) == (wanted is not None)
        if wanted is not None:
            assert (events.start_us[0] - START_US) / 1e6 == pytest.approx(wanted[0], abs=0.011)
            assert (events.end_us[0] - START_US) / 1e6 == pytest.approx(wanted[1], abs=0.011)
            at_tca = box_margins(sky, owner, other, (events.tca_us - START_US) / 1e6, box)[0]
            assert (events.flags[0] == "tca_outside_volume") == (at_tca > 0.0)


def test_with_two_primaries_either_volume_will_do(crossing: ElementSets) -> None:
    small, flat = Volume.sphere(0.5), Volume.box(0.3, 9.0, 9.0)
    both = [ScreeningVolumes.of(order) for order in ([small, flat], [flat, small])]
    alone = [ScreeningVolumes.of([flat] * 2, np.arange(2) == owner) for owner in (1, 0)]
    for one, other in zip(both, alone, strict=True):
        found, wanted = (screen(crossing, START_US, END_US, volumes=v).events for v in (one, other))
        np.testing.assert_array_equal(found.start_us, wanted.start_us)
    large = ScreeningVolumes.of([Volume.sphere(20.0), flat])
    plain = screen(crossing, START_US, END_US, threshold_km=20.0).events
    np.testing.assert_array_equal(screen(crossing, START_US, END_US, volumes=large).events.start_us, plain.start_us)


def test_companions_stay_in_their_box_beyond_the_window() -> None:
    pair = formation(2, 3000.0, START_US)
    names = np.array(["STARLINK-1", "STARLINK-2"], dtype=object)
    inside = ScreeningVolumes.of([Volume.box(1.0, 4.0, 1.0)] * 2)
    (flags,) = screen(pair, START_US, END_US, volumes=inside).events.flags
    assert {"continues_before", "continues_after"} <= set(flags.split())
    beside = ScreeningVolumes.of([Volume.box(4.0, 1.0, 4.0)] * 2)
    one = ScreeningVolumes.of([Volume.box(1.0, 4.0, 1.0)] * 2, constellation=constellations(names))
    for volumes in (beside, one):
        assert len(screen(pair, START_US, END_US, volumes=volumes).events) == 0


def test_few_primaries_and_volumes_that_do_not_fit(crossing: ElementSets) -> None:
    idle = [
        replace(orbit(k, START_US, perigee_km=900.0 + k, apogee_km=950.0 + k, inclination=k), bstar=np.zeros(1))
        for k in range(100, 120)
    ]
    many = ElementSets.concat([crossing, *idle])
    volumes = ScreeningVolumes.of([Volume.sphere(5.0)] * len(many), many.norad_id == 77)
    (norad_id,) = screen(many, START_US, END_US, volumes=volumes).events.norad_id_2
    assert norad_id == 77
    with pytest.raises(ValueError, match="expected"):
        screen(crossing, START_US, END_US, volumes=volumes)
    with pytest.raises(ValueError, match="not positive"):
        Volume.box(1.0, 0.0, 1.0)


def test_presets_by_orbit(crossing: ElementSets) -> None:
    otherwise = Volume.sphere(5.0)
    for name, preset in PRESETS.items():
        assert preset_volumes(name, crossing, otherwise)[0] in [row.volume for row in preset.rows]
    eccentric = orbit(1, START_US, perigee_km=500.0, apogee_km=20_000.0, inclination=10.0)
    assert preset_volumes("18sds-catalog", eccentric, otherwise) == [otherwise]
