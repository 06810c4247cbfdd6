"""From the catalogue of a day to its seven lead days: what must be screened now, decided for the sensor and for the
daily schedule alike.

Rules: a lead day that was never screened is screened. One that was screened from an older catalogue is screened again,
but SSA_RESCREEN_HOURS must lie between two screenings of a day. A catalogue that its blocking checks refused is not
screened, nor is what a run or back-fill has in hand. The newest SSA_RECONCILE_DAYS epoch days are looked at, newest
first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dagster import DagsterInstance, RunRequest

from ssa_pipeline.chain.due import DayScreening, clock, wanted
from ssa_pipeline.chain.links import CLEAN_CATALOG, SCREEN_JOB, SCREENING_ASSETS, run_tags
from ssa_pipeline.chain.plan import contiguous
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.dagster_internals import AssetGraph
from ssa_pipeline.defs.automation.under_way import slices_under_way
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.settings import Settings

REASON_TAG = "ssa/reason"  # why automation asked for a run, shown with it
# Of a run whose process was lost (not of one whose step failed): dagster.yaml.


@dataclass(frozen=True)
class Screenings:
    """What to request, newest day first, and of every day without a request why."""

    requests: list[RunRequest]
    notes: list[str]


def screenings(
    instance: DagsterInstance, asset_graph: AssetGraph, storage: Storage, settings: Settings, now: datetime
) -> Screenings:
    """What is to be screened as of ``now``; catalogues newer than that are left to a later call."""
    found = Screenings([], [])
    under_way = slices_under_way(instance, asset_graph)  # first: what ends before the next line is seen as done by it
    days = storage.screenings(settings.automation.reconcile_days, settings.first_day, now.date())
    if not days:
        found.notes.append("there is no catalogue yet")
        return found
    for rank, day in enumerate(days):
        want = wanted(day, now, settings.automation.rescreen_hours)
        free = [k for k in want.lead_days if _busy(under_way, day, k) is None]
        obstacle = _obstacle(under_way, day, now) if free else None
        if free and obstacle is None:
            groups = (want.missing, want.outdated)
            ranges = [part for group in groups for part in contiguous(k for k in group if k in free)]
            found.requests.extend(_request(day, first, last, rank, want.reason, now) for first, last in ranges)
        elif want.lead_days:
            in_hand = f"is in hand: {_busy(under_way, day, want.lead_days[0])}"
            found.notes.append(f"{day.epoch_day} {obstacle or in_hand}")
        else:
            found.notes.append(f"{day.epoch_day} {want.reason}")
    return found


def _obstacle(under_way: dict[SliceKey, str], day: DayScreening, now: datetime) -> str | None:
    """Why the newest catalogue of a day must not be screened yet. One that nobody has judged is judged when it is
    read."""
    remake = under_way.get(SliceKey(CLEAN_CATALOG, day.epoch_day, None))
    if remake:
        return f"waits for its catalogue, which is being made: {remake}"
    if day.cataloged_at > now:
        return f"has a catalogue of {clock(day.cataloged_at)}, which is the sensor's to screen"
    if day.refusals:
        remedy = f"`ssa materialize --epoch-day {day.epoch_day}` makes and checks it again"
        return f"is held back: its catalogue was refused by its check {'; '.join(day.refusals)}. {remedy}"
    return None


def _busy(under_way: dict[SliceKey, str], day: DayScreening, lead_day: int) -> str | None:
    keys = (SliceKey(asset, day.epoch_day, lead_day) for asset in SCREENING_ASSETS)
    return next((under_way[key] for key in keys if key in under_way), None)


def _request(day: DayScreening, first: int, last: int, rank: int, reason: str, now: datetime) -> RunRequest:
    """The day of ``now`` is part of the key: what failed is tried again once a day."""
    return RunRequest(
        run_key=f"{day.epoch_day} lead days {first}-{last}, catalogue {day.catalog_log_id}, {now.date()}",
        job_name=SCREEN_JOB,
        tags={
            **run_tags(day.epoch_day, (first, last)),
            "dagster/priority": str(-rank),
            REASON_TAG: f"{day.epoch_day}: {reason}",
        },
    )
