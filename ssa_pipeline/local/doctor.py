"""``ssa doctor``: what is wrong with this machine or installation, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psycopg

from ssa_pipeline.local import host, processes, watcher
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.postgres.binaries import packaged_bin_dir
from ssa_pipeline.local.postgres.cluster import RELOCATION_DIR
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.local.services import starting, state
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.upkeep import run_rows

_LARGEST = 4  # tables named by their size


class Level(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    level: Level
    subject: str
    text: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check in order; each yields one finding or more and none raises for a broken installation."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python,
        _packages,
        _memory,
        _disk,
        _home,
        _settings_file,
        _embedded_server,
        _relocated,
        _database,
        _sizes,
        _ports,
        _dagster,
        _sources,
        _alerts,
        _strays,
    ]
    for check in checks:
        yield from check(settings)


def _python(_: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    is_supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    text = f"{version} at {sys.executable}"
    yield _finding(is_supported, "python", text, f"{text}: 3.11, 3.12 or 3.13 is needed: make clean, make setup")


def _packages(_: Settings) -> Iterator[Finding]:
    wanted = importlib.metadata.requires("ssa-pipeline") or []
    broken = []
    for requirement in wanted:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            broken.append(f"{name} is missing")
            continue
        pin = re.search(r"==([^,; ]+)", requirement)
        if pin and pin[1] != found:
            broken.append(f"{name} is {found} instead of {pin[1]}")
    yield _finding(not broken, "packages", "all there", f"{', '.join(broken)}: make setup")


def _memory(_: Settings) -> Iterator[Finding]:
    memory = host.memory_bytes()
    text = f"{host.gigabytes(memory)}, {host.gigabytes(host.MINIMUM_MEMORY_BYTES)} needed for the full catalogue"
    is_enough = memory >= host.MINIMUM_MEMORY_BYTES
    yield Finding(Level.OK if is_enough else Level.WARN, "memory", text)


def _disk(settings: Settings) -> Iterator[Finding]:
    free = host.free_disk_bytes(settings.home)
    text = f"{host.gigabytes(free)} free at {settings.home}, {host.gigabytes(host.MINIMUM_FREE_DISK_BYTES)} needed"
    has_data = settings.database_url is None and embedded_server(settings).exists()
    remedy = f"{'ssa make-room, or ' if has_data else ''}make room or set SSA_HOME"
    yield _finding(free >= host.MINIMUM_FREE_DISK_BYTES, "disk", text, f"{text}: {remedy}")


def _home(settings: Settings) -> Iterator[Finding]:
    existing = settings.home
    while not existing.exists():
        existing = existing.parent
    is_writable = os.access(existing, os.W_OK | os.X_OK)
    text = f"{settings.home}" + ("" if settings.home.exists() else " (not made yet)")
    yield _finding(is_writable, "home", text, f"{existing} may not be written: run as its owner or set SSA_HOME")


def _settings_file(settings: Settings) -> Iterator[Finding]:
    path = settings.file.path
    if not path.exists():
        yield Finding(Level.OK, "settings", f"from the environment; {path} is not there")
    elif path.stat().st_mode & 0o077:
        yield Finding(Level.WARN, "settings", f"others may read {path}: chmod 600, if passwords are in it")
    else:
        yield Finding(Level.OK, "settings", f"{len(settings.file.values)} from {path}")


def _embedded_server(settings: Settings) -> Iterator[Finding]:
    subject = "embedded PostgreSQL"
    if settings.database_url is not None:
        yield Finding(Level.OK, subject, "not used, DATABASE_URL or POSTGRES_HOST is set")
        return
    try:
        packaged_bin_dir()
        server = embedded_server(settings)
        if not server.exists():
            yield Finding(Level.WARN, subject, "no data yet: ssa up")
        elif server.is_running():
            yield Finding(Level.OK, subject, f"runs on port {server.port}, data in {server.cluster_dir}")
        elif not server.cluster_dir.exists():
            yield Finding(Level.WARN, subject, f"{server.cluster_dir} does not exist; ssa up makes an empty database")
        else:
            pid_file = server.cluster_dir / "postmaster.pid"
            note = " (it was killed; the next start recovers)" if pid_file.exists() else ""
            yield Finding(Level.WARN, subject, f"stopped{note}: ssa up")
    except (EmbeddedPostgresError, PermissionError) as error:
        yield Finding(Level.FAIL, subject, str(error))


def _relocated(_: Settings) -> Iterator[Finding]:
    """Clusters below the relocation directory whose checkout was deleted: named, never removed unasked."""
    for note in sorted(RELOCATION_DIR.glob("*/owner")):
        try:
            owner = Path(note.read_text())
            is_orphan = not (owner / "server.json").exists()
        except PermissionError:
            continue
        if is_orphan:
            text = f"{note.parent} belonged to {owner}, which is gone: delete it if its data is not wanted"
            yield Finding(Level.WARN, "left-over database", text)


def _database(settings: Settings) -> Iterator[Finding]:
    from ssa_pipeline.storage.connection import connect
    from ssa_pipeline.storage.schema import migrate

    url = _running_database_url(settings)
    if url is None:
        yield Finding(Level.WARN, "database", "not running: ssa up")
        return
    try:
        with connect(url) as connection:
            version = connection.info.server_version
        text = f"PostgreSQL {version // 10_000}.{version % 10_000} at {url.without_password}"
        yield Finding(Level.OK, "database", text)
        differences = migrate.check(url)
        yield _finding(not differences, "migrations", "current", "; ".join(differences))
    except StorageError as error:
        yield Finding(Level.FAIL, "database", str(error))


def _sizes(settings: Settings) -> Iterator[Finding]:
    from ssa_pipeline.storage.schema.table_sizes import EVENT_LOGS, database_bytes, table_sizes

    url = _running_database_url(settings)
    if url is None:
        return
    try:
        total, sizes = database_bytes(url), table_sizes(url)
    except StorageError:  # told by _database
        return
    largest = ", ".join(f"{one.name} {one.total_bytes / 1e6:,.0f} MB" for one in sizes[:_LARGEST])
    events = sum(one.total_bytes for one in sizes if one.name == EVENT_LOGS) / total
    text = f"{total / 1e6:,.0f} MB, the largest: {largest}; Dagster's event_logs are {events:.0%}"
    yield Finding(Level.OK, "database size", text)


def _ports(settings: Settings) -> Iterator[Finding]:
    subject = "UI port"
    address = state.ui_url(settings)
    if address is not None:
        yield Finding(Level.OK, subject, f"the webserver serves {address}")
        return
    wanted = settings.ui_port or state.FIRST_UI_PORT
    if host.is_port_free(wanted):
        yield Finding(Level.OK, subject, f"{wanted} is free")
    elif settings.ui_port is None:
        yield Finding(Level.OK, subject, f"{wanted} is in use, {host.next_free_port(wanted)} will be taken")
    else:
        yield Finding(Level.FAIL, subject, f"{wanted} (SSA_UI_PORT) is in use: choose another or unset it")


def _dagster(settings: Settings) -> Iterator[Finding]:
    found = state.find_services(settings)
    missing = [name for name in state.DAGSTER if name not in found]
    is_wanted = starting.is_watcher_wanted(settings)
    if not missing and is_wanted and state.WATCHER not in found:
        yield Finding(Level.WARN, "watcher", "not running, so nothing starts again what dies: ssa up")
    for line in watcher.report(settings):
        yield Finding(Level.WARN, "watcher", line)
    url = _running_database_url(settings)
    if missing or url is None:
        yield Finding(Level.WARN, "Dagster", f"{', '.join(missing) or 'database'} not running: ssa up")
        return
    try:
        text = f"{run_rows.runs_in_progress(url)} run(s) in progress"
        problem = state.daemon_silence(settings)
    except StorageError as error:
        yield Finding(Level.FAIL, "Dagster", str(error))
        return
    yield _finding(problem is None, "Dagster", f"the daemon's heart beats; {text}", f"{problem}; {text}")


def _sources(settings: Settings) -> Iterator[Finding]:
    """What automation would ask for, of every source that is set; nothing is sent."""
    from ssa_pipeline.sources import folder, space_track
    from ssa_pipeline.sources.errors import QueryError
    from ssa_pipeline.use_cases.fetch import SETTINGS, planned_queries, wanted_queries

    unset = {
        space_track.SOURCE: not settings.sources.space_track_username,
        folder.SOURCE: settings.sources.folder is None,
    }
    for source in (source for source in SETTINGS if not unset.get(source)):
        try:
            planned_queries(settings.sources, source, wanted_queries(settings.sources, source))
        except QueryError as error:
            yield Finding(Level.FAIL, "sources", f"{error} ({SETTINGS[source]}): automation cannot ask {source}")


def _alerts(settings: Settings) -> Iterator[Finding]:
    from ssa_pipeline.storage.upkeep.alerts import undelivered_alerts

    url = _running_database_url(settings)
    if url is None:
        return
    try:
        undelivered = undelivered_alerts(url)
    except (StorageError, psycopg.errors.UndefinedTable):  # told by _database
        return
    for one in undelivered:
        state = "given up" if one.next_attempt_at is None else f"tried again {one.next_attempt_at:%H:%M} UTC"
        text = f"{one.title!r} of {one.raised_at:%Y-%m-%d %H:%M} UTC was not delivered ({state}): {one.error}"
        yield Finding(Level.WARN, "alerts", text)


def _strays(settings: Settings) -> Iterator[Finding]:
    """Workers whose daemon is gone. (Locks cannot be stale: the kernel frees them with their holder.)"""
    found = processes.supervised(settings.home)
    if found and all(state.find_service(settings, name) is None for name in (state.DAEMON, state.WEBSERVER)):
        pids = ", ".join(str(one.pid) for one in found)
        yield Finding(Level.WARN, "left-over processes", f"{pids}: ssa down ends them")


def _running_database_url(settings: Settings) -> DatabaseUrl | None:
    try:
        return state.running_database_url(settings)
    except EmbeddedPostgresError:  # told by _embedded_server
        return None


def _finding(is_good: bool, subject: str, good: str, bad: str) -> Finding:
    return Finding(Level.OK, subject, good) if is_good else Finding(Level.FAIL, subject, bad)
