"""Screening volumes that operators publish, by orbit. Sources and their limits: docs/volumes.md."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from ssa_pipeline.core.orbits.mean_orbit import perigee_altitude_km
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.volumes.screening_volume import Volume

HANDBOOK = "18th and 19th Space Defense Squadrons, Spaceflight Safety Handbook for Satellite Operators, 1.7, April 2023"
NEAR_EARTH_MIN = 225.0  # period up to which an orbit is near-Earth in the handbook, as in SGP4
EVERYTHING = (-inf, inf)


@dataclass(frozen=True)
class Row:
    """One line of a published table: a volume and the orbits it is for, each range as (above, up to)."""

    name: str
    volume: Volume
    perigee_km: tuple[float, float] = EVERYTHING
    period_min: tuple[float, float] = EVERYTHING
    eccentricity_below: float = 1.0
    inclination_below_deg: float = inf


@dataclass(frozen=True)
class Preset:
    """A published table and where it was published; the last row that fits an orbit counts."""

    source: str
    rows: tuple[Row, ...]


PRESETS = {
    "18sds-catalog": Preset(
        f"{HANDBOOK}, table 3 (catalogue against catalogue)",
        (
            Row("LEO 1", Volume.box(0.4, 44.0, 51.0), perigee_km=(-inf, 500.0), eccentricity_below=0.25),
            Row("LEO 2", Volume.box(0.4, 25.0, 25.0), perigee_km=(500.0, 750.0), eccentricity_below=0.25),
            Row("LEO 3", Volume.box(0.4, 12.0, 12.0), perigee_km=(750.0, 1200.0), eccentricity_below=0.25),
            Row("LEO 4", Volume.box(0.4, 2.0, 2.0), perigee_km=(1200.0, 2000.0), eccentricity_below=0.25),
            Row(
                "deep space",
                Volume.box(10.0, 10.0, 10.0),
                period_min=(1300.0, 1800.0),
                eccentricity_below=0.25,
                inclination_below_deg=35.0,
            ),
        ),
    ),
    "18sds-ephemeris": Preset(
        f"{HANDBOOK}, table 4 (an operator's ephemeris against the catalogue)",
        (
            Row("near Earth", Volume.box(2.0, 25.0, 25.0), period_min=(0.0, NEAR_EARTH_MIN)),
            Row("deep space", Volume.box(20.0, 20.0, 20.0), period_min=(NEAR_EARTH_MIN, inf)),
        ),
    ),
    "18sds-early-orbit": Preset(
        f"{HANDBOOK}, table 7 (early orbit)",
        (
            Row("near Earth", Volume.box(2.0, 44.0, 51.0), period_min=(0.0, NEAR_EARTH_MIN)),
            Row("deep space", Volume.box(40.0, 77.0, 107.0), period_min=(NEAR_EARTH_MIN, inf)),
        ),
    ),
    "iss-notification": Preset(
        "NASA Johnson Space Center, Human Spaceflight Recent Conjunctions of Interest, 2010, NTRS 20100028083",
        (Row("all", Volume.box(2.0, 25.0, 25.0)),),
    ),
    "iss-pizza-box": Preset(
        "NASA, The International Space Station: Operating an Outpost in the New Frontier, 2017, chapter 8, page 145",
        (Row("all", Volume.box(0.5, 25.0, 25.0)),),
    ),
}


def preset_volumes(name: str, elements: ElementSets, otherwise: Volume) -> list[Volume]:
    """The volume of each object by its mean elements; ``otherwise`` where no row of the table is for its orbit.

    Raises KeyError for an unknown preset.
    """
    perigee = perigee_altitude_km(elements)
    period = 1440.0 / elements.mean_motion_rev_per_day
    volumes = [otherwise] * len(elements)
    for row in PRESETS[name].rows:
        fits = (
            (perigee > row.perigee_km[0])
            & (perigee <= row.perigee_km[1])
            & (period > row.period_min[0])
            & (period <= row.period_min[1])
            & (elements.eccentricity < row.eccentricity_below)
            & (elements.inclination_deg < row.inclination_below_deg)
        )
        for k in np.flatnonzero(fits).tolist():
            volumes[k] = row.volume
    return volumes
