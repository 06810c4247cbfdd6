"""From mean elements to the coefficients of SGP4 (sgp4init)."""

from __future__ import annotations

from math import cos, fabs, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.constants import EARTH_RADIUS_KM, J2, J4
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
    C_DEEP,
    C_DELMO,
    C_ECCO,
    C_ETA,
    C_GSTO,
    C_INCLO,
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
    XKE,
)
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
    """Fill ``coef`` (COEF_SIZE,) from mean elements: epoch in days since 1949-12-31 00:00 UTC, angles in rad,
    mean motion in rad/min (Kozai)."""
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
        init_deep(coef, epoch)
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
def init_element_sets(mean: Float, coef: Float) -> None:
    """``init_element_set`` of every row: mean (n, 8) in its argument order, coef (n, COEF_SIZE)."""
    for i in range(mean.shape[0]):
        m = mean[i]
        init_element_set(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], coef[i])
