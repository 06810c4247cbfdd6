"""Why an object could not be screened over a whole window. 1 to 6 are SGP4's own codes, ours begin at 10."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The code of an object in a window; 0 where all of it was screened."""

    GOOD = 0
    MEAN_ECCENTRICITY = 1
    MEAN_MOTION = 2
    PERTURBED_ECCENTRICITY = 3
    SEMI_LATUS_RECTUM = 4
    EPOCH_SUBORBITAL = 5
    DECAYED = 6
    BELOW_100_KM = 10  # in slices of older code: validity ended there
    IMPLAUSIBLE_STATE = 11


MEANINGS = {
    Status.GOOD: "all of it",
    Status.MEAN_ECCENTRICITY: "SGP4 error 1: mean eccentricity or semi-major axis out of range",
    Status.MEAN_MOTION: "SGP4 error 2: mean motion not positive",
    Status.PERTURBED_ECCENTRICITY: "SGP4 error 3: perturbed eccentricity out of range",
    Status.SEMI_LATUS_RECTUM: "SGP4 error 4: semi-latus rectum negative",
    Status.EPOCH_SUBORBITAL: "SGP4 error 5: orbit below the surface",
    Status.DECAYED: "SGP4 error 6: object below the surface",
    Status.BELOW_100_KM: "SGP4 puts the object below 100 km",
    Status.IMPLAUSIBLE_STATE: "SGP4 puts the object beyond twice its apogee",
}
