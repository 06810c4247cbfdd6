"""The completeness gate: is what was received on a day a whole catalogue, measured against trusted releases before?

Losses are counted object by object: of the objects of the release before, how many are missing now, in all, in each
regime and of each type; and the same against the largest trusted release of the last weeks, or many small losses would
each be the measure of the next. And of the objects in use it is counted how many would have to be carried over.
New objects cannot make up for missing ones. Measured on ten daily releases of August 2026
(18,700 objects each, docs/decisions/0014): a day loses at most 0.04 % of the objects, nine days 0.2 %; of a regime or
a type nine days lose at most 0.7 %. A part that fails to come is far more of its regime or type: a file, half of one,
all of GEO.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from ssa_pipeline.core.catalog.satcat import ObjectType
from ssa_pipeline.core.orbits.mean_orbit import Regime, regimes
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Int64, Mask, Text
from ssa_pipeline.core.time import day_start_us

# A release before this is no measure: by default its sets are too old to be used (settings.max_age_days).
LOOK_BACK_DAYS = 30
MOST_MISSING = 0.03
MOST_MISSING_OF_GROUP = 0.10
# So few objects may all have decayed or been renumbered: never a reason in a small catalogue or group.
FEW_OBJECTS = 10
# Of ten releases a third of the sets were unchanged at most; the same file served again has all of them unchanged.
MOST_UNCHANGED = 0.9


@dataclass(frozen=True)
class Release:
    """The objects received on a day, ascending, each with its newest set; arrays of shape (n,)."""

    epoch_day: date
    norad_id: Int64
    epoch_us: Int64
    regime: Text
    object_type: Text

    def __len__(self) -> int:
        return len(self.norad_id)

    @property
    def median_age_days(self) -> float | None:
        """Of the newest sets at 00:00 UTC of the day; None where there is none."""
        if not len(self):
            return None
        return round(float(np.median(day_start_us(self.epoch_day) - self.epoch_us)) / MICROSECONDS_PER_DAY, 3)


@dataclass(frozen=True)
class Verdict:
    """``reasons``: why the release is held, or what was noticed about one that is not. ``measures``: plain facts."""

    is_held: bool
    reasons: tuple[str, ...]
    measures: dict[str, Any]


def object_types(names: Text) -> Text:
    """The ObjectType of every name, shape (n,): ``… DEB`` is debris, ``… R/B`` a rocket body, all else a payload."""
    types: Text = np.array([_object_type(name) for name in names], dtype=object)
    return types


def _object_type(name: str) -> ObjectType:
    words = name.upper().split()
    if "DEB" in words:
        return ObjectType.DEBRIS
    return ObjectType.ROCKET_BODY if any(word.startswith("R/B") for word in words) else ObjectType.PAYLOAD


def release_of(received: ElementSets, epoch_day: date) -> Release:
    """The release that element sets received on ``epoch_day`` make, in any order and with older sets among them."""
    newest_last = received.take(np.lexsort((received.epoch_us, received.norad_id)).astype(np.int64))
    is_newest = np.ones(len(received), dtype=np.bool_)
    is_newest[:-1] = newest_last.norad_id[1:] != newest_last.norad_id[:-1]
    newest = newest_last.take(is_newest)
    return Release(epoch_day, newest.norad_id, newest.epoch_us, regimes(newest), object_types(newest.object_name))


def judge(
    today: Release, before: Release | None, largest: Release | None = None, in_use: Int64 | None = None
) -> Verdict:
    """Compare a day's release with the newest trusted one before it (None: there is none) and with the ``largest`` of
    the LOOK_BACK_DAYS (None: it is the same). ``in_use``: objects of the catalogue before whose sets came in trusted
    releases of that time. A release is held for what it lacks and for nothing else: new objects do not make up for
    it."""
    measures: dict[str, Any] = {"objects": len(today), "median_age_days": today.median_age_days}
    if not len(today):
        return Verdict(True, ("no usable GP element set was received; a catalogue has at least one",), measures)
    if before is None or not len(before):
        note = (
            f"{len(today):,} objects; there is no trusted release of the {LOOK_BACK_DAYS} days before to compare with"
        )
        return Verdict(False, (note,), measures)
    is_missing = _is_missing(before.norad_id, today)
    measures |= _compared(today, before, is_missing)
    losses = [*_losses(today, before, is_missing)]
    if largest is not None and largest.epoch_day != before.epoch_day:
        is_lost = _is_missing(largest.norad_id, today)
        measures["largest"] = _compared(today, largest, is_lost)
        losses += [
            f"the largest of the last {LOOK_BACK_DAYS} days: {loss}" for loss in _losses(today, largest, is_lost)
        ]
    if in_use is not None:
        is_carried = _is_missing(in_use, today)
        measures |= {"in_use": len(in_use), "carried_over": int(is_carried.sum())}
        if is_too_many(is_carried, MOST_MISSING):
            losses.append(
                f"of {len(in_use):,} objects in use {is_carried.sum():,} ({is_carried.mean():.1%}, at most "
                f"{MOST_MISSING:.0%} may be) would be carried over from days before"
            )
    said = [*losses, *_ages(measures, before)] or [_counted(today, before)]
    return Verdict(bool(losses), tuple(said), measures)


def _is_missing(norad_id: Int64, today: Release) -> Mask:
    return ~np.isin(norad_id, today.norad_id)


def _compared(today: Release, before: Release, is_missing: Mask) -> dict[str, Any]:
    _, rows_before, rows_today = np.intersect1d(
        before.norad_id, today.norad_id, assume_unique=True, return_indices=True
    )
    is_same = before.epoch_us[rows_before] == today.epoch_us[rows_today]
    return {
        "compared_with": before.epoch_day.isoformat(),
        "objects_before": len(before),
        "median_age_days_before": before.median_age_days,
        "missing": int(is_missing.sum()),
        "missing_share": round(float(is_missing.mean()), 5),
        "new": len(today) - len(rows_today),
        "unchanged_share": round(float(is_same.mean()), 5) if len(is_same) else None,
        "groups": {
            name: {"before": int(is_member.sum()), "missing": int((is_member & is_missing).sum())}
            for name, is_member in _groups(before)
        },
    }


def _groups(release: Release) -> Iterator[tuple[str, Mask]]:
    """Every regime and type that occurs, with its members."""
    for names, column in ((Regime, release.regime), (ObjectType, release.object_type)):
        for name in names:
            is_member = column == str(name)
            if is_member.any():
                yield str(name), is_member


def _losses(today: Release, before: Release, is_missing: Mask) -> Iterator[str]:
    if is_too_many(is_missing, MOST_MISSING):
        yield f"{_counted(today, before)}; {_missing(is_missing, MOST_MISSING)}"
    for name, is_member in _groups(before):
        if is_too_many(is_missing[is_member], MOST_MISSING_OF_GROUP):
            yield f"{name}: {_missing(is_missing[is_member], MOST_MISSING_OF_GROUP)}"


def is_too_many(is_missing: Mask, limit: float) -> bool:
    """Whether more than a share ``limit`` of the objects of before, and more than a few, are missing; shape (n,)."""
    return int(is_missing.sum()) > max(FEW_OBJECTS, limit * len(is_missing))


def _missing(is_missing: Mask, limit: float) -> str:
    share = is_missing.mean()
    return f"{is_missing.sum():,} of {len(is_missing):,} are missing ({share:.1%}, at most {limit:.0%} may be)"


def _counted(today: Release, before: Release) -> str:
    share = len(today) / len(before)
    return f"{len(today):,} objects, {share:.1%} of the {len(before):,} of {before.epoch_day}"


def _ages(measures: dict[str, Any], before: Release) -> Iterator[str]:
    unchanged = measures["unchanged_share"]
    if unchanged is not None and unchanged > MOST_UNCHANGED:
        yield (
            f"old: {unchanged:.1%} of the sets are those of {before.epoch_day}, as if its files were served again; the "
            f"median age is {measures['median_age_days']:.2f} days, it was {measures['median_age_days_before']:.2f}"
        )
