"""Screening volumes: what is reported around whom, and which pairs count at all. Defined in docs/volumes.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.records import ElementSets, Float64, Int64, Text

Bool = NDArray[np.bool_]

# Flown by one operator who keeps its satellites apart; named STEM-NUMBER in public catalogues.
CONSTELLATIONS = ("STARLINK", "ONEWEB", "KUIPER", "QIANFAN")
NO_SATELLITE = (" DEB", " R/B")  # ends of names: nobody flies these


@dataclass(frozen=True)
class Volume:
    """A sphere, or a box along radial, in-track (T) and cross-track (N) with ``half_axes_km``; ``radius_km`` is the
    sphere's, or that of the sphere about the box."""

    radius_km: float
    half_axes_km: tuple[float, float, float]

    @classmethod
    def sphere(cls, radius_km: float) -> Self:
        """Raises ValueError for a radius that is not positive and finite."""
        return cls(radius_km, (radius_km,) * 3)._checked()

    @classmethod
    def box(cls, r_km: float, t_km: float, n_km: float) -> Self:
        """Raises ValueError for a half-axis that is not positive and finite."""
        return cls(float(np.sqrt(r_km**2 + t_km**2 + n_km**2)), (r_km, t_km, n_km))._checked()

    def _checked(self) -> Self:
        for value in self.half_axes_km:
            if not 0.0 < value < np.inf:
                raise ValueError(f"a threshold or half-axis of {value} km is not positive")
        return self


@dataclass(frozen=True)
class ScreeningVolumes:
    """The volumes of n objects, in the order of their element sets; every field has length n.

    A point x (RTN) is inside where ``|x| <= radius_km`` and ``|x_i| <= half_axes_km[i]``, which holds for spheres and
    boxes alike. Only volumes of primaries count: a pair has one or two, and at least one primary. Pairs within one
    ``constellation`` (a number from 1 on; 0 is none) are left out.
    """

    radius_km: Float64
    half_axes_km: Float64  # (n, 3)
    is_primary: Bool
    constellation: Int64

    @classmethod
    def of(cls, volumes: list[Volume], is_primary: Bool | None = None, constellation: Int64 | None = None) -> Self:
        """From one volume per object, with masks and numbers of shape (n,); everyone is a primary and none in a
        constellation unless said otherwise."""
        n = len(volumes)
        return cls(
            np.array([v.radius_km for v in volumes], dtype=np.float64),
            np.array([v.half_axes_km for v in volumes], dtype=np.float64).reshape(n, 3),
            np.ones(n, dtype=np.bool_) if is_primary is None else is_primary,
            np.zeros(n, dtype=np.int64) if constellation is None else constellation,
        )

    @classmethod
    def spheres(cls, n: int, radius_km: float) -> Self:
        """One sphere for everyone, all pairs. Raises ValueError for a radius that is not positive and finite."""
        Volume.sphere(radius_km)
        return cls(np.full(n, radius_km), np.full((n, 3), radius_km), np.ones(n, np.bool_), np.zeros(n, np.int64))

    def __len__(self) -> int:
        return len(self.radius_km)

    @property
    def reach_km(self) -> Float64:
        """Distance (km) up to which an object itself asks for a pair: 0 where it is no primary, shape (n,)."""
        return np.where(self.is_primary, self.radius_km, 0.0)

    def pair_reach_km(self, first: Int64, second: Int64) -> Float64:
        """Distance (km) beyond which nothing of each pair of rows (k,) is reported, shape (k,)."""
        reach = self.reach_km
        return np.maximum(reach[first], reach[second])

    def is_asked(self, first: Int64, second: Int64) -> Bool:
        """Whether each pair of rows (k,) has a primary and does not lie within one constellation: shape (k,)."""
        group = self.constellation
        is_within_one = (group[first] != 0) & (group[first] == group[second])
        return np.asarray((self.is_primary[first] | self.is_primary[second]) & ~is_within_one)


def as_volumes(volumes: float | ScreeningVolumes, n: int) -> ScreeningVolumes:
    """A number is a sphere of that radius (km) around everyone. Raises ValueError for one that is not positive and
    finite, or where the volumes are not of ``n`` objects."""
    if not isinstance(volumes, ScreeningVolumes):
        return ScreeningVolumes.spheres(n, volumes)
    if len(volumes) != n:
        raise ValueError(f"screening volumes of {len(volumes)} objects, expected {n}")
    return volumes


def constellations(names: Text) -> Int64:
    """Which of CONSTELLATIONS each object belongs to by its name, counted from 1; 0 for none: shape (n,)."""
    found = np.zeros(len(names), dtype=np.int64)
    for k, name in enumerate(names.tolist()):
        stem, hyphen, _ = str(name).upper().partition("-")
        if hyphen and stem in CONSTELLATIONS and not str(name).upper().rstrip().endswith(NO_SATELLITE):
            found[k] = CONSTELLATIONS.index(stem) + 1
    return found


def within_one_constellation(elements: ElementSets, norad_id_1: Int64, norad_id_2: Int64) -> Bool:
    """Whether both objects of each pair belong to one constellation, by the names in ``elements``: shape (k,)."""
    order = np.argsort(elements.norad_id, kind="stable")
    ids, groups = elements.norad_id[order], np.append(constellations(elements.object_name)[order], 0)

    def group_of(norad_id: Int64) -> Int64:
        row = np.searchsorted(ids, norad_id)
        is_known = np.append(ids, -1)[row] == norad_id
        return np.where(is_known, groups[row], 0).astype(np.int64)

    one, two = group_of(norad_id_1), group_of(norad_id_2)
    return np.asarray((one != 0) & (one == two))
