"""Records of the storage layer that are not records of the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Self

import numpy as np

from ssa_pipeline.core.records import GP, ElementSets, Int64, Receipts, RecordSpans, RejectedRecord


@dataclass(frozen=True)
class ParsedSnapshot:
    """What one snapshot holds, for ``ReceivedDay.from_parsed``."""

    snapshot_id: int
    element_sets: ElementSets
    rejected: list[RejectedRecord]
    source: str = "file"
    kind: str = GP
    spans: RecordSpans | None = None  # None: not known


@dataclass(frozen=True)
class ReceivedDay:
    """What was received on ``epoch_day`` (as written) or up to its end (as read, see
    ``storage.slices.raw_tle_snapshots``). ``receipts`` has one row per element set,
    ``rejected_snapshot_id`` one value per rejected record."""

    epoch_day: date
    element_sets: ElementSets
    receipts: Receipts
    rejected: list[RejectedRecord]
    rejected_snapshot_id: Int64
    held_days: list[date] = field(default_factory=list)  # as read: days before of which nothing is carried over

    @classmethod
    def from_parsed(cls, epoch_day: date, parts: Sequence[ParsedSnapshot]) -> Self:
        """From the day's snapshots."""
        ids = [part.snapshot_id for part in parts]
        receipts = [
            Receipts.alike(len(part.element_sets), epoch_day, part.source, part.kind, part.snapshot_id, part.spans)
            for part in parts
        ]
        return cls(
            epoch_day,
            ElementSets.concat([part.element_sets for part in parts]) if parts else ElementSets.empty(),
            Receipts.concat(receipts) if parts else Receipts.alike(0, epoch_day),
            [record for part in parts for record in part.rejected],
            np.repeat(ids, [len(part.rejected) for part in parts]).astype(np.int64),
        )
