"""The wheel, installed apart from the checkout: everything that a working ``ssa`` needs is in it."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ssa_pipeline import __version__
from ssa_pipeline.cli.pipeline import BUNDLED_DAY, BUNDLED_FILE
from ssa_pipeline.settings.installation import BUNDLED, REPOSITORY

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
_FROM_HERE_ONLY = ("--quiet", "--no-deps", "--no-index")
_NO_SOURCES = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "var")

Installed = Callable[..., str]


def _call(*command: str | Path, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture
def installed(open_tmp_path: Path) -> Iterator[Installed]:
    """Runs a program of an environment that holds the wheel of this tree and sees the locked packages, but not the
    checkout, which lies there as a link only; in an empty directory, for a user who has set nothing."""
    source, environment, empty = (open_tmp_path / name for name in ("source", "environment", "empty"))
    shutil.copytree(REPOSITORY, source, symlinks=True, ignore=_NO_SOURCES)
    _call(*_PIP, "wheel", *_FROM_HERE_ONLY, "--no-build-isolation", "-w", open_tmp_path, source)
    _call(sys.executable, "-m", "venv", "--without-pip", environment)
    packages = next(environment.glob("lib/python3*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = open_tmp_path.glob("*.whl")
    _call(*_PIP, "--python", environment / "bin" / "python", "install", *_FROM_HERE_ONLY, wheel)
    shutil.rmtree(source)
    empty.mkdir()

    def run(program: str, *arguments: str) -> str:
        # a few objects are done in plain Python long before the kernels are compiled
        user = {"PATH": "/usr/bin:/bin", "HOME": str(open_tmp_path), "NUMBA_DISABLE_JIT": "1"}
        return _call(environment / "bin" / program, *arguments, cwd=empty, env=user)

    try:
        yield run
    finally:
        run("ssa", "down")


def test_the_wheel_works_without_the_checkout(installed: Installed, open_tmp_path: Path) -> None:
    package = Path(installed("python", "-c", "import ssa_pipeline; print(ssa_pipeline.__path__[0])").strip())
    assert package.is_relative_to(open_tmp_path / "environment")
    for brought in BUNDLED.iterdir():
        assert (package / "bundled" / brought.name).read_bytes() == brought.read_bytes()
    assert installed("ssa", "--version") == f"ssa {__version__}\n"
    home = open_tmp_path / ".local" / "state" / "ssa-pipeline"
    assert f"SSA_HOME default {home} " in " ".join(installed("ssa", "settings").split())

    lines = gzip.decompress((BUNDLED / BUNDLED_FILE).read_bytes()).decode().splitlines()
    few = open_tmp_path / "few.csv"
    few.write_text("\n".join(line for line in lines if line.startswith(("OBJECT_NAME", "ISS (", "VANGUARD"))))
    installed("ssa", "screen", str(few), "--start", f"{BUNDLED_DAY}T00:00:00Z", "--hours", "1", "--out", "events.csv")
    assert "ISS (NAUKA)" in (open_tmp_path / "empty" / "events.csv").read_text()

    installed("ssa", "up")
    assert (home / "dagster" / "dagster.yaml").resolve() == package / "bundled" / "dagster.yaml"
    installed("ssa", "ingest", str(few), "--epoch-day", f"{BUNDLED_DAY}")
    installed("ssa", "materialize", "--epoch-day", f"{BUNDLED_DAY}", "--lead-days", "0")
    assert "ISS (NAUKA)" in installed("ssa", "events", "--epoch-day", f"{BUNDLED_DAY}", "--format", "csv")
    installed("python", "-m", "dagster", "definitions", "validate", "-m", "ssa_pipeline.definitions")
