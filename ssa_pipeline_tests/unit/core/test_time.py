"""Times as users write them."""

from __future__ import annotations

from datetime import date

import pytest

from ssa_pipeline.core.days import parse_iso_day
from ssa_pipeline.core.time import format_utc, parse_utc


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("2024-11-01T12:34:56.789012Z", "2024-11-01T12:34:56.789012Z"),
        ("2024-11-01T12:34:56.7890124Z", "2024-11-01T12:34:56.789012Z"),
        ("2024-11-01T12:34:56.7890125Z", "2024-11-01T12:34:56.789013Z"),
        ("2024-12-31T23:59:59.99999951Z", "2025-01-01T00:00:00.000000Z"),
        ("2024-11-01T12:34:56.7890129+02:00", "2024-11-01T10:34:56.789013Z"),
        ("2024-11-01T00:00Z", "2024-11-01T00:00:00.000000Z"),
    ],
)
def test_times_are_rounded_to_the_nearest_microsecond(text: str, exact: str) -> None:
    assert format_utc(parse_utc(text)) == exact


@pytest.mark.parametrize("text", ["2024-W44-5T00:00:00Z", "2024W445T000000Z", "2024-w44-5T00:00:00Z"])
def test_week_dates_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="week date"):
        parse_utc(text)


def test_a_day_is_written_in_one_way() -> None:
    assert parse_iso_day("2024-02-29") == date(2024, 2, 29)
    for text in ("20241101", "2024-W44-5", "2024-11-1", " 2024-11-01", "2024-11-01T00:00Z", ""):
        with pytest.raises(ValueError, match="is not a day like 2024-11-01"):
            parse_iso_day(text)
    with pytest.raises(ValueError, match="day"):
        parse_iso_day("2023-02-29")
