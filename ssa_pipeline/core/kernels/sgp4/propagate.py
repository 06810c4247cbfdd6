"""The state of one object at one time, near-Earth or deep-space (AIAA 2006-6753, sgp4)."""

from __future__ import annotations

from math import cos, fabs, floor, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.constants import EARTH_RADIUS_KM, J2
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import (
    C_AO,
    C_ARGPDOT,
    C_ARGPO,
    C_AYCOF,
    C_BCC4,
    C_BCC5,
    C_CC1,
    C_CON41,
    C_COSIO,
    C_D2,
    C_D3,
    C_D4,
    C_DEDT,
    C_DEEP,
    C_DELMO,
    C_DIDT,
    C_DMDT,
    C_DNODT,
    C_DOMDT,
    C_ECCO,
    C_ETA,
    C_INCLO,
    C_IREZ,
    C_ISIMP,
    C_MDOT,
    C_MO,
    C_NO,
    C_NODECF,
    C_NODEDOT,
    C_NODEO,
    C_OMGCOF,
    C_SINIO,
    C_SINMAO,
    C_T2COF,
    C_T3COF,
    C_T4COF,
    C_T5COF,
    C_X1MTH2,
    C_X7THM1,
    C_XLCOF,
    C_XMCOF,
    J3OJ2,
    TWOPI,
    VKMPERSEC,
    XKE,
)
from ssa_pipeline.core.kernels.sgp4.deep import lunar_solar, resonant_motion

Float = NDArray[np.float64]


@njit
def _small_sin_cos(x):
    """sin and cos of |x| < 0.02 or so to the last bit; exact functions beyond."""
    if fabs(x) > 0.02:
        return sin(x), cos(x)
    x2 = x * x
    s = x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0 * (1.0 - x2 / 42.0)))
    c = 1.0 - x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0 * (1.0 - x2 / 56.0)))
    return s, c


@njit
def propagate(coef, t, resonance, out):
    """Position (km) and velocity (km/s), TEME, at ``t`` minutes from epoch into ``out`` (6,).

    Returns SGP4's error code: 0 good, 1 mean eccentricity, 2 mean motion, 3 perturbed eccentricity,
    4 semi-latus rectum, 6 decayed (``out`` is filled with NaN for 1 to 4).
    """
    xmdf = coef[C_MO] + coef[C_MDOT] * t
    argpm = coef[C_ARGPO] + coef[C_ARGPDOT] * t
    t2 = t * t
    nodem = coef[C_NODEO] + coef[C_NODEDOT] * t + coef[C_NODECF] * t2
    mm = xmdf
    tempa = 1.0 - coef[C_CC1] * t
    tempe = coef[C_BCC4] * t
    templ = coef[C_T2COF] * t2
    if coef[C_ISIMP] == 0.0:
        delmtemp = 1.0 + coef[C_ETA] * cos(xmdf)
        temp = coef[C_OMGCOF] * t + coef[C_XMCOF] * (delmtemp * delmtemp * delmtemp - coef[C_DELMO])
        mm = xmdf + temp
        argpm = argpm - temp
        t3 = t2 * t
        t4 = t3 * t
        tempa = tempa - coef[C_D2] * t2 - coef[C_D3] * t3 - coef[C_D4] * t4
        tempe = tempe + coef[C_BCC5] * (sin(mm) - coef[C_SINMAO])
        templ = templ + coef[C_T3COF] * t3 + t4 * (coef[C_T4COF] + t * coef[C_T5COF])
    nm = coef[C_NO]
    em = coef[C_ECCO]
    inclm = coef[C_INCLO]
    am = coef[C_AO]
    deep = coef[C_DEEP] != 0.0
    if deep:
        em = em + coef[C_DEDT] * t
        inclm = inclm + coef[C_DIDT] * t
        argpm = argpm + coef[C_DOMDT] * t
        nodem = nodem + coef[C_DNODT] * t
        mm = mm + coef[C_DMDT] * t
        if coef[C_IREZ] != 0.0:
            nm, mm = resonant_motion(coef, t, nodem, argpm, mm, resonance)
            if nm > 0.0:
                am = (XKE / nm) ** (2.0 / 3.0)
    if not nm > 0.0:
        out[:] = np.nan
        return 2
    am = am * tempa * tempa
    if not am > 0.0:
        out[:] = np.nan
        return 1
    nm = XKE / (am * sqrt(am))
    em = em - tempe
    if not (em < 1.0 and em >= -0.001):
        out[:] = np.nan
        return 1
    if em < 1.0e-6:
        em = 1.0e-6
    mm = mm + coef[C_NO] * templ
    sinip = coef[C_SINIO]
    cosip = coef[C_COSIO]
    aycof = coef[C_AYCOF]
    xlcof = coef[C_XLCOF]
    con41 = coef[C_CON41]
    x1mth2 = coef[C_X1MTH2]
    x7thm1 = coef[C_X7THM1]
    ep = em
    nodep = nodem
    argpp = argpm
    mp = mm
    if deep:
        # dpper wants reduced angles: its Lyddane branch uses the node itself, not only its sine
        xlm = (mm + argpm + nodem) % TWOPI
        if nodem >= 0.0:
            nodem = nodem % TWOPI
        else:
            nodem = -(-nodem % TWOPI)
        argpm = argpm % TWOPI
        mm = (xlm - argpm - nodem) % TWOPI
        ep, xincp, nodep, argpp, mp = lunar_solar(coef, t, em, inclm, nodem, argpm, mm)
        if xincp < 0.0:
            xincp = -xincp
            nodep = nodep + pi
            argpp = argpp - pi
        if not (ep >= 0.0 and ep <= 1.0):
            out[:] = np.nan
            return 3
        sinip = sin(xincp)
        cosip = cos(xincp)
        aycof = -0.5 * J3OJ2 * sinip
        divisor = 1.0 + cosip if fabs(cosip + 1.0) > 1.5e-12 else 1.5e-12
        xlcof = -0.25 * J3OJ2 * sinip * (3.0 + 5.0 * cosip) / divisor
        cosisq = cosip * cosip
        con41 = 3.0 * cosisq - 1.0
        x1mth2 = 1.0 - cosisq
        x7thm1 = 7.0 * cosisq - 1.0
    axnl = ep * cos(argpp)
    temp = 1.0 / (am * (1.0 - ep * ep))
    aynl = ep * sin(argpp) + temp * aycof
    u = mp + argpp + temp * xlcof * axnl
    u = u - TWOPI * floor(u / TWOPI)

    # Kepler's equation
    eo1 = u
    tem5 = 9999.9
    iteration = 0
    sineo1 = 0.0
    coseo1 = 1.0
    while fabs(tem5) >= 1.0e-12 and iteration < 10:
        sineo1 = sin(eo1)
        coseo1 = cos(eo1)
        tem5 = (u - aynl * coseo1 + axnl * sineo1 - eo1) / (1.0 - coseo1 * axnl - sineo1 * aynl)
        if fabs(tem5) >= 0.95:
            tem5 = 0.95 if tem5 > 0.0 else -0.95
        eo1 = eo1 + tem5
        iteration += 1

    ecose = axnl * coseo1 + aynl * sineo1
    esine = axnl * sineo1 - aynl * coseo1
    el2 = axnl * axnl + aynl * aynl
    pl = am * (1.0 - el2)
    if not pl >= 0.0:
        out[:] = np.nan
        return 4
    rl = am * (1.0 - ecose)
    rdotl = sqrt(am) * esine / rl
    rvdotl = sqrt(pl) / rl
    betal = sqrt(1.0 - el2)
    temp = esine / (1.0 + betal)
    sinu = am / rl * (sineo1 - aynl - axnl * temp)
    cosu = am / rl * (coseo1 - axnl + aynl * temp)
    # (sinu, cosu) is a unit vector up to rounding; atan2 would normalise it
    norm = 1.0 / sqrt(sinu * sinu + cosu * cosu)
    sin2u = (cosu + cosu) * sinu
    cos2u = 1.0 - 2.0 * sinu * sinu
    temp = 1.0 / pl
    temp1 = 0.5 * J2 * temp
    temp2 = temp1 * temp

    mrt = rl * (1.0 - 1.5 * temp2 * betal * con41) + 0.5 * temp1 * x1mth2 * cos2u
    mvt = rdotl - nm * temp1 * x1mth2 * sin2u / XKE
    rvdot = rvdotl + nm * temp1 * (x1mth2 * cos2u + 1.5 * con41) / XKE

    ds, dc = _small_sin_cos(0.25 * temp2 * x7thm1 * sin2u)
    sinsu = (sinu * dc - cosu * ds) * norm
    cossu = (cosu * dc + sinu * ds) * norm
    sinn = sin(nodep)
    cosn = cos(nodep)
    ds, dc = _small_sin_cos(1.5 * temp2 * cosip * sin2u)
    snod = sinn * dc + cosn * ds
    cnod = cosn * dc - sinn * ds
    ds, dc = _small_sin_cos(1.5 * temp2 * cosip * sinip * cos2u)
    sini = sinip * dc + cosip * ds
    cosi = cosip * dc - sinip * ds

    xmx = -snod * cosi
    xmy = cnod * cosi
    ux = xmx * sinsu + cnod * cossu
    uy = xmy * sinsu + snod * cossu
    uz = sini * sinsu
    mr = mrt * EARTH_RADIUS_KM
    out[0] = mr * ux
    out[1] = mr * uy
    out[2] = mr * uz
    out[3] = (mvt * ux + rvdot * (xmx * cossu - cnod * sinsu)) * VKMPERSEC
    out[4] = (mvt * uy + rvdot * (xmy * cossu - snod * sinsu)) * VKMPERSEC
    out[5] = (mvt * uz + rvdot * (sini * cossu)) * VKMPERSEC
    if mrt < 1.0:
        return 6
    return 0


@njit
def propagate_each(coef: Float, minutes: Float, out: Float, codes: Float) -> None:
    """One state per object: coef (n, COEF_SIZE), minutes (n,), out (n, 6), codes (n,)."""
    resonance = np.zeros(3)
    for i in range(coef.shape[0]):
        resonance[0] = 0.0
        codes[i] = propagate(coef[i], minutes[i], resonance, out[i])
