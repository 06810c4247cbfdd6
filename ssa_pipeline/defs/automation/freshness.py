"""Freshness of the daily assets, per partition: by noon UTC the day's own partition has been written. (Dagster's newer
FreshnessPolicy looks at the asset, which a back-fill of an old day makes fresh.)"""

from __future__ import annotations

from dagster import build_sensor_for_freshness_checks, build_time_partition_freshness_checks

from ssa_pipeline.chain.links import DAILY_ASSETS
from ssa_pipeline.defs.partitions import unfinished_parts_of_dagster

DEADLINE_CRON = "0 12 * * *"

with unfinished_parts_of_dagster():
    FRESHNESS_CHECKS = list(
        build_time_partition_freshness_checks(assets=list(DAILY_ASSETS), deadline_cron=DEADLINE_CRON, timezone="UTC")
    )
    freshness_sensor = build_sensor_for_freshness_checks(
        freshness_checks=FRESHNESS_CHECKS, minimum_interval_seconds=300, name="daily_assets_are_fresh"
    )
