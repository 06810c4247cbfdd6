"""A database, Dagster's instance on it as the services open it, and workers that are only rows."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dagster import DagsterInstance

from ssa_pipeline.local.abandoned_runs import open_instance
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline_tests.shared.worker_samples import FakeWorkers


@pytest.fixture(scope="module")
def settings(database: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return read_settings({"SSA_HOME": str(tmp_path_factory.mktemp("home")), "DATABASE_URL": database.url})


@pytest.fixture(scope="module")
def instance(settings: Settings, database: DatabaseUrl) -> Iterator[DagsterInstance]:
    """As a daemon has it: the launcher reads its settings from the environment."""
    link_dagster_home(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service_environment(settings, database).items():
            patch.setenv(name, value)
        with open_instance(os.environ) as opened:
            yield opened


@pytest.fixture
def fakes(database: DatabaseUrl, instance: DagsterInstance) -> Iterator[FakeWorkers]:
    yield FakeWorkers(database, instance)
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    with connect(database) as connection:
        connection.execute("TRUNCATE engine.procrastinate_jobs, engine.procrastinate_workers CASCADE")
        connection.execute("TRUNCATE screening.worker, screening.run_claim, screening.installation")
