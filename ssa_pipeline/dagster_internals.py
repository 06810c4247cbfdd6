"""Everything that the package uses of Dagster and that Dagster does not promise, in one place: an upgrade begins here.
``unit/test_dagster_internals.py`` says what is expected of each, and that nothing else is imported.

(`local/daemon_process.py` and `webserver_process.py` are Dagster's own commands with something put before.)
"""

from __future__ import annotations

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
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.errors import (
    DagsterDefinitionChangedDeserializationError,
    DagsterExecutionInterruptedError,
    DagsterUserCodeUnreachableError,
)

# back-fills under way, and what they have yet to launch
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.execution.plan.objects import StepFailureData

# whether the process of a run lives
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG, MULTIDIMENSIONAL_PARTITION_PREFIX, PRIORITY_TAG, WILL_RETRY_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

# a cancelled run stops its kernels
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

__all__ = [
    "CODE_VERSION_TAG",
    "DATA_VERSION_IS_USER_PROVIDED_TAG",
    "DATA_VERSION_TAG",
    "GRPC_INFO_TAG",
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
    "CanCancelExecutionRequest",
    "CanCancelExecutionResult",
    "CheckRunHealthResult",
    "DagsterDefinitionChangedDeserializationError",
    "DagsterExecutionInterruptedError",
    "DagsterGrpcClient",
    "DagsterUserCodeUnreachableError",
    "DefaultRunLauncher",
    "PartitionBackfill",
    "StepFailureData",
    "WorkerStatus",
    "backfill_cuts",
    "capture_interrupts",
    "check_captured_interrupt",
    "deserialize_value",
]
