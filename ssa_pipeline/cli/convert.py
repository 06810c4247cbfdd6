"""``ssa convert``: a catalogue file in another format (docs/formats.md), without a database."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AcceptBadChecksums, bytes_of, file_named

if TYPE_CHECKING:
    from ssa_pipeline.core.records import RejectedRecord
    from ssa_pipeline.messages.catalog import ParsedCatalog
    from ssa_pipeline.messages.catalog_write import Unrepresentable, Written

_PACKINGS = (".gz", ".zip")
_SHOWN = 100  # records named one by one
_OLDEST_IN_ZIP = (1980, 1, 1, 0, 0, 0)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("convert", no_args_is_help=True)(convert)


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="OMM (CSV, JSON, XML, KVN), TLE or 3LE, plain or packed; - is standard input."
        ),
    ],
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="File to write, packed if it ends in .gz or .zip; - is standard output."),
    ],
    to: Annotated[
        str, typer.Option("--to", help="tle, 3le, csv, json, xml or kvn (the last four: OMM); default OUT's ending.")
    ] = "",
    skip_unrepresentable: Annotated[
        bool, typer.Option("--skip-unrepresentable", help="Leave out what the format cannot hold, instead of failing.")
    ] = False,
    accept_bad_checksums: AcceptBadChecksums = False,
) -> None:
    """Write a catalogue in another format, whole or not at all.

    OMM keeps every number to the last bit. TLE and 3LE round to their columns (how many records, is said) and cannot
    hold numbers above 339999 and the like: such records are named, and nothing is written unless they may be left out.
    Records of IN that cannot be read are named and left out. Exit code: 0 written, 1 not, 3 nothing usable in IN.
    """
    from ssa_pipeline.cli.whole_file import check_writable, write_whole_file
    from ssa_pipeline.messages.catalog_write import write_catalog

    target = _target(out, to)
    check_writable(out, "OUT")
    catalog = _read(source, accept_bad_checksums)
    for note in catalog.notes:
        print(f"ssa: {note}", file=sys.stderr)
    if catalog.n_bad_checksums:
        print(f"ssa: {catalog.n_bad_checksums:,} records with a wrong checksum are used", file=sys.stderr)
    _report_rejected(catalog.rejected)
    if not len(catalog.element_sets):
        raise CliError(f"{source}: none of its {len(catalog.rejected):,} records can be used", Exit.NO_USABLE_INPUT)
    written = write_catalog(catalog.element_sets, target, datetime.now(UTC))
    _report_unrepresentable(written.unrepresentable, target)
    if written.unrepresentable and not (skip_unrepresentable and written.count):
        n = len(written.unrepresentable)
        raise CliError(
            f"{n:,} of {n + written.count:,} records do not fit {target}; nothing was written. "
            "Choose another format, or --skip-unrepresentable"
        )
    write_whole_file(out, "OUT", _packed(written.text.encode(), out, target))
    _report_written(written, out, target)


def _target(out: str, to: str) -> str:
    from ssa_pipeline.messages.catalog_write import FORMATS

    known = ", ".join(FORMATS)
    if to and to.lower() not in FORMATS:
        raise CliError(f"--to {to!r} is none of {known}", Exit.USAGE)
    path = Path(out)
    ending = (path.with_suffix("") if path.suffix.lower() in _PACKINGS else path).suffix.lower().removeprefix(".")
    if not to and ending not in FORMATS:
        raise CliError(f"OUT {out} does not end in one of {known}: say --to", Exit.USAGE)
    return to.lower() or ending


def _read(source: str, accept_bad_checksums: bool) -> ParsedCatalog:
    from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog

    data = bytes_of(source)
    try:
        return parse_catalog(data, file_named(source), accept_bad_checksums=accept_bad_checksums)
    except CatalogFormatError as error:
        raise CliError(str(error), Exit.NO_USABLE_INPUT) from None


def _packed(data: bytes, out: str, target: str) -> bytes:
    """The same bytes for the same content: no times, no names of this machine."""
    path = Path(out)
    if path.suffix.lower() == ".gz":
        return gzip.compress(data, mtime=0)
    if path.suffix.lower() != ".zip":
        return data
    packed = io.BytesIO()
    inner = path.with_suffix("").name
    name = inner if Path(inner).suffix else f"{inner}.{target}"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, _OLDEST_IN_ZIP), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _report_rejected(rejected: list[RejectedRecord]) -> None:
    lines = [f"{r.source_file} line {r.source_line}: {r.rule.value}: {r.detail}" for r in rejected]
    _say("rejected", lines)


def _report_unrepresentable(problems: list[Unrepresentable], target: str) -> None:
    lines = [f"{p.source_file} line {p.source_line}: {p.norad_id} {p.object_name}: {p.why}" for p in problems]
    _say(f"does not fit {target}", lines)


def _say(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        print(f"ssa: {what}: {line}", file=sys.stderr)
    if len(lines) > _SHOWN:
        print(f"ssa: {what}: {len(lines) - _SHOWN:,} more", file=sys.stderr)


def _report_written(written: Written, out: str, target: str) -> None:
    left_out = f", {len(written.unrepresentable):,} left out" if written.unrepresentable else ""
    print(f"ssa: {written.count:,} element sets written to {out} as {target}{left_out}", file=sys.stderr)
    losses: Mapping[str, int] = written.losses
    if lost := [f"{name} in {count:,}" for name, count in losses.items() if count]:
        print(f"ssa: shortened to what {target} holds: {', '.join(lost)}", file=sys.stderr)
