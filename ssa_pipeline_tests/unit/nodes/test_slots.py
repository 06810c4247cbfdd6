"""The processes of a worker: kept, replaced, refused. Stand-ins that speak the lines of a slot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from ssa_pipeline.nodes.slots import SlotDiedError, Slots

STAND_IN = """
import json, os, signal, sys, time
if os.environ.get("FAILS"): sys.exit(3)
print(json.dumps({"work_version": os.environ.get("VERSION", "a/b")}), flush=True)
def cancelled(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, cancelled)
for line in sys.stdin:
    request = json.loads(line)
    try:
        if request["run_id"] == "dies": os._exit(9)
        if request["run_id"] == "hangs": time.sleep(600)
    except KeyboardInterrupt:
        pass
    print(json.dumps({"is_taken": True, "memory_bytes": request.get("memory", 0.0)}), flush=True)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    package = tmp_path / "ssa_pipeline" / "nodes"
    package.mkdir(parents=True)
    for directory in (package.parent, package):
        (directory / "__init__.py").touch()
    (package / "slot_process.py").write_text(STAND_IN)
    return {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1", "PATH": os.environ["PATH"]}


def _slots(environment: dict[str, str], **more: str) -> Slots:
    return Slots({**environment, **more}, "a/b", most_runs=2, most_memory_bytes=100.0)


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def test_a_slot_is_used_again_until_it_is_spent_or_has_grown(environment: dict[str, str]) -> None:
    async def work() -> None:
        slots = _slots(environment)
        first = await slots.take()
        await first.execute({"run_id": "a"})
        slots.give_back(first)
        second = await slots.take()
        assert second is first
        await second.execute({"run_id": "b"})
        slots.give_back(second)  # two runs are enough
        third = await slots.take()
        assert third.process.pid != first.process.pid
        answer = await third.execute({"run_id": "c", "memory": 101.0})
        slots.give_back(third, answer["memory_bytes"])
        fourth = await slots.take()
        assert fourth.process.pid != third.process.pid
        slots.give_back(fourth)
        await slots.close()
        assert {one.process.returncode for one in (first, third, fourth)} == {0}

    _run(work())


def test_a_slot_that_dies_says_how_and_is_not_used_again(environment: dict[str, str]) -> None:
    async def work() -> None:
        slots = _slots(environment)
        slot = await slots.take()
        with pytest.raises(SlotDiedError, match=r"ended with 9"):
            await slot.execute({"run_id": "dies"})
        slots.give_back(slot)
        assert (await slots.take()).process.pid != slot.process.pid
        await slots.close()

    _run(work())


def test_a_cancelled_run_ends_first_and_its_slot_is_spent(environment: dict[str, str]) -> None:
    async def work() -> None:
        slots = _slots(environment)
        slot = await slots.take()
        running = asyncio.ensure_future(slot.execute({"run_id": "hangs"}))
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert slot.is_spent
        slots.give_back(slot)
        assert await asyncio.wait_for(slot.process.wait(), 10) == 0
        await slots.close()

    _run(work())


@pytest.mark.parametrize(
    ("more", "said"),
    [({"FAILS": "1"}, "ended with 3"), ({"VERSION": "other/b"}, "the code or the settings changed under this worker")],
)
def test_a_slot_that_does_not_come_up_or_would_give_other_answers_is_refused(
    environment: dict[str, str], more: dict[str, str], said: str
) -> None:
    async def work() -> None:
        slots = _slots(environment, **more)
        with pytest.raises(SlotDiedError, match=said):
            await slots.take()
        await slots.close()

    _run(work())


def test_two_that_come_at_once_get_two_and_one_that_comes_during_a_start_gets_that_one(
    environment: dict[str, str],
) -> None:
    async def work() -> None:
        slots = _slots(environment)
        first, second = await asyncio.gather(slots.take(), slots.take())
        assert first.process.pid != second.process.pid
        slots.give_back(first)
        slots.give_back(second)

        async def warm() -> None:
            slots.give_back(await slots.take())

        await asyncio.gather(warm(), warm())
        assert len(slots._all) == 2
        await slots.close()

    _run(work())
