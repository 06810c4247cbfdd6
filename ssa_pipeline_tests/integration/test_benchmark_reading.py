"""benchmarks.reading measures what it says: as many objects as asked for, every format, one process each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import reading, storing, table
from benchmarks.workbench import Workbench


def test_a_release_has_as_many_distinct_objects_as_asked_for() -> None:
    sets = reading.release(60_000)
    assert len(set(sets.norad_id.tolist())) == len(sets) == 60_000


def test_a_release_is_read_whole_stored_whole_and_compared_with_the_plain_loop(
    monkeypatch: pytest.MonkeyPatch, open_tmp_path: Path
) -> None:
    monkeypatch.setattr(reading, "FORMATS", ("json", "csv"))
    measured = reading.measure(Workbench(open_tmp_path), 200)
    for figures in (*measured["formats"].values(), *measured["storing"].values()):
        assert figures["objects"] == 200
        assert 0.0 < figures["memory_mb"] < table.RELEASE_MEMORY_MB
    assert measured["formats"]["json"]["ratio_to_plain_loop"] > 0.0
    first, again = measured["storing"]["all_new"], measured["storing"]["none_new"]
    assert 0.0 < again["cpu_s"] == pytest.approx(sum(again[f"{part}_cpu_s"] for part in storing.PARTS))
    assert 0.0 < first["database_cpu_s"] < first["cpu_s"]
    rows = table.rows({"reading": measured})
    assert [row.is_met for row in rows] == [True, True, None, None]
