"""SGP4's constants (WGS-72), and the columns of ``coef``: one row of COEF_SIZE numbers per element set.

Angles in radians, times in minutes, lengths in earth radii, as in the report.
"""

from __future__ import annotations

from math import pi, sqrt

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2, EARTH_RADIUS_KM, J2, J3

TWOPI = 2.0 * pi
XKE = 60.0 / sqrt(EARTH_RADIUS_KM * EARTH_RADIUS_KM * EARTH_RADIUS_KM / EARTH_MU_KM3_S2)
J3OJ2 = J3 / J2
VKMPERSEC = EARTH_RADIUS_KM * XKE / 60.0

# Columns of coef. The first block is all that a near-Earth object needs.
(
    C_DEEP, C_ISIMP, C_MO, C_MDOT, C_ARGPO, C_ARGPDOT, C_NODEO, C_NODEDOT, C_NODECF, C_CC1, C_BCC4, C_T2COF,
    C_OMGCOF, C_ETA, C_XMCOF, C_DELMO, C_D2, C_D3, C_D4, C_BCC5, C_SINMAO, C_T3COF, C_T4COF, C_T5COF,
    C_NO, C_ECCO, C_INCLO, C_SINIO, C_COSIO, C_AYCOF, C_XLCOF, C_CON41, C_X1MTH2, C_X7THM1, C_AO,
    C_IREZ, C_D2201, C_D2211, C_D3210, C_D3222, C_D4410, C_D4422, C_D5220, C_D5232, C_D5421, C_D5433,
    C_DEDT, C_DEL1, C_DEL2, C_DEL3, C_DIDT, C_DMDT, C_DNODT, C_DOMDT, C_GSTO, C_XFACT, C_XLAMO,
    C_E3, C_EE2, C_SE2, C_SE3, C_SGH2, C_SGH3, C_SGH4, C_SH2, C_SH3, C_SI2, C_SI3, C_SL2, C_SL3, C_SL4,
    C_XGH2, C_XGH3, C_XGH4, C_XH2, C_XH3, C_XI2, C_XI3, C_XL2, C_XL3, C_XL4, C_ZMOL, C_ZMOS,
) = range(83)  # fmt: skip
COEF_SIZE = 83
