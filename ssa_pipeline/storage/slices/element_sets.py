"""Element sets in ``catalog.element_set``: content-addressed, append-only."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import psycopg

from ssa_pipeline.core.catalog.element_set_key import element_set_keys
from ssa_pipeline.core.records import ElementSets, Int64, Text
from ssa_pipeline.core.time import from_us
from ssa_pipeline.storage.named_sql import section

# Column of the table -> kind for binary COPY, in the order of queries: fixed kinds, then texts.
ELEMENT_KINDS = {
    "norad_id": "int8",
    "epoch": "timestamptz",
    "mean_motion_rev_per_day": "float8",
    "eccentricity": "float8",
    "inclination_deg": "float8",
    "raan_deg": "float8",
    "arg_perigee_deg": "float8",
    "mean_anomaly_deg": "float8",
    "bstar": "float8",
    "mean_motion_dot": "float8",
    "mean_motion_ddot": "float8",
    "element_set_no": "int8",
    "rev_at_epoch": "int8",
}
TEXT_KINDS = {"object_name": "text", "object_id": "text", "classification": "text"}
_ROWS_PER_INSERT = 5_000


def content_keys(element_sets: ElementSets) -> list[bytes]:
    """32 bytes per row over everything the record says. Wider than ``element_set_keys``, which is about the orbit
    alone: names and numbers must come back as received too, whoever sent the same orbit before."""
    rest = zip(
        element_set_keys(element_sets),
        element_sets.object_name.tolist(),
        element_sets.object_id.tolist(),
        element_sets.classification.tolist(),
        element_sets.element_set_no.tolist(),
        element_sets.rev_at_epoch.tolist(),
        strict=True,
    )
    return [sha256(key + "\0".join(map(str, words)).encode()).digest() for key, *words in rest]


def store_element_sets(connection: psycopg.Connection, element_sets: ElementSets) -> Int64:
    """Append those that are not there yet; returns ``element_set_id`` of every row, shape (n,)."""
    keys = content_keys(element_sets)
    with connection.transaction():  # the question locks the partitions: none is made before the rows are in theirs
        known = _ids(connection, element_sets, keys)
        first_row = {key: row for row, key in reversed(list(enumerate(keys))) if key not in known}
        if first_row:
            _insert(connection, element_sets, sorted(first_row.items()))
            rows = np.array(list(first_row.values()), dtype=np.int64)
            known |= _ids(connection, element_sets.take(rows), list(first_row))
    return np.array([known[key] for key in keys], dtype=np.int64)


def from_columns(columns: dict[str, Any]) -> ElementSets:
    """Element sets from the columns of a query over ELEMENT_KINDS, TEXT_KINDS and source file and line."""
    numbers = {name: columns[name] for name in ELEMENT_KINDS if name != "epoch"}
    return ElementSets(
        **numbers,
        epoch_us=columns["epoch"],
        object_name=text(columns["object_name"]),
        object_id=text(columns["object_id"]),
        classification=text(columns["classification"]),
        source_file=text(columns["source_file"]),
        source_line=columns["source_line"],
    )


def text(values: list[str]) -> Text:
    """A column of text, shape (n,)."""
    column: Text = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _ids(connection: psycopg.Connection, sets: ElementSets, keys: list[bytes]) -> dict[bytes, int]:
    """Those that are stored, asked year by year: a key says nothing of the partition that may hold it."""
    found: dict[bytes, int] = {}
    years = sets.epoch_us.astype("datetime64[us]").astype("datetime64[Y]")
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        given = {
            "keys": [keys[row] for row in rows],
            "first": from_us(sets.epoch_us[rows].min()),
            "last": from_us(sets.epoch_us[rows].max()),
        }
        found |= dict(
            connection.execute(section("slices/catalog_slices.sql", "element_set_ids"), given, binary=True).fetchall()
        )
    return found


def _insert(connection: psycopg.Connection, sets: ElementSets, new: list[tuple[bytes, int]]) -> None:
    """``new`` is sorted by key, so that two writers of the same sets wait for each other in one order."""
    for start in range(0, len(new), _ROWS_PER_INSERT):
        part = new[start : start + _ROWS_PER_INSERT]
        rows = sets.take(np.array([row for _, row in part], dtype=np.int64))
        columns: dict[str, list[Any]] = {
            name: getattr(rows, name).tolist() for name in ELEMENT_KINDS if name != "epoch"
        }
        columns |= {name: getattr(rows, name).tolist() for name in TEXT_KINDS}
        columns |= {"content_key": [key for key, _ in part], "epoch": [from_us(us) for us in rows.epoch_us.tolist()]}
        connection.execute(section("slices/catalog_slices.sql", "append_element_sets"), columns)
