"""What keeps the database small without being asked: jobs on a schedule, outside of the chain."""

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, in_process_executor, job, op

from ssa_pipeline.orchestration.resources import Storage
from ssa_pipeline.settings import Settings

RETENTION_JOB = "retention_job"


@op(
    required_resource_keys={"settings", "storage"},
    description="Drops chunks and candidates of all but the newest epoch days (SSA_RETENTION_DAYS); events and element "
    "sets are kept.",
)
def expire_slices(context: OpExecutionContext) -> None:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage
    days = storage.expire_slices(settings.retention_days)
    context.add_output_metadata(
        {"epoch_days_dropped": [day.isoformat() for day in days], "epoch_days_kept": settings.retention_days}
    )


@job(
    name=RETENTION_JOB,
    executor_def=in_process_executor,
    description="Chunks and candidates of old epoch days are dropped; asking for one afterwards says that it expired.",
)
def retention_job() -> None:
    expire_slices()


retention_schedule = ScheduleDefinition(
    name="daily_retention",
    job=retention_job,
    cron_schedule="40 3 * * *",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Once a night, UTC.",
)
