"""The chain, declared once: its links, what each is computed from, and how its runs and partitions are named.

The daily links have one partition per epoch day (``2024-11-01``), the screening links one per epoch day and lead day
(``2024-11-01|0``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ssa_pipeline.core import days

LEAD_DAYS = range(days.LEAD_DAYS)
RAW_TLE_SNAPSHOTS = "raw_tle_snapshots"
CLEAN_CATALOG = "clean_catalog"
EPHEMERIS_CHUNKS = "ephemeris_chunks"
CONJUNCTION_CANDIDATES = "conjunction_candidates"
REFINED_EVENTS = "refined_events"


@dataclass(frozen=True)
class Link:
    """``upstream``: what it is computed from. ``is_daily``: it has a slice per epoch day, else one per epoch day and
    lead day. ``expires``: retention drops the slices of old epoch days."""

    name: str
    upstream: tuple[str, ...] = ()
    is_daily: bool = False
    expires: bool = False


CHAIN = (
    Link(RAW_TLE_SNAPSHOTS, is_daily=True),
    Link(CLEAN_CATALOG, (RAW_TLE_SNAPSHOTS,), is_daily=True),
    Link(EPHEMERIS_CHUNKS, (CLEAN_CATALOG,), expires=True),
    Link(CONJUNCTION_CANDIDATES, (EPHEMERIS_CHUNKS,), expires=True),
    Link(REFINED_EVENTS, (CLEAN_CATALOG, EPHEMERIS_CHUNKS, CONJUNCTION_CANDIDATES)),
)
ASSETS = tuple(link.name for link in CHAIN)
DAILY_ASSETS = tuple(link.name for link in CHAIN if link.is_daily)
SCREENING_ASSETS = tuple(link.name for link in CHAIN if not link.is_daily)
EXPIRING_ASSETS = tuple(link.name for link in CHAIN if link.expires)
UPSTREAM = {link.name: link.upstream for link in CHAIN}
INGEST_JOB = "ingest_job"
SCREEN_JOB = "screen_job"
# Runs with it go one at a time (dagster.yaml), in the order of the queue: a day's catalogue builds on those before.
IN_ORDER_TAG = {"ssa/in_order": "catalog"}
# By these the UI's list of runs names them, since it does not show a range of partitions; and of the runs of one epoch
# day, or of the fetches of one source, one goes at a time (dagster.yaml).
EPOCH_DAY_TAG = "ssa/epoch_day"
LEAD_DAYS_TAG = "ssa/lead_days"
SOURCE_TAG = "ssa/source"
TITLE_TAG = "ssa/title"  # of a run that a terminal executes itself


def partition_key(epoch_day: date, lead_day: int | None = None) -> str:
    """``2024-11-01`` or ``2024-11-01|0``."""
    return epoch_day.isoformat() if lead_day is None else f"{epoch_day.isoformat()}|{lead_day}"


def run_tags(epoch_day: date, lead_days: tuple[int, int] | None = None) -> dict[str, str]:
    """Tags of a run that makes the catalogue of a day, or screens from the first to the last of ``lead_days``."""
    day = {EPOCH_DAY_TAG: epoch_day.isoformat()}
    if lead_days is None:
        return {"dagster/partition": partition_key(epoch_day), **day}
    first, last = lead_days
    return {
        "dagster/asset_partition_range_start": partition_key(epoch_day, first),
        "dagster/asset_partition_range_end": partition_key(epoch_day, last),
        LEAD_DAYS_TAG: str(first) if first == last else f"{first}-{last}",
        **day,
    }


def in_order(keys: Iterable[str]) -> list[str]:
    """Partition keys by day and lead day (Dagster hands out the keys of a two-dimensional range unordered)."""
    return sorted(str(key) for key in keys)
