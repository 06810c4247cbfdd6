"""The two jobs (one job may not mix the two kinds of partitions). The steps of a run share one process, since a
process per step costs seconds; parallel work is many runs."""

from __future__ import annotations

from dagster import AssetSelection, define_asset_job, in_process_executor

from ssa_pipeline.chain.links import DAILY_ASSETS, IN_ORDER_TAG, INGEST_JOB, SCREEN_JOB, SCREENING_ASSETS
from ssa_pipeline.defs.checks import FRESHNESS_CHECKS

ingest_job = define_asset_job(
    INGEST_JOB,
    AssetSelection.assets(*DAILY_ASSETS) - AssetSelection.checks(*FRESHNESS_CHECKS),
    executor_def=in_process_executor,
    tags=IN_ORDER_TAG,
    description="From the snapshots received on an epoch day to its clean catalogue.",
)
screen_job = define_asset_job(
    SCREEN_JOB,
    AssetSelection.assets(*SCREENING_ASSETS),
    executor_def=in_process_executor,
    description="Every encounter of one or more lead days of an epoch day.",
)
