"""What can be wrong with the database of this home."""

from __future__ import annotations


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


class ServerGoneError(EmbeddedPostgresError):
    """The server died while it was being asked."""


class DatabaseNotRunningError(RuntimeError):
    """No external database is configured and the embedded one does not run."""
