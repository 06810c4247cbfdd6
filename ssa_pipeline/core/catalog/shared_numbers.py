"""Several objects under one catalogue number: payloads of one launch that share 99999 until they are catalogued."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.catalog.jumps import is_analyst
from ssa_pipeline.core.catalog.orbit_change import orbit_changes
from ssa_pipeline.core.catalog.segments import without_segment
from ssa_pipeline.core.records import ElementSets, Int64, Mask

_PLACEHOLDERS = (0, 99_999)


def are_other_objects(sets: ElementSets, used: ElementSets, same_file: Mask, same_day: Mask) -> Mask:
    """Row by row, whether ``sets`` is of another object than ``used``, which has the same number: named otherwise, and
    on another orbit; shape (n,). Sets of other files of a day count where the number is a
    placeholder or a lent one: sources name objects differently."""
    found = np.zeros(len(sets), dtype=np.bool_)
    names = zip(sets.object_name.tolist(), used.object_name.tolist(), strict=True)
    is_named_otherwise = np.array([_differ(one, two) for one, two in names], dtype=np.bool_)
    rows = np.flatnonzero(is_named_otherwise & (same_file | (same_day & _is_lent(sets.norad_id))))
    if len(rows):
        excess = orbit_changes(sets.take(rows), used.take(rows)).excess
        found[rows] = ~(excess <= 1.0)
    return found


def shared_numbers(sets: ElementSets) -> dict[int, list[str]]:
    """Numbers that several objects of one file have, with the names of these."""
    order = np.lexsort((sets.epoch_us, sets.norad_id))
    ids = sets.norad_id[order]
    first = order[np.searchsorted(ids, sets.norad_id)]
    same = np.ones(len(sets), dtype=np.bool_)
    is_other = are_other_objects(sets, sets.take(first), same, same)
    found: dict[int, list[str]] = {}
    for row in np.flatnonzero(is_other).tolist():
        names = found.setdefault(int(sets.norad_id[row]), [sets.object_name[first[row]]])
        if sets.object_name[row] not in names:
            names.append(sets.object_name[row])
    return found


def _is_lent(norad_id: Int64) -> Mask:
    return np.asarray(is_analyst(norad_id) | np.isin(norad_id, _PLACEHOLDERS))


def _differ(one: str, two: str) -> bool:
    if one == two:
        return False
    one, two = (" ".join(without_segment(name).upper().split()) for name in (one, two))
    return bool(one and two and one != two)
