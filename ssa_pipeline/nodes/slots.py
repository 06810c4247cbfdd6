"""The slots of a worker: processes that are kept warm, and replaced when they have grown or died."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_START_TIMEOUT_S = 180.0
_CANCEL_TIMEOUT_S = 60.0


class SlotDiedError(RuntimeError):
    """The process of a slot has ended in mid-run."""


@dataclass
class Slot:
    """One process, idle or with a run."""

    process: asyncio.subprocess.Process
    requests: asyncio.StreamWriter
    answers: asyncio.StreamReader
    n_runs: int = 0
    is_spent: bool = False

    async def execute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One run; SlotDiedError. Cancelled, it has the run end first, as Dagster does it, and is spent."""
        self.requests.write(json.dumps(request).encode() + b"\n")
        answer = asyncio.ensure_future(self._answer())
        try:
            with suppress(ConnectionError):  # the answer tells
                await self.requests.drain()
            self.n_runs += 1
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            self.is_spent = True
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError, SlotDiedError):
                await asyncio.wait_for(answer, _CANCEL_TIMEOUT_S)
            raise

    async def wait_ready(self) -> str:
        """Its version, see ``local.work_version``; SlotDiedError where it does not come up."""
        try:
            return str((await asyncio.wait_for(self._answer(), _START_TIMEOUT_S))["work_version"])
        except TimeoutError:
            raise SlotDiedError(f"no slot after {_START_TIMEOUT_S:.0f} s") from None

    async def _answer(self) -> dict[str, Any]:
        line = await self.answers.readline()
        if not line:
            self.is_spent = True
            raise SlotDiedError(f"process {self.process.pid} ended with {await self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Close its input, which ends it."""
        self.requests.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


class Slots:
    """An idle one is kept for the next run. ``most_runs`` and ``most_memory_bytes``: what
    it may have executed, or hold, before it is replaced."""

    def __init__(
        self, environment: Mapping[str, str], work_version: str, *, most_runs: int, most_memory_bytes: float
    ) -> None:
        self._environment = dict(environment)
        self._work_version = work_version
        self._most_runs = most_runs
        self._most_memory_bytes = most_memory_bytes
        self._idle: list[Slot] = []
        self._all: list[Slot] = []
        self._starting = asyncio.Lock()  # who comes while one starts may get that one

    async def take(self) -> Slot:
        """An idle slot, or a new one once it is ready. SlotDiedError where it does not come up, or would give other
        answers; OSError."""
        async with self._starting:
            while self._idle:
                slot = self._idle.pop()
                if slot.process.returncode is None and not slot.is_spent:
                    return slot
            return await self._start()

    async def _start(self) -> Slot:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ssa_pipeline.nodes.slot_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            process_group=0,  # Ctrl-C is for the worker, which ends its slots in order
        )
        if process.stdin is None or process.stdout is None:
            raise SlotDiedError("a slot without pipes")
        slot = Slot(process, process.stdin, process.stdout)
        self._all.append(slot)
        try:
            version = await slot.wait_ready()
        except BaseException:
            slot.kill()
            raise
        if version != self._work_version:
            slot.end()
            raise SlotDiedError(f"the code or the settings changed under this worker ({version}): start it anew")
        return slot

    def give_back(self, slot: Slot, memory_bytes: float = 0.0) -> None:
        """Keep it for the next run, or end it."""
        self._all = [one for one in self._all if one.process.returncode is None]
        if slot.is_spent or slot.n_runs >= self._most_runs or memory_bytes > self._most_memory_bytes:
            slot.end()
        else:
            self._idle.append(slot)

    async def close(self) -> None:
        """End all; those that do not go are killed."""
        for slot in self._all:
            slot.end()
        waiting = [asyncio.ensure_future(slot.process.wait()) for slot in self._all]
        if waiting:
            await asyncio.wait(waiting, timeout=5.0)
        self.kill()

    def terminate(self) -> None:
        """Have the runs end in order; the slots go with them."""
        for slot in self._all:
            slot.is_spent = True
            with suppress(ProcessLookupError):
                slot.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """At once, runs included: they are not this worker's any more."""
        for slot in self._all:
            slot.kill()
