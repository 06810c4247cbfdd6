"""The engine at work: events are written lead day by lead day, and Ctrl-C stops it in order."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.screen.progress import Progress, StageClock
from ssa_pipeline.cli.screen.request import CsvStyle, Request
from ssa_pipeline.local.allocator import return_free_memory

if TYPE_CHECKING:
    from ssa_pipeline.core.catalog.records import CleanCatalog
    from ssa_pipeline.core.screening.screen import ScreenResult
    from ssa_pipeline.core.screening.screened_in_part import ScreenedInPart
    from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes


@dataclass
class Found:
    """Counts of what was found so far."""

    candidates: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    events_by_class: Counter[str] = field(default_factory=lambda: Counter(crossing=0, persistent=0))
    windows: list[tuple[int, int, list[ScreenedInPart]]] = field(default_factory=list)

    def add(self, day: ScreenResult) -> None:
        self.candidates += day.candidates
        self.outcomes.update(day.outcomes)
        self.windows.append((day.start_us, day.end_us, day.in_part))
        self.events_by_class.update(map(str, day.events.event_class.tolist()))


def screen_objects(catalog: CleanCatalog, asked: ScreeningVolumes, request: Request, clock: StageClock) -> Found:
    """Run the engine and write the events of each lead day before the next is screened: no more than one is in memory.

    The first Ctrl-C asks the engine to stop, a second one does not wait. CliError where it did, and
    where ``--out`` cannot be written.
    """
    from ssa_pipeline.cli.events_csv import COLUMNS, SOCRATES_COLUMNS, EventsCsv
    from ssa_pipeline.cli.whole_file import whole_file

    with clock.stage("load"):
        from ssa_pipeline.core.records import MICROSECONDS_PER_DAY
        from ssa_pipeline.core.screening.flagged_events import flagged_events
        from ssa_pipeline.core.screening.screen import screen_days
        from ssa_pipeline.core.watch import Cancelled, Watch

    found = Found()
    used = catalog.element_sets
    names = dict(zip(used.norad_id.tolist(), used.object_name.tolist(), strict=True))
    columns = SOCRATES_COLUMNS if request.csv_style is CsvStyle.SOCRATES else COLUMNS
    try:
        with whole_file(request.out, "--out") as stream, _stop_flag() as stopped, Progress() as progress:
            rows = EventsCsv(stream, names, columns)
            watch = Watch(progress.show, stopped)
            window = request.start_us, request.end_us
            days = screen_days(used, *window, asked, threads=request.threads, watch=watch, sets_on=catalog.sets_on)
            for lead_day, day in enumerate(days):
                clock.add(day.stages)
                found.add(day)
                with clock.stage("write"):
                    day_end_us = min(request.start_us + (lead_day + 1) * MICROSECONDS_PER_DAY, request.end_us)
                    rows.write(flagged_events(day.events, catalog, lead_day, day_end_us))
                del day  # or it would still be there while the next one is made
                return_free_memory()
            watch.check()
    except Cancelled:
        raise CliError("interrupted; nothing was written", Exit.INTERRUPTED) from None
    return found


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM cleans up like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come since the block began."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
