"""May a catalogue be screened? By its own blocking checks, not by how its run ended: a run fails or is cancelled for
other reasons too, such as screenings that come after the catalogue in it."""

from __future__ import annotations

from datetime import date
from itertools import takewhile

from dagster import AssetCheckEvaluation, AssetCheckKey, AssetKey, DagsterInstance, DagsterRun, RunsFilter
from dagster import DagsterRunStatus as Status

from ssa_pipeline.dagster_internals import AssetCheckExecutionRecordStatus as CheckStatus
from ssa_pipeline.dagster_internals import AssetGraph, PartitionKeyFilter
from ssa_pipeline.orchestration.chain import partition_key
from ssa_pipeline.orchestration.under_way import UNFINISHED, named

_CATALOG = AssetKey("clean_catalog")
_JUDGED = {CheckStatus.SUCCEEDED, CheckStatus.FAILED}
_EXECUTIONS = 100  # of one check on one day: more than a day's catalogue is made in the time that they are kept


def obstacle_of_checks(instance: DagsterInstance, asset_graph: AssetGraph, run_id: str, epoch_day: date) -> str | None:
    """Why the catalogue that a run made of a day must not be screened; None: its blocking checks passed, in that run or
    in a retry of it. A finished run whose record was purged is not held against its catalogue."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return None
    runs = [run, *_later(instance, run)]
    if any(one.status == Status.SUCCESS for one in runs):
        return None
    if any(one.status in UNFINISHED for one in runs):
        return f"waits for the checks of its catalogue: {named(runs[-1])}"
    for key in sorted(_blocking(asset_graph), key=lambda one: one.name):
        verdict = _verdict(instance, key, runs, epoch_day)
        if verdict is None:
            remedy = f"`ssa materialize --epoch-day {epoch_day} --force` makes and checks it again"
            return f"is held back: {named(run)} left no verdict of the check {key.name} of its catalogue; {remedy}"
        check, judged = verdict
        if not check.passed:
            remedy = f"`ssa materialize --epoch-day {epoch_day}` screens it where it is right"
            found = f"failed the check {key.name} ({check.description}) in {named(judged)}"
            return f"is held back: its catalogue {found}; {remedy}"
    return None


def _later(instance: DagsterInstance, run: DagsterRun) -> list[DagsterRun]:
    """The retries after a run, which may be one itself: all have the tag of the first. Oldest first. What ran before it
    says nothing of its catalogue."""
    root = run.tags.get("dagster/root_run_id", run.run_id)
    newest_first = instance.get_runs(filters=RunsFilter(tags={"dagster/root_run_id": root}))
    return list(takewhile(lambda one: one.run_id != run.run_id, newest_first))[::-1]


def _blocking(asset_graph: AssetGraph) -> set[AssetCheckKey]:
    keys = asset_graph.get_check_keys_for_assets({_CATALOG})
    return {key for key in keys if asset_graph.get(key).blocking}


def _verdict(
    instance: DagsterInstance, key: AssetCheckKey, runs: list[DagsterRun], epoch_day: date
) -> tuple[AssetCheckEvaluation, DagsterRun] | None:
    """What a check found in the newest of the runs (ascending) that came to it, and in which. The events of an
    evaluation are purged; its row among the executions of checks stays."""
    executions = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=_EXECUTIONS, status=_JUDGED, partition_filter=PartitionKeyFilter(key=partition_key(epoch_day))
    )
    by_id = {run.run_id: run for run in runs}
    verdicts = ((one.evaluation, by_id[one.run_id]) for one in executions if one.run_id in by_id and one.evaluation)
    return next(verdicts, None)
