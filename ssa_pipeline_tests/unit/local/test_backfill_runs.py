"""How Dagster cuts a back-fill of many days into runs, by the function that its daemon calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from dagster import AssetKey, DagsterInstance, MultiPartitionKey, RunRequest
from dagster._core.definitions import automation_tick_evaluation_context as dagster_cuts
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.execution import asset_backfill

from ssa_pipeline.chain.links import DAILY_ASSETS, EPOCH_DAY_TAG, IN_ORDER_TAG, LEAD_DAYS, SCREENING_ASSETS
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.local import backfill_runs

DAYS = [str(date(2024, 11, 1) + timedelta(days=n)) for n in range(30)]
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def daemon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as process:
        name = "_build_run_requests_with_backfill_policy"
        process.setattr(dagster_cuts, name, getattr(dagster_cuts, name))  # restored afterwards
        backfill_runs.install()
        yield


def cut(parts: set[AssetKeyPartitionKey]) -> list[RunRequest]:
    graph = build_defs().resolve_asset_graph()
    with DagsterInstance.ephemeral() as instance:
        return list(asset_backfill.build_run_requests_with_backfill_policies(parts, graph, instance))


def screening(days: list[str], lead_days: range = LEAD_DAYS) -> set[AssetKeyPartitionKey]:
    keys = [MultiPartitionKey({"epoch_day": day, "lead_day": str(k)}) for day in days for k in lead_days]
    return {AssetKeyPartitionKey(AssetKey(asset), key) for asset in SCREENING_ASSETS for key in keys}


def test_thirty_days_are_screened_one_after_the_other(daemon: None) -> None:
    requests = cut(screening(DAYS))
    assert [(one.tags[START], one.tags[END]) for one in requests] == [(f"{day}|0", f"{day}|6") for day in DAYS]
    for one in requests:
        assert {key.to_user_string() for key in one.asset_selection or ()} == set(SCREENING_ASSETS)
        assert one.asset_check_keys
        assert one.tags[EPOCH_DAY_TAG] == one.tags[START][:10]


def test_lead_days_that_are_not_asked_for_are_not_screened(daemon: None) -> None:
    requests = cut(screening(DAYS[:9], range(2, 4)) | screening(DAYS[:1], range(6, 7)))
    ranges = [(one.tags[START][-1], one.tags[END][-1]) for one in requests]
    assert [one.tags[START][:10] for one in requests] == [DAYS[0], *DAYS[:9]]
    assert sorted(ranges[:2]) == [("2", "3"), ("6", "6")]
    assert ranges[2:] == [("2", "3")] * 8


def test_every_catalogue_is_a_run_of_its_own_and_they_are_made_in_order(daemon: None) -> None:
    requests = cut({AssetKeyPartitionKey(AssetKey(asset), day) for asset in DAILY_ASSETS for day in DAYS})
    assert [(one.tags[START], one.tags[END]) for one in requests] == [(day, day) for day in DAYS]
    for one in requests:
        assert {key.to_user_string() for key in one.asset_selection or ()} == set(DAILY_ASSETS)
        assert IN_ORDER_TAG.items() <= one.tags.items()
        assert one.tags[EPOCH_DAY_TAG] == one.tags[START]


def test_daily_work_comes_before_a_back_fill(daemon: None) -> None:
    catalogue = {AssetKeyPartitionKey(AssetKey(asset), DAYS[0]) for asset in DAILY_ASSETS}
    requests = cut(screening(DAYS[:2])) + cut(catalogue)
    assert [one.tags["dagster/priority"] for one in requests] == ["-10"] * 3


def test_dagster_itself_would_mix_the_days() -> None:
    """Where this fails Dagster has learned it, and ``local.backfill_runs`` can go."""
    assert {one.tags[START][:10] for one in cut(screening(DAYS))} != set(DAYS)
