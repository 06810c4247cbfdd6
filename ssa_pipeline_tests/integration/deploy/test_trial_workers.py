"""A worker of the trial with Compose, with the file's own command, on a read-only root file system."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest
import yaml

from ssa_pipeline import __version__
from ssa_pipeline.local.work_version import work_version
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.upkeep.workers import Installation, note_installation
from ssa_pipeline_tests.integration.deploy.read_only import IMAGE, container, demand_namespaces, wait
from ssa_pipeline_tests.shared.compiled_kernels import compile_kernels, use_cache_of_tests
from ssa_pipeline_tests.unit.deploy.deploy_files import COMPOSE, texts


def test_a_worker_joins_is_healthy_and_leaves(
    tmp_path: Path, database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_kernels()
    demand_namespaces(tmp_path)
    worker = yaml.safe_load(texts()[COMPOSE])["services"]["worker-1"]
    given = {name: value for name, value in worker["environment"].items() if not name.startswith("POSTGRES_")}
    given |= {"DATABASE_URL": database.url}
    for name, value in (os.environ | given).items():
        monkeypatch.setenv(name, value)
    note_installation(database, Installation("node", __version__, work_version(read_settings())))
    lives = runpy.run_path(str(IMAGE / "ssa-healthy"))["worker_lives"]

    assert not lives()
    start = (str(IMAGE / "with-kernels"), *worker["command"])
    with container(tmp_path, given | {"KERNELS": str(use_cache_of_tests())}, *start) as process:
        wait(process, "the worker", lives)
    assert process.returncode == 0
    assert not lives()
