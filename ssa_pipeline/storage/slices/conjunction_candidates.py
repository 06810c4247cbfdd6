"""Slice ``conjunction_candidates(D, k)``."""

from __future__ import annotations

import psycopg

from ssa_pipeline.chain.links import CONJUNCTION_CANDIDATES
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import Candidates
from ssa_pipeline.storage.binary_copy import Column, copy_in, copy_out
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.codec import Codec

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


class ConjunctionCandidatesCodec(Codec[Candidates]):
    asset = CONJUNCTION_CANDIDATES
    replaced = ("screening.conjunction_candidate",)

    def row_count(self, value: Candidates, /) -> int:
        return len(value)

    def check(self, key: SliceKey, _value: Candidates, /) -> None:
        key.window_us()  # the slice of a lead day, not of a whole epoch day

    def write(self, connection: psycopg.Connection, key: SliceKey, value: Candidates, _log_id: int, /) -> None:
        columns = [
            Column("epoch_day", "date", key.epoch_day),
            Column("lead_day", "int2", key.lead_day),
            *(Column(name, kind, getattr(value, field)) for name, (kind, field) in _FIELDS.items()),
        ]
        copy_in(connection, self.table, columns, len(value))

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> Candidates:
        kinds = {name: kind for name, (kind, _) in _FIELDS.items()}
        params = {"epoch_day": key.epoch_day, "lead_day": key.lead_day}
        columns = copy_out(connection, section("slices/screening_slices.sql", self.asset), params, kinds)
        return Candidates(**{field: columns[name] for name, (_, field) in _FIELDS.items()})
