"""Slice ``raw_tle_snapshots(D)``: which records of the day's snapshots carried which element sets, and which records
are not usable. Reading it for day D answers "what has been received up to the end of D".

The answer holds every set of D's own snapshots, one that a source sent again later on D once. Of earlier days it
holds, per object, at most OLDER_SETS_PER_OBJECT GP sets, the newest by epoch that D did not repeat and that were not
too far ahead when received, with epochs within LOOK_BACK_DAYS before D: the set that an object without a new one
keeps, and some to fall back on and to compare with; all of them where none of these can be right, or all have one
epoch; and of sets with epochs after D the nearest LATER_SETS_PER_OBJECT. None of them is of a day that the completeness
gate holds back. Of supplemental sets it holds, apart from those, as many of the SUPPLEMENTAL_DAYS before, and all where
a release has several of an object. Rows are ordered by object, epoch and content, so the same bytes give the same
answer in every database.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from ssa_pipeline.chain.links import RAW_TLE_SNAPSHOTS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.catalog.faults import EPOCH_ROUNDING_US, without_usable_set
from ssa_pipeline.core.records import GP, MICROSECONDS_PER_DAY, ElementSets, Int64, Receipts, RecordSpans
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.messages.catalog import has_wrong_checksum, is_plain, record_bytes
from ssa_pipeline.messages.packed import START_BYTES
from ssa_pipeline.messages.text import BOM
from ssa_pipeline.storage.binary_copy import Column, copy_in, copy_out
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.codec import Codec
from ssa_pipeline.storage.slices.element_sets import (
    ELEMENT_KINDS,
    TEXT_KINDS,
    from_columns,
    store_element_sets,
    text,
)
from ssa_pipeline.storage.slices.records import ReceivedDay
from ssa_pipeline.storage.slices.rejected_records import read_rejected, storable, write_rejected

LOOK_BACK_DAYS = 120
SUPPLEMENTAL_DAYS = 3  # ephemerides of operators reach no further
OLDER_SETS_PER_OBJECT = 4  # two sources may spell each epoch their own way
LATER_SETS_PER_OBJECT = 16  # as segments of two weeks
_EVERY = 1_000_000


class RawTleSnapshotsCodec(Codec[ReceivedDay]):
    asset = RAW_TLE_SNAPSHOTS
    replaced = ("catalog.sighting",)
    shared = ("catalog.element_set", "catalog.rejected_record")

    def row_count(self, value: ReceivedDay, /) -> int:
        return len(value.element_sets)

    def rows_read(self, connection: psycopg.Connection, key: SliceKey, _value: ReceivedDay, /) -> int:
        """Of the day itself: the value holds sets of earlier days too, and what a source repeated once."""
        row = connection.execute(
            "SELECT count(*) FROM catalog.sighting WHERE epoch_day = %s", [key.epoch_day]
        ).fetchone()
        return int(row[0]) if row else 0

    def check(self, key: SliceKey, value: ReceivedDay, /) -> None:
        if value.epoch_day != key.epoch_day:
            raise ValueError(f"what was received on {value.epoch_day} is not the slice {key}")

    def write(self, connection: psycopg.Connection, key: SliceKey, value: ReceivedDay, _log_id: int, /) -> None:
        ids = store_element_sets(connection, value.element_sets)
        receipts = value.receipts
        columns = [
            Column("epoch_day", "date", key.epoch_day),
            Column("snapshot_id", "int8", receipts.snapshot_id),
            Column("source_line", "int8", value.element_sets.source_line),
            Column("element_set_id", "int8", ids),
            Column("byte_start", "int8", receipts.byte_start),
            Column("byte_count", "int8", receipts.byte_count),
            Column("member", "text", [storable(name) for name in receipts.member]),
        ]
        copy_in(connection, self.table, columns, len(ids))
        write_rejected(connection, key.epoch_day, self.asset, value.rejected, list(value.rejected_snapshot_id.tolist()))

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> ReceivedDay:
        for plan in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            # By index only. Statistics lag behind the day's write: the plan then chosen took 89 s where this takes 1.
            connection.execute("SELECT set_config(%s, 'off', true)", [f"enable_{plan}"])
        held_days = read_held_days(connection, key.epoch_day)
        sets, receipts = _received(connection, key.epoch_day, held_days, OLDER_SETS_PER_OBJECT)
        short = _too_few(sets, receipts, key.epoch_day)
        if len(short):
            others = np.flatnonzero(~np.isin(sets.norad_id, short))
            every_set, every_receipt = _received(connection, key.epoch_day, held_days, _EVERY, short.tolist())
            sets = ElementSets.concat([sets.take(others), every_set])
            receipts = Receipts.concat([receipts.take(others), every_receipt])
            order = np.argsort(sets.norad_id, kind="stable")
            sets, receipts = sets.take(order), receipts.take(order)
        receipts = replace(receipts, has_bad_checksum=_bad_checksums(connection, receipts))
        rejected = read_rejected(connection, key.epoch_day, self.asset)
        return ReceivedDay(
            key.epoch_day,
            sets,
            receipts,
            [record for _, record in rejected],
            np.array([snapshot_id for snapshot_id, _ in rejected], dtype=np.int64),
            held_days,
        )


def _bad_checksums(connection: psycopg.Connection, receipts: Receipts) -> NDArray[np.bool_]:
    """Which sets were accepted with a wrong checksum, shape (n,): their bytes say so."""
    found = np.zeros(len(receipts), dtype=np.bool_)
    given = {"snapshot_ids": np.unique(receipts.snapshot_id).tolist()}
    for (snapshot_id,) in connection.execute(section("receipts/snapshots.sql", "accepted_checksums"), given).fetchall():
        rows = np.flatnonzero((receipts.snapshot_id == snapshot_id) & (receipts.byte_count > 0))
        records = records_of(connection, snapshot_id, receipts.take(rows))
        found[rows] = [has_wrong_checksum(record) for record in records]
    return found


def read_held_days(connection: psycopg.Connection, epoch_day: date) -> list[date]:
    """Days before that the completeness gate holds back, of those looked at."""
    given = {"epoch_day": epoch_day, "look_back_days": LOOK_BACK_DAYS + 16}
    row = connection.execute(section("receipts/release_gate.sql", "held_days"), given).fetchone()
    return list(row[0]) if row else []


def _too_few(sets: ElementSets, receipts: Receipts, epoch_day: date) -> Int64:
    """Objects of which more than the OLDER_SETS_PER_OBJECT are needed: to find one that can be right, or one before."""
    is_earlier = (receipts.kind == GP) & (receipts.received_day < np.datetime64(epoch_day))
    rows = np.flatnonzero(is_earlier & (sets.epoch_us < day_start_us(epoch_day) + MICROSECONDS_PER_DAY))
    rows = rows[np.lexsort((sets.epoch_us[rows], sets.norad_id[rows]))]
    norad_ids, first, counts = np.unique(sets.norad_id[rows], return_index=True, return_counts=True)
    has_more = counts >= OLDER_SETS_PER_OBJECT
    span_us = sets.epoch_us[rows[first + counts - 1]] - sets.epoch_us[rows[first]]
    up_to_day = np.flatnonzero(sets.epoch_us < day_start_us(epoch_day) + MICROSECONDS_PER_DAY)
    lost = without_usable_set(sets.take(up_to_day), receipts.take(up_to_day), norad_ids[has_more])
    return np.union1d(lost, norad_ids[has_more & (span_us < EPOCH_ROUNDING_US)])


def _received(
    connection: psycopg.Connection,
    epoch_day: date,
    held_days: list[date],
    older_sets: int,
    norad_ids: list[int] | None = None,
) -> tuple[ElementSets, Receipts]:
    """With at most ``older_sets`` older sets per object; of all objects, or of some."""
    params: dict[str, Any] = {
        "epoch_day": epoch_day,
        "look_back_days": LOOK_BACK_DAYS,
        "held_days": held_days,
        "older_sets": older_sets,
        "later_sets": LATER_SETS_PER_OBJECT,
        "supplemental_days": SUPPLEMENTAL_DAYS,
        "supplemental_sets": OLDER_SETS_PER_OBJECT,
        "only": norad_ids,
    }
    kinds = {"snapshot_id": "int8", "source_line": "int8", "byte_start": "int8", "byte_count": "int8"}
    kinds |= {**ELEMENT_KINDS, "received_day": "date", **TEXT_KINDS}
    kinds |= {"source_file": "text", "source": "text", "kind": "text", "member": "text", "sources": "text"}
    columns = copy_out(connection, section("slices/catalog_slices.sql", "received_up_to"), params, kinds)
    receipts = Receipts(
        text(columns["member"]),
        columns["byte_start"],
        columns["byte_count"],
        np.zeros(len(columns["byte_count"]), dtype=np.bool_),
        text(columns["source"]),
        text(columns["kind"]),
        columns["received_day"].astype("datetime64[D]"),
        columns["snapshot_id"],
        text(columns["sources"]),
    )
    return from_columns(columns), receipts


def records_of(connection: psycopg.Connection, snapshot_id: int, spans: RecordSpans) -> list[bytes]:
    """The bytes of records of a snapshot as received. Of plain content only they are read, of packed content all.
    KeyError where there is no such snapshot."""
    query = {"snapshot_id": snapshot_id, "start_bytes": START_BYTES}
    start = connection.execute(section("receipts/snapshots.sql", "start_of_content"), query, binary=True).fetchone()
    if start is None:
        raise KeyError(snapshot_id)
    if not is_plain(bytes(start[0])):
        content = connection.execute(section("receipts/snapshots.sql", "content"), query, binary=True).fetchone()
        return record_bytes(content[0] if content else b"", spans)
    skipped = len(BOM) if start[0].startswith(BOM) else 0
    query |= {"starts": (spans.byte_start + skipped).tolist(), "counts": spans.byte_count.tolist()}
    rows = connection.execute(section("receipts/snapshots.sql", "records"), query, binary=True)
    return [bytes(record) for (record,) in rows]
