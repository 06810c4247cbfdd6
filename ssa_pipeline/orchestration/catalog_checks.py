"""May a catalogue be screened? By its own blocking checks, not by how its run ended: a run fails or is cancelled for
other reasons too, such as screenings that come after the catalogue in it."""

from __future__ import annotations

from datetime import date
from itertools import takewhile

from dagster import AssetCheckEvaluation, AssetKey, DagsterEventType, DagsterInstance, DagsterRun, RunsFilter
from dagster import DagsterRunStatus as Status
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from ssa_pipeline.orchestration.chain import partition_key
from ssa_pipeline.orchestration.under_way import UNFINISHED, named

_CATALOG = AssetKey("clean_catalog")


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
    verdicts = {name: check for one in runs for name, check in _verdicts(instance, one, epoch_day).items()}
    for name in sorted(_blocking(asset_graph)):
        check = verdicts.get(name)
        if check is None:
            remedy = f"`ssa materialize --epoch-day {epoch_day} --force` makes and checks it again"
            return f"is held back: {named(run)} ended before the check {name} of its catalogue; {remedy}"
        if not check.passed:
            remedy = f"`ssa materialize --epoch-day {epoch_day}` screens it where it is right"
            return (
                f"is held back: its catalogue failed the check {name} ({check.description}) in {named(run)}; {remedy}"
            )
    return None


def _later(instance: DagsterInstance, run: DagsterRun) -> list[DagsterRun]:
    """The retries after a run, which may be one itself: all have the tag of the first. Oldest first. What ran before it
    says nothing of its catalogue."""
    root = run.tags.get("dagster/root_run_id", run.run_id)
    newest_first = instance.get_runs(filters=RunsFilter(tags={"dagster/root_run_id": root}))
    return list(takewhile(lambda one: one.run_id != run.run_id, newest_first))[::-1]


def _blocking(asset_graph: AssetGraph) -> set[str]:
    keys = asset_graph.get_check_keys_for_assets({_CATALOG})
    return {key.name for key in keys if asset_graph.get(key).blocking}


def _verdicts(instance: DagsterInstance, run: DagsterRun, epoch_day: date) -> dict[str, AssetCheckEvaluation]:
    """What the catalogue's checks found in a run, the newest of each, by name."""
    found: dict[str, AssetCheckEvaluation] = {}
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        check = entry.get_dagster_event().asset_check_evaluation_data
        if check.asset_key == _CATALOG and check.partition == partition_key(epoch_day):
            found[check.check_name] = check
    return found
