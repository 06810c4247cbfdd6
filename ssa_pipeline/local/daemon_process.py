"""Dagster's daemon, which says a thing once: its queue would log "won't launch more" every second while a run works.
Its back-fills are cut by epoch day (``backfill_runs``).

Run as a script, with the arguments of ``dagster-daemon``.
"""

from __future__ import annotations

import logging
import sys
import time

SILENCE_S = 600.0  # then a message that still holds is said again
QUEUE_LOGGER = "dagster.daemon.QueuedRunCoordinatorDaemon"


class Unrepeated(logging.Filter):
    """Lets a message pass when it is another than the last, or that was ``SILENCE_S`` ago."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""
        self._said_s = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        text, now_s = record.getMessage(), time.monotonic()
        if text == self._last and now_s - self._said_s < SILENCE_S:
            return False
        self._last, self._said_s = text, now_s
        return True


if __name__ == "__main__":
    from dagster._daemon.cli import main

    from ssa_pipeline import __version__
    from ssa_pipeline.local import backfill_runs, code_server, host, only_daemon
    from ssa_pipeline.local.dagster_home import workspace_file
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.work_version import work_version
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.upkeep.workers import Installation, note_installation

    settings = read_settings()
    url = database_url(settings)
    lock = only_daemon.OnlyDaemon(url, print)
    if not lock.take(only_daemon.PATIENCE_S):
        sys.exit(1)
    code_server.wait_where_it_is_used(settings, workspace_file(settings), sys.argv)
    lock.watch()
    note_installation(url, Installation(host.node(settings.home), __version__, work_version(settings)))
    logging.getLogger(QUEUE_LOGGER).addFilter(Unrepeated())
    backfill_runs.install()
    main()
