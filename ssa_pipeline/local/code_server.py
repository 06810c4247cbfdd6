"""The process that loads the pipeline's definitions for daemon and webserver: one for both, at a socket of this home.

Left to themselves each would start one of its own, and the daemon a new one every minute.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ssa_pipeline.local import temporary_files
from ssa_pipeline.settings import Settings

DEFINITIONS = "ssa_pipeline.definitions"
LOCATION = "ssa"  # as in workspace.yaml, which plain dagster commands use
_PATIENCE_S = 180.0


def socket_path(settings: Settings) -> Path:
    return temporary_files.directory(settings.home) / "code.sock"


def arguments(settings: Settings) -> list[str]:
    """Its command. Code that does not load is told by whoever asks it."""
    options = ["--socket", str(socket_path(settings)), "--module-name", DEFINITIONS, "--location-name", LOCATION]
    return [sys.executable, "-m", "dagster", "code-server", "start", *options]


def write_workspace(settings: Settings, directory: Path) -> Path:
    """The workspace of daemon and webserver, in ``directory``."""
    path = directory / "workspace.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      socket: {socket_path(settings)}\n      location_name: {LOCATION}\n"
    )
    return path


def wait_where_it_is_used(settings: Settings, workspace: Path, arguments: Sequence[str]) -> None:
    """Daemon and webserver call it with their arguments, when they have loaded everything else. SystemExit where the
    code server of our ``workspace`` does not come."""
    if str(workspace) in arguments and not _comes(settings):
        sys.exit("the code server does not answer: see `ssa logs code-server`")


def _comes(settings: Settings, patience_s: float = _PATIENCE_S) -> bool:
    deadline = time.monotonic() + patience_s
    while not _is_listening(settings):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _is_listening(settings: Settings) -> bool:
    """Whether something answers at the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_path(settings)))
        except OSError:
            return False
    return True
