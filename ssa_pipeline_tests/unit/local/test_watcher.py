"""The watcher without services: when it starts what, and what it says; and the words for a full disk and a bad home."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ssa_pipeline.cli.errors import cli_error
from ssa_pipeline.local import disk, host, temporary_files, watcher
from ssa_pipeline.local.services import starting, state
from ssa_pipeline.local.services.exclusive import ServiceError
from ssa_pipeline.local.services.state import DAEMON, POSTGRES
from ssa_pipeline.local.watcher import BackOff, Watcher, described, read_state
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.upkeep.alerts import Alert
from ssa_pipeline_tests.shared.receivers import webhook


def _settings(home: Path, **environment: str) -> Settings:
    return read_settings({"SSA_HOME": str(home), **environment})


class World:
    """What is dead, and whether it can be started."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.dead: list[str] = []
        self.trouble: str | None = None
        self.started: list[list[str]] = []
        self.alerts: list[Alert] = []
        patch.setattr(state, "missing", lambda _: self.dead)
        patch.setattr(state, "ui_port", lambda _: None)
        patch.setattr(starting, "revive", self._revive)
        patch.setattr(state, "log_paths", lambda _: {name: Path(f"{name}.log") for name in (POSTGRES, DAEMON)})
        patch.setattr(Watcher, "_tell", lambda _, alert: self.alerts.append(alert))
        patch.setattr(host, "MINIMUM_FREE_DISK_BYTES", 0)

    def _revive(self, *_: Any) -> list[str]:
        if self.trouble is not None:
            raise ServiceError(self.trouble)
        found = self.dead
        self.started.append(found)
        self.dead = []
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_dies_is_started_at_once_and_what_dies_again_later_and_later() -> None:
    back_off, now, waits = BackOff(), 0.0, []
    for _ in range(9):
        assert back_off.is_due(now)
        back_off.tried(now)
        assert not back_off.is_due(now + back_off.wait_s - 0.1)
        waits.append(back_off.wait_s)
        now += back_off.wait_s
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    back_off.tried(now + watcher.SETTLED_S + 300.0)
    assert back_off.wait_s == 5.0


def test_a_start_is_said_counted_and_told(tmp_path: Path, world: World) -> None:
    said: list[str] = []
    settings = _settings(tmp_path)
    watching = Watcher(settings, said.append)
    watching.look(0.0)
    assert (said, world.started) == ([], [])
    for now in (10.0, 30.0):
        world.dead = [POSTGRES, DAEMON]
        watching.look(now)
    assert world.started == [[POSTGRES, DAEMON]] * 2
    assert "PostgreSQL had died: started again (2 since this watcher began)" in said
    state = read_state(settings)
    assert state.restarts == {POSTGRES: 2, DAEMON: 2}
    (daemon, postgres) = described(state)
    assert daemon.startswith("the daemon had died and was started again 2 times, last at ")
    assert postgres.startswith("PostgreSQL had died")
    assert {alert.key for alert in world.alerts} == {f"restarted {POSTGRES}", f"restarted {DAEMON}"}
    assert (tmp_path / "watcher.json").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_started_is_told_with_its_reason_until_it_can(tmp_path: Path, world: World) -> None:
    settings, said = _settings(tmp_path), list[str]()
    watching = Watcher(settings, said.append)
    world.dead, world.trouble = [POSTGRES], "the disk is full: 0.0 GB free"
    watching.look(0.0)
    watching.look(1.0)  # not due yet
    assert len(said) == 2
    assert "not started: the disk is full: 0.0 GB free; tried again in 5 s" in said
    assert described(read_state(settings)) == ["NOT started: postgres: the disk is full: 0.0 GB free"]
    (alert,) = world.alerts
    assert "the disk is full" in alert.text
    world.trouble = None
    watching.look(6.0)
    assert read_state(settings).trouble == ""
    assert read_state(settings).restarts == {POSTGRES: 1}


def test_a_disk_that_fills_up_is_told(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MINIMUM_FREE_DISK_BYTES", 10**18)
    Watcher(_settings(tmp_path), lambda _: None).look(0.0)
    (alert,) = world.alerts
    assert alert.title.startswith(f"the disk of {tmp_path} fills up: ")


def test_without_a_database_the_alert_goes_out_at_once_and_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "missing", lambda _: [POSTGRES])
    monkeypatch.setattr(host, "MINIMUM_FREE_DISK_BYTES", 0)

    def fail(*_: Any) -> list[str]:
        raise ServiceError("no room")

    monkeypatch.setattr(starting, "revive", fail)
    with webhook() as hook:
        watching = Watcher(_settings(tmp_path, SSA_ALERT_WEBHOOK=hook.url), lambda _: None)
        for now in (0.0, 100.0):
            watching.look(now)
        (payload,) = hook.received
    assert payload["title"] == "postgres not running, and cannot be started"
    assert payload["text"].startswith("postgres not running, and cannot be started\nno room")


def test_an_alert_does_not_wait_for_a_daemon_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Alert] = []
    delivered: list[int] = []

    def keep(_: Any, alert: Alert, __: Any) -> bool:
        raised.append(alert)
        return len(raised) == 1  # the second only repeats it

    monkeypatch.setattr(state, "running_database_url", lambda _: "a database")
    monkeypatch.setattr(watcher, "raise_alert", keep)
    monkeypatch.setattr(watcher, "deliver_due", lambda *_: delivered.append(len(raised)))
    watching = Watcher(_settings(tmp_path), lambda _: None)
    for _ in range(2):
        watching._failed([DAEMON], "no module named dagster")
    assert [alert.title for alert in raised] == ["daemon not running, and cannot be started"] * 2
    assert delivered == [1]


class TestDisk:
    def test_the_reserve_is_real_blocks_kept_once_and_given_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(disk, "RESERVE_BYTES", 1_000_000)
        assert not disk.keep_reserve(tmp_path, 10**18)
        assert list(tmp_path.iterdir()) == []
        for _ in range(2):
            assert disk.keep_reserve(tmp_path, 0)
        (reserve,) = tmp_path.iterdir()
        assert reserve.stat().st_blocks * 512 >= 1_000_000
        assert disk.give_back_reserve(tmp_path) >= 1_000_000
        assert disk.give_back_reserve(tmp_path) == 0

    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"),
            psycopg.errors.DiskFull("could not extend file"),
            RuntimeError('PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device'),
        ],
    )
    def test_every_command_names_a_full_disk_as_the_cause(self, error: Exception) -> None:
        for one in (error, _wrapped(error)):
            told = cli_error(one)
            assert told is not None
            assert str(told).startswith("the disk is full (")
            assert "`ssa make-room`" in str(told)
        assert not disk.says_no_space(ValueError("something else"))


def _wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("too many retries") from cause
    except RuntimeError as wrapped:
        return wrapped


def test_a_database_that_goes_away_is_told_in_a_sentence() -> None:
    told = cli_error(psycopg.OperationalError("server closed the connection unexpectedly\n\tThis probably means"))
    assert told is not None
    assert str(told).startswith(
        "the database went away while it was asked (server closed the connection unexpectedly)."
    )
    assert told.code == 4


@pytest.mark.parametrize("home", ["file", "file/below", "/proc/ssa"])
def test_a_home_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, home: str) -> None:
    (tmp_path / "file").write_text("no directory")
    settings = _settings(tmp_path / home)
    with pytest.raises(ServiceError, match=rf"SSA_HOME={settings.home} must be a directory that can be written"):
        starting.up(settings, lambda _: None)


def test_sockets_lie_below_the_home_unless_that_is_too_deep_and_go_with_the_processes(tmp_path: Path) -> None:
    place = temporary_files.directory(tmp_path)
    assert place == tmp_path / "tmp"
    assert place.stat().st_mode & 0o777 == 0o700
    (place / "socket").touch()
    temporary_files.clear_if_unused(tmp_path)
    assert not place.exists()
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    place = temporary_files.directory(deep)
    assert (place.parent, len(str(place)) < 60) == (Path("/tmp"), True)
    temporary_files.clear_if_unused(deep)
    assert not place.exists()
