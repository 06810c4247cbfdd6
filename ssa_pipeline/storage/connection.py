"""Connections to PostgreSQL: always UTC and READ COMMITTED, whatever the database's defaults, always with a name, never
waiting for ever."""

from __future__ import annotations

import psycopg

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.errors import DatabaseUnreachableError

CONNECT_TIMEOUT_S = 10


def connect(url: DatabaseUrl) -> psycopg.Connection:
    """An autocommit connection (transactions are opened where they are needed); DatabaseUnreachableError."""
    try:
        return psycopg.connect(
            url.psycopg,
            autocommit=True,
            prepare_threshold=None,  # prepared statements do not survive a transaction pooler
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="ssa-pipeline",
            # who waited for a lock must see what its holder wrote
            options=r"-c timezone=UTC -c default_transaction_isolation=read\ committed",
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise DatabaseUnreachableError(
            f"no connection to {url.without_password}: {reason}. `ssa status` says whether the server runs."
        ) from None
