"""Errors of the storage layer. Every message names the rule, the value, and what to do."""

from __future__ import annotations

from ssa_pipeline.chain.errors import PipelineError


class StorageError(PipelineError):
    """Something about the stored data forbids what was asked; the message says what to do."""


class StaleTokenError(StorageError):
    """A newer attempt owns the slice; the older one must not overwrite it."""


class SliceMissingError(StorageError):
    """A slice that was never computed (an empty slice is an answer and is not missing)."""


class SliceExpiredError(StorageError):
    """A slice that was computed and has been dropped by retention."""


class SliceDamagedError(StorageError):
    """A slice of which not the rows are there that were written."""


class InputVersionError(StorageError):
    """The inputs of a slice do not belong together: one was replaced after another was computed from it."""


class ChunkFormatError(StorageError):
    """Ephemeris chunks of another format version than this program reads."""


class SchemaError(StorageError):
    """The database's tables are not those of this program."""


class MissingRightsError(StorageError):
    """The database user may not do what a migration needs; the message holds the SQL for an administrator."""


class DatabaseUnreachableError(StorageError):
    """No connection to the database."""
