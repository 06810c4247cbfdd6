"""`make clean DATA=1` deletes or says why not, never nothing in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ssa_pipeline_tests.shared.places import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "erase_data.sh"


def _erase(checkout: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """In a checkout without .venv, as `make clean` leaves it."""
    (checkout / "scripts").mkdir(parents=True)
    copied = shutil.copy(SCRIPT, checkout / "scripts")
    environment = os.environ | {"SSA_HOME": str(home)}
    return subprocess.run([copied], capture_output=True, text=True, check=False, env=environment, timeout=30)


def test_data_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = _erase(tmp_path / "checkout", home)
    assert done.returncode == 1
    assert f"nothing was deleted: the data lies in {home}" in done.stderr
    assert "make setup" in done.stderr
    assert home.exists()


def test_no_data_is_said(tmp_path: Path) -> None:
    done = _erase(tmp_path / "checkout", tmp_path / "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"there is no data: {tmp_path / 'none'} does not exist\n"
