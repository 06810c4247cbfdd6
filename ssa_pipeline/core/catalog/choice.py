"""Which sets of one kind, GP or supplemental, are used: sorted best first, looked at until one passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ssa_pipeline.core.catalog.element_set_key import element_set_keys
from ssa_pipeline.core.catalog.faults import EPOCH_ROUNDING_US, NEXT_OLDER_MAY_DO, Fault, set_faults, stale_fault
from ssa_pipeline.core.catalog.rejected import duplicate_faults, sharing_faults, superseded_faults
from ssa_pipeline.core.catalog.satcat import Decay
from ssa_pipeline.core.catalog.segments import IN_FORCE, segment_places
from ssa_pipeline.core.orbits.satrec import to_satrecs
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, Days, ElementSets, Int64, Mask, Receipts, RejectRule, Text
from ssa_pipeline.core.status import MEANINGS, Status
from ssa_pipeline.core.time import format_utc


@dataclass(frozen=True)
class Received:
    """n sets of one kind with their receipts, and what orders them beside their epochs; arrays of shape (n,)."""

    sets: ElementSets
    receipts: Receipts
    rank: Int64  # of the first of all sources of the set, 0 first
    own_rank: Int64  # of the source of this receipt
    place: Int64  # of segments and ordinary sets

    @classmethod
    def of(cls, sets: ElementSets, receipts: Receipts, rank: Int64, own_rank: Int64, may_be: Mask) -> Received:
        """``may_be``: rows that are segments where an object has several of them in one release, shape (n,)."""
        return cls(sets, receipts, rank, own_rank, segment_places(sets, receipts, own_rank, may_be))


@dataclass(frozen=True)
class Choice:
    """Sets of one kind, by object and newest first, and what was decided. ``newest_day``: on which each row's orbit
    was last received, from whomever. ``previous``: for each row of ``used`` the row of the object's set before it, -1
    where there is none. ``handover_rows``: used from ``handover_days`` on. ``sharing``: numbers of several objects."""

    sets: ElementSets
    receipts: Receipts
    newest_day: Days
    used: Int64
    previous: Int64
    faults: dict[int, Fault]
    handover_days: Int64
    handover_rows: Int64
    sharing: Int64


def source_ranks(sources: Text, priority: Sequence[str]) -> Int64:
    """The place in ``priority`` of the first of each row's sources (by lines), shape (n,); of those that it does not
    name the one after all."""
    place = {name: rank for rank, name in enumerate(priority)}
    ranks = {names: min(place.get(name, len(place)) for name in names.split("\n")) for names in set(sources.tolist())}
    return np.array([ranks[names] for names in sources.tolist()], dtype=np.int64)


def chosen(
    received: Received,
    day_us: int,
    starts_us: list[int],
    max_age_days: float,
    decays: dict[int, Decay],
    set_apart: Callable[[ElementSets, Days, Mask], dict[int, Fault]],
) -> Choice:
    """Choose among sets of one kind for the day that begins at ``day_us`` and lead days that begin at ``starts_us``.
    Older than ``max_age_days`` when the first of these begins is stale (inf: never). ``set_apart`` gets the sets, the
    days on which their orbits came last and which are segments, and names the rows that are out of the question;
    ``decays``: by number, whom a source says is down."""
    end_us = day_us + MICROSECONDS_PER_DAY
    # an ordinary set counts up to the end of the day, a segment up to the start of its lead day
    is_later = received.sets.epoch_us > np.where(received.place == IN_FORCE, starts_us[0], end_us - 1)
    order, orbit, is_duplicate = _best_first(received, is_later)
    is_later, is_segment = is_later[order], received.place[order] == IN_FORCE
    sets = received.sets.take(order)
    receipts = received.receipts.take(order)
    newest_day = _newest_of_orbit(receipts.received_day, orbit)
    faults = set_apart(sets, newest_day, is_segment) | dict(duplicate_faults(sets, is_duplicate))
    is_open = np.ones(len(sets), dtype=np.bool_)
    is_open[list(faults)] = False
    used, decisions = _decide(sets, is_open, is_later, starts_us[0], max_age_days)
    gone = _known_decays(sets, used, decays)
    used = used[~np.isin(used, list(gone))]
    faults |= decisions | gone
    segments = np.flatnonzero(is_segment & is_open)
    days, rows, unfit = _handed_over(sets, segments, used, starts_us)
    faults |= unfit
    superseded = superseded_faults(sets, is_later, used, {*faults, *rows.tolist()}, faults)
    sharing = sharing_faults(sets, receipts, used, np.array(sorted(superseded), dtype=np.int64))
    previous = _previous(sets, used, np.array(sorted(superseded.keys() - sharing.keys()), dtype=np.int64))
    numbers = np.unique(sets.norad_id[list(sharing)])
    return Choice(sets, receipts, newest_day, used, previous, faults | superseded | sharing, days, rows, numbers)


def _newest_of_orbit(received_day: Days, orbit: Int64) -> Days:
    if not len(orbit):
        return received_day
    first = np.flatnonzero(np.diff(orbit, prepend=-1))
    return np.asarray(np.maximum.reduceat(received_day, first)[orbit])


def _best_first(received: Received, is_later: Mask) -> tuple[Int64, Int64, Mask]:
    """Rows by object, segments first, then newest epoch first, after them those that are later than the time asked for,
    nearest first; ties by source and content. And for the rows in that order a number of their orbit (object and
    epoch), and whether they repeat an earlier row. Epochs less than EPOCH_ROUNDING_US apart are one: formats round them
    differently."""
    sets = received.sets
    nearest = np.where(is_later, sets.epoch_us, -sets.epoch_us)
    order = np.lexsort((nearest, is_later, received.place, sets.norad_id)).astype(np.int64)
    norad_id, epoch_us, group = sets.norad_id[order], sets.epoch_us[order], (is_later + 2 * received.place)[order]
    is_same = (norad_id[1:] == norad_id[:-1]) & (group[1:] == group[:-1])
    is_same &= np.abs(epoch_us[:-1] - epoch_us[1:]) < EPOCH_ROUNDING_US
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


def _decide(
    sets: ElementSets, is_open: Mask, is_later: Mask, start_us: int, max_age_days: float
) -> tuple[Int64, dict[int, Fault]]:
    """The rows used, by catalogue number, and the faults of the others that were looked at. A set that is later than
    the time asked for is looked at where the others give none."""
    used: list[int] = []
    faults: dict[int, Fault] = {}
    open_rows = np.flatnonzero(is_open)
    while len(open_rows):
        _, first = np.unique(sets.norad_id[open_rows], return_index=True)
        top = open_rows[first]
        found = _faults(sets.take(top), start_us, max_age_days)
        retry, later_only = [], []
        for row, fault in zip(top.tolist(), found, strict=True):
            if fault is None:
                used.append(row)
                continue
            faults[row] = fault
            if fault.rule in NEXT_OLDER_MAY_DO:
                retry.append(sets.norad_id[row])
            elif not is_later[row]:
                later_only.append(sets.norad_id[row])
        open_rows = np.delete(open_rows, first)
        norad_id = sets.norad_id[open_rows]
        open_rows = open_rows[np.isin(norad_id, retry) | (np.isin(norad_id, later_only) & is_later[open_rows])]
    return np.array(sorted(used), dtype=np.int64), faults


def _handed_over(
    sets: ElementSets, segments: Int64, used: Int64, starts_us: list[int]
) -> tuple[Int64, Int64, dict[int, Fault]]:
    """For each lead day after the first the rows of ``segments`` that take over when it begins, and the faults of those
    that cannot."""
    days: list[Int64] = []
    rows: list[Int64] = []
    faults: dict[int, Fault] = {}
    current = used.copy()
    segments = segments[np.isin(sets.norad_id[segments], sets.norad_id[used[np.isin(used, segments)]])]
    segments = segments[np.lexsort((sets.epoch_us[segments], sets.norad_id[segments]))]
    for lead_day, start_us in enumerate(starts_us[1:], start=1) if len(segments) else ():
        while True:
            begun = segments[(sets.epoch_us[segments] <= start_us) & ~np.isin(segments, list(faults))]
            newest = begun[np.append(np.diff(sets.norad_id[begun]) != 0, True)[: len(begun)]]
            place = np.searchsorted(sets.norad_id[current], sets.norad_id[newest])
            is_newer = sets.epoch_us[newest] > sets.epoch_us[current[place]]
            newest, place = newest[is_newer], place[is_newer]
            found = zip(newest.tolist(), _faults(sets.take(newest), start_us, np.inf), strict=True)
            unfit = {row: fault for row, fault in found if fault is not None}
            if not unfit:
                break
            faults |= unfit
        current[place] = newest
        days.append(np.full(len(newest), lead_day, dtype=np.int64))
        rows.append(newest)
    empty = [np.empty(0, dtype=np.int64)]
    return np.concatenate(empty + days), np.concatenate(empty + rows), faults


def _faults(sets: ElementSets, day_us: int, max_age_days: float) -> list[Fault | None]:
    """What speaks against each row, or None."""
    judged = zip(set_faults(sets, to_satrecs(sets)), sets.epoch_us.tolist(), strict=True)
    found = [fault or stale_fault(epoch_us, day_us, max_age_days) for fault, epoch_us in judged]
    open_rows = np.flatnonzero([fault is None for fault in found])
    for k, fault in _decay_faults(sets.take(open_rows), day_us).items():
        found[open_rows[k]] = fault
    return found


def _decay_faults(sets: ElementSets, day_us: int) -> dict[int, Fault]:
    """Of the rows that SGP4 cannot carry to the beginning of the day: it fails on the way, or puts the object below the
    surface or beyond twice its apogee. A dip below 100 km is no such end. Nothing is said of sets whose epoch comes
    later: SGP4 backwards in time is no proof of decay, and the ephemeris cuts off what it cannot compute."""
    # the kernels load slowly, and whoever only reads files does not need them
    from ssa_pipeline.core.orbits.propagation import find_validity, sgp4_coefficients

    coefficients = sgp4_coefficients(sets)
    validity, _ = find_validity(coefficients, sets.epoch_us, day_us, day_us + 1)
    faults = {}
    for row in np.flatnonzero((sets.epoch_us <= day_us) & (validity[:, 1] <= day_us)).tolist():
        epoch_us = int(sets.epoch_us[row])
        one = slice(row, row + 1)
        ((_, end_us),), (code,) = find_validity(coefficients[one], sets.epoch_us[one], epoch_us, day_us + 1)
        when = f"at {format_utc(end_us)}, {(end_us - epoch_us) / MICROSECONDS_PER_DAY:.1f} days after its epoch"
        faults[row] = Fault(RejectRule.DECAYED, f"{MEANINGS[Status(int(code))]} {when} and before the day begins")
    return faults


def _known_decays(sets: ElementSets, used: Int64, decays: dict[int, Decay]) -> dict[int, Fault]:
    """Those of the rows used whose objects a source says are down, and no set says are tracked since."""
    rows = zip(used.tolist(), sets.norad_id[used].tolist(), sets.epoch_us[used].tolist(), strict=True)
    return {
        row: Fault(RejectRule.DECAYED, f"{decay.detail}; the set is of {format_utc(epoch_us)}")
        for row, norad_id, epoch_us in rows
        if (decay := decays.get(norad_id)) and epoch_us < decay.gone_us
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
