"""Several hosts for real, in network namespaces: one for the database, one for the services, the others for workers,
each with its own name, home, user and kernel cache.

Silence is allowed for 5 s here instead of 18 s, and the cut that must cost nothing lasts 2.7 s instead of 10 s. The
commands are those of docs/nodes.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import psutil
import psycopg
import pytest

from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, run_tags
from ssa_pipeline.core.days import parse_iso_day
from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.account import account_of
from ssa_pipeline.local.postgres.binaries import reachable_bin_dir
from ssa_pipeline.local.postgres.cluster import RELOCATION_DIR
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.command_line import SSA
from ssa_pipeline_tests.shared.namespaces import NETWORK, Host, as_user, hosts
from ssa_pipeline_tests.shared.needed import is_missing
from ssa_pipeline_tests.shared.nodes import Center, FarWorker, far_worker, wait_for

DAYS = [parse_iso_day("2024-11-01"), parse_iso_day("2024-11-02")]
WITHOUT_RECEIPTS = parse_iso_day("2024-11-03")
LEAD_DAYS = (0, 1)
CUT_S = 2.7
USERS = {"near": "daemon", "far": "nobody"}  # every system has them
QUICK = {"SSA_THREADS": "1", "SSA_MAX_RUNS": "1", "SSA_HEARTBEAT_S": "0.5", "SSA_STALLED_AFTER_S": "5"}
PASSWORD = "of-the-test"
MB = 1024**2


@dataclass(frozen=True)
class Network:
    """All of it, with two workers that are always there."""

    center: Center
    hosts: dict[str, Host]
    directory: Path
    workers: dict[str, FarWorker] = field(default_factory=dict)
    digests: list[tuple[object, ...]] = field(default_factory=list)

    def screen(self, epoch_day: date = DAYS[0], **tags: str) -> str:
        return self.center.launch(SCREEN_JOB, {**run_tags(epoch_day, LEAD_DAYS), **tags})

    def caught(self) -> tuple[str, FarWorker, psutil.Process]:
        """A run in the middle of its work, its process stopped: run, worker, process."""
        run_id = self.screen()
        name, slot = self.center.caught(run_id)
        return run_id, self.workers[name], slot

    def kill_process_of(self, run_id: str) -> None:
        _, slot = self.center.caught(run_id)
        slot.kill()

    def both_work(self, names: list[str]) -> list[str]:
        """A run of each day at the same time, each on a worker of its own."""
        working = (
            "SELECT worker_name FROM ssa.workers WHERE worker_state = 'working' AND worker_name = ANY(%s) ORDER BY 1"
        )
        wait_for("they are there", lambda: self.center.rows(working, names) == [(name,) for name in names])
        runs = [self.screen(day) for day in DAYS]
        assert self.workers_of(runs) == names
        self.check_slices(runs[0])
        return runs

    def workers_of(self, run_ids: Sequence[str]) -> list[str]:
        """Where these runs were worked on, all to success, none begun again."""
        assert {self.center.ended(run_id) for run_id in run_ids} == {"SUCCESS"}
        return sorted(self.center.taken(run_id)[0] for run_id in run_ids)

    def check_slices(self, run_id: str) -> None:
        """All are this run's and what any other run would have made of them, each once; nothing is left over."""
        slices = self.center.slices(DAYS[0], LEAD_DAYS[-1])
        assert [run for _, _, run, *_ in slices] == [run_id] * 6
        if not self.digests:
            self.digests.extend(slices)
        assert [digest for *_, digest in slices] == [digest for *_, digest in self.digests]
        twice = self.center.rows(
            "SELECT lead_day, norad_id_1, norad_id_2, tca_utc FROM ssa.events WHERE epoch_day = %s"
            " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1",
            DAYS[0],
        )
        assert twice == []
        wait_for("nothing is left", lambda: not self.center.left_over())


@contextmanager
def _server(host: Host, directory: Path) -> Iterator[DatabaseUrl]:
    """PostgreSQL as an administrator sets it up for others to reach."""
    account = account_of(None)
    programs = reachable_bin_dir(account, None, RELOCATION_DIR)
    cluster = directory / "cluster"
    cluster.mkdir()
    account.give(cluster)
    made = account.run(
        [programs / "initdb", "-D", cluster, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "-N"]
    )
    assert made.returncode == 0, made.stderr
    (cluster / "pg_hba.conf").write_text(f"local all postgres trust\nhost ssa ssa {NETWORK} scram-sha-256\n")
    options = f"-c listen_addresses={host.address} -c unix_socket_directories={cluster} -c fsync=off"
    with host.entered():
        started = account.run([programs / "pg_ctl", "start", "-D", cluster, "-w", "-l", cluster / "log", "-o", options])
    assert started.returncode == 0, started.stdout
    try:
        with psycopg.connect(host=str(cluster), user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE ssa LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE ROLE ssa_reader NOLOGIN")
            connection.execute("CREATE DATABASE ssa OWNER ssa")
        yield DatabaseUrl.parse(f"postgresql://ssa:{PASSWORD}@{host.address}/ssa")
    finally:
        account.run([programs / "pg_ctl", "stop", "-D", cluster, "-m", "immediate"])


def _on(host: Host, center: Center, *arguments: str, code: int = 0) -> str:
    """`ssa ARGUMENTS` on the host of the services."""
    env = {**os.environ, **center.environment, **QUICK}
    command = [*host.inside(), *SSA, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=90, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def network(open_tmp_dir: Path, stack: ExitStack) -> Network:
    """The services, and two days' catalogues made by their own worker, which then ends."""
    directory = open_tmp_dir / "hosts"
    directory.mkdir()
    file = directory / "small.csv"
    file.write_bytes(small_catalog(120)[0])
    home = directory / "center"
    home.mkdir()
    found = {host.name: host for host in stack.enter_context(hosts("db", "center", "near", "far", "third"))}
    center = Center(home, stack.enter_context(_server(found["db"], directory)))
    stack.enter_context(found["center"].entered())  # the tests look at the services from their host
    stack.callback(lambda: _on(found["center"], center, "down"))
    _on(found["center"], center, "up", "--unwatched")
    for day in DAYS:
        _on(found["center"], center, "ingest", str(file), "--epoch-day", str(day))
    for run_id in [center.launch(INGEST_JOB, run_tags(day)) for day in DAYS]:
        assert center.ended(run_id) == "SUCCESS"
    center.stop_own_worker()
    return Network(center, found, directory)


@pytest.fixture(autouse=True)
def _both_are_there(network: Network, stack: ExitStack) -> None:
    """Whom a test has ended is started anew."""
    for name in USERS:
        if name not in network.workers or network.workers[name].process.poll() is not None:
            network.workers[name] = stack.enter_context(_worker(network, name))


@pytest.fixture
def full_disk(network: Network) -> Iterator[Path]:
    """Small, as home of the third host; as full as a worker bears when 50 MB are written."""
    home = network.directory / "home-third"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=350m,mode=755", "tmpfs", str(home)], check=True)
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


@cache
def _user(host_name: str) -> str | None:
    """None where a user of the host's own could not read the checkout."""
    user = USERS.get(host_name)
    probe = [
        *as_user(user),
        "env",
        sys.executable,
        "-c",
        "import ssa_pipeline, psycopg",
    ]  # env: setpriv may still do all
    return user if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None


@contextmanager
def _worker(network: Network, name: str, **environment: str) -> Iterator[FarWorker]:
    """`ssa worker` on the host of that name, with kernels of its own: copied, so that no test waits for compilation."""
    home, user = network.directory / f"home-{name}", _user(name)
    kernels = Path(os.environ["NUMBA_CACHE_DIR"])
    if kernels.exists():
        shutil.copytree(kernels, home / "numba-cache" / kernels.name, dirs_exist_ok=True)
    if user:
        subprocess.run(["chown", "-R", user, str(home)], check=True)
    with far_worker(
        network.center,
        network.directory,
        name,
        inside=network.hosts[name].inside(user),
        **{**QUICK, "HOME": str(home), "NUMBA_CACHE_DIR": "", **environment},
    ) as worker:
        yield worker


def test_both_hosts_work_and_say_who_they_are(network: Network) -> None:
    center = network.center
    network.both_work(["far", "near"])
    known = center.rows(
        "SELECT worker_name, host, worker_state FROM ssa.workers WHERE worker_state <> 'ended' ORDER BY 1"
    )
    assert known == [(name, name, "working") for name in ("far", "near")]
    shown = _on(network.hosts["center"], center, "status", code=4)  # its own worker is stopped
    assert all(f"worker      working  {name} on {name}, process " in shown for name in USERS)
    owners = {psutil.Process(one.process.pid).username() for one in network.workers.values()}
    assert owners == {_user(name) or "root" for name in USERS}


def test_a_short_cut_in_the_middle_of_a_run_costs_nothing(network: Network) -> None:
    run_id, worker, slot = network.caught()
    host = network.hosts[worker.name]
    host.cut_off()
    slot.send_signal(signal.SIGCONT)  # it works on, and cannot write
    time.sleep(CUT_S)
    host.connect()
    assert network.workers_of([run_id]) == [worker.name]
    assert not network.center.rows("SELECT run_id FROM dagster.run_tags WHERE value = %s", run_id)
    assert "struck off" not in worker.said()
    network.check_slices(run_id)


def test_a_host_that_is_cut_off_is_replaced_and_comes_back(network: Network) -> None:
    center = network.center
    run_id, worker, slot = network.caught()
    host = network.hosts[worker.name]
    host.cut_off()
    assert center.ended(run_id) == "FAILURE"
    assert f"Worker {worker.name} on {worker.name} is gone" in center.log(run_id)
    successor = center.successor(run_id)
    (other,) = {*USERS} - {worker.name}
    assert center.taken(successor)[0] == other
    assert center.ended(successor) == "SUCCESS"
    host.connect()
    slot.send_signal(signal.SIGCONT)
    assert processes.wait_gone([slot], 60.0) == []
    assert center.status(run_id) == "FAILURE"
    network.check_slices(successor)
    network.both_work(["far", "near"])


def test_a_poisonous_day_is_tried_a_few_times_and_others_go_on(network: Network) -> None:
    center = network.center
    without_receipts = center.launch(INGEST_JOB, run_tags(WITHOUT_RECEIPTS))
    first = network.screen(DAYS[1], **{"dagster/max_retries": "1"})
    network.kill_process_of(first)
    healthy = network.screen()
    assert center.ended(first) == "FAILURE"
    second = center.successor(first)
    network.kill_process_of(second)
    assert center.ended(second) == "FAILURE"
    assert center.ended(healthy) == "SUCCESS"
    assert center.ended(without_receipts) == "FAILURE"
    assert "ssa ingest" in center.log(without_receipts)
    tries = "SELECT count(*) FROM dagster.run_tags WHERE key = 'dagster/parent_run_id' AND value = ANY(%s)"
    assert center.rows(tries, [without_receipts, second]) == [(0,)]
    network.check_slices(healthy)


def test_a_worker_whose_clock_is_ten_minutes_ahead_works_as_the_others(network: Network) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        is_missing("libfaketime is not installed: apt-get install faketime (.ci/run does)")
    wrong = {"LD_PRELOAD": str(library), "FAKETIME": "+600s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    near = network.workers["near"]
    near.process.send_signal(signal.SIGTERM)
    assert near.process.wait(30) == 0
    with _worker(network, "third", **wrong) as third:
        runs = network.both_work(["far", "third"])
        ages = (
            "SELECT extract(epoch FROM now())::float - start_time FROM dagster.runs WHERE run_id = ANY(%s) ORDER BY 1"
        )
        (ahead,), (right,) = network.center.rows(ages, runs)
        assert float(str(ahead)) < -500 < 0 < float(str(right))
        assert third.process.poll() is None


def test_a_worker_on_a_full_disk_takes_no_run_and_says_so(network: Network, full_disk: Path) -> None:
    with _worker(network, "third") as third:
        rest = full_disk / "of-another-program"
        with rest.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 100 * MB)
        wait_for("it says so", lambda: "the disk has 0.2 GB free: no run is taken" in third.said())
        network.both_work(["far", "near"])
        rest.unlink()
        wait_for("it goes on", lambda: "GB free: runs are taken again" in third.said())
