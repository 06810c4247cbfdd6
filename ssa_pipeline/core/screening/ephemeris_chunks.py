"""Link 3: interpolable positions of every object over one window, with a bound on their error.

Positions only: central Lagrange interpolation through 12 nodes, whose derivative is by construction the
derivative of the position (SGP4's own velocity is not: design notes, docs/sieve.md).
"""

from __future__ import annotations

from math import comb, factorial

import numpy as np
from numpy.typing import NDArray

from ssa_pipeline.core.kernels import ephemeris_chunks as kernel
from ssa_pipeline.core.orbits.mean_orbit import mean_motion_rad_s
from ssa_pipeline.core.orbits.propagation import find_validity, sgp4_coefficients
from ssa_pipeline.core.parallel import map_blocks
from ssa_pipeline.core.records import ElementSets, EphemerisChunks, Float64, Int64
from ssa_pipeline.core.screening.interpolation import HALO, NODES
from ssa_pipeline.core.status import Status
from ssa_pipeline.core.versions import CHUNK_FORMAT_VERSION
from ssa_pipeline.core.watch import SILENT, Watch

SPACINGS_S = (1440, 720, 360, 180, 120, 60, 30)  # few distinct offsets from the sieve's grid: weights are few
WIDEST_STEP_RAD = 0.43  # angle about the Earth at perigee per spacing with which the search begins: 360 s in low orbits
ERROR_LIMIT_KM = 0.25  # above this bound the next finer spacing is taken
BEYOND_US = 26 * 3600 * 1_000_000  # validity is known this far beyond the window, for slow encounters


def error_factor() -> float:
    """Factor from the largest 12th difference of the nodes to a bound of the interpolation error.

    Smooth part: error <= max |prod(x - x_k)| / 12! * max |f^(12)| h^12, with h^12 f^(12) ~ the 12th difference; a
    factor 4 covers its variation between nodes. A jump J of the curve itself gives differences up to
    C(11, 5) J and errors up to the Lebesgue constant (2.5) times J: the larger of the two factors is used.
    """
    middle = np.prod(np.abs(0.5 - (np.arange(NODES) - (HALO - 1.0))))
    smooth = 4.0 * float(middle) / factorial(NODES)
    return max(smooth, 2.5 / comb(NODES - 1, HALO - 1))


def _second_derivative_weights() -> Float64:
    """Central second derivative through 11 nodes (order 10), per spacing squared: shape (11,)."""
    m = 5
    weights = np.zeros(2 * m + 1)
    for k in range(1, m + 1):
        w = 2.0 * (-1.0) ** (k + 1) * factorial(m) ** 2 / (k**2 * factorial(m - k) * factorial(m + k))
        weights[m + k] = weights[m - k] = w
    weights[m] = -weights.sum()
    return weights


def compute_ephemeris_chunks(
    elements: ElementSets, start_us: int, end_us: int, *, threads: int = 1, watch: Watch = SILENT
) -> EphemerisChunks:
    """Nodes (TEME), error bounds and validity of every object over [start_us, end_us), in the order of ``elements``.

    Objects that cannot be propagated anywhere in the window keep a row with an empty validity. Raises
    ValueError for an empty window, Cancelled.
    """
    if end_us <= start_us:
        raise ValueError("the window is empty")
    coefficients = sgp4_coefficients(elements)
    validity, code = _validity(elements, coefficients, start_us, end_us, threads, watch)
    spacings = np.array(SPACINGS_S, dtype=np.int64) * 10**6
    derivative = _second_derivative_weights()
    formula = kernel.Formula(spacings, ERROR_LIMIT_KM, HALO, NODES, error_factor(), derivative)
    widest = _widest(elements)
    most = -(-(end_us - start_us) // int(spacings[-1])) + 2 * HALO

    def fill(first: int, last: int, columns: Float64) -> NDArray[np.int32]:
        payload = np.empty((last - first) * most * 3, dtype=np.int32)  # pages never written cost nothing
        part = slice(first, last)
        objects = kernel.Objects(coefficients[part], elements.epoch_us[part], validity[part], widest[part])
        used = kernel.fill_objects(objects, start_us, end_us, formula, payload, columns)
        return payload[:used].copy()

    def block(first: int, last: int) -> tuple[NDArray[np.int32], Float64]:
        columns = np.empty((last - first, 5))
        payload = fill(first, last, columns)
        failing = first + np.flatnonzero(columns[:, 1] < 0)
        if len(failing):  # a failure that the secular elements did not announce
            validity[failing], code[failing] = find_validity(
                coefficients[failing],
                elements.epoch_us[failing],
                start_us - BEYOND_US,
                end_us + BEYOND_US,
                is_thorough=True,
            )
            payload = fill(first, last, columns)
            failing = first + np.flatnonzero(columns[:, 1] < 0)
            # between two minutes: nothing is claimed of these objects
            validity[failing], code[failing] = start_us, Status.IMPLAUSIBLE_STATE
            columns[columns[:, 1] < 0, 1] = 0
        return payload, columns

    parts = map_blocks(block, len(elements), threads=threads, watch=watch, stage="propagate", block=512)
    columns = np.concatenate([part[1] for part in parts]) if parts else np.empty((0, 5))
    payload = [part[0] for part in parts]
    spacing_us = columns[:, 0].astype(np.int64)
    return EphemerisChunks(
        start_us=start_us,
        end_us=end_us,
        format_version=CHUNK_FORMAT_VERSION,
        norad_id=elements.norad_id.astype(np.int64),
        spacing_us=spacing_us,
        first_node_us=start_us - (HALO - 1) * spacing_us,
        node_count=columns[:, 1].astype(np.int64),
        scale_km=columns[:, 2].copy(),
        error_bound_km=columns[:, 3] + 3.0 * columns[:, 2],
        acceleration_bound_km_s2=1.2 * columns[:, 4] + 1e-6,
        valid_from_us=validity[:, 0].copy(),
        valid_to_us=validity[:, 1].copy(),
        status=np.where((validity[:, 1] < end_us) | (validity[:, 0] > start_us), code, 0),
        nodes_int32=np.concatenate(payload) if payload else np.empty(0, dtype=np.int32),
    )


def _widest(elements: ElementSets) -> Int64:
    """Index of the first of SPACINGS_S to be tried for each object: shape (n,)."""
    e = elements.eccentricity
    at_perigee = mean_motion_rad_s(elements) * (1.0 + e) ** 2 / (1.0 - e * e) ** 1.5
    fits = at_perigee[:, None] * np.array(SPACINGS_S) <= WIDEST_STEP_RAD
    return np.where(fits.any(axis=1), fits.argmax(axis=1), len(SPACINGS_S) - 1)


def _validity(
    elements: ElementSets, coefficients: Float64, start_us: int, end_us: int, threads: int, watch: Watch
) -> tuple[Int64, Int64]:
    validity = np.empty((len(elements), 2), dtype=np.int64)
    code = np.empty(len(elements), dtype=np.int64)

    def block(first: int, last: int) -> None:
        validity[first:last], code[first:last] = find_validity(
            coefficients[first:last], elements.epoch_us[first:last], start_us - BEYOND_US, end_us + BEYOND_US
        )

    map_blocks(block, len(elements), threads=threads, watch=watch, stage="validity")
    return validity, code
