"""The watcher: one process that starts again what dies of PostgreSQL and our other services, and says so.

`ssa up` starts it, `ssa down` ends it, a lock keeps a second one away. It looks every few seconds at the same facts as
`ssa status`, and starts what is missing as `ssa up` does (``starting.revive``). What dies again soon is started later
and later. It tells its log, `ssa status` (through ``watcher.json``) and the operator (an alert; where the database is
what died, sent at once without it). Run as a module, with the environment of a service.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from ssa_pipeline.local import host
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.local.services import starting, state
from ssa_pipeline.local.services.exclusive import ServiceError
from ssa_pipeline.local.services.state import DAGSTER, POSTGRES, WATCHER
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.upkeep.alerts import Alert
from ssa_pipeline.use_cases.alerts import deliver_due, raise_alert, send_at_once

POLL_S = 5.0
FIRST_WAIT_S = 5.0  # before what died again is started again; doubled each time
LONGEST_WAIT_S = 300.0
SETTLED_S = 600.0  # what has lived so long has not "died again"
DISK_POLL_S = 60.0
_REPEATED_AFTER = timedelta(hours=24)
_LOCK_TIMEOUT_S = 30.0  # the former watcher may be ending


@dataclass
class State:
    """What `ssa status` shows. ``restarts``: service -> how often and when last, since the watcher began; ``trouble``:
    what cannot be started, and why; empty where all is well."""

    restarts: dict[str, int] = field(default_factory=dict)
    restarted_at: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    def save(self, path: Path) -> None:
        """Whole or not at all; on a full disk not at all."""
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(self), file)
            fresh.replace(path)


def read_state(settings: Settings) -> State:
    """What the running watcher did; empty where none has saved anything."""
    try:
        return State(**json.loads(_state_path(settings).read_text()))
    except (OSError, ValueError, TypeError):
        return State()


def described(state: State) -> list[str]:
    """Lines for `ssa status`."""
    lines = [
        f"{_spoken(name)} had died and was started again{f' {count} times' if count > 1 else ''}, last at "
        f"{state.restarted_at[name]}"
        for name, count in sorted(state.restarts.items())
    ]
    return [*lines, f"NOT started: {state.trouble}"] if state.trouble else lines


def report(settings: Settings) -> list[str]:
    """What the watcher started again, and what it cannot start, in lines; nothing where none runs."""
    return described(read_state(settings)) if state.find_service(settings, WATCHER) is not None else []


@dataclass
class BackOff:
    """When the next start may be tried. Times are seconds of one monotonic clock."""

    wait_s: float = 0.0
    next_at: float = 0.0
    last_at: float = -SETTLED_S

    def is_due(self, now: float) -> bool:
        return now >= self.next_at

    def tried(self, now: float) -> None:
        """The first start is made at once, one soon after another later and later."""
        is_settled = now - self.last_at >= SETTLED_S + self.wait_s
        self.wait_s = FIRST_WAIT_S if is_settled else min(LONGEST_WAIT_S, 2 * self.wait_s)
        self.last_at, self.next_at = now, now + self.wait_s


class Watcher:
    """One look at a time (``look``), so that a test may do it without waiting."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._state = State()
        self._back_off = BackOff()
        self._ui_port = state.port_given()  # where the webserver was when the watcher was started
        self._sent_at: dict[str, float] = {}
        self._disk_at = -DISK_POLL_S
        self._state.save(_state_path(settings))

    def look(self, now: float) -> None:
        """Start what is dead where its time has come; tell of a disk that fills up."""
        _reap()
        self._ui_port = state.ui_port(self._settings) or self._ui_port
        dead = state.missing(self._settings)
        if dead and self._back_off.is_due(now):
            self._back_off.tried(now)
            self._revive(dead)
        elif not dead:
            self._set_trouble("")
        if now - self._disk_at >= DISK_POLL_S:
            self._disk_at = now
            self._look_at_disk()

    def _revive(self, dead: list[str]) -> None:
        self._say(f"not running: {', '.join(dead)}; starting what is missing")
        try:
            started = starting.revive(self._settings, self._say, self._ui_port)
        except (ServiceError, EmbeddedPostgresError, StorageError, OSError) as error:
            self._failed(dead, str(error))
            return
        self._set_trouble("")
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        for name in started:
            count = self._state.restarts.get(name, 0) + 1
            self._state.restarts[name], self._state.restarted_at[name] = count, at
            self._say(f"{_spoken(name)} had died: started again ({count} since this watcher began)")
            log = state.log_paths(self._settings)[name]
            before = log if name == POSTGRES else log.with_suffix(".log.1")
            self._tell(
                Alert(
                    f"restarted {name}",
                    "warning",
                    f"{_spoken(name)} had died and was started again",
                    f"At {at}; {count} time(s) since the watcher began. Its last words are at the end of {before}.\n"
                    "Do: nothing if it stays up; ssa status; ssa doctor.",
                )
            )
        self._state.save(_state_path(self._settings))

    def _failed(self, dead: list[str], reason: str) -> None:
        wait_s = self._back_off.wait_s
        self._say(f"not started: {reason}; tried again in {wait_s:.0f} s")
        self._set_trouble(f"{', '.join(dead)}: {reason}")
        self._tell(
            Alert(
                f"not restarted {' '.join(dead)}",
                "error",
                f"{' and '.join(dead)} not running, and cannot be started",
                f"{reason}\nIt is tried again every {LONGEST_WAIT_S:.0f} s.\nDo: ssa status; ssa doctor; "
                "docs/operations.md, At three in the morning.",
                _REPEATED_AFTER,
            )
        )

    def _look_at_disk(self) -> None:
        free = host.free_disk_bytes(self._settings.home)
        if free >= host.MINIMUM_FREE_DISK_BYTES:
            return
        self._tell(
            Alert(
                "disk low",
                "error",
                f"the disk of {self._settings.home} fills up: {host.gigabytes(free)} free",
                "When it is full PostgreSQL stops.\nDo: ssa doctor; docs/operations.md, The disk is full.",
                _REPEATED_AFTER,
            )
        )

    def _set_trouble(self, trouble: str) -> None:
        if self._state.trouble != trouble:
            self._state.trouble = trouble
            self._state.save(_state_path(self._settings))

    def _tell(self, alert: Alert) -> None:
        """As a row, sent at once and again by the daemon where that fails; without a row, and once a day, where the
        database is what does not work."""
        now = datetime.now(UTC)
        try:
            url = state.running_database_url(self._settings)
            if url is not None:
                if raise_alert(url, alert, now):
                    deliver_due(url, self._settings, now)  # the daemon, which does so, may be what dies
                return
        except (StorageError, psycopg.Error, EmbeddedPostgresError) as error:
            self._say(f"the alert could not be stored: {str(error).splitlines()[0]}")
        last = self._sent_at.get(alert.key)
        if last is None or time.monotonic() - last > alert.quiet.total_seconds():
            self._sent_at[alert.key] = time.monotonic()
            for problem in send_at_once(self._settings, alert, now):
                self._say(f"alert not delivered: {problem}")


def watch(settings: Settings, say: Callable[[str], None], stop: threading.Event) -> None:
    """Until ``stop`` is set. LockTimeoutError where another watcher of this home lives."""
    with file_lock(settings.home / "watcher.lock", timeout_s=_LOCK_TIMEOUT_S):
        watcher = Watcher(settings, say)
        say(f"watching PostgreSQL, {', '.join(DAGSTER)}")
        while not stop.wait(POLL_S):
            try:
                watcher.look(time.monotonic())
            except Exception as error:  # noqa: BLE001 (who watches must not die of one look)
                say(f"this look failed: {type(error).__name__}: {error}")


def _spoken(name: str) -> str:
    return "PostgreSQL" if name == POSTGRES else f"the {name}"


def _reap() -> None:
    """Of what it started the watcher is the parent: without this the dead would stay as zombies."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _state_path(settings: Settings) -> Path:
    return settings.home / "watcher.json"


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {text}", flush=True)


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        watch(read_settings(), _say, stop)
    except LockTimeoutError as error:
        _say(f"another watcher runs: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
