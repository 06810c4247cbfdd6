"""What Dagster loads. It assembles, and does nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import Definitions, in_process_executor

from ssa_pipeline.assets.clean_catalog import clean_catalog
from ssa_pipeline.assets.conjunction_candidates import conjunction_candidates
from ssa_pipeline.assets.ephemeris_chunks import ephemeris_chunks
from ssa_pipeline.assets.raw_tle_snapshots import raw_tle_snapshots
from ssa_pipeline.assets.refined_events import refined_events
from ssa_pipeline.checks import CHECKS
from ssa_pipeline.orchestration.alerting import ALERT_SENSORS
from ssa_pipeline.orchestration.console_log import PROGRESS_LOGGER, progress_logger
from ssa_pipeline.orchestration.feeds import FEED_CHECKS, FEEDS, observe_feeds
from ssa_pipeline.orchestration.fetching import FETCH_JOBS
from ssa_pipeline.orchestration.freshness import FRESHNESS_CHECKS, freshness_sensor
from ssa_pipeline.orchestration.housekeeping import purge_runs_job, purge_schedule, retention_job, retention_schedule
from ssa_pipeline.orchestration.io_manager import postgres_slice_io_manager
from ssa_pipeline.orchestration.jobs import ingest_job, screen_job
from ssa_pipeline.orchestration.release_gate import accept_release_job
from ssa_pipeline.orchestration.resources import postgres_storage, process_settings
from ssa_pipeline.orchestration.schedules import AUTOMATION_SCHEDULES
from ssa_pipeline.orchestration.sensors import SENSORS


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> Definitions:
    """The whole code location; ``resource_overrides`` replaces ``storage``, ``settings`` or ``io_manager``."""
    resources = {
        "settings": process_settings,
        "storage": postgres_storage,
        "io_manager": postgres_slice_io_manager,
    }
    return Definitions(
        assets=[raw_tle_snapshots, clean_catalog, ephemeris_chunks, conjunction_candidates, refined_events, *FEEDS],
        asset_checks=[*CHECKS, *FRESHNESS_CHECKS, *FEED_CHECKS],
        jobs=[ingest_job, screen_job, accept_release_job, retention_job, purge_runs_job, *FETCH_JOBS.values()],
        schedules=[retention_schedule, purge_schedule, *AUTOMATION_SCHEDULES],
        sensors=[*ALERT_SENSORS, observe_feeds, *SENSORS, freshness_sensor],
        resources={**resources, **(resource_overrides or {})},
        loggers={PROGRESS_LOGGER: progress_logger},
        executor=in_process_executor,
    )


defs = build_defs()
