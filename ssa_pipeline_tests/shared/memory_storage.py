"""The chain's storage in memory, with the same rules on tokens and versions as PostgreSQL's: for tests of what
ties the chain together. ``slices_contract`` holds both to the same rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from ssa_pipeline.chain.links import CLEAN_CATALOG, EPHEMERIS_CHUNKS, UPSTREAM
from ssa_pipeline.chain.releases import GateState
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import SliceVersion, StoredVerdict
from ssa_pipeline.core.catalog.completeness import Release, judge, release_of
from ssa_pipeline.core.records import EphemerisChunks, Int64, RecordSpans
from ssa_pipeline.messages.catalog import record_bytes
from ssa_pipeline.storage.errors import InputVersionError, SliceMissingError, StaleTokenError
from ssa_pipeline.storage.receipts.release_gate import Judgement, NotHeldError, NotJudgedError, ReleaseHeldError
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot
from ssa_pipeline.storage.schema.table_sizes import TableSize
from ssa_pipeline.storage.slices.codecs import codec_of
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline.storage.upkeep.run_history import Purged
from ssa_pipeline.storage.upkeep.thinning import Thinned


@dataclass
class MemorySlices:
    """``log`` is every write in order; ``reads`` every slice read."""

    claims: dict[SliceKey, tuple[int, str]] = field(default_factory=dict)
    last_token: int = 0
    verdicts: dict[int, dict[str, StoredVerdict]] = field(default_factory=dict)
    values: dict[SliceKey, tuple[Any, SliceVersion]] = field(default_factory=dict)
    log: list[SliceVersion] = field(default_factory=list)
    reads: list[SliceKey] = field(default_factory=list)

    def claim(self, keys: Iterable[SliceKey], run_id: str, token: int | None = None) -> int:
        if token is None:
            self.last_token += 1
            token = self.last_token
        for key in keys:
            if key not in self.claims or self.claims[key][0] < token:
                self.claims[key] = (token, run_id)
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
        codec = codec_of(key)
        codec.check(key, value)
        self.demand_writable(key, inputs, token=token, run_id=run_id)
        digest, size = content_hash(value)
        version = SliceVersion(
            log_id=len(self.log) + 1,
            key=key,
            run_id=run_id,
            token=token,
            code_version=code_version,
            input_versions=inputs,
            row_count=codec.row_count(value),
            content_hash=digest,
            metadata=metadata or {},
            byte_count=size,
            written_at=datetime.now(UTC),
            expired_at=None,
        )
        self.values[key] = (value, version)
        self.log.append(version)
        return version

    def read(self, key: SliceKey) -> tuple[Any, SliceVersion]:
        self.reads.append(key)
        if key not in self.values:
            raise SliceMissingError(f"{key} was not computed")
        return self.values[key]

    def read_brief(self, key: SliceKey) -> tuple[EphemerisChunks, SliceVersion]:
        if key.asset != EPHEMERIS_CHUNKS:
            raise ValueError(f"only {EPHEMERIS_CHUNKS} has a brief form, not {key}")
        chunks, version = self.read(key)
        return replace(chunks, nodes_int32=chunks.nodes_int32[:0]), version

    def read_object_ids(self, key: SliceKey) -> tuple[Int64, SliceVersion]:
        if key.asset != CLEAN_CATALOG:
            raise ValueError(f"only {CLEAN_CATALOG} has objects, not {key}")
        catalog, version = self.read(key)
        return catalog.element_sets.norad_id, version

    def record_verdict(self, key: SliceKey, log_id: int, check_name: str, verdict: StoredVerdict) -> None:
        if self.values[key][1].log_id != log_id:
            raise InputVersionError(f"{key} was replaced while its check {check_name} read it")
        self.verdicts.setdefault(log_id, {})[check_name] = verdict

    def read_verdicts(self, log_id: int) -> dict[str, StoredVerdict]:
        return dict(self.verdicts.get(log_id, {}))

    def demand_writable(self, key: SliceKey, inputs: dict[str, int], *, token: int, run_id: str) -> None:
        owner = self.claims.get(key)
        if owner is None:
            raise StaleTokenError(f"nobody owns {key}")
        if owner != (token, run_id):
            raise StaleTokenError(f"{key} belongs to run {owner[1]}; token {token} was superseded")
        if set(inputs) != set(UPSTREAM[key.asset]):  # more than PostgreSQL asks: the chain names all
            raise InputVersionError(f"{key} must name its inputs {UPSTREAM[key.asset]}, not {set(inputs)}")
        seen = dict(inputs)
        for asset, log_id in inputs.items():
            newest = self.read_version(key.of(asset))
            if newest is None:
                raise SliceMissingError(f"{asset} of {key} was not computed")
            if newest.log_id != log_id:
                raise InputVersionError(f"version {log_id} of {asset} was replaced")
            for origin, version in newest.input_versions.items():
                if seen.setdefault(origin, version) != version:
                    raise InputVersionError(f"{asset} was computed from another version of {origin} than {key}")

    def read_version(self, key: SliceKey) -> SliceVersion | None:
        return self.values[key][1] if key in self.values else None


@dataclass
class MemoryGate:
    """``judgements``: the newest of each day."""

    slices: MemorySlices
    judgements: dict[date, Judgement] = field(default_factory=dict)

    def judge(self, epoch_day: date) -> Judgement:
        received, version = self.slices.values[SliceKey("raw_tle_snapshots", epoch_day)]
        trusted = max((d for d, j in self.judgements.items() if d < epoch_day and j.is_trusted), default=None)
        verdict = judge(
            release_of(received.element_sets, epoch_day),
            None if trusted is None else self._release(trusted),
        )
        earlier = self.judgements.get(epoch_day)
        snapshot_ids = version.metadata["snapshot_ids"]
        judgement = Judgement(
            version.log_id,
            epoch_day,
            snapshot_ids,
            GateState.HELD if verdict.is_held else GateState.OPEN,
            list(verdict.reasons),
            verdict.measures,
            datetime.now(UTC),
        )
        if verdict.is_held and earlier and earlier.accepted_by and earlier.snapshot_ids == snapshot_ids:
            judgement = replace(earlier, raw_log_id=version.log_id)
        self.judgements[epoch_day] = judgement
        return judgement

    def _release(self, epoch_day: date) -> Release:
        return release_of(self.slices.values[SliceKey("raw_tle_snapshots", epoch_day)][0].element_sets, epoch_day)

    def demand_trusted(self, epoch_day: date) -> None:
        if not self.judgements[epoch_day].is_trusted:
            raise ReleaseHeldError(f"{epoch_day} is held")

    def accept(self, epoch_day: date, accepted_by: str, reason: str) -> Judgement:
        if epoch_day not in self.judgements:
            raise NotJudgedError(f"no GP was received on {epoch_day}")
        if self.judgements[epoch_day].is_trusted:
            raise NotHeldError(f"{epoch_day} is {self.judgements[epoch_day].state}, not held")
        self.judgements[epoch_day] = replace(
            self.judgements[epoch_day], state=GateState.ACCEPTED, accepted_by=accepted_by, accept_reason=reason
        )
        return self.judgements[epoch_day]


@dataclass
class MemoryStorage:
    slices: MemorySlices = field(default_factory=MemorySlices)
    received: dict[date, list[StoredSnapshot]] = field(default_factory=dict)
    tables: list[StoredSnapshot] = field(default_factory=list)  # in order of reception

    def __post_init__(self) -> None:
        self.gate = MemoryGate(self.slices)

    def snapshots(self, epoch_day: date) -> list[StoredSnapshot]:
        return self.received.get(epoch_day, [])

    def records(self, snapshot_id: int, spans: RecordSpans) -> list[bytes]:
        of_id = (s.data for day in self.received.values() for s in day if s.snapshot_id == snapshot_id)
        return record_bytes(next(of_id), spans)

    def newest_tables(self, epoch_day: date) -> list[StoredSnapshot]:
        newest = {table.kind: table for table in self.tables if table.epoch_day <= epoch_day}
        return [newest[kind] for kind in sorted(newest)]

    def expire_slices(self, retention_days: int) -> list[date]:
        raise AssertionError("nothing in the chain drops slices")

    def thin_events(self, keep_days: int, beyond_km: float) -> Thinned:
        raise AssertionError("nothing in the chain deletes events")

    def purge_runs(self, retention_days: int, on_batch: object) -> Purged:
        raise AssertionError("nothing in the chain deletes runs")

    def purge_alerts(self, retention_days: int) -> int:
        raise AssertionError("nothing in the chain deletes alerts")

    def table_sizes(self) -> list[TableSize]:
        raise AssertionError("nothing in the chain asks for sizes")
