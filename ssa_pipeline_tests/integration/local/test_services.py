"""``ssa up`` and ``ssa down`` on real processes: started, killed, started twice, stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from ssa_pipeline.local import doctor, processes, watcher
from ssa_pipeline.local.dagster_home import service_environment
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.postgres.server import EmbeddedPostgres
from ssa_pipeline.local.services import spawning, starting, state, stopping
from ssa_pipeline.local.services.exclusive import ServiceError
from ssa_pipeline.local.services.state import CODE_SERVER, DAEMON, DAGSTER, POSTGRES, WATCHER, WEBSERVER, WORKER
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline.use_cases.runs.webserver import Webserver
from ssa_pipeline_tests.shared.command_line import SSA


def _quiet(_: str) -> None:
    return None


def _up(settings: Settings, say: Callable[[str], None] = _quiet, *, is_watched: bool = False) -> None:
    """Without the watcher, which would start again what these tests kill."""
    starting.up(settings, say, is_watched=is_watched)


def _settings(home: Path, **environment: str) -> Settings:
    return read_settings({"SSA_HOME": str(home), **environment})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, open_tmp_dir: Path) -> Iterator[Path]:
    directory = open_tmp_dir / "services"
    yield directory
    stopping.down(_settings(directory), _quiet)
    embedded_server(_settings(directory)).remove()


@pytest.fixture
def running(home: Path) -> Settings:
    settings = _settings(home)
    _up(settings, _quiet)
    return settings


@pytest.fixture(autouse=True)
def code_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone may edit the code while the tests run: that must not restart the services between two steps."""
    monkeypatch.setattr(spawning, "_code_state", lambda: ["as it was"])


def _pids(settings: Settings) -> dict[str, int | None]:
    return {one.name: one.pid for one in state.status(settings) if one.name != WATCHER}


def _answers(address: str | None) -> bool:
    try:
        return address is not None and httpx.get(address, timeout=30).status_code > 0
    except httpx.HTTPError:
        return False


def _ssa(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SSA, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "SSA_HOME": str(home)},
    )


def test_up_starts_everything_and_the_code_location_loads(running: Settings) -> None:
    assert None not in _pids(running).values()
    address = state.ui_url(running)
    assert address is not None
    assert address.startswith("http://127.0.0.1:")
    assert "dagster_webserver_version" in httpx.get(f"{address}/server_info", trust_env=False).json()
    link = running.home / "dagster" / "dagster.yaml"
    assert link.is_symlink()
    assert "SSA_DAGSTER_PG_URL" in link.read_text()
    failed = [one for one in doctor.examine(running) if one.level is doctor.Level.FAIL]
    assert failed == []


def test_daemon_and_webserver_live_in_sessions_of_their_own_and_listen_on_loopback_only(running: Settings) -> None:
    for name in (DAEMON, WEBSERVER):
        service = state.find_service(running, name)
        assert service is not None
        assert os.getsid(service.pid) == service.pid != os.getsid(0)
        listening = [one.laddr.ip for one in service.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        assert set(listening) <= {"127.0.0.1"}


def test_a_second_up_changes_nothing(running: Settings) -> None:
    before = _pids(running)
    _up(running, _quiet)
    assert _pids(running) == before


@pytest.mark.parametrize("name", [POSTGRES, CODE_SERVER, DAEMON, WEBSERVER, WORKER])
def test_a_killed_service_is_started_again_by_up_and_the_others_are_left_alone(running: Settings, name: str) -> None:
    before = _pids(running)
    victim = psutil.Process(before[name])
    victim.kill()
    processes.wait_gone([victim], 10)
    assert _pids(running)[name] is None
    _up(running, _quiet)
    after = _pids(running)
    assert None not in after.values()
    assert {one for one in after if after[one] != before[one]} == {name}


def test_a_daemon_that_hangs_is_told_by_status_and_doctor(running: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state.daemon_silence(running) is None
    monkeypatch.setattr(run_rows, "HEARTBEAT_LIMIT_S", 0.0)
    said = state.daemon_silence(running)
    assert said is not None
    assert re.match(r"the daemon is silent \(.*SENSOR for \d+ s.*\): see `ssa logs daemon`", said)
    (found,) = (one for one in doctor.examine(running) if one.subject == "Dagster")
    assert (found.level, found.text.startswith("the daemon is silent")) == (doctor.Level.FAIL, True)
    (size,) = (one for one in doctor.examine(running) if one.subject == "database size")
    assert re.search(r"the largest: \w+\.\w+ \d+ MB, .*; Dagster's event_logs are \d+%", size.text)


def test_two_ups_at_once_make_one_of_each(home: Path) -> None:
    stopping.down(_settings(home), _quiet)
    errors: list[BaseException] = []

    def start() -> None:
        try:
            _up(_settings(home), _quiet)
        except ServiceError as error:
            errors.append(error)

    starters = [threading.Thread(target=start) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert errors == []
    leaders = [one for one in processes.supervised(home) if os.getsid(one.pid) == one.pid]
    names = sorted(one.environ()["SSA_SERVICE"] for one in leaders)
    assert names == sorted(DAGSTER)


def test_services_started_with_other_code_or_settings_are_restarted_while_no_run_is_in_progress(
    running: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, said = _pids(running), list[str]()
    with monkeypatch.context() as patch:
        patch.setattr(spawning, "_code_state", lambda: ["edited"])
        patch.setattr(run_rows, "runs_in_progress", lambda _: 1)
        _up(running, said.append)
    assert _pids(running) == before
    assert [line.partition(":")[0] for line in said[1:5]] == [
        f"the {name} still runs as before the change of code" for name in DAGSTER
    ]
    monkeypatch.setenv("SSA_ALERT_WEBHOOK", "https://chat.example.org/SECRET")
    monkeypatch.setenv("NO_PROXY", "")  # as good as not set
    _up(running, said.append)
    changed = _pids(running)
    assert "restarting the daemon: changed are SSA_ALERT_WEBHOOK" in said
    assert "SECRET" not in " ".join(said)
    said.clear()
    _up(running, said.append)
    assert _pids(running) == changed
    assert not any("restarting" in line for line in said)
    monkeypatch.delenv("SSA_ALERT_WEBHOOK")
    monkeypatch.setattr(run_rows, "runs_in_progress", lambda _: 1)
    _up(running, said.append)
    assert any("before the change of SSA_ALERT_WEBHOOK (no longer set): `ssa up`" in line for line in said)
    assert changed[POSTGRES] == before[POSTGRES]
    assert changed[DAEMON] != before[DAEMON]
    assert changed[WEBSERVER] != before[WEBSERVER]


def test_an_explicit_ui_port_in_use_is_named_with_its_user(running: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"port {port} \(SSA_UI_PORT\) is in use by .*process {os.getpid()}"):
            _up(_settings(running.home, SSA_UI_PORT=str(port)), _quiet)
    _up(_settings(running.home, SSA_UI_PORT=str(port)), _quiet)
    assert state.ui_url(running) == f"http://127.0.0.1:{port}"


def test_down_ends_even_a_worker_that_ignores_signals(running: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_GRACE_S", 3.0)
    stubborn = "trap '' TERM INT; while :; do sleep 1; done"
    environment = {**os.environ, "SSA_SERVICE": DAEMON, processes.MARK: str(running.home)}
    with subprocess.Popen(["sh", "-c", stubborn], env=environment) as worker:
        started = psutil.Process(worker.pid)
        assert stopping.down(running, _quiet) is True
        assert not processes.is_alive(started)
    assert processes.supervised(running.home) == []
    assert set(_pids(running).values()) == {None}
    assert stopping.down(running, _quiet) is False


def test_down_leaves_processes_of_other_homes_alone(running: Settings, tmp_path: Path) -> None:
    environment = {**os.environ, processes.MARK: str(tmp_path)}
    with subprocess.Popen(["sleep", "600"], env=environment) as neighbour:
        stopping.down(running, _quiet)
        assert neighbour.poll() is None
        neighbour.kill()


def test_an_external_database_is_used_and_no_other_started(open_tmp_path: Path, debian_bin_dir: Path) -> None:
    external = EmbeddedPostgres(open_tmp_path / "external", bin_dir=debian_bin_dir)
    settings = _settings(open_tmp_path / "home", DATABASE_URL=external.start().url)
    try:
        _up(settings, _quiet)
        assert not embedded_server(settings).exists()
        address = state.ui_url(settings)
        assert address is not None
        processes.end(state.with_descendants(settings, DAEMON), grace_s=10)  # what is launched stays in the queue
        with Webserver(address) as webserver:
            webserver.launch("retention_job", {})
            external.stop()
            external.start()
            webserver.launch("retention_job", {})  # the connections that it had kept are dead
        stopping.down(settings, _quiet)
        assert external.is_running()
        assert processes.supervised(settings.home) == []
    finally:
        stopping.down(settings, _quiet)
        external.remove()


def _wait_until(test: Callable[[], bool], patience_s: float = 240.0) -> None:
    deadline = time.monotonic() + patience_s
    while not test():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_watcher_starts_again_what_dies_and_says_so_and_down_ends_it(running: Settings) -> None:
    """All killed at once, then the watcher itself."""
    before = _pids(running)
    address = state.ui_url(running)
    _up(running, is_watched=True)
    watching = state.find_service(running, WATCHER)
    assert watching is not None
    assert os.getsid(watching.pid) == watching.pid != os.getsid(0)  # it survives its terminal
    _up(running, is_watched=True)
    assert state.find_service(running, WATCHER) == watching  # two never run
    for pid in before.values():
        psutil.Process(pid).kill()
    _wait_until(lambda: len(watcher.read_state(running).restarts) == 5 and None not in _pids(running).values())
    after = _pids(running)
    assert all(after[name] != before[name] for name in before)
    assert state.ui_url(running) == address or _answers(address)  # another test may have taken its port meanwhile
    shown = _ssa(running.home, "status").stdout
    for spoken in ("PostgreSQL", *(f"the {name}" for name in DAGSTER)):
        assert f"watcher     {spoken} had died and was started again, last at " in shown
    url = state.running_database_url(running)
    assert url is not None
    with psycopg.connect(url.psycopg) as connection:
        told = connection.execute("SELECT alert_key FROM screening.alert WHERE alert_key LIKE 'restarted %'").fetchall()
    assert sorted(told) == sorted((f"restarted {name}",) for name in (POSTGRES, *DAGSTER))

    watching.kill()
    processes.wait_gone([watching], 10)
    assert _ssa(running.home, "status").returncode == 4
    for name in DAGSTER:  # they are what `ssa up` would have started
        service = state.find_service(running, name)
        assert service is not None
        assert spawning.changed_settings(service, service_environment(running, url)) == []
    _up(running, is_watched=True)
    assert state.find_service(running, WATCHER) not in (None, watching)
    assert stopping.down(running, _quiet)
    assert processes.supervised(running.home) == []
    assert list((running.home / "tmp").glob("*")) == []  # no socket is left


def test_a_second_watcher_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_LOCK_TIMEOUT_S", 0.2)
    stop = threading.Event()
    stop.set()
    with file_lock(tmp_path / "watcher.lock"), pytest.raises(LockTimeoutError):
        watcher.watch(_settings(tmp_path), _quiet, stop)


def test_a_port_that_is_taken_is_noticed_before_the_working_webserver_is_stopped(running: Settings) -> None:
    before = _pids(running)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"port {port} \(SSA_UI_PORT\) is in use"):
            _up(_settings(running.home, SSA_UI_PORT=str(port)))
    assert _pids(running) == before


def test_another_checkout_on_the_same_home_is_refused_by_name(
    running: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = _pids(running)
    monkeypatch.setattr(starting, "REPOSITORY", tmp_path)
    with pytest.raises(ServiceError, match=rf"in use by another checkout: its code-server .* this is {tmp_path}"):
        _up(running)
    assert _pids(running) == before


def test_no_disk_space_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssa_pipeline.local.host.MINIMUM_FREE_DISK_BYTES", 10**18)
    with pytest.raises(ServiceError, match=r"GB free on the disk of .*make room, or set SSA_HOME"):
        _up(_settings(home), _quiet)


class TestCommands:
    def test_from_nothing_to_nothing(self, open_tmp_path: Path) -> None:
        home = open_tmp_path / "var"
        try:
            stopped = _ssa(home, "status")
            assert stopped.returncode == 4
            assert "ssa up" in stopped.stderr
            assert not home.exists()  # asking changes nothing
            assert _ssa(home, "env").returncode == 4
            up = _ssa(home, "up")
            assert up.returncode == 0, up.stderr
            assert "Dagster UI: http://127.0.0.1:" in up.stdout
            assert _ssa(home, "status").returncode == 0
            checked = _ssa(home, "doctor")
            assert checked.returncode == 0, checked.stdout
            logs = _ssa(home, "logs", "postgres", "-n", "200")
            assert "ready to accept connections" in logs.stdout
            assert _ssa(home, "logs", "nonsense").returncode == 2
            exported = _ssa(home, "env").stdout
            shell = 'eval "$1"; psql -Atc "SELECT current_database()"; dagster run list --limit 1'
            done = subprocess.run(
                ["sh", "-c", shell, "sh", exported], capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("ssa\n")
        finally:
            down = _ssa(home, "down")
            embedded_server(_settings(home)).remove()
        assert down.returncode == 0, down.stderr
        assert "stopped PostgreSQL" in down.stdout

    def test_a_setting_that_cannot_be_used_is_wrong_usage(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [*SSA, "up"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SSA_HOME": str(tmp_path), "SSA_UI_PORT": "many"},
        )
        assert done.returncode == 2
        assert done.stderr == "ssa: SSA_UI_PORT='many' is not a number\n"

    def test_foreground_stops_everything_on_sigterm(self, open_tmp_path: Path) -> None:
        home = open_tmp_path / "var"
        settings = _settings(home)
        try:
            with subprocess.Popen(
                [*SSA, "up", "--foreground"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "SSA_HOME": str(home)},
            ) as command:
                assert command.stdout is not None
                for line in command.stdout:
                    if line.startswith("Dagster UI"):
                        break
                time.sleep(0.5)
                command.send_signal(signal.SIGTERM)
                command.communicate(timeout=120)
            assert command.returncode == 130
            assert processes.supervised(home) == []
            assert not embedded_server(settings).is_running()
        finally:
            stopping.down(settings, _quiet)
            embedded_server(settings).remove()

    def test_ctrl_c_at_any_moment_of_up_leaves_nothing_broken(self, open_tmp_path: Path) -> None:
        home = open_tmp_path / "var"
        settings = _settings(home)
        try:
            for patience_s in (0.6, 1.2, 2.0, 3.0):
                command = subprocess.Popen(
                    [
                        sys.executable,
                        "-c",
                        "from ssa_pipeline.cli import main; print('begun', flush=True); main()",
                        "up",
                    ],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "SSA_HOME": str(home)},
                    start_new_session=True,
                )
                assert command.stdout is not None
                assert command.stdout.readline() == "begun\n"
                time.sleep(patience_s)
                os.killpg(command.pid, signal.SIGINT)
                _, errors = command.communicate(timeout=60)
                assert "Traceback" not in errors
            _up(settings, _quiet)
            assert None not in _pids(settings).values()
            leaders = [one for one in processes.supervised(home) if os.getsid(one.pid) == one.pid]
            names = [one.environ()["SSA_SERVICE"] for one in leaders]
            assert sorted({*names, WATCHER}) == sorted({*names} | {DAEMON, WEBSERVER, WATCHER})
            assert len(names) == len(set(names))
        finally:
            stopping.down(settings, _quiet)
            embedded_server(settings).remove()
