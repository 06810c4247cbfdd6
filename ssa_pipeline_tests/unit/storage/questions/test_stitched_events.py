"""A pair that stays together over several lead days is one row of `ssa events`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ssa_pipeline.storage.questions.answers import _stitched, has_minimum


def piece(day: int, flags: str, miss_km: float, pair: tuple[int, int] = (1, 2)) -> dict[str, Any]:
    return {
        "norad_id_1": pair[0],
        "norad_id_2": pair[1],
        "start_utc": datetime(2024, 11, day, tzinfo=UTC),
        "end_utc": datetime(2024, 11, day + 1, tzinfo=UTC),
        "tca_utc": datetime(2024, 11, day, 5 if "no_minimum" not in flags else 0, tzinfo=UTC),
        "miss_distance_km": miss_km,
        "n_minima": 0 if "no_minimum" in flags else 3,
        "n_passages": 2,
        "below_threshold_s": 100.0,
        "flags": flags,
    }


def test_pieces_that_follow_each_other_are_one_row() -> None:
    first = piece(1, "continues_after", 0.7)
    middle = piece(2, "continues_before continues_after no_minimum", 0.2)
    last = piece(3, "continues_before passage_continues_before", 0.5)
    alone, other = piece(5, "", 0.1), piece(2, "", 0.3, (1, 3))
    rows = _stitched([last, other, middle, alone, first])
    assert [row["miss_distance_km"] for row in rows] == [0.1, 0.3, 0.5]
    joined = rows[2]
    assert (joined["start_utc"].day, joined["end_utc"].day) == (1, 4)
    assert joined["tca_utc"] == datetime(2024, 11, 3, 5, tzinfo=UTC)  # a minimum, where there is one
    assert (joined["n_minima"], joined["below_threshold_s"], joined["n_passages"]) == (6, 300.0, 5)
    assert joined["flags"] == "passage_continues_before"
    assert has_minimum(joined)


def test_a_border_of_a_lead_day_is_no_closest_approach() -> None:
    rows = _stitched([piece(day, "continues_before continues_after no_minimum", 0.2) for day in (1, 2)])
    assert len(rows) == 1
    assert not has_minimum(rows[0])
    assert rows[0]["flags"] == "continues_before continues_after no_minimum"
