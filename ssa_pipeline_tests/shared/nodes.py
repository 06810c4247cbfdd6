"""Nodes for tests: an installation, and workers on homes of their own that share nothing with it but the database."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil

from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.services import state
from ssa_pipeline.local.services.state import WORKER
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.use_cases.runs.webserver import Webserver
from ssa_pipeline_tests.shared.command_line import SSA

PATIENCE_S = 180.0
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


def wait_for(what: str, found: Callable[[], object], patience_s: float = PATIENCE_S, pause_s: float = 0.1) -> None:
    """Until it is true; AssertionError names what was waited for."""
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(pause_s)


@dataclass
class Center:
    """The installation whose daemon launches the runs. ``database``: where it is not the embedded one."""

    home: Path
    database: DatabaseUrl | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"SSA_HOME": str(self.home), **({"DATABASE_URL": self.database.url} if self.database else {})}

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    @property
    def url(self) -> DatabaseUrl:
        return database_url(self.settings)

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        with connect(self.url) as connection:
            return connection.execute(query, parameters).fetchall()  # type: ignore[call-overload,no-any-return]

    def launch(self, job: str, tags: Mapping[str, str]) -> str:
        address = state.ui_url(self.settings)
        assert address is not None
        with Webserver(address) as webserver:
            return webserver.launch(job, tags)

    def terminate(self, run_id: str) -> None:
        address = state.ui_url(self.settings)
        assert address is not None
        with Webserver(address) as webserver:
            webserver.terminate(run_id)

    def status(self, run_id: str) -> str:
        return str(self.rows("SELECT status FROM dagster.runs WHERE run_id = %s", run_id)[0][0])

    def taken(self, run_id: str) -> tuple[str, int]:
        """Worker and process that have a run; waits until one has."""
        query = (
            "SELECT w.worker_name, c.process_id FROM screening.run_claim c JOIN screening.worker w USING (worker_id)"
            " WHERE c.run_id = %s"
        )
        wait_for(f"{run_id} is taken", lambda: self.rows(query, run_id), pause_s=0.02)
        ((name, process_id),) = self.rows(query, run_id)
        return str(name), int(str(process_id))

    def caught(self, run_id: str) -> tuple[str, psutil.Process]:
        """In the middle of its work, its process stopped: worker and process."""
        name, process_id = self.taken(run_id)
        slot = psutil.Process(process_id)
        wait_for("the run begins", lambda: self.status(run_id) == "STARTED", pause_s=0.02)
        slot.send_signal(signal.SIGSTOP)
        assert self.status(run_id) == "STARTED"
        return name, slot

    def slices(self, epoch_day: date, last_lead_day: int) -> list[tuple[object, ...]]:
        """Of the current slices of screening: asset, lead day, who wrote it, number of rows, digest."""
        return self.rows(
            "SELECT asset, lead_day, run_id, row_count, content_hash FROM ssa.runs WHERE is_current AND epoch_day = %s"
            " AND lead_day <= %s ORDER BY asset, lead_day",
            epoch_day,
            last_lead_day,
        )

    def ended(self, run_id: str) -> str:
        wait_for(f"the end of {run_id}", lambda: self.status(run_id) in ENDED)
        return self.status(run_id)

    def successor(self, run_id: str) -> str:
        """The run that was begun because this one was lost; waits for it."""
        query = "SELECT run_id FROM dagster.run_tags WHERE key = 'dagster/parent_run_id' AND value = %s"
        wait_for(f"a successor of {run_id}", lambda: self.rows(query, run_id))
        return str(self.rows(query, run_id)[0][0])

    def log(self, run_id: str) -> str:
        entries = self.rows("SELECT event FROM dagster.event_logs WHERE run_id = %s", run_id)
        return "\n".join(str(event) for (event,) in entries)

    def left_over(self) -> list[tuple[object, ...]]:
        """Jobs of the engine, runs in progress, slots of Dagster: nothing where all is at rest."""
        return [
            *self.rows("SELECT 'job', id::text, status::text FROM engine.procrastinate_jobs"),
            *self.rows("SELECT 'run', run_id, status FROM dagster.runs WHERE NOT status = ANY(%s)", list(ENDED)),
            *self.rows("SELECT 'slot', run_id, step_key FROM dagster.concurrency_slots WHERE run_id IS NOT NULL"),
        ]

    def stop_own_worker(self) -> None:
        processes.end(state.with_descendants(self.settings, WORKER), grace_s=10)


@dataclass
class FarWorker:
    """`ssa worker` with a home of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    slots: list[int] = field(default_factory=list)

    def said(self) -> str:
        return self.log.read_text()

    def family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def signal_all(self, number: signal.Signals) -> None:
        for one in self.family():
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)


def worker_environment(url: DatabaseUrl, home: Path, **environment: str) -> dict[str, str]:
    return {
        **os.environ,
        "SSA_HOME": str(home),
        "DATABASE_URL": url.url,
        "SSA_THREADS": "1",
        "SSA_HEARTBEAT_S": "0.5",
        "SSA_STALLED_AFTER_S": "4",
        **environment,
    }


@contextmanager
def far_worker(
    center: Center, directory: Path, name: str, *arguments: str, inside: Sequence[str] = (), **environment: str
) -> Iterator[FarWorker]:
    """Joined; killed at the end, with all that it started. ``inside``: what has it run on a host of that name."""
    log = directory / f"{name}.log"
    named = () if inside else ("--name", name)
    command = [*inside, *SSA, "worker", *named, "--slots", "1", *arguments]
    env = worker_environment(center.url, directory / f"home-{name}", PYTHONUNBUFFERED="1", **environment)
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, start_new_session=True) as process,
    ):
        worker = FarWorker(name, process, log)
        try:
            wait_for(f"{name} joins", lambda: "joined" in worker.said() or process.poll() is not None)
            assert process.poll() is None, worker.said()
            yield worker
        finally:
            family = worker.family()
            worker.signal_all(signal.SIGKILL)
            processes.wait_gone(family, 10)
