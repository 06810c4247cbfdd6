"""The records that travel down the chain: element sets in, events out. Plain numpy columns, no behaviour.

Times are integer microseconds of UTC since 1970-01-01 (86,400 s a day, no leap seconds: the convention of
element sets); angles in degrees; lengths in km. See docs/naming.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
Text = NDArray[np.object_]
Mask = NDArray[np.bool_]
Days = NDArray[np.datetime64]  # unit D

# Kinds of snapshots: the first two bring element sets, the others what is known of objects besides.
GP, SUPPLEMENTAL_GP, SATCAT, DECAY, TIP = "gp", "supplemental_gp", "satcat", "decay", "tip"
PARTIAL_SATCAT = "partial_satcat"  # lacks objects of the SATCAT before it: kept, not used

MICROSECONDS_PER_DAY = 86_400_000_000
SECONDS_PER_DAY = 86_400.0


class RejectRule(StrEnum):
    """Why a record cannot be used. The value is what users see in ``ssa.rejected_records``."""

    MALFORMED = "malformed"
    CHECKSUM = "checksum"
    MISSING_FIELD = "missing_field"
    BAD_NUMBER = "bad_number"
    BAD_EPOCH = "bad_epoch"
    BAD_CATALOG_NUMBER = "bad_catalog_number"
    OUT_OF_RANGE = "out_of_range"
    EPHEMERIS_TYPE = "ephemeris_type_not_sgp4"
    THEORY = "mean_element_theory_not_sgp4"
    REFERENCE_FRAME = "reference_frame_not_teme"
    TIME_SYSTEM = "time_system_not_utc"
    CENTER = "center_not_earth"
    PERIGEE_BELOW_SURFACE = "perigee_below_surface"
    EPOCH_TOO_FAR_AHEAD = "epoch_too_far_ahead"
    SGP4_INIT = "sgp4_init_failed"
    DECAYED = "decayed"
    STALE = "stale"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    SHARED_NUMBER = "shared_number"
    SUPPLEMENTAL_NOT_USED = "supplemental_not_used"


@dataclass(frozen=True)
class Columns:
    """A table: every field of a subclass is an array of the same length."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The rows chosen by an integer or boolean index, in its order."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of ``parts`` (at least one), in order."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})


@dataclass(frozen=True)
class ElementSets(Columns):
    """n mean element sets (SGP4, TEME, UTC), one per row; every field is an array of length n.

    ``mean_motion_dot`` is the TLE's n-dot/2 in rev/day², ``mean_motion_ddot`` its n-ddot/6 in rev/day³ (SGP4
    uses neither), ``bstar`` is in 1/earth radii. ``source_line`` is the 1-based line of ``source_file`` on
    which the record begins.
    """

    norad_id: Int64
    object_name: Text
    object_id: Text
    epoch_us: Int64
    mean_motion_rev_per_day: Float64
    eccentricity: Float64
    inclination_deg: Float64
    raan_deg: Float64
    arg_perigee_deg: Float64
    mean_anomaly_deg: Float64
    bstar: Float64
    mean_motion_dot: Float64
    mean_motion_ddot: Float64
    classification: Text
    element_set_no: Int64
    rev_at_epoch: Int64
    source_file: Text
    source_line: Int64

    @classmethod
    def empty(cls) -> Self:
        """No sets."""
        kinds = {"Text": object, "Int64": np.int64, "Float64": np.float64}
        return cls(**{f.name: np.empty(0, dtype=kinds[str(f.type)]) for f in fields(cls)})


@dataclass(frozen=True)
class RecordSpans(Columns):
    """Where n records are in the unpacked content of a file: ``member`` of an archive ('': none), ``byte_start`` and
    ``byte_count`` (0: not known); ``has_bad_checksum`` where it was accepted with a wrong one."""

    member: Text
    byte_start: Int64
    byte_count: Int64
    has_bad_checksum: NDArray[np.bool_]

    @staticmethod
    def unknown(n: int) -> RecordSpans:
        """Of records that were not read from a file."""
        nowhere = np.zeros(n, dtype=np.int64)
        return RecordSpans(np.full(n, "", dtype=object), nowhere, nowhere, np.zeros(n, dtype=np.bool_))


@dataclass(frozen=True)
class Receipts(RecordSpans):
    """How each of n element sets came, and where it is in its snapshot: ``source`` (e.g. celestrak), ``kind`` of the
    snapshot (``gp`` or ``supplemental_gp``), ``received_day`` (UTC day of the newest receipt) and its ``snapshot_id``
    (0: none), ``sources`` (by lines: those that sent the same set before, too); every field has length n."""

    source: Text
    kind: Text
    received_day: Days
    snapshot_id: Int64
    sources: Text

    @classmethod
    def alike(
        cls,
        n: int,
        day: date,
        source: str = "file",
        kind: str = GP,
        snapshot_id: int = 0,
        spans: RecordSpans | None = None,
    ) -> Self:
        """n sets that came in one snapshot."""
        spans = spans or RecordSpans.unknown(n)
        return cls(
            spans.member,
            spans.byte_start,
            spans.byte_count,
            spans.has_bad_checksum,
            np.full(n, source, dtype=object),
            np.full(n, kind, dtype=object),
            np.full(n, day, "datetime64[D]"),
            np.full(n, snapshot_id, dtype=np.int64),
            np.full(n, source, dtype=object),
        )


@dataclass(frozen=True)
class RejectedRecord:
    """One record that is not used, with everything needed to find it again."""

    source_file: str
    source_line: int  # 1-based
    rule: RejectRule
    detail: str  # says the rule and the offending value
    raw: bytes  # the record's bytes as received
    norad_id: int | None = None
    object_name: str | None = None


class EventClass(StrEnum):
    """``crossing``: one short passage. ``persistent``: together for 10 min or more, or several minima."""

    CROSSING = "crossing"
    PERSISTENT = "persistent"


@dataclass(frozen=True)
class Events(Columns):
    """m encounters, sorted by (tca_us, norad_id_1, norad_id_2); every field has length m.

    Object 1 is the primary and has the smaller catalogue number. ``miss_[rtn]_km`` and
    ``relative_velocity_[rtn]_km_s`` are object 2 minus object 1 in the RTN frame of object 1 (R radial, N along the
    orbit normal, T completes) at TCA. ``start_us``/``end_us`` bound the time below the threshold, or inside the
    screening volume (clipped to the window for persistent rows). A persistent row merges passages less than one
    revolution apart between which the distance stays below twice the threshold; ``below_threshold_s`` is the time
    below the threshold alone, ``n_passages`` the number of passages, both of [start_us, end_us] (NaN and 0 in rows of
    older code: not known). ``age_*_days`` is TCA minus the element set's epoch. ``approach_angle_deg`` is the angle
    between the two velocities. ``latitude_deg``, ``longitude_deg`` and ``altitude_km`` say where object 1 is at TCA
    (``core.orbits.geodetic``; NaN in slices of before they were kept). ``flags`` is a blank-separated list of words, ''
    where there is none: ``continues_before``, ``continues_after`` (persistent, goes on beyond the window),
    ``passage_continues_before`` (its first passage began before the window), ``no_minimum`` (a piece of a persistent
    interval without a minimum of its own), ``tca_at_edge`` (persistent: the smallest distance in the window is not a
    minimum but lies where the row begins or ends), ``constant_range``, ``identical_elements``,
    ``validity_ends_1``/``_2`` (SGP4 fails for that object in the window; it was screened up to then),
    ``forward_epoch_1``/``_2`` (epoch after TCA, or after the epoch day), ``low_perigee_1``/``_2`` (TCA lies beyond
    that object's first passage below 100 km, seen from its epoch), ``reentering_1``/``_2`` (and its mean apogee below
    150 km too), ``tca_outside_volume`` (nearest outside the volume that it enters), ``possible_duplicate`` (the two
    numbers look like one object), ``segment_handover_1``/``_2``, and the words of ``core.flags.ObjectFlag`` with
    ``_1`` or ``_2``.
    """

    norad_id_1: Int64
    norad_id_2: Int64
    tca_us: Int64
    miss_distance_km: Float64
    relative_speed_km_s: Float64
    miss_r_km: Float64
    miss_t_km: Float64
    miss_n_km: Float64
    relative_velocity_r_km_s: Float64
    relative_velocity_t_km_s: Float64
    relative_velocity_n_km_s: Float64
    approach_angle_deg: Float64
    latitude_deg: Float64
    longitude_deg: Float64
    altitude_km: Float64
    age_1_days: Float64
    age_2_days: Float64
    epoch_1_us: Int64
    epoch_2_us: Int64
    event_class: Text
    start_us: Int64
    end_us: Int64
    n_minima: Int64
    flags: Text
    below_threshold_s: Float64
    n_passages: Int64


@dataclass(frozen=True)
class Candidates(Columns):
    """k (pair, step) combinations that may come below the threshold; every field has length k.

    Sorted by (step_start_us, norad_id_1, norad_id_2). ``is_slow`` marks encounters so slow that the linear
    filter's assumption of a single minimum does not hold; they are searched densely instead.
    """

    norad_id_1: Int64
    norad_id_2: Int64
    step_start_us: Int64
    step_end_us: Int64
    approx_miss_km: Float64
    approx_speed_km_s: Float64
    is_slow: NDArray[np.bool_]


@dataclass(frozen=True)
class EphemerisChunks:
    """Interpolable positions of n objects over [start_us, end_us) (TEME, km), one row per object.

    ``nodes_int32`` holds, object after object, ``node_count[i]`` × 3 quantised coordinates; node j of object i
    is at ``first_node_us[i] + j * spacing_us[i]`` and its position is ``scale_km[i] * int32``. Nodes reach
    beyond the window on both sides so that a central interpolation formula works everywhere inside.
    ``error_bound_km`` bounds |interpolated - SGP4| within validity, quantisation included;
    ``acceleration_bound_km_s2`` bounds the acceleration that is not two-body. An object is valid in
    [valid_from_us, valid_to_us); ``status`` says why that is shorter than the window (core.status), 0 = whole.
    """

    start_us: int
    end_us: int
    format_version: int
    norad_id: Int64
    spacing_us: Int64
    first_node_us: Int64
    node_count: Int64
    scale_km: Float64
    error_bound_km: Float64
    acceleration_bound_km_s2: Float64
    valid_from_us: Int64
    valid_to_us: Int64
    status: Int64
    nodes_int32: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.norad_id)

    @property
    def offsets(self) -> Int64:
        """Index of each object's first value in ``nodes_int32``, and the total: shape (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.node_count * 3)]).astype(np.int64)
