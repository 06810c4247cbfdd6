"""How old what each source gave last is, and how far the chain got.

A catalogue of last year that was received today is a year old: what counts is the age of the element sets in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import AGE_SHARE, epoch_of_content

_FILE = "questions/freshness.sql"


@dataclass(frozen=True)
class SourceState:
    """A source that was ever asked or gave something. ``received_at``: when its newest catalogue came (its newest
    anything, where it never gave one). ``content_at``: of when that is, by the epochs in it, or by the day it was
    received for; never after ``received_at``."""

    source: str
    attempted_at: datetime | None  # None: its files were handed over, nothing was fetched
    outcome: str
    detail: str
    received_at: datetime | None
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
        epochs = _epochs_by_source(connection)
        sources = [_state(row, epochs) for row in connection.execute(section(_FILE, "sources"))]
        catalog_day, screened_day = connection.execute(section(_FILE, "newest_days")).fetchone() or (None, None)
        received = connection.execute(section(_FILE, "received")).fetchone() or (None, None, None)
    received_day, waiting_day, waiting_since = received
    return sources, Progress(received_day, waiting_day, waiting_since, catalog_day, screened_day)


def _state(row: tuple[Any, ...], epochs: dict[str, datetime]) -> SourceState:
    source, attempted_at, outcome, detail, received_at, day_end = row
    content_at = min((at for at in (day_end, epochs.get(source)) if at is not None), default=None)
    return SourceState(source, attempted_at, outcome, detail, received_at, content_at)


def _epochs_by_source(connection: psycopg.Connection) -> dict[str, datetime]:
    """The newest of what each source gave last."""
    found: dict[str, datetime] = {}
    for source, snapshot_id, epoch in connection.execute(section(_FILE, "newest_catalogues"), {"share": AGE_SHARE}):
        for at in [epoch] if epoch is not None else _epoch_in_file(connection, snapshot_id):
            found[source] = max(at, found.get(source, at))
    return found


def _epoch_in_file(connection: psycopg.Connection, snapshot_id: int) -> Iterator[datetime]:
    """The same of a file that no run has read yet; nothing where it cannot be read."""
    row = connection.execute(section("receipts/snapshots.sql", "content"), {"snapshot_id": snapshot_id}).fetchone()
    if row is None:
        return
    try:
        epochs = parse_catalog(bytes(row[0]), "").element_sets.epoch_us
    except CatalogFormatError:
        return
    if len(epochs):
        yield epoch_of_content(epochs)
