"""A worker: takes runs from the engine's queues and has its slots execute them, until it is told to stop.

The engine's own worker asks for jobs, hears of new ones and of those to be aborted; this module keeps it alive where
the database is away, tells the database that it lives, and gives back what was lost on the way. The first SIGTERM,
SIGINT or SIGHUP drains: no new run is taken, those in hand are finished. A second one cancels them, a third one kills.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker as EngineWorker

from ssa_pipeline.local import host, processes
from ssa_pipeline.nodes.engine import EXECUTE_RUN, queue_name
from ssa_pipeline.nodes.patient_connector import OwnJobManager, PatientConnector, first_line
from ssa_pipeline.nodes.sight import Sight
from ssa_pipeline.nodes.slots import Slot, SlotDiedError, Slots
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline.storage.upkeep.workers import Worker

_NEVER_S = 10.0 * 365 * 86_400
_POLL_S = 2.0
_PAUSE_S = 1.0
_FORGOTTEN_AFTER_S = 86_400.0
_NO_QUEUE = "-"
_MOST_FAILED_STARTS = 3
_BEATS_PER_LOOK = 10  # at the installation's version
Say = Callable[[str], None]


@dataclass(frozen=True)
class Manner:
    """``heartbeat_s``: how often it says that it lives. ``most_runs``, ``most_memory_bytes``: of a slot's process.
    ``home``: where it needs room on the disk."""

    heartbeat_s: float
    home: Path
    most_runs: int = 50
    most_memory_bytes: float = 4e9


class NodeWorker:
    """``me``: without its id, which the engine gives when it joins."""

    def __init__(
        self, url: DatabaseUrl, me: Worker, environment: dict[str, str], manner: Manner, say: Say = print
    ) -> None:
        self._url = url
        self._me = me
        self._manner = manner
        self._say = say
        self._slots = Slots(
            environment,
            me.work_version,
            most_runs=manner.most_runs,
            most_memory_bytes=manner.most_memory_bytes,
        )
        self._in_hand: dict[int, Slot | None] = {}
        self._is_stopping = asyncio.Event()
        self._has_joined = asyncio.Event()
        self._connector: PatientConnector | None = None
        self._engine_worker: EngineWorker | None = None
        self._line: psycopg.Connection | None = None  # of the keeper
        self._n_signals = 0
        self._n_failed_starts = 0
        self._has_room = True

    async def run(self) -> None:
        """Until it is told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)
        warming = asyncio.ensure_future(self._warm())
        try:
            while not self._is_stopping.is_set():
                try:
                    await self._serve()
                except (ConnectorException, psycopg.Error, StorageError) as error:
                    # struck off while it fetched, a server that only reads, …: what it has in hand is nobody's
                    self._say(f"the engine refuses ({first_line(error)}): the runs in hand are given up, it joins anew")
                    self._slots.kill()
                    await self._wait(_PAUSE_S)
        finally:
            warming.cancel()
            await self._slots.close()

    async def _warm(self) -> None:
        """Have one slot ready before the first run."""
        with suppress(SlotDiedError, OSError):  # the first run will tell
            self._slots.give_back(await self._slots.take())

    async def _serve(self) -> None:
        """Join, work, leave; also left where the others have struck this worker off."""
        self._connector = PatientConnector(self._url, self._say)
        app = App(connector=self._connector)
        app.job_manager = OwnJobManager(self._connector)
        app.task(name=EXECUTE_RUN, pass_context=True)(self._execute_run)
        self._look_at_disk()
        async with app.open_async():
            engine_worker = self._engine_worker = EngineWorker(
                app,
                queues=self._queues(),
                name=self._me.worker_name,
                concurrency=self._me.n_slots,
                fetch_job_polling_interval=_POLL_S,
                abort_job_polling_interval=_POLL_S,
                update_heartbeat_interval=_NEVER_S,  # the engine's own notices neither failure nor being struck off
                stalled_worker_timeout=_FORGOTTEN_AFTER_S,  # it would strike off others that are only silent
                delete_jobs="always",
                install_signal_handlers=False,
            )
            keeper = asyncio.ensure_future(self._keep(engine_worker))
            keeper.add_done_callback(lambda _: engine_worker.stop())  # type: ignore[no-untyped-call]
            try:
                await engine_worker.run()  # type: ignore[no-untyped-call]
            finally:
                keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await keeper
                self._engine_worker = None
                self._has_joined.clear()
                self._hang_up()
        with suppress(psycopg.Error, StorageError):
            await asyncio.to_thread(workers.leave, self._url, self._me.worker_id)

    def _queues(self) -> list[str]:
        """None where it takes no more runs: stopped outright it would hear of no abort any more."""
        if self._is_stopping.is_set() or not self._has_room:
            return [_NO_QUEUE]
        return [queue_name(queue, self._me.work_version) for queue in self._me.queues]

    async def _keep(self, engine_worker: EngineWorker) -> None:
        """Say who this is, then that it lives; tidy up. What fails is tried again at the next beat."""
        while engine_worker.worker_id is None:
            await asyncio.sleep(0.05)
        self._me = replace(self._me, worker_id=engine_worker.worker_id, process_id=processes.own_id())
        sight, n_beats, is_heard = Sight(3 * self._manner.heartbeat_s), 0, True
        lost: set[int] = set()
        given_up: set[int] = set()
        while True:
            try:
                database_s = await asyncio.to_thread(self._say_alive)
                if database_s is None:
                    self._say("this worker has been struck off, and its runs are given up: it joins anew")
                    self._slots.kill()
                    return
                sight.note(time.monotonic(), database_s)
                is_heard = True
                lost, given_up = await self._tidy(sight, lost, given_up)
                if n_beats % _BEATS_PER_LOOK == 0:
                    await self._look_at_version()
                n_beats += 1
                self._look_at_disk()
                engine_worker.queues = self._queues()
                self._stop_if_drained()
            except Exception as error:  # noqa: BLE001 (who keeps the worker alive must not die of one beat)
                sight.lose()
                self._hang_up()
                if is_heard:
                    self._say(f"no heartbeat ({type(error).__name__}: {first_line(error)}): tried again at every beat")
                is_heard = False
            await asyncio.sleep(self._manner.heartbeat_s)

    def _say_alive(self) -> float | None:
        """The server's time; None where this worker has been struck off."""
        if self._line is None or self._line.closed:
            self._line = workers.connect_to_engine(self._url)
        if not self._has_joined.is_set():
            workers.join(self._line, self._me)
            self._has_joined.set()
            self._say(f"worker {self._me.worker_name} joined: {self._me.n_slots} slot(s)")
        elif self._is_stopping.is_set():
            workers.drain(self._line, self._me.worker_id)
        return workers.beat(self._line, self._me.worker_id)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _tidy(self, sight: Sight, lost_before: set[int], given_up_before: set[int]) -> tuple[set[int], set[int]]:
        """What is seen at two beats in a row: jobs that got lost between engine and worker, and runs that were given up
        while this worker could not be heard. And jobs of others, once this worker itself has heard without a break."""
        line = self._line
        if line is None:
            return set(), set()
        known = await asyncio.to_thread(workers.jobs_of, line, self._me.worker_id)
        lost = known.keys() - self._in_hand.keys()
        given_up = {job_id for job_id in self._in_hand if known.get(job_id, True)}
        await asyncio.to_thread(workers.release_jobs, line, lost & lost_before)
        if sight.has_lasted(self._me.stalled_after_s):
            await asyncio.to_thread(workers.release_jobs_of_silent, line, self._me.stalled_after_s)
        for job_id in given_up & given_up_before:
            slot = self._in_hand.get(job_id)
            if slot is not None:
                self._say(f"process {slot.process.pid} is ended: its run was given up while this worker was not heard")
                slot.kill()
        return lost, given_up

    async def _look_at_version(self) -> None:
        """An installation that was upgraded hands nothing to this worker any more."""
        if self._line is None or self._is_stopping.is_set():
            return
        known = await asyncio.to_thread(workers.installation, self._line)
        if known is not None and known.work_version != self._me.work_version:
            self._say(f"the installation runs version {known.work_version} now, this is {self._me.work_version}")
            self._drain()

    def _look_at_disk(self) -> None:
        """Runs would fail where nothing can be written, one after the other."""
        has_room = host.free_disk_bytes(self._manner.home) >= host.MINIMUM_FREE_DISK_BYTES / 10
        if has_room != self._has_room:
            free = host.gigabytes(host.free_disk_bytes(self._manner.home))
            self._say(f"the disk has {free} free: " + ("runs are taken again" if has_room else "no run is taken"))
        self._has_room = has_room

    async def _execute_run(self, context: JobContext, run_id: str) -> None:
        """A job: its end is the end of the run's process, whatever became of the run."""
        job_id = int(context.job.id or 0)  # one that was fetched has an id
        if job_id in self._in_hand:  # given back, and fetched by the same worker: its first end decides
            raise SlotDiedError(f"job {job_id} is in hand already")
        self._in_hand[job_id] = None
        try:
            await self._has_joined.wait()
            slot = self._in_hand[job_id] = await self._started()
            memory_bytes = 0.0
            try:
                self._say(f"run {run_id[:8]} begins (process {slot.process.pid})")
                answer = await slot.execute(
                    {
                        "run_id": run_id,
                        "job_id": job_id,
                        "worker_id": self._me.worker_id,
                        "worker_name": self._me.worker_name,
                        "host": self._me.host,
                    }
                )
                memory_bytes = answer["memory_bytes"]
                self._say(f"run {run_id[:8]} has ended" if answer["is_taken"] else f"run {run_id[:8]} is taken already")
            finally:
                self._slots.give_back(slot, memory_bytes)
        except SlotDiedError as error:
            self._say(f"run {run_id[:8]}: {error}")
            raise
        finally:
            self._in_hand.pop(job_id, None)
            self._stop_if_drained()

    async def _started(self) -> Slot:
        """A slot. A node on which none starts would empty the queue: it ends."""
        try:
            slot = await self._slots.take()
        except (SlotDiedError, OSError) as error:
            self._n_failed_starts += 1
            if self._n_failed_starts >= _MOST_FAILED_STARTS:
                self._say(f"no slot has started {self._n_failed_starts} times in a row ({first_line(error)})")
                self._drain()
            raise SlotDiedError(first_line(error)) from error
        self._n_failed_starts = 0
        return slot

    def _signalled(self) -> None:
        self._n_signals += 1
        if self._n_signals == 1:
            self._drain()
        elif self._n_signals == 2:
            self._say("cancelling the runs in hand")
            self._slots.terminate()
            if self._connector is not None:
                self._connector.is_patient = False
        else:
            self._slots.kill()
            os._exit(1)

    def _drain(self) -> None:
        self._say(f"draining: {len(self._in_hand)} run(s) in hand" if self._in_hand else "stopping")
        self._is_stopping.set()
        if self._engine_worker is not None:
            self._engine_worker.queues = self._queues()
        self._stop_if_drained()

    def _stop_if_drained(self) -> None:
        if self._is_stopping.is_set() and not self._in_hand and self._engine_worker is not None:
            self._engine_worker.stop()  # type: ignore[no-untyped-call]

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_stopping.wait(), seconds)
