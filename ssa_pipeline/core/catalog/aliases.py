"""Two catalogue numbers that look like one object: an analyst's or temporary number and the final one.

Docked vehicles and formations have catalogued numbers on both sides and are objects of their own, however near.
"""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.catalog.jumps import is_analyst, positions_km
from ssa_pipeline.core.catalog.near_pairs import near_pairs
from ssa_pipeline.core.catalog.orbit_change import orbit_changes, velocity_changes_m_s
from ssa_pipeline.core.catalog.records import Aliases
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.time import format_utc

_SEARCH_KM = 50.0
# One object, seen twice, has one mean orbit within the noise of element sets (docs/decisions/0012-aliases.md).
_LARGEST_DIFFERENCE_M_S = 5.0


def find_aliases(sets: ElementSets, day_us: int) -> Aliases:
    """Among sets of one each per object: neighbours at ``day_us``, one with a lent and one with a final number, whose
    older set leads to the newer one."""
    is_lent = is_analyst(sets.norad_id)
    lent, final = np.flatnonzero(is_lent), np.flatnonzero(~is_lent)
    if not len(lent):
        return Aliases.empty()
    positions = positions_km(sets, day_us)
    i, j = near_pairs(positions[lent], positions[final], _SEARCH_KM)
    pairs = np.unique(np.sort(np.stack([lent[i], final[j]], axis=1), axis=1), axis=0)
    # Few of the neighbours in a cloud of fragments share an orbit, and this costs no propagation.
    alike = velocity_changes_m_s(sets.take(pairs[:, 0]), sets.take(pairs[:, 1])) <= _LARGEST_DIFFERENCE_M_S
    pairs = pairs[alike]
    is_first_older = sets.epoch_us[pairs[:, 0]] <= sets.epoch_us[pairs[:, 1]]
    older = sets.take(np.where(is_first_older, pairs[:, 0], pairs[:, 1]))
    newer = sets.take(np.where(is_first_older, pairs[:, 1], pairs[:, 0]))
    change = orbit_changes(older, newer)
    is_alias = change.excess <= 1.0
    reasons = np.array(
        [
            f"the set of {old} comes within {abs(r):.1f} km radially, {abs(t):.1f} km along and {abs(n):.1f} km across "
            f"the track of {new} at its epoch {format_utc(epoch)}; their orbits differ by {speed:.2f} m/s"
            for old, new, r, t, n, epoch, speed in zip(
                older.norad_id.tolist(),
                newer.norad_id.tolist(),
                change.r_km.tolist(),
                change.t_km.tolist(),
                change.n_km.tolist(),
                newer.epoch_us.tolist(),
                change.velocity_m_s.tolist(),
                strict=True,
            )
        ],
        dtype=object,
    )
    ids = sets.norad_id[pairs]
    return Aliases(ids[is_alias, 0], ids[is_alias, 1], reasons[is_alias])
