"""Replaceable slices: who may write one, what was written when from which inputs, and the values themselves.

A write replaces a slice in ONE transaction on one connection: lock the slice's claim, compare the token, check the
inputs, append the log row, delete, binary COPY. A token is taken when a run starts; the newest owns the slice, so a
run that was given up cannot overwrite its successor. Readers see the old slice or the new one, never a mixture:
version and rows are read in one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ssa_pipeline.core.records import EphemerisChunks, Int64
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage import (
    clean_catalog,
    conjunction_candidates,
    ephemeris_chunks,
    raw_tle_snapshots,
    refined_events,
)
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.content_hash import content_hash
from ssa_pipeline.storage.errors import (
    ChunkFormatError,
    InputVersionError,
    SliceExpiredError,
    SliceMissingError,
    StaleTokenError,
    StorageError,
)
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.partitions import ensure_partitions
from ssa_pipeline.storage.slice_key import SliceKey

__all__ = [
    "ChunkFormatError",
    "InputVersionError",
    "SliceExpiredError",
    "SliceKey",
    "SliceMissingError",
    "SliceStore",
    "SliceVersion",
    "StaleTokenError",
    "StorageError",
]

T = TypeVar("T")

DAILY_ASSETS = (raw_tle_snapshots.ASSET, clean_catalog.ASSET)
# In the order of the chain: claims are locked in it, so that writers cannot wait for each other in a circle.
CODECS: dict[str, ModuleType] = {
    codec.ASSET: codec
    for codec in (raw_tle_snapshots, clean_catalog, ephemeris_chunks, conjunction_candidates, refined_events)
}


@dataclass(frozen=True)
class SliceVersion:
    """One row of the slice log."""

    log_id: int
    key: SliceKey
    run_id: str
    token: int
    code_version: str
    input_versions: dict[str, int]
    row_count: int
    byte_count: int
    content_hash: str
    metadata: dict[str, Any]
    written_at: datetime
    expired_at: datetime | None


def _no_step(_: str) -> None:
    return None


class SliceStore:
    """Reads and writes slices over one connection, opened when first needed and again when it was lost. One store
    serves one thread. ``on_step`` is told each step of a write (tests interrupt there)."""

    def __init__(self, url: DatabaseUrl, *, on_step: Callable[[str], None] = _no_step) -> None:
        self._url = url
        self._on_step = on_step
        self._open: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def take_token(self, key: SliceKey, run_id: str) -> int:
        """Make ``run_id`` the owner of a slice; the former owner's writes fail from now on."""
        row = _one(self._connection(), "take_token", {**_spelled(key), "run_id": run_id})
        return int(row["token"])

    def write(
        self,
        key: SliceKey,
        value: Any,
        *,
        token: int,
        run_id: str,
        code_version: str,
        inputs: dict[str, int],
        metadata: dict[str, Any] | None = None,
    ) -> SliceVersion:
        """Replace a slice, whole or not at all. ``inputs``: upstream asset -> log_id of the slice that was read.

        StaleTokenError where another run owns the slice by now, InputVersionError where the inputs do not belong
        together, ChunkFormatError for chunks of another format, ValueError for a value of another partition.
        """
        codec = _codec(key)
        codec.check(key, value)
        digest, size = content_hash(value)
        connection = self._connection()
        ensure_partitions(connection, codec.TABLES, key.epoch_day)
        with connection.transaction():
            self._demand_ownership(connection, key, token)
            self._on_step("owned")
            _check_inputs(connection, key, inputs)
            self._on_step("inputs checked")
            log_row = {
                **_spelled(key),
                "run_id": run_id,
                "token": token,
                "code_version": code_version,
                "input_versions": Jsonb(inputs),
                "row_count": codec.row_count(value),
                "byte_count": size,
                "content_hash": digest,
                "metadata": Jsonb(metadata or {}),
            }
            log_id = int(_one(connection, "append_log", log_row)["log_id"])
            self._on_step("logged")
            codec.delete(connection, key)
            self._on_step("deleted")
            codec.write(connection, key, value, log_id)
            self._on_step("copied")
        version = self.read_version(key)
        if version is None:
            raise StorageError(f"{key} was written and is not in the slice log")
        return version

    def read(self, key: SliceKey) -> tuple[Any, SliceVersion]:
        """The newest content of a slice and its version, of one moment.

        SliceMissingError, SliceExpiredError, ChunkFormatError. An empty slice is read like any other.
        """
        return self._read(key, _codec(key).read)

    def read_brief(self, key: SliceKey) -> tuple[EphemerisChunks, SliceVersion]:
        """As ``read``, for ephemeris chunks without their nodes (``nodes_int32`` is empty): a fraction of the bytes."""
        if key.asset != ephemeris_chunks.ASSET:
            raise ValueError(f"only {ephemeris_chunks.ASSET} can be read without its bulk, not {key}")
        return self._read(key, ephemeris_chunks.read_brief)

    def read_object_ids(self, key: SliceKey) -> tuple[Int64, SliceVersion]:
        """The catalogue numbers, ascending, of a ``clean_catalog`` slice; errors as of ``read``."""
        if key.asset != clean_catalog.ASSET:
            raise ValueError(f"only {clean_catalog.ASSET} has objects, not {key}")
        return self._read(key, clean_catalog.read_object_ids)

    def _read(self, key: SliceKey, read: Callable[[psycopg.Connection, SliceKey], T]) -> tuple[T, SliceVersion]:
        connection = self._connection()
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            version = _newest(connection, key)
            if version is None:
                raise SliceMissingError(_missing(key))
            if version.expired_at is not None:
                raise SliceExpiredError(
                    f"{key} expired: its rows were dropped on {version.expired_at:%Y-%m-%d} by retention. `ssa "
                    f"materialize --epoch-day {key.epoch_day} --force` computes them again from the snapshots"
                )
            return read(connection, key), version

    def read_version(self, key: SliceKey) -> SliceVersion | None:
        """The newest version of a slice (perhaps expired), or None where it was never written."""
        return _newest(self._connection(), key)

    def check_inputs(self, key: SliceKey, inputs: dict[str, int]) -> None:
        """The check that ``write`` makes, for asking before the work is done."""
        connection = self._connection()
        with connection.transaction():
            _check_inputs(connection, key, inputs)

    def _connection(self) -> psycopg.Connection:
        if self._open is None or self._open.closed:
            self._open = connect(self._url)
        return self._open

    def _demand_ownership(self, connection: psycopg.Connection, key: SliceKey, token: int) -> None:
        row = _one_or_none(connection, "lock_claim", _spelled(key))
        if row is None:
            raise StaleTokenError(f"nobody owns {key}: a run takes a token before it writes")
        if row["token"] != token:
            raise StaleTokenError(
                f"{key} belongs to run {row['run_id']} (token {row['token']}); the run that holds token {token} was "
                "superseded and must not write. Nothing was changed; the newer run will write the slice"
            )


def _codec(key: SliceKey) -> ModuleType:
    if key.asset not in CODECS:
        raise ValueError(f"{key.asset!r} is no asset of the chain: {', '.join(CODECS)}")
    if (key.lead_day is None) != (key.asset in DAILY_ASSETS):
        raise ValueError(f"{key}: {', '.join(DAILY_ASSETS)} have no lead day, the other assets have one")
    return CODECS[key.asset]


def _missing(key: SliceKey) -> str:
    what = f"{key} has not been computed"
    if key.asset == raw_tle_snapshots.ASSET:
        return (
            f"{what}: `ssa ingest FILE --epoch-day {key.epoch_day}`, then `ssa materialize --epoch-day {key.epoch_day}`"
        )
    lead_days = "" if key.lead_day is None else f" --lead-days {key.lead_day}"
    return f"{what}: run `ssa materialize --epoch-day {key.epoch_day}{lead_days}`"


def _check_inputs(connection: psycopg.Connection, key: SliceKey, inputs: dict[str, int]) -> None:
    """Every input is the newest version of its slice, and all were computed from the same versions."""
    seen = dict(inputs)
    for asset in sorted(inputs, key=list(CODECS).index):
        upstream = key.of(asset, DAILY_ASSETS)
        _one_or_none(connection, "share_claim", _spelled(upstream))  # stays the newest until we commit
        version = _newest(connection, upstream)
        if version is None:
            raise SliceMissingError(_missing(upstream))
        if version.log_id != inputs[asset]:
            raise InputVersionError(
                f"{key} was computed from version {inputs[asset]} of {upstream}, which run {version.run_id} replaced "
                f"by version {version.log_id}: materialise {key.asset} of this partition again"
            )
        for origin, log_id in version.input_versions.items():
            if seen.setdefault(origin, log_id) != log_id:
                raise InputVersionError(
                    f"{upstream} was computed from version {log_id} of {origin}, but {key} is to be computed from "
                    f"version {seen[origin]}: materialise {asset} of this partition again, then {key.asset}"
                )


def _newest(connection: psycopg.Connection, key: SliceKey) -> SliceVersion | None:
    row = _one_or_none(connection, "newest_version", _spelled(key))
    return None if row is None else SliceVersion(key=key, **row)


def _spelled(key: SliceKey) -> dict[str, Any]:
    return {"asset": key.asset, "epoch_day": key.epoch_day, "lead_day": key.stored_lead_day}


def _one_or_none(connection: psycopg.Connection, name: str, params: dict[str, Any]) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(section("queries.sql", name), params).fetchone()


def _one(connection: psycopg.Connection, name: str, params: dict[str, Any]) -> dict[str, Any]:
    row = _one_or_none(connection, name, params)
    if row is None:
        raise StorageError(f"statement {name} returned no row")
    return row
