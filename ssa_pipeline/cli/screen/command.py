"""The command: its options, and its stages in order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ssa_pipeline.cli.inputs import AcceptBadChecksums
from ssa_pipeline.cli.screen.catalogs import choose, read_catalogs
from ssa_pipeline.cli.screen.engine import screen_objects, termination_as_interrupt
from ssa_pipeline.cli.screen.progress import StageClock
from ssa_pipeline.cli.screen.report import make_report, print_summary, write_stats
from ssa_pipeline.cli.screen.request import LONGEST_HOURS, CsvStyle, checked_request
from ssa_pipeline.cli.screen.volumes import LARGEST_KM, screening_volumes, volume_request
from ssa_pipeline.local.allocator import return_large_arrays


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("screen", no_args_is_help=True)(screen)


def screen(
    catalogs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CATALOG...",
            help="OMM (CSV, JSON, XML, KVN), TLE or 3LE, plain or packed (docs/formats.md); - is standard input.",
        ),
    ],
    start: Annotated[str, typer.Option(help="Begin of the window, UTC, like 2024-11-01T00:00:00Z.")],
    hours: Annotated[float, typer.Option(help=f"Length of the window, at most {LONGEST_HOURS:g}.")],
    out: Annotated[str, typer.Option(help="The events as CSV; - is standard output.")],
    threshold_km: Annotated[
        float | None,
        typer.Option("--threshold-km", help=f"Report what comes nearer, at most {LARGEST_KM:g}.", show_default="5"),
    ] = None,
    volume: Annotated[
        str | None,
        typer.Option(help="Instead of a threshold: half-axes R,T,N of a box in km, or a preset (docs/volumes.md)."),
    ] = None,
    primaries: Annotated[
        Path | None,
        typer.Option(help="File of numbers or names, one per line: only encounters with one of these objects."),
    ] = None,
    objects: Annotated[
        list[str] | None,
        typer.Option("--object", help="Only encounters with this object: number, name or designator. May be repeated."),
    ] = None,
    exclude_same_constellation: Annotated[
        bool, typer.Option("--exclude-same-constellation", help="Leave out Starlink with Starlink, and others alike.")
    ] = False,
    csv_style: Annotated[
        CsvStyle, typer.Option(help="Columns of docs/events-csv.md, or those of CelesTrak's SOCRATES.")
    ] = CsvStyle.EVENTS,
    threads: Annotated[
        int | None, typer.Option(help="Threads; default SSA_THREADS or every core. The answer is the same.")
    ] = None,
    max_age_days: Annotated[
        float | None, typer.Option(help="Oldest epoch used, measured at --start; default no limit.")
    ] = None,
    segments: Annotated[
        bool,
        typer.Option(
            "--segments",
            help="Several sets of one object in a file are for one time after the other, each from its epoch on. Told "
            "without this option by names like ISS [Segment 03] and by the columns of supplemental GP.",
        ),
    ] = False,
    accept_bad_checksums: AcceptBadChecksums = False,
    stats: Annotated[str | None, typer.Option(help="Counts, times and memory as JSON; - is standard output.")] = None,
) -> None:
    """Screen the objects in catalogue files for close approaches, all pairs or some, without a database.

    Reports every approach with its closest point in [start, start + hours). Of an object that occurs more than
    once the newest valid element set is used whose epoch is not later than the day of --start; a later one where
    there is no other, and that is said. The file appears whole or not at all.
    """
    volumes = volume_request(threshold_km, volume, primaries, exclude_same_constellation, objects or [])
    of_objects = volumes, threads, max_age_days, segments
    request = checked_request(catalogs, start, hours, out, *of_objects, stats, csv_style, accept_bad_checksums)
    return_large_arrays()
    clock = StageClock()
    with termination_as_interrupt():
        with clock.stage("read"):
            received = read_catalogs(request)
        with clock.stage("load"):
            prepare_kernels()
        with clock.stage("clean"):
            used = choose(received, request)
            asked = screening_volumes(request.volumes, used.element_sets, received.rejected)
        found = screen_objects(used, asked, request, clock)
        report = make_report(request, received, used, asked, found) | clock.report()
        write_stats(request, report)
    print_summary(report, received)


def prepare_kernels() -> None:
    """Say where compiled kernels are kept, before numba is imported; tell a user who must wait for the compiler."""
    from ssa_pipeline.local.numba_cache import has_kernels, use_numba_cache
    from ssa_pipeline.settings import read_settings

    directory = use_numba_cache(read_settings().home)
    if not has_kernels(directory):
        print("ssa: compiling kernels, once per installation: half a minute at most ...", file=sys.stderr, flush=True)
