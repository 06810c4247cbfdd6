"""What fetching remembers between processes, in PostgreSQL: see ``sources.state.FetchState``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.sources.state import Attempt
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.rejected_records import storable

_FILE = "receipts/fetch_state.sql"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class PostgresFetchState:
    """``sources.state.FetchState`` in the database. Every call is a transaction of its own, committed when it returns;
    what ``check`` raises undoes it and is passed on."""

    url: DatabaseUrl

    def begin(
        self, query_key: str, source: str, now: datetime, check: Callable[[Attempt | None], None]
    ) -> Attempt | None:
        begun = {"query_key": query_key, "source": source, "now": now}
        with connect(self.url) as connection:
            with connection.transaction():
                connection.execute(section(_FILE, "not_ahead"), begun)
            with connection.transaction():
                connection.execute(section(_FILE, "lock"), {"name": query_key})
                row = connection.execute(section(_FILE, "attempt"), begun).fetchone()
                previous = Attempt(*row) if row else None
                check(previous)
                connection.execute(section(_FILE, "begin"), begun)
            return previous

    def finish(
        self,
        query_key: str,
        outcome: str,
        detail: str = "",
        *,
        received_at: datetime | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> None:
        ended = {"query_key": query_key, "outcome": outcome, "detail": storable(detail)}
        validators = {
            "query_key": query_key,
            "received_at": received_at,
            "etag": etag,
            "last_modified": last_modified,
        }
        with connect(self.url) as connection, connection.transaction():
            connection.execute(section(_FILE, "finish"), ended)
            if received_at is not None:
                connection.execute(section(_FILE, "keep_validators"), validators)

    def take_request(self, account: str, now: datetime, check: Callable[[list[datetime]], None]) -> None:
        with connect(self.url) as connection, connection.transaction():
            connection.execute(section(_FILE, "lock"), {"name": account})
            row = connection.execute(section(_FILE, "requests"), {"account": account}).fetchone()
            times = [min(time, now) for time in (row[0] if row else []) if time > now - _HOUR]
            check(times)
            connection.execute(section(_FILE, "keep_requests"), {"account": account, "requested_at": [*times, now]})


def read_attempts(url: DatabaseUrl, query_keys: Iterable[str]) -> dict[str, Attempt]:
    """The last attempt of each of these queries that was ever made."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "attempts"), {"query_keys": list(query_keys)})
        return {query_key: Attempt(*attempt) for query_key, *attempt in rows}
