"""Everything that the package uses of Dagster and that Dagster does not promise, in one place: an upgrade begins here.
``unit/test_dagster_internals.py`` says what is expected of each, and that nothing else is imported.

(`local/daemon_process.py` and `webserver_process.py` are Dagster's own commands with something put before.)
"""

from __future__ import annotations

# a run is handed to a worker, and executed by it
from dagster._core.code_pointer import ModuleCodePointer

# where back-fills are cut into runs
from dagster._core.definitions import automation_tick_evaluation_context as backfill_cuts
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

# what a slice was computed from, as Dagster notes it with a materialisation
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    NULL_EVENT_POINTER,
)
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.errors import (
    DagsterDefinitionChangedDeserializationError,
    DagsterExecutionInterruptedError,
)

# back-fills under way, and what they have yet to launch
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator, RunQueueConfig
from dagster._core.storage.tags import (
    BACKFILL_ID_TAG,
    MULTIDIMENSIONAL_PARTITION_PREFIX,
    PRIORITY_TAG,
    WILL_RETRY_TAG,
)
from dagster._grpc.impl import core_execute_run
from dagster._serdes import ConfigurableClass, ConfigurableClassData

# a cancelled run stops its kernels
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

__all__ = [
    "BACKFILL_ID_TAG",
    "CODE_VERSION_TAG",
    "DATA_VERSION_IS_USER_PROVIDED_TAG",
    "DATA_VERSION_TAG",
    "INPUT_DATA_VERSION_TAG_PREFIX",
    "INPUT_EVENT_POINTER_TAG_PREFIX",
    "MULTIDIMENSIONAL_PARTITION_PREFIX",
    "NULL_EVENT_POINTER",
    "PRIORITY_TAG",
    "SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION",
    "WILL_RETRY_TAG",
    "AssetGraph",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "DagsterDefinitionChangedDeserializationError",
    "DagsterExecutionInterruptedError",
    "LaunchRunContext",
    "ModuleCodePointer",
    "PartitionBackfill",
    "QueuedRunCoordinator",
    "ReconstructableJob",
    "ReconstructableRepository",
    "RunLauncher",
    "RunQueueConfig",
    "StepFailureData",
    "WorkerStatus",
    "backfill_cuts",
    "capture_interrupts",
    "check_captured_interrupt",
    "core_execute_run",
]
