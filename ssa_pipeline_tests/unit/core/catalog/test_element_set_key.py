"""Content keys: equal for equal orbits whatever the spelling, different for any other bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssa_pipeline.core.catalog.element_set_key import element_set_keys
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.places import DATA


@pytest.fixture(scope="module")
def sets() -> ElementSets:
    return parse_catalog((DATA / "celestrak_omm_20241101.csv").read_bytes(), "omm.csv").element_sets


def test_keys_are_stored_for_ever(sets: ElementSets) -> None:
    """VANGUARD 1 of 2024-10-29. Another value here orphans every stored element set: raise the version instead."""
    assert element_set_keys(sets)[0].hex() == "1c1864eaf855cff7f1c7029603f432ac7709f83b7bcb5fc0a3f98142650eaa66"


def test_every_set_has_a_key_of_its_own(sets: ElementSets) -> None:
    keys = element_set_keys(sets)
    assert len(keys) == len(set(keys)) == len(sets)
    assert {len(key) for key in keys} == {32}


def test_no_rows_have_no_keys() -> None:
    assert element_set_keys(ElementSets.empty()) == []


def test_names_and_source_make_no_difference(sets: ElementSets) -> None:
    other = np.full(len(sets), "other", dtype=object)
    ones = np.ones(len(sets), dtype=np.int64)
    renamed = replace(
        sets, object_name=other, object_id=other, source_file=other, source_line=ones, element_set_no=ones
    )
    assert element_set_keys(renamed) == element_set_keys(sets)


def test_minus_zero_is_zero(sets: ElementSets) -> None:
    zero = np.zeros(len(sets))
    assert element_set_keys(replace(sets, bstar=-zero)) == element_set_keys(replace(sets, bstar=zero))


@pytest.mark.parametrize(
    "field", ["norad_id", "epoch_us", "eccentricity", "raan_deg", "mean_anomaly_deg", "bstar", "mean_motion_ddot"]
)
def test_the_smallest_change_makes_another_key(sets: ElementSets, field: str) -> None:
    values = getattr(sets, field)
    changed = np.nextafter(values, 1e9) if values.dtype.kind == "f" else values + 1
    assert not set(element_set_keys(replace(sets, **{field: changed}))) & set(element_set_keys(sets))
