"""A SATCAT, decay or TIP table into the database, whoever brings it: `ssa ingest`, `ssa fetch`, the watched folder."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from ssa_pipeline.core.catalog.completeness import LOOK_BACK_DAYS, MOST_MISSING, is_too_many
from ssa_pipeline.core.records import PARTIAL_SATCAT, SATCAT
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.messages.satcat import ParsedTable, parse_table
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.receipts.satcat import read_newest_tables, store_table
from ssa_pipeline.storage.receipts.snapshots import Provenance, StoredSnapshot, store_snapshot


def receive_table(
    database: DatabaseUrl,
    data: bytes,
    table: ParsedTable,
    *,
    file_name: str,
    source: str,
    epoch_day: date,
    received_at: datetime,
    provenance: Provenance | None = None,
) -> tuple[StoredSnapshot, str]:
    """Store a table as received, and what was read of it. The text says why it is not used, empty where it is: a SATCAT
    that lacks objects of the one before becomes a ``PARTIAL_SATCAT`` (docs/satcat.md)."""
    lack = _lack(database, table, epoch_day) if table.kind == SATCAT else ""
    stored = store_snapshot(
        database,
        data,
        file_name=file_name,
        source=source,
        epoch_day=epoch_day,
        received_at=received_at,
        kind=PARTIAL_SATCAT if lack else table.kind,
        provenance=provenance,
    )
    store_table(database, stored, table.satcat, table.rejected)
    return stored, lack if stored.kind == PARTIAL_SATCAT else ""


def _lack(database: DatabaseUrl, table: ParsedTable, epoch_day: date) -> str:
    before = next((s for s in read_newest_tables(database, epoch_day) if s.kind == SATCAT), None)
    if before is None or before.epoch_day < epoch_day - timedelta(days=LOOK_BACK_DAYS):
        return ""
    try:
        known = parse_table(before.data, before.file_name).satcat.norad_id
    except CatalogFormatError:
        return ""
    is_missing = ~np.isin(known, table.satcat.norad_id)
    if not is_too_many(is_missing, MOST_MISSING):
        return ""
    share = f"{is_missing.mean():.1%}, at most {MOST_MISSING:.0%} may be"
    what = f"{is_missing.sum():,} of the {len(known):,} objects of {before.file_name} of {before.epoch_day} are missing"
    return f"{what} ({share}): stored, but not used; catalogues keep to that one"
