"""``python -m benchmarks.reading``: reading and checking a release of 30,000 objects, in every format.

Machines are shared and noisy: the seconds are compared with those of ``sgp4.omm`` and a plain csv loop on the same CSV,
measured in the same run. Every format is read in a process of its own, so that its peak of memory is known.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from sgp4 import omm
from sgp4.api import Satrec

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.messages.catalog_write import write_catalog

CATALOG = Path(__file__).parent.parent / "data" / "omm_on_orbit_20241101.csv.gz"
EPOCH_DAY = date(2024, 11, 1)
OBJECTS = 30_000
FORMATS = ("csv", "json", "xml", "kvn", "3le")
LARGEST_CPU_S = 3.0
LARGEST_MEMORY_MB = 500.0


def release(objects: int) -> ElementSets:
    """The bundled catalogue, its first objects once more under free numbers until there are enough."""
    sets = parse_catalog(CATALOG.read_bytes(), CATALOG.name).element_sets
    parts = [sets]
    while (count := sum(map(len, parts))) < objects:
        more = sets.take(np.arange(min(objects - count, len(sets))))
        more.norad_id[:] = np.arange(len(more)) + 300_000 + (len(parts) - 1) * len(sets)
        parts.append(more)
    return ElementSets.concat(parts).take(np.arange(objects))


def read_and_check(path: Path) -> dict[str, float]:
    """CPU seconds of parse_catalog and clean_catalog on a file, and the peak of memory of this process (MB)."""
    from ssa_pipeline.core.clean_catalog import clean_catalog

    begin = time.process_time()
    catalog = parse_catalog(path.read_bytes(), path.name)
    read = time.process_time()
    clean_catalog(catalog.element_sets, EPOCH_DAY)
    check = time.process_time()
    return {
        "objects": len(catalog.element_sets),
        "read_cpu_s": read - begin,
        "check_cpu_s": check - read,
        "memory_mb": _peak_memory_mb(),
    }


def _peak_memory_mb() -> float:
    """Of this process since it began; ``getrusage`` would count what its parent had before the exec."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def plain_csv_loop(text: str) -> float:
    """CPU seconds of what a script does: ``sgp4.omm`` reads the rows, one Satrec each."""
    begin = time.process_time()
    for row in omm.parse_csv(io.StringIO(text)):
        satrec = Satrec()
        omm.initialize(satrec, row | {"NORAD_CAT_ID": "0"})  # sgp4 refuses the larger numbers
    return time.process_time() - begin


def measure(objects: int = OBJECTS) -> dict[str, dict[str, float]]:
    """For each format: CPU seconds of reading and checking, their sum as a ratio to the plain loop, CPU of reading with
    twice the objects over that with once (2 = linear), peak memory in MB."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name, count in (("once", objects), ("twice", 2 * objects)):
            sets = release(count)
            for kind in FORMATS:
                text = write_catalog(sets, kind, datetime.now(UTC)).text
                (folder / f"{name}.{kind}").write_text(text, encoding="utf-8", newline="")
        plain = plain_csv_loop(write_catalog(release(objects), "csv", datetime.now(UTC)).text)
        return {kind: _figures(folder, kind, plain) for kind in FORMATS}


def _figures(folder: Path, kind: str, plain: float) -> dict[str, float]:
    once, twice = (_in_own_process(folder / f"{name}.{kind}") for name in ("once", "twice"))
    total = once["read_cpu_s"] + once["check_cpu_s"]
    return {
        **once,
        "plain_csv_loop_cpu_s": plain,
        "ratio_to_plain_loop": total / plain,
        "twice_the_objects": twice["read_cpu_s"] / once["read_cpu_s"],
    }


def _in_own_process(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.reading", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CATALOG.parent.parent)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(read_and_check(Path(sys.argv[1]))))
        return
    print(f"reading and checking {OBJECTS:,} objects; limits {LARGEST_CPU_S:g} s CPU, {LARGEST_MEMORY_MB:g} MB")
    for kind, figures in measure().items():
        ratio, growth = figures["ratio_to_plain_loop"], figures["twice_the_objects"]
        print(
            f"  {kind:<5} read {figures['read_cpu_s']:5.2f} s, check {figures['check_cpu_s']:5.2f} s CPU, "
            f"{ratio:5.2f} x sgp4.omm + csv loop ({figures['plain_csv_loop_cpu_s']:.2f} s); "
            f"twice the objects {growth:4.2f} x; {figures['memory_mb']:4.0f} MB"
        )


if __name__ == "__main__":
    main()
