"""Workers and their jobs as the database would hold them, without a process behind them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from ssa_pipeline.nodes import engine
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline.storage.upkeep.workers import Worker

VERSION = "code/settings"


@dataclass(frozen=True)
class FakeWorkers:
    """Of one database and one Dagster instance."""

    url: DatabaseUrl
    instance: DagsterInstance

    def join(
        self,
        name: str,
        *,
        node: str = "elsewhere:/var",
        process_id: int | None = None,
        stalled_after_s: float = 1e6,
        n_slots: int = 1,
        queues: tuple[str, ...] = engine.QUEUES,
        work_version: str = VERSION,
    ) -> int:
        """A worker that was just heard of; its id."""
        with workers.connect_to_engine(self.url) as connection:
            (worker_id,) = connection.execute("SELECT procrastinate_register_worker_v1()").fetchone() or (0,)
        workers.join(
            self.url,
            Worker(
                worker_id,
                name,
                node,
                node.partition(":")[0],
                process_id or os.getpid(),
                "1",
                work_version,
                n_slots,
                1,
                list(queues),
                stalled_after_s,
            ),
        )
        return int(worker_id)

    def silence(self, worker_id: int, seconds: float) -> None:
        """It was last heard of so long ago."""
        with workers.connect_to_engine(self.url) as connection:
            connection.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - make_interval(secs => %s) WHERE id = %s",
                [seconds, worker_id],
            )

    def run(self, name: str, run_id: str, status: DagsterRunStatus, **tags: str) -> DagsterRun:
        """A run in Dagster's tables."""
        return self.instance.add_run(DagsterRun(job_name=name, run_id=run_id, status=status, tags=tags))

    def give(self, run: DagsterRun, worker_id: int, *, is_claimed: bool = True) -> int:
        """Hand a run over and have the worker take it, as it does while the run is starting; the job's id."""
        assert engine.hand_over(self.url, run, VERSION)
        job_id = self.fetch(worker_id)
        assert job_id is not None
        if is_claimed:
            with workers.connect_to_engine(self.url) as connection:
                update = "UPDATE dagster.runs SET status = %s WHERE run_id = %s"
                connection.execute(update, ["STARTING", run.run_id])
                assert workers.claim(self.url, run.run_id, job_id, worker_id, os.getpid())
                connection.execute(update, [run.status.value, run.run_id])
        return job_id

    def fetch(self, worker_id: int, *queues: str) -> int | None:
        """What the engine gives to a worker that asks; None: nothing."""
        names = [engine.queue_name(queue, VERSION) for queue in queues or engine.QUEUES]
        with workers.connect_to_engine(self.url) as connection:
            row = connection.execute(
                "SELECT (procrastinate_fetch_job_v2(%s::varchar[], %s)).id", [names, worker_id]
            ).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def jobs(self) -> dict[str, str]:
        """Run id -> status of its job."""
        with workers.connect_to_engine(self.url) as connection:
            return dict(connection.execute("SELECT args ->> 'run_id', status::text FROM procrastinate_jobs").fetchall())
