"""The IO manager: an asset's partitions are slices in PostgreSQL, each written in one transaction by its step, as soon
as it is computed (``slice_stream.each_slice``).

All slices that a run may write are claimed when a process takes it up, under one token: whoever takes the run over, or
starts another for the same slices, gets a higher one, and this process loses against it at its next write.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from dagster import (
    DagsterRun,
    InitResourceContext,
    InputContext,
    IOManager,
    OutputContext,
    io_manager,
)

from ssa_pipeline.chain.links import DAILY_ASSETS, SCREENING_ASSETS, partition_key
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.chain.slices import Slices, SliceVersion
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.defs.slices.slice_stream import SliceInput
from ssa_pipeline.settings import Settings

_PARTITION = "dagster/partition"
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"


class PostgresSliceIOManager(IOManager):
    """Gives SliceInputs, and writes slices for the steps of one attempt."""

    def __init__(self, slices: Slices, settings: Settings, run: DagsterRun) -> None:
        self._slices = slices
        self._settings = settings
        self._run_id = run.run_id
        self._claimed = set(slices_of_run(run))
        self._token = slices.claim(self._claimed, run.run_id) if self._claimed else None

    def load_input(self, context: InputContext) -> SliceInput:
        return SliceInput(context.asset_key.to_python_identifier(), self._slices, self._settings)

    def handle_output(self, context: OutputContext, obj: None) -> None:
        """Nothing is left to do: the step wrote its slices."""

    def demand_writable(self, key: SliceKey, inputs: dict[str, int]) -> None:
        """The errors that ``write`` would raise, before the work is done."""
        if key not in self._claimed:  # a run whose tags do not tell its partitions
            self._token = self._slices.claim([key], self._run_id, self._token)
            self._claimed.add(key)
        self._slices.demand_writable(key, inputs, token=self._owned(key), run_id=self._run_id)

    def write(self, key: SliceKey, value: Any, inputs: dict[str, int], facts: dict[str, Any]) -> SliceVersion:
        """One slice, whole or not at all; see ``storage.slices.store.SliceStore.write``."""
        return self._slices.write(
            key,
            value,
            token=self._owned(key),
            run_id=self._run_id,
            code_version=CODE_VERSIONS[key.asset],
            inputs=inputs,
            metadata=facts,
        )

    def _owned(self, key: SliceKey) -> int:
        if self._token is None:
            raise ValueError(f"{key} was not claimed: ask whether it is writable first")
        return self._token


@io_manager(required_resource_keys={"storage", "settings"}, description="Slices in PostgreSQL, written under a token.")
def postgres_slice_io_manager(context: InitResourceContext) -> PostgresSliceIOManager:
    if context.run is None:
        raise ValueError("the slices of a run can only be written inside a run")
    return PostgresSliceIOManager(context.resources.storage.slices, context.resources.settings, context.run)


def slices_of_run(run: DagsterRun) -> list[SliceKey]:
    """Every slice that a run may write, told from its tags and its selection of assets. A run of checks alone writes
    none, and must not take a slice from the run that is about to write it."""
    keys = _partition_keys(run)
    kind: tuple[str, ...] = SCREENING_ASSETS if any("|" in key for key in keys) else DAILY_ASSETS
    if run.asset_selection is not None or run.asset_check_selection:  # else it is all of the job
        chosen = {asset.to_python_identifier() for asset in run.asset_selection or ()}
        kind = tuple(asset for asset in kind if asset in chosen)
    return [slice_key(asset, key) for asset in kind for key in keys]


def _partition_keys(run: DagsterRun) -> Iterable[str]:
    if _PARTITION in run.tags:
        return [run.tags[_PARTITION]]
    if _RANGE_START not in run.tags:
        return []
    # Not asked of the definitions: those of a process that was started before may begin with a later day.
    (first, _, lead), (last, _, last_lead) = (run.tags[tag].partition("|") for tag in (_RANGE_START, _RANGE_END))
    begin = date.fromisoformat(first)
    days = [begin + timedelta(days=k) for k in range((date.fromisoformat(last) - begin).days + 1)]
    leads = range(int(lead), int(last_lead) + 1) if lead else [None]
    return [partition_key(day, lead_day) for day in days for lead_day in leads]
