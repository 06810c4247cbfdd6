"""Names of slices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

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
        return WHOLE_DAY if self.lead_day is None else self.lead_day

    def of(self, asset: str, daily_assets: tuple[str, ...]) -> SliceKey:
        """The slice of another asset that this one is computed from."""
        return SliceKey(asset, self.epoch_day, None if asset in daily_assets else self.lead_day)

    def window_us(self) -> tuple[int, int]:
        """The half-open interval [start, end) of a lead day, microseconds of UTC; ValueError without one."""
        if self.lead_day is None:
            raise ValueError(f"{self} has no lead day, so it covers no interval")
        start_us = day_start_us(self.epoch_day + timedelta(days=self.lead_day))
        return start_us, start_us + MICROSECONDS_PER_DAY
