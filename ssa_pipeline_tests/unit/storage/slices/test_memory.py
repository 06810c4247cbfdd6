"""Slices in memory keep the rules of those in PostgreSQL: ``slices_contract``."""

from __future__ import annotations

import pytest

from ssa_pipeline.core.records import Events
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.filled import write_chain
from ssa_pipeline_tests.shared.memory_storage import MemorySlices
from ssa_pipeline_tests.shared.slices_contract import SlicesContract


@pytest.fixture(scope="module")
def filled() -> tuple[MemorySlices, Events]:
    slices = MemorySlices()
    (events,) = write_chain(slices, small_catalog(120)[0])
    return slices, events


@pytest.fixture
def slices(filled: tuple[MemorySlices, Events]) -> MemorySlices:
    return filled[0]


@pytest.fixture
def events(filled: tuple[MemorySlices, Events]) -> Events:
    return filled[1]


class TestMemorySlices(SlicesContract):
    pass
