"""SATCAT, decay and TIP tables: which ones count for a day, and the newest SATCAT row of every object for SQL."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from ssa_pipeline.core.catalog.satcat import Satcat
from ssa_pipeline.core.records import DECAY, SATCAT, TIP, RejectedRecord
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot
from ssa_pipeline.storage.schema.partitions import ensure_partitions
from ssa_pipeline.storage.slices.rejected_records import TABLE_NAME, append_rejected, storable

KINDS = (SATCAT, DECAY, TIP)
_FILE = "receipts/satcat.sql"


def read_newest_tables(url: DatabaseUrl, epoch_day: date) -> list[StoredSnapshot]:
    """The newest table of each of KINDS, and the newest PARTIAL_SATCAT, received up to the end of a day, by kind; empty
    where there is none."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "newest_snapshots"), {"epoch_day": epoch_day}, binary=True)
        return [
            StoredSnapshot(snapshot_id, day, source, file_name, digest.hex(), received_at, content, kind=kind)
            for snapshot_id, day, source, file_name, digest, received_at, content, kind in rows
        ]


def store_table(url: DatabaseUrl, snapshot: StoredSnapshot, satcat: Satcat, rejected: list[RejectedRecord]) -> None:
    """Keep what was read of a stored table: rows of a SATCAT where they are newer than those of its objects, and the
    rows that cannot be used. Doing it again changes nothing."""
    day, kind = snapshot.epoch_day, snapshot.kind
    with connect(url) as connection:
        ensure_partitions(connection, (TABLE_NAME,), day)
        with connection.transaction():
            connection.execute(section(_FILE, "lock"))
            if len(satcat):
                receipt = {"epoch_day": day, "snapshot_id": snapshot.snapshot_id, "received_at": snapshot.received_at}
                connection.execute(section(_FILE, "upsert"), _columns(satcat) | receipt)
            append_rejected(connection, day, kind, rejected, snapshot.snapshot_id)


def _columns(satcat: Satcat) -> dict[str, list[Any]]:
    def texts(name: str) -> list[str]:
        return [storable(text) for text in getattr(satcat, name).tolist()]

    def texts_or_null(name: str) -> list[str | None]:
        return [text or None for text in texts(name)]

    def numbers(name: str) -> list[float | None]:
        values = getattr(satcat, name)
        return [
            None if is_unknown else value for value, is_unknown in zip(values.tolist(), np.isnan(values), strict=True)
        ]

    return {
        "norad_id": satcat.norad_id.tolist(),
        "object_id": texts("object_id"),
        "satcat_name": texts("object_name"),
        "object_type": texts("object_type"),
        "owner": texts("owner"),
        "operational_status": texts_or_null("operational_status"),
        "launch_date": satcat.launch_date.tolist(),
        "decay_date": satcat.decay_date.tolist(),
        "satcat_period_min": numbers("period_min"),
        "rcs_m2": numbers("rcs_m2"),
        "rcs_size": texts_or_null("rcs_size"),
        "source_line": satcat.source_line.tolist(),
    }
