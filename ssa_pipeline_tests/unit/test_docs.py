"""Documents that name tests name some that exist."""

from __future__ import annotations

import re
import tomllib

from ssa_pipeline_tests.shared.places import REPOSITORY

_NAMED = re.compile(r"`((?:unit|integration|plain|shared)/[\w/]+\.py)?(?:::(\w+))?`")


def test_every_test_that_the_page_of_faults_names_exists() -> None:
    """A name that ends in an underscore stands for all tests that begin so."""
    path, found = "", 0
    for module, name in _NAMED.findall((REPOSITORY / "docs" / "checking.md").read_text()):
        path = module or path
        text = (REPOSITORY / "ssa_pipeline_tests" / path).read_text()
        begins = f"def {name}" if name.endswith("_") else f"def {name}("
        assert not name or begins in text, f"{path}::{name}"
        found += 1
    assert found > 100


def test_the_page_and_the_picture_of_the_architecture_show_the_layers_that_are_checked() -> None:
    contract = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert contract["type"] == "layers"
    assert "ignore_imports" not in contract
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    assert re.findall(r"^\| `(\w+)(?:/|\.py)` \|", page, re.MULTILINE) == contract["layers"]
    picture = (REPOSITORY / "docs" / "images" / "architecture.svg").read_text()
    assert re.findall(r'font-family="monospace" font-size="14" [^>]*>(\w+)<', picture) == contract["layers"]
    rooms = {path.parent.name for path in (REPOSITORY / "ssa_pipeline").glob("*/*/__init__.py")}
    shown = set(re.findall(r">(\w+)</text>", picture)) | set(re.findall(r"`(\w+)/`", page))
    assert rooms <= shown
