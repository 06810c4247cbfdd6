"""Dagster's partitions, and the decorator that gives every link of the chain its own; what their keys mean is in
``chain``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dagster import (
    AssetIn,
    AssetsDefinition,
    BackfillPolicy,
    BetaWarning,
    DailyPartitionsDefinition,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    PreviewWarning,
    StaticPartitionsDefinition,
    SupersessionWarning,
    asset,
)

from ssa_pipeline.chain.links import DAILY_ASSETS, LEAD_DAYS, UPSTREAM
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.defs.slices.reporting import column_schema
from ssa_pipeline.settings import read_settings
from ssa_pipeline.use_cases.first_day import first_partition

# The first partition is part of the definition, so it is read when the code location loads.
epoch_days = DailyPartitionsDefinition(start_date=first_partition(read_settings()).isoformat(), end_offset=1)
screening_days = MultiPartitionsDefinition(
    {"epoch_day": epoch_days, "lead_day": StaticPartitionsDefinition([str(lead_day) for lead_day in LEAD_DAYS])}
)

GROUP = "conjunction_screening"  # one: several open as closed boxes
OWNERS = ["team:conjunction-analysis"]


def chain_asset(*, kinds: set[str], description: str) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """``@asset`` for a link of the chain: partitions, upstream mapping, backfill policy, code version, owner and
    column schema follow from the function's name, which is the asset's."""

    def decorate(function: Callable[..., Any]) -> AssetsDefinition:
        name = function.__name__
        is_daily = name in DAILY_ASSETS
        with unfinished_parts_of_dagster():
            mapping = MultiToSingleDimensionPartitionMapping("epoch_day")
            crossing = [up for up in UPSTREAM[name] if up in DAILY_ASSETS and not is_daily]
            return asset(
                partitions_def=epoch_days if is_daily else screening_days,
                ins={up: AssetIn(up, partition_mapping=mapping) for up in crossing},
                # Two runs a day, so that a day that is held or fails stops no other. That no run takes its lead days
                # from several days is the work of ``local.backfill_runs``.
                backfill_policy=BackfillPolicy.multi_run(1 if is_daily else len(LEAD_DAYS)),
                code_version=CODE_VERSIONS[name],
                required_resource_keys={"storage", "settings", "io_manager"},
                group_name=GROUP,
                owners=OWNERS,
                kinds=kinds | {"postgres"},
                tags={"domain": "catalog" if is_daily else "screening"},
                # under Dagster's own name for it the columns would come before everything that was found
                metadata={"columns": column_schema(name)},
                description=description,
            )(function)

    return decorate


@contextmanager
def unfinished_parts_of_dagster() -> Iterator[None]:
    """The parts of the pinned Dagster that we use although it calls them beta, preview or superseded, each by name."""
    with warnings.catch_warnings():
        for category, message in (
            (BetaWarning, "Class `MultiToSingleDimensionPartitionMapping`"),
            (BetaWarning, "Parameter `backfill_policy` of function `asset`"),
            (PreviewWarning, "Specifying a partitions_def on an AssetCheckSpec"),
            (SupersessionWarning, "Function `build_time_partition_freshness_checks`"),
            (SupersessionWarning, "Function `build_sensor_for_freshness_checks`"),
        ):
            warnings.filterwarnings("ignore", message, category)
        yield
