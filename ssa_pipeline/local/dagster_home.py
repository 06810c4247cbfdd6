"""DAGSTER_HOME below the home, and the environment in which every Dagster process of this installation runs."""

from __future__ import annotations

import os
from pathlib import Path

from ssa_pipeline.local import code_server
from ssa_pipeline.local.numba_cache import use_numba_cache
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.settings.installation import BUNDLED

WORKSPACE_FILE = BUNDLED / "workspace.yaml"
INSTANCE_FILE = BUNDLED / "dagster.yaml"


def dagster_home(settings: Settings) -> Path:
    """DAGSTER_HOME of this home (may not exist yet)."""
    return settings.home / "dagster"


def link_dagster_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME with our dagster.yaml linked in (Dagster writes beside that file), and our services'
    workspace."""
    directory = dagster_home(settings)
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / "dagster.yaml"
    if not (link.is_symlink() and link.readlink() == INSTANCE_FILE):
        fresh = link.with_name(f"dagster.yaml.{os.getpid()}")
        fresh.symlink_to(INSTANCE_FILE)
        fresh.replace(link)
    code_server.write_workspace(settings, directory)
    return directory


def workspace_file(settings: Settings) -> Path:
    """The workspace of our services; plain dagster commands use ``WORKSPACE_FILE``."""
    return dagster_home(settings) / "workspace.yaml"


def service_environment(settings: Settings, url: DatabaseUrl) -> dict[str, str]:
    """What our services need beyond the caller's own environment, the settings file among it: a service goes on with
    what it was started with."""
    return {**settings.from_file, **dagster_environment(settings, url)}


def dagster_environment(settings: Settings, url: DatabaseUrl) -> dict[str, str]:
    """What plain ``dagster`` commands need; they read the settings file themselves."""
    environment = {
        "SSA_HOME": str(settings.home),
        "SSA_THREADS": str(settings.threads),
        "SSA_MAX_RUNS": str(settings.max_runs),
        "DAGSTER_HOME": str(dagster_home(settings)),
        "SSA_DAGSTER_PG_URL": url.dagster,
        "NUMBA_CACHE_DIR": str(use_numba_cache(settings.home)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    if settings.database_url is not None:
        environment["DATABASE_URL"] = settings.database_url.url
    return environment
