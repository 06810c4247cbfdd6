"""Sensors that tell people: of failed runs, of what is not current, and the sending itself. A failed run becomes a row
at once; the network is another sensor's business."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DefaultSensorStatus,
    ResourceParam,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from ssa_pipeline.chain.links import TITLE_TAG
from ssa_pipeline.dagster_internals import WILL_RETRY_TAG, DagsterExecutionInterruptedError, StepFailureData
from ssa_pipeline.defs.automation.feeds import changed_verdicts
from ssa_pipeline.defs.failures import what_failed
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.services import state
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.errors import DatabaseUnreachableError
from ssa_pipeline.storage.slices.rejected_records import storable
from ssa_pipeline.storage.upkeep.alerts import Alert, untold_failures
from ssa_pipeline.use_cases.alerts import deliver_due, raise_alert
from ssa_pipeline.use_cases.freshness import check_freshness
from ssa_pipeline.use_cases.runs.webserver import FROM_OUTSIDE

_GATE = "release_is_complete"
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class UntoldFailuresError(RuntimeError):
    """Of some failed runs no alert could be made; they are tried again at the next tick."""


@sensor(
    name="alert_on_failure",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="One alert per failed run; the same failure of the same job within an hour is counted, not repeated.",
)
def alert_on_failure(context: SensorEvaluationContext, settings: ResourceParam[Settings]) -> SkipReason:
    """No ``run_failure_sensor``: Dagster offers it each failure once, and forgets that one if the sensor raises."""
    now, url, instance = datetime.now(UTC), database_url(settings), context.instance
    told, untold = 0, {}
    for run_id in untold_failures(url, TITLE_TAG, now):
        try:
            if run := instance.get_run_by_id(run_id):
                raise_alert(url, failure_alert(instance, run, settings), now)
                told += 1
        except DatabaseUnreachableError:
            raise  # nor can the others be told
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one run, the others are told)
            untold[run_id] = error
    if untold:
        raise UntoldFailuresError(f"{told} failed runs told, not {', '.join(untold)}") from next(iter(untold.values()))
    return SkipReason(f"{told} failed runs told")


@sensor(
    name="watch_freshness",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=900,
    description="An alert for every source silent longer than SSA_SOURCE_SILENT_HOURS and for a release that waits to "
    "be screened, and the checks of the feeds; `ssa check-freshness` says the same without Dagster.",
)
def watch_freshness(context: SensorEvaluationContext, settings: ResourceParam[Settings]) -> SensorResult:
    """The verdicts on sources are those of the feeds' checks too, which need no run so."""
    now, url = datetime.now(UTC), database_url(settings)
    found = replace(check_freshness(url, settings.alerts, now), silent_parts={})  # of the daemon this speaks for itself
    problems = list(found.problems())
    new = [problem.title for problem in problems if raise_alert(url, problem, now)]
    said = "all current"
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        said = f"{count}, {len(new)} told now: {'; '.join(p.title for p in problems)}"
    verdicts, cursor = changed_verdicts(found, context.cursor)
    return SensorResult(skip_reason=said, cursor=cursor, asset_events=verdicts)


@sensor(
    name="deliver_alerts",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Sends the alerts that are due to SSA_ALERT_WEBHOOK and SSA_ALERT_EMAIL; what fails is tried again "
    "later, twelve times.",
)
def deliver_alerts(settings: ResourceParam[Settings]) -> SkipReason:
    found = deliver_due(database_url(settings), settings, datetime.now(UTC))
    return SkipReason(f"{found.sent} sent, {found.waiting} to be tried again, {found.given_up} given up")


def failure_alert(instance: DagsterInstance, run: DagsterRun, settings: Settings) -> Alert:
    """What failed, why, and what to do."""
    failed_checks = list(_blocking_failures(instance, run))
    held = [_check_text(check) for check in failed_checks]
    reason = "\n".join(held or _errors(instance, run))
    kind, advice = "failure", "docs/operations.md, A run failed"
    if any(check.check_name == _GATE for check in failed_checks):
        advice = "ssa catalog status; docs/operations.md, A release is held back"
    elif held:
        advice = "docs/operations.md, A check refused a slice"
    elif run.tags.get(WILL_RETRY_TAG) == "true":
        kind = "retried"  # of another key: the failure of the last retry must not only be counted
        advice = "nothing, the run is started again by itself; if its last retry fails, an alert says so"
    ui = settings.alerts.ui_url or state.ui_url(settings)
    return Alert(
        key=f"{kind} {run.job_name} {_fingerprint(reason)}",
        severity="error",
        title=f"{run.job_name} {'held back by a check' if held else 'failed'}{_partitions(run.tags)}",
        text=f"{reason}\nDo: {advice}.",
        run_id=run.run_id,
        run_url=f"{ui}/runs/{run.run_id}" if ui else None,
    )


def _blocking_failures(instance: DagsterInstance, run: DagsterRun) -> Iterator[AssetCheckEvaluation]:
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        check = entry.get_dagster_event().asset_check_evaluation_data
        if check.blocking and not check.passed and check.severity == AssetCheckSeverity.ERROR:
            yield check


def _check_text(check: AssetCheckEvaluation) -> str:
    where = f"{check.asset_key.to_user_string()}{f' {check.partition}' if check.partition else ''}"
    return f"Check {check.check_name} of {where}: {check.description or 'failed'}. Nothing after it was computed."


def _errors(instance: DagsterInstance, run: DagsterRun) -> list[str]:
    """One line per failed step; why the run ended where none failed by itself, as when its process is gone or its time
    was over."""
    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)
    steps = [(event.step_key, event.step_failure_data) for event in (entry.get_dagster_event() for entry in entries)]
    lines = [f"{key}: {what_failed(data)}" for key, data in steps if not _was_interrupted(data)]
    return lines or [_end(instance, run)]


def _was_interrupted(data: StepFailureData) -> bool:
    return data.error is not None and data.error.cls_name == DagsterExecutionInterruptedError.__name__


def _end(instance: DagsterInstance, run: DagsterRun) -> str:
    """What the run's failure says. Where a code server finds a process gone, the event before it says why."""
    said, before = "failed", ""
    kinds = {DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE}
    for event in (entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kinds)):
        if event.event_type == DagsterEventType.RUN_FAILURE:
            said = before if before and event.message == FROM_OUTSIDE else event.message or said
        else:
            before = event.message or ""
    return said


def _partitions(tags: Mapping[str, str]) -> str:
    first, last = (tags.get(name, tags.get(_PARTITION, "")) for name in _RANGE)
    return f" for {first}" + (f" to {last}" if last != first else "") if first else ""


def _fingerprint(reason: str) -> str:
    """The error without its numbers: a backfill that fails the same way on sixty days is one alert."""
    return sha256(re.sub(r"[0-9a-f-]{8,}|\d+", "#", storable(reason)).encode()).hexdigest()[:16]


ALERT_SENSORS = [alert_on_failure, watch_freshness, deliver_alerts]
