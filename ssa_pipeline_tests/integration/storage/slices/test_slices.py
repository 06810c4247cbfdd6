"""Slices in PostgreSQL keep the rules that those in memory keep too: ``slices_contract``. What only a server can do is
in ``test_store.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ssa_pipeline.core.records import Events
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.filled import fill
from ssa_pipeline_tests.shared.slices_contract import SlicesContract


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, Events]:
    (events,) = fill(any_database, small_catalog(120)[0])
    return any_database, events


@pytest.fixture
def slices(filled: tuple[DatabaseUrl, Events]) -> Iterator[SliceStore]:
    with SliceStore(filled[0]) as opened:
        yield opened


@pytest.fixture
def events(filled: tuple[DatabaseUrl, Events]) -> Events:
    return filled[1]


class TestSliceStore(SlicesContract):
    pass
