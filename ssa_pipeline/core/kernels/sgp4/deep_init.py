"""Coefficients of deep-space objects: what Sun and Moon and resonance with the Earth's rotation do (AIAA 2006-6753:
dscom, dpper, dsinit)."""

from __future__ import annotations

from math import atan2, cos, pi, sin, sqrt
from typing import NamedTuple

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import TWOPI, XKE

ZES, ZEL = 0.01675, 0.05490  # eccentricities of the orbits of Sun and Moon
ZNS, ZNL = 1.19459e-5, 1.5835218e-4  # their mean motions, rad/min
C1SS, C1L = 2.9864797e-6, 4.7968065e-7
Q22, Q31, Q33 = 1.7891679e-6, 2.1460748e-6, 2.2123015e-7
ROOT22, ROOT32, ROOT44, ROOT52, ROOT54 = 1.7891679e-6, 3.7393792e-7, 7.3636953e-9, 1.1428639e-7, 2.1765803e-9
RPTIM = 4.37526908801129966e-3  # rotation of the Earth, rad/min
EQUATORIAL = 5.2359877e-2  # 3 degrees: nearer to the equator the node is not well defined


class Orbit(NamedTuple):
    """The orbit that is disturbed: sine and cosine of inclination and perigee, e, e², 1 - e², its root, 1 / n."""

    sinim: float
    cosim: float
    sinomm: float
    cosomm: float
    em: float
    emsq: float
    betasq: float
    rtemsq: float
    xnoi: float


class Sight(NamedTuple):
    """Where the disturbing body moves: cosine and sine of its perigee, inclination and node, the last from the
    orbit's; and its strength."""

    zcosg: float
    zsing: float
    zcosi: float
    zsini: float
    zcosh: float
    zsinh: float
    cc: float


class Body(NamedTuple):
    """What one body does to the orbit: the report's s and z."""

    s1: float
    s2: float
    s3: float
    s4: float
    s5: float
    s6: float
    s7: float
    z1: float
    z2: float
    z3: float
    z11: float
    z12: float
    z13: float
    z21: float
    z22: float
    z23: float
    z31: float
    z32: float
    z33: float


@njit
def init_deep(coef, epoch):
    """Fill the deep-space columns of ``coef``, whose others are filled; epoch in days since 1949-12-31 00:00 UTC."""
    ecco, inclo, argpo, nodeo = coef[at.ECCO], coef[at.INCLO], coef[at.ARGPO], coef[at.NODEO]
    emsq = ecco * ecco
    betasq = 1.0 - emsq
    orbit = Orbit(sin(inclo), cos(inclo), sin(argpo), cos(argpo), ecco, emsq, betasq, sqrt(betasq), 1.0 / coef[at.NO])
    day = epoch + 18261.5
    gam = 5.8351514 + 0.0019443680 * day
    coef[at.ZMOL] = (4.7199672 + 0.22997150 * day - gam) % TWOPI
    coef[at.ZMOS] = (6.2565837 + 0.017201977 * day) % TWOPI
    cnodm, snodm = cos(nodeo), sin(nodeo)
    sun = _disturbance(orbit, Sight(0.1945905, -0.98088458, 0.91744867, 0.39785416, cnodm, snodm, C1SS))
    moon = _disturbance(orbit, _sight_of_moon(day, gam, cnodm, snodm))
    _fill_periodics(coef, emsq, sun, moon)
    _fill_secular(coef, orbit, sun, moon)
    nm = coef[at.NO]
    if 8.26e-3 <= nm <= 9.24e-3 and ecco >= 0.5:
        _fill_half_day(coef, orbit)
    elif 0.0034906585 < nm < 0.0052359877:
        _fill_one_day(coef, orbit)


@njit
def _sight_of_moon(day, gam, cnodm, snodm):
    xnodce = (4.5236020 - 9.2422029e-4 * day) % TWOPI
    stem = sin(xnodce)
    ctem = cos(xnodce)
    zcosil = 0.91375164 - 0.03568096 * ctem
    zsinil = sqrt(1.0 - zcosil * zcosil)
    zsinhl = 0.089683511 * stem / zsinil
    zcoshl = sqrt(1.0 - zsinhl * zsinhl)
    zx = 0.39785416 * stem / zsinil
    zy = zcoshl * ctem + 0.91744867 * zsinhl * stem
    zx = atan2(zx, zy)
    zx = gam + zx - xnodce
    zcosh = zcoshl * cnodm + zsinhl * snodm
    zsinh = snodm * zcoshl - cnodm * zsinhl
    return Sight(cos(zx), sin(zx), zcosil, zsinil, zcosh, zsinh, C1L)


@njit
def _disturbance(orbit, sight):
    em, emsq, sinim, cosim = orbit.em, orbit.emsq, orbit.sinim, orbit.cosim
    sinomm, cosomm, betasq = orbit.sinomm, orbit.cosomm, orbit.betasq
    zcosg, zsing, zcosi, zsini, zcosh, zsinh, cc = sight
    a1 = zcosg * zcosh + zsing * zcosi * zsinh
    a3 = -zsing * zcosh + zcosg * zcosi * zsinh
    a7 = -zcosg * zsinh + zsing * zcosi * zcosh
    a8 = zsing * zsini
    a9 = zsing * zsinh + zcosg * zcosi * zcosh
    a10 = zcosg * zsini
    a2 = cosim * a7 + sinim * a8
    a4 = cosim * a9 + sinim * a10
    a5 = -sinim * a7 + cosim * a8
    a6 = -sinim * a9 + cosim * a10
    x1 = a1 * cosomm + a2 * sinomm
    x2 = a3 * cosomm + a4 * sinomm
    x3 = -a1 * sinomm + a2 * cosomm
    x4 = -a3 * sinomm + a4 * cosomm
    x5 = a5 * sinomm
    x6 = a6 * sinomm
    x7 = a5 * cosomm
    x8 = a6 * cosomm
    z31 = 12.0 * x1 * x1 - 3.0 * x3 * x3
    z32 = 24.0 * x1 * x2 - 6.0 * x3 * x4
    z33 = 12.0 * x2 * x2 - 3.0 * x4 * x4
    z1 = 3.0 * (a1 * a1 + a2 * a2) + z31 * emsq
    z2 = 6.0 * (a1 * a3 + a2 * a4) + z32 * emsq
    z3 = 3.0 * (a3 * a3 + a4 * a4) + z33 * emsq
    z11 = -6.0 * a1 * a5 + emsq * (-24.0 * x1 * x7 - 6.0 * x3 * x5)
    z12 = -6.0 * (a1 * a6 + a3 * a5) + emsq * (-24.0 * (x2 * x7 + x1 * x8) - 6.0 * (x3 * x6 + x4 * x5))
    z13 = -6.0 * a3 * a6 + emsq * (-24.0 * x2 * x8 - 6.0 * x4 * x6)
    z21 = 6.0 * a2 * a5 + emsq * (24.0 * x1 * x5 - 6.0 * x3 * x7)
    z22 = 6.0 * (a4 * a5 + a2 * a6) + emsq * (24.0 * (x2 * x5 + x1 * x6) - 6.0 * (x4 * x7 + x3 * x8))
    z23 = 6.0 * a4 * a6 + emsq * (24.0 * x2 * x6 - 6.0 * x4 * x8)
    z1 = z1 + z1 + betasq * z31
    z2 = z2 + z2 + betasq * z32
    z3 = z3 + z3 + betasq * z33
    s3 = cc * orbit.xnoi
    s2 = -0.5 * s3 / orbit.rtemsq
    s4 = s3 * orbit.rtemsq
    s1 = -15.0 * em * s4
    s5 = x1 * x3 + x2 * x4
    s6 = x2 * x3 + x1 * x4
    s7 = x2 * x4 - x1 * x3
    return Body(s1, s2, s3, s4, s5, s6, s7, z1, z2, z3, z11, z12, z13, z21, z22, z23, z31, z32, z33)


@njit
def _fill_periodics(coef, emsq, sun, moon):
    coef[at.SE2] = 2.0 * sun.s1 * sun.s6
    coef[at.SE3] = 2.0 * sun.s1 * sun.s7
    coef[at.SI2] = 2.0 * sun.s2 * sun.z12
    coef[at.SI3] = 2.0 * sun.s2 * (sun.z13 - sun.z11)
    coef[at.SL2] = -2.0 * sun.s3 * sun.z2
    coef[at.SL3] = -2.0 * sun.s3 * (sun.z3 - sun.z1)
    coef[at.SL4] = -2.0 * sun.s3 * (-21.0 - 9.0 * emsq) * ZES
    coef[at.SGH2] = 2.0 * sun.s4 * sun.z32
    coef[at.SGH3] = 2.0 * sun.s4 * (sun.z33 - sun.z31)
    coef[at.SGH4] = -18.0 * sun.s4 * ZES
    coef[at.SH2] = -2.0 * sun.s2 * sun.z22
    coef[at.SH3] = -2.0 * sun.s2 * (sun.z23 - sun.z21)
    coef[at.EE2] = 2.0 * moon.s1 * moon.s6
    coef[at.E3] = 2.0 * moon.s1 * moon.s7
    coef[at.XI2] = 2.0 * moon.s2 * moon.z12
    coef[at.XI3] = 2.0 * moon.s2 * (moon.z13 - moon.z11)
    coef[at.XL2] = -2.0 * moon.s3 * moon.z2
    coef[at.XL3] = -2.0 * moon.s3 * (moon.z3 - moon.z1)
    coef[at.XL4] = -2.0 * moon.s3 * (-21.0 - 9.0 * emsq) * ZEL
    coef[at.XGH2] = 2.0 * moon.s4 * moon.z32
    coef[at.XGH3] = 2.0 * moon.s4 * (moon.z33 - moon.z31)
    coef[at.XGH4] = -18.0 * moon.s4 * ZEL
    coef[at.XH2] = -2.0 * moon.s2 * moon.z22
    coef[at.XH3] = -2.0 * moon.s2 * (moon.z23 - moon.z21)


@njit
def _fill_secular(coef, orbit, sun, moon):
    emsq, sinim, cosim, inclm = orbit.emsq, orbit.sinim, orbit.cosim, coef[at.INCLO]
    is_equatorial = inclm < EQUATORIAL or inclm > pi - EQUATORIAL
    ses = sun.s1 * ZNS * sun.s5
    sis = sun.s2 * ZNS * (sun.z11 + sun.z13)
    sls = -ZNS * sun.s3 * (sun.z1 + sun.z3 - 14.0 - 6.0 * emsq)
    sghs = sun.s4 * ZNS * (sun.z31 + sun.z33 - 6.0)
    shs = 0.0 if is_equatorial else -ZNS * sun.s2 * (sun.z21 + sun.z23)
    if sinim != 0.0:
        shs = shs / sinim
    sgs = sghs - cosim * shs
    coef[at.DEDT] = ses + moon.s1 * ZNL * moon.s5
    coef[at.DIDT] = sis + moon.s2 * ZNL * (moon.z11 + moon.z13)
    coef[at.DMDT] = sls - ZNL * moon.s3 * (moon.z1 + moon.z3 - 14.0 - 6.0 * emsq)
    sghl = moon.s4 * ZNL * (moon.z31 + moon.z33 - 6.0)
    shll = 0.0 if is_equatorial else -ZNL * moon.s2 * (moon.z21 + moon.z23)
    domdt = sgs + sghl
    dnodt = shs
    if sinim != 0.0:
        domdt = domdt - cosim / sinim * shll
        dnodt = dnodt + shll / sinim
    coef[at.DOMDT] = domdt
    coef[at.DNODT] = dnodt


@njit
def _fill_half_day(coef, orbit):
    """Two revolutions a day and eccentric, as Molniya orbits."""
    em, emsq, sinim, cosim, nm = orbit.em, orbit.emsq, orbit.sinim, orbit.cosim, coef[at.NO]
    theta = coef[at.GSTO] % TWOPI
    aonv = pow(nm / XKE, 2.0 / 3.0)
    cosisq = cosim * cosim
    eoc = em * emsq
    g201 = -0.306 - (em - 0.64) * 0.440
    if em <= 0.65:
        g211 = 3.616 - 13.2470 * em + 16.2900 * emsq
        g310 = -19.302 + 117.3900 * em - 228.4190 * emsq + 156.5910 * eoc
        g322 = -18.9068 + 109.7927 * em - 214.6334 * emsq + 146.5816 * eoc
        g410 = -41.122 + 242.6940 * em - 471.0940 * emsq + 313.9530 * eoc
        g422 = -146.407 + 841.8800 * em - 1629.014 * emsq + 1083.4350 * eoc
        g520 = -532.114 + 3017.977 * em - 5740.032 * emsq + 3708.2760 * eoc
    else:
        g211 = -72.099 + 331.819 * em - 508.738 * emsq + 266.724 * eoc
        g310 = -346.844 + 1582.851 * em - 2415.925 * emsq + 1246.113 * eoc
        g322 = -342.585 + 1554.908 * em - 2366.899 * emsq + 1215.972 * eoc
        g410 = -1052.797 + 4758.686 * em - 7193.992 * emsq + 3651.957 * eoc
        g422 = -3581.690 + 16178.110 * em - 24462.770 * emsq + 12422.520 * eoc
        if em > 0.715:
            g520 = -5149.66 + 29936.92 * em - 54087.36 * emsq + 31324.56 * eoc
        else:
            g520 = 1464.74 - 4664.75 * em + 3763.64 * emsq
    if em < 0.7:
        g533 = -919.22770 + 4988.6100 * em - 9064.7700 * emsq + 5542.21 * eoc
        g521 = -822.71072 + 4568.6173 * em - 8491.4146 * emsq + 5337.524 * eoc
        g532 = -853.66600 + 4690.2500 * em - 8624.7700 * emsq + 5341.4 * eoc
    else:
        g533 = -37995.780 + 161616.52 * em - 229838.20 * emsq + 109377.94 * eoc
        g521 = -51752.104 + 218913.95 * em - 309468.16 * emsq + 146349.42 * eoc
        g532 = -40023.880 + 170470.89 * em - 242699.48 * emsq + 115605.82 * eoc
    sini2 = sinim * sinim
    f220 = 0.75 * (1.0 + 2.0 * cosim + cosisq)
    f221 = 1.5 * sini2
    f321 = 1.875 * sinim * (1.0 - 2.0 * cosim - 3.0 * cosisq)
    f322 = -1.875 * sinim * (1.0 + 2.0 * cosim - 3.0 * cosisq)
    f441 = 35.0 * sini2 * f220
    f442 = 39.3750 * sini2 * sini2
    f522 = (
        9.84375
        * sinim
        * (sini2 * (1.0 - 2.0 * cosim - 5.0 * cosisq) + 0.33333333 * (-2.0 + 4.0 * cosim + 6.0 * cosisq))
    )
    f523 = sinim * (
        4.92187512 * sini2 * (-2.0 - 4.0 * cosim + 10.0 * cosisq) + 6.56250012 * (1.0 + 2.0 * cosim - 3.0 * cosisq)
    )
    f542 = 29.53125 * sinim * (2.0 - 8.0 * cosim + cosisq * (-12.0 + 8.0 * cosim + 10.0 * cosisq))
    f543 = 29.53125 * sinim * (-2.0 - 8.0 * cosim + cosisq * (12.0 + 8.0 * cosim - 10.0 * cosisq))
    xno2 = nm * nm
    ainv2 = aonv * aonv
    temp1 = 3.0 * xno2 * ainv2
    temp = temp1 * ROOT22
    coef[at.D2201] = temp * f220 * g201
    coef[at.D2211] = temp * f221 * g211
    temp1 = temp1 * aonv
    temp = temp1 * ROOT32
    coef[at.D3210] = temp * f321 * g310
    coef[at.D3222] = temp * f322 * g322
    temp1 = temp1 * aonv
    temp = 2.0 * temp1 * ROOT44
    coef[at.D4410] = temp * f441 * g410
    coef[at.D4422] = temp * f442 * g422
    temp1 = temp1 * aonv
    temp = temp1 * ROOT52
    coef[at.D5220] = temp * f522 * g520
    coef[at.D5232] = temp * f523 * g532
    temp = 2.0 * temp1 * ROOT54
    coef[at.D5421] = temp * f542 * g521
    coef[at.D5433] = temp * f543 * g533
    coef[at.XLAMO] = (coef[at.MO] + coef[at.NODEO] + coef[at.NODEO] - theta - theta) % TWOPI
    coef[at.XFACT] = coef[at.MDOT] + coef[at.DMDT] + 2.0 * (coef[at.NODEDOT] + coef[at.DNODT] - RPTIM) - nm
    coef[at.IREZ] = 2.0


@njit
def _fill_one_day(coef, orbit):
    """One revolution a day, as geosynchronous orbits."""
    emsq, sinim, cosim, nm = orbit.emsq, orbit.sinim, orbit.cosim, coef[at.NO]
    theta = coef[at.GSTO] % TWOPI
    aonv = pow(nm / XKE, 2.0 / 3.0)
    g200 = 1.0 + emsq * (-2.5 + 0.8125 * emsq)
    g310 = 1.0 + 2.0 * emsq
    g300 = 1.0 + emsq * (-6.0 + 6.60937 * emsq)
    f220 = 0.75 * (1.0 + cosim) * (1.0 + cosim)
    f311 = 0.9375 * sinim * sinim * (1.0 + 3.0 * cosim) - 0.75 * (1.0 + cosim)
    f330 = 1.0 + cosim
    f330 = 1.875 * f330 * f330 * f330
    del1 = 3.0 * nm * nm * aonv * aonv
    coef[at.DEL2] = 2.0 * del1 * f220 * g200 * Q22
    coef[at.DEL3] = 3.0 * del1 * f330 * g300 * Q33 * aonv
    coef[at.DEL1] = del1 * f311 * g310 * Q31 * aonv
    coef[at.XLAMO] = (coef[at.MO] + coef[at.NODEO] + coef[at.ARGPO] - theta) % TWOPI
    xpidot = coef[at.ARGPDOT] + coef[at.NODEDOT]
    xfact = coef[at.MDOT] + xpidot - RPTIM + coef[at.DMDT] + coef[at.DOMDT] + coef[at.DNODT] - nm
    coef[at.XFACT] = xfact
    coef[at.IREZ] = 1.0
