"""Records of the storage layer that are not records of the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np

from ssa_pipeline.core.records import ElementSets, Int64, RejectedRecord


@dataclass(frozen=True)
class ReceivedDay:
    """What was received on ``epoch_day`` (as written) or up to its end (as read, see
    ``storage.raw_tle_snapshots``). ``snapshot_id`` has one value per element set, ``rejected_snapshot_id`` one per
    rejected record."""

    epoch_day: date
    element_sets: ElementSets
    snapshot_id: Int64
    rejected: list[RejectedRecord]
    rejected_snapshot_id: Int64

    @classmethod
    def from_parsed(cls, epoch_day: date, parts: Sequence[tuple[int, ElementSets, list[RejectedRecord]]]) -> Self:
        """From the day's snapshots: (snapshot_id, element sets, rejected records) of each."""
        return cls(
            epoch_day,
            ElementSets.concat([sets for _, sets, _ in parts]) if parts else ElementSets.empty(),
            np.repeat([i for i, _, _ in parts], [len(sets) for _, sets, _ in parts]).astype(np.int64),
            [record for _, _, rejected in parts for record in rejected],
            np.repeat([i for i, _, _ in parts], [len(rejected) for _, _, rejected in parts]).astype(np.int64),
        )
