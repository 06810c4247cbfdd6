"""``python -m benchmarks.pipeline``: what Dagster, COPY and the server add to the engine's own CPU.

A service tree of its own (embedded server, daemon, webserver) in a temporary SSA_HOME computes the seven lead days
of the bundled day in one range run. CPU of all its processes between run start and run end is compared with that of
the engine's stages in ``ssa screen`` over the same seven days. Queueing, and the client that follows the run, are
reported apart. Everything is stopped and removed afterwards.
"""

from __future__ import annotations

import argparse
import bisect
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg

from benchmarks.workbench import CATALOG, BenchError, Workbench, temporary_workbench
from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.address import database_url, embedded_server
from ssa_pipeline.settings import Settings, read_settings

EPOCH_DAY = "2024-11-01"
LEAD_DAYS = 7
SAMPLE_EVERY_S = 0.25
SETTLE_S, IDLE_S = 5.0, 15.0
ENGINE_STAGES = ("ephemeris_chunks", "conjunction_candidates", "refined_events")
RUN_TIMES = """
    SELECT extract(epoch FROM create_timestamp AT TIME ZONE 'UTC'), start_time, end_time FROM dagster.runs
    WHERE status = 'SUCCESS' AND pipeline_name = 'screen_job' ORDER BY id DESC LIMIT 1
"""


@dataclass
class CpuMeter:
    """CPU seconds of a changing set of processes, sampled. ``tree`` says which processes belong to it.

    The time of processes that ended, also between two samples (connections to the server live for milliseconds),
    is in what their parents in the tree say of their children.
    """

    tree: Callable[[], list[psutil.Process]]
    times: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    by_process: dict[tuple[int, float], tuple[str, float]] = field(default_factory=dict)

    def sample(self) -> None:
        total = 0.0
        for one in self.tree():
            try:
                used = one.cpu_times()
                self.by_process[one.pid, one.create_time()] = (_title(one), used.user + used.system)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            total += used.user + used.system + used.children_user + used.children_system
        self.times.append(time.time())
        # between its end and its parent's noticing it a process is counted nowhere
        self.totals.append(max(total, self.totals[-1] if self.totals else 0.0))

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(SAMPLE_EVERY_S):
                self.sample()

        thread = threading.Thread(target=work)
        self.sample()
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.sample()

    def between(self, begin: float, end: float) -> float:
        """CPU seconds between two times (seconds since 1970), between samples linearly."""
        return self._at(end) - self._at(begin)

    def _at(self, when: float) -> float:
        k = bisect.bisect_left(self.times, when)
        if k == 0:
            return self.totals[0]
        if k == len(self.times):
            return self.totals[-1]
        share = (when - self.times[k - 1]) / (self.times[k] - self.times[k - 1])
        return self.totals[k - 1] + share * (self.totals[k] - self.totals[k - 1])


def measure(bench: Workbench, days: int = LEAD_DAYS) -> dict[str, Any]:
    bench.say(f"pipeline: the engine alone, {days} days ...")
    alone = bench.screen(CATALOG, hours=24.0 * days, name="engine_alone")
    engine_s = sum(alone.stats["cpu_s"][stage] for stage in ENGINE_STAGES)
    bench.say("pipeline: starting services of its own ...")
    with _services(bench) as settings:
        bench.ssa("ingest", CATALOG, "--epoch-day", EPOCH_DAY)
        bench.say(f"pipeline: one range run of {days} lead days ...")
        run = _measure_run(bench, settings, days)
    return run | {
        "lead_days": days,
        "engine_cpu_s": engine_s,
        "ssa_screen_cpu_s": alone.cost.cpu_s,
        "run_over_engine": run["run_cpu_s"] / engine_s,
    }


@contextmanager
def _services(bench: Workbench) -> Iterator[Settings]:
    settings = read_settings({"SSA_HOME": str(bench.home)})
    try:
        bench.ssa("up")
        yield settings
    finally:
        bench.ssa("down")
        embedded_server(settings).remove()


def _measure_run(bench: Workbench, settings: Settings, days: int) -> dict[str, Any]:
    meter = CpuMeter(lambda: _service_tree(settings))
    with meter.running():
        client = bench.ssa("materialize", "--epoch-day", EPOCH_DAY, "--lead-days", f"0-{days - 1}")
        time.sleep(SETTLE_S)
        idle_from = time.time()
        time.sleep(IDLE_S)
    with psycopg.connect(database_url(settings).psycopg) as connection:
        row = connection.execute(RUN_TIMES).fetchone()
    if row is None:
        raise BenchError("Dagster has no successful run of screen_job")
    created, begin, end = map(float, row)
    return {
        "run_cpu_s": meter.between(begin, end),
        "run_wall_s": end - begin,
        # contained in run_cpu_s: what the services use while nothing runs, for as long as the run took
        "idle_services_cpu_s": meter.between(idle_from, idle_from + IDLE_S) * (end - begin) / IDLE_S,
        "queueing_s": begin - created,
        "client_cpu_s": client.cpu_s,
        "largest_processes_cpu_s": _largest(meter),
    }


def _service_tree(settings: Settings) -> list[psutil.Process]:
    """Daemon, webserver, code servers, run workers, and the embedded server with its backends."""
    found = processes.supervised(settings.home)
    postgres = embedded_server(settings).postmaster()
    return found if postgres is None else [*found, postgres, *postgres.children(recursive=True)]


def _title(process: psutil.Process) -> str:
    """The command line without directories: records are kept and must name no path of a machine."""
    words = process.cmdline() or [process.name()]
    return " ".join(word.rpartition("/")[2] if word.startswith("/") else word for word in words)[:100]


def _largest(meter: CpuMeter, count: int = 8) -> list[tuple[str, float]]:
    """Of the whole time measured, not only of the run."""
    return sorted(meter.by_process.values(), key=lambda one: -one[1])[:count]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=LEAD_DAYS, choices=range(1, LEAD_DAYS + 1))
    days = parser.parse_args().days
    with temporary_workbench() as bench:
        bench.compile_kernels()
        print(json.dumps(measure(bench, days), indent=1))


if __name__ == "__main__":
    main()
