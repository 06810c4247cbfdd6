"""Objects of the real catalogue that keep company: one row per interval, none lost, as the twin has them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from ssa_pipeline.core.catalog.aliases import find_aliases
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY
from ssa_pipeline_tests.shared.encounters import (
    CLUSTER,
    COMPANIONS,
    CSS,
    GRACE_FO,
    ISS,
    MEV_1,
    MEV_2,
    MMS,
    O3B,
    PIESAT,
    STARLINK,
    SWARM,
    TANDEM_X,
    TIANHUI,
    assert_as_the_twin,
)
from ssa_pipeline_tests.shared.places import BUNDLED

START_US = parse_utc("2024-11-01T00:00:00Z")
DAY_US = 86_400 * 10**6
TOGETHER_ALL_DAY = (ISS, CSS, TANDEM_X, TIANHUI, MEV_1, O3B)  # every pair, below 5 km


@pytest.fixture(scope="module")
def catalogue() -> ElementSets:
    return clean_catalog(parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets, EPOCH_DAY).element_sets


def some(catalogue: ElementSets, *groups: dict[int, str]) -> ElementSets:
    names = {norad_id: name for group in groups for norad_id, name in group.items()}
    sets = catalogue.take(np.isin(catalogue.norad_id, list(names)))
    assert dict(zip(sets.norad_id.tolist(), sets.object_name.tolist(), strict=True)) == names
    return sets


def test_every_pair_of_companions_is_one_row_of_the_whole_day(catalogue: ElementSets) -> None:
    wanted = sorted(pair for group in TOGETHER_ALL_DAY for pair in combinations(sorted(group), 2))
    assert len(wanted) == 21 + 15 + 4
    events = screen(some(catalogue, *TOGETHER_ALL_DAY), START_US, START_US + DAY_US).events
    assert sorted(zip(events.norad_id_1.tolist(), events.norad_id_2.tolist(), strict=True)) == wanted
    assert set(events.event_class) == {"persistent"}
    assert set(events.start_us) == {START_US}
    assert set(events.end_us) == {START_US + DAY_US}
    for flags in events.flags:
        assert {"continues_before", "continues_after"} <= set(flags.split())


@pytest.mark.parametrize(
    ("groups", "threshold_km", "least_rows"),
    [
        pytest.param((ISS, CSS, TANDEM_X, TIANHUI, PIESAT, MEV_1, O3B, STARLINK), 5.0, 45, id="at 5 km"),
        pytest.param((MEV_2, MEV_1, PIESAT, SWARM, CLUSTER), 40.0, 9, id="at 40 km"),
        pytest.param((GRACE_FO, SWARM, CLUSTER, MMS), 250.0, 4, id="at 250 km"),
    ],
)
def test_companions_are_as_the_twin_has_them(
    catalogue: ElementSets, groups: tuple[dict[int, str], ...], threshold_km: float, least_rows: int
) -> None:
    start_us = START_US + DAY_US // 3
    twin = assert_as_the_twin(some(catalogue, *groups), start_us, start_us + DAY_US, threshold_km)
    assert len(twin) >= least_rows


def test_starlink_trains_are_as_the_twin_has_them(catalogue: ElementSets) -> None:
    """Six recent launches, 30 km threshold: neighbours in a train, trains that pass each other, and crossings."""
    launches = ("2024-020", "2024-111", "2024-120", "2024-136", "2024-171", "2024-187")
    is_member = [
        name.startswith("STARLINK") and object_id.startswith(launches)
        for name, object_id in zip(catalogue.object_name, catalogue.object_id, strict=True)
    ]
    twin = assert_as_the_twin(catalogue.take(np.array(is_member)), START_US, START_US + DAY_US, 30.0)
    assert sum(event.is_persistent for event in twin) >= 25


def test_companions_are_no_aliases_and_an_analysts_copy_of_one_is(catalogue: ElementSets) -> None:
    """Nor does the real day have any: 567 of its numbers are lent, and none lies on the orbit of another object."""
    assert len(find_aliases(catalogue, START_US)) == 0
    mev_1, intelsat = (catalogue.take(catalogue.norad_id == norad_id) for norad_id in sorted(MEV_1, reverse=True))
    lent = replace(mev_1, norad_id=np.array([81_234]))
    aliases = find_aliases(ElementSets.concat([some(catalogue, COMPANIONS), lent]), START_US)
    pairs = list(zip(aliases.norad_id_1.tolist(), aliases.norad_id_2.tolist(), strict=True))
    assert pairs == [(int(intelsat.norad_id[0]), 81_234), (int(mev_1.norad_id[0]), 81_234)]


def test_the_list_holds_no_stranger(catalogue: ElementSets) -> None:
    assert len(some(catalogue, COMPANIONS)) == len(COMPANIONS)
