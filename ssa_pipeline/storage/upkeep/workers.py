"""Workers on any host, and which of them took which run, as the database tells; times are those of its clock.

The engine (procrastinate) has the queue and the workers' heartbeats; beside them stand who a worker is and the claim of
every run. A run is claimed once: from then on its job is never given to another worker, and where its worker falls
silent the run has failed. A job that was not claimed goes back to the queue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.engine import ENGINE_SCHEMA

_FILE = "upkeep/workers.sql"
Where = DatabaseUrl | psycopg.Connection  # a connection of ``connect_to_engine`` that is kept open


@dataclass(frozen=True)
class Worker:
    """Who joins. ``node``: host and home; ``work_version``: digest of code and settings; ``stalled_after_s``: silence
    after which it counts as dead."""

    worker_id: int
    worker_name: str
    node: str
    host: str
    process_id: int
    package_version: str
    work_version: str
    n_slots: int
    threads_per_run: int
    queues: list[str]
    stalled_after_s: float


@dataclass(frozen=True)
class KnownWorker:
    """A worker as the database knows it now; see the view ``ssa.workers``."""

    worker_id: int
    worker_name: str
    node: str
    host: str
    process_id: int
    package_version: str
    work_version: str
    n_slots: int
    threads_per_run: int
    queues: list[str]
    worker_state: str
    n_runs: int
    silent_s: float | None
    started_at: datetime

    @property
    def is_alive(self) -> bool:
        return self.worker_state in ("working", "draining")


@dataclass(frozen=True)
class RunState:
    """What the engine and the claims say of a run: ``job_id`` None where the engine has no job for it (any more),
    ``worker_state`` None where no worker took it."""

    job_id: int | None
    job_status: str | None
    queue_name: str | None
    is_claimed: bool
    process_id: int | None
    worker_name: str | None
    host: str | None
    worker_state: str | None
    silent_s: float | None
    database_s: float  # now, by the server's clock

    @property
    def is_gone(self) -> bool:
        """Nobody works on it, without waiting for anybody's silence to end."""
        return self.job_id is None or (self.worker_state == "silent" and self.silent_s is None)

    @property
    def is_worked_on(self) -> bool:
        return self.job_status == "doing" and self.worker_state in ("working", "draining")


def join(where: Where, worker: Worker) -> None:
    """Say who the worker is that the engine has registered."""
    _execute(where, "join", asdict(worker))


@dataclass(frozen=True)
class Installation:
    """Whose daemon launches the runs of a database."""

    node: str
    package_version: str
    work_version: str


@dataclass(frozen=True)
class ConnectionUse:
    """``n_allowed``: connections that the server lets ordinary users open; of living workers their number and slots."""

    n_allowed: int
    n_slots: int
    n_workers: int


def note_installation(url: DatabaseUrl, installation: Installation) -> None:
    """Said by the daemon as it starts."""
    _execute(url, "note_installation", asdict(installation))


def installation(where: Where) -> Installation | None:
    """The one whose daemon was started last; None before the first."""
    rows = _rows(where, "installation", {})
    return Installation(**rows[0]) if rows else None


def connection_use(url: DatabaseUrl) -> ConnectionUse:
    return ConnectionUse(**_rows(url, "connections", {})[0])


def drain(where: Where, worker_id: int) -> None:
    """It takes no more runs."""
    _execute(where, "drain", {"worker_id": worker_id})


def leave(where: Where, worker_id: int) -> None:
    _execute(where, "leave", {"worker_id": worker_id})


def beat(where: Where, worker_id: int) -> float | None:
    """A heartbeat: the server's time in seconds; None where the worker has been struck off the list meanwhile."""
    rows = _rows(where, "beat", {"worker_id": worker_id})
    return float(rows[0]["database_s"]) if rows else None


def living_workers(url: DatabaseUrl) -> list[KnownWorker]:
    """All that have not said good-bye; those silent for more than an hour only where they hold a run."""
    return [KnownWorker(**row) for row in _rows(url, "living", {})]


def total_slots(url: DatabaseUrl, work_version: str) -> int:
    """Runs that may be in progress: the slots of living workers of this version, and what others have in hand."""
    return int(_rows(url, "total_slots", {"work_version": work_version})[0]["n_slots"])


def claim(url: DatabaseUrl, run_id: str, job_id: int, worker_id: int, process_id: int) -> bool:
    """Take a run, once for ever; False where it is taken, or the job is not this worker's any more."""
    row = {"run_id": run_id, "job_id": job_id, "worker_id": worker_id, "process_id": process_id}
    return bool(_rows(url, "claim", row))


def run_state(url: DatabaseUrl, run_id: str) -> RunState:
    return RunState(**_rows(url, "run_state", {"run_id": run_id})[0])


def runs_of_others(url: DatabaseUrl, node: str, run_ids: Collection[str]) -> set[str]:
    """Those of these runs on which living workers of other nodes work."""
    params = {"node": node, "run_ids": list(run_ids)}
    return {row["run_id"] for row in _rows(url, "runs_of_others", params)}


def strike_off(url: DatabaseUrl, worker_ids: Collection[int]) -> None:
    """Workers whose processes are known to be gone: nobody waits for their silence to last."""
    _execute(url, "strike_off", {"worker_ids": list(worker_ids)})


def jobs_of(where: Where, worker_id: int) -> dict[int, bool]:
    """Jobs that the engine believes this worker has -> whether their runs have ended."""
    return {row["job_id"]: row["has_ended"] for row in _rows(where, "jobs_of", {"worker_id": worker_id})}


def release_jobs(where: Where, job_ids: Collection[int]) -> None:
    """Of jobs that nobody works on the unclaimed go back to the queue; the others are struck off, and whoever asks
    after their runs now hears that they have failed."""
    if job_ids:
        _release(where, "lock_jobs", {"job_ids": list(job_ids)})


def release_jobs_of_silent(where: Where, stalled_after_s: float) -> None:
    """The same of workers that have been silent for too long while the server ran, or are struck off.

    ``stalled_after_s``: of those that have not said who they are.
    """
    _release(where, "lock_jobs_of_silent", {"stalled_after_s": stalled_after_s})


def _release(where: Where, choice: str, params: dict[str, Any]) -> None:
    with _session(where) as connection, connection.transaction():
        chosen = {"job_ids": [job_id for (job_id,) in connection.execute(section(_FILE, choice), params).fetchall()]}
        if chosen["job_ids"]:
            connection.execute(section(_FILE, "give_back"), chosen)
            connection.execute(section(_FILE, "strike_jobs"), chosen)


def forget(url: DatabaseUrl, days: int) -> None:
    """Drop jobs whose runs have ended, claims of so many days ago whose runs are deleted, and workers of that age to
    which no claim refers."""
    for name in ("forget_jobs", "forget_claims", "forget_workers"):
        _execute(url, name, {"days": days})


def connect_to_engine(url: DatabaseUrl) -> psycopg.Connection:
    """A connection on which the engine's own statements work."""
    return connect(DatabaseUrl(url.with_options(f"-csearch_path={ENGINE_SCHEMA}")))


@contextmanager
def _session(where: Where) -> Iterator[psycopg.Connection]:
    if isinstance(where, psycopg.Connection):
        yield where
    else:
        with connect_to_engine(where) as connection:
            yield connection


def _execute(where: Where, name: str, params: dict[str, Any]) -> None:
    with _session(where) as connection:
        connection.execute(section(_FILE, name), params)


def _rows(where: Where, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    with _session(where) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(section(_FILE, name), params).fetchall()
