"""Days: how people write them, and how many a catalogue is screened for. Loads nothing, since settings and the command
line read days before anything else."""

from __future__ import annotations

import re
from datetime import date

LEAD_DAYS = 7  # of every epoch day: 0 to 6
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_iso_day(text: str) -> date:
    """``2024-11-01``; ValueError for everything else, 20241101 and 2024-W44-5 too."""
    if _DAY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a day like 2024-11-01")
    return date.fromisoformat(text)
