"""Every line of the core runs in plain Python, where coverage can see it, and gives right answers there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TESTS = (
    "plain",
    "unit/test_clean_catalog.py",
    "unit/test_catalog_choice.py",
    "unit/test_catalog_jumps.py",
    "unit/test_catalog_selection.py",
    "unit/test_completeness.py",
    "unit/test_day_changes.py",
    "unit/test_element_set_key.py",
    "unit/test_outside_text.py",
    "unit/test_satcat.py",
    "unit/test_satrec.py",
    "unit/test_time.py",
    "unit/test_assets_describe.py",
    "unit/test_low_perigee.py::test_parts_of_a_window_join",
    "unit/test_screening_volumes.py::test_pairs_within_one_constellation_are_told_whatever_the_order",
)
# Whole catalogues and hours of screening, on which plain Python takes up to a minute each; smaller cases run the same
# lines.
LEFT_OUT = (
    "unit/test_clean_catalog.py::test_the_bundled_catalogue",
    "unit/test_clean_catalog.py::test_the_choice_does_not_depend_on_the_order_of_arrival",
    "unit/test_clean_catalog.py::test_every_received_set_is_used_or_rejected_once",
    "unit/test_catalog_selection.py::test_the_order_of_arrival_does_not_matter",
    "unit/test_satcat.py::test_a_real_satcat_two_years_younger_agrees_on_periods",
    "unit/test_satcat.py::test_what_is_known_changes_nothing_else",
    "unit/test_catalog_choice.py::test_a_later_set_is_said_on_the_row_in_the_summary_and_in_the_statistics",
    "unit/test_catalog_choice.py::test_the_segment_in_force_is_used",
    "unit/test_catalog_choice.py::test_each_lead_day_uses_the_segment_in_force_when_it_begins",
    "unit/test_catalog_choice.py::test_segments_are_told_by_kind_by_name_or_by_the_option",
    "unit/test_catalog_choice.py::test_several_payloads_are_named_in_the_summary",
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
