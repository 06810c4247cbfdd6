"""Is events.csv complete? Compares it with the minima that an independent brute force found on the bundled day.

    python -m benchmarks.completeness events.csv [truth.csv.gz]

The truth lists every local minimum, one row each; the product merges the minima of a slow pair into one persistent
row. So a minimum must be matched by a crossing row, or lie inside a persistent row of its pair. Rows within 1 cm of
the threshold may differ. Exit code 1 where anything is missed or extra.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.workbench import CATALOG, Workbench

TRUTH = Path(__file__).parent / "truth_20241101_24h_5km.csv.gz"
TRUTH_START = datetime.fromisoformat("2024-11-01T00:00:00Z")
TRUTH_THRESHOLD_KM = 5.0
MISS_KM = 1e-5  # 1 cm
TRUTH_TIME_S = 1e-3  # the truth file's own resolution of times: 0.1 ms, and its error
BORDER_S = 1.0  # ends of persistent rows

Pair = tuple[int, int]


@dataclass(frozen=True)
class Minimum:
    pair: Pair
    t_s: float  # since TRUTH_START
    miss_km: float
    speed_km_s: float

    def tolerance_s(self, miss_km: float) -> float:
        """Distances that differ by ``miss_km`` cannot be told apart: max(1 ms, sqrt(2 miss ``miss_km``) / speed)."""
        flat = math.sqrt(2.0 * self.miss_km * miss_km) / max(self.speed_km_s, 1e-9)
        return max(1e-3, flat) + TRUTH_TIME_S


@dataclass(frozen=True)
class Interval:
    pair: Pair
    start_s: float
    end_s: float


@dataclass
class Comparison:
    """What a list of events lacks (``missed``) and has too much (``extra``) against the truth."""

    truth: int = 0
    crossings: int = 0
    persistent: int = 0
    matched: int = 0
    inside_persistent: int = 0
    worst_miss_km: float = 0.0
    worst_time_s: float = 0.0
    missed: list[Minimum] = field(default_factory=list)
    extra: list[Minimum] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.missed and not self.extra

    def figures(self) -> dict[str, Any]:
        """Plain figures for a record; every difference is listed."""
        return {
            "expected": self.truth,
            "crossings": self.crossings,
            "persistent": self.persistent,
            "matched": self.matched,
            "inside_persistent": self.inside_persistent,
            "worst_miss_cm": self.worst_miss_km * 1e5,
            "worst_tca_us": self.worst_time_s * 1e6,
            "missed": [asdict(minimum) for minimum in self.missed],
            "extra": [asdict(minimum) for minimum in self.extra],
        }

    def lines(self) -> list[str]:
        return [
            f"expected           {self.truth:,} minima below {TRUTH_THRESHOLD_KM:g} km",
            f"events             {self.crossings:,} crossings, {self.persistent:,} persistent",
            f"matched            {self.matched:,} minima by crossings, {self.inside_persistent:,} in persistent rows",
            f"largest difference {self.worst_miss_km * 1e5:.4f} cm in miss, {self.worst_time_s * 1e3:.3f} ms in TCA",
            f"missed             {len(self.missed):,}",
            f"extra              {len(self.extra):,}",
        ]


def read_truth(path: Path = TRUTH) -> list[Minimum]:
    """The minima of the truth file; its ids may come in any order."""
    with gzip.open(path, "rt", newline="") as stream:
        return read_minima(stream)


def read_minima(lines: Iterable[str]) -> list[Minimum]:
    """Rows with norad_1, norad_2, t_s, miss_km, relspeed_km_s."""
    return [
        Minimum(
            _pair(row["norad_1"], row["norad_2"]),
            float(row["t_s"]),
            float(row["miss_km"]),
            float(row["relspeed_km_s"]),
        )
        for row in csv.DictReader(lines)
    ]


def read_events(lines: Iterable[str]) -> tuple[list[Minimum], list[Interval]]:
    """Crossings and persistent intervals of an events.csv."""
    crossings, intervals = [], []
    for row in csv.DictReader(lines):
        pair = _pair(row["norad_id_1"], row["norad_id_2"])
        if row["event_class"] == "crossing":
            miss, speed = float(row["miss_distance_km"]), float(row["relative_speed_km_s"])
            crossings.append(Minimum(pair, _seconds(row["tca_utc"]), miss, speed))
        else:
            intervals.append(Interval(pair, _seconds(row["start_utc"]), _seconds(row["end_utc"])))
    return crossings, intervals


def compare(
    truth: list[Minimum], crossings: list[Minimum], intervals: list[Interval], miss_km: float = MISS_KM
) -> Comparison:
    """Match every minimum with the nearest unused crossing of its pair, or a persistent row around it.

    Misses may differ by ``miss_km``, and what is not matched may lie so close to the threshold.
    """
    result = Comparison(len(truth), len(crossings), len(intervals))
    unused: dict[Pair, list[Minimum]] = defaultdict(list)
    for crossing in crossings:
        unused[crossing.pair].append(crossing)
    around: dict[Pair, list[Interval]] = defaultdict(list)
    for interval in intervals:
        around[interval.pair].append(interval)
    for minimum in truth:
        nearest = min(unused[minimum.pair], key=lambda c: abs(c.t_s - minimum.t_s), default=None)
        if nearest is not None and _agree(minimum, nearest, miss_km):
            unused[minimum.pair].remove(nearest)
            result.matched += 1
            result.worst_miss_km = max(result.worst_miss_km, abs(nearest.miss_km - minimum.miss_km))
            result.worst_time_s = max(result.worst_time_s, abs(nearest.t_s - minimum.t_s))
        elif any(_is_inside(minimum, interval) for interval in around[minimum.pair]):
            result.inside_persistent += 1
        elif not _is_borderline(minimum, miss_km):
            result.missed.append(minimum)
    result.extra = [c for left in unused.values() for c in left if not _is_borderline(c, miss_km)]
    return result


def measure(bench: Workbench) -> dict[str, Any]:
    """The bundled day against the truth."""
    bench.say("completeness against the independent truth ...")
    with bench.screen(CATALOG).events.open(newline="") as stream:
        return compare(read_truth(), *read_events(stream)).figures()


def _agree(a: Minimum, b: Minimum, miss_km: float) -> bool:
    return abs(a.t_s - b.t_s) <= a.tolerance_s(miss_km) and abs(a.miss_km - b.miss_km) <= miss_km


def _is_inside(minimum: Minimum, interval: Interval) -> bool:
    return interval.start_s - BORDER_S <= minimum.t_s <= interval.end_s + BORDER_S


def _is_borderline(minimum: Minimum, miss_km: float) -> bool:
    return abs(minimum.miss_km - TRUTH_THRESHOLD_KM) <= miss_km


def _pair(first: str, second: str) -> Pair:
    a, b = int(first), int(second)
    return min(a, b), max(a, b)


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - TRUTH_START).total_seconds()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.completeness", description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path, help="events.csv of 2024-11-01T00:00:00Z, 24 h, 5 km")
    parser.add_argument("truth", type=Path, nargs="?", default=TRUTH)
    arguments = parser.parse_args()
    with arguments.events.open(newline="") as stream:
        result = compare(read_truth(arguments.truth), *read_events(stream))
    print("\n".join(result.lines()))
    for name, rows in (("missed", result.missed), ("extra", result.extra)):
        for row in rows[:20]:
            print(f"{name}: {row.pair} at {row.t_s:.4f} s, {row.miss_km:.6f} km, {row.speed_km_s:.6f} km/s")
    return 0 if result.is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
