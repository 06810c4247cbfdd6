"""Column schemas for the UI, told from the records themselves: one contract, units from the naming law."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dagster import TableColumn, TableSchema

# Longest suffix first: `_km_s2` is not `_s2`.
_UNITS = {
    "_km_s2": "km/s²",
    "_km_s": "km/s",
    "_km": "km",
    "_deg": "degrees",
    "_days": "days",
    "_rev_per_day": "revolutions per day",
    "_us": "microseconds of UTC since 1970-01-01T00:00:00Z",
    "_dot": "revolutions per day²",
    "_ddot": "revolutions per day³",
    "bstar": "1/earth radii",
}
_TYPES = {"Int64": "bigint", "Float64": "double", "Text": "text", "NDArray[np.bool_]": "boolean", "int": "bigint"}


def column_schema(record: type[Any]) -> TableSchema:
    """One column per field of a record of ``core.records``."""
    return TableSchema(
        columns=[
            TableColumn(name=column.name, type=_TYPES.get(str(column.type), "bytes"), description=_unit(column.name))
            for column in fields(record)
        ]
    )


def _unit(name: str) -> str | None:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), None)
