"""What runs of this home, by the word of the operating system; nothing here starts or ends anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from ssa_pipeline.local import host, processes
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.upkeep import run_rows, workers
from ssa_pipeline.storage.upkeep.workers import KnownWorker

CODE_SERVER = "code-server"
DAEMON = "daemon"
WEBSERVER = "webserver"
POSTGRES = "postgres"
WATCHER = "watcher"
WORKER = "worker"
DAGSTER = (CODE_SERVER, DAEMON, WEBSERVER, WORKER)  # in the order of their start
FIRST_UI_PORT = 3000
NAME_VARIABLE = "SSA_SERVICE"
PORT_VARIABLE = "SSA_SERVICE_PORT"
PATH_VARIABLE = "SSA_SERVICE_PATH"


@dataclass(frozen=True)
class ServiceStatus:
    """One service: ``pid`` None when it does not run; memory of it and its children in bytes."""

    name: str
    pid: int | None
    address: str
    started_at: float | None
    memory_bytes: int
    log: Path | None


def find_services(settings: Settings) -> dict[str, psutil.Process]:
    """The living processes of this home's services but PostgreSQL, by name, in one look at all processes."""
    found: dict[str, psutil.Process] = {}
    for one in processes.supervised(settings.home):
        try:
            name = one.environ().get(NAME_VARIABLE)
            if name and Path(one.exe()).name.startswith("python") and os.getsid(one.pid) == one.pid:
                found.setdefault(name, one)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
            continue
    return found


def find_service(settings: Settings, name: str) -> psutil.Process | None:
    """The living process of a service of this home, or None."""
    return find_services(settings).get(name)


def with_descendants(settings: Settings, name: str) -> list[psutil.Process]:
    """A service and what it started: a worker's slots."""
    return [one for one in processes.supervised(settings.home) if one.environ().get(NAME_VARIABLE) == name]


def missing(settings: Settings) -> list[str]:
    """Services that `ssa up` started and that are dead."""
    is_database_dead = settings.database_url is None and not embedded_server(settings).is_running()
    found = find_services(settings)
    return [POSTGRES] * is_database_dead + [name for name in DAGSTER if name not in found]


def running_database_url(settings: Settings) -> DatabaseUrl | None:
    """The external database where one is set (running or not), the embedded one's where it runs, else None."""
    if settings.database_url is not None:
        return settings.database_url
    server = embedded_server(settings)
    return server.url if server.is_running() else None


def log_paths(settings: Settings) -> dict[str, Path]:
    """Service name -> its log file, for the services of this home (files may not exist yet)."""
    paths = {}
    server = embedded_server(settings)
    if settings.database_url is None and server.exists():
        paths[POSTGRES] = server.log_path
    return paths | {name: settings.home / "log" / f"{name}.log" for name in (*DAGSTER, WATCHER)}


def ui_url(settings: Settings) -> str | None:
    """Address of the running Dagster webserver of this home, or None."""
    webserver = find_service(settings, WEBSERVER)
    return address_of(webserver) if webserver is not None else None


def ui_port(settings: Settings) -> int | None:
    """The port of the running webserver, or None."""
    webserver = find_service(settings, WEBSERVER)
    return None if webserver is None else port_of(webserver)


def port_given() -> int | None:
    """The port with which this process, a service, was started; None where it was none."""
    return int(os.environ.get(PORT_VARIABLE, "0")) or None


def is_daemon_dead(settings: Settings) -> bool:
    """Whether the daemon ran on this machine, as its log shows, and does not now. False where that cannot be told: a
    monitor may look at the same database from another machine, or as a user who may not look at our processes."""
    log = log_paths(settings)[DAEMON]
    try:
        is_visible = os.geteuid() in {0, log.stat().st_uid}
    except OSError:
        return False
    return is_visible and find_service(settings, DAEMON) is None


def daemon_silence(settings: Settings) -> str | None:
    """What is wrong where the daemon's process lives and a part of it does nothing, as its heartbeats in the database
    tell; None where all is well or nothing can be told (no daemon, no database). StorageError."""
    daemon, url = find_service(settings, DAEMON), running_database_url(settings)
    if daemon is None or url is None:
        return None
    since = datetime.fromtimestamp(daemon.create_time(), UTC)
    silent = run_rows.silent_parts(url, datetime.now(UTC), since)
    if not silent:
        return None
    return (
        f"the daemon is silent ({run_rows.describe_silence(silent)}): see `ssa logs daemon`, then ssa down and ssa up"
    )


def other_workers(settings: Settings) -> list[KnownWorker]:
    """Workers of the database besides this installation's own; none where the database cannot be asked, or is older."""
    url = running_database_url(settings)
    if url is None:
        return []
    own = find_service(settings, WORKER)
    here = (host.node(settings.home), own.pid if own is not None else None)
    try:
        return [one for one in workers.living_workers(url) if (one.node, one.process_id) != here]
    except (StorageError, psycopg.Error):
        return []


def status(settings: Settings) -> list[ServiceStatus]:
    """All services in the order of their start; quick, asks only the operating system."""
    logs = log_paths(settings)
    found = [_database_status(settings, logs.get(POSTGRES))]
    living = find_services(settings)
    return found + [_status(name, living.get(name), logs[name]) for name in (*DAGSTER, WATCHER)]


def port_of(webserver: psutil.Process) -> int:
    """With which it was started; psutil.NoSuchProcess."""
    return int(webserver.environ()[PORT_VARIABLE])


def address_of(webserver: psutil.Process) -> str:
    """``http://127.0.0.1:3000``, with SSA_UI_PATH; psutil.NoSuchProcess."""
    return f"http://{host.LOOPBACK}:{port_of(webserver)}{webserver.environ().get(PATH_VARIABLE, '')}"


def _database_status(settings: Settings, log: Path | None) -> ServiceStatus:
    if settings.database_url is not None:
        return ServiceStatus("database", None, settings.database_url.without_password, None, 0, None)
    server = embedded_server(settings)
    postmaster = server.postmaster()
    return _status(POSTGRES, postmaster, log, server.url.without_password if postmaster else "")


def _status(name: str, process: psutil.Process | None, log: Path | None, address: str = "") -> ServiceStatus:
    if process is None:
        return ServiceStatus(name, None, "", None, 0, log)
    try:
        address = address_of(process) if name == WEBSERVER else address
        # what the watcher started is its child, and counted by itself
        family = [process] if name == WATCHER else [process, *process.children(recursive=True)]
        return ServiceStatus(name, process.pid, address, process.create_time(), sum(map(_memory, family)), log)
    except psutil.NoSuchProcess:
        return ServiceStatus(name, None, "", None, 0, log)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
