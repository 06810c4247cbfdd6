"""The guards of conftest.py, in a pytest of its own that was started as nohup starts programs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from ssa_pipeline_tests.shared.places import REPOSITORY

TESTS = """
import signal, subprocess, sys, pytest

LONG = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]

def test_ctrl_c_arrives():
    with subprocess.Popen(LONG, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(30) != 0

@pytest.mark.timeout(1)
def test_that_waits_for_ever():
    with subprocess.Popen(LONG, stdout=subprocess.PIPE) as child:
        child.stdout.read()
"""


def test_no_test_outlasts_its_timeout_and_ctrl_c_arrives_under_nohup(tmp_path: Path) -> None:
    file = tmp_path / "test_inner.py"
    file.write_text(TESTS)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        inner = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "ssa_pipeline_tests.conftest",
                "-p",
                "no:cacheprovider",
                str(file),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with inner:
        said, _ = inner.communicate(timeout=200)
    assert re.search(r"1 failed, 1 passed", said), said
    assert "Timeout" in said
