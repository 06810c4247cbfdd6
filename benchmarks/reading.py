"""Reading, checking and storing a release of 30,000 objects: every format read, the CSV also stored (storing.py).

Machines are shared and noisy: the seconds are compared with those of ``sgp4.omm`` and a plain csv loop on the same CSV,
measured in the same run. Every format is read in a process of its own, so that its peak of memory is known.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sgp4 import omm
from sgp4.api import Satrec

from benchmarks import storing
from benchmarks.storing import EPOCH_DAY, peak_memory_mb
from benchmarks.workbench import CATALOG, ROOT, Workbench
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.messages.catalog_write import write_catalog

OBJECTS = 30_000
FORMATS = ("csv", "json", "xml", "kvn", "3le")
PLAIN = "csv"  # what the plain loop reads, and what is stored


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
    from ssa_pipeline.core.catalog.clean_catalog import clean_catalog

    begin = time.process_time()
    catalog = parse_catalog(path.read_bytes(), path.name)
    read = time.process_time()
    clean_catalog(catalog.element_sets, EPOCH_DAY)
    check = time.process_time()
    return {
        "objects": len(catalog.element_sets),
        "read_cpu_s": read - begin,
        "check_cpu_s": check - read,
        "memory_mb": peak_memory_mb(),
    }


def plain_csv_loop(text: str) -> float:
    """CPU seconds of what a script does: ``sgp4.omm`` reads the rows, one Satrec each."""
    begin = time.process_time()
    for row in omm.parse_csv(io.StringIO(text)):
        satrec = Satrec()
        omm.initialize(satrec, row | {"NORAD_CAT_ID": "0"})  # sgp4 refuses the larger numbers
    return time.process_time() - begin


def measure(bench: Workbench, objects: int = OBJECTS) -> dict[str, Any]:
    """``formats``: for each, CPU seconds of reading and checking, their sum as a ratio to the plain loop, CPU of
    reading with twice the objects over that with once (2 = linear), peak memory in MB. ``storing``: storing.measure."""
    for name, count in (("once", objects), ("twice", 2 * objects)):
        sets = release(count)
        for kind in FORMATS:
            text = write_catalog(sets, kind, datetime.now(UTC)).text
            (bench.directory / f"{name}.{kind}").write_text(text, encoding="utf-8", newline="")
    bench.say(f"reading: {objects:,} objects in {len(FORMATS)} formats ...")
    plain = plain_csv_loop((bench.directory / f"once.{PLAIN}").read_text(encoding="utf-8"))
    formats = {kind: _figures(bench.directory, kind, plain) for kind in FORMATS}
    bench.say(f"reading: {objects:,} objects stored in a database of their own ...")
    stored = storing.measure(bench, bench.directory / f"once.{PLAIN}")
    return {"objects": objects, "plain_csv_loop_cpu_s": plain, "formats": formats, "storing": stored}


def _figures(folder: Path, kind: str, plain: float) -> dict[str, float]:
    once, twice = (_in_own_process(folder / f"{name}.{kind}") for name in ("once", "twice"))
    total = once["read_cpu_s"] + once["check_cpu_s"]
    return {
        **once,
        "ratio_to_plain_loop": total / plain,
        "twice_the_objects": twice["read_cpu_s"] / once["read_cpu_s"],
    }


def _in_own_process(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.reading", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    print(json.dumps(read_and_check(Path(sys.argv[1]))))
