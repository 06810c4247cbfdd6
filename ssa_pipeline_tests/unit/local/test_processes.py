"""Locks, ports, processes and caches of the supervisor, without any service."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from ssa_pipeline.local import host, locks, numba_cache, processes, shell
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline_tests.shared.places import REPOSITORY

_HOLDER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from ssa_pipeline.local.locks import file_lock
    with file_lock(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(600)
""")


class TestLock:
    def test_a_held_lock_is_refused_with_the_holder_and_free_once_the_holder_is_killed(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            try:
                with (
                    pytest.raises(LockTimeoutError, match=rf"locked .* by process {holder.pid} \(python.*, user "),
                    file_lock(path, timeout_s=0.2),
                ):
                    pass
            finally:
                holder.kill()
            with file_lock(path, timeout_s=10):
                pass

    def test_a_lock_file_left_behind_does_not_lock(self, tmp_path: Path) -> None:
        (tmp_path / "lock").write_text("12345678901234567")
        with file_lock(tmp_path / "lock", timeout_s=0):
            assert (tmp_path / "lock").read_text() == str(os.getpid())

    def test_who_waits_says_for_whom(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "_SILENCE_S", 0.0)
        said: list[str] = []
        with file_lock(tmp_path / "lock"), pytest.raises(LockTimeoutError):  # noqa: SIM117
            with file_lock(tmp_path / "lock", timeout_s=0.2, say=said.append):
                pass
        (line,) = said
        assert line.startswith(f"waiting for process {os.getpid()} (")
        assert str(tmp_path / "lock") in line

    def test_a_file_that_others_could_open_is_replaced_so_that_nobody_else_holds_it(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.write_text("4711")
        path.chmod(0o644)
        with path.open() as stranger:  # who may read a file may lock it
            fcntl.flock(stranger, fcntl.LOCK_EX)
            with file_lock(path, timeout_s=1):
                assert path.stat().st_mode & 0o777 == 0o600
        assert [one.name for one in tmp_path.iterdir()] == ["lock"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user")
    def test_a_lock_file_of_another_user_is_replaced_and_one_made_by_root_is_the_owners(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.touch(mode=0o600)
        os.chown(path, 65_534, 65_534)
        with file_lock(path, timeout_s=1):
            assert path.stat().st_uid == 0
        os.chown(tmp_path, 65_534, 65_534)
        with file_lock(path, timeout_s=1):
            assert path.stat().st_uid == 65_534

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("data")
        (tmp_path / "lock").symlink_to(tmp_path / "precious")
        with file_lock(tmp_path / "lock", timeout_s=1):
            pass
        assert (tmp_path / "precious").read_text() == "data"

    def test_children_do_not_inherit_the_lock(self, tmp_path: Path) -> None:
        with file_lock(tmp_path / "lock"):
            child = subprocess.Popen(["sleep", "600"], close_fds=False)
        try:
            with file_lock(tmp_path / "lock", timeout_s=0):
                pass
        finally:
            child.kill()
            child.wait()


class TestPorts:
    def test_a_port_that_is_listened_on_is_not_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert not host.is_port_free(port)
            assert host.free_port(port) != port
            assert host.next_free_port(port) > port
        assert host.is_port_free(port)
        assert host.free_port(port) == port

    def test_chosen_ports_lie_below_the_ephemeral_ones(self) -> None:
        first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        assert all(1024 < host.free_port() < max(first_ephemeral, 30_000) for _ in range(20))


class TestHost:
    def test_memory_is_the_smaller_of_machine_and_control_group(self) -> None:
        assert 0 < host.memory_bytes() <= psutil.virtual_memory().total

    def test_free_disk_of_a_path_that_does_not_exist_yet(self, tmp_path: Path) -> None:
        assert host.free_disk_bytes(tmp_path / "not" / "yet") == pytest.approx(host.free_disk_bytes(tmp_path), rel=0.1)


class TestProcesses:
    def test_a_zombie_is_not_alive(self) -> None:
        with subprocess.Popen(["true"]) as child:
            seen = psutil.Process(child.pid)
            deadline = time.monotonic() + 30
            while seen.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline
            assert psutil.pid_exists(child.pid)
            assert not processes.is_alive(seen)
            assert processes.process(child.pid) is None

    def test_a_detached_process_is_found_by_its_mark_and_ended_with_its_children(self, tmp_path: Path) -> None:
        script = "trap '' INT; (trap '' TERM; echo child; sleep 600) & echo parent; wait"
        log = tmp_path / "log"
        started = processes.spawn_detached(
            ["sh", "-c", script], environ=os.environ, log=log, cwd=tmp_path, home=tmp_path
        )
        deadline = time.monotonic() + 30
        while len(processes.log_tail(log, lines=9)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        family = processes.supervised(tmp_path)
        assert started in family
        assert len(family) >= 2
        assert os.getsid(started.pid) == started.pid
        assert started.cwd() == str(tmp_path)
        assert log.stat().st_mode & 0o777 == 0o600
        assert processes.supervised(tmp_path / "elsewhere") == []
        processes.end(family, grace_s=0.5)
        assert processes.supervised(tmp_path) == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
    def test_a_process_of_another_user_is_not_ours_whatever_its_environment_says(self, open_tmp_path: Path) -> None:
        marked = {"PATH": os.environ["PATH"], processes.MARK: str(open_tmp_path), "SSA_SERVICE": "daemon"}
        for user, count in ((65_534, 0), (0, 1)):
            with subprocess.Popen(["sleep", "600"], env=marked, user=user, start_new_session=True) as stranger:
                try:
                    found = processes.supervised(open_tmp_path)
                finally:
                    stranger.kill()
            assert len(found) == count

    def test_signals_that_the_starter_ignores_reach_a_detached_process(self, tmp_path: Path) -> None:
        """Started by a background shell job, SIGINT would otherwise stay ignored, and Dagster uses it."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            started = processes.spawn_detached(
                ["sleep", "600"], environ=os.environ, log=tmp_path / "log", cwd=tmp_path, home=tmp_path
            )
        finally:
            signal.signal(signal.SIGINT, before)
        started.send_signal(signal.SIGINT)
        assert processes.wait_gone([started], 10) == []

    def test_the_caller_and_its_ancestors_are_never_among_the_supervised(self, tmp_path: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from ssa_pipeline.local import processes;"
            "print(processes.supervised(Path(sys.argv[1])))"
        )
        marked = {**os.environ, processes.MARK: str(tmp_path)}
        command = [sys.executable, "-c", program, str(tmp_path)]
        assert subprocess.run(command, env=marked, capture_output=True, text=True, check=True).stdout == "[]\n"

    def test_the_end_of_a_log(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        assert processes.log_tail(path, lines=3) == []
        path.write_text("".join(f"line {number}\n" for number in range(100_000)))
        assert processes.log_tail(path, lines=2) == ["line 99998", "line 99999"]
        size = path.stat().st_size
        assert processes.log_tail(path, lines=5, start=size) == []


class TestNumbaCache:
    def test_the_default_names_version_python_and_cpu_and_keeps_a_choice(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        chosen = numba_cache.use_numba_cache(tmp_path)
        assert chosen.parent == tmp_path / "numba-cache"
        assert f"py{sys.version_info.major}{sys.version_info.minor}" in chosen.name
        assert os.environ["NUMBA_CACHE_DIR"] == str(chosen)
        assert numba_cache.use_numba_cache(tmp_path / "other") == chosen

    def test_an_unusable_home_is_replaced_by_a_private_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (tmp_path / "file").write_text("")
        chosen = numba_cache.use_numba_cache(tmp_path / "file")
        assert chosen.parent == tmp_path
        assert chosen.stat().st_mode & 0o777 == 0o700

    def test_a_directory_that_others_may_write_is_not_trusted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        first = numba_cache.use_numba_cache(tmp_path / "file")
        first.chmod(0o777)
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        assert numba_cache.use_numba_cache(tmp_path / "file") != first


class TestEnvironment:
    def test_dagster_home_holds_a_link_to_the_instance_file_and_is_made_again(self, tmp_path: Path) -> None:
        settings = read_settings({"SSA_HOME": str(tmp_path)})
        for _ in range(2):
            directory = link_dagster_home(settings)
            assert (directory / "dagster.yaml").resolve() == REPOSITORY / "dagster.yaml"
        (directory / "dagster.yaml").unlink()
        (directory / "dagster.yaml").write_text("damaged")
        link_dagster_home(settings)
        assert (directory / "dagster.yaml").is_symlink()

    def test_dagster_gets_psycopg2_and_its_own_schema(self, tmp_path: Path) -> None:
        settings = read_settings({"SSA_HOME": str(tmp_path)})
        environment = service_environment(settings, DatabaseUrl.parse("postgres://u:p@h:5/d"))
        assert environment["SSA_DAGSTER_PG_URL"] == "postgresql+psycopg2://u:p@h:5/d?options=-csearch_path%3Ddagster"
        assert "DATABASE_URL" not in environment

    def test_psql_gets_the_address_in_its_own_variables(self) -> None:
        url = DatabaseUrl.parse("postgresql://some%20one:p%40ss@db.example:6543/name?sslmode=require")
        assert shell.psql_environment(url) == {
            "PGHOST": "db.example",
            "PGPORT": "6543",
            "PGUSER": "some one",
            "PGPASSWORD": "p@ss",
            "PGDATABASE": "name",
            "PGSSLMODE": "require",
        }


class TestMake:
    def test_bare_make_lists_every_command(self) -> None:
        shown = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        makefile = (REPOSITORY / "Makefile").read_text()
        phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
        for command in phony:
            assert f"make {command} " in shown

    def test_a_python_that_is_too_old_is_named_with_what_to_install(self, tmp_path: Path) -> None:
        old = tmp_path / "python3"
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
        old.chmod(0o755)
        done = subprocess.run(
            ["scripts/setup.sh"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHON": str(old)},
        )
        assert done.returncode == 1
        assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
        assert "is: Python 3.9.2" in done.stderr
        assert "apt-get install -y" in done.stderr

    def test_data_is_not_deleted_without_an_answer(self, tmp_path: Path) -> None:
        (tmp_path / "var").mkdir()
        done = subprocess.run(
            [sys.executable, "scripts/erase_data.py"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SSA_HOME": str(tmp_path / "var")},
        )
        assert done.returncode == 1
        assert str(tmp_path / "var") in done.stdout
        assert "nothing was deleted" in done.stdout
        assert (tmp_path / "var").exists()
