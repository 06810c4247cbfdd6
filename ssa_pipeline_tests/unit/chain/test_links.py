"""The chain is declared in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ssa_pipeline
from ssa_pipeline.chain.links import ASSETS, CHAIN, CLEAN_CATALOG, REFINED_EVENTS
from ssa_pipeline.chain.slice_key import slice_key
from ssa_pipeline.core.versions import CODE_VERSIONS

# The core does not know the chain: its versions have the same names, and a stopwatch tells its stages by them. A table
# is called as the slice that it holds.
SPELLED = {"chain/links.py", "core/versions.py", "core/screening/screen.py", "storage/schema/tables.py"}


def test_no_other_module_spells_a_link() -> None:
    root = Path(ssa_pipeline.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in ASSETS
    }
    assert found == SPELLED
    assert tuple(CODE_VERSIONS) == ASSETS


def test_every_link_comes_after_what_it_is_computed_from() -> None:
    for place, link in enumerate(CHAIN):
        assert set(link.upstream) <= set(ASSETS[:place])


def test_a_partition_key_names_the_slice_of_each_link() -> None:
    assert slice_key(CLEAN_CATALOG, "2024-11-01").lead_day is None
    assert slice_key(CLEAN_CATALOG, "2024-11-01|3") == slice_key(REFINED_EVENTS, "2024-11-01|3").of(CLEAN_CATALOG)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        slice_key(REFINED_EVENTS, "today|0")
