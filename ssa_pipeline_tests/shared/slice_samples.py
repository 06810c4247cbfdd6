"""Small, realistic values of every slice, without the engine: for tests of storage and of SQL."""

from __future__ import annotations

from datetime import date

import numpy as np

from ssa_pipeline.core.catalog.records import Aliases, CleanCatalog
from ssa_pipeline.core.records import (
    MICROSECONDS_PER_DAY,
    Candidates,
    ElementSets,
    EphemerisChunks,
    Events,
    RejectedRecord,
    RejectRule,
)
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.core.versions import CHUNK_FORMAT_VERSION
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay

DAY = date(2024, 11, 1)


def texts(values: list[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def element_sets(
    n: int, day: date = DAY, *, first_id: int = 100, shift_us: int = 0, file: str = "a.csv"
) -> ElementSets:
    """n objects with ids from ``first_id`` and epochs (to the microsecond) on the day before ``day``."""
    rows = np.arange(n)
    return ElementSets(
        norad_id=first_id + rows.astype(np.int64),
        object_name=texts([f"OBJECT {first_id + i} é" for i in range(n)]),
        object_id=texts(["" if i % 5 == 4 else f"1998-067{chr(65 + i % 26)}" for i in range(n)]),
        epoch_us=day_start_us(day) - 3_600_000_001 * (1 + rows % 20) + shift_us,
        mean_motion_rev_per_day=15.0 + rows * 1e-3 / 3,
        eccentricity=1e-4 + rows * 1e-7,
        inclination_deg=51.6 + rows * 0.01,
        raan_deg=np.mod(rows * 7.7, 360.0),
        arg_perigee_deg=np.mod(rows * 3.1, 360.0),
        mean_anomaly_deg=np.mod(rows * 1.3, 360.0),
        bstar=np.full(n, -0.12e-3),
        mean_motion_dot=np.full(n, 1.6e-5),
        mean_motion_ddot=np.zeros(n),
        classification=texts(["U"] * n),
        element_set_no=np.full(n, 999),
        rev_at_epoch=rows + 37861,
        source_file=texts([file] * n),
        source_line=rows + 2,
    )


def rejected(n: int, file: str = "a.csv") -> list[RejectedRecord]:
    rules = list(RejectRule)
    return [
        RejectedRecord(
            file,
            1000 + i,
            rules[i % len(rules)],
            f"value {i} is wrong",
            b"1 00005U \x00\xff" + bytes([i % 256]),
            None if i % 3 == 0 else 7_000 + i,
            None if i % 4 == 0 else f"NAME {i}",
        )
        for i in range(n)
    ]


def received_day(snapshot_id: int, n: int = 20, day: date = DAY, **options: object) -> ReceivedDay:
    return ReceivedDay.from_parsed(day, [ParsedSnapshot(snapshot_id, element_sets(n, day, **options), rejected(4))])  # type: ignore[arg-type]


def clean_catalog(sets: ElementSets, day: date = DAY, n_rejected: int = 5) -> CleanCatalog:
    age_days = (day_start_us(day) - sets.epoch_us) / MICROSECONDS_PER_DAY
    return CleanCatalog(
        day,
        sets,
        age_days,
        age_days < -1.0,
        rejected(n_rejected),
        texts(["carried_over" if i % 7 == 0 else "" for i in range(len(sets))]),
        texts([("celestrak", "file é")[i % 2] for i in range(len(sets))]),
        np.datetime64(day) - (np.arange(len(sets)) % 7 == 0),
        np.zeros(n_rejected, dtype=np.int64),
        Aliases(sets.norad_id[:-1][:1], sets.norad_id[1:2], texts(["near é"])[: len(sets.norad_id[1:2])]),
    )


def chunks(norad_id: np.ndarray[tuple[int], np.dtype[np.int64]], lead_day: int = 0, day: date = DAY) -> EphemerisChunks:
    n = len(norad_id)
    start_us = day_start_us(day) + lead_day * MICROSECONDS_PER_DAY
    end_us = start_us + MICROSECONDS_PER_DAY
    random = np.random.default_rng(n + lead_day)
    node_count = random.integers(0, 12, n).astype(np.int64)
    return EphemerisChunks(
        start_us=start_us,
        end_us=end_us,
        format_version=CHUNK_FORMAT_VERSION,
        norad_id=norad_id.astype(np.int64),
        spacing_us=np.full(n, 600_000_000, dtype=np.int64),
        first_node_us=np.full(n, start_us - 3_000_000_001, dtype=np.int64),
        node_count=node_count,
        scale_km=random.random(n),
        error_bound_km=random.random(n),
        acceleration_bound_km_s2=random.random(n),
        valid_from_us=np.full(n, start_us - 93_600_000_000, dtype=np.int64),
        valid_to_us=np.full(n, end_us, dtype=np.int64),
        status=random.integers(0, 12, n).astype(np.int64),
        nodes_int32=random.integers(-(2**31), 2**31, int(node_count.sum()) * 3).astype(np.int32),
    )


def candidates(pairs: list[tuple[int, int]], lead_day: int = 0, day: date = DAY) -> Candidates:
    start_us = day_start_us(day) + lead_day * MICROSECONDS_PER_DAY
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    steps = start_us + np.arange(len(pairs), dtype=np.int64) * 60_000_000
    return Candidates(
        norad_id_1=first.copy(),
        norad_id_2=second.copy(),
        step_start_us=steps,
        step_end_us=steps + 120_000_000,
        approx_miss_km=np.linspace(0, 5, len(pairs)),
        approx_speed_km_s=np.linspace(0, 15, len(pairs)),
        is_slow=np.arange(len(pairs)) % 2 == 1,
    )


def events(
    sets: ElementSets, pairs: list[tuple[int, int]], lead_day: int = 0, day: date = DAY, *, miss_km: float = 0.1
) -> Events:
    """One event per pair (indices into ``sets``), a minute apart; pair i misses by ``miss_km`` * (i + 1). Every
    third is persistent over the whole lead day and continues on both sides."""
    start_us = day_start_us(day) + lead_day * MICROSECONDS_PER_DAY
    m = len(pairs)
    one, two = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    tca_us = start_us + 60_000_000 * (1 + np.arange(m, dtype=np.int64)) + 1
    is_persistent = np.arange(m) % 3 == 2
    miss = miss_km * (1.0 + np.arange(m))
    return Events(
        norad_id_1=sets.norad_id[one],
        norad_id_2=sets.norad_id[two],
        tca_us=tca_us,
        miss_distance_km=miss,
        relative_speed_km_s=np.where(is_persistent, 0.01, 7.5 + np.arange(m) * 0.1),
        miss_r_km=miss * 0.6,
        miss_t_km=np.zeros(m),
        miss_n_km=miss * -0.8,
        relative_velocity_r_km_s=np.zeros(m),
        relative_velocity_t_km_s=np.full(m, -7.5),
        relative_velocity_n_km_s=np.zeros(m),
        approach_angle_deg=np.full(m, 60.0),
        latitude_deg=np.linspace(-90.0, 90.0, m),
        longitude_deg=np.linspace(-180.0, 179.0, m),
        altitude_km=np.full(m, 550.0),
        age_1_days=(tca_us - sets.epoch_us[one]) / MICROSECONDS_PER_DAY,
        age_2_days=(tca_us - sets.epoch_us[two]) / MICROSECONDS_PER_DAY,
        epoch_1_us=sets.epoch_us[one],
        epoch_2_us=sets.epoch_us[two],
        event_class=texts(["persistent" if p else "crossing" for p in is_persistent]),
        start_us=np.where(is_persistent, start_us, tca_us - 300_000),
        end_us=np.where(is_persistent, start_us + MICROSECONDS_PER_DAY, tca_us + 300_000),
        n_minima=np.where(is_persistent, 30, 1).astype(np.int64),
        below_threshold_s=np.where(is_persistent, 3_600.5, 1.25),
        n_passages=np.where(is_persistent, 2, 1).astype(np.int64),
        flags=texts(["continues_before continues_after" if p else "" for p in is_persistent]),
    )
