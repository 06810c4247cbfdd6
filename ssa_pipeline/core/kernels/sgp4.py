"""SGP4 (Vallado, Crawford, Hujsak & Kelso, "Revisiting Spacetrack Report #3", AIAA 2006-6753) for numba.

Constants WGS-72, opsmode 'i'. Initialisation follows python-sgp4 2.27 line by line (MIT, Brandon Rhodes, after
David Vallado's C++; see NOTICE); ``propagate`` computes the same quantities with fewer transcendental calls:
the short-period corrections are small angles, so sin and cos of the corrected angle come from the
uncorrected ones by the addition theorem. Against python-sgp4 the positions agree to far below 1 mm
(ssa_pipeline_tests/unit/core/kernels/test_sgp4.py: the published verification set and the whole catalogue).

``coef`` is one row of COEF_SIZE numbers per element set; ``resonance`` three numbers of integrator state (atime,
xli, xni) that the caller sets to zero before the first call for an object and passes back after: they only
save work and never change a result.
"""

from __future__ import annotations

from math import atan2, cos, fabs, floor, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.kernels._njit import inlined, njit

Float = NDArray[np.float64]

TWOPI = 2.0 * pi
EARTH_RADIUS_KM = 6378.135
XKE = 60.0 / sqrt(6378.135 * 6378.135 * 6378.135 / 398600.8)
J2 = 0.001082616
J3 = -0.00000253881
J4 = -0.00000165597
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


@njit
def _dscom(epoch, ep, argpp, tc, inclp, nodep, np):
    twopi = TWOPI
    zes = 0.01675
    zel = 0.05490
    c1ss = 2.9864797e-6
    c1l = 4.7968065e-7
    zsinis = 0.39785416
    zcosis = 0.91744867
    zcosgs = 0.1945905
    zsings = -0.98088458
    nm = np
    em = ep
    snodm = sin(nodep)
    cnodm = cos(nodep)
    sinomm = sin(argpp)
    cosomm = cos(argpp)
    sinim = sin(inclp)
    cosim = cos(inclp)
    emsq = em * em
    betasq = 1.0 - emsq
    rtemsq = sqrt(betasq)
    day = epoch + 18261.5 + tc / 1440.0
    xnodce = (4.5236020 - 9.2422029e-4 * day) % twopi
    stem = sin(xnodce)
    ctem = cos(xnodce)
    zcosil = 0.91375164 - 0.03568096 * ctem
    zsinil = sqrt(1.0 - zcosil * zcosil)
    zsinhl = 0.089683511 * stem / zsinil
    zcoshl = sqrt(1.0 - zsinhl * zsinhl)
    gam = 5.8351514 + 0.0019443680 * day
    zx = 0.39785416 * stem / zsinil
    zy = zcoshl * ctem + 0.91744867 * zsinhl * stem
    zx = atan2(zx, zy)
    zx = gam + zx - xnodce
    zcosgl = cos(zx)
    zsingl = sin(zx)
    zcosg = zcosgs
    zsing = zsings
    zcosi = zcosis
    zsini = zsinis
    zcosh = cnodm
    zsinh = snodm
    cc = c1ss
    xnoi = 1.0 / nm
    for lsflg in range(1, 3):
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
        s3 = cc * xnoi
        s2 = -0.5 * s3 / rtemsq
        s4 = s3 * rtemsq
        s1 = -15.0 * em * s4
        s5 = x1 * x3 + x2 * x4
        s6 = x2 * x3 + x1 * x4
        s7 = x2 * x4 - x1 * x3
        if lsflg == 1:
            ss1 = s1
            ss2 = s2
            ss3 = s3
            ss4 = s4
            ss5 = s5
            ss6 = s6
            ss7 = s7
            sz1 = z1
            sz2 = z2
            sz3 = z3
            sz11 = z11
            sz12 = z12
            sz13 = z13
            sz21 = z21
            sz22 = z22
            sz23 = z23
            sz31 = z31
            sz32 = z32
            sz33 = z33
            zcosg = zcosgl
            zsing = zsingl
            zcosi = zcosil
            zsini = zsinil
            zcosh = zcoshl * cnodm + zsinhl * snodm
            zsinh = snodm * zcoshl - cnodm * zsinhl
            cc = c1l
    zmol = (4.7199672 + 0.22997150 * day - gam) % twopi
    zmos = (6.2565837 + 0.017201977 * day) % twopi
    se2 = 2.0 * ss1 * ss6
    se3 = 2.0 * ss1 * ss7
    si2 = 2.0 * ss2 * sz12
    si3 = 2.0 * ss2 * (sz13 - sz11)
    sl2 = -2.0 * ss3 * sz2
    sl3 = -2.0 * ss3 * (sz3 - sz1)
    sl4 = -2.0 * ss3 * (-21.0 - 9.0 * emsq) * zes
    sgh2 = 2.0 * ss4 * sz32
    sgh3 = 2.0 * ss4 * (sz33 - sz31)
    sgh4 = -18.0 * ss4 * zes
    sh2 = -2.0 * ss2 * sz22
    sh3 = -2.0 * ss2 * (sz23 - sz21)
    ee2 = 2.0 * s1 * s6
    e3 = 2.0 * s1 * s7
    xi2 = 2.0 * s2 * z12
    xi3 = 2.0 * s2 * (z13 - z11)
    xl2 = -2.0 * s3 * z2
    xl3 = -2.0 * s3 * (z3 - z1)
    xl4 = -2.0 * s3 * (-21.0 - 9.0 * emsq) * zel
    xgh2 = 2.0 * s4 * z32
    xgh3 = 2.0 * s4 * (z33 - z31)
    xgh4 = -18.0 * s4 * zel
    xh2 = -2.0 * s2 * z22
    xh3 = -2.0 * s2 * (z23 - z21)
    return (
        cosim,
        emsq,
        sinim,
        em,
        nm,
        s1,
        s2,
        s3,
        s4,
        s5,
        ss1,
        ss2,
        ss3,
        ss4,
        ss5,
        sz1,
        sz3,
        sz11,
        sz13,
        sz21,
        sz23,
        sz31,
        sz33,
        z1,
        z3,
        z11,
        z13,
        z21,
        z23,
        z31,
        z33,
        e3,
        ee2,
        se2,
        se3,
        sgh2,
        sgh3,
        sgh4,
        sh2,
        sh3,
        si2,
        si3,
        sl2,
        sl3,
        sl4,
        xgh2,
        xgh3,
        xgh4,
        xh2,
        xh3,
        xi2,
        xi3,
        xl2,
        xl3,
        xl4,
        zmol,
        zmos,
    )


@njit
def _dsinit(
    xke,
    cosim,
    emsq,
    argpo,
    s1,
    s2,
    s3,
    s4,
    s5,
    sinim,
    ss1,
    ss2,
    ss3,
    ss4,
    ss5,
    sz1,
    sz3,
    sz11,
    sz13,
    sz21,
    sz23,
    sz31,
    sz33,
    t,
    tc,
    gsto,
    mo,
    mdot,
    no,
    nodeo,
    nodedot,
    xpidot,
    z1,
    z3,
    z11,
    z13,
    z21,
    z23,
    z31,
    z33,
    ecco,
    eccsq,
    em,
    argpm,
    inclm,
    mm,
    nm,
    nodem,
):
    twopi = TWOPI
    d2201 = d2211 = d3210 = d3222 = d4410 = d4422 = d5220 = d5232 = d5421 = d5433 = 0.0
    del1 = del2 = del3 = xfact = xlamo = 0.0
    q22 = 1.7891679e-6
    q31 = 2.1460748e-6
    q33 = 2.2123015e-7
    root22 = 1.7891679e-6
    root44 = 7.3636953e-9
    root54 = 2.1765803e-9
    rptim = 4.37526908801129966e-3
    root32 = 3.7393792e-7
    root52 = 1.1428639e-7
    x2o3 = 2.0 / 3.0
    znl = 1.5835218e-4
    zns = 1.19459e-5
    irez = 0
    if 0.0034906585 < nm < 0.0052359877:
        irez = 1
    if 8.26e-3 <= nm <= 9.24e-3 and em >= 0.5:
        irez = 2
    ses = ss1 * zns * ss5
    sis = ss2 * zns * (sz11 + sz13)
    sls = -zns * ss3 * (sz1 + sz3 - 14.0 - 6.0 * emsq)
    sghs = ss4 * zns * (sz31 + sz33 - 6.0)
    shs = -zns * ss2 * (sz21 + sz23)
    if inclm < 5.2359877e-2 or inclm > pi - 5.2359877e-2:
        shs = 0.0
    if sinim != 0.0:
        shs = shs / sinim
    sgs = sghs - cosim * shs
    dedt = ses + s1 * znl * s5
    didt = sis + s2 * znl * (z11 + z13)
    dmdt = sls - znl * s3 * (z1 + z3 - 14.0 - 6.0 * emsq)
    sghl = s4 * znl * (z31 + z33 - 6.0)
    shll = -znl * s2 * (z21 + z23)
    if inclm < 5.2359877e-2 or inclm > pi - 5.2359877e-2:
        shll = 0.0
    domdt = sgs + sghl
    dnodt = shs
    if sinim != 0.0:
        domdt = domdt - cosim / sinim * shll
        dnodt = dnodt + shll / sinim
    dndt = 0.0
    theta = (gsto + tc * rptim) % twopi
    em = em + dedt * t
    inclm = inclm + didt * t
    argpm = argpm + domdt * t
    nodem = nodem + dnodt * t
    mm = mm + dmdt * t
    if irez != 0:
        aonv = pow(nm / xke, x2o3)
        if irez == 2:
            cosisq = cosim * cosim
            emo = em
            em = ecco
            emsqo = emsq
            emsq = eccsq
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
                4.92187512 * sini2 * (-2.0 - 4.0 * cosim + 10.0 * cosisq)
                + 6.56250012 * (1.0 + 2.0 * cosim - 3.0 * cosisq)
            )
            f542 = 29.53125 * sinim * (2.0 - 8.0 * cosim + cosisq * (-12.0 + 8.0 * cosim + 10.0 * cosisq))
            f543 = 29.53125 * sinim * (-2.0 - 8.0 * cosim + cosisq * (12.0 + 8.0 * cosim - 10.0 * cosisq))
            xno2 = nm * nm
            ainv2 = aonv * aonv
            temp1 = 3.0 * xno2 * ainv2
            temp = temp1 * root22
            d2201 = temp * f220 * g201
            d2211 = temp * f221 * g211
            temp1 = temp1 * aonv
            temp = temp1 * root32
            d3210 = temp * f321 * g310
            d3222 = temp * f322 * g322
            temp1 = temp1 * aonv
            temp = 2.0 * temp1 * root44
            d4410 = temp * f441 * g410
            d4422 = temp * f442 * g422
            temp1 = temp1 * aonv
            temp = temp1 * root52
            d5220 = temp * f522 * g520
            d5232 = temp * f523 * g532
            temp = 2.0 * temp1 * root54
            d5421 = temp * f542 * g521
            d5433 = temp * f543 * g533
            xlamo = (mo + nodeo + nodeo - theta - theta) % twopi
            xfact = mdot + dmdt + 2.0 * (nodedot + dnodt - rptim) - no
            em = emo
            emsq = emsqo
        if irez == 1:
            g200 = 1.0 + emsq * (-2.5 + 0.8125 * emsq)
            g310 = 1.0 + 2.0 * emsq
            g300 = 1.0 + emsq * (-6.0 + 6.60937 * emsq)
            f220 = 0.75 * (1.0 + cosim) * (1.0 + cosim)
            f311 = 0.9375 * sinim * sinim * (1.0 + 3.0 * cosim) - 0.75 * (1.0 + cosim)
            f330 = 1.0 + cosim
            f330 = 1.875 * f330 * f330 * f330
            del1 = 3.0 * nm * nm * aonv * aonv
            del2 = 2.0 * del1 * f220 * g200 * q22
            del3 = 3.0 * del1 * f330 * g300 * q33 * aonv
            del1 = del1 * f311 * g310 * q31 * aonv
            xlamo = (mo + nodeo + argpo - theta) % twopi
            xfact = mdot + xpidot - rptim + dmdt + domdt + dnodt - no
        nm = no + dndt
    return (
        irez,
        d2201,
        d2211,
        d3210,
        d3222,
        d4410,
        d4422,
        d5220,
        d5232,
        d5421,
        d5433,
        dedt,
        didt,
        dmdt,
        dnodt,
        domdt,
        del1,
        del2,
        del3,
        xfact,
        xlamo,
    )


@njit
def _gstime(jdut1):
    tut1 = (jdut1 - 2451545.0) / 36525.0
    seconds = (
        -6.2e-6 * tut1 * tut1 * tut1 + 0.093104 * tut1 * tut1 + (876600.0 * 3600 + 8640184.812866) * tut1 + 67310.54841
    )
    return (seconds * (pi / 180.0) / 240.0) % TWOPI


@njit
def init_element_set(epoch, bstar, ecco, argpo, inclo, mo, no_kozai, nodeo, coef):
    """Fill ``coef`` (COEF_SIZE,) from mean elements: epoch in days since 1949-12-31 00:00 UTC, angles in rad,
    mean motion in rad/min (Kozai)."""
    coef[:] = 0.0
    eccsq = ecco * ecco
    omeosq = 1.0 - eccsq
    rteosq = sqrt(omeosq)
    cosio = cos(inclo)
    cosio2 = cosio * cosio
    ak = (XKE / no_kozai) ** (2.0 / 3.0)
    d1 = 0.75 * J2 * (3.0 * cosio2 - 1.0) / (rteosq * omeosq)
    delta = d1 / (ak * ak)
    adel = ak * (1.0 - delta * delta - delta * (1.0 / 3.0 + 134.0 * delta * delta / 81.0))
    delta = d1 / (adel * adel)
    no = no_kozai / (1.0 + delta)
    ao = (XKE / no) ** (2.0 / 3.0)
    sinio = sin(inclo)
    po = ao * omeosq
    con42 = 1.0 - 5.0 * cosio2
    con41 = -con42 - cosio2 - cosio2
    posq = po * po
    rp = ao * (1.0 - ecco)
    gsto = _gstime(epoch + 2433281.5)

    isimp = rp < 220.0 / EARTH_RADIUS_KM + 1.0
    sfour = 78.0 / EARTH_RADIUS_KM + 1.0
    qzms24 = ((120.0 - 78.0) / EARTH_RADIUS_KM) ** 4
    perige = (rp - 1.0) * EARTH_RADIUS_KM
    if perige < 156.0:
        sfour = perige - 78.0
        if perige < 98.0:
            sfour = 20.0
        qzms24 = ((120.0 - sfour) / EARTH_RADIUS_KM) ** 4
        sfour = sfour / EARTH_RADIUS_KM + 1.0
    pinvsq = 1.0 / posq
    tsi = 1.0 / (ao - sfour)
    eta = ao * ecco * tsi
    etasq = eta * eta
    eeta = ecco * eta
    psisq = fabs(1.0 - etasq)
    coefq = qzms24 * tsi**4
    coef1 = coefq / psisq**3.5
    cc2 = (
        coef1
        * no
        * (
            ao * (1.0 + 1.5 * etasq + eeta * (4.0 + etasq))
            + 0.375 * J2 * tsi / psisq * con41 * (8.0 + 3.0 * etasq * (8.0 + etasq))
        )
    )
    cc1 = bstar * cc2
    cc3 = 0.0
    if ecco > 1.0e-4:
        cc3 = -2.0 * coefq * tsi * J3OJ2 * no * sinio / ecco
    x1mth2 = 1.0 - cosio2
    cc4 = (
        2.0
        * no
        * coef1
        * ao
        * omeosq
        * (
            eta * (2.0 + 0.5 * etasq)
            + ecco * (0.5 + 2.0 * etasq)
            - J2
            * tsi
            / (ao * psisq)
            * (
                -3.0 * con41 * (1.0 - 2.0 * eeta + etasq * (1.5 - 0.5 * eeta))
                + 0.75 * x1mth2 * (2.0 * etasq - eeta * (1.0 + etasq)) * cos(2.0 * argpo)
            )
        )
    )
    cc5 = 2.0 * coef1 * ao * omeosq * (1.0 + 2.75 * (etasq + eeta) + eeta * etasq)
    cosio4 = cosio2 * cosio2
    temp1 = 1.5 * J2 * pinvsq * no
    temp2 = 0.5 * temp1 * J2 * pinvsq
    temp3 = -0.46875 * J4 * pinvsq * pinvsq * no
    mdot = no + 0.5 * temp1 * rteosq * con41 + 0.0625 * temp2 * rteosq * (13.0 - 78.0 * cosio2 + 137.0 * cosio4)
    argpdot = (
        -0.5 * temp1 * con42
        + 0.0625 * temp2 * (7.0 - 114.0 * cosio2 + 395.0 * cosio4)
        + temp3 * (3.0 - 36.0 * cosio2 + 49.0 * cosio4)
    )
    xhdot1 = -temp1 * cosio
    nodedot = xhdot1 + (0.5 * temp2 * (4.0 - 19.0 * cosio2) + 2.0 * temp3 * (3.0 - 7.0 * cosio2)) * cosio
    xpidot = argpdot + nodedot
    xmcof = 0.0
    if ecco > 1.0e-4:
        xmcof = -(2.0 / 3.0) * coefq * bstar / eeta
    divisor = 1.0 + cosio if fabs(cosio + 1.0) > 1.5e-12 else 1.5e-12

    coef[C_MO] = mo
    coef[C_MDOT] = mdot
    coef[C_ARGPO] = argpo
    coef[C_ARGPDOT] = argpdot
    coef[C_NODEO] = nodeo
    coef[C_NODEDOT] = nodedot
    coef[C_NODECF] = 3.5 * omeosq * xhdot1 * cc1
    coef[C_CC1] = cc1
    coef[C_BCC4] = bstar * cc4
    coef[C_T2COF] = 1.5 * cc1
    coef[C_OMGCOF] = bstar * cc3 * cos(argpo)
    coef[C_ETA] = eta
    coef[C_XMCOF] = xmcof
    coef[C_DELMO] = (1.0 + eta * cos(mo)) ** 3
    coef[C_BCC5] = bstar * cc5
    coef[C_SINMAO] = sin(mo)
    coef[C_NO] = no
    coef[C_ECCO] = ecco
    coef[C_INCLO] = inclo
    coef[C_SINIO] = sinio
    coef[C_COSIO] = cosio
    coef[C_AYCOF] = -0.5 * J3OJ2 * sinio
    coef[C_XLCOF] = -0.25 * J3OJ2 * sinio * (3.0 + 5.0 * cosio) / divisor
    coef[C_CON41] = con41
    coef[C_X1MTH2] = x1mth2
    coef[C_X7THM1] = 7.0 * cosio2 - 1.0
    coef[C_AO] = ao
    coef[C_GSTO] = gsto

    if TWOPI / no >= 225.0:
        isimp = True
        coef[C_DEEP] = 1.0
        (
            cosim, emsq, sinim, em, nm,
            s1, s2, s3, s4, s5, ss1, ss2, ss3, ss4, ss5,
            sz1, sz3, sz11, sz13, sz21, sz23, sz31, sz33,
            z1, z3, z11, z13, z21, z23, z31, z33,
            coef[C_E3], coef[C_EE2], coef[C_SE2], coef[C_SE3], coef[C_SGH2], coef[C_SGH3], coef[C_SGH4],
            coef[C_SH2], coef[C_SH3], coef[C_SI2], coef[C_SI3], coef[C_SL2], coef[C_SL3], coef[C_SL4],
            coef[C_XGH2], coef[C_XGH3], coef[C_XGH4], coef[C_XH2], coef[C_XH3], coef[C_XI2], coef[C_XI3],
            coef[C_XL2], coef[C_XL3], coef[C_XL4], coef[C_ZMOL], coef[C_ZMOS],
        ) = _dscom(epoch, ecco, argpo, 0.0, inclo, nodeo, no)  # fmt: skip
        (
            irez, coef[C_D2201], coef[C_D2211], coef[C_D3210], coef[C_D3222], coef[C_D4410], coef[C_D4422],
            coef[C_D5220], coef[C_D5232], coef[C_D5421], coef[C_D5433], coef[C_DEDT], coef[C_DIDT], coef[C_DMDT],
            coef[C_DNODT], coef[C_DOMDT], coef[C_DEL1], coef[C_DEL2], coef[C_DEL3], coef[C_XFACT], coef[C_XLAMO],
        ) = _dsinit(
            XKE, cosim, emsq, argpo, s1, s2, s3, s4, s5, sinim, ss1, ss2, ss3, ss4, ss5, sz1, sz3, sz11, sz13,
            sz21, sz23, sz31, sz33, 0.0, 0.0, gsto, mo, mdot, no, nodeo, nodedot, xpidot,
            z1, z3, z11, z13, z21, z23, z31, z33, ecco, eccsq, em, 0.0, inclo, 0.0, nm, 0.0,
        )  # fmt: skip
        coef[C_IREZ] = irez
    coef[C_ISIMP] = 1.0 if isimp else 0.0
    if not isimp:
        cc1sq = cc1 * cc1
        d2 = 4.0 * ao * tsi * cc1sq
        temp = d2 * tsi * cc1 / 3.0
        d3 = (17.0 * ao + sfour) * temp
        d4 = 0.5 * temp * ao * tsi * (221.0 * ao + 31.0 * sfour) * cc1
        coef[C_D2] = d2
        coef[C_D3] = d3
        coef[C_D4] = d4
        coef[C_T3COF] = d2 + 2.0 * cc1sq
        coef[C_T4COF] = 0.25 * (3.0 * d3 + cc1 * (12.0 * d2 + 10.0 * cc1sq))
        coef[C_T5COF] = 0.2 * (3.0 * d4 + 12.0 * cc1 * d3 + 6.0 * d2 * d2 + 15.0 * cc1sq * (2.0 * d2 + cc1sq))


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
def _resonance(coef, t, nodem, argpm, mm, resonance):
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
def _lunar_solar(coef, t, ep, inclp, nodep, argpp, mp):
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
            nm, mm = _resonance(coef, t, nodem, argpm, mm, resonance)
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
        ep, xincp, nodep, argpp, mp = _lunar_solar(coef, t, em, inclm, nodem, argpm, mm)
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
def init_element_sets(mean: Float, coef: Float) -> None:
    """``init_element_set`` of every row: mean (n, 8) in its argument order, coef (n, COEF_SIZE)."""
    for i in range(mean.shape[0]):
        m = mean[i]
        init_element_set(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], coef[i])


@njit
def propagate_each(coef: Float, minutes: Float, out: Float, codes: Float) -> None:
    """One state per object: coef (n, COEF_SIZE), minutes (n,), out (n, 6), codes (n,)."""
    resonance = np.zeros(3)
    for i in range(coef.shape[0]):
        resonance[0] = 0.0
        codes[i] = propagate(coef[i], minutes[i], resonance, out[i])


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

    The formulas of ``propagate`` for objects with C_DEEP = C_ISIMP = 0, a vector of times at once. Returns False
    where any time fails, the positions are then not to be used.
    """
    mo, mdot, argpo, argpdot = coef[C_MO], coef[C_MDOT], coef[C_ARGPO], coef[C_ARGPDOT]
    nodeo, nodedot, nodecf = coef[C_NODEO], coef[C_NODEDOT], coef[C_NODECF]
    eta, omgcof, xmcof, delmo = coef[C_ETA], coef[C_OMGCOF], coef[C_XMCOF], coef[C_DELMO]
    cc1, d2, d3, d4 = coef[C_CC1], coef[C_D2], coef[C_D3], coef[C_D4]
    bcc4, bcc5, sinmao = coef[C_BCC4], coef[C_BCC5], coef[C_SINMAO]
    t2cof, t3cof, t4cof, t5cof = coef[C_T2COF], coef[C_T3COF], coef[C_T4COF], coef[C_T5COF]
    ao, ecco, no = coef[C_AO], coef[C_ECCO], coef[C_NO]
    aycof, xlcof = coef[C_AYCOF], coef[C_XLCOF]
    sinip, cosip = coef[C_SINIO], coef[C_COSIO]
    con41, x1mth2, x7thm1 = coef[C_CON41], coef[C_X1MTH2], coef[C_X7THM1]
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
