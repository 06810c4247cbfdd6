"""Deep space at a time: resonance with the Earth's rotation, Moon and Sun (AIAA 2006-6753: dspace, dpper).

Times are minutes from epoch, angles radians, mean motions rad/min.

``resonance`` is three numbers of integrator state (atime, xli, xni) that the caller sets to zero before the first call
for an object and passes back after: they only save work and never change a result.
"""

from __future__ import annotations

from math import atan2, cos, fabs, pi, sin

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import TWOPI


@njit
def _dot_terms(coef, atime, xli, xni):
    """Rates of the resonance integrator: xndt, xldot, xnddt (dspace)."""
    xldot = xni + coef[at.XFACT]
    if coef[at.IREZ] != 2.0:
        a1 = xli - 0.13130908
        a2 = 2.0 * (xli - 2.8843198)
        a3 = 3.0 * (xli - 0.37448087)
        xndt = coef[at.DEL1] * sin(a1) + coef[at.DEL2] * sin(a2) + coef[at.DEL3] * sin(a3)
        xnddt = coef[at.DEL1] * cos(a1) + 2.0 * coef[at.DEL2] * cos(a2) + 3.0 * coef[at.DEL3] * cos(a3)
        return xndt, xldot, xnddt * xldot
    g22 = 5.7686396
    g32 = 0.95240898
    g44 = 1.8014998
    g52 = 1.0508330
    g54 = 4.4108898
    xomi = coef[at.ARGPO] + coef[at.ARGPDOT] * atime
    x2omi = xomi + xomi
    x2li = xli + xli
    xndt = (
        coef[at.D2201] * sin(x2omi + xli - g22)
        + coef[at.D2211] * sin(xli - g22)
        + coef[at.D3210] * sin(xomi + xli - g32)
        + coef[at.D3222] * sin(-xomi + xli - g32)
        + coef[at.D4410] * sin(x2omi + x2li - g44)
        + coef[at.D4422] * sin(x2li - g44)
        + coef[at.D5220] * sin(xomi + xli - g52)
        + coef[at.D5232] * sin(-xomi + xli - g52)
        + coef[at.D5421] * sin(xomi + x2li - g54)
        + coef[at.D5433] * sin(-xomi + x2li - g54)
    )
    xnddt = (
        coef[at.D2201] * cos(x2omi + xli - g22)
        + coef[at.D2211] * cos(xli - g22)
        + coef[at.D3210] * cos(xomi + xli - g32)
        + coef[at.D3222] * cos(-xomi + xli - g32)
        + coef[at.D5220] * cos(xomi + xli - g52)
        + coef[at.D5232] * cos(-xomi + xli - g52)
        + 2.0
        * (
            coef[at.D4410] * cos(x2omi + x2li - g44)
            + coef[at.D4422] * cos(x2li - g44)
            + coef[at.D5421] * cos(xomi + x2li - g54)
            + coef[at.D5433] * cos(-xomi + x2li - g54)
        )
    )
    return xndt, xldot, xnddt * xldot


@njit
def resonant_motion(coef, t, nodem, argpm, mm, resonance):
    """Mean motion and mean anomaly of a resonant deep-space object at t (dspace's integrator), given the secular node,
    perigee and anomaly then."""
    atime = resonance[0]
    xli = resonance[1]
    xni = resonance[2]
    if atime == 0.0 or t * atime <= 0.0 or fabs(t) < fabs(atime):
        atime = 0.0
        xni = coef[at.NO]
        xli = coef[at.XLAMO]
    delt = 720.0 if t > 0.0 else -720.0
    xndt, xldot, xnddt = _dot_terms(coef, atime, xli, xni)
    while fabs(t - atime) >= 720.0:
        xli = xli + xldot * delt + xndt * 259200.0
        xni = xni + xndt * delt + xnddt * 259200.0
        atime = atime + delt
        xndt, xldot, xnddt = _dot_terms(coef, atime, xli, xni)
    resonance[0] = atime
    resonance[1] = xli
    resonance[2] = xni
    ft = t - atime
    nm = xni + xndt * ft + xnddt * ft * ft * 0.5
    xl = xli + xldot * ft + xndt * ft * ft * 0.5
    theta = (coef[at.GSTO] + t * 4.37526908801129966e-3) % TWOPI
    if coef[at.IREZ] != 1.0:
        mm = xl - 2.0 * nodem + 2.0 * theta
    else:
        mm = xl - nodem - argpm + theta
    return nm, mm


@njit
def lunar_solar(coef, t, ep, inclp, nodep, argpp, mp):
    """Eccentricity, inclination, node, argument of perigee and mean anomaly at t with the long-period periodics of Moon
    and Sun (dpper)."""
    zm = coef[at.ZMOS] + 1.19459e-5 * t
    zf = zm + 2.0 * 0.01675 * sin(zm)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe = coef[at.SE2] * f2 + coef[at.SE3] * f3
    pinc = coef[at.SI2] * f2 + coef[at.SI3] * f3
    pl = coef[at.SL2] * f2 + coef[at.SL3] * f3 + coef[at.SL4] * sinzf
    pgh = coef[at.SGH2] * f2 + coef[at.SGH3] * f3 + coef[at.SGH4] * sinzf
    ph = coef[at.SH2] * f2 + coef[at.SH3] * f3
    zm = coef[at.ZMOL] + 1.5835218e-4 * t
    zf = zm + 2.0 * 0.05490 * sin(zm)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe += coef[at.EE2] * f2 + coef[at.E3] * f3
    pinc += coef[at.XI2] * f2 + coef[at.XI3] * f3
    pl += coef[at.XL2] * f2 + coef[at.XL3] * f3 + coef[at.XL4] * sinzf
    pgh += coef[at.XGH2] * f2 + coef[at.XGH3] * f3 + coef[at.XGH4] * sinzf
    ph += coef[at.XH2] * f2 + coef[at.XH3] * f3
    inclp = inclp + pinc
    ep = ep + pe
    sinip = sin(inclp)
    cosip = cos(inclp)
    if inclp >= 0.2:
        ph /= sinip
        pgh -= cosip * ph
        return ep, inclp, nodep + ph, argpp + pgh, mp + pl
    # Lyddane's modification for small inclinations
    sinop = sin(nodep)
    cosop = cos(nodep)
    alfdp = sinip * sinop + ph * cosop + pinc * cosip * sinop
    betdp = sinip * cosop - ph * sinop + pinc * cosip * cosop
    if nodep >= 0.0:
        nodep = nodep % TWOPI
    else:
        nodep = -(-nodep % TWOPI)
    xls = mp + argpp + pl + pgh + (cosip - pinc * sinip) * nodep
    xnoh = nodep
    nodep = atan2(alfdp, betdp)
    if fabs(xnoh - nodep) > pi:
        if nodep < xnoh:
            nodep = nodep + TWOPI
        else:
            nodep = nodep - TWOPI
    mp = mp + pl
    return ep, inclp, nodep, xls - mp - cosip * nodep, mp
