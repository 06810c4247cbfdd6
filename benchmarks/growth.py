"""CPU and memory of ``ssa screen`` over the number of objects, and memory over the number of lead days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import linear_regression
from typing import Any

from benchmarks.catalogs import grow, usable_records, write_omm
from benchmarks.workbench import Workbench

QUICK = (13_000, 26_000, 52_000)
FULL = (*QUICK, 105_000)
FIT_UP_TO = 52_000
MEMORY_OBJECTS = 30_000


def measure(bench: Workbench) -> dict[str, Any]:
    """One screening per size. The number of close encounters itself grows with the square of the objects."""
    records = usable_records()
    rows = []
    for count in FULL if bench.is_full else QUICK:
        bench.say(f"growth: {count:,} objects ...")
        catalog = write_omm(grow(records, count), bench.directory / "grown.csv")
        done = bench.screen(catalog)
        rows.append(
            {
                "objects": done.stats["objects_used"],
                "cpu_s": done.cost.cpu_s,
                "wall_s": done.cost.wall_s,
                "peak_memory_mb": done.cost.peak_memory_mb,
                "candidates": done.stats["candidates"],
                "events": done.stats["events"],
                "stages_cpu_s": done.stats["cpu_s"],
            }
        )
    fitted = [row for row in rows if row["objects"] <= FIT_UP_TO]
    objects = [row["objects"] for row in fitted]
    return {
        "rows": rows,
        **{f"exponent_{name}": exponent(objects, [row[name] for row in fitted]) for name in ("cpu_s", "events")},
    }


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """b of the power law y = a x^b that fits best in logarithms."""
    return linear_regression([math.log(value) for value in x], [math.log(value) for value in y]).slope


def measure_memory(bench: Workbench) -> dict[str, float]:
    """Peak memory at 30,000 objects for one lead day and for several (seven when full, else two)."""
    days = 7 if bench.is_full else 2
    catalog = write_omm(grow(usable_records(), MEMORY_OBJECTS), bench.directory / "memory.csv")
    figures: dict[str, float] = {"objects": MEMORY_OBJECTS, "days": days}
    for name, hours in (("one_day_mb", 24.0), ("all_days_mb", 24.0 * days)):
        bench.say(f"memory: {MEMORY_OBJECTS:,} objects, {hours:g} h ...")
        figures[name] = bench.screen(catalog, hours).cost.peak_memory_mb
    return figures | {"all_days_over_one": figures["all_days_mb"] / figures["one_day_mb"]}
