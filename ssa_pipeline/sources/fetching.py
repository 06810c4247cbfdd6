"""One fetch of one query: may we ask, ask, is the answer what was asked for, keep it. The order makes it safe to die
anywhere: the attempt is recorded before the request, the content before its validators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from ssa_pipeline.sources.errors import RefusedError, SourceError, TooEarlyError
from ssa_pipeline.sources.state import STORED, UNCHANGED, Attempt, FetchState

Clock = Callable[[], datetime]
Rule = Callable[[Attempt | None, datetime], datetime]  # (last attempt, now) -> when the next one may be made

NOT_MODIFIED = 304


def utc_now() -> datetime:
    """The clock of production; tests inject another."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Query:
    """Something to ask a source for."""

    source: str  # celestrak, space-track, folder
    key: str  # identity for the provider's rules: spellings of one query share it
    kind: str  # GP, SATCAT, …: what the bytes are
    url: str
    file_name: str
    earliest: Rule
    accept_bad_checksums: bool = False  # of TLE, see SSA_ACCEPT_BAD_CHECKSUMS


@dataclass(frozen=True)
class Answer:
    """Bytes of a query as received (a transfer encoding undone), already judged to be what was asked for."""

    data: bytes
    url: str
    received_at: datetime
    http_status: int | None = None  # None: no HTTP
    headers: dict[str, str] = field(default_factory=dict)  # without cookies and credentials
    etag: str | None = None
    last_modified: str | None = None
    kind: str = ""  # what the bytes turned out to be, where the query does not say it


@dataclass(frozen=True)
class Unchanged:
    """A provider's word that it has nothing newer than what it gave."""

    url: str
    received_at: datetime
    http_status: int  # 304: nothing newer than what our validators name; else: than what it sent last


class Kept(NamedTuple):
    """``is_new`` is False where the day has these bytes already; ``received_at``: when the day received them."""

    is_new: bool
    received_at: datetime


class Source(Protocol):
    """A provider of catalogues."""

    def get(self, query: Query, previous: Attempt | None, state: FetchState) -> Answer | Unchanged:
        """The answer, or that it has not changed since ``previous``; a SourceError."""
        ...


class Keeper(Protocol):
    """Stores answers, as received."""

    def keep(self, query: Query, answer: Answer) -> Kept: ...

    def keep_again(self, query: Query, received_at: datetime, unchanged: Unchanged) -> bool:
        """Let what was received at ``received_at`` count as received now too; whether that is new for the day."""
        ...


def fetch(
    source: Source,
    query: Query,
    state: FetchState,
    keeper: Keeper,
    clock: Clock = utc_now,
    *,
    after_refusal: bool = False,
) -> bool:
    """Ask once and keep the answer; True where the day has a new receipt of it, False where it has it already.

    What has not changed is kept again: the first answer of a day that says so makes it the day's release
    (docs/decisions/0020). ``after_refusal``: an operator has looked at why the provider refused.
    TooEarlyError (nothing sent), RefusedError, TransientError, NotCatalogError (nothing stored).
    """
    now = clock()
    previous = state.begin(query.key, query.source, now, lambda last: _check(query, last, now, after_refusal))
    try:
        answer = source.get(query, previous, state)
    except SourceError as error:
        state.finish(query.key, error.outcome, str(error))
        raise
    except BaseException as error:
        state.finish(query.key, SourceError.outcome, type(error).__name__)
        raise
    if isinstance(answer, Unchanged):
        doubt = _doubt(previous, answer)
        received_at = previous.received_at if previous and not doubt else None
        is_new = received_at is not None and keeper.keep_again(query, received_at, answer)
        state.finish(query.key, UNCHANGED, doubt)
        return is_new
    kept = keeper.keep(query, answer)
    state.finish(
        query.key,
        STORED,
        received_at=kept.received_at,
        etag=answer.etag,
        last_modified=answer.last_modified,
    )
    return kept.is_new


def _doubt(previous: Attempt | None, answer: Unchanged) -> str:
    """Why what is stored may be older than what the provider sent last; empty where it is that."""
    if answer.http_status == NOT_MODIFIED or previous is None:
        return ""
    if previous.outcome in (STORED, UNCHANGED):
        return previous.detail
    return f"no change since a download that may not have arrived here ({previous.outcome}: {previous.detail})"


def _check(query: Query, last: Attempt | None, now: datetime, after_refusal: bool) -> None:
    if last and last.outcome == RefusedError.outcome and not after_refusal:
        raise RefusedError(
            f"{query.key} was refused at {last.attempted_at:%Y-%m-%dT%H:%M:%SZ} and is not asked again "
            f"({last.detail}). When the cause is gone: `ssa fetch … --after-refusal`"
        )
    not_before = query.earliest(last, now)
    if now < not_before:
        since = f", last asked at {last.attempted_at:%Y-%m-%dT%H:%M:%SZ}" if last else ""
        raise TooEarlyError(f"{query.key}: too early for the provider's rules{since}", not_before)


def at_most_every(interval: timedelta) -> Rule:
    """The rule "not within ``interval`` of the last attempt"."""
    return lambda last, now: now if last is None else last.attempted_at + interval
