"""Dagster's daemon, which says a thing once: its queue would log "won't launch more" every second while a run works.
Its back-fills are cut by epoch day (``backfill_runs``).

Run as a script, with the arguments of ``dagster-daemon``.
"""

from __future__ import annotations

import logging
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

    from ssa_pipeline.local import backfill_runs

    logging.getLogger(QUEUE_LOGGER).addFilter(Unrepeated())
    backfill_runs.install()
    main()
