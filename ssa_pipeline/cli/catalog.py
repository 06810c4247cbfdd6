"""``ssa ingest``: catalogue files into the database, as received."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import STANDARD, AcceptBadChecksums, parse_day
from ssa_pipeline.cli.patience import patience

if TYPE_CHECKING:
    from ssa_pipeline.core.catalog.completeness import Release
    from ssa_pipeline.core.records import ElementSets, RejectedRecord
    from ssa_pipeline.messages.catalog import ParsedCatalog
    from ssa_pipeline.messages.satcat import ParsedTable
    from ssa_pipeline.settings import DatabaseUrl, Settings

_DETAIL_WIDTH = 140


class Kind(StrEnum):
    GP = "gp"
    SUPPLEMENTAL_GP = "supplemental_gp"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("ingest")(ingest)


def ingest(
    files: Annotated[
        list[str],
        typer.Argument(
            help="OMM (CSV, JSON, XML, KVN), TLE or 3LE, or a SATCAT, decay or TIP table; plain or packed; - is "
            "standard input."
        ),
    ],
    epoch_day: Annotated[
        str, typer.Option(help="Day (UTC) of reception or release, e.g. 2024-11-01; today when left out.")
    ] = "",
    source: Annotated[str, typer.Option(help="Where the files come from, kept with them.")] = "file",
    kind: Annotated[
        Kind | None, typer.Option(help="What catalogues are (docs/catalog.md); told by their columns when left out.")
    ] = None,
    accept_bad_checksums: AcceptBadChecksums = False,
) -> None:
    """Check catalogue files, say what of them can be used, and store their bytes for an epoch day.

    A file is stored whole even where some of its records are rejected; one that is no catalogue, or has no usable
    record, is refused and the others are stored. Receiving the same bytes twice changes nothing. Exit code: 0 all
    stored, 1 some refused, 3 none stored, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings

    day = parse_day(epoch_day) or datetime.now(UTC).date()
    _refuse_far_ahead(day)
    settings = read_settings()
    accept = accept_bad_checksums or source in settings.sources.accept_bad_checksums
    intake = Intake(database_url(settings), day, source, kind, accept)
    _warn_of_day_without_partition(day, settings.first_day)
    with patience("reading") as talker:
        for file in files:
            talker.now(f"reading {file}")
            intake.take(file)
        talker.now("telling the UI with which day it begins")
        _begin_where_data_begin(settings, intake.url)
    _warn_of_partial_release(intake)
    intake.raise_problems()


@dataclass
class Intake:
    """Validates and stores files one by one and goes on after a bad one."""

    url: DatabaseUrl
    epoch_day: date
    source: str
    kind: Kind | None = None  # of the catalogues among them; None: told by their columns
    accept_bad_checksums: bool = False
    stored: dict[str, ElementSets] = field(default_factory=dict)  # catalogues by sha256
    has_gp: bool = False
    n_tables: int = 0  # SATCAT, decay and TIP tables stored
    problems: list[str] = field(default_factory=list)

    def take(self, file: str) -> None:
        """Check, report and store one file, or note the problem."""
        from ssa_pipeline.core.catalog.segments import are_segments
        from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
        from ssa_pipeline.messages.satcat import kind_by_columns, parse_table

        name = "standard input" if file == STANDARD else Path(file).name
        try:
            data = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
            told = kind_by_columns(data)
            if told not in (None, Kind.SUPPLEMENTAL_GP):
                self._store_table(data, name, parse_table(data, name))
                return
            catalog = parse_catalog(data, name, accept_bad_checksums=self.accept_bad_checksums)
        except OSError as error:
            self._refuse(f"{file}: {(error.strerror or str(error)).lower()}")
        except CatalogFormatError as error:
            self._refuse(str(error))
        else:
            told = told or (Kind.SUPPLEMENTAL_GP if are_segments(catalog.element_sets.object_name) else None)
            self._store(data, name, catalog, self.kind or Kind(told or Kind.GP))

    def _receipt(self, name: str) -> dict[str, Any]:
        return {
            "file_name": name,
            "source": self.source,
            "epoch_day": self.epoch_day,
            "received_at": datetime.now(UTC),
        }

    def _store(self, data: bytes, name: str, catalog: ParsedCatalog, kind: Kind) -> None:
        from ssa_pipeline.storage.receipts.snapshots import store_snapshot

        n_used, n_rejected = len(catalog.element_sets), len(catalog.rejected)
        if n_used == 0:
            _print_rejected(catalog.rejected)
            self._refuse(f"{name}: none of its {n_rejected:,} records can be used; it is not stored")
            return
        snapshot = store_snapshot(
            self.url,
            data,
            kind=kind.value,
            accept_bad_checksums=catalog.n_bad_checksums > 0,
            **self._receipt(name),
        )
        if snapshot.kind != kind and self.kind is not None:
            self._refuse(
                f"{name}: was stored before for {self.epoch_day} as {snapshot.kind}, and stays that: what was received "
                f"does not change. Store it as {kind} for another day (--epoch-day)"
            )
            return
        self.stored[snapshot.sha256] = catalog.element_sets
        self.has_gp |= snapshot.kind == Kind.GP
        _print_notes(catalog.notes)
        if count := catalog.n_bad_checksums:
            again = "" if snapshot.is_new else f"; `ssa materialize --epoch-day {self.epoch_day} --force` uses them"
            _print_notes([f"{name}: {count:,} records are used although their checksum is wrong{again}"])
        what = "stored" if snapshot.is_new else "was stored before"
        if snapshot.kind != kind:
            what += f" as {snapshot.kind}, which it stays"
        elif kind != Kind.GP:
            what += f" as {kind}"
        typer.echo(f"{name}: {n_used:,} element sets usable, {n_rejected:,} rejected; {what} for {self.epoch_day}")
        _print_rejected(catalog.rejected)
        _warn_of_shared_numbers(name, catalog.element_sets)

    def _store_table(self, data: bytes, name: str, table: ParsedTable) -> None:
        from ssa_pipeline.use_cases.receive import receive_table

        if not len(table):
            _print_rejected(table.rejected)
            self._refuse(f"{name}: none of the {len(table.rejected):,} rows can be used; it is not stored")
            return
        snapshot, lack = receive_table(self.url, data, table, **self._receipt(name))
        self.n_tables += 1
        _print_notes(table.notes)
        what = "stored" if snapshot.is_new else "was stored before"
        counts = f"{len(table):,} rows usable, {len(table.rejected):,} rejected"
        typer.echo(f"{name}: a {table.kind} table, no element sets: {counts}; {what} for {self.epoch_day}")
        if lack:
            typer.echo(f"ssa: WARNING: {name}: {lack}", err=True)
        _print_rejected(table.rejected)

    def _refuse(self, problem: str) -> None:
        self.problems.append(problem)
        typer.echo(f"ssa: {problem}", err=True)

    def raise_problems(self) -> None:
        """CliError where a file was refused."""
        if not self.problems:
            return
        n_refused, n_stored = len(self.problems), len(self.stored) + self.n_tables
        code = Exit.FAILED if n_stored else Exit.NO_USABLE_INPUT
        raise CliError(f"{n_refused} of {n_refused + n_stored} files refused, {n_stored} stored", code)


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        typer.echo(f"ssa: WARNING: {note}", err=True)


def _print_rejected(rejected: list[RejectedRecord]) -> None:
    """One line a rule: how many, and the first as an example."""
    by_rule: dict[str, list[RejectedRecord]] = {}
    for record in rejected:
        by_rule.setdefault(record.rule.value, []).append(record)
    if by_rule:
        typer.echo(f"    {'rule':<32} {'records':>8}  first")
    for rule, records in sorted(by_rule.items(), key=lambda item: -len(item[1])):
        first = records[0]
        detail = first.detail if len(first.detail) <= _DETAIL_WIDTH else first.detail[: _DETAIL_WIDTH - 1] + "…"
        typer.echo(f"    {rule:<32} {len(records):>8,}  line {first.source_line}: {detail}")


def _warn_of_shared_numbers(file_name: str, sets: ElementSets) -> None:
    """Of several objects under one number one is used: they are named at once."""
    from ssa_pipeline.core.catalog.shared_numbers import shared_numbers

    for number, names in shared_numbers(sets).items():
        said = f"{number} is the number of {len(names)} objects, one of which is used: {', '.join(names)}"
        typer.echo(f"ssa: WARNING: {file_name}: {said}", err=True)


def _warn_of_partial_release(intake: Intake) -> None:
    """The same rule holds back the catalogue later (completeness gate); here it is said at once."""
    from ssa_pipeline.core.catalog.completeness import judge
    from ssa_pipeline.storage.receipts.release_gate import ReleaseGate

    if not intake.has_gp:
        return
    gate = ReleaseGate(intake.url)
    earlier = gate.newest_received_day(intake.epoch_day)
    before = None if earlier is None else _received(intake, earlier)
    verdict = judge(_received(intake, intake.epoch_day), before, **gate.over_weeks(intake.epoch_day))
    if verdict.is_held:
        advice = "the files are stored, but the completeness gate will hold this day back: ingest what is missing"
        typer.echo(f"ssa: WARNING: {intake.epoch_day} has {'; '.join(verdict.reasons)}; {advice}", err=True)


def _received(intake: Intake, day: date) -> Release:
    from ssa_pipeline.core.catalog.completeness import release_of
    from ssa_pipeline.core.records import ElementSets
    from ssa_pipeline.messages.catalog import parse_catalog
    from ssa_pipeline.storage.receipts.snapshots import read_snapshots

    parts = []
    for snapshot in read_snapshots(intake.url, day):
        known = intake.stored.get(snapshot.sha256)
        parts.append(
            parse_catalog(
                snapshot.data, snapshot.file_name, accept_bad_checksums=snapshot.accepts_bad_checksums
            ).element_sets
            if known is None
            else known
        )
    return release_of(ElementSets.concat(parts) if parts else ElementSets.empty(), day)


def _begin_where_data_begin(settings: Settings, url: DatabaseUrl) -> None:
    from ssa_pipeline.local.services.shown_days import begin_where_data_begin

    begin_where_data_begin(settings, url, lambda said: typer.echo(f"ssa: {said}", err=True))


def _refuse_far_ahead(day: date) -> None:
    from ssa_pipeline.chain.releases import day_ahead

    ahead = day_ahead(day, datetime.now(UTC))
    if ahead:
        raise CliError(f"--epoch-day {ahead}: nothing is stored for it", Exit.USAGE)


def _warn_of_day_without_partition(day: date, first_day: date) -> None:
    today = datetime.now(UTC).date()
    if day > today:
        typer.echo(f"ssa: WARNING: {day} lies ahead: it can be computed from that day on (today is {today})", err=True)
    if day < first_day:
        said = f"{day} is before the first day that is computed, {first_day}: set SSA_FIRST_DAY"
        typer.echo(f"ssa: WARNING: {said}", err=True)
