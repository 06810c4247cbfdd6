"""Where the partitions begin: at SSA_FIRST_DAY where it is set, else at the first day of which there are data.

The day is in a small file of the home, since Dagster's definitions are loaded where there is no database too. The
database is the truth; who stores something calls ``follow_the_data``.
"""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path

from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.receipts.snapshots import first_day_with_data

FILE_NAME = "first_day"


def first_partition(settings: Settings) -> date:
    """The first epoch day of the definitions. Never before ``settings.first_day``: a day that was mistyped must not
    make thousands of partitions."""
    if settings.is_first_day_set:
        return settings.first_day
    return max(settings.first_day, _noted(settings.home) or settings.first_day)


def follow_the_data(settings: Settings, url: DatabaseUrl) -> bool:
    """Note the first day with data. True where the partitions begin on another day than before: a code location that is
    loaded already must then be loaded again. StorageError."""
    first = first_day_with_data(url, settings.first_day)
    return first is not None and begin_at(settings, first)


def begin_at(settings: Settings, day: date) -> bool:
    """The same of a day that is known to be the first."""
    before = first_partition(settings)
    if _noted(settings.home) != day and settings.home.is_dir():
        new = _path(settings.home).with_suffix(f".{secrets.token_hex(4)}")
        new.write_text(f"{day}\n", encoding="utf-8")
        new.replace(_path(settings.home))  # readers see the old day or the new one
    return first_partition(settings) != before


def _path(home: Path) -> Path:
    return home / FILE_NAME


def _noted(home: Path) -> date | None:
    """None where nothing was noted, or nothing that can be read: it is only a note of what the database knows."""
    try:
        return date.fromisoformat(_path(home).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None
