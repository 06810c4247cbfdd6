"""One service: its process, what it is started with, and when it is ready."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from ssa_pipeline.local import code_server, host, processes, temporary_files
from ssa_pipeline.local.dagster_home import INSTANCE_FILE, WORKSPACE_FILE, workspace_file
from ssa_pipeline.local.services.exclusive import Say, ServiceError
from ssa_pipeline.local.services.state import (
    CODE_SERVER,
    DAEMON,
    FIRST_UI_PORT,
    NAME_VARIABLE,
    PATH_VARIABLE,
    PORT_VARIABLE,
    WATCHER,
    WEBSERVER,
    WORKER,
    address_of,
    find_service,
    log_paths,
    port_of,
    ui_url,
    with_descendants,
)
from ssa_pipeline.local.services.stopping import end
from ssa_pipeline.settings import REPOSITORY, DatabaseUrl, Settings
from ssa_pipeline.storage.upkeep import run_rows, workers

_DAEMON_SCRIPT = Path(__file__).parent.with_name("daemon_process.py")
_WEBSERVER_SCRIPT = Path(__file__).parent.with_name("webserver_process.py")
_MODULES = {WATCHER: "ssa_pipeline.local.watcher", WORKER: "ssa_pipeline.nodes.serving"}
_FINGERPRINT = "SSA_SERVICE_FINGERPRINT"
_SETTINGS = re.compile(r"(SSA|NUMBA|SPACE_TRACK)_.*|(HTTP|HTTPS|ALL|NO)_PROXY", re.IGNORECASE)
_NOT_SETTINGS = {
    NAME_VARIABLE,
    PORT_VARIABLE,
    PATH_VARIABLE,
    _FINGERPRINT,
    processes.MARK,
    "SSA_DAGSTER_PG_URL",
    "SSA_UI_PORT",
}  # looked at by themselves
_READY_TIMEOUT_S = 180.0
_UNREACHABLE = "DagsterUserCodeUnreachableError"
_RELOAD = "mutation { reloadWorkspace { __typename } }"
_LOCATIONS = """{ workspaceOrError { __typename ... on PythonError { message } ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


@dataclass(frozen=True)
class Fingerprint:
    """What a service was started with: it is restarted when the database moved or the code changed. (The settings are
    in its environment.)"""

    database: str
    code: str

    @classmethod
    def now(cls, environment: dict[str, str]) -> Fingerprint:
        """Of a service that is started now; ``environment`` as ``service_environment`` makes it."""
        code = repr((_code_state(), sys.executable))
        return cls(_digest(environment["SSA_DAGSTER_PG_URL"]), _digest(code))

    @classmethod
    def of(cls, service: psutil.Process) -> Fingerprint:
        """Of a service that runs; psutil.NoSuchProcess."""
        database, _, code = service.environ().get(_FINGERPRINT, "").partition(":")
        return cls(database, code)


def changed_settings(service: psutil.Process, environment: dict[str, str]) -> list[str]:
    """Names of settings that a service started now would see otherwise; their values may be secrets."""
    old, new = service.environ(), {**os.environ, **environment}
    names = sorted(name for name in {*old, *new} - _NOT_SETTINGS if _SETTINGS.fullmatch(name))
    return [
        name if new.get(name) else f"{name} (no longer set)"
        for name in names
        if (old.get(name) or "") != (new.get(name) or "")
    ]


def _code_state() -> list[str]:
    files = [*sorted((REPOSITORY / "ssa_pipeline").rglob("*.py")), WORKSPACE_FILE, INSTANCE_FILE]
    return [f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}" for path in files if path.exists()]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def spawn(
    settings: Settings, name: str, environment: dict[str, str], fingerprint: Fingerprint, say: Say, port: int = 0
) -> psutil.Process:
    """Start one service and return at once; its last log is kept as ``.log.1``. OSError."""
    say(f"starting the {name}")
    arguments = [sys.executable, str(_WEBSERVER_SCRIPT), "-h", host.LOOPBACK, "-p", str(port), "-l", settings.ui_path]
    if name == DAEMON:
        arguments = [sys.executable, str(_DAEMON_SCRIPT), "run"]
    elif name == CODE_SERVER:
        arguments = code_server.arguments(settings)
    elif name in _MODULES:
        arguments = [sys.executable, "-m", _MODULES[name]]
    log = log_paths(settings)[name]
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    mark = {
        NAME_VARIABLE: name,
        PORT_VARIABLE: str(port),
        PATH_VARIABLE: settings.ui_path,
        _FINGERPRINT: f"{fingerprint.database}:{fingerprint.code}",
    }
    return processes.spawn_detached(
        [*arguments, "-w", str(workspace_file(settings))] if name in (DAEMON, WEBSERVER) else arguments,
        environ={
            **os.environ,
            **environment,
            **mark,
            "TMPDIR": str(temporary_files.directory(settings.home)),
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
        },
        log=log,
        cwd=REPOSITORY,
        home=settings.home,
    )


def start_webserver(
    settings: Settings, environment: dict[str, str], fingerprint: Fingerprint, say: Say, attempts: int = 3
) -> None:
    """Start it where it does not run, or runs on another port than is asked for; returns when it answers. Another
    port is tried where the chosen one was taken meanwhile. ServiceError."""
    running = find_service(settings, WEBSERVER)
    if running is not None and settings.ui_port not in (None, port_of(running)):
        say(f"restarting the webserver on port {settings.ui_port}")
        end(with_descendants(settings, WEBSERVER))
    for attempt in range(attempts):
        running = find_service(settings, WEBSERVER)
        port = port_of(running) if running is not None else choose_ui_port(settings)
        webserver = running or spawn(settings, WEBSERVER, environment, fingerprint, say, port)
        try:
            _wait_for_ui(settings, webserver, port)
            return
        except _PortTakenError:  # by another checkout, between our look and the webserver's
            if attempt == attempts - 1:
                raise


class _PortTakenError(ServiceError):
    """The webserver died because its port had been taken."""


def choose_ui_port(settings: Settings) -> int:
    """SSA_UI_PORT, or the first that is free from FIRST_UI_PORT on; ServiceError where SSA_UI_PORT is in use."""
    wanted = settings.ui_port
    if wanted is None:
        return host.next_free_port(FIRST_UI_PORT)
    if not host.is_port_free(wanted):
        raise ServiceError(
            f"port {wanted} (SSA_UI_PORT) is in use{_user_of(wanted)}: end that program, choose another port, or unset "
            "SSA_UI_PORT to take a free one"
        )
    return wanted


def _user_of(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
            owner = processes.process(one.pid)
            return f" by {owner.name()} (process {one.pid})" if owner is not None else ""
    return ""


def _wait_for_ui(settings: Settings, webserver: psutil.Process, port: int) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if not processes.is_alive(webserver):
            tail = _log_end(settings, WEBSERVER)
            kind = _PortTakenError if "address already in use" in tail.lower() else ServiceError
            raise kind(f"the webserver ended while starting; the end of its log:\n{tail}")
        if _listens(webserver, port) and _answers(address_of(webserver)):
            return
        time.sleep(0.2)
    raise ServiceError(f"the webserver does not answer after {_READY_TIMEOUT_S:.0f} s; see `ssa logs {WEBSERVER}`")


def wait_for_daemon(settings: Settings, daemon: psutil.Process, url: DatabaseUrl, since: datetime) -> None:
    """Return when a heartbeat after ``since`` is in the database. ServiceError where it dies or stays silent."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if not processes.is_alive(daemon):
            raise ServiceError(f"the daemon ended while starting; the end of its log:\n{_log_end(settings, DAEMON)}")
        beat = run_rows.last_heartbeat(url)
        if beat is not None and beat >= since:
            return
        time.sleep(0.2)
    raise ServiceError(f"the daemon does not serve the run queue after {_READY_TIMEOUT_S:.0f} s; see `ssa logs daemon`")


def wait_for_worker(settings: Settings, worker: psutil.Process, url: DatabaseUrl) -> None:
    """Return when it has joined. ServiceError where it dies or does not join."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if not processes.is_alive(worker):
            raise ServiceError(f"the worker ended while starting; the end of its log:\n{_log_end(settings, WORKER)}")
        here = host.node(settings.home)
        if any(one.process_id == worker.pid and one.node == here for one in workers.living_workers(url)):
            return
        time.sleep(0.2)
    raise ServiceError(f"the worker has not joined after {_READY_TIMEOUT_S:.0f} s; see `ssa logs {WORKER}`")


def check_code_location(settings: Settings) -> None:
    """A UI that answers is no use where the pipeline's own code does not load: ServiceError.

    A webserver that has lost its code server does not look for the new one by itself: it is told to.
    """
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while (problem := _load_problem(settings)) is not None:
        if _UNREACHABLE not in problem or time.monotonic() > deadline:
            raise ServiceError(problem)
        time.sleep(1.0)
        _ask_ui(settings, _RELOAD)


def _load_problem(settings: Settings) -> str | None:
    workspace: dict[str, Any] = _ask_ui(settings, _LOCATIONS)["workspaceOrError"]
    if "message" in workspace:
        return f"the workspace does not load: {workspace['message']}"
    for entry in workspace["locationEntries"]:
        problem = (entry["locationOrLoadError"] or {}).get("message")
        if problem:
            return f"the code of location {entry['name']} does not load:\n{problem}"
    return None


def _ask_ui(settings: Settings, query: str) -> dict[str, Any]:
    answer = httpx.post(f"{ui_url(settings)}/graphql", json={"query": query}, timeout=60, trust_env=False)
    data: dict[str, Any] = answer.json()["data"]
    return data


def _listens(webserver: psutil.Process, port: int) -> bool:
    """Whether it is this process, not a stranger, that holds the port."""
    try:
        connections = webserver.net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    listening = [one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN and one.laddr]
    return port in listening


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/server_info", timeout=10, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _log_end(settings: Settings, name: str) -> str:
    return "\n".join(processes.log_tail(log_paths(settings)[name], lines=15))
