"""What a release of 30,000 objects costs our own process from its bytes to the day's catalogue in PostgreSQL.

An embedded server of its own, in a temporary directory, takes the bytes and both daily slices, as a run writes them.
The CPU of its backends, which do the database's part, is not counted. The release is stored twice: as the first of a
new database, where every element set is new, and again, where none is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.workbench import ROOT, Workbench
from ssa_pipeline.settings import DatabaseUrl

EPOCH_DAY = date(2024, 11, 1)
PARTS = ("snapshot", "read", "store_raw", "read_back", "check", "store_clean")


def read_check_store(path: Path, url: DatabaseUrl) -> dict[str, float]:
    """CPU seconds of each of PARTS, in total, and of that in statements and COPY; wall seconds in total; the peak of
    memory (MB) of this process."""
    from ssa_pipeline.chain.slice_key import SliceKey
    from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
    from ssa_pipeline.messages.catalog import parse_catalog
    from ssa_pipeline.storage.receipts.snapshots import store_snapshot
    from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
    from ssa_pipeline.storage.slices.store import SliceStore

    cpu_s: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        cpu_s[name] = time.process_time() - begin

    def write(store: SliceStore, asset: str, value: Any, inputs: dict[str, int]) -> int:
        key = SliceKey(asset, EPOCH_DAY)
        token = store.claim([key], "benchmark")
        version = store.write(key, value, token=token, run_id="benchmark", code_version="0", inputs=inputs)
        return version.log_id

    in_statements = [_metered(psycopg.Connection, "execute"), _metered(psycopg.Copy, "write")]
    began = time.perf_counter()
    data = path.read_bytes()
    with part("snapshot"):
        now = datetime.now(UTC)
        snapshot = store_snapshot(url, data, file_name=path.name, source="file", epoch_day=EPOCH_DAY, received_at=now)
    with part("read"):
        parsed = parse_catalog(data, path.name)
        part_of_day = ParsedSnapshot(snapshot.snapshot_id, parsed.element_sets, parsed.rejected, spans=parsed.spans)
        received = ReceivedDay.from_parsed(EPOCH_DAY, [part_of_day])
    with SliceStore(url) as store:
        with part("store_raw"):
            raw = write(store, "raw_tle_snapshots", received, {})
        with part("read_back"):
            known, _ = store.read(SliceKey("raw_tle_snapshots", EPOCH_DAY))
        with part("check"):
            clean = clean_catalog(known.element_sets, EPOCH_DAY, known.receipts)
        with part("store_clean"):
            write(store, "clean_catalog", clean, {"raw_tle_snapshots": raw})
    return {
        **{f"{name}_cpu_s": cpu_s[name] for name in PARTS},
        "cpu_s": sum(cpu_s.values()),
        "database_cpu_s": sum(map(sum, in_statements)),
        "wall_s": time.perf_counter() - began,
        "objects": len(clean.element_sets),
        "memory_mb": peak_memory_mb(),
    }


def _metered(kind: Any, name: str) -> list[float]:
    """CPU seconds of every call of a method from now on."""
    method, seconds = getattr(kind, name), list[float]()

    def metered(*arguments: Any, **options: Any) -> Any:
        begin = time.process_time()
        try:
            return method(*arguments, **options)
        finally:
            seconds.append(time.process_time() - begin)

    setattr(kind, name, metered)
    return seconds


def peak_memory_mb() -> float:
    """Of this process since it began; ``getrusage`` would count what its parent had before the exec."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(bench: Workbench, path: Path) -> dict[str, dict[str, float]]:
    """Figures of ``read_check_store`` for the first and the second time, each in a process of its own."""
    with database(bench.directory / "storing") as url:
        return {name: _in_own_process(path, url) for name in ("all_new", "none_new")}


@contextmanager
def database(directory: Path) -> Iterator[DatabaseUrl]:
    from ssa_pipeline.local.postgres.server import EmbeddedPostgres
    from ssa_pipeline.storage.schema.migrate import upgrade

    server = EmbeddedPostgres(directory)
    try:
        url = server.start()
        upgrade(url)
        yield url
    finally:
        server.remove()


def _in_own_process(path: Path, url: DatabaseUrl) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.storing", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, input=url.url)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    print(json.dumps(read_check_store(Path(sys.argv[1]), DatabaseUrl.parse(sys.stdin.read()))))
