"""Why an object could not be screened over a whole window. 1 to 6 are SGP4's own codes, ours begin at 10."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    GOOD = 0
    MEAN_ECCENTRICITY = 1
    MEAN_MOTION = 2
    PERTURBED_ECCENTRICITY = 3
    SEMI_LATUS_RECTUM = 4
    EPOCH_SUBORBITAL = 5
    DECAYED = 6
    BELOW_100_KM = 10
    IMPLAUSIBLE_STATE = 11
