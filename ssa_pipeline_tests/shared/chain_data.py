"""Real objects cut from the bundled catalogue, with the encounters that an independent brute force found among
them (benchmarks/truth_20241101_24h_5km.csv.gz)."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import date
from functools import cache

from ssa_pipeline_tests.shared.places import BUNDLED, TRUTH

EPOCH_DAY = date(2024, 11, 1)


@dataclass(frozen=True)
class Minimum:
    """One minimum of distance below 5 km: ``t_s`` seconds after 2024-11-01T00:00Z."""

    pair: tuple[int, int]
    t_s: float
    miss_km: float


@cache
def _truth() -> list[Minimum]:
    with gzip.open(TRUTH, "rt") as lines:
        return [
            Minimum(_pair(int(row["norad_1"]), int(row["norad_2"])), float(row["t_s"]), float(row["miss_km"]))
            for row in csv.DictReader(lines)
        ]


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def small_catalog(objects: int) -> tuple[bytes, list[Minimum]]:
    """OMM CSV of about ``objects`` objects that meet each other, and every minimum among them."""
    truth = _truth()
    ids: set[int] = set()
    for minimum in truth:
        if len(ids) >= objects:
            break
        ids.update(minimum.pair)
    return catalog_of(ids), [minimum for minimum in truth if ids.issuperset(minimum.pair)]


def catalog_of(ids: set[int]) -> bytes:
    """OMM CSV of these objects as the bundled catalogue has them."""
    header, lines = _bundled_lines()
    return (header + "".join(line for norad_id, line in lines if norad_id in ids)).encode()


@cache
def _bundled_lines() -> tuple[str, list[tuple[int, str]]]:
    """The header, and each line with its object."""
    with gzip.open(BUNDLED, "rt") as lines:
        header = next(lines)
        column = header.strip().split(",").index("NORAD_CAT_ID")
        return header, [(int(line.split(",")[column]), line) for line in lines]
