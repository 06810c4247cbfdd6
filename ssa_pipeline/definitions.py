"""What Dagster loads. It assembles, and does nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import Definitions, in_process_executor

from ssa_pipeline.defs.assets.clean_catalog import clean_catalog
from ssa_pipeline.defs.assets.conjunction_candidates import conjunction_candidates
from ssa_pipeline.defs.assets.ephemeris_chunks import ephemeris_chunks
from ssa_pipeline.defs.assets.raw_tle_snapshots import raw_tle_snapshots
from ssa_pipeline.defs.assets.refined_events import refined_events
from ssa_pipeline.defs.automation.alerting import ALERT_SENSORS
from ssa_pipeline.defs.automation.feeds import FEED_CHECKS, FEEDS, observe_feeds
from ssa_pipeline.defs.automation.fetching import FETCH_JOBS
from ssa_pipeline.defs.automation.schedules import AUTOMATION_SCHEDULES
from ssa_pipeline.defs.automation.sensors import SENSORS
from ssa_pipeline.defs.checks import CHECKS, FRESHNESS_CHECKS
from ssa_pipeline.defs.housekeeping import purge_runs_job, purge_schedule, retention_job, retention_schedule
from ssa_pipeline.defs.jobs import ingest_job, screen_job
from ssa_pipeline.defs.release_gate import accept_release_job
from ssa_pipeline.defs.resources import postgres_storage, process_settings
from ssa_pipeline.defs.slices.io_manager import postgres_slice_io_manager
from ssa_pipeline.defs.slices.progress import PROGRESS_LOGGER, progress_logger


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
        sensors=[*ALERT_SENSORS, observe_feeds, *SENSORS],
        resources={**resources, **(resource_overrides or {})},
        loggers={PROGRESS_LOGGER: progress_logger},
        executor=in_process_executor,
    )


defs = build_defs()
