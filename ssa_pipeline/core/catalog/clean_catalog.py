"""One usable element set per object: the newest valid one of those received up to the end of a day.

Sets of one object are taken newest epoch first; those whose epoch lies after the end of the day come last, the nearest
of these first. Equal content is counted once; of equal epochs with other content the set of the source that comes first
in the priority is taken, then the one received on the later day (providers correct sets and keep their epochs and
numbers), then the higher element set number, the higher revolution number, the smaller content key, so the choice does
not depend on the order of arrival within a day. A set that is ahead of its time, or that SGP4 cannot start from, gives
way to the next one. The first that passes decides about its object: it is used, or the object is stale or has decayed,
unless there is a set with an epoch after the day; all others are superseded. Good sets of earlier days that are
superseded are history, not rejected records of this day.

Segments (core.segments) come before ordinary sets: of each lead day the newest whose epoch is not later than its start.
Supplemental sets are chosen in the same way apart from the others, and take their place where asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from ssa_pipeline.core.catalog.aliases import Aliases, find_aliases
from ssa_pipeline.core.catalog.element_set_key import element_set_keys
from ssa_pipeline.core.catalog.jumps import jumps
from ssa_pipeline.core.catalog.object_flags import ObjectFlag, flags_text
from ssa_pipeline.core.catalog.satcat import Decay, KnownObjects, decays_before, period_differs
from ssa_pipeline.core.catalog.segments import IN_FORCE, Handovers, may_be_segments, segment_places
from ssa_pipeline.core.catalog.shared_numbers import are_other_objects
from ssa_pipeline.core.days import LEAD_DAYS
from ssa_pipeline.core.orbits.mean_orbit import EARTH_RADIUS_KM, semi_major_axis_km
from ssa_pipeline.core.orbits.satrec import to_satrecs
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
from ssa_pipeline.core.status import MEANINGS, Status
from ssa_pipeline.core.time import day_start_us, format_utc, format_utc_array

# SGP4's periodic terms keep every real object within 0.1 % of its apogee at epoch (measured on 26,834), but some
# elements make it put the object millions of kilometres away without an error code.
_FAR_BEYOND_APOGEE = 2.0
EPOCH_ROUNDING_US = 1_000  # a TLE's last digit is 864 µs
MAX_AHEAD_DAYS = 15.0

# Faults of one set, not of its object: an older set may be good.
_NEXT_OLDER_MAY_DO = frozenset({RejectRule.PERIGEE_BELOW_SURFACE, RejectRule.SGP4_INIT})
_FINAL = frozenset({RejectRule.STALE, RejectRule.DECAYED})
# Nothing is wrong with such a set.
_NOT_NEEDED = frozenset({RejectRule.SUPERSEDED, RejectRule.DUPLICATE, RejectRule.SUPPLEMENTAL_NOT_USED})


@dataclass(frozen=True)
class CleanCatalog:
    """``element_sets`` has one row per object, sorted by catalogue number, as they are on the first lead day;
    ``age_days`` and ``is_forward_epoch``, ``flags``, ``source`` and ``received_day`` have one value per row."""

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
    handovers: Handovers = field(default_factory=Handovers.empty)  # to sets that are used on later lead days

    def only(self, rows: NDArray[np.bool_]) -> CleanCatalog:
        """The catalogue of some of its objects, a mask of shape (n,)."""
        per_row = ("age_days", "is_forward_epoch", "flags", "source", "received_day")
        stays = np.isin(self.handovers.element_sets.norad_id, self.element_sets.norad_id[rows])
        return replace(
            self,
            element_sets=self.element_sets.take(rows),
            handovers=Handovers(self.handovers.lead_day[stays], self.handovers.element_sets.take(stays)),
            **{name: getattr(self, name)[rows] for name in per_row},
        )

    def sets_on(self, lead_day: int) -> ElementSets:
        """The sets used on a lead day; objects and their order are those of ``element_sets``."""
        return self.handovers.applied(self.element_sets, lead_day)


class Fault(NamedTuple):
    rule: RejectRule
    detail: str


@dataclass(frozen=True)
class _Choice:
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
    start_us: int | None = None,
    lead_days: int = LEAD_DAYS,
    may_be_segment: NDArray[np.bool_] | None = None,
) -> CleanCatalog:
    """Choose among all sets ``received`` up to the end of ``epoch_day``; without ``receipts`` they are of one file of
    the day. Ages are measured once, at ``start_us``: older than ``max_age_days`` is stale (inf: never). More than
    ``max_ahead_days`` after 00:00 UTC of the day on which it was received last is rejected. Sources that
    ``source_priority`` does not name come last. Supplemental sets are used where ``supplemental_max_age_days`` is
    given, and their epoch is at most so old and not after the day. ``known``: what SATCAT, decay and TIP messages say
    of the objects. ``record_bytes`` finds what is kept as ``raw`` of the records with these receipts. ``start_us``:
    begin of the first of the ``lead_days`` (24 h each), 00:00 of the day when left out. ``may_be_segment``: rows that
    are segments where an object has several of them in one snapshot; told by kind and name when left out."""
    receipts = receipts or Receipts.alike(len(received), epoch_day)
    day_us = day_start_us(epoch_day)
    start_us = day_us if start_us is None else start_us
    starts_us = [start_us + k * MICROSECONDS_PER_DAY for k in range(lead_days)]
    is_gp = receipts.kind == GP
    ranks, own_ranks = (_ranks(names, source_priority) for names in (receipts.sources, receipts.source))
    may_be_segment = may_be_segments(received, receipts) if may_be_segment is None else may_be_segment
    gp, supplemental = (
        _Received.of(received.take(rows), receipts.take(rows), ranks[rows], own_ranks[rows], may_be_segment[rows])
        for rows in (is_gp, ~is_gp)
    )
    decays = decays_before(known, day_us) if known else {}

    def set_apart(sets: ElementSets, days: Days, is_segment: NDArray[np.bool_]) -> dict[int, Fault]:
        return _ahead_faults(sets, days, is_segment, max_ahead_days)

    choice = _chosen(gp, day_us, starts_us, max_age_days, decays, set_apart)
    if len(supplemental.sets):

        def unasked(sets: ElementSets, _: Days, is_segment: NDArray[np.bool_]) -> dict[int, Fault]:
            return _unasked(sets, is_segment, supplemental_max_age_days, day_us)

        other = _chosen(supplemental, day_us, starts_us, max_age_days, decays, unasked)
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
                ObjectFlag.FORWARD_EPOCH: sets.epoch_us >= day_us + MICROSECONDS_PER_DAY,
                ObjectFlag.BAD_CHECKSUM: came.has_bad_checksum,
                ObjectFlag.SHARED_NUMBER: np.isin(sets.norad_id, choice.sharing),
                **_jumps(choice.sets, used, previous, day_us),
                **_known_flags(sets, epoch_day, known, decays),
            },
            len(used),
        ),
        came.source,
        came.received_day,
        rejected_receipts.snapshot_id,
        find_aliases(sets, day_us),
        Handovers(choice.handover_days, choice.sets.take(choice.handover_rows)),
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
        gives_way[list(_ahead_faults(sets, days, np.zeros(len(sets), dtype=np.bool_), MAX_AHEAD_DAYS))] = True
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
    place: Int64  # of segments and ordinary sets

    @classmethod
    def of(
        cls, sets: ElementSets, receipts: Receipts, rank: Int64, own_rank: Int64, may_be: NDArray[np.bool_]
    ) -> _Received:
        return cls(sets, receipts, rank, own_rank, segment_places(sets, receipts, own_rank, may_be))


def _ranks(sources: Text, priority: Sequence[str]) -> Int64:
    """The place of the first of each row's sources."""
    place = {name: rank for rank, name in enumerate(priority)}
    ranks = {names: min(place.get(name, len(place)) for name in names.split("\n")) for names in set(sources.tolist())}
    return np.array([ranks[names] for names in sources.tolist()], dtype=np.int64)


def _chosen(
    received: _Received,
    day_us: int,
    starts_us: list[int],
    max_age_days: float,
    decays: dict[int, Decay],
    set_apart: Callable[[ElementSets, Days, NDArray[np.bool_]], dict[int, Fault]],
) -> _Choice:
    """Choose among sets of one kind; those that ``set_apart`` names are out of the question."""
    end_us = day_us + MICROSECONDS_PER_DAY
    # an ordinary set counts up to the end of the day, a segment up to the start of its lead day
    is_later = received.sets.epoch_us > np.where(received.place == IN_FORCE, starts_us[0], end_us - 1)
    order, orbit, is_duplicate = _best_first(received, is_later)
    is_later, is_segment = is_later[order], received.place[order] == IN_FORCE
    sets = received.sets.take(order)
    receipts = received.receipts.take(order)
    newest_day = _newest_of_orbit(receipts.received_day, orbit)
    faults = set_apart(sets, newest_day, is_segment) | dict(_duplicate_faults(sets, is_duplicate))
    is_open = np.ones(len(sets), dtype=np.bool_)
    is_open[list(faults)] = False
    used, decisions = _decide(sets, is_open, is_later, starts_us[0], max_age_days)
    gone = _known_decays(sets, used, decays)
    used = used[~np.isin(used, list(gone))]
    faults |= decisions | gone
    segments = np.flatnonzero(is_segment & is_open)
    days, rows, unfit = _handed_over(sets, segments, used, starts_us)
    faults |= unfit
    superseded = _superseded_faults(sets, is_later, used, {*faults, *rows.tolist()}, faults)
    sharing = _sharing_faults(sets, receipts, used, np.array(sorted(superseded), dtype=np.int64))
    previous = _previous(sets, used, np.array(sorted(superseded.keys() - sharing.keys()), dtype=np.int64))
    numbers = np.unique(sets.norad_id[list(sharing)])
    return _Choice(sets, receipts, newest_day, used, previous, faults | superseded | sharing, days, rows, numbers)


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
        if fault.rule is RejectRule.DECAYED and decided[row] not in tracked
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
    stays = ~np.isin(gp.sets.norad_id[gp.handover_rows], other.sets.norad_id[taken])
    comes = np.isin(other.sets.norad_id[other.handover_rows], other.sets.norad_id[taken])
    for row in gp.handover_rows[~stays].tolist():
        faults[row] = Fault(RejectRule.SUPERSEDED, "a supplemental set takes its place")
    for row in other.handover_rows[~comes].tolist():
        faults[row + len(gp.sets)] = Fault(RejectRule.SUPPLEMENTAL_NOT_USED, gone[int(other.sets.norad_id[row])])
    days = np.concatenate([gp.handover_days[stays], other.handover_days[comes]])
    rows = np.concatenate([gp.handover_rows[stays], other.handover_rows[comes] + len(gp.sets)])
    by_day = np.lexsort((sets.norad_id[rows], days))
    sharing = np.union1d(gp.sharing[~np.isin(gp.sharing, other.sets.norad_id[taken])], other.sharing)
    return _Choice(
        sets,
        receipts,
        newest_day,
        used[by_object],
        previous[by_object],
        faults,
        days[by_day],
        rows[by_day],
        sharing,
    )


def _unasked(
    sets: ElementSets, is_segment: NDArray[np.bool_], max_age_days: float | None, day_us: int
) -> dict[int, Fault]:
    """Supplemental sets that are not valid for the day, or all where none is asked for. A segment is valid until the
    next one begins, however long ago it began."""
    if max_age_days is None:
        return dict.fromkeys(range(len(sets)), Fault(RejectRule.SUPPLEMENTAL_NOT_USED, "supplemental GP is off"))
    oldest_us, end_us = day_us - round(max_age_days * MICROSECONDS_PER_DAY), day_us + MICROSECONDS_PER_DAY
    is_valid = is_segment | ((sets.epoch_us >= oldest_us) & (sets.epoch_us < end_us))
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


def _best_first(received: _Received, is_later: NDArray[np.bool_]) -> tuple[Int64, Int64, NDArray[np.bool_]]:
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


def _duplicate_faults(sets: ElementSets, is_duplicate: NDArray[np.bool_]) -> Iterator[tuple[int, Fault]]:
    for row in np.flatnonzero(is_duplicate).tolist():
        yield row, Fault(RejectRule.DUPLICATE, f"same object, epoch {format_utc(sets.epoch_us[row])} and elements")


def _ahead_faults(
    sets: ElementSets, received_day: Days, is_segment: NDArray[np.bool_], max_ahead_days: float
) -> dict[int, Fault]:
    """Measured on the day of the last receipt: what was too far ahead then does not become right by waiting. Segments
    are made ahead of their time."""
    received_us = received_day.astype("datetime64[us]").astype(np.int64)
    ahead_days = (sets.epoch_us - received_us) / MICROSECONDS_PER_DAY
    return {
        row: Fault(
            RejectRule.EPOCH_TOO_FAR_AHEAD,
            f"epoch {format_utc(sets.epoch_us[row])} is {ahead_days[row]:.1f} days after "
            f"{received_day[row]} 00:00 UTC, the day it came; at most {max_ahead_days:g} are accepted",
        )
        for row in np.flatnonzero((ahead_days > max_ahead_days) & ~is_segment).tolist()
    }


def _decide(
    sets: ElementSets, is_open: NDArray[np.bool_], is_later: NDArray[np.bool_], start_us: int, max_age_days: float
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
            if fault.rule in _NEXT_OLDER_MAY_DO:
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
    judged = zip(_set_faults(sets, to_satrecs(sets)), sets.epoch_us.tolist(), strict=True)
    found = [fault or _stale_fault(epoch_us, day_us, max_age_days) for fault, epoch_us in judged]
    open_rows = np.flatnonzero([fault is None for fault in found])
    for k, fault in _decay_faults(sets.take(open_rows), day_us).items():
        found[open_rows[k]] = fault
    return found


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
        return Fault(RejectRule.SGP4_INIT, f"{MEANINGS[Status(error)]}, at epoch")
    radius = _length(position)
    apogee = axis_km * (1.0 + eccentricity)
    if radius > _FAR_BEYOND_APOGEE * apogee:
        where = f"{radius:,.0f} km from the centre, its orbit reaches {apogee:,.0f} km"
        return Fault(RejectRule.SGP4_INIT, f"SGP4 puts the object at epoch {where}")
    return None


def _stale_fault(epoch_us: int, day_us: int, max_age_days: float) -> Fault | None:
    age_days = (day_us - epoch_us) / MICROSECONDS_PER_DAY
    if age_days <= max_age_days:
        return None
    detail = (
        f"epoch {format_utc(epoch_us)} is {age_days:.1f} days before {format_utc(day_us)}; at most {max_age_days:g}"
    )
    return Fault(RejectRule.STALE, f"{detail} are accepted")


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


def _superseded_faults(
    sets: ElementSets, is_later: NDArray[np.bool_], used: Int64, decided: set[int], faults: dict[int, Fault]
) -> dict[int, Fault]:
    """Everything not looked at is older than the set that decided (or of equal epoch and behind), or has a later epoch
    than is asked for."""
    is_left = np.ones(len(sets), dtype=np.bool_)
    is_left[used] = False
    is_left[list(decided)] = False
    rows = np.flatnonzero(is_left)
    if not len(rows):
        return {}
    final = np.array([row for row, fault in faults.items() if fault.rule in _FINAL], dtype=np.int64)
    final = final[~np.isin(sets.norad_id[final], sets.norad_id[used])]
    deciders = np.sort(np.concatenate([used, final]))
    decider = deciders[np.searchsorted(sets.norad_id[deciders], sets.norad_id[rows])]
    epochs = format_utc_array(sets.epoch_us[decider])
    return {
        row: Fault(RejectRule.SUPERSEDED, f"{'is for a later time; ' if later else ''}the set of {epoch} comes first")
        for row, later, epoch in zip(rows.tolist(), is_later[rows].tolist(), epochs, strict=True)
    }


def _sharing_faults(sets: ElementSets, receipts: Receipts, used: Int64, superseded: Int64) -> dict[int, Fault]:
    """Of the superseded rows those that are of another object than the one whose set is used, under its number."""
    rows = superseded[np.isin(sets.norad_id[superseded], sets.norad_id[used])]
    by = used[np.searchsorted(sets.norad_id[used], sets.norad_id[rows])]
    same_day = receipts.received_day[rows] == receipts.received_day[by]
    same_file = np.asarray(sets.source_file[rows] == sets.source_file[by], dtype=np.bool_) & same_day
    same_file &= receipts.snapshot_id[rows] == receipts.snapshot_id[by]
    is_other = are_other_objects(sets.take(rows), sets.take(by), same_file, same_day)
    return {
        row: Fault(
            RejectRule.SHARED_NUMBER,
            f"{sets.object_name[row]!r} has the number {sets.norad_id[row]}, as has {sets.object_name[other]!r}, whose "
            "set is used: give each object a number of its own",
        )
        for row, other in zip(rows[is_other].tolist(), by[is_other].tolist(), strict=True)
    }


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
