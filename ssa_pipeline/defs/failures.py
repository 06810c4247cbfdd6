"""Failures that a retry cannot cure, told in one message instead of a traceback's last line, and those that it may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from dagster import Failure, RetryRequested

from ssa_pipeline.chain.errors import PipelineError
from ssa_pipeline.dagster_internals import StepFailureData
from ssa_pipeline.local.disk import REMEDY
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.storage.errors import DatabaseUnreachableError

MAX_RETRIES = 3


def back_off_s(attempt: int) -> float:
    """Seconds to wait after attempt 0, 1, …: 5, 10, 20."""
    return 5.0 * float(2**attempt)


@contextmanager
def permanent_failures(attempt: int = 0) -> Iterator[None]:
    """Errors that name their own remedy fail the step at once and are not retried. A lost or locked database is
    transient: the step is tried again, MAX_RETRIES times with growing waits. ``attempt``: tries before this one."""
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise Failure(
            f"the disk of the database is full: {error.diag.message_primary}. {REMEDY}", allow_retries=False
        ) from error
    except (DatabaseUnreachableError, psycopg.OperationalError) as error:
        raise RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=back_off_s(attempt)) from error
    except (PipelineError, CatalogFormatError) as error:
        raise Failure(str(error), allow_retries=False) from error


def what_failed(failure: StepFailureData) -> str:
    """Our own description of a failure, or the message of the innermost error."""
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed"
