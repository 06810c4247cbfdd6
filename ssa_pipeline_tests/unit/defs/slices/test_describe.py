"""Regimes, tables and the report that people read."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest
from dagster import DagsterExecutionInterruptedError

from ssa_pipeline.core.orbits.mean_orbit import Regime, apogee_altitude_km, regimes
from ssa_pipeline.core.records import ElementSets, RejectedRecord, RejectRule
from ssa_pipeline.defs.slices.describe import markdown_table, objects_by_regime, pair_count, rejected_shown
from ssa_pipeline.defs.slices.progress import watching
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.use_cases.closest import CLAIM
from ssa_pipeline_tests.shared.chain_data import catalog_of
from ssa_pipeline_tests.shared.places import BUNDLED


@pytest.fixture(scope="module")
def known() -> ElementSets:
    """ISS, NAVSTAR 43, GOES 16, VANGUARD 1, INTELSAT 2-F1 (e = 0.64)."""
    ids = {25544, 24876, 41866, 5, 2514}
    sets = parse_catalog(catalog_of(ids), BUNDLED.name).element_sets
    assert set(sets.norad_id.tolist()) == ids
    return sets


def test_regimes_of_well_known_objects(known: ElementSets) -> None:
    found = dict(zip(known.norad_id.tolist(), regimes(known), strict=True))
    assert found == {25544: "LEO", 24876: "MEO", 41866: "GEO", 5: "MEO", 2514: "HEO"}
    assert objects_by_regime(known) == {"LEO": 1, "MEO": 2, "GEO": 1, "HEO": 1, "beyond GEO": 0}
    assert list(objects_by_regime(known)) == list(Regime)


def test_apogee_of_the_space_station_and_of_gps(known: ElementSets) -> None:
    apogee_km = dict(zip(known.norad_id.tolist(), apogee_altitude_km(known).tolist(), strict=True))
    assert 400 < apogee_km[25544] < 430
    assert 20_100 < apogee_km[24876] < 20_500


def test_pairs_are_counted_once_up_to_nine_digits() -> None:
    a = np.array([5, 5, 799_501_299, 5], dtype=np.int64)
    b = np.array([11, 11, 999_999_999, 12], dtype=np.int64)
    assert pair_count(a, b) == 3


def test_rejected_records_are_counted_by_rule_with_the_first_of_each() -> None:
    def record(line: int, rule: RejectRule) -> RejectedRecord:
        return RejectedRecord("a|b.csv", line, rule, f"line {line}", b"")

    rejected = [record(2, RejectRule.STALE), record(3, RejectRule.DECAYED), record(9, RejectRule.STALE)]
    shown = rejected_shown(rejected)
    assert shown["rejected"] == 3
    assert shown["rejected_by_rule"].value.splitlines()[2:] == [
        "| stale | 2 | `a\\|b.csv:2` | line 2 |",
        "| decayed | 1 | `a\\|b.csv:3` | line 3 |",
    ]
    assert rejected_shown([])["rejected_by_rule"].value == "none"


def test_a_markdown_table_keeps_its_columns() -> None:
    assert markdown_table(["a", "b"], [(1, "x|y")]) == "| a | b |\n| --- | --- |\n| 1 | `x\\|y` |"


class _Log:
    """Collects messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def info(self, message: str) -> None:
        self.messages.append(message)


def _watching(log: _Log) -> Any:
    return watching(log, "2024-11-01|0")  # type: ignore[arg-type]


def test_a_signal_during_a_computation_is_seen_by_its_threads_and_raised_at_its_end() -> None:

    def compute(*, is_noticing: bool) -> None:
        with _watching(_Log()) as watch:
            watch.check()
            os.kill(os.getpid(), signal.SIGINT if is_noticing else signal.SIGTERM)
            assert watch.should_stop()
            if is_noticing:
                watch.check()
                raise AssertionError("the computation went on")

    for is_noticing in (True, False):
        with pytest.raises(DagsterExecutionInterruptedError):
            compute(is_noticing=is_noticing)
    with _watching(_Log()) as watch:
        assert not watch.should_stop()  # the former signals are spent


@pytest.mark.parametrize(("seconds", "expected"), [(3600.0, []), (0.0, ["2024-11-01|0 propagate: 30 %"])])
def test_progress_reaches_the_log_but_not_too_often(
    seconds: float, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssa_pipeline.defs.slices.progress.SECONDS_BETWEEN_MESSAGES", seconds)
    log = _Log()
    with _watching(log) as watch:
        watch.progress("propagate", 0.3)
    assert log.messages == expected


def test_the_claim_says_what_the_numbers_cannot_do() -> None:
    assert "with respect to the element sets used" in CLAIM
    assert "not a measurement" in CLAIM
