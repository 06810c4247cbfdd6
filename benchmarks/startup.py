"""How long the first call after installation takes, and how soon a later one is done."""

from __future__ import annotations

from statistics import median

from benchmarks.catalogs import usable_records, write_omm
from benchmarks.workbench import CATALOG, Workbench

EVERY = 20  # the later calls screen every twentieth object for an hour: little work, all of the start-up
LATER_CALLS = 3


def measure(bench: Workbench) -> dict[str, float]:
    """The first call screens the whole catalogue for an hour, so that every kernel is compiled.

    ``later_call_s`` contains the work on the small catalogue: an upper bound of the time until useful work begins.
    """
    if bench.home.exists():
        raise RuntimeError("the first call needs an empty SSA_HOME: measure the start-up first")
    bench.say("start-up: the first call, nothing compiled ...")
    first = bench.screen(CATALOG, hours=1.0)
    again = bench.screen(CATALOG, hours=1.0)
    small = write_omm(usable_records()[::EVERY], bench.directory / "small.csv")
    later = [bench.screen(small, hours=1.0) for _ in range(LATER_CALLS)]
    return {
        "first_call_s": first.cost.wall_s,
        "first_call_cpu_s": first.cost.cpu_s,
        "compiling_s": first.cost.wall_s - again.cost.wall_s,
        "says_that_it_compiles": float("compil" in first.cost.stderr.lower()),
        "later_call_s": median(one.cost.wall_s for one in later),
        "later_call_cpu_s": median(one.cost.cpu_s for one in later),
        "later_call_objects": float(later[0].stats["objects_used"]),
    }
