"""What every measurement needs: a directory, an environment of its own, and processes whose cost is known."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CATALOG = ROOT / "data" / "omm_on_orbit_20241101.csv.gz"
START = "2024-11-01T00:00:00Z"
THRESHOLD_KM = 5.0
SSA = [sys.executable, "-c", "from ssa_pipeline.cli import main; main()"]
_SETTINGS = ("SSA_", "POSTGRES_", "DATABASE_URL", "NUMBA_", "DAGSTER_")


class BenchError(RuntimeError):
    """A measured process failed; the message holds the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """Of a process and its children, from start to exit. ``peak_memory_mb`` is that of the largest process."""

    wall_s: float
    cpu_s: float
    peak_memory_mb: float
    stderr: str


@dataclass(frozen=True)
class Screened:
    cost: Cost
    stats: dict[str, Any]
    events: Path


@dataclass(frozen=True)
class Workbench:
    """``home`` becomes SSA_HOME of all that is measured: kernels are cached there, the user's own stay untouched."""

    directory: Path
    is_full: bool = False
    say: Callable[[str], None] = print

    @property
    def home(self) -> Path:
        return self.directory / "home"

    def environment(self) -> dict[str, str]:
        """The user's, without settings of this project."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        return {**kept, "SSA_HOME": str(self.home), "DAGSTER_DISABLE_TELEMETRY": "1"}

    def ssa(self, *arguments: str | Path) -> Cost:
        return run([*SSA, *map(str, arguments)], self.environment())

    def screen(self, catalog: Path, hours: float = 24.0, name: str = "events") -> Screened:
        """``ssa screen`` as a process of its own, all threads: file in, events.csv out."""
        events, stats = self.directory / f"{name}.csv", self.directory / f"{name}.json"
        window = ["--start", START, "--hours", f"{hours:g}", "--threshold-km", f"{THRESHOLD_KM:g}"]
        cost = self.ssa("screen", catalog, *window, "--out", events, "--stats", stats)
        return Screened(cost, json.loads(stats.read_text()), events)

    def compile_kernels(self) -> None:
        """What is measured afterwards finds its kernels cached."""
        self.say("compiling the kernels ...")
        self.screen(CATALOG, hours=1.0)


@contextmanager
def temporary_workbench(is_full: bool = False) -> Iterator[Workbench]:
    """A workbench in an empty directory that is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="ssa-bench-"))
    directory.chmod(0o755)  # started by root, the embedded server runs as a user who must get in
    begin = time.monotonic()
    try:
        yield Workbench(
            directory, is_full, lambda text: print(f"[{time.monotonic() - begin:4.0f} s] {text}", flush=True)
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run to the end; BenchError where it fails."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            stderr = process.stderr.read()
            # wait4 tells the cost of this child alone, which Popen.wait would throw away
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - begin
    if process.returncode:
        last = "\n".join(stderr.splitlines()[-5:])
        raise BenchError(f"{' '.join(command[:4])} … ended with {process.returncode}:\n{last}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0, stderr)
