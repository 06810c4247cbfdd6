"""Which runs Dagster's back-fills consist of: one per epoch day with its lead days, the days in order.

For more than seven days at once Dagster cuts the other way, since it groups by the dimension with fewer keys: runs of
one lead day over seven epoch days, each of which reads the catalogues of all seven again, in no order. Nothing public
changes that, so the daemon's script has the function that cuts called once per epoch day
(``ssa_pipeline_tests/unit/local/test_backfill_runs.py`` holds that it still is the one).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from dagster import AssetCheckKey, AssetKey, BackfillPolicy, PartitionsDefinition, RunRequest

from ssa_pipeline.chain.links import DAILY_ASSETS, EPOCH_DAY_TAG, IN_ORDER_TAG, in_order
from ssa_pipeline.dagster_internals import PRIORITY_TAG, backfill_cuts

PRIORITY = "-10"  # what people launch has 0, automation's screenings 0, -1, … from the newest epoch day on

_cut = backfill_cuts._build_run_requests_with_backfill_policy


def cut_by_epoch_day(
    asset_keys: Sequence[AssetKey],
    asset_check_keys: Sequence[AssetCheckKey],
    backfill_policy: BackfillPolicy,
    partition_keys: frozenset[str],
    partitions_def: PartitionsDefinition[Any],
    tags: dict[str, Any],
    **rest: Any,
) -> Sequence[RunRequest]:
    """As Dagster's own, but no run has two epoch days, catalogues are made one after the other, and daily work comes
    first."""
    names = {key.to_user_string() for key in asset_keys}
    tags = {PRIORITY_TAG: PRIORITY, **tags}
    if names & set(DAILY_ASSETS):
        tags = {**tags, **IN_ORDER_TAG}
    requests: list[RunRequest] = []
    for day, keys in groupby(in_order(partition_keys), lambda key: key.partition("|")[0]):
        named = {**tags, EPOCH_DAY_TAG: day}
        part = _cut(asset_keys, asset_check_keys, backfill_policy, frozenset(keys), partitions_def, named, **rest)
        requests.extend(part)
    return requests


def install() -> None:
    """Of this process."""
    backfill_cuts._build_run_requests_with_backfill_policy = cut_by_epoch_day  # type: ignore[assignment]
