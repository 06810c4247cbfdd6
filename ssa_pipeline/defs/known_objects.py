"""SATCAT, decay and TIP tables for the catalogue of a day: read from the bytes in storage, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dagster import MetadataValue

from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.catalog.satcat import DecayMessages, KnownObjects, Satcat, objects_by_type
from ssa_pipeline.core.records import PARTIAL_SATCAT, SATCAT
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.defs.slices.describe import markdown_table, rejected_by_rule
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.messages.satcat import ParsedTable, parse_table
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot


@dataclass(frozen=True)
class TablesRead:
    """``known`` is None where there is no table; ``facts`` says of each kind which one was read."""

    known: KnownObjects | None
    facts: dict[str, dict[str, Any]]


@dataclass
class TableReader:
    """Reads the tables that count for a day; those of the day before are kept, since they often count again."""

    storage: Storage
    # by content and the file's name, which messages tell; a text: unreadable
    _parsed: dict[tuple[str, str], ParsedTable | str] = field(default_factory=dict, repr=False)

    def read(self, epoch_day: date) -> TablesRead:
        """The newest table of each kind received up to the end of ``epoch_day``; a newer but partial SATCAT is told."""
        newest = {s.kind: s for s in self.storage.newest_tables(epoch_day)}
        partial = newest.pop(PARTIAL_SATCAT, None)
        snapshots = list(newest.values())
        self._parsed = {(s.sha256, s.file_name): self._table(s) for s in snapshots}
        tables = [(s, self._table(s)) for s in snapshots]
        readable = [(s, table) for s, table in tables if isinstance(table, ParsedTable)]
        facts = {s.kind: _facts(s, table) for s, table in tables}
        if partial and _is_newer(partial, newest.get(SATCAT)):
            facts[PARTIAL_SATCAT] = _receipt(partial) | {"not_used": "lacks objects of the SATCAT before"}
        return TablesRead(_known(readable), facts)

    def _table(self, snapshot: StoredSnapshot) -> ParsedTable | str:
        known = self._parsed.get((snapshot.sha256, snapshot.file_name))
        return _parse(snapshot) if known is None else known


def _parse(snapshot: StoredSnapshot) -> ParsedTable | str:
    try:
        return parse_table(snapshot.data, snapshot.file_name)
    except CatalogFormatError as error:
        return str(error)  # the catalogue of the day does without it, and says so


def _known(tables: list[tuple[StoredSnapshot, ParsedTable]]) -> KnownObjects | None:
    if not tables:
        return None
    return KnownObjects(
        Satcat.concat([table.satcat for _, table in tables]),
        next((snapshot.epoch_day for snapshot, table in tables if table.kind == SATCAT), None),
        DecayMessages.concat([table.messages for _, table in tables]),
    )


def _is_newer(snapshot: StoredSnapshot, used: StoredSnapshot | None) -> bool:
    return used is None or (snapshot.epoch_day, snapshot.received_at) > (used.epoch_day, used.received_at)


def _receipt(snapshot: StoredSnapshot) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot.snapshot_id,
        "sha256": snapshot.sha256,
        "epoch_day": snapshot.epoch_day.isoformat(),
        "file_name": snapshot.file_name,
    }


def _facts(snapshot: StoredSnapshot, table: ParsedTable | str) -> dict[str, Any]:
    facts = _receipt(snapshot)
    if isinstance(table, str):
        return facts | {"unreadable": table}
    return facts | {"rows": len(table), "rejected_by_rule": rejected_by_rule(table.rejected)}


def _rows_shown(fact: dict[str, Any]) -> object:
    return next(fact[name] for name in ("rows", "unreadable", "not_used") if name in fact)


def table_facts(catalog: CleanCatalog, read: TablesRead) -> dict[str, Any]:
    """For the slice's log: which tables were used, and the objects by type where one of them is a SATCAT."""
    if read.known is None or read.known.satcat_day is None:
        return {"tables": read.facts}
    by_type = objects_by_type(catalog.element_sets.norad_id, read.known.satcat)
    return {"tables": read.facts, "objects_by_type": by_type}


def tables_shown(catalog: CleanCatalog, read: TablesRead) -> dict[str, Any]:
    """The same for people."""
    facts = table_facts(catalog, read)
    if not read.facts:
        return {"tables": "no SATCAT, decay or TIP table was received up to this day: decays are SGP4's alone"}
    rows = [
        (kind, fact["file_name"], fact["epoch_day"], _rows_shown(fact), fact["sha256"][:12])
        for kind, fact in read.facts.items()
    ]
    shown = {"tables": MetadataValue.md(markdown_table(["kind", "file", "received on", "rows", "sha256"], rows))}
    if "objects_by_type" in facts:
        table = markdown_table(["type", "objects"], facts["objects_by_type"].items())
        shown["objects_by_type"] = MetadataValue.md(table)
    return shown
