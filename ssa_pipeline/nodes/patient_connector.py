"""The engine's connection to the database, which asks again where the database is away for a while.

The engine's worker survives no failed query of its heartbeat or of its listener, and does not say so (procrastinate
3.10; docs/decisions/0051). What it asks is safe to ask again: a job that was fetched by a call whose answer was lost
is given back by ``NodeWorker``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.engine import ENGINE_SCHEMA

_PAUSE_S = 1.0
_FINISH: Any = section("upkeep/workers.sql", "finish_job")
_T = TypeVar("_T")


def first_line(text: object) -> str:
    """Of an error, for a message of one line; its kind where it says nothing."""
    lines = str(text).strip().splitlines()
    return lines[0] if lines else type(text).__name__


class PatientConnector(PsycopgConnector):
    """``say`` is told once per outage."""

    def __init__(self, url: DatabaseUrl, say: Callable[[str], None]) -> None:
        super().__init__(
            conninfo=url.with_options(f"-csearch_path={ENGINE_SCHEMA} -ctimezone=UTC"),
            min_size=1,
            max_size=3,
            timeout=5.0,
            reconnect_timeout=5.0,
            kwargs={
                "connect_timeout": 5,
                "application_name": "ssa-worker",
                "prepare_threshold": None,
                "tcp_user_timeout": 10_000,
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
            },
        )
        self._tell = say
        self._is_away = False
        self.is_patient = True  # unset to let a worker end while the database is away

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        await self._patiently(lambda: super(PatientConnector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        return await self._patiently(lambda: super(PatientConnector, self).execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        return await self._patiently(lambda: super(PatientConnector, self).execute_query_all_async(query, **arguments))

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        names = tuple(channels)
        while True:
            await self._patiently(lambda: super(PatientConnector, self).listen_notify(on_notification, names))

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """The answer, however long it takes; anything but a lost connection is raised."""
        while True:
            try:
                answer = await ask()
            except (ConnectorException, psycopg.OperationalError) as error:
                if not self.is_patient or not isinstance(error.__cause__ or error, psycopg.OperationalError):
                    raise
                self._note(is_away=True, reason=str(error.__cause__ or error))
                await asyncio.sleep(_PAUSE_S)
            else:
                self._note(is_away=False)
                return answer

    def _note(self, *, is_away: bool, reason: str = "") -> None:
        if is_away and not self._is_away:
            self._tell(f"the database does not answer ({first_line(reason)}): asked again every second")
        elif self._is_away and not is_away:
            self._tell("the database answers again")
        self._is_away = is_away


class OwnJobManager(JobManager):
    """Finishes only jobs that are still this worker's: one that was given up may be another's by now."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: ARG002
        """Always deletes; what became of a run is in its own tables."""
        await self.connector.execute_query_async(_FINISH, job_id=job.id, worker_id=job.worker_id)
