"""How one slice is reported to Dagster as materialised, in Dagster's own names.

Dagster reports all partitions of a run when its step has ended, and none of them where it fails. Steps here report each
slice by itself after its commit, so that must not happen again at the end; Dagster has no public switch for it
(``ssa_pipeline_tests/unit/defs/assets/test_chain.py`` holds that each slice of a run is reported once)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ssa_pipeline.chain.slices import SliceVersion
from ssa_pipeline.dagster_internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    MULTIDIMENSIONAL_PARTITION_PREFIX,
    NULL_EVENT_POINTER,
    SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION,
)

# Metadata of an output whose events the step has reported by itself; observable source assets do the same.
ALREADY_REPORTED: Mapping[str, bool] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}


def version_tags(version: SliceVersion, inputs: Iterable[tuple[SliceVersion, int | None]]) -> dict[str, str]:
    """What Dagster compares to tell whether a partition is up to date: the version of the code, the hash of the
    content, and of every input its hash and the event that reported it (None: no such event)."""
    tags = {
        CODE_VERSION_TAG: version.code_version,
        DATA_VERSION_TAG: version.content_hash,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
    }
    for read, storage_id in inputs:
        tags[f"{INPUT_DATA_VERSION_TAG_PREFIX}/{read.key.asset}"] = read.content_hash
        tags[f"{INPUT_EVENT_POINTER_TAG_PREFIX}/{read.key.asset}"] = str(storage_id or NULL_EVENT_POINTER)
    if version.key.lead_day is not None:
        tags[f"{MULTIDIMENSIONAL_PARTITION_PREFIX}epoch_day"] = version.key.epoch_day.isoformat()
        tags[f"{MULTIDIMENSIONAL_PARTITION_PREFIX}lead_day"] = str(version.key.lead_day)
    return tags
