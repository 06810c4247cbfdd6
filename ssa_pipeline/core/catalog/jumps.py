"""Element sets that do not continue the one before them: manoeuvres, sets of another object, reused numbers."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.catalog.completeness import object_types
from ssa_pipeline.core.catalog.near_pairs import near_pairs
from ssa_pipeline.core.catalog.orbit_change import orbit_changes, velocity_changes_m_s
from ssa_pipeline.core.catalog.satcat import ObjectType
from ssa_pipeline.core.flags import ObjectFlag
from ssa_pipeline.core.orbits.satrec import julian_date, to_satrecs
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Float64, Int64, Mask

# Nobody steers what is not identified: beyond this, a number of the lent ranges has been given to another object.
_LARGEST_CHANGE_ANALYST_M_S = 20.0
_LONGEST_GAP_ANALYST_DAYS = 30.0
_SEARCH_KM = 100.0
# Within trains of satellites that manoeuvre, a set comes near the former place of a neighbour by chance; none as near.
_EXCHANGE_LEAST_EXCESS = 2.0
_EXCHANGE_LARGEST_EXCESS = 0.5
_EXCHANGE_LARGEST_DIFFERENCE_M_S = 2.0


def is_analyst(norad_id: Int64) -> Mask:
    """Numbers lent to unidentified objects for a while, and temporary ones, shape (n,)."""
    return np.asarray(((norad_id >= 80_000) & (norad_id < 90_000)) | (norad_id >= 270_000))


def jumps(previous: ElementSets, current: ElementSets, day_us: int) -> dict[ObjectFlag, Mask]:
    """Row by row, whether ``current`` does not continue ``previous``, the set of the same object before it; masks of
    shape (n,), at most one of them true. Tags that were exchanged are sought at ``day_us``."""
    change = orbit_changes(previous, current)
    is_jump = change.excess > 1.0
    is_impossible = change.velocity_m_s > change.velocity_limit_m_s
    is_cross_tag = is_impossible | (is_jump & (_is_adrift(previous) | _is_adrift(current)))
    is_cross_tag |= _has_exchanged_tag(previous, current, change.excess >= _EXCHANGE_LEAST_EXCESS, day_us)
    gap_days = np.abs(current.epoch_us - previous.epoch_us) / MICROSECONDS_PER_DAY
    is_other = is_jump & (change.velocity_m_s > _LARGEST_CHANGE_ANALYST_M_S)
    is_other |= is_impossible | (gap_days > _LONGEST_GAP_ANALYST_DAYS)
    is_reused = is_analyst(current.norad_id) & is_other
    return {
        ObjectFlag.ANALYST_ID_REUSED: is_reused,
        ObjectFlag.JUMP_CROSS_TAG: is_cross_tag & ~is_reused,
        ObjectFlag.JUMP_MANOEUVRE: is_jump & ~is_cross_tag & ~is_reused,
    }


def positions_km(sets: ElementSets, at_us: int) -> Float64:
    """TEME positions in km at one time, shape (n, 3); NaN where SGP4 fails."""
    jd, fraction = julian_date(at_us)
    found = [satrec.sgp4(jd, fraction) for satrec in to_satrecs(sets)]
    return np.array([(np.nan,) * 3 if error else at for error, at, _ in found], dtype=np.float64).reshape(-1, 3)


def _is_adrift(sets: ElementSets) -> Mask:
    """Debris and rocket bodies, by name."""
    return np.asarray(object_types(sets.object_name) != ObjectType.PAYLOAD)


def _has_exchanged_tag(previous: ElementSets, current: ElementSets, has_left: Mask, day_us: int) -> Mask:
    """Of the rows that left their orbit, those whose set continues the previous set of another of them."""
    rows = np.flatnonzero(has_left)
    old, new = previous.take(rows), current.take(rows)
    i, j = near_pairs(positions_km(new, day_us), positions_km(old, day_us), _SEARCH_KM)
    is_other = i != j
    i, j = i[is_other], j[is_other]
    # Few of the neighbours in a cloud of fragments share an orbit, and this costs no propagation.
    is_alike = velocity_changes_m_s(old.take(j), new.take(i)) <= _EXCHANGE_LARGEST_DIFFERENCE_M_S
    i, j = i[is_alike], j[is_alike]
    continues = orbit_changes(old.take(j), new.take(i)).excess <= _EXCHANGE_LARGEST_EXCESS
    found = np.zeros(len(current), dtype=np.bool_)
    found[rows[i[continues]]] = True
    return found
