"""Snapshots as received: bytes first, once per content; receipts that say when, from where, for which epoch day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from ssa_pipeline.core.outside_text import printable
from ssa_pipeline.core.records import GP, SUPPLEMENTAL_GP, Int64, RecordSpans
from ssa_pipeline.core.time import from_us
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.raw_tle_snapshots import records_of
from ssa_pipeline.storage.slices.rejected_records import storable

AGE_SHARE = 0.9  # of a catalogue's element sets are not newer than what counts as its age
CATALOGUES = (GP, SUPPLEMENTAL_GP)  # kinds of which runs make catalogues


@dataclass(frozen=True)
class StoredSnapshot:
    """One receipt and its bytes. ``is_new`` is False where the same bytes were already received that day."""

    snapshot_id: int
    epoch_day: date
    source: str
    file_name: str
    sha256: str  # hex
    received_at: datetime
    data: bytes
    is_new: bool = False
    kind: str = GP
    accepts_bad_checksums: bool = False  # its TLE with a wrong checksum are used


@dataclass(frozen=True)
class Provenance:
    """How bytes came over the network. Headers hold no cookies and no credentials."""

    url: str
    headers: dict[str, str] | None = None
    etag: str | None = None
    last_modified: str | None = None
    http_status: int | None = None


def store_snapshot(
    url: DatabaseUrl,
    data: bytes,
    *,
    file_name: str,
    source: str,
    epoch_day: date,
    received_at: datetime,
    kind: str = GP,
    provenance: Provenance | None = None,
    accept_bad_checksums: bool = False,
) -> StoredSnapshot:
    """Keep bytes for ever, as received on ``epoch_day``. Receiving the same bytes again that day changes nothing, but
    that wrong checksums in them may be accepted from then on.

    ValueError for a ``received_at`` without a time zone.
    """
    if received_at.tzinfo is None:
        raise ValueError(f"received_at {received_at.isoformat()} has no time zone")
    digest = sha256(data).digest()
    receipt = {
        "epoch_day": epoch_day,
        "source": storable(source),
        "file_name": printable(storable(file_name)),
        "sha256": digest,
        "received_at": received_at,
        "kind": kind,
        **_network(provenance),
    }
    with connect(url) as connection, connection.transaction():
        connection.execute(section("receipts/snapshots.sql", "append_content"), {"sha256": digest, "content": data})
        connection.execute(section("receipts/snapshots.sql", "number_in_order"))
        is_new = bool(connection.execute(section("receipts/snapshots.sql", "append_receipt"), receipt).fetchall())
        if accept_bad_checksums:
            connection.execute(section("receipts/snapshots.sql", "accept_checksums"), receipt)
        row = connection.execute(section("receipts/snapshots.sql", "receipt"), receipt).fetchall()[0]
    snapshot_id, source, file_name, received_at, kind, accepts = row
    return StoredSnapshot(
        snapshot_id, epoch_day, source, file_name, digest.hex(), received_at, data, is_new, kind, accepts
    )


def _network(provenance: Provenance | None) -> dict[str, Any]:
    if provenance is None:
        return dict.fromkeys(("url", "headers", "etag", "last_modified", "http_status"))
    headers = provenance.headers
    return asdict(provenance) | {
        "headers": None if headers is None else Jsonb({k: storable(v) for k, v in headers.items()})
    }


def read_snapshots(url: DatabaseUrl, epoch_day: date, kind: str = GP) -> list[StoredSnapshot]:
    """What was received of a kind on a day, in order of arrival; empty where nothing was."""
    with connect(url) as connection:
        rows = connection.execute(
            section("receipts/snapshots.sql", "of_day"), {"epoch_day": epoch_day, "kind": kind}, binary=True
        )
        return [
            StoredSnapshot(
                snapshot_id, epoch_day, source, file_name, digest.hex(), received_at, content, False, kind, accepts
            )
            for snapshot_id, source, file_name, digest, received_at, content, accepts in rows
        ]


def read_received(url: DatabaseUrl, received_at: datetime, kind: str, source: str, file_name: str) -> bytes | None:
    """The bytes with a receipt of that kind and moment, where there are several the one of that source and file; None
    where there is none."""
    receipt = {"received_at": received_at, "kind": kind, "source": source, "file_name": file_name}
    with connect(url) as connection:
        row = connection.execute(section("receipts/snapshots.sql", "received_at"), receipt, binary=True).fetchone()
        return bytes(row[0]) if row else None


def read_catalog_snapshots(url: DatabaseUrl, epoch_day: date) -> list[StoredSnapshot]:
    """The snapshots that make the day's slice ``raw_tle_snapshots``: GP, then supplemental GP, by arrival."""
    return [snapshot for kind in CATALOGUES for snapshot in read_snapshots(url, epoch_day, kind)]


def read_records(url: DatabaseUrl, snapshot_id: int, spans: RecordSpans) -> list[bytes]:
    """The bytes of records of a snapshot as received. Of plain content only they are read, of packed content all.
    KeyError where there is no such snapshot."""
    with connect(url) as connection:
        return records_of(connection, snapshot_id, spans)


def first_day_with_data(url: DatabaseUrl, not_before: date) -> date | None:
    """The first day from ``not_before`` on for which something was received or computed; None where there is none."""
    with connect(url) as connection:
        row = connection.execute(
            section("receipts/snapshots.sql", "first_day_with_data"), {"not_before": not_before}
        ).fetchone()
        return row[0] if row else None


def snapshot_ids(url: DatabaseUrl, epoch_day: date) -> list[int]:
    """Ids of the same snapshots, ascending."""
    with connect(url) as connection:
        rows = connection.execute(section("receipts/snapshots.sql", "ids_of_day"), {"epoch_day": epoch_day})
        return [snapshot_id for (snapshot_id,) in rows]


def unread_days(
    connection: psycopg.Connection, kinds: Sequence[str], first: date | None = None, end: date | None = None
) -> list[date]:
    """Days, from ``first`` on and before ``end``, for which something of these kinds was received that no run has read
    yet, oldest first."""
    given = {"kinds": list(kinds), "first": first, "end": end}
    return [day for (day,) in connection.execute(section("receipts/snapshots.sql", "unread_days"), given)]


def epoch_of_content(epochs_us: Int64) -> datetime:
    """Of when content is, by its (n,) epochs, n > 0: every catalogue has a few of the future and many old ones."""
    return from_us(int(np.quantile(epochs_us, AGE_SHARE, method="inverted_cdf")))
