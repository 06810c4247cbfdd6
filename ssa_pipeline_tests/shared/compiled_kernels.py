"""Kernels compiled once for all processes of a test run: `python -m ssa_pipeline_tests.shared.compiled_kernels`, which
``conftest`` does before several workers start, else each of them would compile the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ssa_pipeline.local.numba_cache import use_numba_cache
from ssa_pipeline_tests.shared.places import REPOSITORY


def use_cache_of_tests() -> Path:
    """Apart from that of the installation; like that, another for other kernels, versions and machines."""
    os.environ.pop("NUMBA_CACHE_DIR", None)
    return use_numba_cache(REPOSITORY / ".pytest_cache")


def compile_kernels() -> None:
    """In a process of its own, unless it was done."""
    if not _mark().exists():
        print("compiling kernels, once for the whole run ...", flush=True)
        subprocess.run([sys.executable, "-m", __spec__.name], cwd=REPOSITORY, check=True)


def _mark() -> Path:
    return use_cache_of_tests() / "compiled"


def _screen_a_few_objects() -> None:
    from ssa_pipeline_tests.shared.chain_data import small_catalog
    from ssa_pipeline_tests.shared.command_line import ssa_done

    with tempfile.TemporaryDirectory() as home:
        catalog = Path(home) / "few.csv"
        catalog.write_bytes(small_catalog(20)[0])
        screening = ("screen", catalog, "--start", "2024-11-01T00:00:00Z", "--hours", "2", "--out", "/dev/null")
        for volume in ((), ("--volume", "2,25,25")):
            done = ssa_done(*screening, *volume, SSA_HOME=home)
            assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    mark = _mark()
    _screen_a_few_objects()
    mark.touch()
