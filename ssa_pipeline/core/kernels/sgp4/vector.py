"""Positions of one near-Earth object at many times at once, in loops that the compiler vectorises (AIAA 2006-6753,
sgp4)."""

from __future__ import annotations

from math import fabs, sqrt

import numpy as np

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.constants import EARTH_RADIUS_KM, J2
from ssa_pipeline.core.kernels._njit import inlined, njit
from ssa_pipeline.core.kernels.sgp4.coefficients import TWOPI

# sin and cos for vectors: reduction by pi/2 in three parts (Cody & Waite) and fdlibm's polynomials (k_sin.c, k_cos.c)
_PIO2_HIGH = 1.57079632673412561417
_PIO2_MIDDLE = 6.07710050630396597660e-11
_PIO2_LOW = 2.02226624879595063154e-21


@inlined
def _sin_cos(x):
    """sin and cos of |x| < 1e5 to an ulp or two, without branches or calls, so that loops around it vectorise."""
    k = np.floor(x * 0.63661977236758134308 + 0.5)
    r = ((x - k * _PIO2_HIGH) - k * _PIO2_MIDDLE) - k * _PIO2_LOW
    z = r * r
    s = r + r * z * (
        -1.66666666666666324348e-01
        + z * (8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * (
            2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10))))
    )  # fmt: skip
    c = 1.0 - (0.5 * z - z * z * (
        4.16666666666666019037e-02
        + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * (
            -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11))))
    ))  # fmt: skip
    # k modulo 4 as two flags of 0.0 or 1.0: products with them are exact
    half = np.floor(0.5 * k)
    odd = k - 2.0 * half
    even = 1.0 - odd
    sign = 1.0 - 2.0 * (half - 2.0 * np.floor(0.5 * half))
    return sign * (even * s + odd * c), sign * (even - odd) * (even * c + odd * s)


VECTOR = 256  # times per call of propagate_near_earth, and the length of its rows
VECTOR_SCRATCH = 11 * VECTOR
# Rows of one flat array: at distances known to the compiler, or it cannot tell that they do not overlap.
_U, _AX, _AY, _A, _NODE, _EO, _SIN, _COS = range(3 * VECTOR, 11 * VECTOR, VECTOR)


@njit
def propagate_near_earth(coef, first, step, count, rows):
    """Positions (km, TEME) at ``first + j * step`` minutes from epoch, j < count <= VECTOR: x, y and z are the first
    three rows (of length VECTOR) of the flat array ``rows`` (VECTOR_SCRATCH,).

    The formulas of ``propagate`` for objects with at.DEEP = at.ISIMP = 0, a vector of times at once. Returns False
    where any time fails, the positions are then not to be used.
    """
    mo, mdot, argpo, argpdot = coef[at.MO], coef[at.MDOT], coef[at.ARGPO], coef[at.ARGPDOT]
    nodeo, nodedot, nodecf = coef[at.NODEO], coef[at.NODEDOT], coef[at.NODECF]
    eta, omgcof, xmcof, delmo = coef[at.ETA], coef[at.OMGCOF], coef[at.XMCOF], coef[at.DELMO]
    cc1, d2, d3, d4 = coef[at.CC1], coef[at.D2], coef[at.D3], coef[at.D4]
    bcc4, bcc5, sinmao = coef[at.BCC4], coef[at.BCC5], coef[at.SINMAO]
    t2cof, t3cof, t4cof, t5cof = coef[at.T2COF], coef[at.T3COF], coef[at.T4COF], coef[at.T5COF]
    ao, ecco, no = coef[at.AO], coef[at.ECCO], coef[at.NO]
    aycof, xlcof = coef[at.AYCOF], coef[at.XLCOF]
    sinip, cosip = coef[at.SINIO], coef[at.COSIO]
    con41, x1mth2, x7thm1 = coef[at.CON41], coef[at.X1MTH2], coef[at.X7THM1]
    failed = 0
    for j in range(count):
        t = first + j * step
        t2 = t * t
        t3 = t2 * t
        t4 = t3 * t
        xmdf = mo + mdot * t
        _, cos_xmdf = _sin_cos(xmdf)
        delmtemp = 1.0 + eta * cos_xmdf
        temp = omgcof * t + xmcof * (delmtemp * delmtemp * delmtemp - delmo)
        mm = xmdf + temp
        argp = argpo + argpdot * t - temp
        sin_mm, _ = _sin_cos(mm)
        tempa = 1.0 - cc1 * t - d2 * t2 - d3 * t3 - d4 * t4
        tempe = bcc4 * t + bcc5 * (sin_mm - sinmao)
        templ = t2cof * t2 + t3cof * t3 + t4 * (t4cof + t * t5cof)
        am = ao * tempa * tempa
        em = ecco - tempe
        is_good = (am > 0.0) & (em < 1.0) & (em >= -0.001)
        em = max(em, 1.0e-6)
        mm = mm + no * templ
        sin_argp, cos_argp = _sin_cos(argp)
        temp = 1.0 / (am * (1.0 - em * em))
        axnl = em * cos_argp
        aynl = em * sin_argp + temp * aycof
        u = mm + argp + temp * xlcof * axnl
        u = u - TWOPI * np.floor(u / TWOPI)
        rows[_U + j] = u
        rows[_EO + j] = u
        rows[_AX + j] = axnl
        rows[_AY + j] = aynl
        rows[_A + j] = am
        rows[_NODE + j] = nodeo + nodedot * t + nodecf * t2
        failed += 0 if is_good & (axnl * axnl + aynl * aynl < 1.0) else 1
    if failed > 0:
        return False

    for _ in range(10):
        moving = 0
        for j in range(count):
            eo1 = rows[_EO + j]
            sineo1, coseo1 = _sin_cos(eo1)
            axnl = rows[_AX + j]
            aynl = rows[_AY + j]
            change = (rows[_U + j] - aynl * coseo1 + axnl * sineo1 - eo1) / (1.0 - coseo1 * axnl - sineo1 * aynl)
            change = min(max(change, -0.95), 0.95)
            rows[_SIN + j] = sineo1
            rows[_COS + j] = coseo1
            rows[_EO + j] = eo1 + change
            moving += 1 if fabs(change) >= 1.0e-12 else 0
        if moving == 0:
            break

    for j in range(count):
        axnl = rows[_AX + j]
        aynl = rows[_AY + j]
        am = rows[_A + j]
        sineo1 = rows[_SIN + j]
        coseo1 = rows[_COS + j]
        ecose = axnl * coseo1 + aynl * sineo1
        esine = axnl * sineo1 - aynl * coseo1
        el2 = axnl * axnl + aynl * aynl
        pl = am * (1.0 - el2)
        rl = am * (1.0 - ecose)
        betal = sqrt(1.0 - el2)
        temp = esine / (1.0 + betal)
        sinu = am / rl * (sineo1 - aynl - axnl * temp)
        cosu = am / rl * (coseo1 - axnl + aynl * temp)
        norm = 1.0 / sqrt(sinu * sinu + cosu * cosu)
        sin2u = (cosu + cosu) * sinu
        cos2u = 1.0 - 2.0 * sinu * sinu
        temp1 = 0.5 * J2 / pl
        temp2 = temp1 / pl
        mr = EARTH_RADIUS_KM * (rl * (1.0 - 1.5 * temp2 * betal * con41) + 0.5 * temp1 * x1mth2 * cos2u)
        ds, dc = _sin_cos(0.25 * temp2 * x7thm1 * sin2u)
        sinsu = (sinu * dc - cosu * ds) * norm
        cossu = (cosu * dc + sinu * ds) * norm
        snod, cnod = _sin_cos(rows[_NODE + j] + 1.5 * temp2 * cosip * sin2u)
        ds, dc = _sin_cos(1.5 * temp2 * cosip * sinip * cos2u)
        sini = sinip * dc + cosip * ds
        cosi = cosip * dc - sinip * ds
        rows[j] = mr * (-snod * cosi * sinsu + cnod * cossu)
        rows[VECTOR + j] = mr * (cnod * cosi * sinsu + snod * cossu)
        rows[2 * VECTOR + j] = mr * sini * sinsu
    return True
