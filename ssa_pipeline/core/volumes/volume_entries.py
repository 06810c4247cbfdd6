"""When pairs of objects are inside their screening volumes."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.kernels import screening_volume as kernel
from ssa_pipeline.core.kernels.sgp4.coefficients import Pair
from ssa_pipeline.core.records import ElementSets, EphemerisChunks, Float64
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes


class VolumeEntries:
    """Looks at the passes of pairs, each named by two rows of ``elements``; all arguments in the same order."""

    def __init__(
        self, elements: ElementSets, coefficients: Float64, chunks: EphemerisChunks, volumes: ScreeningVolumes
    ) -> None:
        self.volumes = volumes
        self._epoch_us = elements.epoch_us
        self._coefficients = coefficients
        self._acceleration = chunks.acceleration_bound_km_s2
        self._reach = volumes.reach_km
        self._limits = np.column_stack([volumes.radius_km, volumes.half_axes_km])
        self._is_sphere = volumes.is_primary & np.all(self._limits == self._limits[:, :1], axis=1)
        self.are_needed = volumes.is_primary & ~self._is_sphere  # (n,) whose passes need a look

    def reach_km(self, first: int, second: int) -> float:
        """Distance (km) beyond which nothing of the pair is reported: it bounds a pass."""
        return float(max(self._reach[first], self._reach[second]))

    def is_within_sphere(self, first: int, second: int) -> bool:
        """Whether coming within reach is already being inside."""
        reach = self.reach_km(first, second)
        return any(self._is_sphere[row] and self._reach[row] == reach for row in (first, second))

    def inside(self, first: int, second: int, start_us: int, end_us: int) -> tuple[int, int] | None:
        """First and last microsecond of [start_us, end_us], a part of one pass, in a volume of the pair; None where
        it enters none."""
        spans = []
        for owner, other in ((first, second), (second, first)):
            if self.volumes.is_primary[owner]:
                begin = self._first(owner, other, start_us, end_us)
                if begin != kernel.NEVER:
                    spans.append((begin, self._first(owner, other, end_us, start_us)))
        if not spans:
            return None
        return min(begin for begin, _ in spans), max(end for _, end in spans)

    def _first(self, owner: int, other: int, from_us: int, to_us: int) -> int:
        coef, epoch = self._coefficients, self._epoch_us
        pair = Pair(coef[owner], int(epoch[owner]), coef[other], int(epoch[other]), np.zeros((2, 9)))
        return kernel.first_inside(
            pair,
            self._limits[owner],
            2.0 * self.reach_km(owner, other),  # merged intervals lead up to twice the reach away
            float(self._acceleration[owner] + self._acceleration[other]),
            from_us,
            to_us,
        )
