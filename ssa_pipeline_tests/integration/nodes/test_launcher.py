"""How a run reaches a worker, and who answers for it: on the real tables of engine and Dagster, without processes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from ssa_pipeline.chain.links import SOURCE_TAG
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.dagster_internals import BACKFILL_ID_TAG, PRIORITY_TAG, LaunchRunContext, WorkerStatus
from ssa_pipeline.local.work_version import work_version
from ssa_pipeline.nodes import engine
from ssa_pipeline.nodes.launcher import WorkerRunLauncher
from ssa_pipeline.nodes.sight import Sight
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.errors import StaleTokenError
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline_tests.shared.worker_samples import VERSION, FakeWorkers

STARTING, STARTED = DagsterRunStatus.STARTING, DagsterRunStatus.STARTED
CANCELING, CANCELED = DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED
NewRun = Callable[..., DagsterRun]


@pytest.fixture
def new_run(fakes: FakeWorkers) -> NewRun:
    def new(status: DagsterRunStatus = STARTING, **tags: str) -> DagsterRun:
        return fakes.run("a_job", str(uuid.uuid4()), status, **tags)

    return new


@pytest.fixture
def launcher(instance: DagsterInstance) -> WorkerRunLauncher:
    found = instance.run_launcher
    assert isinstance(found, WorkerRunLauncher)
    _has_heard_all_the_time(found)
    return found


def _has_heard_all_the_time(launcher: WorkerRunLauncher) -> None:
    now_s = time.monotonic()
    launcher._sight = Sight(60.0, now_s - 1e6, now_s, time.time() - now_s)


def _launch(launcher: WorkerRunLauncher, run: DagsterRun) -> None:
    launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))


def _log(instance: DagsterInstance, run: DagsterRun) -> str:
    return "\n".join(entry.user_message or entry.message for entry in instance.all_logs(run.run_id))


def test_a_run_launched_by_eight_daemons_at_once_is_one_job(
    launcher: WorkerRunLauncher, new_run: NewRun, fakes: FakeWorkers, instance: DagsterInstance
) -> None:
    run = new_run()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _launch(launcher, run), range(8)))
    assert fakes.jobs() == {run.run_id: "todo"}
    said = _log(instance, run)
    assert (said.count("Waits for a worker of queue daily."), said.count("handed to the workers before")) == (1, 7)


def test_a_run_is_taken_once_for_ever(new_run: NewRun, fakes: FakeWorkers, database: DatabaseUrl) -> None:
    first, second = fakes.join("a"), fakes.join("b")
    run = new_run()
    job_id = fakes.give(run, first)
    assert not workers.claim(database, run.run_id, job_id, second, 1)  # not its job
    assert not workers.claim(database, run.run_id, job_id, first, 1)  # taken
    workers.release_jobs(database, [job_id])  # its worker is dead, and the run with it
    assert fakes.jobs() == {}
    assert engine.hand_over(database, run, VERSION)  # a second daemon, late
    again = fakes.fetch(second)
    assert again is not None
    assert not workers.claim(database, run.run_id, again, second, 1)


def test_a_job_that_was_fetched_and_not_taken_goes_to_another_worker(
    new_run: NewRun, fakes: FakeWorkers, database: DatabaseUrl
) -> None:
    dead, alive = fakes.join("dead"), fakes.join("alive")
    run = new_run()
    job_id = fakes.give(run, dead, is_claimed=False)
    workers.release_jobs_of_silent(database, 30.0)
    assert fakes.jobs() == {run.run_id: "doing"}
    workers.strike_off(database, [dead])
    workers.release_jobs_of_silent(database, 30.0)
    assert fakes.jobs() == {run.run_id: "todo"}
    assert not workers.claim(database, run.run_id, job_id, dead, 1)  # should it come back
    assert fakes.fetch(alive) == job_id
    assert workers.claim(database, run.run_id, job_id, alive, 1)


def test_silence_counts_by_the_clock_of_the_database_and_not_while_it_was_down(
    fakes: FakeWorkers, database: DatabaseUrl
) -> None:
    mute = fakes.join("mute", stalled_after_s=1e5)
    fakes.silence(mute, 2e5)
    (known,) = workers.living_workers(database)
    assert known.worker_state == "working"  # the server has not been up for so long
    short = fakes.join("short", stalled_after_s=0.5)
    fakes.silence(short, 1.0)
    time.sleep(0.6)
    states = {one.worker_name: one.worker_state for one in workers.living_workers(database)}
    assert states == {"mute": "working", "short": "silent"}


def test_health_is_the_heartbeat_of_the_worker_that_took_the_run(
    launcher: WorkerRunLauncher, new_run: NewRun, fakes: FakeWorkers, database: DatabaseUrl
) -> None:
    runs: dict[str, DagsterRun] = {}
    alive = fakes.join("alive")
    runs["at work"] = new_run(STARTED)
    fakes.give(runs["at work"], alive)
    runs["in a terminal"] = new_run(STARTED)
    runs["process ended"] = new_run(STARTED)
    workers.release_jobs(database, [fakes.give(runs["process ended"], alive)])
    silent = fakes.join("quiet", node="there:/var", stalled_after_s=0.1)
    runs["silent"] = new_run(STARTED)
    fakes.give(runs["silent"], silent)
    fakes.silence(silent, 60.0)
    gone = fakes.join("gone")
    runs["struck off"] = new_run(STARTED)
    fakes.give(runs["struck off"], gone)
    workers.strike_off(database, [gone])
    found = {case: launcher.check_run_worker_health(run) for case, run in runs.items()}
    assert {case for case, health in found.items() if health.status is WorkerStatus.FAILED} == {
        "process ended", "silent", "struck off",
    }  # fmt: skip
    assert found["at work"].status is found["in a terminal"].status is WorkerStatus.RUNNING
    assert "of worker alive on elsewhere, has ended before the run did" in str(found["process ended"].msg)
    assert "Worker quiet on there is gone and has been silent for 6" in str(found["silent"].msg)
    assert "Worker gone on elsewhere is gone." in str(found["struck off"].msg)
    assert "Taken by worker quiet on there" in str(launcher.get_run_worker_debug_info(runs["silent"]))


def test_who_could_not_hear_does_not_judge_silence(
    launcher: WorkerRunLauncher, new_run: NewRun, fakes: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = fakes.join("quiet", stalled_after_s=0.1)
    run = new_run(STARTED)
    fakes.give(run, silent)
    fakes.silence(silent, 60.0)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED

    def away(*_: Any) -> None:
        raise ConnectionError("the line is down")

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run_state", away)
        with pytest.raises(ConnectionError):
            launcher.check_run_worker_health(run)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    _has_heard_all_the_time(launcher)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED


def test_an_end_is_asked_for_wherever_the_run_is(
    launcher: WorkerRunLauncher, new_run: NewRun, fakes: FakeWorkers, instance: DagsterInstance
) -> None:
    def status(run: DagsterRun) -> DagsterRunStatus:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.status

    waiting = new_run()
    _launch(launcher, waiting)
    assert launcher.terminate(waiting.run_id)
    assert status(waiting) is CANCELED
    assert fakes.jobs() == {}
    worked_on = new_run(STARTED)
    job_id = fakes.give(worked_on, fakes.join("alive"))
    assert launcher.terminate(worked_on.run_id)
    assert status(worked_on) is CANCELING  # the worker ends it
    with workers.connect_to_engine(fakes.url) as connection:
        asked = connection.execute("SELECT abort_requested FROM procrastinate_jobs WHERE id = %s", [job_id]).fetchone()
    assert asked == (True,)
    orphan = new_run(STARTED)
    fakes.give(orphan, gone := fakes.join("gone"))
    workers.strike_off(fakes.url, [gone])
    assert launcher.terminate(orphan.run_id)
    assert status(orphan) is CANCELED
    by_hand = new_run(STARTED)
    assert not launcher.terminate(by_hand.run_id)
    assert status(by_hand) is STARTED
    assert "Runs in a terminal: end it there." in _log(instance, by_hand)
    assert not launcher.terminate(waiting.run_id)  # has ended


def test_as_many_runs_leave_the_queue_as_living_workers_of_this_version_have_slots(
    fakes: FakeWorkers, instance: DagsterInstance, settings: Settings, new_run: NewRun
) -> None:
    def limit() -> int:
        config = instance.get_concurrency_config().run_queue_config
        assert config is not None
        return config.max_concurrent_runs

    assert limit() == 0
    mine = work_version(settings)
    fakes.join("two", n_slots=2, work_version=mine)
    fakes.join("three", n_slots=3, work_version=mine, queues=(engine.BACKFILL,))
    fakes.join("of another version", n_slots=7)
    dead = fakes.join("dead", n_slots=11, work_version=mine)
    workers.strike_off(fakes.url, [dead])
    assert limit() == 5
    other = fakes.join("drains", n_slots=13, work_version=mine)
    fakes.give(new_run(STARTED), other)
    workers.drain(fakes.url, other)
    new_run(STARTED)  # in a terminal
    assert limit() == 5 + 1 + 1


def test_daily_work_goes_before_backfills_and_fetches_to_those_who_have_the_credentials(
    new_run: NewRun, fakes: FakeWorkers, database: DatabaseUrl
) -> None:
    far = fakes.join("far", queues=(engine.DAILY, engine.BACKFILL))
    fetch = new_run(**{SOURCE_TAG: "celestrak"})
    backfill = new_run(**{BACKFILL_ID_TAG: "abc", PRIORITY_TAG: "-10"})
    daily = new_run()
    odd = new_run(**{PRIORITY_TAG: "high"})
    for run in (fetch, backfill, daily, odd):
        assert engine.hand_over(database, run, VERSION)
    order = [fakes.fetch(far, engine.DAILY, engine.BACKFILL) for _ in range(4)]
    with workers.connect_to_engine(database) as connection:
        names = dict(connection.execute("SELECT id, args ->> 'run_id' FROM procrastinate_jobs").fetchall())
    assert [names[job_id] for job_id in order if job_id] == [daily.run_id, odd.run_id, backfill.run_id]
    assert fakes.jobs()[fetch.run_id] == "todo"


def test_claims_and_workers_are_forgotten_with_their_runs(
    new_run: NewRun, fakes: FakeWorkers, database: DatabaseUrl, instance: DagsterInstance
) -> None:
    kept, gone = fakes.join("kept"), fakes.join("gone")
    there, deleted = new_run(STARTED), new_run(STARTED)
    fakes.give(there, kept)
    fakes.give(deleted, gone)
    workers.strike_off(database, [kept, gone])
    instance.delete_run(deleted.run_id)
    with workers.connect_to_engine(database) as connection:
        connection.execute("UPDATE screening.worker SET started_at = now() - interval '31 days'")
        connection.execute("UPDATE screening.run_claim SET claimed_at = now() - interval '31 days'")
        workers.forget(database, 40)
        assert connection.execute("SELECT count(*) FROM screening.run_claim").fetchone() == (2,)
        workers.forget(database, 30)
        assert connection.execute("SELECT run_id FROM screening.run_claim").fetchall() == [(there.run_id,)]
        assert connection.execute("SELECT worker_name FROM screening.worker").fetchall() == [("kept",)]


def test_a_run_that_was_given_up_before_it_claimed_a_slice_claims_none(
    new_run: NewRun, database: DatabaseUrl, instance: DagsterInstance
) -> None:
    """A process that was stopped and goes on after its successor would be the newest owner."""
    key = SliceKey("clean_catalog", date(2024, 11, 1))
    dead, successor = new_run(STARTED), new_run(STARTED)
    instance.report_run_failed(dead, "silent")
    with SliceStore(database) as slices:
        token = slices.claim([key], successor.run_id)
        with pytest.raises(StaleTokenError, match="has ended as FAILURE while its process was not heard"):
            slices.claim([key], dead.run_id)
        assert slices.claim([key], successor.run_id, token) == token
