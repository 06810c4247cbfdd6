"""How the image starts a command, on a root file system that nobody can write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssa_pipeline_tests.integration.deploy.read_only import IMAGE, demand_namespaces, in_namespace
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.compiled_kernels import compile_kernels, use_cache_of_tests


@pytest.fixture(scope="module")
def kernels() -> Path:
    compile_kernels()
    return use_cache_of_tests()


@pytest.fixture
def writable(tmp_path: Path) -> Path:
    directory = tmp_path / "writable"
    directory.mkdir()
    demand_namespaces(directory)
    return directory


def _screen(
    writable: Path, kernels: Path, *before: str, cache: Path, after: str = "true"
) -> subprocess.CompletedProcess[str]:
    """A few objects, as in the image: ``ssa screen`` with ``before`` in front; ``after`` is a command of the shell."""
    catalog = writable.with_name("few.csv")
    catalog.write_bytes(small_catalog(20)[0])
    screen = ["ssa", "screen", str(catalog), "--start", "2024-11-01T00:00:00Z", "--hours", "2", "--out", "-"]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SSA_HOME": str(writable / "home"),
        "TMPDIR": str(writable),
        "KERNELS": str(kernels),
        "NUMBA_CACHE_DIR": str(cache),
    }
    command = [*in_namespace(writable), "sh", "-c", f'"$@" && {after}', "sh", *before, *screen]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_the_kernels_of_the_image_are_used(writable: Path, kernels: Path) -> None:
    """None is compiled: the copy has the same files afterwards."""
    copy, start = writable / "kernels", str(IMAGE / "with-kernels")
    done = _screen(writable, kernels, start, cache=copy, after=f"find {copy} -name '*.nb?' -printf '%f\\n' >&2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("norad_id_1,")
    there = {path.name for path in kernels.rglob("*.nb?")}
    assert {line for line in done.stderr.splitlines() if ".nb" in line} == there


def test_without_the_copy_nothing_can_be_computed(writable: Path, kernels: Path) -> None:
    """Which is why there is one."""
    done = _screen(writable, kernels, cache=kernels)
    assert done.returncode != 0
    assert "cannot cache function" in done.stderr
