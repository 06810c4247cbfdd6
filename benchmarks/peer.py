"""``ssa screen`` against ``astroz.screen`` on one TLE file: cost in alternating runs, and the same events.

astroz is under GPL-3. It is installed from requirements-peer.lock into a venv of its own, below SSA_HOME, and runs
in a process of its own (peer_process.py): no dependency of this project and never imported by it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.catalogs import usable_records, write_tle
from benchmarks.completeness import Minimum, compare, read_events, read_minima
from benchmarks.workbench import START, THRESHOLD_KM, Cost, Screened, Workbench, run
from ssa_pipeline.settings import read_settings

HERE = Path(__file__).parent
LOCK = HERE / "requirements-peer.lock"
PAIRS = 2
# astroz keeps epochs as one float64 Julian date, good to 20 µs: 0.15 m along track of each object
PEER_MISS_KM = 1e-3
CO_MOVING_KM = 1e-6


def measure(bench: Workbench, pairs: int = PAIRS) -> dict[str, Any]:
    """Runs A B A B; ratios peer over ssa of each pair and their medians; then every row of both compared."""
    python = install(bench.say)
    catalog = write_tle(usable_records(), bench.directory / "catalog.tle")
    rows = bench.directory / "peer.csv"
    ours, theirs = [], []
    for number in range(1, pairs + 1):
        bench.say(f"peer: pair {number} of {pairs}, ssa screen ...")
        ours.append(bench.screen(catalog, name="against_peer"))
        bench.say(f"peer: pair {number} of {pairs}, astroz.screen ...")
        theirs.append(_screen_with_peer(python, catalog, rows))
    return costs([one.cost for one in ours], theirs) | {
        "objects": ours[0].stats["objects_used"],
        "version": _version(),
        **_same_events(ours[-1], rows),
    }


def costs(ours: list[Cost], theirs: list[Cost]) -> dict[str, Any]:
    """Seconds of every run, ratios pair by pair, medians."""
    figures: dict[str, Any] = {}
    for name in ("cpu_s", "wall_s", "peak_memory_mb"):
        mine, peers = ([getattr(one, name) for one in some] for some in (ours, theirs))
        ratios = [peer / own for own, peer in zip(mine, peers, strict=True)]
        figures |= {f"ssa_{name}": mine, f"peer_{name}": peers, f"ratios_{name}": ratios}
        figures[f"ratio_{name}"] = median(ratios)
    return figures


def split_co_moving(rows: list[Minimum]) -> tuple[list[Minimum], list[Minimum]]:
    """The peer's encounters, and its rows of pairs that coincide: one a minute where there is no minimum at all."""
    apart = [row for row in rows if row.miss_km >= CO_MOVING_KM]
    return apart, [row for row in rows if row.miss_km < CO_MOVING_KM]


def install(say: Callable[[str], None] = print) -> Path:
    """The peer's interpreter; makes its venv where the lock file changed."""
    venv = read_settings().home / "bench-peer"
    python, stamp = venv / "bin" / "python", venv / "stamp"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    say("peer: installing astroz into a venv of its own ...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)], check=True)
    stamp.write_text(wanted)
    return python


def _screen_with_peer(python: Path, catalog: Path, out: Path) -> Cost:
    arguments = [str(catalog), START, "24", f"{THRESHOLD_KM:g}", str(out)]
    return run([str(python), str(HERE / "peer_process.py"), *arguments], dict(os.environ))


def _same_events(ours: Screened, peer_rows: Path) -> dict[str, Any]:
    with peer_rows.open(newline="") as stream:
        encounters, co_moving = split_co_moving(read_minima(stream))
    with ours.events.open(newline="") as stream:
        crossings, intervals = read_events(stream)
    compared = compare(encounters, crossings, intervals, PEER_MISS_KM)
    together = {interval.pair for interval in intervals}
    return {
        "events": compared.figures(),
        "co_moving_rows": len(co_moving),
        "co_moving_pairs": len({row.pair for row in co_moving}),
        "co_moving_pairs_without_persistent_row": sorted({row.pair for row in co_moving} - together),
    }


def _version() -> str:
    pinned = [line for line in LOCK.read_text().splitlines() if line.startswith("astroz==")]
    return pinned[0].split()[0]
