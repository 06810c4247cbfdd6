"""How one slice is reported to Dagster as materialised, in Dagster's own names; its columns, and a query for its rows.

Dagster reports all partitions of a run when its step has ended, and none of them where it fails. Steps here report each
slice by itself after its commit, so that must not happen again at the end; Dagster has no public switch for it
(``ssa_pipeline_tests/unit/defs/assets/test_chain.py`` holds that each slice of a run is reported once)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dagster import TableColumn, TableSchema

from ssa_pipeline.chain.links import (
    CLEAN_CATALOG,
    CONJUNCTION_CANDIDATES,
    EPHEMERIS_CHUNKS,
    RAW_TLE_SNAPSHOTS,
    REFINED_EVENTS,
)
from ssa_pipeline.chain.slice_key import SliceKey
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
from ssa_pipeline.storage.schema.quantities import QUANTITIES
from ssa_pipeline.storage.schema.tables import TABLE
from ssa_pipeline.storage.schema.views import VIEWS

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


class _Rows(NamedTuple):
    """The rows of a slice as people see them: columns of the storage contract, and a query that gives them."""

    columns: Iterable[str]
    query: str


_ROWS = {
    RAW_TLE_SNAPSHOTS: _Rows(
        TABLE["catalog.element_set"].columns,
        "SELECT e.* FROM catalog.sighting s JOIN catalog.element_set e USING (element_set_id)"
        " WHERE s.epoch_day = DATE '{day}';",
    ),
    CLEAN_CATALOG: _Rows(
        TABLE["screening.clean_catalog"].columns,
        "SELECT * FROM screening.clean_catalog WHERE epoch_day = DATE '{day}';",
    ),
    EPHEMERIS_CHUNKS: _Rows(
        TABLE["screening.ephemeris_chunk"].columns,
        "SELECT * FROM screening.ephemeris_chunk WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
    ),
    CONJUNCTION_CANDIDATES: _Rows(
        TABLE["screening.conjunction_candidate"].columns,
        "SELECT * FROM screening.conjunction_candidate WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
    ),
    REFINED_EVENTS: _Rows(
        next(view for view in VIEWS if view.name == "events").columns,
        "SELECT * FROM ssa.events WHERE epoch_day = DATE '{day}' AND lead_day = {lead};",
    ),
}


def column_schema(asset: str) -> TableSchema:
    """Names, types and comments (with units) of the columns that ``slice_query`` gives."""
    shown = ((name, *QUANTITIES[name]) for name in _ROWS[asset].columns)
    return TableSchema(columns=[TableColumn(name, kind, description=comment) for name, kind, comment in shown])


def slice_query(key: SliceKey) -> str:
    """A SELECT that shows the rows of a slice, to be copied by people; the program never executes it."""
    return _ROWS[key.asset].query.format(day=key.epoch_day, lead=key.lead_day)
