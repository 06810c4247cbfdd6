"""One fetch with everything in place: settings, HTTP client, the state in PostgreSQL, storage of what came. Called by
``ssa fetch`` and by jobs; the rules are in ``sources``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ssa_pipeline.chain.releases import day_ahead
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.settings import DatabaseUrl, SourceSettings
from ssa_pipeline.sources import celestrak, folder, space_track
from ssa_pipeline.sources.celestrak import CelesTrak
from ssa_pipeline.sources.errors import QueryError, SourceError, TooEarlyError
from ssa_pipeline.sources.fetching import Answer, Clock, Kept, Query, Source, Unchanged, fetch, utc_now
from ssa_pipeline.sources.folder import Folder, release_day
from ssa_pipeline.sources.http import open_client
from ssa_pipeline.sources.space_track import SpaceTrack
from ssa_pipeline.storage.receipts.fetch_state import PostgresFetchState
from ssa_pipeline.storage.receipts.satcat import KINDS as TABLES
from ssa_pipeline.storage.receipts.snapshots import Provenance, read_received, store_snapshot
from ssa_pipeline.use_cases.receive import receive_table

_NOT_STORED = "the provider has nothing newer than what it sent last, but that is not stored here as a whole"
SOURCES = (celestrak.SOURCE, space_track.SOURCE, folder.SOURCE)
# What automation asks each for.
SETTINGS = {
    celestrak.SOURCE: "SSA_CELESTRAK_QUERIES",
    space_track.SOURCE: "SSA_SPACE_TRACK_QUERIES",
    folder.SOURCE: "SSA_WATCHED_FOLDER",
}


@dataclass(frozen=True)
class Fetched:
    """How one query ended. Where something came, it has ``epoch_day`` and ``byte_count``; where the source failed,
    ``error``; where it has nothing new, none of these. ``lack``: why what came is not used, or why there is nothing."""

    query: Query
    is_new: bool = False
    epoch_day: date | None = None
    byte_count: int = 0
    error: SourceError | None = None
    lack: str = ""


def fetch_release(
    database: DatabaseUrl,
    settings: SourceSettings,
    source: str,
    queries: list[str],
    *,
    epoch_day: date | None = None,
    clock: Clock = utc_now,
    after_refusal: bool = False,
) -> list[Fetched]:
    """Make queries of a source one after the other in one session and store what comes, as received.

    ``queries``: see ``CelesTrak.query`` and ``SpaceTrack.query``; empty for the default. A folder has none: all its new
    files are read. ``epoch_day``: the day the release is for; without it the day in a file's name, else the UTC day of
    reception. A query that gives nothing does not stop the others. QueryError where one of them cannot be made: then
    nothing is asked at all.
    """
    state = PostgresFetchState(database)
    ahead = day_ahead(epoch_day, clock()) if epoch_day else None
    if ahead:
        raise QueryError(f"the day {ahead}: nothing is received for it")
    with _opened(settings, source, queries, clock, after_refusal, epoch_day) as (opened, asked):
        results = []
        for query in (replace(one, accept_bad_checksums=source in settings.accept_bad_checksums) for one in asked):
            keeper = _Keeper(database, epoch_day)
            try:
                is_new = fetch(opened, query, state, keeper, clock, after_refusal=after_refusal)
            except TooEarlyError as error:
                results.append(Fetched(query, error=None if source == folder.SOURCE else error))
            except SourceError as error:
                results.append(Fetched(query, error=error))
            else:
                lack = keeper.lack if keeper.day else _NOT_STORED
                results.append(Fetched(query, is_new, keeper.day, keeper.byte_count, lack=lack))
        return results


def wanted_queries(settings: SourceSettings, source: str) -> list[str]:
    """What automation asks a source for, in the words of ``ssa fetch``; of a folder none."""
    wanted = {celestrak.SOURCE: settings.celestrak_queries, space_track.SOURCE: settings.space_track_queries}
    return list(wanted.get(source, ()))


def planned_queries(settings: SourceSettings, source: str, texts: list[str]) -> list[Query]:
    """What ``fetch_release`` would ask for, nothing sent; of a folder, its settled files. QueryError."""
    with _opened(settings, source, texts, utc_now, after_refusal=False) as (_, asked):
        return asked


@dataclass
class _Keeper:
    database: DatabaseUrl
    wanted_day: date | None
    day: date | None = None
    byte_count: int = 0
    lack: str = ""

    def keep(self, query: Query, answer: Answer) -> Kept:
        named = release_day(query.file_name) if query.source == folder.SOURCE else None
        kind = answer.kind or query.kind
        day = self.wanted_day or named or answer.received_at.date()
        receipt: dict[str, Any] = {
            "file_name": query.file_name,
            "source": query.source,
            "epoch_day": day,
            "received_at": answer.received_at,
            "provenance": Provenance(
                answer.url, answer.headers or None, answer.etag, answer.last_modified, answer.http_status
            ),
        }
        if kind in TABLES:
            table = parse_table(answer.data, query.file_name)
            stored, self.lack = receive_table(self.database, answer.data, table, **receipt)
        else:
            accept = query.accept_bad_checksums
            stored = store_snapshot(self.database, answer.data, kind=kind, accept_bad_checksums=accept, **receipt)
            if stored.kind != kind:
                self.lack = f"was stored before for {day} as {stored.kind}, and stays that; it is not used as {kind}"
        self.day, self.byte_count = day, len(answer.data)
        return Kept(stored.is_new, stored.received_at)

    def keep_again(self, query: Query, received_at: datetime, unchanged: Unchanged) -> bool:
        data = read_received(self.database, received_at, query.kind, query.source, query.file_name)
        if data is None:
            return False
        answer = Answer(data, unchanged.url, unchanged.received_at, unchanged.http_status)
        return self.keep(query, answer).is_new


@contextmanager
def _opened(
    settings: SourceSettings,
    source: str,
    queries: list[str],
    clock: Clock,
    after_refusal: bool,
    epoch_day: date | None = None,
) -> Iterator[tuple[Source, list[Query]]]:
    if source == folder.SOURCE:
        if queries:
            raise QueryError("a folder has no queries: all its files are read")
        opened = Folder(_folder(settings.folder), clock, epoch_day)
        yield opened, opened.queries()
        return
    with open_client(settings.http) as client:
        if source == celestrak.SOURCE:
            site = CelesTrak(client, settings, clock)
            yield site, _asked(site.query, queries, celestrak.DEFAULT_QUERY)
        elif source == space_track.SOURCE:
            session = SpaceTrack(client, settings, clock, after_refusal=after_refusal)
            yield session, _asked(session.query, queries, space_track.DEFAULT_QUERY)
        else:
            raise QueryError(f"{source!r} is no source: {', '.join(SOURCES)}")


def _asked(query: Callable[[str], Query], texts: list[str], default: str) -> list[Query]:
    return [query(text) for text in texts or [default]]


def _folder(path: Path | None) -> Path:
    if path is None:
        raise QueryError("which folder? Give --base-url, or set SSA_WATCHED_FOLDER")
    return path
