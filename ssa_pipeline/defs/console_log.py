"""What a run in the foreground prints: its messages of progress. Failures are told once, at the end, without the
traces that Dagster's own console logger prints (the run's event log keeps them)."""

from __future__ import annotations

import logging
import sys

from dagster import InitLoggerContext, logger

PROGRESS_LOGGER = "progress"


class _Message(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Dagster puts job and run before every message; the one as logged is kept beside it.
        return str(getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage()))


@logger({}, description="Messages of progress on standard error.")
def progress_logger(_: InitLoggerContext) -> logging.Logger:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Message())
    handler.addFilter(lambda record: record.levelno in (logging.INFO, logging.WARNING))
    made = logging.Logger("ssa_pipeline.run", logging.INFO)
    made.addHandler(handler)
    return made
