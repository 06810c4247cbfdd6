"""One element set per object, from everything received up to the end of the epoch day."""

from collections.abc import Callable
from datetime import date

import numpy as np
from dagster import AssetExecutionContext, MetadataValue

from ssa_pipeline.chain.plan import selection_facts
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog as clean
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.records import Receipts, RecordSpans
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.defs.known_objects import TableReader, TablesRead, table_facts, tables_shown
from ssa_pipeline.defs.partitions import chain_asset
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.defs.slices.describe import (
    ages_shown,
    markdown_table,
    objects_by_flag,
    objects_by_regime,
    regimes_shown,
    rejected_by_rule,
    rejected_shown,
)
from ssa_pipeline.defs.slices.slice_stream import Computed, SliceEvents, SliceInput, each_slice
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.slices.records import ReceivedDay


@chain_asset(
    kinds={"python"},
    description="For each object the newest valid element set among the snapshots received up to the end of the "
    "epoch day; stale, duplicate, superseded, decayed (says SGP4, SATCAT or a message) and implausible ones are "
    "set apart with their rule.",
)
def clean_catalog(context: AssetExecutionContext, raw_tle_snapshots: SliceInput) -> SliceEvents:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage
    tables = TableReader(storage)

    def compute(key: str, received: ReceivedDay, _: Watch) -> Computed:
        day = date.fromisoformat(key)
        storage.gate.demand_trusted(day)
        read = tables.read(day)
        catalog = _chosen(received, day, read, settings, storage)
        return Computed(
            catalog, _facts(catalog, received, settings) | table_facts(catalog, read), _shown(catalog, read)
        )

    yield from each_slice(context, compute, raw_tle_snapshots)


def _chosen(received: ReceivedDay, day: date, read: TablesRead, settings: Settings, storage: Storage) -> CleanCatalog:
    return clean(
        received.element_sets,
        day,
        received.receipts,
        read.known,
        max_age_days=settings.max_age_days,
        source_priority=settings.source_priority,
        supplemental_max_age_days=settings.supplemental_max_age_days,
        record_bytes=lambda receipts: record_bytes(receipts, storage.records),
    )


def record_bytes(receipts: Receipts, records: Callable[[int, RecordSpans], list[bytes]]) -> list[bytes]:
    """The bytes of records as received, b"" where nobody noted their place; ``records`` reads those of a snapshot."""
    found = [b""] * len(receipts)
    is_known = receipts.byte_count > 0
    for snapshot_id in np.unique(receipts.snapshot_id[is_known]).tolist():
        rows = np.flatnonzero(is_known & (receipts.snapshot_id == snapshot_id))
        for row, raw in zip(rows.tolist(), records(snapshot_id, receipts.take(rows)), strict=True):
            found[row] = raw
    return found


def _facts(catalog: CleanCatalog, received: ReceivedDay, settings: Settings) -> dict[str, object]:
    return {
        "objects": len(catalog.element_sets),
        "objects_by_regime": objects_by_regime(catalog.element_sets),
        "rejected_by_rule": rejected_by_rule(catalog.rejected),
        "forward_epochs": int(catalog.is_forward_epoch.sum()),
        "flags": objects_by_flag(catalog.flags),
        "aliases": len(catalog.aliases),
        "segment_handovers": len(catalog.handovers),
        **selection_facts(settings, received.held_days),
    }


def _shown(catalog: CleanCatalog, read: TablesRead) -> dict[str, object]:
    return {
        **ages_shown(catalog.age_days),
        **regimes_shown(catalog.element_sets),
        **tables_shown(catalog, read),
        **rejected_shown(catalog.rejected),
        "forward_epochs": int(catalog.is_forward_epoch.sum()),
        "flags": MetadataValue.md(markdown_table(["flag", "objects"], objects_by_flag(catalog.flags).items())),
        "aliases": len(catalog.aliases),
        "segment_handovers": len(catalog.handovers),
    }
