"""UTC as integer microseconds since 1970-01-01T00:00:00Z, and its spellings at the edges.

Days have 86,400 s, as in element sets and PostgreSQL; a leap second does not exist here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FRACTION = re.compile(r"[.,]([0-9]+)")
_DECIMALS = 6  # more are cut by datetime


def to_us(moment: datetime) -> int:
    """Microseconds of an aware ``datetime``; a naive one is refused with ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write it with a trailing Z")
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC ``datetime`` of integer microseconds."""
    return _EPOCH + int(us) * _MICROSECOND


def day_start_us(day: date) -> int:
    """Microseconds since 1970 at 00:00 UTC of a day."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC))


def parse_utc(text: str) -> int:
    """Microseconds of an ISO 8601 time with 'Z' or an offset, rounded to the nearest one; ValueError otherwise, for
    week dates too."""
    if "W" in text.upper():
        raise ValueError("it is a week date; write year, month and day")
    fraction = _FRACTION.search(text)
    if fraction is None or len(fraction[1]) <= _DECIMALS:
        return to_us(datetime.fromisoformat(text))
    whole = to_us(datetime.fromisoformat(text[: fraction.start()] + text[fraction.end() :]))
    scale: int = 10 ** len(fraction[1])
    return whole + (2_000_000 * int(fraction[1]) // scale + 1) // 2


def format_utc(us: int) -> str:
    """``2024-11-01T00:00:00.000000Z``."""
    return from_us(us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_utc_array(us: NDArray[np.int64]) -> list[str]:
    """``format_utc`` of every value, fast."""
    return [text + "Z" for text in np.datetime_as_string(us.astype("datetime64[us]"), unit="us").tolist()]
