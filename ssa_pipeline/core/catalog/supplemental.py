"""Supplemental sets, which operators' ephemerides were fitted with: where they take the place of GP sets."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.catalog.choice import Choice
from ssa_pipeline.core.catalog.faults import Fault
from ssa_pipeline.core.catalog.satcat import Decay
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Mask, Receipts, RejectRule
from ssa_pipeline.core.time import format_utc, format_utc_array


def unasked_faults(sets: ElementSets, is_segment: Mask, max_age_days: float | None, day_us: int) -> dict[int, Fault]:
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


def with_supplemental(gp: Choice, other: Choice, decays: dict[int, Decay]) -> Choice:
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
    return Choice(
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
