"""Slice ``clean_catalog(D)``: membership (epoch day, object) -> element set, and what was not used."""

from __future__ import annotations

import numpy as np
import psycopg
from psycopg import sql

from ssa_pipeline.chain.links import CLEAN_CATALOG
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.catalog.records import Aliases, CleanCatalog, Handovers
from ssa_pipeline.core.records import Int64
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
from ssa_pipeline.storage.slices.rejected_records import read_rejected, storable, write_rejected


class CleanCatalogCodec(Codec[CleanCatalog]):
    asset = CLEAN_CATALOG
    replaced = ("screening.clean_catalog", "screening.segment_handover", "catalog.alias")
    shared = ("catalog.element_set", "catalog.rejected_record")

    def row_count(self, value: CleanCatalog, /) -> int:
        return len(value.element_sets)

    def check(self, key: SliceKey, value: CleanCatalog, /) -> None:
        if value.epoch_day != key.epoch_day:
            raise ValueError(f"the catalogue of {value.epoch_day} is not the slice {key}")

    def write(self, connection: psycopg.Connection, key: SliceKey, value: CleanCatalog, _log_id: int, /) -> None:
        sets = value.element_sets
        columns = [
            Column("epoch_day", "date", key.epoch_day),
            Column("norad_id", "int8", sets.norad_id),
            Column("element_set_id", "int8", store_element_sets(connection, sets)),
            Column("age_days", "float8", value.age_days),
            Column("is_forward_epoch", "bool", value.is_forward_epoch),
            Column("source_line", "int8", sets.source_line),
            Column("received_day", "date", value.received_day.astype(np.int64)),
            Column("source_file", "text", [storable(name) for name in sets.source_file]),
            Column("source", "text", [storable(name) for name in value.source]),
            Column("flags", "text", value.flags.tolist()),
        ]
        copy_in(connection, self.table, columns, len(sets))
        snapshot_ids = [snapshot_id or None for snapshot_id in value.rejected_snapshot_id.tolist()]
        write_rejected(connection, key.epoch_day, self.asset, value.rejected, snapshot_ids)
        _write_handovers(connection, key, value.handovers)
        _write_aliases(connection, key, value.aliases)

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> CleanCatalog:
        kinds = {"age_days": "float8", "is_forward_epoch": "bool", "source_line": "int8", **ELEMENT_KINDS}
        kinds |= {"received_day": "date", **TEXT_KINDS, "source_file": "text", "source": "text", "flags": "text"}
        columns = copy_out(
            connection, section("slices/catalog_slices.sql", self.asset), {"epoch_day": key.epoch_day}, kinds
        )
        rejected = read_rejected(connection, key.epoch_day, self.asset)
        return CleanCatalog(
            key.epoch_day,
            from_columns(columns),
            columns["age_days"],
            columns["is_forward_epoch"],
            [record for _, record in rejected],
            text(columns["flags"]),
            text(columns["source"]),
            columns["received_day"].astype("datetime64[D]"),
            np.array([snapshot_id or 0 for snapshot_id, _ in rejected], dtype=np.int64),
            read_aliases(connection, key),
            _read_handovers(connection, key),
        )


def _write_handovers(connection: psycopg.Connection, key: SliceKey, handovers: Handovers) -> None:
    sets = handovers.element_sets
    columns = [
        Column("epoch_day", "date", key.epoch_day),
        Column("lead_day", "int2", handovers.lead_day),
        Column("norad_id", "int8", sets.norad_id),
        Column("element_set_id", "int8", store_element_sets(connection, sets)),
        Column("epoch", "timestamptz", sets.epoch_us),
        Column("source_line", "int8", sets.source_line),
        Column("source_file", "text", [storable(name) for name in sets.source_file]),
    ]
    copy_in(connection, sql.Identifier("screening", "segment_handover"), columns, len(sets))


def _read_handovers(connection: psycopg.Connection, key: SliceKey) -> Handovers:
    kinds = {"lead_day": "int2", "source_line": "int8", **ELEMENT_KINDS, **TEXT_KINDS, "source_file": "text"}
    columns = copy_out(
        connection, section("slices/catalog_slices.sql", "handovers"), {"epoch_day": key.epoch_day}, kinds
    )
    return Handovers(columns["lead_day"].astype(np.int64), from_columns(columns))


def read_aliases(connection: psycopg.Connection, key: SliceKey) -> Aliases:
    """The pairs of a day, by the smaller number."""
    kinds = {"norad_id_1": "int8", "norad_id_2": "int8", "reason": "text"}
    columns = copy_out(connection, section("slices/catalog_slices.sql", "aliases"), {"epoch_day": key.epoch_day}, kinds)
    return Aliases(columns["norad_id_1"], columns["norad_id_2"], text(columns["reason"]))


def _write_aliases(connection: psycopg.Connection, key: SliceKey, aliases: Aliases) -> None:
    columns = [
        Column("epoch_day", "date", key.epoch_day),
        Column("norad_id_1", "int8", aliases.norad_id_1),
        Column("norad_id_2", "int8", aliases.norad_id_2),
        Column("reason", "text", aliases.reason.tolist()),
    ]
    copy_in(connection, sql.Identifier("catalog", "alias"), columns, len(aliases))


def read_object_ids(connection: psycopg.Connection, key: SliceKey) -> Int64:
    """The catalogue numbers of a day, ascending, shape (n,)."""
    query = section("slices/catalog_slices.sql", "object_ids")
    ids: Int64 = copy_out(connection, query, {"epoch_day": key.epoch_day}, {"norad_id": "int8"})["norad_id"]
    return ids
