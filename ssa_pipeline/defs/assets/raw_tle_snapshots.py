"""What was received on the epoch day, read from the bytes in PostgreSQL."""

from datetime import date

import numpy as np
from dagster import AssetExecutionContext, MetadataValue

from ssa_pipeline.chain.errors import NothingReceivedError
from ssa_pipeline.core.records import GP
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.defs.partitions import chain_asset
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.defs.slices.describe import markdown_table, rejected_by_rule, rejected_shown
from ssa_pipeline.defs.slices.slice_stream import Computed, SliceEvents, each_slice
from ssa_pipeline.messages.catalog import ParsedCatalog, parse_catalog
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay


@chain_asset(
    kinds={"python"},
    description="The element sets in the snapshots received (or released) on the epoch day, as read from their "
    "bytes, and every record that could not be read, with file, line and rule.",
)
def raw_tle_snapshots(context: AssetExecutionContext) -> SliceEvents:
    storage: Storage = context.resources.storage

    def compute(key: str, _: Watch) -> Computed:
        epoch_day = date.fromisoformat(key)
        snapshots = storage.snapshots(epoch_day)
        if not any(snapshot.kind == GP for snapshot in snapshots):
            raise NothingReceivedError(epoch_day)
        parsed = [parse_catalog(s.data, s.file_name, accept_bad_checksums=s.accepts_bad_checksums) for s in snapshots]
        received = ReceivedDay.from_parsed(
            epoch_day,
            [
                ParsedSnapshot(s.snapshot_id, c.element_sets, c.rejected, s.source, s.kind, c.spans)
                for s, c in zip(snapshots, parsed, strict=True)
            ],
        )
        return Computed(received, _facts(received, snapshots), _shown(received, snapshots, parsed))

    yield from each_slice(context, compute)


def _facts(received: ReceivedDay, snapshots: list[StoredSnapshot]) -> dict[str, object]:
    return {
        "snapshot_ids": sorted(snapshot.snapshot_id for snapshot in snapshots),
        "objects": _objects(received),
        "rejected_by_rule": rejected_by_rule(received.rejected),
    }


def _objects(received: ReceivedDay) -> int:
    """With GP sets: supplemental ones are never a whole catalogue."""
    return len(np.unique(received.element_sets.norad_id[received.receipts.kind == GP]))


def _shown(received: ReceivedDay, snapshots: list[StoredSnapshot], parsed: list[ParsedCatalog]) -> dict[str, object]:
    rows = [
        (s.file_name, s.source, s.kind, c.format, len(s.data), len(c.element_sets), len(c.rejected))
        for s, c in zip(snapshots, parsed, strict=True)
    ]
    table = markdown_table(["file", "source", "kind", "format", "bytes", "element sets", "rejected"], rows)
    return {
        "objects": _objects(received),
        "element_sets": len(received.element_sets),
        "snapshots": MetadataValue.md(table),
        **rejected_shown(received.rejected),
    }
