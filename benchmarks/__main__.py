"""``python -m benchmarks``: first figures, as ratios against a plain twin measured in the same run.

Machines are shared and noisy: quote the ratios, not the seconds. A record goes to benchmarks/results/.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.completeness import compare, read_events, read_truth
from ssa_pipeline.core.clean_catalog import clean_catalog
from ssa_pipeline.core.screen import screen
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.naive import brute_force_events

ROOT = Path(__file__).parent.parent
CATALOG = ROOT / "data" / "omm_on_orbit_20241101.csv.gz"
START = "2024-11-01T00:00:00Z"
TWIN_OBJECTS = 1500
TWIN_HOURS = 6


def whole_screen(out: Path) -> dict[str, float]:
    """The bundled day as a process of its own, kernels cached: file in, events.csv out."""
    command = [sys.executable, "-c", "from ssa_pipeline.cli import main; main()", "screen", str(CATALOG)]
    command += ["--start", START, "--hours", "24", "--out", str(out), "--stats", str(out) + ".json"]
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    stats = json.loads(Path(str(out) + ".json").read_text())
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_memory_mb": stats["peak_memory_mb"],
        "events": stats["events"] if isinstance(stats["events"], int) else sum(stats["events"].values()),
    }


def against_plain_twin() -> dict[str, float]:
    """CPU of the engine and of the brute-force twin (python-sgp4, KD-tree, scipy) on the same objects and hours."""
    start_us = parse_utc(START)
    parsed = parse_catalog(CATALOG.read_bytes(), CATALOG.name)
    objects = clean_catalog(parsed.element_sets, from_us(start_us).date()).element_sets
    objects = objects.take(np.arange(0, len(objects), len(objects) // TWIN_OBJECTS))
    end_us = start_us + TWIN_HOURS * 3600 * 10**6
    screen(objects, start_us, end_us)  # kernels compiled and cached
    begin = time.process_time()
    found = screen(objects, start_us, end_us).events
    engine = time.process_time() - begin
    begin = time.process_time()
    expected = brute_force_events(objects, start_us, end_us, 5.0)
    twin = time.process_time() - begin
    return {
        "objects": len(objects),
        "events": len(found),
        "events_of_the_twin": len(expected),
        "engine_cpu_s": engine,
        "twin_cpu_s": twin,
        "twin_over_engine": twin / engine,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "events.csv"
        print("ssa screen of the bundled day, first call (compiles where nothing is cached) ...", flush=True)
        whole_screen(out)
        print("ssa screen of the bundled day, measured ...", flush=True)
        whole = whole_screen(out)
        print("completeness against the independent truth ...", flush=True)
        with out.open(newline="") as stream:
            print("\n".join(compare(read_truth(), *read_events(stream)).lines()))
    print(f"the same objects by brute force ({TWIN_OBJECTS} objects, {TWIN_HOURS} h) ...", flush=True)
    twin = against_plain_twin()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    record = {"date": datetime.now(UTC).isoformat(), "machine": machine, "screen": whole, "plain_twin": twin}
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / f"{datetime.now(UTC):%Y-%m-%d}.json").write_text(json.dumps(record, indent=1) + "\n")
    for title, figures in (("ssa screen, 26,830 objects, 24 h, 5 km", whole), ("against the plain twin", twin)):
        print(f"\n{title}")
        for name, value in figures.items():
            print(f"  {name:<20} {value:12,.2f}")


if __name__ == "__main__":
    main()
