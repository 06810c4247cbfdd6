"""One element set per object, from everything received up to the end of the epoch day."""

from dataclasses import replace
from datetime import date

from dagster import AssetExecutionContext, MetadataValue

from ssa_pipeline.core.clean_catalog import CleanCatalog
from ssa_pipeline.core.clean_catalog import clean_catalog as clean
from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.messages.catalog import Place, record_bytes
from ssa_pipeline.orchestration.describe import (
    ages_shown,
    markdown_table,
    objects_by_flag,
    objects_by_regime,
    regimes_shown,
    rejected_by_rule,
    rejected_shown,
)
from ssa_pipeline.orchestration.known_objects import TableReader, TablesRead, table_facts, tables_shown
from ssa_pipeline.orchestration.partitions import chain_asset
from ssa_pipeline.orchestration.plan import selection_facts
from ssa_pipeline.orchestration.resources import Storage
from ssa_pipeline.orchestration.slice_stream import Computed, SliceInput, SliceStream, each_slice
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.records import ReceivedDay
from ssa_pipeline.storage.snapshots import StoredSnapshot

_GOOD_SETS = frozenset({RejectRule.SUPERSEDED, RejectRule.DUPLICATE, RejectRule.SUPPLEMENTAL_NOT_USED})


@chain_asset(
    kinds={"python"},
    description="For each object the newest valid element set among the snapshots received up to the end of the "
    "epoch day; stale, duplicate, superseded, decayed (says SGP4, SATCAT or a message) and implausible ones are "
    "set apart with their rule.",
)
def clean_catalog(context: AssetExecutionContext, raw_tle_snapshots: SliceInput) -> SliceStream:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage
    tables = TableReader(storage)

    def compute(key: str, received: ReceivedDay, _: Watch) -> Computed:
        day = date.fromisoformat(key)
        storage.gate.demand_trusted(day)
        read = tables.read(day)
        catalog = with_bytes(_chosen(received, day, read, settings), storage.snapshots(day))
        return Computed(catalog, _facts(catalog, settings) | table_facts(catalog, read), _shown(catalog, read))

    return each_slice(context, compute, raw_tle_snapshots)


def _chosen(received: ReceivedDay, day: date, read: TablesRead, settings: Settings) -> CleanCatalog:
    return clean(
        received.element_sets,
        day,
        received.receipts,
        read.known,
        max_age_days=settings.max_age_days,
        source_priority=settings.source_priority,
        supplemental_max_age_days=settings.supplemental_max_age_days,
    )


def with_bytes(catalog: CleanCatalog, snapshots: list[StoredSnapshot]) -> CleanCatalog:
    """Faulty records of the day's own snapshots, with their bytes. Good sets that are not needed are kept as sets."""
    rejected = list(catalog.rejected)
    faulty: dict[int, dict[int, Place]] = {}
    for row, (record, snapshot_id) in enumerate(zip(rejected, catalog.rejected_snapshot_id.tolist(), strict=True)):
        if record.rule not in _GOOD_SETS:
            place = Place(record.source_file, record.source_line, record.norad_id or 0)
            faulty.setdefault(snapshot_id, {})[row] = place
    for snapshot in snapshots:
        places = faulty.get(snapshot.snapshot_id, {})
        found = record_bytes(snapshot.data, snapshot.file_name, set(places.values())) if places else {}
        for row, place in places.items():
            rejected[row] = replace(rejected[row], raw=found[place])
    return replace(catalog, rejected=rejected)


def _facts(catalog: CleanCatalog, settings: Settings) -> dict[str, object]:
    return {
        "objects": len(catalog.element_sets),
        "objects_by_regime": objects_by_regime(catalog.element_sets),
        "rejected_by_rule": rejected_by_rule(catalog.rejected),
        "forward_epochs": int(catalog.is_forward_epoch.sum()),
        "flags": objects_by_flag(catalog.flags),
        "aliases": len(catalog.aliases),
        **selection_facts(settings),
    }


def _shown(catalog: CleanCatalog, read: TablesRead) -> dict[str, object]:
    return {
        **regimes_shown(catalog.element_sets),
        **tables_shown(catalog, read),
        **rejected_shown(catalog.rejected),
        **ages_shown(catalog.age_days),
        "forward_epochs": int(catalog.is_forward_epoch.sum()),
        "flags": MetadataValue.md(markdown_table(["flag", "objects"], objects_by_flag(catalog.flags).items())),
        "aliases": len(catalog.aliases),
    }
