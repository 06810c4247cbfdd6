"""What the package expects of Dagster where Dagster promises nothing: an upgrade that breaks it fails here first."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import dagster_webserver.app
import dagster_webserver.cli
from dagster import DagsterInstance
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_webserver.webserver import DagsterWebserver

from ssa_pipeline import dagster_internals as internals

PACKAGE = Path(internals.__file__).parent
# Dagster's own commands with something put before: each is a process of its own.
COMMANDS = {"local/daemon_process.py", "local/webserver_process.py"}


def test_nothing_else_imports_what_dagster_does_not_promise() -> None:
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if path != Path(internals.__file__) and name not in COMMANDS:
            assert not re.search(r"^\s*(from|import) dagster\S*\._", path.read_text(), re.MULTILINE), name
    assert {name for name in internals.__all__ if not hasattr(internals, name)} == set()


def test_every_name_is_used() -> None:
    text = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py") if path != Path(internals.__file__))
    assert [name for name in internals.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_tags_are_those_of_runs_and_events_already_stored() -> None:
    """Another spelling would make old runs and materialisations unreadable."""
    assert internals.CODE_VERSION_TAG == "dagster/code_version"
    assert internals.DATA_VERSION_TAG == "dagster/data_version"
    assert internals.DATA_VERSION_IS_USER_PROVIDED_TAG == "dagster/data_version_is_user_provided"
    assert internals.INPUT_DATA_VERSION_TAG_PREFIX == "dagster/input_data_version"
    assert internals.INPUT_EVENT_POINTER_TAG_PREFIX == "dagster/input_event_pointer"
    assert internals.MULTIDIMENSIONAL_PARTITION_PREFIX == "dagster/partition/"
    assert internals.BACKFILL_ID_TAG == "dagster/backfill"
    assert internals.PRIORITY_TAG == "dagster/priority"
    assert internals.WILL_RETRY_TAG == "dagster/will_retry"


def test_backfills_are_asked_for_by_status_and_tell_what_they_target() -> None:
    active = {internals.BulkActionStatus.REQUESTED}
    assert internals.BulkActionsFilter(statuses=list(active)).statuses == list(active)
    with DagsterInstance.ephemeral() as instance:
        assert instance.get_backfills(filters=internals.BulkActionsFilter(statuses=list(active))) == []
    fields = set(internals.PartitionBackfill._fields)
    assert {"backfill_id", "status", "serialized_asset_backfill_data"} <= fields


def test_the_launcher_is_asked_whether_a_runs_process_lives() -> None:
    assert {"RUNNING", "FAILED"} <= {one.name for one in internals.WorkerStatus}
    assert list(inspect.signature(internals.RunLauncher.check_run_worker_health).parameters) == ["self", "run"]
    assert "status" in inspect.signature(internals.CheckRunHealthResult).parameters


def test_the_queue_asks_for_its_limits_each_time_it_looks() -> None:
    """``SlotsRunCoordinator`` answers with the slots of the workers that live now."""
    assert "max_concurrent_runs" in internals.RunQueueConfig._fields
    assert ".get_run_queue_config()" in inspect.getsource(DagsterInstance.get_concurrency_config)
    assert "instance.get_concurrency_config()" in inspect.getsource(QueuedRunCoordinatorDaemon.run_iteration)


def test_a_worker_executes_a_run_with_the_definitions_that_it_has_loaded() -> None:
    wanted = {"recon_job", "dagster_run", "instance", "inject_env_vars"}
    assert wanted <= set(inspect.signature(internals.core_execute_run).parameters)
    repository = internals.ReconstructableRepository(internals.ModuleCodePointer("ssa_pipeline.definitions", "defs"))
    assert internals.ReconstructableJob(repository, "screen_job").get_definition().name == "screen_job"


def test_interrupts_are_captured_and_asked_for() -> None:
    with internals.capture_interrupts():
        assert internals.check_captured_interrupt() is False


def test_the_webserver_makes_its_application_of_the_class_that_is_replaced() -> None:
    """``local/webserver_process.py`` puts the guard there; a browser proves it in the integration tests."""
    assert dagster_webserver.app.DagsterWebserver is DagsterWebserver  # type: ignore[attr-defined]
    made = inspect.getsource(dagster_webserver.app.create_app_from_workspace_process_context)
    assert "DagsterWebserver(" in made
    assert "create_app_from_workspace_process_context(" in inspect.getsource(dagster_webserver.cli)
    assert "middleware=self.build_middleware()" in inspect.getsource(DagsterWebserver.create_asgi_app)
