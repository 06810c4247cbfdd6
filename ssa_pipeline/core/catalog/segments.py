"""Segments: several element sets of one object in one release, each for its own time, as providers fit them to an
operator's plan with its manoeuvres. Of a lead day the segment in force when it begins is used, and of an ordinary set
that came with them none."""

from __future__ import annotations

import re

import numpy as np

from ssa_pipeline.core.records import GP, ElementSets, Int64, Mask, Receipts, Text

IN_FORCE, ORDINARY, OUTDATED = 0, 1, 2
_NAMED = re.compile(r"\s*\[segment \d+\]\s*$", re.IGNORECASE)


def is_named_segment(names: Text) -> Mask:
    """Names such as ``ISS [Segment 03]``, as CelesTrak writes them, shape (n,)."""
    return np.array(["]" in name and _NAMED.search(name) is not None for name in names.tolist()], dtype=np.bool_)


def without_segment(name: str) -> str:
    """The object's own name."""
    return _NAMED.sub("", name)


def are_segments(names: Text) -> bool:
    """Whether all of a file's sets say that they are segments: it is a supplemental release."""
    return len(names) > 0 and bool(is_named_segment(names).all())


def may_be_segments(sets: ElementSets, receipts: Receipts) -> Mask:
    """Rows of supplemental releases and those that say so by their names, shape (n,)."""
    return np.asarray((receipts.kind != GP) | is_named_segment(sets.object_name))


def segment_places(sets: ElementSets, receipts: Receipts, rank: Int64, may_be: Mask) -> Int64:
    """In which order the rows of an object are looked at, shape (n,): IN_FORCE its segments that count, ORDINARY, or
    OUTDATED segments of other releases. An object has segments where a release, a snapshot, has several of its sets
    among the rows that ``may_be`` some. Those of its newest such release count, of several on a day that of the better
    source (``rank``, 0 best), then the one that begins later; none where an ordinary set was received on a later
    day."""
    places = np.full(len(sets), ORDINARY, dtype=np.int64)
    rows = np.flatnonzero(may_be)
    order = rows[np.lexsort((sets.epoch_us[rows], receipts.snapshot_id[rows], sets.norad_id[rows]))]
    if not len(order):
        return places
    key = np.stack([sets.norad_id[order], receipts.snapshot_id[order]], axis=1)
    first = np.flatnonzero(np.append(True, (key[1:] != key[:-1]).any(axis=1)))
    last = np.append(first[1:], len(order)) - 1
    release = np.repeat(np.arange(len(first)), last - first + 1)
    is_several = sets.epoch_us[order[last]] > sets.epoch_us[order[first]]
    if not is_several.any():
        return places
    places[order[is_several[release]]] = OUTDATED
    best = np.lexsort(
        (
            receipts.snapshot_id[order[first]],
            sets.epoch_us[order[last]],
            sets.epoch_us[order[first]],
            -rank[order[first]],
            np.maximum.reduceat(receipts.received_day[order].astype(np.int64), first),
            is_several,
            sets.norad_id[order[first]],
        )
    )
    chosen = best[np.append(np.diff(sets.norad_id[order[first]][best]) != 0, True)]
    counting = order[np.isin(release, chosen[is_several[chosen]])]
    places[counting[~_is_outdated(sets, receipts, places == ORDINARY, counting)]] = IN_FORCE
    return places


def _is_outdated(sets: ElementSets, receipts: Receipts, is_ordinary: Mask, rows: Int64) -> Mask:
    """Which of the rows were received before the newest ordinary set of their object."""
    ordinary = np.flatnonzero(is_ordinary & np.isin(sets.norad_id, sets.norad_id[rows]))
    ids, place = np.unique(sets.norad_id[rows], return_inverse=True)
    newest = np.full(len(ids), np.iinfo(np.int64).min)
    days = receipts.received_day.astype(np.int64)
    np.maximum.at(newest, np.searchsorted(ids, sets.norad_id[ordinary]), days[ordinary])
    return np.asarray(newest[place.reshape(-1)] > days[rows])
