"""Replaceable slices: who may write one, what was written when from which inputs, and the values themselves.

A write replaces a slice in ONE transaction on one connection: lock the claims of the slice and of its inputs, compare
the token, check the inputs, append the log row, delete, binary COPY. Readers see the old slice or the new one, never a
mixture: version and rows are read in one snapshot, and must agree in their number.

The fence. An attempt is a run as it was given to a process; one that takes over the run of another process is another
attempt. An attempt has one token, higher than all before it, and claims with it all slices that it may write, in one
transaction. The newest token owns a slice, so an attempt that was given up, or a process that stopped and goes on,
cannot overwrite its successor, and of two attempts at once only the older one is superseded. A token is a number of
the database and says nothing of hosts and processes.

One order of locks (``lock_order``) for all who lock several claims, so that none waits for another in a circle;
partitions of tables are locked after claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ssa_pipeline.chain.links import ASSETS, CLEAN_CATALOG, EPHEMERIS_CHUNKS, EXPIRING_ASSETS, RAW_TLE_SNAPSHOTS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import SliceVersion, StoredVerdict
from ssa_pipeline.core.records import EphemerisChunks, Int64
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import (
    InputVersionError,
    SliceDamagedError,
    SliceExpiredError,
    SliceMissingError,
    StaleTokenError,
    StorageError,
)
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.partitions import ensure_partitions
from ssa_pipeline.storage.slices.clean_catalog import read_object_ids
from ssa_pipeline.storage.slices.codecs import codec_of
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline.storage.slices.ephemeris_chunks import read_brief
from ssa_pipeline.storage.slices.rejected_records import storable

T = TypeVar("T")


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
        """Close the connection where one is open; the store may be used again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def claim(self, keys: Iterable[SliceKey], run_id: str, token: int | None = None) -> int:
        """Make an attempt of ``run_id`` the owner of slices; the writes of their former owners fail from now on.

        Returns the attempt's token, a new one unless it is given to claim more slices for the same attempt. Slices that
        a newer attempt owns already stay with that. StaleTokenError where the run has ended meanwhile: a process that
        stopped before it claimed anything, and goes on after its successor, would be the newest."""
        connection = self._connection()
        _demand_alive(connection, run_id)
        if token is None:
            token = _next_token(connection)
        ordered = sorted(keys, key=lock_order)
        claims = {
            "assets": [key.asset for key in ordered],
            "epoch_days": [key.epoch_day for key in ordered],
            "lead_days": [key.stored_lead_day for key in ordered],
            "run_id": run_id,
            "token": token,
        }
        connection.execute(section("slices/store.sql", "claim"), claims)
        return token

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
        """Replace a slice, whole or not at all; returns the version written. ``inputs``: upstream asset -> log_id of
        the slice that was read.

        StaleTokenError where another attempt owns the slice by now, InputVersionError where the inputs do not belong
        together, SliceExpiredError where one was dropped meanwhile, ChunkFormatError for chunks of another format,
        ValueError for a value of another partition.
        """
        codec = codec_of(key)
        codec.check(key, value)
        digest, size = content_hash(value)
        connection = self._connection()
        ensure_partitions(connection, codec.tables, key.epoch_day)
        with connection.transaction():
            _demand_ownership(_lock_claims(connection, key, inputs), key, token, run_id)
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
            version = SliceVersion(key=key, **_one(connection, "append_log", log_row))
            self._on_step("logged")
            codec.delete(connection, key)
            self._on_step("deleted")
            codec.write(connection, key, value, version.log_id)
            self._on_step("copied")
        return version

    def read(self, key: SliceKey) -> tuple[Any, SliceVersion]:
        """The newest content of a slice and its version, of one moment.

        SliceMissingError, SliceExpiredError, ChunkFormatError; SliceDamagedError where rows are missing. An empty slice
        is read like any other.
        """
        codec = codec_of(key)
        return self._read(key, codec.read, codec.rows_read)

    def read_brief(self, key: SliceKey) -> tuple[EphemerisChunks, SliceVersion]:
        """As ``read``, for ephemeris chunks without their nodes (``nodes_int32`` is empty): a fraction of the bytes.
        ValueError for a slice of another asset."""
        if key.asset != EPHEMERIS_CHUNKS:
            raise ValueError(f"only {EPHEMERIS_CHUNKS} can be read without its bulk, not {key}")
        return self._read(key, read_brief, lambda _, __, chunks: len(chunks))

    def read_object_ids(self, key: SliceKey) -> tuple[Int64, SliceVersion]:
        """The catalogue numbers, ascending, shape (n,), of a ``clean_catalog`` slice; errors as of ``read``, ValueError
        for a slice of another asset."""
        if key.asset != CLEAN_CATALOG:
            raise ValueError(f"only {CLEAN_CATALOG} has objects, not {key}")
        return self._read(key, read_object_ids, lambda _, __, ids: len(ids))

    def _read(
        self,
        key: SliceKey,
        read: Callable[[psycopg.Connection, SliceKey], T],
        rows_read: Callable[[psycopg.Connection, SliceKey, T], int],
    ) -> tuple[T, SliceVersion]:
        connection = self._connection()
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _keep_from_retention(connection, key)
            version = _newest(connection, key)
            if version is None:
                raise SliceMissingError(_missing(key))
            _demand_unexpired(version)
            value = read(connection, key)
            found = rows_read(connection, key, value)
            if found != version.row_count:
                raise SliceDamagedError(
                    f"{key} has {found:,} rows, but {version.row_count:,} were written (version {version.log_id}): "
                    f"they were changed from outside. {_again(key)}"
                )
            return value, version

    def read_version(self, key: SliceKey) -> SliceVersion | None:
        """The newest version of a slice (perhaps expired), or None where it was never written."""
        return _newest(self._connection(), key)

    def demand_writable(self, key: SliceKey, inputs: dict[str, int], *, token: int, run_id: str) -> None:
        """The checks that ``write`` makes, for asking before the work is done; errors as of ``write``."""
        connection = self._connection()
        with connection.transaction():
            _demand_ownership(_lock_claims(connection, key, inputs), key, token, run_id)
            _check_inputs(connection, key, inputs)

    def record_verdict(self, key: SliceKey, log_id: int, check_name: str, verdict: StoredVerdict) -> None:
        """Keep what a check found in a version of a slice; InputVersionError where that is no longer the newest."""
        params = {**_spelled(key), "log_id": log_id, "check_name": check_name}
        params |= {"has_passed": verdict.has_passed, "finding": storable(verdict.finding)}
        if _one_or_none(self._connection(), "record_verdict", params) is None:
            raise InputVersionError(f"{key} was replaced while its check {check_name} read it: check it again")

    def read_verdicts(self, log_id: int) -> dict[str, StoredVerdict]:
        """Check -> what it found in a version of a slice, of those that looked at it."""
        rows = self._connection().execute(section("slices/store.sql", "verdicts"), {"log_id": log_id})
        return {name: StoredVerdict(has_passed, finding) for name, has_passed, finding in rows}

    def _connection(self) -> psycopg.Connection:
        if self._open is None or self._open.closed:
            self._open = connect(self._url)
        return self._open


def lock_order(key: SliceKey) -> tuple[date, int, int]:
    """Claims are locked in the order of this: by day, along the chain, by lead day."""
    return key.epoch_day, ASSETS.index(key.asset), key.stored_lead_day


def _demand_alive(connection: psycopg.Connection, run_id: str) -> None:
    """Of a run that Dagster knows in this database."""
    if connection.execute("SELECT to_regclass('dagster.runs') IS NOT NULL").fetchone() != (True,):
        return
    row = connection.execute(section("slices/store.sql", "end_of_run"), {"run_id": run_id}).fetchone()
    if row is not None:
        raise StaleTokenError(
            f"run {run_id} has ended as {row[0]} while its process was not heard: another run does its work by now, "
            "and this one writes nothing"
        )


def _next_token(connection: psycopg.Connection) -> int:
    """Higher than every token there is. (An older release, working beside this one during an upgrade, raises the tokens
    of single slices past the sequence.)"""
    highest = int(_one(connection, "highest_token", {})["token"])
    token = int(_one(connection, "next_token", {"count": 1})["token"])
    if token <= highest:
        token = int(_one(connection, "next_token", {"count": highest - token + 1})["token"])
    return token


def _lock_claims(connection: psycopg.Connection, key: SliceKey, inputs: Iterable[str]) -> dict[str, Any] | None:
    """The claim of the slice. Until the transaction ends it keeps its owner, and its inputs stay as they are."""
    claim = None
    for one in sorted([key, *(key.of(asset) for asset in inputs)], key=lock_order):
        if one == key:
            claim = _one_or_none(connection, "lock_claim", _spelled(one))
        else:
            _one_or_none(connection, "share_claim", _spelled(one))
    return claim


def _demand_ownership(claim: dict[str, Any] | None, key: SliceKey, token: int, run_id: str) -> None:
    if claim is None:
        raise StaleTokenError(f"nobody owns {key}: a run claims its slices before it writes")
    if (claim["token"], claim["run_id"]) != (token, run_id):
        raise StaleTokenError(
            f"{key} belongs to run {claim['run_id']} (token {claim['token']}); the attempt that holds token {token} "
            "was superseded and must not write. Nothing was changed; the newer attempt will write the slice"
        )


def _keep_from_retention(connection: psycopg.Connection, key: SliceKey) -> None:
    """Retention empties partitions, which a transaction sees whatever its snapshot: this lock comes before the snapshot
    is taken, so that version and rows are either those of before or both gone."""
    if key.asset in EXPIRING_ASSETS:
        for table in codec_of(key).tables:
            name = sql.Identifier(*table.split("."))
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(name))


def _demand_unexpired(version: SliceVersion) -> None:
    if version.expired_at is not None:
        raise SliceExpiredError(
            f"{version.key} expired: its rows were dropped on {version.expired_at:%Y-%m-%d} by retention. "
            f"{_again(version.key)}"
        )


def _again(key: SliceKey) -> str:
    return f"`ssa materialize --epoch-day {key.epoch_day} --force` computes them again from the snapshots"


def _missing(key: SliceKey) -> str:
    what = f"{key} has not been computed"
    if key.asset == RAW_TLE_SNAPSHOTS:
        return (
            f"{what}: `ssa ingest FILE --epoch-day {key.epoch_day}`, then `ssa materialize --epoch-day {key.epoch_day}`"
        )
    lead_days = "" if key.lead_day is None else f" --lead-days {key.lead_day}"
    return f"{what}: run `ssa materialize --epoch-day {key.epoch_day}{lead_days}`"


def _check_inputs(connection: psycopg.Connection, key: SliceKey, inputs: dict[str, int]) -> None:
    """Every input is the newest version of its slice and not expired, and all were computed from the same versions."""
    seen = dict(inputs)
    for asset in sorted(inputs, key=ASSETS.index):
        upstream = key.of(asset)
        version = _newest(connection, upstream)
        if version is None:
            raise SliceMissingError(_missing(upstream))
        if version.log_id != inputs[asset]:
            raise InputVersionError(
                f"{key} was computed from version {inputs[asset]} of {upstream}, which run {version.run_id} replaced "
                f"by version {version.log_id}: materialise {key.asset} of this partition again"
            )
        _demand_unexpired(version)
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
        return cursor.execute(section("slices/store.sql", name), params).fetchone()


def _one(connection: psycopg.Connection, name: str, params: dict[str, Any]) -> dict[str, Any]:
    row = _one_or_none(connection, name, params)
    if row is None:
        raise StorageError(f"statement {name} returned no row")
    return row
