"""A watched folder: catalogues and tables that somebody or something else puts there. Files are read, never moved."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from ssa_pipeline.chain.releases import day_ahead
from ssa_pipeline.core.records import GP
from ssa_pipeline.messages.satcat import kind_by_columns
from ssa_pipeline.sources.errors import NotCatalogError, QueryError, TransientError
from ssa_pipeline.sources.fetching import Answer, Clock, Query, utc_now
from ssa_pipeline.sources.judge import check_content
from ssa_pipeline.sources.state import STORED, UNCHANGED, Attempt, FetchState

SOURCE = "folder"
# A file that changed this recently may still be written to. (One dated further ahead than this is not: its time was
# set, as by unpacking it.)
SETTLED = timedelta(seconds=10)
_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart")
_NEVER = datetime.max.replace(tzinfo=UTC)


class Folder:
    """The files directly in a folder. A file is read once; again when its size or time of change is another."""

    def __init__(self, path: Path, clock: Clock = utc_now, epoch_day: date | None = None) -> None:
        """``epoch_day``: the day that all its files are for; None: of each the day in its name, else that of
        reception."""
        self._path, self._clock, self._epoch_day = path, clock, epoch_day

    def queries(self) -> list[Query]:
        """One per settled file, by name; QueryError where the folder cannot be read."""
        now = self._clock().timestamp()
        try:
            files = sorted(path for path in self._path.iterdir() if path.is_file() and _is_finished(path))
            changed = {path: path.stat() for path in files}
        except OSError as error:
            raise QueryError(f"{printable(self._path)}: {(error.strerror or str(error)).lower()}") from None
        return [
            Query(SOURCE, _key(path.resolve(), s), GP, path.resolve().as_uri(), printable(path.name), _once)
            for path, s in changed.items()
            if abs(now - s.st_mtime) >= SETTLED.total_seconds()
        ]

    def get(self, query: Query, _previous: Attempt | None, _state: FetchState) -> Answer:
        """See ``fetching.Source``; NotCatalogError for a file that is none or whose name gives a day far ahead,
        TransientError for one that is gone."""
        shown, named = f"{printable(self._path)}/{query.file_name}", release_day(query.file_name)
        ahead = day_ahead(named, self._clock()) if named and self._epoch_day is None else None
        if ahead:
            raise NotCatalogError(f"{shown}: the day in its name, {ahead}: it is not stored; rename the file")
        try:
            data = Path(os.fsdecode(unquote_to_bytes(urlsplit(query.url).path))).read_bytes()
        except OSError as error:
            raise TransientError(f"{shown}: {(error.strerror or str(error)).lower()}") from None
        kind = kind_by_columns(data) or query.kind
        try:
            kind = check_content(replace(query, kind=kind), data)
        except NotCatalogError as error:
            raise NotCatalogError(str(error).removeprefix(f"{query.key}: ")) from None
        return Answer(data, query.url, self._clock(), kind=kind)


def printable(path: Path | str) -> str:
    """A path or name as text that every database and terminal takes: what is not UTF-8 in it is replaced."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def release_day(file_name: str) -> date | None:
    """The day in a file's name (``20260822`` or ``2026-08-22``); None where there is none."""
    match = re.search(r"(?<!\d)(20\d\d)(-?)([01]\d)\2([0-3]\d)(?!\d)", file_name)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def _key(path: Path, stat: os.stat_result) -> str:
    """Of one state of a file; what is not UTF-8 in its name is escaped, so that two names stay two."""
    return f"{path} {stat.st_size} {stat.st_mtime_ns}".encode("utf-8", "backslashreplace").decode()


def _once(last: Attempt | None, now: datetime) -> datetime:
    is_settled = last is not None and last.outcome in (STORED, UNCHANGED, NotCatalogError.outcome)
    return _NEVER if is_settled else now


def _is_finished(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() not in _UNFINISHED
