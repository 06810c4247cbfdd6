"""The whole engine in one call, for windows of any length: lead days in turn, memory flat in their number."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Events
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.screening.screened_in_part import ScreenedInPart, joined, screened_in_part
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes
from ssa_pipeline.core.watch import SILENT, Watch


@dataclass(frozen=True)
class StageTime:
    """Seconds by the clock and of all threads' CPU."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class ScreenResult:
    """Of one lead day, or of all of a window [start_us, end_us): the events, the number of candidates, what became of
    them (`RefinedEvents.outcomes`), and what each stage cost."""

    start_us: int
    end_us: int
    events: Events
    candidates: int
    outcomes: dict[str, int]
    stages: dict[str, StageTime]
    in_part: list[ScreenedInPart]  # objects of which not all of the window was screened


class _Stopwatch:
    def __init__(self) -> None:
        self.stages: dict[str, StageTime] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.stages[name] = StageTime(time.perf_counter() - wall, time.process_time() - cpu)


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
    object: the lead days of ``screen_days``, joined. Raises what that raises."""
    asked = threshold_km if volumes is None else volumes
    days = list(screen_days(elements, start_us, end_us, asked, threads=threads, watch=watch))
    outcomes: Counter[str] = Counter()
    stages: dict[str, StageTime] = {}
    for day in days:
        outcomes.update(day.outcomes)
        for name, spent in day.stages.items():
            before = stages.get(name, StageTime(0.0, 0.0))
            stages[name] = StageTime(before.wall_s + spent.wall_s, before.cpu_s + spent.cpu_s)
    events = Events.concat([day.events for day in days])
    candidates = sum(day.candidates for day in days)
    in_part = joined([(day.start_us, day.end_us, day.in_part) for day in days])
    return ScreenResult(start_us, end_us, events, candidates, dict(outcomes), stages, in_part)


def screen_days(
    elements: ElementSets,
    start_us: int,
    end_us: int,
    volumes: float | ScreeningVolumes,
    *,
    threads: int = 1,
    watch: Watch = SILENT,
    sets_on: Callable[[int], ElementSets] | None = None,
) -> Iterator[ScreenResult]:
    """The encounters of one lead day of 24 h from ``start_us`` after the other; the last one may be shorter.
    ``sets_on`` gives the sets of a lead day, of the objects of ``elements`` in its order, where they are not the same
    on all.

    ``volumes`` is a threshold in km for all pairs, or the volumes of the objects. Every TCA lies in its day, so that
    the rows of all days in turn are sorted; a persistent encounter has one row per lead day. Raises ValueError for an
    empty window, a threshold that is not positive or an object that occurs twice; Cancelled.
    """
    if len(np.unique(elements.norad_id)) != len(elements):
        raise ValueError("an object has more than one element set; clean the catalogue first")
    for lead_day, day_start in enumerate(range(start_us, max(end_us, start_us + 1), MICROSECONDS_PER_DAY)):
        day_end = min(day_start + MICROSECONDS_PER_DAY, end_us)
        yield _screen_day(sets_on(lead_day) if sets_on else elements, day_start, day_end, volumes, threads, watch)


def _screen_day(
    elements: ElementSets, start_us: int, end_us: int, volumes: float | ScreeningVolumes, threads: int, watch: Watch
) -> ScreenResult:
    stopwatch = _Stopwatch()
    with stopwatch.stage("ephemeris_chunks"):
        chunks = compute_ephemeris_chunks(elements, start_us, end_us, threads=threads, watch=watch)
    with stopwatch.stage("conjunction_candidates"):
        candidates = find_conjunction_candidates(chunks, volumes, threads=threads, watch=watch)
    with stopwatch.stage("refined_events"):
        refined = refine_events(elements, chunks, candidates, volumes, threads=threads, watch=watch)
    return ScreenResult(
        start_us, end_us, refined.events, len(candidates), refined.outcomes, stopwatch.stages, screened_in_part(chunks)
    )
