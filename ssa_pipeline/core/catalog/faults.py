"""What speaks against an element set by itself: its perigee, its start in SGP4, its epoch.

Answered by python-sgp4 alone, without kernels: whoever only reads or keeps sets asks here too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sgp4.api import Satrec

from ssa_pipeline.core.constants import EARTH_RADIUS_KM
from ssa_pipeline.core.orbits.mean_orbit import perigee_altitude_km, semi_major_axis_km
from ssa_pipeline.core.orbits.satrec import to_satrecs
from ssa_pipeline.core.records import GP, MICROSECONDS_PER_DAY, Days, ElementSets, Int64, Mask, Receipts, RejectRule
from ssa_pipeline.core.status import MEANINGS, Status
from ssa_pipeline.core.time import format_utc

# SGP4's periodic terms keep every real object within 0.1 % of its apogee at epoch (measured on 26,834), but some
# elements make it put the object millions of kilometres away without an error code.
_FAR_BEYOND_APOGEE = 2.0
EPOCH_ROUNDING_US = 1_000  # a TLE's last digit is 864 µs
MAX_AHEAD_DAYS = 15.0

# Faults of one set, not of its object: an older set may be good.
NEXT_OLDER_MAY_DO = frozenset({RejectRule.PERIGEE_BELOW_SURFACE, RejectRule.SGP4_INIT})


class Fault(NamedTuple):
    """Why a set is not used; ``detail`` says it with the offending value."""

    rule: RejectRule
    detail: str


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
            [bool(fault and fault.rule in NEXT_OLDER_MAY_DO) for fault in set_faults(sets, to_satrecs(sets))]
        )
        gives_way[list(ahead_faults(sets, days, np.zeros(len(sets), dtype=np.bool_), MAX_AHEAD_DAYS))] = True
        left = np.setdiff1d(left, found[~gives_way])
        rows = np.delete(rows, first)
        rows = rows[np.isin(received.norad_id[rows], left)]
    return left


def ahead_faults(sets: ElementSets, received_day: Days, is_segment: Mask, max_ahead_days: float) -> dict[int, Fault]:
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


def set_faults(sets: ElementSets, satrecs: list[Satrec]) -> list[Fault | None]:
    """What speaks against each row on whatever day, None where nothing does; ``satrecs`` are those of the rows."""
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


def stale_fault(epoch_us: int, day_us: int, max_age_days: float) -> Fault | None:
    """The fault of a set that is older than ``max_age_days`` at ``day_us``, None of one that is not."""
    age_days = (day_us - epoch_us) / MICROSECONDS_PER_DAY
    if age_days <= max_age_days:
        return None
    detail = (
        f"epoch {format_utc(epoch_us)} is {age_days:.1f} days before {format_utc(day_us)}; at most {max_age_days:g}"
    )
    return Fault(RejectRule.STALE, f"{detail} are accepted")


def _length(position: tuple[float, float, float]) -> float:
    x, y, z = position
    return float((x * x + y * y + z * z) ** 0.5)
