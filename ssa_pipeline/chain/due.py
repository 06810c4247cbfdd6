"""Which lead days of a catalogue are due for screening, whatever else is running."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ssa_pipeline.chain.links import LEAD_DAYS
from ssa_pipeline.chain.plan import contiguous


@dataclass(frozen=True)
class Screened:
    """One lead day as last screened. ``is_current``: from a catalogue of the same content as the newest."""

    at: datetime
    is_current: bool


@dataclass(frozen=True)
class DayScreening:
    """The newest catalogue of an epoch day, and the lead days screened from it or from an older one."""

    epoch_day: date
    catalog_log_id: int
    cataloged_at: datetime
    refusals: list[str] = field(default_factory=list)  # blocking checks that the catalogue failed, and their findings
    lead_days: dict[int, Screened] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """The lead days of an epoch day that are to be screened now, if any, and the reason. Those never screened
    (``missing``) are requested apart from those screened before: where one fails every time, the others go on."""

    missing: list[int]
    outdated: list[int]
    reason: str

    @property
    def lead_days(self) -> list[int]:
        return self.missing + self.outdated


def wanted(day: DayScreening, now: datetime, rescreen_hours: float) -> Wanted:
    """What is to be screened of a day at ``now``, without regard to runs in progress."""
    missing = [lead_day for lead_day in LEAD_DAYS if lead_day not in day.lead_days]
    outdated = [lead_day for lead_day, screened in day.lead_days.items() if not screened.is_current]
    last = max((screened.at for screened in day.lead_days.values()), default=now)
    due = last + timedelta(hours=rescreen_hours)
    reasons = [f"{named_lead_days(missing)} not screened yet"] if missing else []
    if outdated and now >= due:
        reasons.append(f"the catalogue of {clock(day.cataloged_at)} is newer than {named_lead_days(outdated)}")
        return Wanted(missing, outdated, "; ".join(reasons))
    if missing:
        return Wanted(missing, [], reasons[0])
    if not outdated:
        return Wanted([], [], f"was screened at {clock(last)} from its newest catalogue")
    policy = f"its newer catalogue is screened from {clock(due)} on (SSA_RESCREEN_HOURS={rescreen_hours:g})"
    return Wanted([], [], f"was screened at {clock(last)}; {policy}")


def clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def named_lead_days(lead_days: list[int]) -> str:
    """``lead day 3``, ``lead days 0 to 1, 3 to 6``."""
    ranges = [str(first) if first == last else f"{first} to {last}" for first, last in contiguous(lead_days)]
    return f"lead day{'s' if len(lead_days) > 1 else ''} {', '.join(ranges)}"
