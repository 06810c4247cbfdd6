"""The bundled catalogue, two consecutive days of the same objects, and element sets with fields changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np

from ssa_pipeline.core.records import GP, MICROSECONDS_PER_DAY, ElementSets, Receipts
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.places import BUNDLED, DATA

DAY_1, DAY_2 = date(2026, 8, 17), date(2026, 8, 18)
FILE_1, FILE_2 = DATA / "celestrak_part_20260817.tle", DATA / "celestrak_part_20260818.tle"


@cache
def bundled() -> ElementSets:
    """All sets of the bundled catalogue as read: for all who ask, so nobody writes into it."""
    return parse_catalog(BUNDLED.read_bytes(), BUNDLED.name).element_sets


@cache
def two_days() -> tuple[ElementSets, ElementSets]:
    first, second = (parse_catalog(path.read_bytes(), path.name).element_sets for path in (FILE_1, FILE_2))
    return first, second


def in_both() -> tuple[ElementSets, ElementSets]:
    """The objects that have a newer set on the second day, row by row."""
    first, second = two_days()
    ids = np.intersect1d(first.norad_id, second.norad_id)
    first, second = (sets.take(np.searchsorted(sets.norad_id, ids)) for sets in (first, second))
    is_newer = second.epoch_us > first.epoch_us
    return first.take(is_newer), second.take(is_newer)


def with_fields(sets: ElementSets, **fields: object) -> ElementSets:
    """The same value in every row, or one value per row."""
    n = len(sets)
    columns = {}
    for name, value in fields.items():
        column = np.empty(n, dtype=getattr(sets, name).dtype)
        column[:] = value
        columns[name] = column
    return replace(sets, **columns)


def later(sets: ElementSets, days: float) -> ElementSets:
    return replace(sets, epoch_us=sets.epoch_us + round(days * MICROSECONDS_PER_DAY))


def receipts(n: int, source: str = "celestrak", day: date = DAY_2, kind: str = GP, snapshot_id: int = 1) -> Receipts:
    return Receipts.alike(n, day, source, kind, snapshot_id)
