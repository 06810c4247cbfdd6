"""How far a screening is, and how long its stages took."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssa_pipeline.core.screening.screen import StageTime

QUIET_S = 2.0  # no progress is shown for work shorter than this
LINE_EVERY_S = 10.0  # progress where standard error is no terminal


class Progress:
    """Progress on standard error once the work has taken 2 s: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + QUIET_S
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, stage: str, fraction: float) -> None:
        if time.monotonic() < self._next:
            return
        if sys.stderr.isatty():
            self._draw(stage, fraction)
        else:
            print(f"ssa: {stage} {fraction:.0%}", file=sys.stderr)
            self._next = time.monotonic() + LINE_EVERY_S

    def _draw(self, stage: str, fraction: float) -> None:
        from rich.progress import Progress as Bars

        from ssa_pipeline.cli.console import Console

        if self._bar is None:
            self._bar = Bars(console=Console(stderr=True), transient=True)
            self._bar.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=1.0)
        self._bar.update(self._tasks[stage], completed=fraction)


class StageClock:
    """Wall and CPU seconds of each stage, and since the command began."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._add(name, time.perf_counter() - wall, time.process_time() - cpu)

    def add(self, stages: Mapping[str, StageTime]) -> None:
        """Stages that were measured elsewhere."""
        for name, spent in stages.items():
            self._add(name, spent.wall_s, spent.cpu_s)

    def _add(self, name: str, wall_s: float, cpu_s: float) -> None:
        self.wall_s[name] = self.wall_s.get(name, 0.0) + wall_s
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + cpu_s

    def report(self) -> dict[str, Any]:
        """wall_s, cpu_s (per stage and total), peak_memory_mb, as in stats.json."""
        wall, cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        return {
            "wall_s": _rounded(self.wall_s | {"total": wall}),
            "cpu_s": _rounded(self.cpu_s | {"total": cpu}),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
        }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in seconds.items()}
