"""How commands print values: as text, as CSV, as JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import typer

from ssa_pipeline.core.outside_text import for_csv, for_json


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def as_text(value: Any) -> str:
    """A value as files have it: UTC with a Z, every digit of a number."""
    if isinstance(value, datetime):
        from ssa_pipeline.core.time import format_utc, to_us

        return format_utc(to_us(value))
    if isinstance(value, float):
        return repr(value)
    return str(value)


def to_second(moment: datetime | None) -> str | None:
    """UTC to the second with a Z, for JSON and lines that need no more; None where there is none."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def as_cell(value: Any) -> str:
    """``as_text`` for CSV: nothing where there is no value, no text that a spreadsheet takes for a formula."""
    if value is None:
        return ""
    return for_csv(value) if isinstance(value, str) else as_text(value)


def print_csv(rows: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """A head line and the rows; nothing between two commas where there is no value."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([as_cell(row[name]) for name in columns] for row in rows)


def plain(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for JSON: numbers and null as they are, everything else as text."""
    return [{k: v if v is None or isinstance(v, (int, float)) else as_text(v) for k, v in r.items()} for r in rows]


def print_json(value: Any) -> None:
    typer.echo(for_json(value))


def print_json_with_rows(facts: Mapping[str, Any], lists: Iterable[tuple[str, Iterable[dict[str, Any]]]]) -> None:
    """One JSON object: the facts, then lists of rows that are printed while they are made; a row a line."""
    out = sys.stdout
    out.write("{")
    out.write(",".join(f"\n {for_json(k, indent=None)}: {for_json(v, indent=None)}" for k, v in facts.items()))
    for name, rows in lists:
        out.write(f",\n {for_json(name, indent=None)}: [")
        joint = "\n  "
        for row in rows:
            out.write(joint + for_json(plain([row])[0], indent=None))
            joint = ",\n  "
        out.write("\n ]")
    out.write("\n}\n")
