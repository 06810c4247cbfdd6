"""One usable element set per object: the newest valid one of those received up to the end of a day.

Sets of one object are taken newest epoch first; those whose epoch lies after the end of the day come last, the nearest
of these first. Equal content is counted once; of equal epochs with other content the set of the source that comes first
in the priority is taken, then the one received on the later day (providers correct sets and keep their epochs and
numbers), then the higher element set number, the higher revolution number, the smaller content key, so the choice does
not depend on the order of arrival within a day. A set that is ahead of its time, or that SGP4 cannot start from, gives
way to the next one. The first that passes decides about its object: it is used, or the object is stale or has decayed,
unless there is a set with an epoch after the day; all others are superseded. Good sets of earlier days that are
superseded are history, not rejected records of this day.

Segments come before ordinary sets: of each lead day the newest whose epoch is not later than its start.
Supplemental sets are chosen in the same way apart from the others, and take their place where asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from ssa_pipeline.core.catalog.aliases import find_aliases
from ssa_pipeline.core.catalog.choice import Choice, Received, chosen, source_ranks
from ssa_pipeline.core.catalog.faults import MAX_AHEAD_DAYS, Fault, ahead_faults
from ssa_pipeline.core.catalog.jumps import jumps
from ssa_pipeline.core.catalog.records import CleanCatalog, Handovers
from ssa_pipeline.core.catalog.rejected import rejected_records, rejected_rows
from ssa_pipeline.core.catalog.satcat import Decay, KnownObjects, decays_before, period_differs
from ssa_pipeline.core.catalog.segments import may_be_segments
from ssa_pipeline.core.catalog.supplemental import unasked_faults, with_supplemental
from ssa_pipeline.core.days import LEAD_DAYS
from ssa_pipeline.core.flags import ObjectFlag, flags_text
from ssa_pipeline.core.records import GP, MICROSECONDS_PER_DAY, Days, ElementSets, Mask, Receipts
from ssa_pipeline.core.time import day_start_us


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
    may_be_segment: Mask | None = None,
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
    may_be_segment = may_be_segments(received, receipts) if may_be_segment is None else may_be_segment
    gp, supplemental = _by_kind(received, receipts, source_priority, may_be_segment)
    day_us = day_start_us(epoch_day)
    start_us = day_us if start_us is None else start_us
    starts_us = [start_us + k * MICROSECONDS_PER_DAY for k in range(lead_days)]
    decays = decays_before(known, day_us) if known else {}

    def set_apart(sets: ElementSets, days: Days, is_segment: Mask) -> dict[int, Fault]:
        return ahead_faults(sets, days, is_segment, max_ahead_days)

    choice = chosen(gp, day_us, starts_us, max_age_days, decays, set_apart)
    if len(supplemental.sets):

        def unasked(sets: ElementSets, _: Days, is_segment: Mask) -> dict[int, Fault]:
            return unasked_faults(sets, is_segment, supplemental_max_age_days, day_us)

        other = chosen(supplemental, day_us, starts_us, max_age_days, decays, unasked)
        choice = with_supplemental(choice, other, decays)
    sets, came = choice.sets.take(choice.used), choice.receipts.take(choice.used)
    is_forward_epoch = sets.epoch_us >= day_us + MICROSECONDS_PER_DAY
    rejected = rejected_rows(choice.faults, choice.receipts.received_day, epoch_day)
    rejected_receipts = choice.receipts.take(rejected)
    raw = record_bytes(rejected_receipts) if record_bytes else [b""] * len(rejected)
    return CleanCatalog(
        epoch_day,
        sets,
        (day_us - sets.epoch_us) / MICROSECONDS_PER_DAY,
        is_forward_epoch,
        rejected_records(choice.sets, rejected, choice.faults, raw),
        flags_text(
            {
                ObjectFlag.CARRIED_OVER: choice.newest_day[choice.used] < np.datetime64(epoch_day),
                ObjectFlag.SUPPLEMENTAL: came.kind != GP,
                ObjectFlag.FORWARD_EPOCH: is_forward_epoch,
                ObjectFlag.BAD_CHECKSUM: came.has_bad_checksum,
                ObjectFlag.SHARED_NUMBER: np.isin(sets.norad_id, choice.sharing),
                **_jumps(choice, day_us),
                **_known_flags(sets, epoch_day, known, decays),
            },
            len(sets),
        ),
        came.source,
        came.received_day,
        rejected_receipts.snapshot_id,
        find_aliases(sets, day_us),
        Handovers(choice.handover_days, choice.sets.take(choice.handover_rows)),
    )


def _by_kind(
    received: ElementSets, receipts: Receipts, source_priority: Sequence[str], may_be_segment: Mask
) -> tuple[Received, Received]:
    """GP and supplemental sets."""
    is_gp = receipts.kind == GP
    ranks, own_ranks = (source_ranks(names, source_priority) for names in (receipts.sources, receipts.source))
    gp, supplemental = (
        Received.of(received.take(rows), receipts.take(rows), ranks[rows], own_ranks[rows], may_be_segment[rows])
        for rows in (is_gp, ~is_gp)
    )
    return gp, supplemental


def _jumps(choice: Choice, day_us: int) -> dict[ObjectFlag, Mask]:
    rows = np.flatnonzero(choice.previous >= 0)
    found = jumps(choice.sets.take(choice.previous[rows]), choice.sets.take(choice.used[rows]), day_us)
    return {flag: np.isin(np.arange(len(choice.used)), rows[mask]) for flag, mask in found.items()}


def _known_flags(
    sets: ElementSets, epoch_day: date, known: KnownObjects | None, decays: dict[int, Decay]
) -> dict[ObjectFlag, Mask]:
    if known is None:
        return {}
    return {
        ObjectFlag.SATCAT_PERIOD_DIFFERS: period_differs(sets, epoch_day, known),
        ObjectFlag.TRACKED_AFTER_DECAY: np.isin(sets.norad_id, list(decays)),
    }
