"""How an asset handles many partitions in one run with the memory of one: inputs are read when asked for, and
results are computed one by one while the IO manager writes them."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster import AssetExecutionContext

from ssa_pipeline.orchestration.chain import in_order, slice_key
from ssa_pipeline.orchestration.failures import permanent_failures
from ssa_pipeline.orchestration.progress import watching
from ssa_pipeline.orchestration.resources import Slices
from ssa_pipeline.storage.slices import SliceVersion


@dataclass
class SliceInput:
    """An upstream asset, read slice by slice. The last slice is kept while it serves (one catalogue serves
    seven lead days). ``is_brief``: ephemeris chunks without their nodes."""

    asset: str
    slices: Slices
    is_brief: bool = False
    _last: tuple[Any, Any, SliceVersion] | None = field(default=None, repr=False)

    def brief(self) -> SliceInput:
        """The same input for an asset that needs no nodes: 84 MB less to read per lead day."""
        return SliceInput(self.asset, self.slices, is_brief=True)

    def read(self, partition_key: str) -> tuple[Any, SliceVersion]:
        """The slice that a (downstream) partition key needs, and its version."""
        key = slice_key(self.asset, partition_key)
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the former value before the next one is read
            value, version = self.slices.read_brief(key) if self.is_brief else self.slices.read(key)
            self._last = (key, value, version)
        return self._last[1], self._last[2]


@dataclass(frozen=True)
class Computed:
    """The value of one slice, plain facts to be stored with it (JSON), and what people see in the UI."""

    value: Any
    facts: dict[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SliceResult:
    """One computed slice on its way to the IO manager. ``show`` adds metadata to its materialisation."""

    partition_key: str
    value: Any
    inputs: dict[str, int]  # upstream asset -> log id of the slice that was read
    facts: dict[str, Any]
    show: Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class SliceStream:
    """The slices of one asset in one run, computed while they are iterated (once)."""

    results: Iterator[SliceResult]


def each_slice(context: AssetExecutionContext, compute: Callable[..., Computed], *inputs: SliceInput) -> SliceStream:
    """Apply ``compute(partition_key, *values of inputs, watch)`` to every partition of the run, one after the
    other. Seconds of reading and computing are added to facts and metadata."""

    def results() -> Iterator[SliceResult]:
        for key in in_order(context.partition_keys):
            yield _one_slice(context, key, compute, inputs)

    return SliceStream(results())


def _one_slice(
    context: AssetExecutionContext, key: str, compute: Callable[..., Computed], sources: tuple[SliceInput, ...]
) -> SliceResult:
    def show(metadata: Mapping[str, Any]) -> None:
        context.add_asset_metadata(metadata, partition_key=key)

    clock = _Clock()
    with permanent_failures(context.retry_number):
        read = [source.read(key) for source in sources]
        inputs = {source.asset: version.log_id for source, (_, version) in zip(sources, read, strict=True)}
        for source in sources[:1]:  # inputs that do not belong together are refused before the work, too
            source.slices.check_inputs(slice_key(context.asset_key.to_python_identifier(), key), inputs)
        clock.lap("read")
        with watching(context.log, key) as watch:
            computed = compute(key, *(value for value, _ in read), watch)
    clock.lap("compute")
    show({**computed.shown, **{f"{name}_s": seconds for name, seconds in clock.laps_s.items()}})
    facts = {**computed.facts, "seconds": clock.laps_s, "peak_memory_mb": _peak_memory_mb()}
    return SliceResult(key, computed.value, inputs, facts, show)


def _peak_memory_mb() -> float:
    """Of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


class _Clock:
    def __init__(self) -> None:
        self.laps_s: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def lap(self, name: str) -> None:
        now_s = time.perf_counter()
        self.laps_s[name] = round(now_s - self._last_s, 3)
        self._last_s = now_s
