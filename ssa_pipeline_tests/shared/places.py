"""Where the checkout and the test data lie."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "ssa_pipeline_tests" / "data"
BUNDLED = REPOSITORY / "data" / "omm_on_orbit_20241101.csv.gz"
TRUTH = REPOSITORY / "benchmarks" / "truth_20241101_24h_5km.csv.gz"
