"""SGP4's constants (WGS-72), and the columns of ``coef``: one row of COEF_SIZE numbers per element set; Pair holds two.

Angles in radians, times in minutes, lengths in earth radii, as in AIAA 2006-6753, whose names the columns bear. Their
readers import the module (``coef[at.MDOT]``).
"""

from __future__ import annotations

from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2, EARTH_RADIUS_KM, J2, J3

Float = NDArray[np.float64]

TWOPI = 2.0 * pi
XKE = 60.0 / sqrt(EARTH_RADIUS_KM * EARTH_RADIUS_KM * EARTH_RADIUS_KM / EARTH_MU_KM3_S2)
J3OJ2 = J3 / J2
VKMPERSEC = EARTH_RADIUS_KM * XKE / 60.0

# Columns of coef. The first block is all that a near-Earth object needs.
(
    DEEP, ISIMP, MO, MDOT, ARGPO, ARGPDOT, NODEO, NODEDOT, NODECF, CC1, BCC4, T2COF,
    OMGCOF, ETA, XMCOF, DELMO, D2, D3, D4, BCC5, SINMAO, T3COF, T4COF, T5COF,
    NO, ECCO, INCLO, SINIO, COSIO, AYCOF, XLCOF, CON41, X1MTH2, X7THM1, AO,
    IREZ, D2201, D2211, D3210, D3222, D4410, D4422, D5220, D5232, D5421, D5433,
    DEDT, DEL1, DEL2, DEL3, DIDT, DMDT, DNODT, DOMDT, GSTO, XFACT, XLAMO,
    E3, EE2, SE2, SE3, SGH2, SGH3, SGH4, SH2, SH3, SI2, SI3, SL2, SL3, SL4,
    XGH2, XGH3, XGH4, XH2, XH3, XI2, XI3, XL2, XL3, XL4, ZMOL, ZMOS,
) = range(83)  # fmt: skip
COEF_SIZE = 83


class Pair(NamedTuple):
    """Two objects; ``work`` (2, 9) is scratch: their states, and of each the resonance in its last three columns. All
    zeros before the first call."""

    coef_a: Float  # (COEF_SIZE,)
    epoch_a: int  # us
    coef_b: Float
    epoch_b: int
    work: Float
