"""How the image starts a command, on a root file system that nobody can write. In place of a container stands a mount
namespace, in which all is read-only but one directory (where the image has /tmp and SSA_HOME)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.compiled_kernels import compile_kernels, use_cache_of_tests
from ssa_pipeline_tests.shared.places import REPOSITORY

WITH_KERNELS = str(REPOSITORY / "deploy" / "image" / "with-kernels")
READ_ONLY = """
mount --make-rprivate / && mount -t tmpfs tmpfs "$1" || exit 9
while read -r _ place type _; do
    case "$place $type" in "$1 tmpfs" | *" proc" | *" sysfs") ;; *) mount -o remount,bind,ro "$place" || exit 9 ;; esac
done < /proc/self/mounts
shift
"$@"
"""
IN_NAMESPACE = ("unshare", "--mount", "sh", "-c", READ_ONLY, "sh")


@pytest.fixture(scope="module")
def kernels() -> Path:
    compile_kernels()
    return use_cache_of_tests()


@pytest.fixture
def writable(tmp_path: Path) -> Path:
    directory = tmp_path / "writable"
    directory.mkdir()
    tried = subprocess.run(
        [*IN_NAMESPACE, directory, "touch", tmp_path / "x"], capture_output=True, text=True, check=False
    )
    if "Read-only file system" not in tried.stderr:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
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
    command = [*IN_NAMESPACE, writable, "sh", "-c", f'"$@" && {after}', "sh", *before, *screen]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def _names(kernels: Path) -> set[str]:
    return {path.name for path in kernels.rglob("*.nb?")}


def test_the_kernels_of_the_image_are_used(writable: Path, kernels: Path) -> None:
    """None is compiled: the copy has the same files afterwards."""
    copy = writable / "kernels"
    done = _screen(writable, kernels, WITH_KERNELS, cache=copy, after=f"find {copy} -name '*.nb?' -printf '%f\\n' >&2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("norad_id_1,")
    assert {line for line in done.stderr.splitlines() if ".nb" in line} == _names(kernels)


def test_without_the_copy_nothing_can_be_computed(writable: Path, kernels: Path) -> None:
    """Which is why there is one."""
    done = _screen(writable, kernels, cache=kernels)
    assert done.returncode != 0
    assert "cannot cache function" in done.stderr
