"""The state of one object at one time, near-Earth or deep-space (AIAA 2006-6753, sgp4)."""

from __future__ import annotations

from math import cos, fabs, floor, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.constants import EARTH_RADIUS_KM, J2
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import J3OJ2, TWOPI, VKMPERSEC, XKE
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
    xmdf = coef[at.MO] + coef[at.MDOT] * t
    argpm = coef[at.ARGPO] + coef[at.ARGPDOT] * t
    t2 = t * t
    nodem = coef[at.NODEO] + coef[at.NODEDOT] * t + coef[at.NODECF] * t2
    mm = xmdf
    tempa = 1.0 - coef[at.CC1] * t
    tempe = coef[at.BCC4] * t
    templ = coef[at.T2COF] * t2
    if coef[at.ISIMP] == 0.0:
        delmtemp = 1.0 + coef[at.ETA] * cos(xmdf)
        temp = coef[at.OMGCOF] * t + coef[at.XMCOF] * (delmtemp * delmtemp * delmtemp - coef[at.DELMO])
        mm = xmdf + temp
        argpm = argpm - temp
        t3 = t2 * t
        t4 = t3 * t
        tempa = tempa - coef[at.D2] * t2 - coef[at.D3] * t3 - coef[at.D4] * t4
        tempe = tempe + coef[at.BCC5] * (sin(mm) - coef[at.SINMAO])
        templ = templ + coef[at.T3COF] * t3 + t4 * (coef[at.T4COF] + t * coef[at.T5COF])
    nm = coef[at.NO]
    em = coef[at.ECCO]
    inclm = coef[at.INCLO]
    am = coef[at.AO]
    deep = coef[at.DEEP] != 0.0
    if deep:
        em = em + coef[at.DEDT] * t
        inclm = inclm + coef[at.DIDT] * t
        argpm = argpm + coef[at.DOMDT] * t
        nodem = nodem + coef[at.DNODT] * t
        mm = mm + coef[at.DMDT] * t
        if coef[at.IREZ] != 0.0:
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
    mm = mm + coef[at.NO] * templ
    sinip = coef[at.SINIO]
    cosip = coef[at.COSIO]
    aycof = coef[at.AYCOF]
    xlcof = coef[at.XLCOF]
    con41 = coef[at.CON41]
    x1mth2 = coef[at.X1MTH2]
    x7thm1 = coef[at.X7THM1]
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
    """One state per object: coef (n, COEF_SIZE), minutes (n,) from epoch; fills out (n, 6) km and km/s, TEME, and codes
    (n,) of ``propagate``."""
    resonance = np.zeros(3)
    for i in range(coef.shape[0]):
        resonance[0] = 0.0
        codes[i] = propagate(coef[i], minutes[i], resonance, out[i])
