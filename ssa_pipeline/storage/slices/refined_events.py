"""Slice ``refined_events(D, k)``: events with the element sets from which they were computed."""

from __future__ import annotations

import numpy as np
import psycopg

from ssa_pipeline.chain.links import REFINED_EVENTS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import Events, Int64
from ssa_pipeline.storage.binary_copy import Column, copy_in, copy_out
from ssa_pipeline.storage.errors import InputVersionError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.codec import Codec

# column -> (kind, field of Events), fixed kinds first
_FIELDS = {
    "norad_id_1": ("int8", "norad_id_1"),
    "norad_id_2": ("int8", "norad_id_2"),
    "tca_utc": ("timestamptz", "tca_us"),
    "miss_distance_km": ("float8", "miss_distance_km"),
    "relative_speed_km_s": ("float8", "relative_speed_km_s"),
    "miss_r_km": ("float8", "miss_r_km"),
    "miss_t_km": ("float8", "miss_t_km"),
    "miss_n_km": ("float8", "miss_n_km"),
    "relative_velocity_r_km_s": ("float8", "relative_velocity_r_km_s"),
    "relative_velocity_t_km_s": ("float8", "relative_velocity_t_km_s"),
    "relative_velocity_n_km_s": ("float8", "relative_velocity_n_km_s"),
    "approach_angle_deg": ("float8", "approach_angle_deg"),
    "latitude_deg": ("float8", "latitude_deg"),
    "longitude_deg": ("float8", "longitude_deg"),
    "altitude_km": ("float8", "altitude_km"),
    "age_1_days": ("float8", "age_1_days"),
    "age_2_days": ("float8", "age_2_days"),
    "epoch_1_utc": ("timestamptz", "epoch_1_us"),
    "epoch_2_utc": ("timestamptz", "epoch_2_us"),
    "start_utc": ("timestamptz", "start_us"),
    "end_utc": ("timestamptz", "end_us"),
    "n_minima": ("int8", "n_minima"),
    "below_threshold_s": ("float8", "below_threshold_s"),
    "n_passages": ("int8", "n_passages"),
    "event_class": ("text", "event_class"),
    "flags": ("text", "flags"),
}


class RefinedEventsCodec(Codec[Events]):
    asset = REFINED_EVENTS
    replaced = ("screening.refined_event",)

    def row_count(self, value: Events, /) -> int:
        return len(value)

    def check(self, key: SliceKey, value: Events, /) -> None:
        start_us, end_us = key.window_us()
        outside = (value.tca_us < start_us) | (value.tca_us >= end_us)
        if outside.any():
            raise ValueError(f"{int(outside.sum())} events have their TCA outside the slice {key}")

    def write(self, connection: psycopg.Connection, key: SliceKey, value: Events, log_id: int, /) -> None:
        fixed = {name: entry for name, entry in _FIELDS.items() if entry[0] != "text"}
        catalog = _catalog(connection, key)
        columns = [
            Column("epoch_day", "date", key.epoch_day),
            Column("lead_day", "int2", key.lead_day),
            Column("log_id", "int8", log_id),
            Column("element_set_id_1", "int8", _element_set_ids(key, catalog, value.norad_id_1, value.epoch_1_us)),
            Column("element_set_id_2", "int8", _element_set_ids(key, catalog, value.norad_id_2, value.epoch_2_us)),
            *(Column(name, kind, getattr(value, field)) for name, (kind, field) in fixed.items()),
            Column("event_class", "text", [str(word) for word in value.event_class]),
            Column("flags", "text", value.flags.tolist()),
        ]
        copy_in(connection, self.table, columns, len(value))

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> Events:
        kinds = {name: kind for name, (kind, _) in _FIELDS.items()}
        params = {"epoch_day": key.epoch_day, "lead_day": key.lead_day}
        columns = copy_out(connection, section("slices/screening_slices.sql", self.asset), params, kinds)
        fields = {field: columns[name] for name, (_, field) in _FIELDS.items()}
        for name in ("event_class", "flags"):
            fields[name] = np.array(fields[name], dtype=object)
        return Events(**fields)


def _catalog(connection: psycopg.Connection, key: SliceKey) -> dict[str, Int64]:
    kinds = {"norad_id": "int8", "element_set_id": "int8", "epoch": "timestamptz"}
    params = {"epoch_day": key.epoch_day, "lead_day": key.lead_day}
    return copy_out(connection, section("slices/screening_slices.sql", "membership"), params, kinds)


def _element_set_ids(key: SliceKey, catalog: dict[str, Int64], norad_id: Int64, epoch_us: Int64) -> Int64:
    """The catalogue's element set of each object; its epoch must be the one that the event was computed from."""
    if not len(norad_id):
        return np.empty(0, dtype=np.int64)
    row = np.searchsorted(catalog["norad_id"], norad_id)
    row = np.minimum(row, max(len(catalog["norad_id"]) - 1, 0))
    is_known = np.zeros(len(norad_id), dtype=np.bool_)
    if len(catalog["norad_id"]):
        is_known = (catalog["norad_id"][row] == norad_id) & (catalog["epoch"][row] == epoch_us)
    if not is_known.all():
        unknown = int(norad_id[~is_known][0])
        raise InputVersionError(
            f"{key} has an event of object {unknown} with another element set than clean_catalog of {key.epoch_day} "
            "gives that object: materialise ephemeris_chunks and what follows of this partition again"
        )
    return np.asarray(catalog["element_set_id"][row])
