"""What the queue lets run at the same time, by dagster.yaml and the tags of runs, in the words of Dagster's daemon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import yaml
from dagster import DagsterRun, JobDefinition
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._utils.tags import TagConcurrencyLimitsCounter

from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, run_tags
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.automation.fetching import FETCH_JOBS, job_name
from ssa_pipeline.nodes.launcher import SlotsRunCoordinator
from ssa_pipeline.settings import REPOSITORY

Waits = Callable[[DagsterRun, DagsterRun], bool]  # whether the first does, while the second is at work
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture(scope="module")
def coordinator() -> QueuedRunCoordinator:
    config = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())["run_coordinator"]
    assert config["class"] == SlotsRunCoordinator.__name__
    return QueuedRunCoordinator(**{**config["config"], "max_concurrent_runs": 8})


@pytest.fixture(scope="module")
def jobs() -> dict[str, JobDefinition]:
    defs = build_defs()
    names = [INGEST_JOB, SCREEN_JOB, *map(job_name, FETCH_JOBS)]
    return {name: defs.resolve_job_def(name) for name in names}


def run(jobs: dict[str, JobDefinition], name: str, **tags: str) -> DagsterRun:
    return DagsterRun(job_name=name, tags={**jobs[name].tags, **tags})


@pytest.fixture
def waits(coordinator: QueuedRunCoordinator, jobs: dict[str, JobDefinition]) -> Waits:
    limits = coordinator.get_run_queue_config().tag_concurrency_limits

    def waits(new: DagsterRun, working: DagsterRun) -> bool:
        return TagConcurrencyLimitsCounter(limits, [working]).is_blocked(new)

    return waits


def test_of_the_runs_of_one_epoch_day_one_goes_at_a_time(waits: Waits, jobs: dict[str, JobDefinition]) -> None:
    catalog, leads, others, next_leads = (
        run(jobs, INGEST_JOB, **run_tags(MONDAY)),
        run(jobs, SCREEN_JOB, **run_tags(MONDAY, (0, 2))),
        run(jobs, SCREEN_JOB, **run_tags(MONDAY, (2, 6))),
        run(jobs, SCREEN_JOB, **run_tags(TUESDAY, (0, 6))),
    )
    assert waits(leads, catalog)
    assert waits(others, leads)
    assert waits(catalog, leads)
    assert not waits(next_leads, leads)


def test_catalogues_are_made_in_order_and_screened_side_by_side(waits: Waits, jobs: dict[str, JobDefinition]) -> None:
    monday, tuesday = (run(jobs, INGEST_JOB, **run_tags(day)) for day in (MONDAY, TUESDAY))
    assert waits(tuesday, monday)
    assert not waits(run(jobs, SCREEN_JOB, **run_tags(MONDAY, (0, 6))), tuesday)


def test_a_source_is_asked_by_one_run_at_a_time(waits: Waits, jobs: dict[str, JobDefinition]) -> None:
    fetches = [run(jobs, job_name(source)) for source in FETCH_JOBS]
    for one in fetches:
        assert [waits(other, one) for other in fetches] == [other is one for other in fetches]
        assert not waits(run(jobs, SCREEN_JOB, **run_tags(MONDAY, (0, 6))), one)


def test_the_tags_of_a_run_name_its_day_and_lead_days() -> None:
    assert run_tags(MONDAY) == {"dagster/partition": "2026-11-23", "ssa/epoch_day": "2026-11-23"}
    assert run_tags(MONDAY, (0, 6)) == {
        "dagster/asset_partition_range_start": "2026-11-23|0",
        "dagster/asset_partition_range_end": "2026-11-23|6",
        "ssa/epoch_day": "2026-11-23",
        "ssa/lead_days": "0-6",
    }
    assert run_tags(MONDAY, (3, 3))["ssa/lead_days"] == "3"
