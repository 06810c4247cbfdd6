"""Progress out of and cancellation into a computation that knows nothing of Dagster."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dagster import DagsterExecutionInterruptedError, DagsterLogManager, InitLoggerContext, logger

from ssa_pipeline.chain.progress_message import Progress
from ssa_pipeline.core.watch import Cancelled, Watch
from ssa_pipeline.dagster_internals import capture_interrupts, check_captured_interrupt

PROGRESS_LOGGER = "progress"
SECONDS_BETWEEN_MESSAGES = 2.0  # every message is a row of Dagster's event log


@dataclass
class _Reporter:
    log: DagsterLogManager
    partition: str
    last_s: float = field(default_factory=time.monotonic)

    def __call__(self, stage: str, fraction: float) -> None:
        now_s = time.monotonic()
        if now_s - self.last_s >= SECONDS_BETWEEN_MESSAGES:
            self.last_s = now_s
            self.log.info(str(Progress(self.partition, stage, round(100 * fraction))))


@contextmanager
def watching(log: DagsterLogManager, partition: str) -> Iterator[Watch]:
    """A Watch for one computation in the main thread of a run.

    Dagster cancels by SIGINT. Raised in the middle of a thread pool it would be noticed only when the pool is
    done, so here it is recorded, every thread sees it through ``should_stop``, and it is raised at the end.
    """
    with capture_interrupts():
        try:
            yield Watch(progress=_Reporter(log, partition), should_stop=check_captured_interrupt)
        except Cancelled:
            raise DagsterExecutionInterruptedError from None
        if check_captured_interrupt():
            raise DagsterExecutionInterruptedError


class _Message(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Dagster puts job and run before every message; the one as logged is kept beside it.
        return str(getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage()))


@logger({}, description="Messages of progress on standard error.")
def progress_logger(_: InitLoggerContext) -> logging.Logger:
    """What a run in the foreground prints. Failures are told once, at its end, without the traces that Dagster's own
    console logger prints (the run's event log keeps them)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Message())
    handler.addFilter(lambda record: record.levelno in (logging.INFO, logging.WARNING))
    made = logging.Logger("ssa_pipeline.run", logging.INFO)
    made.addHandler(handler)
    return made
