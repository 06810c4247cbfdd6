"""The engine as launcher and workers use it: one job per run, in a queue of the version that launched it."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import DagsterRun
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job

from ssa_pipeline.chain.links import SOURCE_TAG
from ssa_pipeline.dagster_internals import BACKFILL_ID_TAG, PRIORITY_TAG
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.upkeep.workers import connect_to_engine

EXECUTE_RUN = "execute_run"
DAILY = "daily"
BACKFILL = "backfill"
FETCH = "fetch"  # needs the providers' credentials
QUEUES = (DAILY, BACKFILL, FETCH)


def queue_of(tags: Mapping[str, str]) -> str:
    """The queue of a run."""
    if SOURCE_TAG in tags:
        return FETCH
    return BACKFILL if BACKFILL_ID_TAG in tags else DAILY


def priority_of(tags: Mapping[str, str]) -> int:
    """As Dagster's own queue reads it."""
    try:
        return int(tags.get(PRIORITY_TAG, "0"))
    except ValueError:
        return 0


def queue_name(queue: str, version: str) -> str:
    """The engine's name of a queue for workers of one version."""
    return f"{queue}@{version}"


def hand_over(url: DatabaseUrl, run: DagsterRun, version: str) -> bool:
    """Give a run to the workers; False where that was done before."""
    job = Job(
        queue=queue_name(queue_of(run.tags), version),
        priority=priority_of(run.tags),
        lock=None,
        queueing_lock=None,
        task_name=EXECUTE_RUN,
        task_kwargs={"run_id": run.run_id},
    )
    with connect_to_engine(url) as connection:
        try:
            _app().job_manager.defer_job(job, connection)
        except UniqueViolation:
            return False
    return True


def abort(url: DatabaseUrl, job_id: int) -> None:
    """Take a job that waits out of the queue, ask for the end of one that runs."""
    with connect_to_engine(url) as connection:
        _app().job_manager.cancel_job_by_id(job_id, abort=True, delete_job=True, connection=connection)


def _app() -> App:
    return App(connector=SyncPsycopgConnector())
