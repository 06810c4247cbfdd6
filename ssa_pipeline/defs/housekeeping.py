"""What keeps the database small without being asked: jobs on a schedule, outside of the chain."""

from typing import Any

from dagster import (
    DagsterRunStatus,
    DefaultScheduleStatus,
    In,
    JobDefinition,
    MetadataValue,
    Nothing,
    OpExecutionContext,
    RunsFilter,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.defs.slices.describe import markdown_table
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.schema.table_sizes import EVENT_LOGS, TableSize
from ssa_pipeline.storage.upkeep.run_history import Purged

RETENTION_JOB = "retention_job"
PURGE_JOB = "purge_runs"
BYTES_TAG = "ssa/table_bytes"


@op(
    required_resource_keys={"settings", "storage"},
    description="Drops chunks and candidates of all but the newest epoch days (SSA_RETENTION_DAYS). Events are thinned "
    "where SSA_THIN_EVENTS_AFTER_DAYS is set; element sets are kept.",
)
def expire_slices(context: OpExecutionContext) -> None:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage
    days = storage.expire_slices(settings.retention_days)
    context.add_output_metadata(
        {
            "epoch_days_dropped": [day.isoformat() for day in days],
            "epoch_days_kept": settings.retention_days,
            **_thin_events(context, settings, storage),
        }
    )


def _thin_events(context: OpExecutionContext, settings: Settings, storage: Storage) -> dict[str, Any]:
    """Never in silence: what was deleted is in the run's log and metadata, and in the log of slices."""
    keep_days, beyond_km = settings.thin_events_after_days, settings.thin_events_km
    if keep_days is None:
        return {}
    thinned = storage.thin_events(keep_days, beyond_km)
    context.log.info(
        f"{thinned.rows_deleted:,} events deleted of {thinned.slices} slices older than the {keep_days} newest epoch "
        f"days: lead days 1 to 6, missing by more than {beyond_km:g} km; {thinned.rows_kept:,} kept in them"
    )
    return {
        "events_deleted": thinned.rows_deleted,
        "events_kept_in_thinned_slices": thinned.rows_kept,
        "slices_thinned": thinned.slices,
        "events_kept_within_km": beyond_km,
    }


@op(
    required_resource_keys={"settings", "storage"},
    description="Deletes runs that ended more than SSA_RUN_RETENTION_DAYS ago, with their events. The newest state of "
    "every partition, and the run that made it, are kept.",
)
def purge_old_runs(context: OpExecutionContext) -> None:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage

    def log(purged: Purged) -> None:
        context.log.info(f"{purged.runs:,} runs and {purged.events:,} events deleted so far")

    purged = storage.purge_runs(settings.run_retention_days, log)
    context.add_output_metadata(
        {
            "runs_deleted": purged.runs,
            "events_deleted": purged.events,
            "alerts_deleted": storage.purge_alerts(settings.run_retention_days),
            "runs_kept_for_their_state": purged.runs_kept,
            "is_complete": purged.is_complete,
            "days_kept": settings.run_retention_days,
        }
    )


@op(
    required_resource_keys={"storage"},
    ins={"purged": In(Nothing)},
    description="How large every table is, and how much that grew.",
)
def measure_tables(context: OpExecutionContext) -> None:
    storage: Storage = context.resources.storage
    sizes = storage.table_sizes()
    total = sum(size.total_bytes for size in sizes)
    earlier = _bytes_before(context)
    context.instance.add_run_tags(context.run_id, {BYTES_TAG: str(total)})
    growth = {} if earlier is None else {"growth_mb": (total - earlier) / 1e6}
    context.add_output_metadata({**sizes_shown(sizes), **growth})


def _bytes_before(context: OpExecutionContext) -> int | None:
    """What the last successful run of the job measured."""
    wanted = RunsFilter(job_name=PURGE_JOB, statuses=[DagsterRunStatus.SUCCESS])
    runs = context.instance.get_runs(filters=wanted, limit=1)
    return int(runs[0].tags[BYTES_TAG]) if runs and BYTES_TAG in runs[0].tags else None


def sizes_shown(sizes: list[TableSize]) -> dict[str, Any]:
    """Metadata of the UI; megabytes are 10^6 bytes."""
    rows = [
        (size.name, f"{size.rows:,}", f"{size.table_bytes / 1e6:,.1f}", f"{size.index_bytes / 1e6:,.1f}")
        for size in sizes
    ]
    return {
        "tables": MetadataValue.md(markdown_table(["table", "rows (estimate)", "MB", "MB of indexes"], rows)),
        "tables_mb": sum(size.total_bytes for size in sizes) / 1e6,
        "event_logs_mb": sum(size.total_bytes for size in sizes if size.name == EVENT_LOGS) / 1e6,
    }


@job(
    name=RETENTION_JOB,
    executor_def=in_process_executor,
    description="Chunks and candidates of old epoch days are dropped; asking for one afterwards says that it expired.",
)
def retention_job() -> None:
    expire_slices()


@job(
    name=PURGE_JOB,
    executor_def=in_process_executor,
    description="Dagster's old runs and events are deleted in small batches; the sizes of all tables are shown.",
)
def purge_runs_job() -> None:
    measure_tables(purged=purge_old_runs())


def _nightly(name: str, job: JobDefinition, cron_schedule: str) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=cron_schedule,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Once a night, UTC.",
    )


retention_schedule = _nightly("daily_retention", retention_job, "40 3 * * *")
purge_schedule = _nightly("nightly_purge", purge_runs_job, "10 4 * * *")
