"""When each source last gave something, and how far the chain got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section

_FILE = "freshness.sql"


@dataclass(frozen=True)
class SourceState:
    """A source that was ever asked or gave something. ``content_at``: when its newest catalogue came (its newest
    anything, where it never gave one)."""

    source: str
    attempted_at: datetime | None  # None: its files were handed over, nothing was fetched
    outcome: str
    detail: str
    content_at: datetime | None


@dataclass(frozen=True)
class Progress:
    """Newest epoch days; None where there is none. ``waiting_day`` and ``waiting_since``: the earliest receipt of a day
    after ``screened_day`` that has come."""

    received_day: date | None
    waiting_day: date | None
    waiting_since: datetime | None
    catalog_day: date | None
    screened_day: date | None


def read_freshness(url: DatabaseUrl) -> tuple[list[SourceState], Progress]:
    """The sources by name, and the chain."""
    with connect(url) as connection:
        sources = [SourceState(*row) for row in connection.execute(section(_FILE, "sources"))]
        catalog_day, screened_day = connection.execute(section(_FILE, "newest_days")).fetchone() or (None, None)
        received = connection.execute(section(_FILE, "received")).fetchone() or (None, None, None)
    received_day, waiting_day, waiting_since = received
    return sources, Progress(received_day, waiting_day, waiting_since, catalog_day, screened_day)
