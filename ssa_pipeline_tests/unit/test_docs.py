"""Documents that name tests name some that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(r"`((?:unit|integration|plain)/\w+\.py)?(?:::(\w+))?`")


def test_every_test_that_the_page_of_faults_names_exists() -> None:
    """A name that ends in an underscore stands for all tests that begin so."""
    path, found = "", 0
    for module, name in _NAMED.findall((ROOT / "docs" / "checking.md").read_text()):
        path = module or path
        text = (ROOT / "ssa_pipeline_tests" / path).read_text()
        begins = f"def {name}" if name.endswith("_") else f"def {name}("
        assert not name or begins in text, f"{path}::{name}"
        found += 1
    assert found > 100
