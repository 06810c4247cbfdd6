"""A worker from its settings to its end; also the program of the service that `ssa up` starts."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.local.host import memory_bytes
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.nodes.joining import JoinError, this_worker
from ssa_pipeline.nodes.worker import Manner, NodeWorker, Say
from ssa_pipeline.settings import DatabaseUrl, Settings, SettingsError, read_settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.upkeep.workers import Worker


def serve(settings: Settings, url: DatabaseUrl, me: Worker, say: Say) -> None:
    """Work until SIGTERM or SIGINT. Slots get their own environment, so that a worker needs no shared file system."""
    link_dagster_home(settings)
    environment = {
        **os.environ,
        **service_environment(settings, url),
        "SSA_THREADS": str(me.threads_per_run),
        "PYTHONSAFEPATH": "1",  # a slot is of this package, wherever the worker was called
    }
    manner = Manner(settings.workers.heartbeat_s, settings.home, most_memory_bytes=0.5 * memory_bytes() / me.n_slots)

    def safely(text: str) -> None:
        with suppress(OSError):  # a full disk must not end what it is told of
            say(text)

    asyncio.run(NodeWorker(url, me, environment, manner, safely).run())


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {text}", flush=True)


def main() -> int:
    """The service: this installation's worker, SSA_MAX_RUNS slots, every queue."""
    try:
        settings = read_settings()
        url = database_url(settings)
        serve(settings, url, this_worker(settings, url), _say)
    except (JoinError, SettingsError, StorageError, EmbeddedPostgresError, OSError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
