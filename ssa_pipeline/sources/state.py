"""What a source must remember between processes. ``storage.receipts.fetch_state`` keeps it in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

STARTED, STORED, UNCHANGED = "started", "stored", "unchanged"


@dataclass(frozen=True)
class Attempt:
    """The last attempt of one query. Times are aware; ``outcome`` is STARTED where a process died on the way."""

    attempted_at: datetime
    outcome: str
    detail: str  # message of the error; of UNCHANGED, why the content may be older than the provider's; else empty
    received_at: datetime | None  # of the newest content: the time of its receipt in storage
    etag: str | None  # validators of that content
    last_modified: str | None


class FetchState(Protocol):
    """The times of attempts, committed before a request is sent: a restart cannot ask twice."""

    def begin(
        self, query_key: str, source: str, now: datetime, check: Callable[[Attempt | None], None]
    ) -> Attempt | None:
        """Record an attempt and return the one before it. ``check`` sees that one and raises where a new one is not
        allowed: then nothing is recorded. No other process can come between.

        An earlier attempt with a time later than ``now`` was recorded while the clock was ahead. It is kept as if made
        now: so its interval is waited for, but not until that time has come.
        """
        ...

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
        """Record how the attempt ended. The validators replace the old ones where ``received_at`` is given."""
        ...

    def take_request(self, account: str, now: datetime, check: Callable[[list[datetime]], None]) -> None:
        """Record a request of an account. ``check`` sees the times of its requests within the last hour, oldest
        first, and raises where another one is not allowed."""
        ...
