"""What a back-fill of many days has to compute, and what it passes over: `ssa backfill`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from ssa_pipeline.chain.due import named_lead_days
from ssa_pipeline.chain.errors import NothingReceivedError
from ssa_pipeline.chain.links import DAILY_ASSETS, SCREENING_ASSETS, partition_key
from ssa_pipeline.chain.plan import are_of_other_code, contiguous
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.receipts.release_gate import ReleaseGate
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.use_cases.materialize import needed_slices


class Extent(Enum):
    """How much of what exists is computed again. MISSING: what was refused, or computed from other inputs or with other
    settings than now's. STALE: what other code computed, too. ALL: everything."""

    MISSING = ""
    STALE = ", other code's too"
    ALL = ", all anew"


@dataclass(frozen=True)
class BackfillPlan:
    """Days, each in order. ``empty``: nothing was received. ``current``: nothing is to be computed. ``of_other_code``:
    results of other code stay. ``earlier``: days before, received and read by no run yet, whose catalogues come first.
    ``catalogs`` and ``lead_days``: what is to be computed."""

    empty: list[date] = field(default_factory=list)
    current: list[date] = field(default_factory=list)
    of_other_code: list[date] = field(default_factory=list)
    earlier: list[date] = field(default_factory=list)
    catalogs: list[date] = field(default_factory=list)
    lead_days: dict[date, list[int]] = field(default_factory=dict)

    @property
    def days(self) -> list[date]:
        """Those of which something is to be computed, without the earlier ones."""
        return sorted({*self.catalogs, *self.lead_days})

    def partitions(self) -> dict[str, list[tuple[str, str]]]:
        """Asset -> first and last key of every range that is to be computed. A range of lead days holds for all days of
        its range of days."""
        daily = [(str(first), str(last)) for first, last in day_ranges(self.earlier + self.catalogs)]
        days_of: dict[tuple[int, int], list[date]] = {}
        for day, lead_days in self.lead_days.items():
            for leads in contiguous(lead_days):
                days_of.setdefault(leads, []).append(day)
        screening = [
            (partition_key(first, leads[0]), partition_key(last, leads[1]))
            for leads, days in days_of.items()
            for first, last in day_ranges(days)
        ]
        found = dict.fromkeys(DAILY_ASSETS, daily) | dict.fromkeys(SCREENING_ASSETS, screening)
        return {asset: ranges for asset, ranges in found.items() if ranges}


def plan_backfill(
    settings: Settings,
    url: DatabaseUrl,
    days: Iterable[date],
    lead_days: list[int],
    extent: Extent,
    now: Callable[[str], None] = lambda _: None,
) -> BackfillPlan:
    """Compares what is stored of the days with what would be computed now. ``now`` is told what is looked at."""
    plan = BackfillPlan()
    with SliceStore(url) as slices:
        for day in days:
            now(f"looking at {day}")
            _plan_day(plan, slices, settings, url, day, lead_days, extent)
    if plan.catalogs:  # as `ssa materialize` does: it carries over from them, and the gate compares with them
        unread = ReleaseGate(url).unread_days(plan.catalogs[0])
        plan.earlier.extend(day for day in unread if day >= settings.first_day)
    return plan


def _plan_day(
    plan: BackfillPlan,
    slices: SliceStore,
    settings: Settings,
    url: DatabaseUrl,
    day: date,
    lead_days: list[int],
    extent: Extent,
) -> None:
    def needed(*, keep_other_code: bool) -> dict[SliceKey, str]:
        everything = extent is Extent.ALL
        return needed_slices(
            slices, settings, url, day, lead_days, everything=everything, keep_other_code=keep_other_code
        )

    try:
        found = needed(keep_other_code=False)
        if extent is Extent.MISSING and are_of_other_code(found):
            found = needed(keep_other_code=True)
            plan.of_other_code.append(day)
    except NothingReceivedError:
        plan.empty.append(day)
        return
    if not found:
        plan.current.append(day)
        return
    if any(key.lead_day is None for key in found):
        plan.catalogs.append(day)
    leads = sorted({key.lead_day for key in found if key.lead_day is not None})
    if leads:
        plan.lead_days[day] = leads


def backfill_title(days: list[date], lead_days: list[int], extent: Extent) -> str:
    """By which the same request is found again: ``2024-11-01 to 2024-11-30, lead days 0 to 6``."""
    return f"{named_days([(days[0], days[-1])])}, {named_lead_days(lead_days)}{extent.value}"


def day_ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """First and last of every unbroken range of days."""
    ordinals = contiguous(day.toordinal() for day in days)
    return [(date.fromordinal(first), date.fromordinal(last)) for first, last in ordinals]


def named_days(ranges: Iterable[tuple[date, date]]) -> str:
    """``2024-11-01, 2024-11-03 to 2024-11-05``."""
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)
