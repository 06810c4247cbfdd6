"""The IO manager: an asset's partitions are slices in PostgreSQL, each written in one transaction.

Tokens of all slices that a run may write are taken when the run starts: a run that was given up loses against
its successor at its next write, whichever step it has reached.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from dagster import (
    DagsterRun,
    InitResourceContext,
    InputContext,
    IOManager,
    MetadataValue,
    OutputContext,
    PartitionKeyRange,
    TableRecord,
    io_manager,
)

from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.orchestration.chain import DAILY_ASSETS, SCREENING_ASSETS, slice_key
from ssa_pipeline.orchestration.failures import permanent_failures
from ssa_pipeline.orchestration.partitions import epoch_days, screening_days
from ssa_pipeline.orchestration.resources import Slices
from ssa_pipeline.orchestration.schema import slice_query
from ssa_pipeline.orchestration.slice_stream import SliceInput, SliceResult, SliceStream
from ssa_pipeline.storage.slice_key import SliceKey
from ssa_pipeline.storage.slices import SliceVersion

_PARTITION = "dagster/partition"
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"


class PostgresSliceIOManager(IOManager):
    """Writes SliceStreams, gives SliceInputs. ``tokens`` are those of the run's slices."""

    def __init__(self, slices: Slices, run_id: str, tokens: dict[SliceKey, int]) -> None:
        self._slices = slices
        self._run_id = run_id
        self._tokens = tokens

    def load_input(self, context: InputContext) -> SliceInput:
        return SliceInput(context.asset_key.to_python_identifier(), self._slices)

    def handle_output(self, context: OutputContext, obj: SliceStream) -> None:
        asset = context.asset_key.to_python_identifier()
        written = [self._write(asset, result) for result in obj.results]
        if len(written) > 1:
            context.add_output_metadata({"slices_of_run": _slice_table(written)})

    def _write(self, asset: str, result: SliceResult) -> SliceVersion:
        key = slice_key(asset, result.partition_key)
        start_s = time.perf_counter()
        with permanent_failures():
            version = self._slices.write(
                key,
                result.value,
                token=self._token(key),
                run_id=self._run_id,
                code_version=CODE_VERSIONS[asset],
                inputs=result.inputs,
                metadata=result.facts,
            )
        result.show(
            {
                "rows": version.row_count,
                "bytes": version.byte_count,
                "slice_log_id": version.log_id,
                "input_slices": MetadataValue.json(result.inputs),
                "query": MetadataValue.md(f"```sql\n{slice_query(key)}\n```"),
                "write_s": round(time.perf_counter() - start_s, 3),
            }
        )
        return version

    def _token(self, key: SliceKey) -> int:
        if key not in self._tokens:  # a run whose tags do not tell its partitions
            self._tokens[key] = self._slices.take_token(key, self._run_id)
        return self._tokens[key]


@io_manager(required_resource_keys={"storage"}, description="Slices in PostgreSQL, written under tokens.")
def postgres_slice_io_manager(context: InitResourceContext) -> PostgresSliceIOManager:
    slices: Slices = context.resources.storage.slices
    run = context.run
    if run is None:
        raise ValueError("the slices of a run can only be written inside a run")
    tokens = {key: slices.take_token(key, run.run_id) for key in slices_of_run(run)}
    return PostgresSliceIOManager(slices, run.run_id, tokens)


def slices_of_run(run: DagsterRun) -> list[SliceKey]:
    """Every slice that a run may write, told from its tags and its selection of assets."""
    keys = _partition_keys(run)
    chosen = {asset.to_python_identifier() for asset in run.asset_selection or ()}
    kind = SCREENING_ASSETS if any("|" in key for key in keys) else DAILY_ASSETS
    return [slice_key(asset, key) for asset in kind if not chosen or asset in chosen for key in keys]


def _partition_keys(run: DagsterRun) -> Iterable[str]:
    if _PARTITION in run.tags:
        return [run.tags[_PARTITION]]
    if _RANGE_START not in run.tags:
        return []
    keys = PartitionKeyRange(run.tags[_RANGE_START], run.tags[_RANGE_END])
    definition = screening_days if "|" in keys.start else epoch_days
    return list(definition.get_partition_keys_in_range(keys))


def _slice_table(versions: list[SliceVersion]) -> Any:
    records = [
        TableRecord(
            {
                "epoch_day": str(version.key.epoch_day),
                "lead_day": "" if version.key.lead_day is None else str(version.key.lead_day),
                "rows": version.row_count,
                "bytes": version.byte_count,
                "slice_log_id": version.log_id,
            }
        )
        for version in versions
    ]
    return MetadataValue.table(records)
