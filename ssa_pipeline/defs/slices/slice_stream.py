"""How an asset handles many partitions in one run with the memory of one: its step reads, computes, writes and reports
one slice after the other. What was committed is what Dagster shows as materialised, wherever the run ends."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dagster import AssetExecutionContext, AssetKey, AssetMaterialization, AssetRecordsFilter, MetadataValue, Output

from ssa_pipeline.chain.links import in_order, partition_key
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.chain.slices import Slices, SliceVersion
from ssa_pipeline.chain.verdicts import demand_verdicts
from ssa_pipeline.defs.failures import permanent_failures
from ssa_pipeline.defs.slices.progress import watching
from ssa_pipeline.defs.slices.reporting import ALREADY_REPORTED, slice_query, version_tags
from ssa_pipeline.settings import Settings

SliceEvents = Iterator[AssetMaterialization | Output[None]]


class SliceWriter(Protocol):
    """What a step needs of the IO manager; see ``io_manager.PostgresSliceIOManager``."""

    def demand_writable(self, key: SliceKey, inputs: dict[str, int]) -> None: ...

    def write(self, key: SliceKey, value: Any, inputs: dict[str, int], facts: dict[str, Any]) -> SliceVersion: ...


@dataclass
class SliceInput:
    """An upstream asset, read slice by slice, each with the verdict of its blocking checks. The last slice is kept
    while it serves (one catalogue serves seven lead days). ``is_brief``: ephemeris chunks without their nodes."""

    asset: str
    slices: Slices
    settings: Settings
    is_brief: bool = False
    _last: tuple[Any, Any, SliceVersion] | None = field(default=None, repr=False)

    def brief(self) -> SliceInput:
        """The same input for an asset that needs no nodes: 84 MB less to read per lead day."""
        return SliceInput(self.asset, self.slices, self.settings, is_brief=True)

    def read(self, partition_key: str) -> tuple[Any, SliceVersion]:
        """The slice that a (downstream) partition key needs, and its version. SliceRefusedError."""
        key = slice_key(self.asset, partition_key)
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the former value before the next one is read
            value, version = self.slices.read_brief(key) if self.is_brief else self.slices.read(key)
            demand_verdicts(self.slices, key, version, self.settings)
            self._last = (key, value, version)
        return self._last[1], self._last[2]


@dataclass(frozen=True)
class Computed:
    """The value of one slice, plain facts to be stored with it (JSON), and what people see in the UI."""

    value: Any
    facts: dict[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)


def each_slice(context: AssetExecutionContext, compute: Callable[..., Computed], *inputs: SliceInput) -> SliceEvents:
    """Apply ``compute(partition_key, *values of inputs, watch)`` to every partition of the run, one after the other,
    and write and report each before the next. Seconds of reading, computing and writing are part of the report."""
    for key in in_order(context.partition_keys):
        yield _one_slice(context, key, compute, inputs)
    yield Output(None, metadata=ALREADY_REPORTED)


def _one_slice(
    context: AssetExecutionContext, partition: str, compute: Callable[..., Computed], sources: tuple[SliceInput, ...]
) -> AssetMaterialization:
    """A run that ends before the commit leaves no trace of the slice; after it the slice is only to be reported."""
    key = slice_key(context.asset_key.to_python_identifier(), partition)
    writer: SliceWriter = context.resources.io_manager
    clock = _Clock()
    with permanent_failures(context.retry_number):
        read = {source.asset: source.read(partition) for source in sources}
        inputs = {asset: version.log_id for asset, (_, version) in read.items()}
        writer.demand_writable(key, inputs)  # what may not be written is refused before the work, too
        clock.lap("read")
        with watching(context.log, partition) as watch:
            computed = compute(partition, *(value for value, _ in read.values()), watch)
        clock.lap("compute")
        facts = {**computed.facts, "seconds": dict(clock.laps_s), "peak_memory_mb": _peak_memory_mb()}
        version = writer.write(key, computed.value, inputs, facts)
        clock.lap("write")
    return AssetMaterialization(
        asset_key=context.asset_key,
        partition=partition,
        metadata={**computed.shown, **_written(version), **clock.shown()},
        tags=version_tags(version, [_as_input(context, one) for _, one in read.values()]),
    )


def _written(version: SliceVersion) -> dict[str, Any]:
    """As text: what is a number, Dagster plots."""
    return {
        "rows": f"{version.row_count:,} rows",
        "bytes": f"{version.byte_count:,} bytes",
        "slice_log_id": str(version.log_id),
        "input_slices": MetadataValue.json(version.input_versions),
        "query": MetadataValue.md(f"```sql\n{slice_query(version.key)}\n```"),
    }


def _as_input(context: AssetExecutionContext, version: SliceVersion) -> tuple[SliceVersion, int | None]:
    """With the event that reported the slice, for Dagster to tell when a newer one follows."""
    partition = partition_key(version.key.epoch_day, version.key.lead_day)
    wanted = AssetRecordsFilter(AssetKey(version.key.asset), asset_partitions=[partition])
    newest = context.instance.fetch_materializations(wanted, limit=1).records
    return version, newest[0].storage_id if newest else None


def _peak_memory_mb() -> float:
    """Of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


class _Clock:
    def __init__(self) -> None:
        self.laps_s: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def shown(self) -> dict[str, str]:
        return {f"{name}_s": f"{seconds:.3f} s" for name, seconds in self.laps_s.items()}

    def lap(self, name: str) -> None:
        now_s = time.perf_counter()
        self.laps_s[name] = round(now_s - self._last_s, 3)
        self._last_s = now_s
