"""Which slices somebody computes already or is about to: what keeps automation and back-fills from doing work twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ssa_pipeline.chain.links import DAILY_ASSETS, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.dagster_internals import (
    AssetGraph,
    BulkActionsFilter,
    BulkActionStatus,
    DagsterDefinitionChangedDeserializationError,
    PartitionBackfill,
)
from ssa_pipeline.defs.slices.io_manager import slices_of_run

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_LAUNCHING = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def slices_under_way(instance: DagsterInstance, asset_graph: AssetGraph) -> dict[SliceKey, str]:
    """Slices that an unfinished run or back-fill will write, and its name in words. A back-fill counts with what it
    has yet to launch: its daemon looks only every 30 s."""
    found: dict[SliceKey, str] = {}
    for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=_LAUNCHING)):
        for key in _slices_of_backfill(backfill, asset_graph):
            found[key] = f"back-fill {backfill.backfill_id}"
    for run in instance.get_runs(filters=RunsFilter(statuses=UNFINISHED)):
        for key in slices_of_run(run):
            found[key] = named(run)
    return found


def unfinished_run(instance: DagsterInstance, jobs: Iterable[str]) -> DagsterRun | None:
    """A run of one of these jobs that is queued or in progress."""
    wanted = set(jobs)
    runs = instance.get_runs(filters=RunsFilter(statuses=UNFINISHED))
    return next((run for run in runs if run.job_name in wanted), None)


def named(run: DagsterRun) -> str:
    """``run 1a2b3c4d (queued)``."""
    return f"run {run.run_id[:8]} ({run.status.value.lower().replace('_', ' ')})"


def _slices_of_backfill(backfill: PartitionBackfill, asset_graph: AssetGraph) -> Iterator[SliceKey]:
    if not backfill.is_asset_backfill:
        for name in backfill.partition_names or ():
            assets = SCREENING_ASSETS if "|" in name else DAILY_ASSETS
            yield from (slice_key(asset, name) for asset in assets)
        return
    try:
        data = backfill.get_asset_backfill_data(asset_graph)
    except DagsterDefinitionChangedDeserializationError:
        return  # of assets that are no more: its daemon ends it
    for part in data.get_targeted_partitions_without_materialization_status().iterate_asset_partitions():
        if part.partition_key is not None:
            yield slice_key(part.asset_key.to_python_identifier(), part.partition_key)
