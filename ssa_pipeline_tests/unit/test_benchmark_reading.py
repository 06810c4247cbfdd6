"""benchmarks.reading measures what it says: as many objects as asked for, every format, one process each."""

from __future__ import annotations

import pytest

from benchmarks import reading


def test_a_release_has_as_many_distinct_objects_as_asked_for() -> None:
    sets = reading.release(60_000)
    assert len(set(sets.norad_id.tolist())) == len(sets) == 60_000


def test_a_format_is_read_whole_and_compared_with_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FORMATS", ("json",))
    (measured,) = reading.measure(200).values()
    assert measured["objects"] == 200
    assert measured["ratio_to_plain_loop"] > 0.0
    assert 0.0 < measured["memory_mb"] < reading.LARGEST_MEMORY_MB
