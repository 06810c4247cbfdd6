"""What is said of a day's objects: the sets used, what was rejected, who else has their number, when segments change.

Plain records, for those who keep and show them: nothing here chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.records import Days, ElementSets, Float64, Int64, Mask, RejectedRecord, Text


@dataclass(frozen=True)
class Aliases:
    """Pairs of numbers that look like one object, sorted; every field has length m. ``norad_id_1`` is the smaller;
    ``reason`` says how near the two sets are, and when."""

    norad_id_1: Int64
    norad_id_2: Int64
    reason: Text

    def __len__(self) -> int:
        return len(self.norad_id_1)

    @classmethod
    def empty(cls) -> Aliases:
        """No pairs."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=object))


@dataclass(frozen=True)
class Handovers:
    """h times at which one segment of an object hands over to the next: from ``lead_day`` on the row of
    ``element_sets`` takes the place of the set used before. Sorted by lead day, then object."""

    lead_day: Int64
    element_sets: ElementSets

    def __len__(self) -> int:
        return len(self.lead_day)

    @classmethod
    def empty(cls) -> Handovers:
        """No segment hands over."""
        return cls(np.empty(0, dtype=np.int64), ElementSets.empty())

    def applied(self, element_sets: ElementSets, lead_day: int) -> ElementSets:
        """``element_sets`` of the first lead day, sorted by object, as they are on another one."""
        rows = np.flatnonzero(self.lead_day <= lead_day)
        if not len(rows):
            return element_sets
        newer = self.element_sets.take(rows)
        index = np.arange(len(element_sets))
        index[np.searchsorted(element_sets.norad_id, newer.norad_id)] = len(element_sets) + np.arange(len(newer))
        return ElementSets.concat([element_sets, newer]).take(index)

    def objects(self, lead_day: int) -> Int64:
        """Whose segment hands over when a lead day begins."""
        return np.asarray(self.element_sets.norad_id[self.lead_day == lead_day])


@dataclass(frozen=True)
class CleanCatalog:
    """``element_sets`` has one row per object, sorted by catalogue number, as they are on the first lead day;
    ``age_days`` and ``is_forward_epoch``, ``flags``, ``source`` and ``received_day`` have one value per row."""

    epoch_day: date
    element_sets: ElementSets
    age_days: Float64  # 00:00 UTC of epoch_day minus the element set's epoch; negative = epoch ahead
    is_forward_epoch: NDArray[np.bool_]  # the epoch lies after the end of epoch_day
    rejected: list[RejectedRecord]  # of the day's sets all others, of earlier ones those with a fault
    flags: Text  # blank-separated words (ObjectFlag), '' where there is none
    source: Text  # where the set came from, e.g. celestrak
    received_day: Days  # on which it was received last
    rejected_snapshot_id: Int64  # of each rejected record, 0 where there is none
    aliases: Aliases  # numbers that look like one object
    handovers: Handovers = field(default_factory=Handovers.empty)  # to sets that are used on later lead days

    def only(self, rows: Mask) -> CleanCatalog:
        """The catalogue of some of its objects, a mask of shape (n,)."""
        per_row = ("age_days", "is_forward_epoch", "flags", "source", "received_day")
        stays = np.isin(self.handovers.element_sets.norad_id, self.element_sets.norad_id[rows])
        return replace(
            self,
            element_sets=self.element_sets.take(rows),
            handovers=Handovers(self.handovers.lead_day[stays], self.handovers.element_sets.take(stays)),
            **{name: getattr(self, name)[rows] for name in per_row},
        )

    def sets_on(self, lead_day: int) -> ElementSets:
        """The sets used on a lead day; objects and their order are those of ``element_sets``."""
        return self.handovers.applied(self.element_sets, lead_day)
