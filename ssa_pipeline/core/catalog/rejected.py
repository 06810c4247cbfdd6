"""Why the sets that are not used are not: superseded, repeated, of another object; and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from ssa_pipeline.core.catalog.faults import Fault
from ssa_pipeline.core.catalog.shared_numbers import are_other_objects
from ssa_pipeline.core.records import Days, ElementSets, Int64, Mask, Receipts, RejectedRecord, RejectRule
from ssa_pipeline.core.time import format_utc, format_utc_array

_FINAL = frozenset({RejectRule.STALE, RejectRule.DECAYED})
# Nothing is wrong with such a set.
_NOT_NEEDED = frozenset({RejectRule.SUPERSEDED, RejectRule.DUPLICATE, RejectRule.SUPPLEMENTAL_NOT_USED})


def duplicate_faults(sets: ElementSets, is_duplicate: Mask) -> Iterator[tuple[int, Fault]]:
    """Row and fault of those that repeat an earlier row; the mask has shape (n,)."""
    for row in np.flatnonzero(is_duplicate).tolist():
        yield row, Fault(RejectRule.DUPLICATE, f"same object, epoch {format_utc(sets.epoch_us[row])} and elements")


def superseded_faults(
    sets: ElementSets, is_later: Mask, used: Int64, decided: set[int], faults: dict[int, Fault]
) -> dict[int, Fault]:
    """Everything not looked at is older than the set that decided (or of equal epoch and behind), or has a later epoch
    than is asked for."""
    is_left = np.ones(len(sets), dtype=np.bool_)
    is_left[used] = False
    is_left[list(decided)] = False
    rows = np.flatnonzero(is_left)
    if not len(rows):
        return {}
    final = np.array([row for row, fault in faults.items() if fault.rule in _FINAL], dtype=np.int64)
    final = final[~np.isin(sets.norad_id[final], sets.norad_id[used])]
    deciders = np.sort(np.concatenate([used, final]))
    decider = deciders[np.searchsorted(sets.norad_id[deciders], sets.norad_id[rows])]
    epochs = format_utc_array(sets.epoch_us[decider])
    return {
        row: Fault(RejectRule.SUPERSEDED, f"{'is for a later time; ' if later else ''}the set of {epoch} comes first")
        for row, later, epoch in zip(rows.tolist(), is_later[rows].tolist(), epochs, strict=True)
    }


def sharing_faults(sets: ElementSets, receipts: Receipts, used: Int64, superseded: Int64) -> dict[int, Fault]:
    """Of the superseded rows those that are of another object than the one whose set is used, under its number."""
    rows = superseded[np.isin(sets.norad_id[superseded], sets.norad_id[used])]
    by = used[np.searchsorted(sets.norad_id[used], sets.norad_id[rows])]
    same_day = receipts.received_day[rows] == receipts.received_day[by]
    same_file = np.asarray(sets.source_file[rows] == sets.source_file[by], dtype=np.bool_) & same_day
    same_file &= receipts.snapshot_id[rows] == receipts.snapshot_id[by]
    is_other = are_other_objects(sets.take(rows), sets.take(by), same_file, same_day)
    return {
        row: Fault(
            RejectRule.SHARED_NUMBER,
            f"{sets.object_name[row]!r} has the number {sets.norad_id[row]}, as has {sets.object_name[other]!r}, whose "
            "set is used: give each object a number of its own",
        )
        for row, other in zip(rows[is_other].tolist(), by[is_other].tolist(), strict=True)
    }


def rejected_rows(faults: dict[int, Fault], received_day: Days, epoch_day: date) -> Int64:
    """Rows with a fault, ascending: of the day's sets all, of earlier ones those with whom something is wrong."""
    is_of_day = received_day == np.datetime64(epoch_day)
    rows = (row for row, fault in faults.items() if is_of_day[row] or fault.rule not in _NOT_NEEDED)
    return np.array(sorted(rows), dtype=np.int64)


def rejected_records(
    sets: ElementSets, rows: Int64, faults: dict[int, Fault], raw: list[bytes]
) -> list[RejectedRecord]:
    """What is kept of the ``rows``, with their ``raw`` bytes in the same order."""
    left = sets.take(rows)
    return [
        RejectedRecord(file, line, faults[row].rule, faults[row].detail, record, norad_id, name)
        for row, record, file, line, norad_id, name in zip(
            rows.tolist(),
            raw,
            left.source_file.tolist(),
            left.source_line.tolist(),
            left.norad_id.tolist(),
            left.object_name.tolist(),
            strict=True,
        )
    ]
