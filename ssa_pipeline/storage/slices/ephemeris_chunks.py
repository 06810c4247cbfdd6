"""Slice ``ephemeris_chunks(D, k)``: one row per object, its nodes as bytes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import psycopg

from ssa_pipeline.chain.links import EPHEMERIS_CHUNKS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import EphemerisChunks, Int32
from ssa_pipeline.core.versions import CHUNK_FORMAT_VERSION
from ssa_pipeline.storage.binary_copy import Column, copy_in, copy_out
from ssa_pipeline.storage.errors import ChunkFormatError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.codec import Codec

# column -> (kind, field of EphemerisChunks)
_FIELDS = {
    "norad_id": ("int8", "norad_id"),
    "status": ("int2", "status"),
    "spacing_us": ("int8", "spacing_us"),
    "first_node": ("timestamptz", "first_node_us"),
    "node_count": ("int4", "node_count"),
    "scale_km": ("float8", "scale_km"),
    "error_bound_km": ("float8", "error_bound_km"),
    "acceleration_bound_km_s2": ("float8", "acceleration_bound_km_s2"),
    "valid_from": ("timestamptz", "valid_from_us"),
    "valid_to": ("timestamptz", "valid_to_us"),
}
_BYTES_PER_NODE = 12


class EphemerisChunksCodec(Codec[EphemerisChunks]):
    asset = EPHEMERIS_CHUNKS
    replaced = ("screening.ephemeris_chunk",)

    def row_count(self, value: EphemerisChunks, /) -> int:
        return len(value)

    def check(self, key: SliceKey, value: EphemerisChunks, /) -> None:
        _demand_format(value.format_version, key)
        if (value.start_us, value.end_us) != key.window_us():
            raise ValueError(f"chunks over [{value.start_us}, {value.end_us}) µs do not cover the slice {key}")

    def write(self, connection: psycopg.Connection, key: SliceKey, value: EphemerisChunks, _log_id: int, /) -> None:
        data = memoryview(value.nodes_int32.astype("<i4", copy=False).tobytes())
        at = (value.offsets * 4).tolist()
        columns = [
            Column("epoch_day", "date", key.epoch_day),
            Column("lead_day", "int2", key.lead_day),
            Column("format_version", "int2", value.format_version),
            *(Column(name, kind, getattr(value, field)) for name, (kind, field) in _FIELDS.items()),
            Column("nodes", "bytea", [data[start:stop] for start, stop in pairwise(at)]),
        ]
        copy_in(connection, self.table, columns, len(value))

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> EphemerisChunks:
        columns = _columns(connection, key, self.asset, {"nodes": "bytea"})
        nodes = columns["nodes"]
        _demand_whole_nodes(key, [len(part) for part in nodes], columns["node_count"])
        return _chunks(key, columns, np.frombuffer(b"".join(nodes), dtype="<i4").astype(np.int32))


def read_brief(connection: psycopg.Connection, key: SliceKey) -> EphemerisChunks:
    """All but the nodes, which are nearly all of the bytes: ``nodes_int32`` is empty."""
    columns = _columns(connection, key, "ephemeris_chunks_without_nodes", {"nodes_length": "int4"})
    _demand_whole_nodes(key, columns["nodes_length"].tolist(), columns["node_count"])
    return _chunks(key, columns, np.empty(0, dtype=np.int32))


def _columns(connection: psycopg.Connection, key: SliceKey, query: str, last: dict[str, str]) -> dict[str, Any]:
    kinds = {"format_version": "int2", **{name: kind for name, (kind, _) in _FIELDS.items()}, **last}
    params = {"epoch_day": key.epoch_day, "lead_day": key.lead_day}
    columns = copy_out(connection, section("slices/screening_slices.sql", query), params, kinds)
    for version in np.unique(columns["format_version"]).tolist():
        _demand_format(version, key)
    return columns


def _chunks(key: SliceKey, columns: dict[str, Any], nodes_int32: Int32) -> EphemerisChunks:
    start_us, end_us = key.window_us()
    fields = {field: columns[name] for name, (_, field) in _FIELDS.items()}
    fields["status"] = fields["status"].astype(np.int64)
    fields["node_count"] = fields["node_count"].astype(np.int64)
    return EphemerisChunks(
        start_us=start_us,
        end_us=end_us,
        format_version=CHUNK_FORMAT_VERSION,
        nodes_int32=nodes_int32,
        **fields,
    )


def _demand_whole_nodes(key: SliceKey, byte_counts: list[int], node_count: Int32) -> None:
    if byte_counts != (node_count.astype(np.int64) * _BYTES_PER_NODE).tolist():
        raise ChunkFormatError(f"{key} has chunks whose bytes do not match their node count: {_REMEDY}")


_REMEDY = "materialise ephemeris_chunks of that partition again with this release"


def _demand_format(version: int, key: SliceKey) -> None:
    if version != CHUNK_FORMAT_VERSION:
        raise ChunkFormatError(
            f"{key} has chunk format version {version}, this release reads {CHUNK_FORMAT_VERSION}: {_REMEDY}"
        )
