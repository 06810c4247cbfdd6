"""Deep space at a time: resonance with the Earth's rotation (dspace), Moon and Sun (dpper).

``resonance`` is three numbers of integrator state (atime, xli, xni) that the caller sets to zero before the first call
for an object and passes back after: they only save work and never change a result.
"""

from __future__ import annotations

from math import atan2, cos, fabs, pi, sin

from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import (
    C_ARGPDOT,
    C_ARGPO,
    C_D2201,
    C_D2211,
    C_D3210,
    C_D3222,
    C_D4410,
    C_D4422,
    C_D5220,
    C_D5232,
    C_D5421,
    C_D5433,
    C_DEL1,
    C_DEL2,
    C_DEL3,
    C_E3,
    C_EE2,
    C_GSTO,
    C_IREZ,
    C_NO,
    C_SE2,
    C_SE3,
    C_SGH2,
    C_SGH3,
    C_SGH4,
    C_SH2,
    C_SH3,
    C_SI2,
    C_SI3,
    C_SL2,
    C_SL3,
    C_SL4,
    C_XFACT,
    C_XGH2,
    C_XGH3,
    C_XGH4,
    C_XH2,
    C_XH3,
    C_XI2,
    C_XI3,
    C_XL2,
    C_XL3,
    C_XL4,
    C_XLAMO,
    C_ZMOL,
    C_ZMOS,
    TWOPI,
)


@njit
def _dot_terms(coef, atime, xli, xni):
    """Rates of the resonance integrator: xndt, xldot, xnddt (dspace)."""
    xldot = xni + coef[C_XFACT]
    if coef[C_IREZ] != 2.0:
        a1 = xli - 0.13130908
        a2 = 2.0 * (xli - 2.8843198)
        a3 = 3.0 * (xli - 0.37448087)
        xndt = coef[C_DEL1] * sin(a1) + coef[C_DEL2] * sin(a2) + coef[C_DEL3] * sin(a3)
        xnddt = coef[C_DEL1] * cos(a1) + 2.0 * coef[C_DEL2] * cos(a2) + 3.0 * coef[C_DEL3] * cos(a3)
        return xndt, xldot, xnddt * xldot
    g22 = 5.7686396
    g32 = 0.95240898
    g44 = 1.8014998
    g52 = 1.0508330
    g54 = 4.4108898
    xomi = coef[C_ARGPO] + coef[C_ARGPDOT] * atime
    x2omi = xomi + xomi
    x2li = xli + xli
    xndt = (
        coef[C_D2201] * sin(x2omi + xli - g22)
        + coef[C_D2211] * sin(xli - g22)
        + coef[C_D3210] * sin(xomi + xli - g32)
        + coef[C_D3222] * sin(-xomi + xli - g32)
        + coef[C_D4410] * sin(x2omi + x2li - g44)
        + coef[C_D4422] * sin(x2li - g44)
        + coef[C_D5220] * sin(xomi + xli - g52)
        + coef[C_D5232] * sin(-xomi + xli - g52)
        + coef[C_D5421] * sin(xomi + x2li - g54)
        + coef[C_D5433] * sin(-xomi + x2li - g54)
    )
    xnddt = (
        coef[C_D2201] * cos(x2omi + xli - g22)
        + coef[C_D2211] * cos(xli - g22)
        + coef[C_D3210] * cos(xomi + xli - g32)
        + coef[C_D3222] * cos(-xomi + xli - g32)
        + coef[C_D5220] * cos(xomi + xli - g52)
        + coef[C_D5232] * cos(-xomi + xli - g52)
        + 2.0
        * (
            coef[C_D4410] * cos(x2omi + x2li - g44)
            + coef[C_D4422] * cos(x2li - g44)
            + coef[C_D5421] * cos(xomi + x2li - g54)
            + coef[C_D5433] * cos(-xomi + x2li - g54)
        )
    )
    return xndt, xldot, xnddt * xldot


@njit
def resonant_motion(coef, t, nodem, argpm, mm, resonance):
    """Mean motion and mean anomaly of a resonant deep-space object at t (dspace's integrator)."""
    atime = resonance[0]
    xli = resonance[1]
    xni = resonance[2]
    if atime == 0.0 or t * atime <= 0.0 or fabs(t) < fabs(atime):
        atime = 0.0
        xni = coef[C_NO]
        xli = coef[C_XLAMO]
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
    theta = (coef[C_GSTO] + t * 4.37526908801129966e-3) % TWOPI
    if coef[C_IREZ] != 1.0:
        mm = xl - 2.0 * nodem + 2.0 * theta
    else:
        mm = xl - nodem - argpm + theta
    return nm, mm


@njit
def lunar_solar(coef, t, ep, inclp, nodep, argpp, mp):
    """Long-period lunar-solar periodics (dpper)."""
    zm = coef[C_ZMOS] + 1.19459e-5 * t
    zf = zm + 2.0 * 0.01675 * sin(zm)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe = coef[C_SE2] * f2 + coef[C_SE3] * f3
    pinc = coef[C_SI2] * f2 + coef[C_SI3] * f3
    pl = coef[C_SL2] * f2 + coef[C_SL3] * f3 + coef[C_SL4] * sinzf
    pgh = coef[C_SGH2] * f2 + coef[C_SGH3] * f3 + coef[C_SGH4] * sinzf
    ph = coef[C_SH2] * f2 + coef[C_SH3] * f3
    zm = coef[C_ZMOL] + 1.5835218e-4 * t
    zf = zm + 2.0 * 0.05490 * sin(zm)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe += coef[C_EE2] * f2 + coef[C_E3] * f3
    pinc += coef[C_XI2] * f2 + coef[C_XI3] * f3
    pl += coef[C_XL2] * f2 + coef[C_XL3] * f3 + coef[C_XL4] * sinzf
    pgh += coef[C_XGH2] * f2 + coef[C_XGH3] * f3 + coef[C_XGH4] * sinzf
    ph += coef[C_XH2] * f2 + coef[C_XH3] * f3
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
