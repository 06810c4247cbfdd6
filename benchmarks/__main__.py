"""``python -m benchmarks [--full] [--only NAME ...]``: the targets of engine and sources, measured.

Machines are shared and noisy: ratios come from one run, absolute figures carry machine and date. The record goes to
benchmarks/results/; ``python -m benchmarks.table`` prints it again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks import completeness, growth, peer, pipeline, reading, sql, startup, table, twin
from benchmarks.workbench import ROOT, BenchError, Workbench, temporary_workbench

RESULTS = Path(__file__).parent / "results"
# in this order: the start-up is measured with an empty kernel cache, which it fills for the others
QUICK: dict[str, Callable[[Workbench], Any]] = {
    "startup": startup.measure,
    "completeness": completeness.measure,
    "peer": peer.measure,
    "growth": growth.measure,
    "memory": growth.measure_memory,
    "reading": reading.measure,
    "twin": twin.measure,
}
FULL = {**QUICK, "pipeline": pipeline.measure, "sql": sql.measure}


def main() -> None:
    arguments = _arguments()
    wanted = arguments.only or (FULL if arguments.full else QUICK)
    chosen = {name: measure for name, measure in FULL.items() if name in wanted}
    result: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "full": arguments.full,
        "machine": _machine(),
    }
    with temporary_workbench(arguments.full) as bench:
        if "startup" not in chosen:
            bench.compile_kernels()
        for name, measure in chosen.items():
            result[name] = sql.measure(bench, arguments.events) if name == "sql" else measure(bench)
    path = _save(result)
    print(f"\n{table.markdown(result)}\n\nrecord: {path}")
    _print_differences(result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="seven days, growth to 105,000 objects, the pipeline, SQL")
    parser.add_argument("--only", nargs="+", choices=FULL, metavar="NAME", help=", ".join(FULL))
    parser.add_argument("--events", type=int, default=sql.EVENTS, metavar="N", help="size of the database of sql")
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    commit = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return {
        "cpu": cpu.partition(":")[2].strip() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": psutil.virtual_memory().total / 2**30,
        "system": system,
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "commit": subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip(),
    }


def _save(result: dict[str, Any]) -> Path:
    """A file per run: a later run of the day does not overwrite an earlier one."""
    RESULTS.mkdir(exist_ok=True)
    when = datetime.fromisoformat(result["date"])
    path = RESULTS / f"{when:%Y-%m-%d-%H%M}{'-full' if result['full'] else ''}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def _print_differences(result: dict[str, Any]) -> None:
    compared = {"truth": result.get("completeness"), "peer": result.get("peer", {}).get("events")}
    for other, figures in compared.items():
        for kind in ("missed", "extra"):
            for minimum in (figures or {}).get(kind, []):
                print(f"{kind} against the {other}: {minimum}")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
