"""The whole engine in one call, for windows of any length: lead days in turn, memory flat in their number."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np

from ssa_pipeline.core.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Events
from ssa_pipeline.core.refined_events import refine_events
from ssa_pipeline.core.screening_volume import ScreeningVolumes
from ssa_pipeline.core.watch import SILENT, Watch


@dataclass(frozen=True)
class StageTime:
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class ScreenResult:
    events: Events
    candidates: int
    outcomes: dict[str, int]
    stages: dict[str, StageTime]


class _Stopwatch:
    def __init__(self) -> None:
        self.stages: dict[str, StageTime] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        before = self.stages.get(name, StageTime(0.0, 0.0))
        self.stages[name] = StageTime(
            before.wall_s + time.perf_counter() - wall, before.cpu_s + time.process_time() - cpu
        )


def screen(
    elements: ElementSets,
    start_us: int,
    end_us: int,
    *,
    threshold_km: float = 5.0,
    volumes: ScreeningVolumes | None = None,
    threads: int = 1,
    watch: Watch = SILENT,
) -> ScreenResult:
    """Every encounter below ``threshold_km``, or in ``volumes`` instead, in [start_us, end_us), one element set per
    object.

    Works in lead days of 24 h from ``start_us``; a persistent encounter has one row per lead day. Raises
    ValueError for an empty window, a threshold that is not positive or an object that occurs twice; Cancelled.
    """
    if len(np.unique(elements.norad_id)) != len(elements):
        raise ValueError("an object has more than one element set; clean the catalogue first")
    asked = threshold_km if volumes is None else volumes
    stopwatch = _Stopwatch()
    parts: list[Events] = []
    outcomes: Counter[str] = Counter()
    candidate_count = 0
    for day_start in range(start_us, max(end_us, start_us + 1), MICROSECONDS_PER_DAY):
        day_end = min(day_start + MICROSECONDS_PER_DAY, end_us)
        with stopwatch.stage("ephemeris_chunks"):
            chunks = compute_ephemeris_chunks(elements, day_start, day_end, threads=threads, watch=watch)
        with stopwatch.stage("conjunction_candidates"):
            candidates = find_conjunction_candidates(chunks, asked, threads=threads, watch=watch)
        with stopwatch.stage("refined_events"):
            refined = refine_events(elements, chunks, candidates, asked, threads=threads, watch=watch)
        parts.append(refined.events)
        outcomes.update(refined.outcomes)
        candidate_count += len(candidates)
        del chunks, candidates, refined  # or they would still be there while the next day's are made
    events = Events(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)})
    return ScreenResult(events, candidate_count, dict(outcomes), stopwatch.stages)
