"""What large arrays leave behind when they are freed, seen from outside: the resident memory of a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

# a freed array of 30 MB is what makes glibc keep the smaller ones that follow
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from ssa_pipeline.local.allocator import return_large_arrays

def resident_mb():
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024

if sys.argv[1] == "yes":
    return_large_arrays()
np.ones(30 * 2**17)
before = resident_mb()
arrays = [np.ones(2**17) for _ in range(200)]
del arrays[:-1]
print(resident_mb() - before)
"""


@pytest.mark.parametrize(("is_set", "low", "high"), [("no", 150.0, 250.0), ("yes", 0.0, 10.0)])
def test_freed_arrays_below_one_that_is_kept_go_back_to_the_system(is_set: str, low: float, high: float) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, is_set], capture_output=True, text=True, check=True)
    assert low <= float(done.stdout) <= high
