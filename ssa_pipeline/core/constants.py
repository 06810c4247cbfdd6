"""The Earth of WGS-72, with which element sets are fitted for SGP4: what is computed from them uses these values.

Source: Vallado et al., AIAA 2006-6753 (getgravconst). Heights above the ground are of WGS-84 (`core.orbits.geodetic`).
"""

from __future__ import annotations

EARTH_RADIUS_KM = 6378.135  # equatorial
EARTH_MU_KM3_S2 = 398600.8
J2 = 0.001082616
J3 = -0.00000253881
J4 = -0.00000165597
