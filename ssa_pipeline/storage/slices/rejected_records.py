"""Rejected records of a slice in ``catalog.rejected_record``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from ssa_pipeline.core.records import RejectedRecord, RejectRule
from ssa_pipeline.storage.binary_copy import Column, copy_in
from ssa_pipeline.storage.named_sql import section

TABLE_NAME = "catalog.rejected_record"


def write_rejected(
    connection: psycopg.Connection,
    epoch_day: date,
    asset: str,
    rejected: list[RejectedRecord],
    snapshot_ids: list[int | None],
) -> None:
    """Replace the rejected records of one slice."""
    connection.execute("DELETE FROM catalog.rejected_record WHERE epoch_day = %s AND asset = %s", [epoch_day, asset])
    _copy(connection, epoch_day, asset, rejected, snapshot_ids, 0)


def append_rejected(
    connection: psycopg.Connection, epoch_day: date, kind: str, rejected: list[RejectedRecord], snapshot_id: int
) -> None:
    """Replace the rejected rows of one table (kind satcat, decay or tip); a day may have several."""
    given = {"epoch_day": epoch_day, "kind": kind}
    connection.execute(
        "DELETE FROM catalog.rejected_record WHERE epoch_day = %(epoch_day)s AND asset = %(kind)s "
        "AND snapshot_id = %(snapshot_id)s",
        given | {"snapshot_id": snapshot_id},
    )
    row = connection.execute(section("receipts/satcat.sql", "next_ordinal"), given).fetchone()
    first = 0 if row is None else int(row[0])
    _copy(connection, epoch_day, kind, rejected, [snapshot_id] * len(rejected), first)


def _copy(
    connection: psycopg.Connection,
    epoch_day: date,
    asset: str,
    rejected: list[RejectedRecord],
    snapshot_ids: Sequence[int | None],
    first_ordinal: int,
) -> None:
    columns = [
        Column("epoch_day", "date", epoch_day),
        Column("ordinal", "int8", first_ordinal + np.arange(len(rejected))),
        Column("source_line", "int8", np.array([r.source_line for r in rejected], dtype=np.int64)),
        Column("asset", "text", [asset] * len(rejected)),
        Column("source_file", "text", [storable(r.source_file) for r in rejected]),
        Column("rule", "text", [r.rule.value for r in rejected]),
        Column("detail", "text", [storable(r.detail) for r in rejected]),
        Column("raw", "bytea", [r.raw for r in rejected]),
        Column("snapshot_id", "int8?", snapshot_ids),
        Column("norad_id", "int8?", [r.norad_id for r in rejected]),
        Column("object_name", "text", [None if r.object_name is None else storable(r.object_name) for r in rejected]),
    ]
    copy_in(connection, sql.Identifier("catalog", "rejected_record"), columns, len(rejected))


def read_rejected(connection: psycopg.Connection, epoch_day: date, asset: str) -> list[tuple[Any, RejectedRecord]]:
    """(snapshot_id or None, record), in the order of writing."""
    rows = connection.execute(
        section("slices/catalog_slices.sql", "rejected_of_slice"),
        {"epoch_day": epoch_day, "asset": asset},
        binary=True,
    )
    return [
        (snapshot_id, RejectedRecord(file, line, RejectRule(rule), detail, raw, norad_id, name))
        for snapshot_id, file, line, rule, detail, raw, norad_id, name in rows
    ]


def storable(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor a lone surrogate, as of a file name that is not UTF-8; the record's exact
    bytes are in ``raw``."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
