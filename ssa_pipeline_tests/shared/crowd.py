"""The bundled catalogue, and a part of it in which objects meet often."""

from __future__ import annotations

import csv
import gzip
from functools import cache

import numpy as np

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline_tests.shared.catalog_samples import bundled
from ssa_pipeline_tests.shared.places import TRUTH

START_US = parse_utc("2024-11-01T00:00:00Z")


@cache
def bundled_catalog() -> ElementSets:
    """What is used of it on its day."""
    return clean_catalog(bundled(), from_us(START_US).date()).element_sets


def crowd_of(catalogue: ElementSets, companions: set[int]) -> ElementSets:
    """About 1,000 objects: pairs that meet at every speed, and those that keep company."""
    with gzip.open(TRUTH, "rt") as file:
        rows = sorted(csv.DictReader(file), key=lambda r: float(r["relspeed_km_s"]))
    some = {int(row[name]) for row in rows[::50] for name in ("norad_1", "norad_2")} | companions
    return catalogue.take(np.isin(catalogue.norad_id, list(some)))
