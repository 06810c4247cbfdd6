"""Every line of the core runs in plain Python, where coverage can see it, and gives right answers there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ssa_pipeline_tests.shared.places import REPOSITORY

TESTS = (
    "plain",
    "unit/core/catalog/test_clean_catalog.py",
    "unit/core/catalog/test_choice.py",
    "unit/core/catalog/test_jumps.py",
    "unit/core/catalog/test_selection.py",
    "unit/core/catalog/test_completeness.py",
    "unit/core/test_day_changes.py",
    "unit/core/catalog/test_element_set_key.py",
    "unit/core/test_outside_text.py",
    "unit/core/catalog/test_satcat.py",
    "unit/core/orbits/test_satrec.py",
    "unit/core/test_time.py",
    "unit/defs/slices/test_describe.py",
    "unit/core/screening/test_low_perigee.py::test_parts_of_a_window_join",
    "unit/core/volumes/test_screening_volumes.py::test_pairs_within_one_constellation_are_told_whatever_the_order",
)
# Whole catalogues and hours of screening, on which plain Python takes up to a minute each; smaller cases run the same
# lines.
LEFT_OUT = (
    "unit/core/catalog/test_clean_catalog.py::test_the_bundled_catalogue",
    "unit/core/catalog/test_clean_catalog.py::test_the_choice_does_not_depend_on_the_order_of_arrival",
    "unit/core/catalog/test_clean_catalog.py::test_every_received_set_is_used_or_rejected_once",
    "unit/core/catalog/test_selection.py::test_the_order_of_arrival_does_not_matter",
    "unit/core/catalog/test_satcat.py::test_a_real_satcat_two_years_younger_agrees_on_periods",
    "unit/core/catalog/test_satcat.py::test_what_is_known_changes_nothing_else",
    "unit/core/catalog/test_choice.py::test_a_later_set_is_said_on_the_row_in_the_summary_and_in_the_statistics",
    "unit/core/catalog/test_choice.py::test_the_segment_in_force_is_used",
    "unit/core/catalog/test_choice.py::test_each_lead_day_uses_the_segment_in_force_when_it_begins",
    "unit/core/catalog/test_choice.py::test_segments_are_told_by_kind_by_name_or_by_the_option",
    "unit/core/catalog/test_choice.py::test_several_payloads_are_named_in_the_summary",
)


def coverage_command() -> list[str]:
    """Also what `make coverage` runs."""
    return [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=ssa_pipeline/core",
        "--cov-fail-under=100", "--cov-report=term-missing:skip-covered",
        *(f"ssa_pipeline_tests/{name}" for name in TESTS),
        *(f"--deselect=ssa_pipeline_tests/{name}" for name in LEFT_OUT),
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
    assert "Required test coverage of 100% reached" in done.stdout
    assert f" {len(LEFT_OUT)} deselected" in done.stdout


if __name__ == "__main__":
    sys.exit(subprocess.call(coverage_command(), cwd=REPOSITORY, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}))
