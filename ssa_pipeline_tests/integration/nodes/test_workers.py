"""Workers as real processes beside an installation: killed, stopped, drained, cut off from the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, run_tags
from ssa_pipeline.core.days import parse_iso_day
from ssa_pipeline.local import daemon_process, processes
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services import stopping
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.command_line import SSA, ssa_done
from ssa_pipeline_tests.shared.nodes import Center, FarWorker, far_worker, wait_for, worker_environment

DAY = parse_iso_day("2024-11-01")
SETTINGS = "SSA_THREADS=1\nSSA_MAX_RUNS=1\nSSA_HEARTBEAT_S=0.5\nSSA_STALLED_AFTER_S=4\n"


@pytest.fixture(scope="module")
def center(open_tmp_dir: Path) -> Iterator[Center]:
    """Services up, a day's catalogue made by the installation's own worker, which then ends."""
    home = open_tmp_dir / "center"
    home.mkdir()
    (home / "settings.env").write_text(SETTINGS)
    file = open_tmp_dir / "small.csv"
    file.write_bytes(small_catalog(120)[0])
    found = Center(home)
    try:
        for arguments in (("up", "--unwatched"), ("ingest", str(file), "--epoch-day", str(DAY))):
            done = ssa_done(*arguments, SSA_HOME=str(home))
            assert done.returncode == 0, done.stdout + done.stderr
        assert found.ended(found.launch(INGEST_JOB, run_tags(DAY))) == "SUCCESS"
        found.stop_own_worker()
        yield found
    finally:
        stopping.down(found.settings, lambda _: None)
        embedded_server(found.settings).remove()


@pytest.fixture(scope="module")
def started(center: Center) -> Iterator[tuple[ExitStack, dict[str, FarWorker]]]:
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def pair(center: Center, open_tmp_dir: Path, started: tuple[ExitStack, dict[str, FarWorker]]) -> dict[str, FarWorker]:
    """Two workers, as on two other hosts; one that a test has ended is started anew."""
    stack, workers = started
    for name in ("near", "far"):
        if name not in workers or workers[name].process.poll() is not None:
            workers[name] = stack.enter_context(far_worker(center, open_tmp_dir, name))
    return workers


def _screen(center: Center) -> str:
    return center.launch(SCREEN_JOB, run_tags(DAY, (0, 1)))


def _caught(center: Center, pair: dict[str, FarWorker]) -> tuple[str, FarWorker, psutil.Process]:
    """A run in the middle of its work, its slot stopped: run, worker, slot."""
    run_id = _screen(center)
    name, slot = center.caught(run_id)
    return run_id, pair[name], slot


def _slices(center: Center) -> list[tuple[object, ...]]:
    return center.slices(DAY, 1)


def test_the_run_of_a_killed_worker_is_begun_elsewhere_and_nothing_is_left(
    center: Center, pair: dict[str, FarWorker]
) -> None:
    run_id, worker, _ = _caught(center, pair)
    worker.signal_all(signal.SIGKILL)
    assert center.ended(run_id) == "FAILURE"
    assert f"Worker {worker.name} on " in center.log(run_id)
    successor = center.successor(run_id)
    assert center.taken(successor)[0] == ({*pair} - {worker.name}).pop()
    assert center.ended(successor) == "SUCCESS"
    assert {run for _, _, run, *_ in _slices(center)} == {successor}
    assert len(_slices(center)) == 6
    wait_for("nothing is left", lambda: not center.left_over())


def test_a_worker_that_was_taken_for_dead_cannot_overwrite_its_successor(
    center: Center, pair: dict[str, FarWorker]
) -> None:
    run_id, worker, slot = _caught(center, pair)
    worker.signal_all(signal.SIGSTOP)
    successor = center.successor(run_id)
    assert center.ended(successor) == "SUCCESS"
    before = _slices(center)
    assert {run for _, _, run, *_ in before} == {successor}
    worker.signal_all(signal.SIGCONT)
    ended = f"run {run_id[:8]} has ended"
    wait_for("its end", lambda: not processes.is_alive(slot) or ended in worker.said())
    # ended by its worker, or refused where it would have claimed its slices
    wait_for("it says so", lambda: "given up" in worker.said() or "was not heard" in center.log(run_id))
    assert _slices(center) == before
    assert center.status(run_id) == "FAILURE"
    events = center.rows("SELECT count(*), count(DISTINCT log_id) FROM ssa.events WHERE epoch_day = %s", DAY)
    assert events[0][1] == 2  # a version a lead day, and no row twice
    assert center.ended(_screen(center)) == "SUCCESS"  # both work on
    wait_for("nothing is left", lambda: not center.left_over())


def test_a_slot_that_dies_is_noticed_by_its_worker(center: Center, pair: dict[str, FarWorker]) -> None:
    run_id, worker, slot = _caught(center, pair)
    slot.kill()
    assert center.ended(run_id) == "FAILURE"
    assert "has ended before the run did (killed, or out of memory)" in center.log(run_id)
    assert "ended with -9" in worker.said()
    assert center.ended(center.successor(run_id)) == "SUCCESS"


def test_a_cancelled_run_ends_on_its_host_and_the_worker_goes_on(center: Center, pair: dict[str, FarWorker]) -> None:
    run_id, _, slot = _caught(center, pair)
    center.terminate(run_id)
    assert center.status(run_id) in ("CANCELING", "CANCELED")
    slot.send_signal(signal.SIGCONT)
    assert center.ended(run_id) == "CANCELED"
    assert center.ended(_screen(center)) == "SUCCESS"
    wait_for("nothing is left", lambda: not center.left_over())


def test_sigterm_drains_and_a_second_one_gives_the_run_to_another(center: Center, pair: dict[str, FarWorker]) -> None:
    run_id, worker, slot = _caught(center, pair)
    worker.process.send_signal(signal.SIGTERM)
    wait_for("it drains", lambda: "draining: 1 run(s) in hand" in worker.said())
    state = "SELECT worker_state FROM ssa.workers WHERE worker_name = %s ORDER BY worker_id DESC LIMIT 1"
    wait_for("the view says so", lambda: center.rows(state, worker.name) == [("draining",)])
    other = _screen(center)  # waits for the first: it is of the same day
    slot.send_signal(signal.SIGCONT)
    assert center.ended(run_id) == "SUCCESS"
    assert worker.process.wait(60) == 0
    assert center.rows(state, worker.name) == [("ended",)]
    name, process_id = center.taken(other)
    assert name != worker.name
    wait_for("the run begins", lambda: center.status(other) == "STARTED", pause_s=0.02)
    psutil.Process(process_id).send_signal(signal.SIGSTOP)
    with far_worker(center, worker.log.parent, "third"):
        for _ in range(2):
            pair[name].process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        psutil.Process(process_id).send_signal(signal.SIGCONT)
        assert center.ended(other) == "FAILURE"
        assert pair[name].process.wait(60) == 0
        successor = center.successor(other)
        assert center.taken(successor)[0] == "third"
        assert center.ended(successor) == "SUCCESS"


def test_workers_outlive_a_postgres_that_is_killed_and_comes_back(center: Center, pair: dict[str, FarWorker]) -> None:
    run_id, worker, slot = _caught(center, pair)
    server = embedded_server(center.settings)
    postmaster = server.postmaster()
    assert postmaster is not None
    for one in (*postmaster.children(recursive=True), postmaster):
        with suppress(psutil.NoSuchProcess):
            one.kill()
    time.sleep(5.0)  # longer than the silence that is allowed
    server.start()
    slot.send_signal(signal.SIGCONT)
    wait_for("it is asked again", lambda: "the database answers again" in worker.said())
    end = center.ended(run_id)
    assert end == "SUCCESS" or center.ended(center.successor(run_id)) == "SUCCESS"
    assert center.ended(_screen(center)) == "SUCCESS"
    wait_for("nothing is left", lambda: not center.left_over())


@pytest.mark.parametrize(
    ("arguments", "environment", "said", "code"),
    [
        (("--slots", "0"), {}, "--slots", 2),
        (("--slots", "999"), {}, "a slot needs one at least", 1),
        (("--queues", "hourly"), {}, "there is no queue hourly: choose from daily, backfill, fetch", 1),
        ((), {"SSA_THRESHOLD_KM": "7"}, "this worker has other settings than the installation", 1),
        ((), {"SSA_STALLED_AFTER_S": "1", "SSA_HEARTBEAT_S": "1"}, "at least three times", 2),
        ((), {"PGPASSWORD": "wrong"}, "password authentication failed", 4),
        ((), {"PGSSLMODE": "require"}, "SSL", 4),
        ((), {"DATABASE_URL": "postgresql://ssa@127.0.0.1:1/ssa"}, "no connection to", 4),
    ],
)
def test_who_may_not_join_is_told_why(
    center: Center, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], said: str, code: int
) -> None:
    address = center.url.url
    if "PGPASSWORD" in environment:
        address = address.replace(address.split("@")[0].rpartition(":")[2], environment.pop("PGPASSWORD"))
    if "PGSSLMODE" in environment:
        address += f"?sslmode={environment.pop('PGSSLMODE')}"
    before = center.rows("SELECT count(*) FROM screening.worker")
    done = _refused(center, tmp_path, *arguments, **{"DATABASE_URL": address, **environment})
    assert said in done.stdout + done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert center.rows("SELECT count(*) FROM screening.worker") == before


def _refused(center: Center, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = worker_environment(center.url, home, **environment)
    command = [*SSA, "worker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)


def test_a_worker_beside_a_full_one_is_refused(center: Center, pair: dict[str, FarWorker], tmp_path: Path) -> None:
    done = _refused(center, tmp_path, "--slots", str(len(os.sched_getaffinity(0))), SSA_THREADS="1")
    assert "this machine is full: " in done.stderr
    assert f"far (process {pair['far'].process.pid})" in done.stderr


def test_a_worker_of_other_code_is_refused(center: Center, tmp_path: Path) -> None:
    ((version,),) = center.rows("SELECT work_version FROM screening.installation")
    change = "UPDATE screening.installation SET work_version = %s RETURNING is_the_one"
    center.rows(change, "another/000000")
    try:
        done = _refused(center, tmp_path)
    finally:
        center.rows(change, version)
    assert "this worker has other code than the installation" in done.stderr
    assert done.returncode == 1


def test_a_worker_on_an_older_database_is_refused(center: Center, tmp_path: Path) -> None:
    newest = center.rows("DELETE FROM ssa_migrations.alembic_version WHERE version_num ~ '^b' RETURNING version_num")
    try:
        done = _refused(center, tmp_path)
    finally:
        center.rows("INSERT INTO ssa_migrations.alembic_version VALUES (%s) RETURNING version_num", newest[0][0])
    assert "the database is older than this program" in done.stderr
    assert done.returncode == 1


def test_a_second_daemon_says_whose_the_first_is_and_ends(center: Center, tmp_path: Path) -> None:
    impatient = (
        "import runpy, ssa_pipeline.local.only_daemon as only\n"
        "only.PATIENCE_S = 0\n"
        f"runpy.run_path({daemon_process.__file__!r}, run_name='__main__')"
    )
    env = worker_environment(center.url, tmp_path, DAGSTER_HOME=str(tmp_path))
    command = [sys.executable, "-c", impatient]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 1
    assert "another daemon drives this database (from 127.0.0.1, since " in done.stdout
    assert "`ssa down`" in done.stdout
