"""Why a source gave nothing. Every message names the query, what was answered, and what happens next."""

from __future__ import annotations

from datetime import datetime


class SourceError(Exception):
    """A source gave no catalogue. ``outcome`` is the word kept in ``raw.fetch_state``."""

    outcome = "failed"


class QueryError(SourceError):
    """A query that this program does not make, or cannot make with these settings; nothing was sent."""


class TooEarlyError(SourceError):
    """The provider's rules forbid the request before ``not_before``; nothing was sent."""

    def __init__(self, message: str, not_before: datetime) -> None:
        super().__init__(f"{message}; not before {not_before:%Y-%m-%dT%H:%M:%SZ}")
        self.not_before = not_before


class RefusedError(SourceError):
    """The provider refused (403, 404, 429, login, rate limit, …). Permanent: asking again leads to a ban, so the
    query is held until an operator has looked."""

    outcome = "refused"


class TransientError(SourceError):
    """The provider did not answer, or answered with a 5xx. Worth another attempt, at the query's usual interval."""


class NotCatalogError(SourceError):
    """The provider answered 200 with something else than what was asked for; nothing is stored."""

    outcome = "not_a_catalog"
