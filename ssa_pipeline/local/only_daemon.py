"""One daemon for a database: a lock of its server says whose turn it is, on whatever host.

A connection is held open for it. Where that is lost the lock is taken again as soon as the server answers; a daemon
that finds it taken by another then ends.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import psycopg

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import StorageError

LOCK = 7_263_180_112  # advisory lock of the daemon: any fixed number
POLL_S = 5.0
PATIENCE_S = 30.0  # the server may be starting, or still hold the lock of a daemon that was killed
_NOTICE_A_DEAD_HOST = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
TAKEN = (
    "another daemon drives this database ({who}): two would start runs twice. End it there (`ssa down`), or set "
    "DATABASE_URL to another database here"
)


class OnlyDaemon:
    """``take``, then ``watch``: both say what hinders in ``say``."""

    def __init__(self, url: DatabaseUrl, say: Callable[[str], None]) -> None:
        self._url = url
        self._say = say
        self._connection: psycopg.Connection | None = None

    def take(self, patience_s: float) -> bool:
        """Whether the lock was had within ``patience_s``."""
        deadline = time.monotonic() + patience_s
        trouble = ""
        while True:
            try:
                if self._try():
                    return True
                trouble = TAKEN.format(who=self._holder())
            except (psycopg.Error, StorageError) as error:
                trouble = str(error).splitlines()[0]
            if time.monotonic() >= deadline:
                self._say(trouble)
                return False
            time.sleep(1.0)

    def watch(self) -> None:
        """In a thread: end this process where another has taken the lock while the connection was away."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(POLL_S)
            try:
                if self._connection is not None and not self._connection.closed:
                    self._connection.execute("SELECT 1")
                    continue
            except psycopg.Error:
                self._connection = None
            try:
                if not self._try() and not self.take(2 * POLL_S):
                    os.kill(os.getpid(), signal.SIGTERM)
                    return
            except (psycopg.Error, StorageError):
                continue  # the server is away: nobody else has the lock either

    def _try(self) -> bool:
        connection = connect(self._url)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row == (True,):
            connection.execute(_NOTICE_A_DEAD_HOST)
            self._connection = connection
            return True
        connection.close()
        return False

    def _holder(self) -> str:
        with connect(self._url) as connection:
            return _holder(connection) or "which is just ending"


def driver_elsewhere(url: DatabaseUrl) -> str | None:
    """Whose daemon drives this database now, in words; None where none does."""
    with connect(url) as connection:
        return _holder(connection)


def _holder(connection: psycopg.Connection) -> str | None:
    row = connection.execute(
        "SELECT coalesce(host(a.client_addr), 'this host'), a.backend_start"
        " FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32) + l.objid::bigint = %s"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        [LOCK],
    ).fetchone()
    if row is None:
        return None
    return f"from {row[0]}" + (f", since {row[1]:%Y-%m-%d %H:%M} UTC" if row[1] else "")
