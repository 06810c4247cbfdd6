"""One usable element set per object: the newest valid one of those received up to the end of a day.

Sets of one object are taken newest epoch first. Equal content is counted once; of equal epochs with other content the
set of the source that comes first in the priority is taken, then the one received on the later day (providers correct
sets and keep their epochs and numbers), then the higher element set number, the higher revolution number, the smaller
content key, so the choice does not depend on the order of arrival within a day. A set that is ahead of its time, or
that SGP4 cannot start from, gives way to the next older one. The first that passes decides about its object: it is
used, or the object is stale or has decayed; all older ones are superseded. Good sets of earlier days that are
superseded are history, not rejected records of this day.

Supplemental sets are chosen in the same way apart from the others, and take their place where asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from ssa_pipeline.core.aliases import Aliases, find_aliases
from ssa_pipeline.core.element_set_key import element_set_keys
from ssa_pipeline.core.jumps import jumps
from ssa_pipeline.core.mean_orbit import EARTH_RADIUS_KM, semi_major_axis_km
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
from ssa_pipeline.core.satcat import Decay, KnownObjects, decays_before, period_differs
from ssa_pipeline.core.satrec import julian_date, to_satrecs
from ssa_pipeline.core.time import day_start_us, format_utc, format_utc_array

DECAY_ALTITUDE_KM = 100.0
# SGP4's periodic terms keep every real object within 0.1 % of its apogee at epoch (measured on 26,834), but some
# elements make it put the object millions of kilometres away without an error code.
_FAR_BEYOND_APOGEE = 2.0
EPOCH_ROUNDING_US = 1_000  # a TLE's last digit is 864 µs
MAX_AHEAD_DAYS = 15.0

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
# Nothing is wrong with such a set.
_NOT_NEEDED = frozenset({RejectRule.SUPERSEDED, RejectRule.DUPLICATE, RejectRule.SUPPLEMENTAL_NOT_USED})


@dataclass(frozen=True)
class CleanCatalog:
    """``element_sets`` has one row per object, sorted by catalogue number; ``age_days`` and
    ``is_forward_epoch``, ``flags``, ``source`` and ``received_day`` have one value per row."""

    epoch_day: date
    element_sets: ElementSets
    age_days: Float64  # 00:00 UTC of epoch_day minus the element set's epoch; negative = epoch ahead
    is_forward_epoch: NDArray[np.bool_]  # the epoch lies after the end of epoch_day
    rejected: list[RejectedRecord]  # of the day's sets all others, of earlier ones those with a fault
    flags: Text  # blank-separated words (core.object_flags), '' where there is none
    source: Text  # where the set came from, e.g. celestrak
    received_day: Days  # on which it was received last
    rejected_snapshot_id: Int64  # of each rejected record, 0 where there is none
    aliases: Aliases  # numbers that look like one object


class Fault(NamedTuple):
    rule: RejectRule
    detail: str


@dataclass(frozen=True)
class _Choice:
    """Sets of one kind, by object and newest first, and what was decided. ``newest_day``: on which each row's orbit
    was last received, from whomever. ``previous``: for each row of ``used`` the row of the object's set before it, -1
    where there is none."""

    sets: ElementSets
    receipts: Receipts
    newest_day: Days
    used: Int64
    previous: Int64
    faults: dict[int, Fault]


def clean_catalog(
    received: ElementSets,
    epoch_day: date,
    receipts: Receipts | None = None,
    known: KnownObjects | None = None,
    *,
    max_age_days: float = 30.0,
    max_ahead_days: float = MAX_AHEAD_DAYS,
    source_priority: Sequence[str] = (),
    supplemental_max_age_days: float | None = None,
    record_bytes: Callable[[Receipts], list[bytes]] | None = None,
) -> CleanCatalog:
    """Choose among all sets ``received`` up to the end of ``epoch_day``; without ``receipts`` they are of one file of
    the day. Ages are measured once, at its 00:00 UTC: older than ``max_age_days`` is stale (inf: never). More than
    ``max_ahead_days`` after 00:00 UTC of the day on which it was received last is rejected. Sources that
    ``source_priority`` does not name come last. Supplemental sets are used where ``supplemental_max_age_days`` is
    given, and their epoch is at most so old and not after the day. ``known``: what SATCAT, decay and TIP messages say
    of the objects. ``record_bytes`` finds what is kept as ``raw`` of the records with these receipts."""
    receipts = receipts or Receipts.alike(len(received), epoch_day)
    day_us = day_start_us(epoch_day)
    is_gp = receipts.kind == GP
    ranks, own_ranks = (_ranks(names, source_priority) for names in (receipts.sources, receipts.source))
    gp, supplemental = (
        _Received(received.take(rows), receipts.take(rows), ranks[rows], own_ranks[rows]) for rows in (is_gp, ~is_gp)
    )
    decays = decays_before(known, day_us) if known else {}
    choice = _chosen(gp, day_us, max_age_days, decays, lambda sets, days: _ahead_faults(sets, days, max_ahead_days))
    if len(supplemental.sets):
        limit = supplemental_max_age_days
        other = _chosen(supplemental, day_us, max_age_days, decays, lambda sets, _: _unasked(sets, limit, day_us))
        choice = _with_supplemental(choice, other, decays)
    used, previous = choice.used, choice.previous
    sets, came = choice.sets.take(used), choice.receipts.take(used)
    rejected_rows = _rejected_rows(choice, epoch_day)
    rejected_receipts = choice.receipts.take(rejected_rows)
    raw = record_bytes(rejected_receipts) if record_bytes else [b""] * len(rejected_rows)
    return CleanCatalog(
        epoch_day,
        sets,
        (day_us - sets.epoch_us) / MICROSECONDS_PER_DAY,
        sets.epoch_us >= day_us + MICROSECONDS_PER_DAY,
        _rejected(choice.sets, rejected_rows, choice.faults, raw),
        flags_text(
            {
                ObjectFlag.CARRIED_OVER: choice.newest_day[used] < np.datetime64(epoch_day),
                ObjectFlag.SUPPLEMENTAL: came.kind != GP,
                **_jumps(choice.sets, used, previous, day_us),
                **_known_flags(sets, epoch_day, known, decays),
            },
            len(used),
        ),
        came.source,
        came.received_day,
        rejected_receipts.snapshot_id,
        find_aliases(sets, day_us),
    )


def without_usable_set(received: ElementSets, receipts: Receipts, norad_ids: Int64) -> Int64:
    """Those of the objects of whose GP sets none decides about its object, neither for nor against it: all are ahead of
    their time, below the surface, or SGP4 cannot start from them."""
    rows = np.flatnonzero((receipts.kind == GP) & np.isin(received.norad_id, norad_ids))
    rows = rows[np.lexsort((-received.epoch_us[rows], received.norad_id[rows]))]
    left = np.unique(received.norad_id[rows])
    while len(rows):  # newest first, as nearly every object needs no second look
        found, first = np.unique(received.norad_id[rows], return_index=True)
        sets, days = received.take(rows[first]), receipts.received_day[rows[first]]
        gives_way = np.array(
            [bool(fault and fault.rule in _NEXT_OLDER_MAY_DO) for fault in _set_faults(sets, to_satrecs(sets))]
        )
        gives_way[list(_ahead_faults(sets, days, MAX_AHEAD_DAYS))] = True
        left = np.setdiff1d(left, found[~gives_way])
        rows = np.delete(rows, first)
        rows = rows[np.isin(received.norad_id[rows], left)]
    return left


def perigee_altitude_km(element_sets: ElementSets) -> Float64:
    """Mean perigee above the equatorial radius, shape (n,)."""
    return semi_major_axis_km(element_sets) * (1.0 - element_sets.eccentricity) - EARTH_RADIUS_KM


@dataclass(frozen=True)
class _Received:
    sets: ElementSets
    receipts: Receipts
    rank: Int64  # of the first of all sources of the set, 0 first
    own_rank: Int64  # of the source of this receipt


def _ranks(sources: Text, priority: Sequence[str]) -> Int64:
    """The place of the first of each row's sources."""
    place = {name: rank for rank, name in enumerate(priority)}
    ranks = {names: min(place.get(name, len(place)) for name in names.split("\n")) for names in set(sources.tolist())}
    return np.array([ranks[names] for names in sources.tolist()], dtype=np.int64)


def _chosen(
    received: _Received,
    day_us: int,
    max_age_days: float,
    decays: dict[int, Decay],
    set_apart: Callable[[ElementSets, Days], dict[int, Fault]],
) -> _Choice:
    """Choose among sets of one kind; those that ``set_apart`` names are out of the question."""
    order, orbit, is_duplicate = _newest_first(received)
    sets = received.sets.take(order)
    receipts = received.receipts.take(order)
    newest_day = _newest_of_orbit(receipts.received_day, orbit)
    faults = set_apart(sets, newest_day) | dict(_duplicate_faults(sets, is_duplicate))
    is_open = np.ones(len(sets), dtype=np.bool_)
    is_open[list(faults)] = False
    used, decisions = _decide(sets, is_open, day_us, max_age_days)
    gone = _known_decays(sets, used, decays)
    used = used[~np.isin(used, list(gone))]
    faults |= decisions | gone
    superseded = _superseded_faults(sets, used, faults)
    previous = _previous(sets, used, np.array(sorted(superseded), dtype=np.int64))
    return _Choice(sets, receipts, newest_day, used, previous, faults | superseded)


def _newest_of_orbit(received_day: Days, orbit: Int64) -> Days:
    if not len(orbit):
        return received_day
    first = np.flatnonzero(np.diff(orbit, prepend=-1))
    return np.asarray(np.maximum.reduceat(received_day, first)[orbit])


def _with_supplemental(gp: _Choice, other: _Choice, decays: dict[int, Decay]) -> _Choice:
    """Supplemental sets take the place of the GP sets, except where GP says that the object has decayed, or another
    source does and no GP set is newer."""
    faults = gp.faults | {row + len(gp.sets): fault for row, fault in other.faults.items()}
    tracked = set(gp.sets.norad_id[gp.used].tolist())
    gone = {norad_id: decay.detail for norad_id, decay in decays.items() if norad_id not in tracked}
    decided = gp.sets.norad_id.tolist()
    gone |= {
        decided[row]: "the object's GP set is rejected as decayed"
        for row, fault in gp.faults.items()
        if fault.rule is RejectRule.DECAYED
    }
    is_kept = ~np.isin(other.sets.norad_id[other.used], list(gone))
    for row in other.used[~is_kept].tolist():
        detail = gone[int(other.sets.norad_id[row])]
        faults[row + len(gp.sets)] = Fault(RejectRule.SUPPLEMENTAL_NOT_USED, detail)
    taken = other.used[is_kept]
    is_replaced = np.isin(gp.sets.norad_id[gp.used], other.sets.norad_id[taken])
    epochs = dict(zip(other.sets.norad_id[taken].tolist(), format_utc_array(other.sets.epoch_us[taken]), strict=True))
    for row in gp.used[is_replaced].tolist():
        detail = f"the supplemental set of {epochs[int(gp.sets.norad_id[row])]} takes its place"
        faults[row] = Fault(RejectRule.SUPERSEDED, detail)
    before = other.previous[is_kept]
    used = np.concatenate([gp.used[~is_replaced], taken + len(gp.sets)])
    previous = np.concatenate([gp.previous[~is_replaced], np.where(before < 0, -1, before + len(gp.sets))])
    sets = ElementSets.concat([gp.sets, other.sets])
    by_object = np.argsort(sets.norad_id[used])
    receipts = Receipts.concat([gp.receipts, other.receipts])
    newest_day = np.concatenate([gp.newest_day, other.newest_day])
    return _Choice(sets, receipts, newest_day, used[by_object], previous[by_object], faults)


def _unasked(sets: ElementSets, max_age_days: float | None, day_us: int) -> dict[int, Fault]:
    """Supplemental sets that are not valid for the day, or all where none is asked for."""
    if max_age_days is None:
        return dict.fromkeys(range(len(sets)), Fault(RejectRule.SUPPLEMENTAL_NOT_USED, "supplemental GP is off"))
    oldest_us, end_us = day_us - round(max_age_days * MICROSECONDS_PER_DAY), day_us + MICROSECONDS_PER_DAY
    is_valid = (sets.epoch_us >= oldest_us) & (sets.epoch_us < end_us)
    return {
        row: Fault(
            RejectRule.SUPPLEMENTAL_NOT_USED,
            f"epoch {format_utc(sets.epoch_us[row])} is not from {format_utc(oldest_us)} to the end of the day",
        )
        for row in np.flatnonzero(~is_valid).tolist()
    }


def _previous(sets: ElementSets, used: Int64, superseded: Int64) -> Int64:
    """For each row used, the first row of its object among the superseded with an older epoch, -1 without one."""
    place = np.searchsorted(sets.norad_id[used], sets.norad_id[superseded])
    place = np.minimum(place, len(used) - 1)
    is_before = np.zeros(len(superseded), dtype=np.bool_)
    if len(used):
        decider = used[place]
        is_before = sets.norad_id[decider] == sets.norad_id[superseded]
        is_before &= sets.epoch_us[superseded] < sets.epoch_us[decider] - EPOCH_ROUNDING_US
    previous = np.full(len(used), -1, dtype=np.int64)
    objects, first = np.unique(place[is_before], return_index=True)
    previous[objects] = superseded[is_before][first]
    return previous


def _jumps(sets: ElementSets, used: Int64, previous: Int64, day_us: int) -> dict[ObjectFlag, NDArray[np.bool_]]:
    has_previous = np.flatnonzero(previous >= 0)
    found = jumps(sets.take(previous[has_previous]), sets.take(used[has_previous]), day_us)
    return {flag: np.isin(np.arange(len(used)), has_previous[mask]) for flag, mask in found.items()}


def _newest_first(received: _Received) -> tuple[Int64, Int64, NDArray[np.bool_]]:
    """Rows by object, newest epoch first, ties by source and content; and for the rows in that order a number of their
    orbit (object and epoch), and whether they repeat an earlier row. Epochs less than EPOCH_ROUNDING_US apart are one:
    formats round them differently."""
    sets = received.sets
    order = np.lexsort((-sets.epoch_us, sets.norad_id)).astype(np.int64)
    norad_id, epoch_us = sets.norad_id[order], sets.epoch_us[order]
    is_same = (norad_id[1:] == norad_id[:-1]) & (epoch_us[:-1] - epoch_us[1:] < EPOCH_ROUNDING_US)
    orbit = np.concatenate([[0], np.cumsum(~is_same)])[: len(order)].astype(np.int64)
    is_tied = np.zeros(len(order), dtype=np.bool_)
    is_tied[1:] |= is_same
    is_tied[:-1] |= is_same
    rows = order[is_tied]
    tied = sets.take(rows)
    keys = element_set_keys(tied)
    ranks = sorted(
        zip(
            orbit[is_tied].tolist(),
            received.rank[rows].tolist(),
            (-received.receipts.received_day[rows].astype(np.int64)).tolist(),
            (-tied.epoch_us).tolist(),
            (-tied.element_set_no).tolist(),
            (-tied.rev_at_epoch).tolist(),
            keys,
            (tied.object_name == "").tolist(),
            received.own_rank[rows].tolist(),
            received.receipts.source[rows].tolist(),
            tied.source_file.tolist(),
            tied.source_line.tolist(),
            rows.tolist(),
            strict=True,
        )
    )
    order[is_tied] = [rank[-1] for rank in ranks]
    is_duplicate = np.zeros(len(order), dtype=np.bool_)
    is_duplicate[is_tied] = _is_repeated([rank[6] for rank in ranks])
    return order, orbit, is_duplicate


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


def _ahead_faults(sets: ElementSets, received_day: Days, max_ahead_days: float) -> dict[int, Fault]:
    """Measured on the day of the last receipt: what was too far ahead then does not become right by waiting."""
    received_us = received_day.astype("datetime64[us]").astype(np.int64)
    ahead_days = (sets.epoch_us - received_us) / MICROSECONDS_PER_DAY
    return {
        row: Fault(
            RejectRule.EPOCH_TOO_FAR_AHEAD,
            f"epoch {format_utc(sets.epoch_us[row])} is {ahead_days[row]:.1f} days after "
            f"{received_day[row]} 00:00 UTC, the day it came; at most {max_ahead_days:g} are accepted",
        )
        for row in np.flatnonzero(ahead_days > max_ahead_days).tolist()
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
    axes = semi_major_axis_km(sets).tolist()
    judged = zip(
        _set_faults(sets, satrecs), satrecs, sets.epoch_us.tolist(), axes, sets.eccentricity.tolist(), strict=True
    )
    return [
        fault
        or _stale_fault(epoch_us, day_us, max_age_days)
        or _decay_fault(satrec, axis, eccentricity, epoch_us, day_us)
        for fault, satrec, epoch_us, axis, eccentricity in judged
    ]


def _set_faults(sets: ElementSets, satrecs: list[Satrec]) -> list[Fault | None]:
    """What speaks against each row on whatever day."""
    perigees = perigee_altitude_km(sets).tolist()
    axes = semi_major_axis_km(sets).tolist()
    judged = zip(satrecs, perigees, axes, sets.eccentricity.tolist(), strict=True)
    return [
        _perigee_fault(perigee) or _epoch_fault(satrec, axis, eccentricity)
        for satrec, perigee, axis, eccentricity in judged
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
    radius = _length(position)
    largest = _FAR_BEYOND_APOGEE * axis_km * (1.0 + eccentricity)
    if not error and EARTH_RADIUS_KM + DECAY_ALTITUDE_KM <= radius <= largest:
        return None
    when = f"at {format_utc(day_us)}, {(day_us - epoch_us) / MICROSECONDS_PER_DAY:.1f} days after its epoch"
    if error:
        return Fault(RejectRule.DECAYED, f"SGP4 error {error} {when}: {_SGP4_ERRORS[error]}")
    return _decayed(radius, when)


def _decayed(radius_km: float, when: str) -> Fault:
    detail = f"SGP4 puts the object {when} {radius_km - EARTH_RADIUS_KM:,.0f} km above the equatorial radius"
    return Fault(RejectRule.DECAYED, f"{detail}; below {DECAY_ALTITUDE_KM:g} km, or far outside its orbit, is decayed")


def _known_decays(sets: ElementSets, used: Int64, decays: dict[int, Decay]) -> dict[int, Fault]:
    """Those of the rows used whose objects a source says are down, and no set says are tracked since."""
    rows = zip(used.tolist(), sets.norad_id[used].tolist(), sets.epoch_us[used].tolist(), strict=True)
    return {
        row: Fault(RejectRule.DECAYED, f"{decay.detail}; the set is of {format_utc(epoch_us)}")
        for row, norad_id, epoch_us in rows
        if (decay := decays.get(norad_id)) and epoch_us < decay.gone_us
    }


def _known_flags(
    sets: ElementSets, epoch_day: date, known: KnownObjects | None, decays: dict[int, Decay]
) -> dict[ObjectFlag, NDArray[np.bool_]]:
    if known is None:
        return {}
    return {
        ObjectFlag.SATCAT_PERIOD_DIFFERS: period_differs(sets, epoch_day, known),
        ObjectFlag.TRACKED_AFTER_DECAY: np.isin(sets.norad_id, list(decays)),
    }


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


def _rejected_rows(choice: _Choice, epoch_day: date) -> Int64:
    is_of_day = choice.receipts.received_day == np.datetime64(epoch_day)
    rows = (row for row, fault in choice.faults.items() if is_of_day[row] or fault.rule not in _NOT_NEEDED)
    return np.array(sorted(rows), dtype=np.int64)


def _rejected(sets: ElementSets, rows: Int64, faults: dict[int, Fault], raw: list[bytes]) -> list[RejectedRecord]:
    left = sets.take(rows)
    return [
        RejectedRecord(file, line, faults[row].rule, faults[row].detail, record, norad_id, name)
        for row, record, file, line, norad_id, name in zip(
            rows.tolist(),
            raw,
            left.source_file.tolist(),
            left.source_line.tolist(),
            left.norad_id.tolist(),
            left.object_name.tolist(),
            strict=True,
        )
    ]
