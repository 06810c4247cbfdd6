"""What `ssa up` and `ssa down` do with runs that nobody works on: on real tables, without services."""

from __future__ import annotations

import json
import os
import subprocess
import uuid

from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.events import EngineEventData

from ssa_pipeline.local import abandoned_runs, host
from ssa_pipeline.nodes import engine
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline_tests.shared.worker_samples import VERSION, FakeWorkers

STARTING, STARTED = DagsterRunStatus.STARTING, DagsterRunStatus.STARTED
CANCELING, CANCELED = DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED
FAILURE = DagsterRunStatus.FAILURE


def test_runs_without_a_process_are_failed_and_others_left_alone(
    fakes: FakeWorkers, instance: DagsterInstance, settings: Settings
) -> None:
    here = host.node(settings.home)
    with subprocess.Popen(["sleep", "600"]) as alive, subprocess.Popen(["true"]) as dead:
        dead.wait()
        workers = {
            "lives here": fakes.join("here", node=here, process_id=alive.pid),
            "died here": fakes.join("gone", node=here, process_id=dead.pid),
            "lives elsewhere": fakes.join("there", node="there:/var", process_id=dead.pid),
        }
        cases = {
            "lives here": (STARTED, STARTED),
            "died here": (STARTED, FAILURE),
            "lives elsewhere": (STARTED, STARTED),
            "cancelled, died here": (CANCELING, CANCELED),
            "waits for a worker": (STARTING, STARTING),
            "in the daemon's hands": (STARTING, STARTING),
            "in a terminal that lives": (STARTED, STARTED),
            "in a terminal that died": (STARTED, FAILURE),
            "in a terminal whose id is re-used": (STARTED, FAILURE),
            "by nobody": (STARTED, FAILURE),
        }
        runs = {case: fakes.run(case, str(uuid.uuid4()), status) for case, (status, _) in cases.items()}
        try:
            for case, worker_id in workers.items():
                fakes.give(runs[case], worker_id)
            fakes.give(runs["cancelled, died here"], workers["died here"])
            assert engine.hand_over(fakes.url, runs["waits for a worker"], VERSION)
            for case, pid in (("that lives", alive.pid), ("that died", dead.pid), ("whose id is re-used", os.getpid())):
                run = runs[f"in a terminal {case}"]
                instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))
            _move_log_back_a_year(fakes, runs["in a terminal whose id is re-used"].run_id)
            abandoned_runs.strike_off_dead_workers(fakes.url, settings.home)
            freed = abandoned_runs.free_abandoned_runs(instance, fakes.url, is_daemon_alive=True)
            ends = {}
            for case, run in runs.items():
                now = instance.get_run_by_id(run.run_id)
                assert now is not None
                ends[case] = now.status
            assert ends == {case: end for case, (_, end) in cases.items()}
            assert len(freed) == sum(status is not end for status, end in cases.values())
            assert abandoned_runs.free_abandoned_runs(instance, fakes.url, is_daemon_alive=False) == [
                runs["in the daemon's hands"].run_id
            ]
        finally:
            alive.kill()


def test_down_announces_the_end_of_this_nodes_runs_only(
    fakes: FakeWorkers, instance: DagsterInstance, settings: Settings
) -> None:
    here = fakes.run("here", str(uuid.uuid4()), STARTED)
    there = fakes.run("there", str(uuid.uuid4()), STARTED)
    fakes.give(here, fakes.join("here", node=host.node(settings.home)))
    fakes.give(there, fakes.join("there", node="there:/var"))
    assert abandoned_runs.announce_cancelling(instance, fakes.url, settings.home) == [here.run_id]


def _move_log_back_a_year(fakes: FakeWorkers, run_id: str) -> None:
    """The entry is then older than the process that has its id now."""
    with connect(fakes.url) as connection:
        row = connection.execute("SELECT id, event FROM dagster.event_logs WHERE run_id = %s", [run_id]).fetchone()
        assert row is not None
        event = json.loads(row[1])
        event["timestamp"] -= 365 * 86_400
        connection.execute("UPDATE dagster.event_logs SET event = %s WHERE id = %s", [json.dumps(event), row[0]])
