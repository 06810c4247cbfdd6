"""Times as users write them."""

from __future__ import annotations

import pytest

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
