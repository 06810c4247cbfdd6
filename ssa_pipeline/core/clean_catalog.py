"""One usable element set per object: the newest valid one of those received up to the end of a day.

Sets of one object are taken newest epoch first. Equal content is counted once; of equal epochs with other
content the higher element set number, then the higher revolution number, then the smaller content key comes
first, so the choice does not depend on the order of arrival. A set that is ahead of its time, or that SGP4
cannot start from, gives way to the next older one. The first that passes decides about its object: it is used,
or the object is stale or has decayed; all older ones are superseded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from ssa_pipeline.core.element_set_key import element_set_keys
from ssa_pipeline.core.object_flags import ObjectFlag, flags_text
from ssa_pipeline.core.records import (
    GP,
    MICROSECONDS_PER_DAY,
    Days,
    ElementSets,
    Float64,
    Int64,
    Receipts,
    RejectedRecord,
    RejectRule,
    Text,
)
from ssa_pipeline.core.satrec import julian_date, to_satrecs
from ssa_pipeline.core.time import day_start_us, format_utc, format_utc_array

EARTH_RADIUS_KM = 6378.135  # WGS-72, as SGP4 uses
EARTH_MU_KM3_S2 = 398600.8
DECAY_ALTITUDE_KM = 100.0
# SGP4's periodic terms keep every real object within 0.1 % of its apogee at epoch (measured on 26,834), but some
# elements make it put the object millions of kilometres away without an error code.
_FAR_BEYOND_APOGEE = 2.0

_SGP4_ERRORS = {
    1: "mean eccentricity or semi-major axis out of range",
    2: "mean motion not positive",
    3: "perturbed eccentricity out of range",
    4: "semi-latus rectum negative",
    5: "orbit below the surface",
    6: "object below the surface",
}
# Faults of one set, not of its object: an older set may be good.
_NEXT_OLDER_MAY_DO = frozenset({RejectRule.PERIGEE_BELOW_SURFACE, RejectRule.SGP4_INIT})


@dataclass(frozen=True)
class CleanCatalog:
    """``element_sets`` has one row per object, sorted by catalogue number; ``age_days`` and
    ``is_forward_epoch`` and the columns after ``rejected`` have one value per row."""

    epoch_day: date
    element_sets: ElementSets
    age_days: Float64  # 00:00 UTC of epoch_day minus the element set's epoch; negative = epoch ahead
    is_forward_epoch: NDArray[np.bool_]  # the epoch lies after the end of epoch_day
    rejected: list[RejectedRecord]  # every other set received, with its rule; raw is empty, file and line tell
    flags: Text  # blank-separated words (core.object_flags), '' where there is none
    source: Text  # where the set came from, e.g. celestrak
    received_day: Days  # on which it was received last; earlier than epoch_day: carried over


class Fault(NamedTuple):
    rule: RejectRule
    detail: str


def clean_catalog(
    received: ElementSets,
    epoch_day: date,
    receipts: Receipts | None = None,
    *,
    max_age_days: float = 30.0,
    max_ahead_days: float = 15.0,
) -> CleanCatalog:
    """Choose among all sets ``received`` up to the end of ``epoch_day``; without ``receipts`` they are of one file of
    the day. Ages are measured once, at its 00:00 UTC: older than ``max_age_days`` is stale (inf: never), more than
    ``max_ahead_days`` ahead is rejected."""
    day_us = day_start_us(epoch_day)
    receipts = receipts or Receipts.alike(len(received), epoch_day)
    is_gp = receipts.kind == GP  # supplemental sets are solutions of their own
    received, receipts = received.take(is_gp), receipts.take(is_gp)
    order, is_duplicate = _newest_first(received)
    sets, came = received.take(order), receipts.take(order)
    age_days = (day_us - sets.epoch_us) / MICROSECONDS_PER_DAY
    is_ahead = ~is_duplicate & (age_days < -max_ahead_days)
    faults = dict(_duplicate_faults(sets, is_duplicate))
    faults |= _ahead_faults(sets, is_ahead, age_days, max_ahead_days, epoch_day)
    used, decisions = _decide(sets, ~is_duplicate & ~is_ahead, day_us, max_age_days)
    faults |= decisions
    faults |= _superseded_faults(sets, used, faults)
    return CleanCatalog(
        epoch_day,
        sets.take(used),
        age_days[used],
        sets.epoch_us[used] >= day_us + MICROSECONDS_PER_DAY,
        _rejected(sets, faults),
        flags_text({ObjectFlag.CARRIED_OVER: came.received_day[used] < np.datetime64(epoch_day)}, len(used)),
        came.source[used],
        came.received_day[used],
    )


def perigee_altitude_km(element_sets: ElementSets) -> Float64:
    """Mean perigee above the equatorial radius, shape (n,)."""
    return _semi_major_axis_km(element_sets) * (1.0 - element_sets.eccentricity) - EARTH_RADIUS_KM


def _semi_major_axis_km(element_sets: ElementSets) -> Float64:
    radians_per_s = element_sets.mean_motion_rev_per_day * (2.0 * np.pi / 86_400.0)
    return np.asarray(np.cbrt(EARTH_MU_KM3_S2 / radians_per_s**2))


def _newest_first(sets: ElementSets) -> tuple[Int64, NDArray[np.bool_]]:
    """Rows by object, newest epoch first, ties by content; and which rows of that order repeat an earlier."""
    order = np.lexsort((-sets.epoch_us, sets.norad_id)).astype(np.int64)
    norad_id, epoch_us = sets.norad_id[order], sets.epoch_us[order]
    is_tied = np.zeros(len(order), dtype=np.bool_)
    is_same = (norad_id[1:] == norad_id[:-1]) & (epoch_us[1:] == epoch_us[:-1])
    is_tied[1:] |= is_same
    is_tied[:-1] |= is_same
    rows = order[is_tied]
    tied = sets.take(rows)
    keys = element_set_keys(tied)
    ranks = sorted(
        zip(
            tied.norad_id.tolist(),
            (-tied.epoch_us).tolist(),
            (-tied.element_set_no).tolist(),
            (-tied.rev_at_epoch).tolist(),
            keys,
            (tied.object_name == "").tolist(),
            tied.source_file.tolist(),
            tied.source_line.tolist(),
            rows.tolist(),
            strict=True,
        )
    )
    order[is_tied] = [rank[-1] for rank in ranks]
    is_duplicate = np.zeros(len(order), dtype=np.bool_)
    is_duplicate[is_tied] = _is_repeated([rank[4] for rank in ranks])
    return order, is_duplicate


def _is_repeated(keys: list[bytes]) -> list[bool]:
    seen: set[bytes] = set()
    repeated = []
    for key in keys:
        repeated.append(key in seen)
        seen.add(key)
    return repeated


def _duplicate_faults(sets: ElementSets, is_duplicate: NDArray[np.bool_]) -> Iterator[tuple[int, Fault]]:
    for row in np.flatnonzero(is_duplicate).tolist():
        yield row, Fault(RejectRule.DUPLICATE, f"same object, epoch {format_utc(sets.epoch_us[row])} and elements")


def _ahead_faults(
    sets: ElementSets, is_ahead: NDArray[np.bool_], age_days: Float64, max_ahead_days: float, day: date
) -> dict[int, Fault]:
    return {
        row: Fault(
            RejectRule.EPOCH_TOO_FAR_AHEAD,
            f"epoch {format_utc(sets.epoch_us[row])} is {-age_days[row]:.1f} days after {day} 00:00 UTC; "
            f"at most {max_ahead_days:g} are accepted",
        )
        for row in np.flatnonzero(is_ahead).tolist()
    }


def _decide(
    sets: ElementSets, is_open: NDArray[np.bool_], day_us: int, max_age_days: float
) -> tuple[Int64, dict[int, Fault]]:
    """The rows used, by catalogue number, and the faults of the others that were looked at."""
    used: list[int] = []
    faults: dict[int, Fault] = {}
    open_rows = np.flatnonzero(is_open)
    while len(open_rows):
        _, first = np.unique(sets.norad_id[open_rows], return_index=True)
        top = open_rows[first]
        found = _faults(sets.take(top), day_us, max_age_days)
        retry = []
        for row, fault in zip(top.tolist(), found, strict=True):
            if fault is None:
                used.append(row)
                continue
            faults[row] = fault
            if fault.rule in _NEXT_OLDER_MAY_DO:
                retry.append(sets.norad_id[row])
        open_rows = np.delete(open_rows, first)
        open_rows = open_rows[np.isin(sets.norad_id[open_rows], retry)]
    return np.array(sorted(used), dtype=np.int64), faults


def _faults(sets: ElementSets, day_us: int, max_age_days: float) -> list[Fault | None]:
    """What speaks against each row, or None."""
    satrecs = to_satrecs(sets)
    perigees = perigee_altitude_km(sets).tolist()
    axes = _semi_major_axis_km(sets).tolist()
    judged = zip(satrecs, sets.epoch_us.tolist(), perigees, axes, sets.eccentricity.tolist(), strict=True)
    return [
        _perigee_fault(perigee)
        or _epoch_fault(satrec, axis, eccentricity)
        or _stale_fault(epoch_us, day_us, max_age_days)
        or _decay_fault(satrec, axis, eccentricity, epoch_us, day_us)
        for satrec, epoch_us, perigee, axis, eccentricity in judged
    ]


def _perigee_fault(perigee_km: float) -> Fault | None:
    if perigee_km >= 0.0:
        return None
    detail = f"mean perigee lies {-perigee_km:.1f} km below the equatorial radius of {EARTH_RADIUS_KM} km"
    return Fault(RejectRule.PERIGEE_BELOW_SURFACE, detail)


def _epoch_fault(satrec: Satrec, axis_km: float, eccentricity: float) -> Fault | None:
    """SGP4 must be able to start, and start on the orbit that the elements say."""
    error, position, _ = satrec.sgp4_tsince(0.0)
    if error:
        return Fault(RejectRule.SGP4_INIT, f"SGP4 error {error} at epoch: {_SGP4_ERRORS[error]}")
    radius = _length(position)
    apogee = axis_km * (1.0 + eccentricity)
    if radius > _FAR_BEYOND_APOGEE * apogee:
        where = f"{radius:,.0f} km from the centre, its orbit reaches {apogee:,.0f} km"
        return Fault(RejectRule.SGP4_INIT, f"SGP4 puts the object at epoch {where}")
    if radius < EARTH_RADIUS_KM + DECAY_ALTITUDE_KM:
        return _decayed(radius, "at epoch")
    return None


def _stale_fault(epoch_us: int, day_us: int, max_age_days: float) -> Fault | None:
    age_days = (day_us - epoch_us) / MICROSECONDS_PER_DAY
    if age_days <= max_age_days:
        return None
    detail = f"epoch {format_utc(epoch_us)} is {age_days:.1f} days before the epoch day; at most {max_age_days:g}"
    return Fault(RejectRule.STALE, f"{detail} are accepted")


def _decay_fault(satrec: Satrec, axis_km: float, eccentricity: float, epoch_us: int, day_us: int) -> Fault | None:
    """Down by the time the day begins. Nothing is said of sets whose epoch comes later: SGP4 backwards in time
    is no proof of decay, and the ephemeris cuts off what it cannot compute."""
    if epoch_us > day_us:
        return None
    error, position, _ = satrec.sgp4(*julian_date(day_us))
    when = f"at {format_utc(day_us)}, {(day_us - epoch_us) / MICROSECONDS_PER_DAY:.1f} days after its epoch"
    if error:
        return Fault(RejectRule.DECAYED, f"SGP4 error {error} {when}: {_SGP4_ERRORS[error]}")
    radius = _length(position)
    if radius < EARTH_RADIUS_KM + DECAY_ALTITUDE_KM or radius > _FAR_BEYOND_APOGEE * axis_km * (1.0 + eccentricity):
        return _decayed(radius, when)
    return None


def _decayed(radius_km: float, when: str) -> Fault:
    detail = f"SGP4 puts the object {when} {radius_km - EARTH_RADIUS_KM:,.0f} km above the equatorial radius"
    return Fault(RejectRule.DECAYED, f"{detail}; below {DECAY_ALTITUDE_KM:g} km, or far outside its orbit, is decayed")


def _length(position: tuple[float, float, float]) -> float:
    x, y, z = position
    return float((x * x + y * y + z * z) ** 0.5)


def _superseded_faults(sets: ElementSets, used: Int64, faults: dict[int, Fault]) -> dict[int, Fault]:
    """Everything not looked at is older than (or of equal epoch and behind) the set that decided."""
    is_left = np.ones(len(sets), dtype=np.bool_)
    is_left[used] = False
    is_left[list(faults)] = False
    rows = np.flatnonzero(is_left)
    if not len(rows):
        return {}
    deciders = np.array(sorted({*used.tolist(), *_final_rows(faults)}), dtype=np.int64)
    decider = deciders[np.searchsorted(sets.norad_id[deciders], sets.norad_id[rows])]
    epochs = format_utc_array(sets.epoch_us[decider])
    return {
        row: Fault(RejectRule.SUPERSEDED, f"the set of {epoch} comes first")
        for row, epoch in zip(rows.tolist(), epochs, strict=True)
    }


def _final_rows(faults: dict[int, Fault]) -> Iterator[int]:
    return (row for row, fault in faults.items() if fault.rule in (RejectRule.STALE, RejectRule.DECAYED))


def _rejected(sets: ElementSets, faults: dict[int, Fault]) -> list[RejectedRecord]:
    rows = np.array(sorted(faults), dtype=np.int64)
    left = sets.take(rows)
    return [
        RejectedRecord(file, line, faults[row].rule, faults[row].detail, b"", norad_id, name)
        for row, file, line, norad_id, name in zip(
            rows.tolist(),
            left.source_file.tolist(),
            left.source_line.tolist(),
            left.norad_id.tolist(),
            left.object_name.tolist(),
            strict=True,
        )
    ]
