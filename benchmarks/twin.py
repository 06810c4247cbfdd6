"""The engine against a plain brute-force twin (python-sgp4, KD-tree, scipy), same objects and hours, same process."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.workbench import CATALOG, START, Workbench
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.screening.screen import screen
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.naive import brute_force_events

OBJECTS = 1500
HOURS = 6


def measure(bench: Workbench) -> dict[str, float]:
    bench.say(f"plain twin: {OBJECTS:,} objects, {HOURS} h ...")
    start_us = parse_utc(START)
    parsed = parse_catalog(CATALOG.read_bytes(), CATALOG.name)
    objects = clean_catalog(parsed.element_sets, from_us(start_us).date()).element_sets
    objects = objects.take(np.arange(0, len(objects), len(objects) // OBJECTS))
    end_us = start_us + HOURS * 3600 * 10**6
    screen(objects, start_us, end_us)  # kernels compiled or loaded
    begin = time.process_time()
    found = screen(objects, start_us, end_us).events
    engine_s = time.process_time() - begin
    begin = time.process_time()
    expected = brute_force_events(objects, start_us, end_us, 5.0)
    twin_s = time.process_time() - begin
    return {
        "objects": len(objects),
        "events": len(found),
        "events_of_the_twin": len(expected),
        "engine_cpu_s": engine_s,
        "twin_cpu_s": twin_s,
        "twin_over_engine": twin_s / engine_s,
    }
