"""``ssa ingest``: catalogue files into the database, as received."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import STANDARD, AcceptBadChecksums, parse_day
from ssa_pipeline.cli.patience import patience

if TYPE_CHECKING:
    from ssa_pipeline.core.records import RejectedRecord
    from ssa_pipeline.settings import DatabaseUrl, Settings
    from ssa_pipeline.use_cases import intake as use_case

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
    from ssa_pipeline.use_cases import intake as use_case

    day = parse_day(epoch_day) or datetime.now(UTC).date()
    _refuse_far_ahead(day)
    settings = read_settings()
    accept = accept_bad_checksums or source in settings.sources.accept_bad_checksums
    url = database_url(settings)
    intake = FileIntake(use_case.Intake(url, day, source, kind and kind.value, accept))
    _warn_of_day_without_partition(day, settings.first_day)
    with patience("reading") as talker:
        for file in files:
            talker.now(f"reading {file}")
            intake.take(file)
        talker.now("telling the UI with which day it begins")
        _begin_where_data_begin(settings, url)
    intake.warn_of_partial_release()
    intake.raise_problems()


class FileIntake:
    """Hands files to ``use_cases.intake`` one by one, tells what became of each, and goes on after a bad one."""

    def __init__(self, intake: use_case.Intake) -> None:
        self._intake = intake
        self._n_stored = 0
        self._n_refused = 0

    def take(self, file: str) -> None:
        """Check, store and report one file, or tell why not."""
        from ssa_pipeline.messages.catalog import CatalogFormatError
        from ssa_pipeline.use_cases.intake import NotTakenError, TakenCatalog

        name = "standard input" if file == STANDARD else Path(file).name
        try:
            data = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
        except OSError as error:
            self._refuse(f"{file}: {(error.strerror or str(error)).lower()}")
            return
        try:
            taken = self._intake.take(data, name)
        except NotTakenError as error:
            _print_rejected(error.rejected)
            self._refuse(str(error))
        except CatalogFormatError as error:
            self._refuse(str(error))
        else:
            self._n_stored += 1
            if isinstance(taken, TakenCatalog):
                _print_catalog(name, taken)
            else:
                _print_table(name, taken)

    def warn_of_partial_release(self) -> None:
        """The rule that holds back the catalogue later (completeness gate), said at once."""
        verdict = self._intake.verdict()
        if verdict is not None and verdict.is_held:
            advice = "the files are stored, but the completeness gate will hold this day back: ingest what is missing"
            _warn(f"{self._intake.epoch_day} has {'; '.join(verdict.reasons)}; {advice}")

    def raise_problems(self) -> None:
        """CliError where a file was refused."""
        if self._n_refused:
            code = Exit.FAILED if self._n_stored else Exit.NO_USABLE_INPUT
            n_files = self._n_refused + self._n_stored
            raise CliError(f"{self._n_refused} of {n_files} files refused, {self._n_stored} stored", code)

    def _refuse(self, problem: str) -> None:
        self._n_refused += 1
        typer.echo(f"ssa: {problem}", err=True)


def _print_catalog(name: str, taken: use_case.TakenCatalog) -> None:
    from ssa_pipeline.core.catalog.shared_numbers import shared_numbers

    catalog, snapshot = taken.catalog, taken.snapshot
    _print_notes(catalog.notes)
    if count := catalog.n_bad_checksums:
        again = "" if snapshot.is_new else f"; `ssa materialize --epoch-day {snapshot.epoch_day} --force` uses them"
        _warn(f"{name}: {count:,} records are used although their checksum is wrong{again}")
    what = "stored" if snapshot.is_new else "was stored before"
    if snapshot.kind != taken.kind:
        what += f" as {snapshot.kind}, which it stays"
    elif taken.kind != Kind.GP:
        what += f" as {taken.kind}"
    counts = f"{len(catalog.element_sets):,} element sets usable, {len(catalog.rejected):,} rejected"
    typer.echo(f"{name}: {counts}; {what} for {snapshot.epoch_day}")
    _print_rejected(catalog.rejected)
    for number, names in shared_numbers(catalog.element_sets).items():
        _warn(f"{name}: {number} is the number of {len(names)} objects, one of which is used: {', '.join(names)}")


def _print_table(name: str, taken: use_case.TakenTable) -> None:
    table, snapshot = taken.table, taken.snapshot
    _print_notes(table.notes)
    what = "stored" if snapshot.is_new else "was stored before"
    counts = f"{len(table):,} rows usable, {len(table.rejected):,} rejected"
    typer.echo(f"{name}: a {table.kind} table, no element sets: {counts}; {what} for {snapshot.epoch_day}")
    if taken.lack:
        _warn(f"{name}: {taken.lack}")
    _print_rejected(table.rejected)


def _warn(said: str) -> None:
    typer.echo(f"ssa: WARNING: {said}", err=True)


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        _warn(note)


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
        _warn(f"{day} lies ahead: it can be computed from that day on (today is {today})")
    if day < first_day:
        _warn(f"{day} is before the first day that is computed, {first_day}: set SSA_FIRST_DAY")
