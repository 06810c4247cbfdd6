"""All element sets of an object, and what differs between two epoch days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
from psycopg.rows import dict_row

from ssa_pipeline.chain.links import CLEAN_CATALOG, REFINED_EVENTS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.day_changes import (
    EventChange,
    EventChanges,
    ObjectChange,
    event_changes,
    object_changes,
)
from ssa_pipeline.core.flags import HISTORY_CUTS
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Events, Float64, Int64
from ssa_pipeline.core.time import day_start_us, from_us
from ssa_pipeline.core.volumes.screening_volume import within_one_constellation
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import SliceMissingError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.questions.answers import demand_known, how_to_compute, unread_said
from ssa_pipeline.storage.receipts.snapshots import CATALOGUES, unread_days
from ssa_pipeline.storage.slices.store import SliceStore

HISTORY_COLUMNS = (
    *("epoch", "object_name", "gap_days", "semi_major_axis_km", "semi_major_axis_change_km", "eccentricity"),
    *("inclination_deg", "inclination_change_deg", "segment", "jump", "sources", "first_received_day"),
    *("first_used_day", "last_used_day", "days_used", "element_set_id"),
)
OBJECT_COLUMNS = ("change", "norad_id", "object_name", "previous_object_name", "epoch", "previous_epoch", "detail")
EVENT_COLUMNS = (
    *("change", "norad_id_1", "norad_id_2", "name_1", "name_2", "event_class", "previous_tca_utc", "tca_utc"),
    *("tca_change_s", "previous_miss_distance_km", "miss_distance_km", "miss_change_km"),
)
_CUTS = sorted(HISTORY_CUTS)


def history(
    url: DatabaseUrl, norad_id: int, first: date | None, last: date | None, limit: int | None
) -> list[dict[str, Any]]:
    """Rows (HISTORY_COLUMNS) of an object's element sets with epochs on the days ``first`` … ``last``, oldest first;
    of more than ``limit`` the newest. Changes are against the set before, whether that is shown or not.
    UnknownObjectError."""
    given = {"norad_id": norad_id, "first": first, "last": last, "limit": limit, "cuts": _CUTS}
    with connect(url) as connection:
        demand_known(connection, norad_id)
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute(section("questions/history.sql", "history"), given)
            .fetchall()
        )
    return rows


def unread(url: DatabaseUrl) -> str:
    """Which files were received and are not read yet, as a sentence; '' where all are."""
    with connect(url) as connection:
        return unread_said(unread_days(connection, CATALOGUES))


@dataclass(frozen=True)
class EventDiff:
    """Encounters of both days within the days that both cover, and on one of them within the smallest threshold, or
    the distance up to which thinning left them."""

    days_covered: list[date]
    warnings: list[str]  # how the screenings differ
    counts: dict[EventChange, int]
    # EVENT_COLUMNS, to be read once: new, gone, changed ones, of each the closest or most changed first, as many as
    # were asked for; those that stayed the same are counted only
    rows: Iterator[dict[str, Any]]


@dataclass(frozen=True)
class DayDiff:
    """What differs from ``before`` to ``after``; None where it was not asked for."""

    before: date
    after: date
    n_objects: tuple[int, int]
    objects: list[dict[str, Any]] | None  # OBJECT_COLUMNS
    events: EventDiff | None


def diff(
    url: DatabaseUrl,
    before: date,
    after: date,
    *,
    objects: bool,
    events: bool,
    limit: int | None = None,
    exclude_same_constellation: bool = False,
) -> DayDiff:
    """Compare two epoch days; of each kind of change of encounters ``limit`` rows, where asked without those of two
    satellites of one constellation.

    SliceMissingError where one has no catalogue, or for events, where no day is covered by
    both screenings."""
    with SliceStore(url) as store:
        catalogs = [store.read(SliceKey(CLEAN_CATALOG, day))[0] for day in (before, after)]
        found = _event_diff(url, store, *catalogs, limit=limit, exclude=exclude_same_constellation) if events else None
    return DayDiff(
        before,
        after,
        (len(catalogs[0].element_sets), len(catalogs[1].element_sets)),
        _object_rows(url, *catalogs) if objects else None,
        found,
    )


def _object_rows(url: DatabaseUrl, before: CleanCatalog, after: CleanCatalog) -> list[dict[str, Any]]:
    given = {"before": before.epoch_day, "after": after.epoch_day, "cuts": _CUTS}
    with connect(url) as connection:
        jumps: dict[int, str] = dict(
            connection.execute(section("questions/history.sql", "jumps_between"), given).fetchall()
        )
    old, new = before.element_sets, after.element_sets
    found = object_changes(old, new, np.array(sorted(jumps), dtype=np.int64))
    rules: dict[int, set[str]] = {norad_id: set() for norad_id in found.norad_id[found.row_after < 0].tolist()}
    for record in after.rejected:
        if record.norad_id in rules:
            rules[record.norad_id].add(record.rule.value)
    rows = []
    columns = (found.norad_id.tolist(), found.row_before.tolist(), found.row_after.tolist())
    for change, norad_id, i, j in zip(found.change, *columns, strict=True):
        names = [sets.object_name[row] if row >= 0 else None for sets, row in ((old, i), (new, j))]
        epochs = [from_us(sets.epoch_us[row]) if row >= 0 else None for sets, row in ((old, i), (new, j))]
        detail = {
            ObjectChange.APPEARED: f"not in the catalogue of {before.epoch_day}",
            ObjectChange.VANISHED: " ".join(sorted(rules.get(norad_id, ()))) or "no set of it received",
            ObjectChange.RENAMED: f"{names[0]} -> {names[1]}",
            ObjectChange.JUMPED: jumps.get(norad_id, ""),
        }[change]
        values = (change.value, norad_id, names[1], names[0], epochs[1], epochs[0], detail)
        rows.append(dict(zip(OBJECT_COLUMNS, values, strict=True)))
    return rows


def _event_diff(
    url: DatabaseUrl, store: SliceStore, *catalogs: CleanCatalog, limit: int | None, exclude: bool
) -> EventDiff:
    """A day to either side of the common ones is read too: an encounter may move over midnight."""
    days = [catalog.epoch_day for catalog in catalogs]
    covered = [_days_covered(url, day) for day in days]
    common = sorted(covered[0] & covered[1])
    if not common:
        raise SliceMissingError(
            f"no day is covered both by the screening of {days[0]} ({min(covered[0])} … {max(covered[0])}) and by that "
            f"of {days[1]} ({min(covered[1])} … {max(covered[1])}): compare --objects only"
        )
    wanted = {day + timedelta(days=shift) for day in common for shift in (-1, 0, 1)}
    read = [
        [store.read(SliceKey(REFINED_EVENTS, day, (at - day).days)) for at in sorted(has & wanted)]
        for day, has in zip(days, covered, strict=True)
    ]
    old, new = (_concat([events for events, _ in slices]) for slices in read)
    thresholds = [{float(version.metadata["threshold_km"]) for _, version in slices} for slices in read]
    thinned = [
        [float(v.metadata["thinned_beyond_km"]) for _, v in slices if "thinned_beyond_km" in v.metadata]
        for slices in read
    ]
    within_km = min([*thresholds[0], *thresholds[1], *thinned[0], *thinned[1]])
    sets = catalogs[0].element_sets, catalogs[1].element_sets
    excluded = [any(v.metadata.get("exclude_same_constellation") for _, v in slices) for slices in read]
    if exclude or any(excluded):
        old, new = (
            events.take(~within_one_constellation(elements, events.norad_id_1, events.norad_id_2))
            for events, elements in zip((old, new), sets, strict=True)
        )
    found = event_changes(old, new, sets)
    is_inside = _is_within(old.tca_us, common)[found.row_before] | _is_within(new.tca_us, common)[found.row_after]
    is_inside &= np.fmin(_miss(old)[found.row_before], _miss(new)[found.row_after]) <= within_km
    rows = np.flatnonzero(is_inside)
    counts = Counter(found.change[rows].tolist())
    told = _told(old, new, found, rows, limit)
    return EventDiff(
        common,
        [*_differences(days, covered, thresholds), *_thinnings(days, thinned), *_exclusions(days, exclude, excluded)],
        {change: counts[change] for change in EventChange},
        _event_rows(old, new, found, told, sets),
    )


def _told(old: Events, new: Events, found: EventChanges, rows: Int64, limit: int | None) -> Int64:
    """The rows to print, in order: of each kind of change the closest, or the most changed, first."""
    before, after = _miss(old)[found.row_before[rows]], _miss(new)[found.row_after[rows]]
    parts = []
    for change in (EventChange.NEW, EventChange.GONE, EventChange.CHANGED):
        of_kind = np.flatnonzero(found.change[rows] == change)
        rank = -np.abs(after - before) if change is EventChange.CHANGED else np.fmin(before, after)
        parts.append(rows[of_kind[np.argsort(rank[of_kind], kind="stable")][:limit]])
    return np.concatenate(parts)


def _differences(days: list[date], covered: list[set[date]], thresholds: list[set[float]]) -> Iterator[str]:
    """How two screenings differ, other than in their day."""
    if thresholds[0] != thresholds[1] or len(thresholds[0]) > 1:
        said = ", ".join(
            f"{day}: {' and '.join(f'{km:g}' for km in sorted(kms))} km"
            for day, kms in zip(days, thresholds, strict=True)
        )
        within_km = min(thresholds[0] | thresholds[1])
        yield f"screened with different thresholds ({said}): compared is what comes within {within_km:g} km on a day"
    lead_days = [sorted((at - day).days for at in has) for day, has in zip(days, covered, strict=True)]
    if lead_days[0] != lead_days[1]:
        said = ", ".join(f"{day}: {' '.join(map(str, leads))}" for day, leads in zip(days, lead_days, strict=True))
        yield f"screened with different lead days ({said}): compared are the days that both cover"


def _thinnings(days: list[date], thinned: list[list[float]]) -> Iterator[str]:
    if any(thinned):
        said = " and ".join(str(day) for day, distances in zip(days, thinned, strict=True) if distances)
        within_km = min([*thinned[0], *thinned[1]])
        yield (
            f"distant events of {said} were deleted since (SSA_THIN_EVENTS_AFTER_DAYS): compared is what comes within "
            f"{within_km:g} km"
        )


def _exclusions(days: list[date], exclude: bool, excluded: list[bool]) -> Iterator[str]:
    if not exclude and any(excluded):
        said = " and ".join(str(day) for day, is_so in zip(days, excluded, strict=True) if is_so)
        yield f"encounters within one constellation are left out: {said} was screened without them"


def _days_covered(url: DatabaseUrl, epoch_day: date) -> set[date]:
    with connect(url) as connection:
        found = connection.execute(
            section("questions/history.sql", "lead_days_screened"), {"epoch_day": epoch_day}
        ).fetchall()
        if not found:
            advice = how_to_compute(connection, epoch_day)
            raise SliceMissingError(f"no screening of {epoch_day}: {advice}, or compare --objects only")
    return {epoch_day + timedelta(days=lead_day) for (lead_day,) in found}


def _event_rows(
    old: Events, new: Events, found: EventChanges, rows: Int64, catalogs: tuple[ElementSets, ElementSets]
) -> Iterator[dict[str, Any]]:
    names = {
        norad_id: name
        for sets in catalogs
        for norad_id, name in zip(sets.norad_id.tolist(), sets.object_name.tolist(), strict=True)
    }
    for row in rows.tolist():
        i, j = int(found.row_before[row]), int(found.row_after[row])
        events, k = (new, j) if j >= 0 else (old, i)
        one, two = int(events.norad_id_1[k]), int(events.norad_id_2[k])
        tca = [from_us(e.tca_us[at]) if at >= 0 else None for e, at in ((old, i), (new, j))]
        miss = [float(e.miss_distance_km[at]) if at >= 0 else None for e, at in ((old, i), (new, j))]
        moved_s = (tca[1] - tca[0]).total_seconds() if tca[0] and tca[1] else None
        moved_km = miss[1] - miss[0] if miss[0] is not None and miss[1] is not None else None
        values = (str(found.change[row]), one, two, names.get(one, ""), names.get(two, ""), str(events.event_class[k]))
        yield dict(zip(EVENT_COLUMNS, (*values, *tca, moved_s, *miss, moved_km), strict=True))


def _is_within(time_us: Int64, days: list[date]) -> Any:
    """Which times lie on one of the days; one value more at the end, for the row -1."""
    numbers = np.array([day_start_us(day) // MICROSECONDS_PER_DAY for day in days])
    return np.append(np.isin(time_us // MICROSECONDS_PER_DAY, numbers), False)


def _miss(events: Events) -> Float64:
    """Miss distances, km; one value more at the end, for the row -1."""
    return np.append(events.miss_distance_km, np.nan)


def _concat(parts: list[Events]) -> Events:
    return Events(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Events)})
