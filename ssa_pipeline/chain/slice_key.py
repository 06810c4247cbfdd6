"""Which slice: the asset, its epoch day and lead day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ssa_pipeline.chain.links import DAILY_ASSETS
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY
from ssa_pipeline.core.time import day_start_us

WHOLE_DAY = -1  # how the tables spell "no lead day" (their keys cannot hold NULL)


@dataclass(frozen=True)
class SliceKey:
    """One slice of an asset; ``lead_day`` is None for assets of a whole epoch day."""

    asset: str
    epoch_day: date
    lead_day: int | None = None

    def __str__(self) -> str:
        lead_day = "" if self.lead_day is None else f"|{self.lead_day}"
        return f"{self.asset} {self.epoch_day}{lead_day}"

    @property
    def stored_lead_day(self) -> int:
        """As tables spell it: WHOLE_DAY for none."""
        return WHOLE_DAY if self.lead_day is None else self.lead_day

    def of(self, asset: str) -> SliceKey:
        """The slice of an upstream asset that this one is computed from."""
        return SliceKey(asset, self.epoch_day, None if asset in DAILY_ASSETS else self.lead_day)

    def window_us(self) -> tuple[int, int]:
        """The half-open interval [start, end) of a lead day, microseconds of UTC; ValueError without one."""
        if self.lead_day is None:
            raise ValueError(f"{self} has no lead day, so it covers no interval")
        start_us = day_start_us(self.epoch_day + timedelta(days=self.lead_day))
        return start_us, start_us + MICROSECONDS_PER_DAY


def slice_key(asset: str, partition_key: str) -> SliceKey:
    """The slice of ``asset`` that belongs to a partition key; a daily asset ignores the lead day in it. ValueError
    for what is no key."""
    day, _, lead_day = partition_key.partition("|")
    if asset in DAILY_ASSETS:
        return SliceKey(asset, date.fromisoformat(day), None)
    return SliceKey(asset, date.fromisoformat(day), int(lead_day))
