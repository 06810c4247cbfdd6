"""Slice ``conjunction_candidates(D, k)``."""

from __future__ import annotations

import psycopg
from psycopg import sql

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import Candidates
from ssa_pipeline.storage.binary_copy import Column, copy_in, copy_out
from ssa_pipeline.storage.named_sql import section

ASSET = "conjunction_candidates"
TABLES = ("screening.conjunction_candidate",)
# column -> (kind, field of Candidates)
_FIELDS = {
    "norad_id_1": ("int8", "norad_id_1"),
    "norad_id_2": ("int8", "norad_id_2"),
    "step_start": ("timestamptz", "step_start_us"),
    "step_end": ("timestamptz", "step_end_us"),
    "approx_miss_km": ("float8", "approx_miss_km"),
    "approx_speed_km_s": ("float8", "approx_speed_km_s"),
    "is_slow": ("bool", "is_slow"),
}


def row_count(value: Candidates) -> int:
    return len(value)


def rows_read(_connection: psycopg.Connection, _key: SliceKey, value: Candidates) -> int:
    return row_count(value)


def check(key: SliceKey, _value: Candidates) -> None:
    key.window_us()  # the slice of a lead day, not of a whole epoch day


def delete(connection: psycopg.Connection, key: SliceKey) -> None:
    connection.execute(
        "DELETE FROM screening.conjunction_candidate WHERE epoch_day = %s AND lead_day = %s",
        [key.epoch_day, key.lead_day],
    )


def write(connection: psycopg.Connection, key: SliceKey, value: Candidates, _log_id: int) -> None:
    columns = [
        Column("epoch_day", "date", key.epoch_day),
        Column("lead_day", "int2", key.lead_day),
        *(Column(name, kind, getattr(value, field)) for name, (kind, field) in _FIELDS.items()),
    ]
    copy_in(connection, sql.Identifier("screening", "conjunction_candidate"), columns, len(value))


def read(connection: psycopg.Connection, key: SliceKey) -> Candidates:
    kinds = {name: kind for name, (kind, _) in _FIELDS.items()}
    params = {"epoch_day": key.epoch_day, "lead_day": key.lead_day}
    columns = copy_out(connection, section("slices/screening_slices.sql", "conjunction_candidates"), params, kinds)
    return Candidates(**{field: columns[name] for name, (_, field) in _FIELDS.items()})
