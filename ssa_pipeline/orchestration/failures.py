"""Failures that a retry cannot cure, told in one message instead of a traceback's last line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from dagster import Failure

from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.storage.errors import StorageError


class NoSnapshotError(LookupError):
    """A day for which nothing was received."""

    def __init__(self, epoch_day: date) -> None:
        super().__init__(f"nothing was received on {epoch_day}: `ssa ingest FILE --epoch-day {epoch_day}` first")


@contextmanager
def permanent_failures() -> Iterator[None]:
    """Errors that name their own remedy fail the step at once and are not retried."""
    try:
        yield
    except (StorageError, CatalogFormatError, NoSnapshotError) as error:
        raise Failure(str(error), allow_retries=False) from error
