"""Slices as the pipeline sees them: what was written when from which inputs, and what keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import EphemerisChunks, Int64


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


@dataclass(frozen=True)
class StoredVerdict:
    """What a blocking check found in a version of a slice."""

    has_passed: bool
    finding: str


class Slices(Protocol):
    """What the chain needs of ``storage.slices.store.SliceStore``; see there."""

    def claim(self, keys: Iterable[SliceKey], run_id: str, token: int | None = None) -> int: ...

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
    ) -> SliceVersion: ...

    def read(self, key: SliceKey) -> tuple[Any, SliceVersion]: ...

    def read_brief(self, key: SliceKey) -> tuple[EphemerisChunks, SliceVersion]: ...

    def read_object_ids(self, key: SliceKey) -> tuple[Int64, SliceVersion]: ...

    def read_version(self, key: SliceKey) -> SliceVersion | None: ...

    def demand_writable(self, key: SliceKey, inputs: dict[str, int], *, token: int, run_id: str) -> None: ...

    def record_verdict(self, key: SliceKey, log_id: int, check_name: str, verdict: StoredVerdict) -> None: ...

    def read_verdicts(self, log_id: int) -> dict[str, StoredVerdict]: ...
