"""Schedules of automation, in UTC, away from the full hour. Off until `ssa automation on`."""

from __future__ import annotations

from datetime import timedelta

from dagster import (
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from ssa_pipeline.chain.links import SCREEN_JOB
from ssa_pipeline.defs.automation.fetching import job_name, run_config
from ssa_pipeline.defs.automation.screening import REASON_TAG, screenings
from ssa_pipeline.defs.automation.under_way import named, unfinished_run
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.settings import Settings
from ssa_pipeline.sources.errors import QueryError
from ssa_pipeline.sources.fetching import utc_now
from ssa_pipeline.use_cases.fetch import SETTINGS, planned_queries, wanted_queries
from ssa_pipeline.use_cases.fetch_plan import EVERY, fetch_plan

_RESOURCES = {"settings", "storage"}
# Every quarter of an hour what is due is asked for (fetch_plan says why); never near the full hour, when all ask.
_TICKS = {
    source: ",".join(str(8 - place + quarter) for quarter in (0, 15, 30, 45)) for place, source in enumerate(EVERY)
}
_SENSORS_TURN = timedelta(minutes=15)  # what is younger is left to the sensor, so that the two never ask for the same


def _fetch_schedule(source: str) -> ScheduleDefinition:
    name = f"fetch_{source.replace('-', '_')}"

    @schedule(
        name=name,
        job_name=job_name(source),
        cron_schedule=f"{_TICKS[source]} * * * *",
        execution_timezone="UTC",
        required_resource_keys=_RESOURCES,
        description=f"Asks {source} for what is due, within its rules; a tick sends nothing.",
    )
    def fetch_due(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        settings: Settings = context.resources.settings
        storage: Storage = context.resources.storage
        texts = wanted_queries(settings.sources, source)
        try:
            queries = planned_queries(settings.sources, source, texts)
        except QueryError as error:
            return SkipReason(f"{error}; asked for is {' '.join(texts)} ({SETTINGS[source]})")
        plan = fetch_plan(
            list(zip(texts, queries, strict=True)), storage.attempts(query.key for query in queries), utc_now()
        )
        running = unfinished_run(context.instance, [job_name(source)])
        if plan.due and running is not None:
            return SkipReason(f"{named(running)} asks {source} already")
        if not plan.due:
            return SkipReason("; ".join(plan.notes))
        return RunRequest(run_config=run_config(source, plan.due), tags={REASON_TAG: f"due: {', '.join(plan.due)}"})

    return fetch_due


@schedule(
    name="daily_screening",
    job_name=SCREEN_JOB,
    cron_schedule="47 5 * * *",
    execution_timezone="UTC",
    required_resource_keys=_RESOURCES,
    description="Safety net below the sensor screen_catalog: what it has left for a quarter of an hour, because it was "
    "off or its run failed. The newest SSA_RECONCILE_DAYS epoch days; never what a run or back-fill has in hand.",
)
def daily_screening(context: ScheduleEvaluationContext) -> list[RunRequest] | SkipReason:
    found = screenings(
        context.instance,
        context.repository_def.asset_graph,
        context.resources.storage,
        context.resources.settings,
        utc_now() - _SENSORS_TURN,
    )
    return found.requests or SkipReason("; ".join(found.notes))


AUTOMATION_SCHEDULES = [*map(_fetch_schedule, EVERY), daily_screening]
