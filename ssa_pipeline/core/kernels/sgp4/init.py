"""From mean elements to the coefficients of SGP4 (AIAA 2006-6753: initl, sgp4init)."""

from __future__ import annotations

from math import cos, fabs, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

import ssa_pipeline.core.kernels.sgp4.coefficients as at
from ssa_pipeline.core.constants import EARTH_RADIUS_KM, J2, J4
from ssa_pipeline.core.kernels._njit import njit
from ssa_pipeline.core.kernels.sgp4.coefficients import J3OJ2, TWOPI, XKE
from ssa_pipeline.core.kernels.sgp4.deep_init import init_deep

Float = NDArray[np.float64]


@njit
def _gstime(jdut1):
    tut1 = (jdut1 - 2451545.0) / 36525.0
    seconds = (
        -6.2e-6 * tut1 * tut1 * tut1 + 0.093104 * tut1 * tut1 + (876600.0 * 3600 + 8640184.812866) * tut1 + 67310.54841
    )
    return (seconds * (pi / 180.0) / 240.0) % TWOPI


@njit
def init_element_set(epoch, bstar, ecco, argpo, inclo, mo, no_kozai, nodeo, coef):
    """Fill ``coef`` (COEF_SIZE,) from mean elements: epoch in days since 1949-12-31 00:00 UTC, bstar in 1/earth radii,
    angles in rad (TEME), mean motion in rad/min (Kozai)."""
    coef[:] = 0.0
    omeosq = 1.0 - ecco * ecco
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
    xmcof = 0.0
    if ecco > 1.0e-4:
        xmcof = -(2.0 / 3.0) * coefq * bstar / eeta
    divisor = 1.0 + cosio if fabs(cosio + 1.0) > 1.5e-12 else 1.5e-12

    coef[at.MO] = mo
    coef[at.MDOT] = mdot
    coef[at.ARGPO] = argpo
    coef[at.ARGPDOT] = argpdot
    coef[at.NODEO] = nodeo
    coef[at.NODEDOT] = nodedot
    coef[at.NODECF] = 3.5 * omeosq * xhdot1 * cc1
    coef[at.CC1] = cc1
    coef[at.BCC4] = bstar * cc4
    coef[at.T2COF] = 1.5 * cc1
    coef[at.OMGCOF] = bstar * cc3 * cos(argpo)
    coef[at.ETA] = eta
    coef[at.XMCOF] = xmcof
    coef[at.DELMO] = (1.0 + eta * cos(mo)) ** 3
    coef[at.BCC5] = bstar * cc5
    coef[at.SINMAO] = sin(mo)
    coef[at.NO] = no
    coef[at.ECCO] = ecco
    coef[at.INCLO] = inclo
    coef[at.SINIO] = sinio
    coef[at.COSIO] = cosio
    coef[at.AYCOF] = -0.5 * J3OJ2 * sinio
    coef[at.XLCOF] = -0.25 * J3OJ2 * sinio * (3.0 + 5.0 * cosio) / divisor
    coef[at.CON41] = con41
    coef[at.X1MTH2] = x1mth2
    coef[at.X7THM1] = 7.0 * cosio2 - 1.0
    coef[at.AO] = ao
    coef[at.GSTO] = gsto

    if TWOPI / no >= 225.0:
        isimp = True
        coef[at.DEEP] = 1.0
        init_deep(coef, epoch)
    coef[at.ISIMP] = 1.0 if isimp else 0.0
    if not isimp:
        cc1sq = cc1 * cc1
        d2 = 4.0 * ao * tsi * cc1sq
        temp = d2 * tsi * cc1 / 3.0
        d3 = (17.0 * ao + sfour) * temp
        d4 = 0.5 * temp * ao * tsi * (221.0 * ao + 31.0 * sfour) * cc1
        coef[at.D2] = d2
        coef[at.D3] = d3
        coef[at.D4] = d4
        coef[at.T3COF] = d2 + 2.0 * cc1sq
        coef[at.T4COF] = 0.25 * (3.0 * d3 + cc1 * (12.0 * d2 + 10.0 * cc1sq))
        coef[at.T5COF] = 0.2 * (3.0 * d4 + 12.0 * cc1 * d3 + 6.0 * d2 * d2 + 15.0 * cc1sq * (2.0 * d2 + cc1sq))


@njit
def init_element_sets(mean: Float, coef: Float) -> None:
    """``init_element_set`` of every row: mean (n, 8) in its argument order, coef (n, COEF_SIZE)."""
    for i in range(mean.shape[0]):
        m = mean[i]
        init_element_set(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], coef[i])
