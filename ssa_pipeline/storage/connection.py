"""Connections to PostgreSQL: always UTC and READ COMMITTED, whatever the database's defaults, always with a name, never
waiting for ever."""

from __future__ import annotations

import psycopg

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.errors import DatabaseUnreachableError

CONNECT_TIMEOUT_S = 10
# who waited for a lock must see what its holder wrote
_OPTIONS = r"-c timezone=UTC -c default_transaction_isolation=read\ committed"
_NO_OPTIONS = "unsupported startup parameter"  # as PgBouncer says it


def connect(url: DatabaseUrl) -> psycopg.Connection:
    """An autocommit connection (transactions are opened where they are needed); DatabaseUnreachableError.

    A transaction pooler (PgBouncer) takes no options: the time zone is then set by a statement, which it keeps for this
    client, and every transaction names its isolation. Nothing of ours lives in a session for longer."""
    try:
        try:
            return _connected(url.with_options(_OPTIONS))
        except psycopg.OperationalError as error:
            if _NO_OPTIONS not in str(error):
                raise
        connection = _connected(url.psycopg)
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection.execute("SET timezone = 'UTC'")
        return connection
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise DatabaseUnreachableError(
            f"no connection to {url.without_password}: {reason}. `ssa status` says whether the server runs."
        ) from None


def _connected(address: str) -> psycopg.Connection:
    return psycopg.connect(
        address,
        autocommit=True,
        prepare_threshold=None,  # prepared statements do not survive a transaction pooler
        connect_timeout=CONNECT_TIMEOUT_S,
        # a line that is gone without a word is noticed
        tcp_user_timeout=15_000,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        application_name="ssa-pipeline",
    )
