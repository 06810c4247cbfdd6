"""Receipts one after the other, through whatever door they came: `ssa ingest`, `ssa fetch`, a job, the folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import CATALOGUES, epoch_of_content

_FILE = "receipts/snapshots.sql"


@dataclass(frozen=True)
class Receipt:
    """Something received; texts as they came."""

    snapshot_id: int
    epoch_day: date
    source: str
    kind: str
    file_name: str
    url: str | None  # None: it was handed over
    received_at: datetime
    http_status: int | None  # 304, 403: the provider's word that it has nothing newer
    accepts_bad_checksums: bool


@dataclass(frozen=True)
class Content:
    """What is in a receipt. ``rows``: records that can be used; ``content_at``: of when they are, None where they do
    not say, never after the receipt or its day; ``unreadable``: why nothing can be read, else empty."""

    byte_count: int
    rows: int = 0
    rejected: int = 0
    content_at: datetime | None = None
    unreadable: str = ""


def read_receipts(url: DatabaseUrl, after: int, limit: int) -> list[Receipt]:
    """The next ``limit`` after a snapshot id, ascending. None with a smaller id comes later."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "receipts_after"), {"after": after, "limit": limit})
        return [Receipt(*row) for row in rows]


def read_newest_receipts(url: DatabaseUrl) -> list[Receipt]:
    """The newest of every source and kind, ascending by id."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "newest_receipts"))
        return sorted((Receipt(*row) for row in rows), key=lambda receipt: receipt.snapshot_id)


def read_content(url: DatabaseUrl, receipt: Receipt) -> Content:
    """Read the bytes of a receipt. KeyError where there is no such receipt."""
    with connect(url) as connection:
        row = connection.execute(
            section(_FILE, "content"), {"snapshot_id": receipt.snapshot_id}, binary=True
        ).fetchone()
    if row is None:
        raise KeyError(receipt.snapshot_id)
    data = bytes(row[0])
    try:
        content = _content(data, receipt)
    except CatalogFormatError as error:
        return Content(len(data), unreadable=str(error))
    if content.content_at is None:
        return content
    day_end = datetime.combine(receipt.epoch_day + timedelta(days=1), time(), UTC)
    return replace(content, content_at=min(content.content_at, receipt.received_at, day_end))


def _content(data: bytes, receipt: Receipt) -> Content:
    if receipt.kind in CATALOGUES:
        catalog = parse_catalog(data, receipt.file_name, accept_bad_checksums=receipt.accepts_bad_checksums)
        rows, rejected, times = len(catalog.element_sets), len(catalog.rejected), catalog.element_sets.epoch_us
    else:
        table = parse_table(data, receipt.file_name)
        rows, rejected, times = len(table), len(table.rejected), table.messages.message_us
        times = times[times > 0]
    return Content(len(data), rows, rejected, epoch_of_content(times) if len(times) else None)
