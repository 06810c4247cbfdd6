"""The content key of an element set: equal keys mean that sgp4 would compute the same for the same object."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from ssa_pipeline.core.records import ElementSets

# Raised when the encoding changes: keys are stored for ever.
_VERSION = b"ssa element set 1\n"
_INTEGERS = ("norad_id", "epoch_us")
_FLOATS = (
    "mean_motion_rev_per_day",
    "eccentricity",
    "inclination_deg",
    "raan_deg",
    "arg_perigee_deg",
    "mean_anomaly_deg",
    "bstar",
    "mean_motion_dot",
    "mean_motion_ddot",
)


def element_set_keys(element_sets: ElementSets) -> list[bytes]:
    """A 32-byte SHA-256 per row over object, epoch and elements, bit for bit (-0.0 counts as 0.0).

    Names, designators, classification, set and revolution numbers and the source are left out: they change
    or differ in spelling between sources while the orbit is the same.
    """
    integers = [getattr(element_sets, name).astype("<i8") for name in _INTEGERS]
    floats = [(getattr(element_sets, name) + 0.0).astype("<f8").view("<i8") for name in _FLOATS]
    rows = np.column_stack([*integers, *floats]).astype("<i8").tobytes()
    size = 8 * (len(_INTEGERS) + len(_FLOATS))
    return [sha256(_VERSION + rows[start : start + size]).digest() for start in range(0, len(rows), size)]
