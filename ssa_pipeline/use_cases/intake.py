"""A catalogue or a table that somebody hands over: checked, stored as received, and judged as a release with what came
for its day before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from ssa_pipeline.core.catalog.completeness import Release, Verdict, judge, release_of
from ssa_pipeline.core.catalog.segments import are_segments
from ssa_pipeline.core.records import GP, SUPPLEMENTAL_GP, ElementSets, RejectedRecord
from ssa_pipeline.messages.catalog import ParsedCatalog, parse_catalog
from ssa_pipeline.messages.satcat import ParsedTable, kind_by_columns, parse_table
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.receipts.release_gate import ReleaseGate
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot, read_snapshots, store_snapshot
from ssa_pipeline.use_cases.receive import receive_table


class NotTakenError(ValueError):
    """What was handed over is not stored, or not as what it was said to be; ``rejected``: its records, where that is
    why."""

    def __init__(self, message: str, rejected: list[RejectedRecord] | None = None) -> None:
        super().__init__(message)
        self.rejected = rejected or []


@dataclass(frozen=True)
class TakenCatalog:
    """A catalogue and its receipt. ``kind``: what it was taken for; a receipt of before keeps its own."""

    catalog: ParsedCatalog
    snapshot: StoredSnapshot
    kind: str


@dataclass(frozen=True)
class TakenTable:
    """A SATCAT, decay or TIP table and its receipt. ``lack``: why it is not used, empty where it is."""

    table: ParsedTable
    snapshot: StoredSnapshot
    lack: str


@dataclass
class Intake:
    """Takes one after the other, for one epoch day."""

    url: DatabaseUrl
    epoch_day: date
    source: str
    kind: str | None = None  # of the catalogues: GP or SUPPLEMENTAL_GP; None: told by their columns and names
    accept_bad_checksums: bool = False
    _stored: dict[str, ElementSets] = field(default_factory=dict)  # catalogues by sha256
    _has_gp: bool = False

    def take(self, data: bytes, name: str) -> TakenCatalog | TakenTable:
        """Check and store bytes as received; the same twice changes nothing. CatalogFormatError where they are neither
        catalogue nor table, NotTakenError where no record can be used, or where they were stored before for this day as
        another kind than the one that is asked for; errors of the database as they are."""
        told = kind_by_columns(data)
        if told not in (None, SUPPLEMENTAL_GP):
            return self._take_table(data, name, parse_table(data, name))
        catalog = parse_catalog(data, name, accept_bad_checksums=self.accept_bad_checksums)
        if told is None and are_segments(catalog.element_sets.object_name):
            told = SUPPLEMENTAL_GP
        return self._take_catalog(data, name, catalog, self.kind or told or GP)

    def verdict(self) -> Verdict | None:
        """What the completeness gate will say of the day with all that was received for it; None where nothing was
        taken that it looks at."""
        if not self._has_gp:
            return None
        gate = ReleaseGate(self.url)
        earlier = gate.newest_received_day(self.epoch_day)
        before = None if earlier is None else self._release(earlier)
        return judge(self._release(self.epoch_day), before, **gate.over_weeks(self.epoch_day))

    def _take_catalog(self, data: bytes, name: str, catalog: ParsedCatalog, kind: str) -> TakenCatalog:
        if not len(catalog.element_sets):
            said = f"{name}: none of its {len(catalog.rejected):,} records can be used; it is not stored"
            raise NotTakenError(said, catalog.rejected)
        accepts = catalog.n_bad_checksums > 0
        snapshot = store_snapshot(self.url, data, kind=kind, accept_bad_checksums=accepts, **self._receipt(name))
        if snapshot.kind != kind and self.kind is not None:
            raise NotTakenError(
                f"{name}: was stored before for {self.epoch_day} as {snapshot.kind}, and stays that: what was received "
                f"does not change. Store it as {kind} for another day (--epoch-day)"
            )
        self._stored[snapshot.sha256] = catalog.element_sets
        self._has_gp |= snapshot.kind == GP
        return TakenCatalog(catalog, snapshot, kind)

    def _take_table(self, data: bytes, name: str, table: ParsedTable) -> TakenTable:
        if not len(table):
            said = f"{name}: none of the {len(table.rejected):,} rows can be used; it is not stored"
            raise NotTakenError(said, table.rejected)
        snapshot, lack = receive_table(self.url, data, table, **self._receipt(name))
        return TakenTable(table, snapshot, lack)

    def _receipt(self, name: str) -> dict[str, Any]:
        return {
            "file_name": name,
            "source": self.source,
            "epoch_day": self.epoch_day,
            "received_at": datetime.now(UTC),
        }

    def _release(self, day: date) -> Release:
        parts = [self._sets_of(snapshot) for snapshot in read_snapshots(self.url, day)]
        return release_of(ElementSets.concat(parts) if parts else ElementSets.empty(), day)

    def _sets_of(self, snapshot: StoredSnapshot) -> ElementSets:
        known = self._stored.get(snapshot.sha256)
        if known is not None:
            return known
        accepts = snapshot.accepts_bad_checksums
        return parse_catalog(snapshot.data, snapshot.file_name, accept_bad_checksums=accepts).element_sets
