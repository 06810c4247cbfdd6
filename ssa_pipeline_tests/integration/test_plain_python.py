"""The lines of the core run in plain Python, where coverage can see it, and give right answers there.

It was every line until segments, flags of events and escapes of text came in; their tests run compiled only. What is
missing (`make coverage` shows it) is to come back to 100 %.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LEAST_PERCENT = 97
TESTS = (
    "plain",
    "unit/test_clean_catalog.py",
    "unit/test_catalog_jumps.py",
    "unit/test_catalog_selection.py",
    "unit/test_completeness.py",
    "unit/test_day_changes.py",
    "unit/test_element_set_key.py",
    "unit/test_satcat.py",
    "unit/test_satrec.py",
    "unit/test_time.py",
    "unit/test_assets_describe.py",
)


def coverage_command() -> list[str]:
    """Also what `make coverage` runs."""
    return [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=ssa_pipeline/core",
        f"--cov-fail-under={LEAST_PERCENT}", "--cov-report=term-missing:skip-covered",
        *(f"ssa_pipeline_tests/{name}" for name in TESTS),
    ]  # fmt: skip


def test_the_core_is_run_without_compilation(tmp_path: Path) -> None:
    done = subprocess.run(
        coverage_command(),
        cwd=REPOSITORY,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "COVERAGE_FILE": str(tmp_path / "coverage")},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Required test coverage of {LEAST_PERCENT}% reached" in done.stdout


if __name__ == "__main__":
    sys.exit(subprocess.call(coverage_command(), cwd=REPOSITORY, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}))
