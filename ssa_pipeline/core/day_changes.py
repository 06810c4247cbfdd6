"""What differs between two epoch days: objects of their catalogues, and encounters that both days screened for.

Two encounters are the same one where pair and time agree: nobody in the pair came around once more in between. Their
times differ by half a revolution of the pair's faster object at most (or by half the longer encounter, where a pair
stays together for longer), and each is the other's nearest. Time is the TCA of a crossing and the middle of a
persistent encounter, whose depth is flat. A pair meets at most about twice a revolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, EventClass, Events, Float64, Int64, Text

MISS_CHANGED_KM = 1.0  # what public element sets are good for
TCA_CHANGED_S = 1.0  # some 7 km along a low orbit
_NO_PERIOD_US = 90 * 60 * 1_000_000  # half of it is used where no catalogue has the object
_FAR_US = np.iinfo(np.int64).max // 2


class ObjectChange(StrEnum):
    """What became of an object from one catalogue to the other."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    RENAMED = "renamed"
    JUMPED = "jumped"


class EventChange(StrEnum):
    """What became of an encounter: changed is by more than MISS_CHANGED_KM, TCA_CHANGED_S, or of another class."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True)
class ObjectChanges:
    """k changes by catalogue number; every field has length k. ``row_before`` and ``row_after`` are rows of the two
    catalogues, -1 where the object is not in one."""

    change: list[ObjectChange]
    norad_id: Int64
    row_before: Int64
    row_after: Int64


@dataclass(frozen=True)
class EventChanges:
    """k encounters of either day; every field has length k. ``row_before`` and ``row_after`` are rows of the events
    given, -1 where there is none. First those of ``before`` in its order, then the new ones."""

    change: Text  # words of EventChange
    row_before: Int64
    row_after: Int64


def object_changes(before: ElementSets, after: ElementSets, jumped: Int64) -> ObjectChanges:
    """Compare two catalogues, each sorted by catalogue number with one row per object. ``jumped``: numbers with a jump
    in between. An object may have two changes."""
    ids = np.union1d(before.norad_id, after.norad_id)
    row_before, row_after = _rows(before.norad_id, ids), _rows(after.norad_id, ids)
    is_both = (row_before >= 0) & (row_after >= 0)
    old, new = _names(before, row_before), _names(after, row_after)
    masks = {
        ObjectChange.APPEARED: row_before < 0,
        ObjectChange.VANISHED: row_after < 0,
        ObjectChange.RENAMED: is_both & (old != new) & (old != "") & (new != ""),
        ObjectChange.JUMPED: is_both & np.isin(ids, jumped),
    }
    index = np.concatenate([np.flatnonzero(mask) for mask in masks.values()])
    change = [kind for kind, mask in masks.items() for _ in range(int(mask.sum()))]
    order = np.lexsort((np.arange(len(index)), ids[index]))
    index = index[order]
    return ObjectChanges([change[k] for k in order], ids[index], row_before[index], row_after[index])


def event_changes(before: Events, after: Events, catalogs: tuple[ElementSets, ElementSets]) -> EventChanges:
    """Compare the encounters of two days. ``catalogs`` (sorted by number) tell the periods."""
    match = _matches(before, after, catalogs)
    is_matched = match >= 0
    new = np.setdiff1d(np.arange(len(after)), match[is_matched])
    change = np.full(len(before) + len(new), EventChange.NEW, dtype=object)
    change[: len(before)][~is_matched] = EventChange.GONE
    a, b = np.flatnonzero(is_matched), match[is_matched]
    is_changed = np.abs(after.miss_distance_km[b] - before.miss_distance_km[a]) > MISS_CHANGED_KM
    is_crossing = (before.event_class[a] == EventClass.CROSSING) & (after.event_class[b] == EventClass.CROSSING)
    is_changed |= is_crossing & (np.abs(after.tca_us[b] - before.tca_us[a]) > TCA_CHANGED_S * 1e6)
    is_changed |= before.event_class[a] != after.event_class[b]
    change[a] = EventChange.SAME
    change[a[is_changed]] = EventChange.CHANGED
    return EventChanges(
        change,
        np.concatenate([np.arange(len(before)), np.full(len(new), -1)]).astype(np.int64),
        np.concatenate([match, new]).astype(np.int64),
    )


def _matches(before: Events, after: Events, catalogs: tuple[ElementSets, ElementSets]) -> Int64:
    """Row of ``after`` for each row of ``before``, -1 where there is none; no row twice."""
    if not len(before) or not len(after):
        return np.full(len(before), -1, dtype=np.int64)
    pairs = [np.stack([events.norad_id_1, events.norad_id_2], axis=1) for events in (before, after)]
    # reshape: the shape of numpy 2.0's inverse differs from that of its neighbours
    pair = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)[1].reshape(-1)
    pair_before, pair_after = pair[: len(before)], pair[len(before) :]
    time_before, time_after = _time_us(before), _time_us(after)
    there, gap = _nearest(pair_before, time_before, pair_after, time_after)
    back, _ = _nearest(pair_after, time_after, pair_before, time_before)
    longest = np.maximum(before.end_us - before.start_us, (after.end_us - after.start_us)[there])
    limit = np.maximum(_shorter_period_us(before, catalogs), longest) // 2
    is_same = (gap <= limit) & (back[there] == np.arange(len(before)))
    return np.where(is_same, there, -1).astype(np.int64)


def _nearest(pair: Int64, time_us: Int64, other_pair: Int64, other_us: Int64) -> tuple[Int64, Int64]:
    """For each row the row of the others with the same pair and the nearest time, and how far it is (very far where
    the pair is not there). Of two equally near ones the earlier."""
    order = np.lexsort((other_us, other_pair))
    start = min(int(time_us.min()), int(other_us.min()))
    span = max(int(time_us.max()), int(other_us.max())) - start + 1
    key, other_key = pair * span + (time_us - start), (other_pair * span + (other_us - start))[order]
    after = np.minimum(np.searchsorted(other_key, key), len(order) - 1)
    candidates = order[np.stack([np.maximum(after - 1, 0), after])]
    gaps = np.where(other_pair[candidates] == pair, np.abs(other_us[candidates] - time_us), _FAR_US)
    choice = np.argmin(gaps, axis=0)
    rows = np.arange(len(pair))
    return candidates[choice, rows], gaps[choice, rows]


def _time_us(events: Events) -> Int64:
    is_crossing = events.event_class == EventClass.CROSSING
    return np.where(is_crossing, events.tca_us, (events.start_us + events.end_us) // 2).astype(np.int64)


def _shorter_period_us(events: Events, catalogs: tuple[ElementSets, ElementSets]) -> Int64:
    periods = np.minimum(_period_us(events.norad_id_1, catalogs), _period_us(events.norad_id_2, catalogs))
    return periods.astype(np.int64)


def _period_us(norad_id: Int64, catalogs: tuple[ElementSets, ElementSets]) -> Float64:
    found = np.full(len(norad_id), float(_NO_PERIOD_US))
    for sets in catalogs:
        rows = _rows(sets.norad_id, norad_id)
        found[rows >= 0] = MICROSECONDS_PER_DAY / sets.mean_motion_rev_per_day[rows[rows >= 0]]
    return found


def _names(sets: ElementSets, rows: Int64) -> Text:
    """Names by row, '' for the row -1: a catalogue may be empty."""
    return np.append(sets.object_name, np.array([""], dtype=object))[rows]


def _rows(sorted_ids: Int64, wanted: Int64) -> Int64:
    """Row of each wanted number, -1 where it is not there."""
    rows = np.searchsorted(sorted_ids, wanted)
    rows[rows == len(sorted_ids)] = 0
    is_there = sorted_ids[rows] == wanted if len(sorted_ids) else np.zeros(len(wanted), dtype=np.bool_)
    return np.where(is_there, rows, -1).astype(np.int64)
