"""Rules of the kernels, read from their source: where numba is, what a kernel may see, and who checks it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import ssa_pipeline
from ssa_pipeline_tests.shared import naive

PACKAGE = Path(ssa_pipeline.__file__).parent
KERNELS = PACKAGE / "core" / "kernels"
SGP4 = "ssa_pipeline.core.kernels.sgp4"
STAGES = sorted(path for path in KERNELS.glob("*.py") if not path.name.startswith("_"))
FILES = [*STAGES, *sorted(path for path in (KERNELS / "sgp4").glob("*.py") if path.name != "__init__.py")]
WITHOUT_KERNELS = KERNELS / "sgp4" / "coefficients.py"  # constants and columns, for those too who compile nothing
CALLS_NO_OTHER = {"conjunction_candidates"}  # the other stages call SGP4 and nothing else of other files
# stage -> its plain twin: python-sgp4 itself, or the brute force on it
TWINS = {
    "sgp4": naive.satrec,  # all of its files
    "validity": naive.Sky,
    "ephemeris_chunks": naive.Sky,
    "conjunction_candidates": naive.brute_force_events,
    "refined_events": naive.brute_force_events,
    "screening_volume": naive.box_stay,
}
DOORS = {"njit", "inlined"}


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def mentioning(*words: str) -> list[Path]:
    """The modules of the package that have one of these words anywhere: no other need be parsed for them."""
    return [path for path in PACKAGE.rglob("*.py") if any(word in path.read_text() for word in words)]


def imports(tree: ast.Module) -> dict[str, set[str]]:
    """Module -> names taken from it."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, set())
        elif isinstance(node, ast.ImportFrom):
            found.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
    return found


def decorators(function: ast.FunctionDef) -> list[str]:
    return [ast.unparse(decorator) for decorator in function.decorator_list]


def test_numba_has_one_door_with_explicit_flags() -> None:
    doors = [path for path in mentioning("numba") if "numba" in {n.split(".")[0] for n in imports(syntax(path))}]
    assert doors == [KERNELS / "_njit.py"]
    calls = [
        {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        for node in ast.walk(syntax(KERNELS / "_njit.py"))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".njit")
    ]
    assert len(calls) == len(DOORS)
    for flags in calls:
        assert {"nogil", "cache", "fastmath", "error_model"} <= set(flags)
        assert flags["fastmath"] == "False", "results must not depend on the compiler's liberties"
        assert "parallel" not in flags


def test_only_the_kernels_are_compiled() -> None:
    functions = {
        path: [node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef)]
        for path in mentioning(*DOORS)
    }
    compiled = {path for path, found in functions.items() if any(DOORS & set(decorators(f)) for f in found)}
    assert compiled == set(FILES) - {WITHOUT_KERNELS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_stage_is_one_file_that_calls_sgp4_and_no_other(path: Path) -> None:
    tree = syntax(path)
    found = imports(tree)
    assert found.pop("ssa_pipeline.core.kernels._njit", set()) <= DOORS
    others = {name for name in found if not name.startswith(f"{SGP4}.") or path.stem in CALLS_NO_OTHER}
    assert others <= {"__future__", "math", "typing", "numpy", "numpy.typing", "ssa_pipeline.core.constants"}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        assert decorators(function) in (["njit"], ["inlined"]), function.name
        assert not [n for n in ast.walk(function) if isinstance(n, (ast.Global, ast.Nonlocal))], function.name
    # numba freezes what a kernel reads of its module: only constants may stand there
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names = [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
            assert all(
                name.isupper() or name in {"Float", "Float32", "Int", "Int32", "Nodes", "Bool"} for name in names
            )
            assert not [n for n in ast.walk(node.value) if isinstance(n, (ast.List, ast.Dict, ast.Set, ast.ListComp))]
        elif isinstance(node, ast.ClassDef):  # scalars and arrays that travel together
            assert [ast.unparse(base) for base in node.bases] == ["NamedTuple"]
        else:
            assert isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Expr))


def test_every_stage_has_a_plain_twin() -> None:
    assert {path.stem for path in [*STAGES, KERNELS / "sgp4"]} == set(TWINS)
    for twin in TWINS.values():
        assert (twin.__doc__ or "").strip(), twin
        assert twin.__module__ == naive.__name__
    names = {name.split(".")[0] for name in imports(syntax(Path(naive.__file__)))}
    assert "numba" not in names
    assert not any(name.startswith("ssa_pipeline.core.kernels") for name in imports(syntax(Path(naive.__file__))))
