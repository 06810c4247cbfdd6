"""``ssa screen``: catalogue files in, events.csv out, without a database (docs/events-csv.md is its contract)."""

from __future__ import annotations

import hashlib
import json
import math
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import STANDARD, AcceptBadChecksums, bytes_of, file_named
from ssa_pipeline.cli.volumes import LARGEST_KM, VolumeRequest, screening_volumes, spell_volume, volume_request
from ssa_pipeline.local.allocator import return_free_memory, return_large_arrays

if TYPE_CHECKING:
    from ssa_pipeline.core.catalog.records import CleanCatalog
    from ssa_pipeline.core.records import ElementSets, RecordSpans, RejectedRecord
    from ssa_pipeline.core.screening.screen import ScreenResult, StageTime
    from ssa_pipeline.core.screening.screened_in_part import ScreenedInPart
    from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes

LONGEST_HOURS = 24.0 * 31
QUIET_S = 2.0  # no progress is shown for work shorter than this
LINE_EVERY_S = 10.0  # progress where standard error is no terminal
HONESTY = (
    "Complete with respect to the element sets used. Public sets are good to about 1 km at epoch and lose 1 to 3 km "
    "a day along track in low orbits, far more after a manoeuvre: see the ages of each event."
)


class CsvStyle(StrEnum):
    EVENTS = "events"
    SOCRATES = "socrates"


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
    request = _request(catalogs, start, hours, out, volumes, threads, max_age_days, segments, stats, csv_style)
    request = replace(request, accept_bad_checksums=accept_bad_checksums)
    return_large_arrays()
    clock = _StageClock()
    with _termination_as_interrupt():
        with clock.stage("read"):
            received = _read(request)
        with clock.stage("load"):
            _prepare_kernels()
        with clock.stage("clean"):
            used = _choose(received, request)
            asked = screening_volumes(request.volumes, used.element_sets, received.rejected)
        found = _screen(used, asked, request, clock)
        report = _report(request, received, used, asked, found) | clock.report()
        _write_stats(request, report)
    _print_summary(report, received)


@dataclass(frozen=True)
class _Request:
    catalogs: list[Path]
    start_us: int
    end_us: int
    out: str
    volumes: VolumeRequest
    threads: int
    max_age_days: float
    segments: bool
    stats: str | None
    csv_style: CsvStyle
    accept_bad_checksums: bool = False


def _request(
    catalogs: list[Path],
    start: str,
    hours: float,
    out: str,
    volumes: VolumeRequest,
    threads: int | None,
    max_age_days: float | None,
    segments: bool,
    stats: str | None,
    csv_style: CsvStyle,
) -> _Request:
    """The options, checked: CliError names the first that cannot be used."""
    from ssa_pipeline.cli.whole_file import check_writable

    if list(map(str, catalogs)).count(STANDARD) > 1:
        raise CliError("standard input (-) can be read once only", Exit.USAGE)
    start_us = _start_us(start)
    if not 0.0 < hours <= LONGEST_HOURS:
        raise CliError(f"--hours must be above 0 and at most {LONGEST_HOURS:g}, not {hours:g}", Exit.USAGE)
    if max_age_days is not None and not max_age_days > 0.0:
        raise CliError(f"--max-age-days must be above 0, not {max_age_days:g}", Exit.USAGE)
    length_us = round(hours * 3_600_000_000)
    if length_us == 0:
        raise CliError(f"--hours {hours:g} is less than a microsecond", Exit.USAGE)
    if stats is not None and _is_same_target(out, stats):
        raise CliError(f"--out and --stats are both {out}; write them to different files", Exit.USAGE)
    check_writable(out, "--out")
    if stats is not None:
        check_writable(stats, "--stats")
    age = math.inf if max_age_days is None else max_age_days
    end_us = start_us + length_us
    return _Request(catalogs, start_us, end_us, out, volumes, _threads(threads), age, segments, stats, csv_style)


def _start_us(start: str) -> int:
    from ssa_pipeline.core.time import parse_utc

    try:
        start_us = parse_utc(start)
    except (ValueError, OverflowError) as error:
        raise CliError(f"--start {start!r} is not a UTC time like 2024-11-01T00:00:00Z: {error}", Exit.USAGE) from None
    first, last = parse_utc("1957-10-04T00:00:00Z"), parse_utc("2056-12-01T00:00:00Z")
    if not first <= start_us <= last:
        rule = "between 1957-10-04, the first satellite, and 2056-12-01, where epochs of two-digit years end"
        raise CliError(f"--start must lie {rule}; {start} does not", Exit.USAGE)
    return start_us


def _is_same_target(out: str, stats: str) -> bool:
    return out == stats or (out != "-" and stats != "-" and Path(out).resolve() == Path(stats).resolve())


def _threads(threads: int | None) -> int:
    from ssa_pipeline.settings import read_settings

    if threads is None:
        return read_settings().threads
    if not 1 <= threads <= 1024:
        raise CliError(f"--threads must be 1 to 1024, not {threads}", Exit.USAGE)
    return threads


@dataclass
class _Received:
    """What the files held: all usable records, those rejected so far, and what to say of each file."""

    element_sets: ElementSets
    spans: RecordSpans
    file_no: list[int] = field(default_factory=list)  # of each set, from 0
    is_supplemental: list[bool] = field(default_factory=list)  # of each file
    rejected: list[RejectedRecord] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def _read(request: _Request) -> _Received:
    from ssa_pipeline.core.records import SUPPLEMENTAL_GP, ElementSets, RecordSpans
    from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
    from ssa_pipeline.messages.satcat import kind_by_columns

    parts = []
    received = _Received(ElementSets.empty(), RecordSpans.unknown(0))
    for path in request.catalogs:
        data, name = bytes_of(path), file_named(path)
        try:
            parsed = parse_catalog(data, name, accept_bad_checksums=request.accept_bad_checksums)
        except CatalogFormatError as error:
            raise CliError(str(error), Exit.NO_USABLE_INPUT) from None
        parts.append(parsed)
        received.file_no += [len(received.files)] * len(parsed.element_sets)
        received.is_supplemental.append(kind_by_columns(data) == SUPPLEMENTAL_GP)
        received.rejected += parsed.rejected
        received.files.append(
            {
                "file": name,
                "format": parsed.format,
                "sha256": hashlib.sha256(data).hexdigest(),
                "records_usable": len(parsed.element_sets),
                "records_rejected": len(parsed.rejected),
                "records_with_bad_checksum": parsed.n_bad_checksums,
                "notes": parsed.notes,
            }
        )
    received.element_sets = ElementSets.concat([part.element_sets for part in parts])
    received.spans = RecordSpans.concat([part.spans for part in parts])
    return received


def _choose(received: _Received, request: _Request) -> CleanCatalog:
    """One element set per object and lead day; what is left over joins ``received.rejected``."""
    import numpy as np

    from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
    from ssa_pipeline.core.catalog.segments import may_be_segments
    from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, Receipts
    from ssa_pipeline.core.time import from_us

    sets = received.element_sets
    day = from_us(request.start_us).date()
    file_no = np.array(received.file_no, dtype=np.int64)
    receipts = replace(Receipts.alike(len(sets), day, spans=received.spans), snapshot_id=file_no)
    may_be = may_be_segments(sets, receipts) | np.array(received.is_supplemental, dtype=np.bool_)[file_no]
    clean = clean_catalog(
        sets,
        day,
        receipts,
        max_age_days=request.max_age_days,
        start_us=request.start_us,
        lead_days=-((request.start_us - request.end_us) // MICROSECONDS_PER_DAY),
        may_be_segment=np.ones(len(sets), dtype=np.bool_) if request.segments else may_be,
    )
    received.rejected += clean.rejected
    if not len(clean.element_sets):
        files = ", ".join(str(path) for path in request.catalogs)
        reasons = _spell_counts(Counter(record.rule.value for record in received.rejected)) or "no records"
        raise CliError(f"no usable object in {files}: {reasons}{_example(received)}", Exit.NO_USABLE_INPUT)
    return clean


def _example(received: _Received) -> str:
    if not received.rejected:
        return ""
    first = received.rejected[0]
    return f"; the first, {first.source_file} line {first.source_line}: {first.detail}"


@dataclass
class _Found:
    """Counts of what was found so far."""

    candidates: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    events_by_class: Counter[str] = field(default_factory=lambda: Counter(crossing=0, persistent=0))
    windows: list[tuple[int, int, list[ScreenedInPart]]] = field(default_factory=list)

    def add(self, day: ScreenResult) -> None:
        self.candidates += day.candidates
        self.outcomes.update(day.outcomes)
        self.windows.append((day.start_us, day.end_us, day.in_part))
        self.events_by_class.update(map(str, day.events.event_class.tolist()))


def _screen(catalog: CleanCatalog, asked: ScreeningVolumes, request: _Request, clock: _StageClock) -> _Found:
    """Run the engine and write the events of each lead day before the next is screened: no more than one is in memory.

    The first Ctrl-C asks the engine to stop, a second one does not wait.
    """
    from ssa_pipeline.cli.events_csv import COLUMNS, SOCRATES_COLUMNS, EventsCsv
    from ssa_pipeline.cli.whole_file import whole_file

    with clock.stage("load"):
        from ssa_pipeline.core.records import MICROSECONDS_PER_DAY
        from ssa_pipeline.core.screening.flagged_events import flagged_events
        from ssa_pipeline.core.screening.screen import screen_days
        from ssa_pipeline.core.watch import Cancelled, Watch

    found = _Found()
    used = catalog.element_sets
    names = dict(zip(used.norad_id.tolist(), used.object_name.tolist(), strict=True))
    columns = SOCRATES_COLUMNS if request.csv_style is CsvStyle.SOCRATES else COLUMNS
    try:
        with whole_file(request.out, "--out") as stream, _stop_flag() as stopped, _Progress() as progress:
            rows = EventsCsv(stream, names, columns)
            watch = Watch(progress.show, stopped)
            window = request.start_us, request.end_us
            days = screen_days(used, *window, asked, threads=request.threads, watch=watch, sets_on=catalog.sets_on)
            for lead_day, day in enumerate(days):
                clock.add(day.stages)
                found.add(day)
                with clock.stage("write"):
                    day_end_us = min(request.start_us + (lead_day + 1) * MICROSECONDS_PER_DAY, request.end_us)
                    rows.write(flagged_events(day.events, catalog, lead_day, day_end_us))
                del day  # or it would still be there while the next one is made
                return_free_memory()
            watch.check()
    except Cancelled:
        raise CliError("interrupted; nothing was written", Exit.INTERRUPTED) from None
    return found


def _prepare_kernels() -> None:
    """Say where compiled kernels are kept, before numba is imported; tell a user who must wait for the compiler."""
    from ssa_pipeline.local.numba_cache import has_kernels, use_numba_cache
    from ssa_pipeline.settings import read_settings

    directory = use_numba_cache(read_settings().home)
    if not has_kernels(directory):
        print("ssa: compiling kernels, once per installation: half a minute at most ...", file=sys.stderr, flush=True)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM cleans up like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come since the block began."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Progress:
    """Progress on standard error once the work has taken 2 s: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + QUIET_S
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, stage: str, fraction: float) -> None:
        if time.monotonic() < self._next:
            return
        if sys.stderr.isatty():
            self._draw(stage, fraction)
        else:
            print(f"ssa: {stage} {fraction:.0%}", file=sys.stderr)
            self._next = time.monotonic() + LINE_EVERY_S

    def _draw(self, stage: str, fraction: float) -> None:
        from rich.progress import Progress

        from ssa_pipeline.cli.console import Console

        if self._bar is None:
            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=1.0)
        self._bar.update(self._tasks[stage], completed=fraction)


class _StageClock:
    """Wall and CPU seconds of each stage, and since the command began."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._add(name, time.perf_counter() - wall, time.process_time() - cpu)

    def add(self, stages: Mapping[str, StageTime]) -> None:
        """Stages that were measured elsewhere."""
        for name, spent in stages.items():
            self._add(name, spent.wall_s, spent.cpu_s)

    def _add(self, name: str, wall_s: float, cpu_s: float) -> None:
        self.wall_s[name] = self.wall_s.get(name, 0.0) + wall_s
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + cpu_s

    def report(self) -> dict[str, Any]:
        """wall_s, cpu_s (per stage and total), peak_memory_mb, as in stats.json."""
        wall, cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        return {
            "wall_s": _rounded(self.wall_s | {"total": wall}),
            "cpu_s": _rounded(self.cpu_s | {"total": cpu}),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
        }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in seconds.items()}


def _report(
    request: _Request, received: _Received, catalog: CleanCatalog, asked: ScreeningVolumes, found: _Found
) -> dict[str, Any]:
    """Everything of stats.json but times and memory."""
    import numpy as np

    import ssa_pipeline
    from ssa_pipeline.core.orbits.propagation import CONSTANTS, PROPAGATOR
    from ssa_pipeline.core.screening.screened_in_part import joined
    from ssa_pipeline.core.time import format_utc
    from ssa_pipeline.core.versions import CODE_VERSIONS

    used = catalog.element_sets
    named = {record.norad_id for record in received.rejected if record.norad_id is not None}
    unnamed = sum(record.norad_id is None for record in received.rejected)
    in_part = joined(found.windows)
    unscreened = [part for part in in_part if not part.is_screened]
    return {
        "version": ssa_pipeline.__version__,
        "code_versions": CODE_VERSIONS,
        "propagator": PROPAGATOR,
        "constants": CONSTANTS,
        "start_utc": format_utc(request.start_us),
        "end_utc": format_utc(request.end_us),
        "threshold_km": request.volumes.threshold_km,
        "volume": spell_volume(request.volumes),
        "primaries": int(asked.is_primary.sum()),
        "exclude_same_constellation": request.volumes.exclude_same_constellation,
        "max_age_days": None if math.isinf(request.max_age_days) else request.max_age_days,
        "threads": request.threads,
        "catalogs": received.files,
        "objects_used": len(used) - len(unscreened),
        "objects_not_screened": [{"norad_id": part.norad_id, "reason": part.reason} for part in unscreened],
        "objects_screened_in_part": [
            {
                "norad_id": part.norad_id,
                "screened_from_utc": format_utc(part.from_us),
                "screened_to_utc": format_utc(part.to_us),
                "reason": part.reason,
            }
            for part in in_part
            if part.is_screened
        ],
        "objects_rejected": len(named - set(used.norad_id.tolist())) + unnamed,
        "objects_with_forward_epoch": used.norad_id[catalog.is_forward_epoch].tolist(),
        "objects_with_handovers": np.unique(catalog.handovers.element_sets.norad_id).tolist(),
        "records_rejected_by_rule": dict(sorted(Counter(r.rule.value for r in received.rejected).items())),
        "candidates": found.candidates,
        "candidate_outcomes": dict(found.outcomes),
        "events": found.events_by_class.total(),
        "events_by_class": dict(found.events_by_class),
        "claim": HONESTY,
    }


def _write_stats(request: _Request, report: dict[str, Any]) -> None:
    from ssa_pipeline.cli.whole_file import whole_file

    if request.stats is not None:
        with whole_file(request.stats, "--stats") as stream:
            json.dump(report, stream, indent=2)
            stream.write("\n")


def _print_summary(report: dict[str, Any], received: _Received) -> None:
    """What was done, on standard error: standard output belongs to the events."""
    rejected = _spell_counts(report["records_rejected_by_rule"])
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in report["wall_s"].items() if name != "total")
    total_wall, total_cpu = report["wall_s"]["total"], report["cpu_s"]["total"]
    lines = (
        f"window   {report['start_utc']} to {report['end_utc']}, {report['volume']}",
        f"objects  {report['objects_used']:,} used, {report['objects_rejected']:,} rejected"
        f"{_spell_in_part(report)}{_spell_primaries(report)}",
        *_spell_choices(report),
        f"records  rejected: {rejected or 'none'}",
        *_first_of_each_rule(received),
        *_spell_notes(received),
        f"pairs    {report['candidates']:,} candidates",
        f"events   {report['events']:,}: {_spell_counts(report['events_by_class'])}",
        f"seconds  {total_wall:.1f} wall, {total_cpu:.1f} CPU ({seconds}); {report['peak_memory_mb']:,.0f} MB at most",
        f"claim    {HONESTY}",
    )
    print("\n".join(lines), file=sys.stderr)


def _spell_choices(report: dict[str, Any]) -> Iterator[str]:
    """Of which objects not the newest set up to the day of the start is used throughout."""
    if later := report["objects_with_forward_epoch"]:
        yield f"         {len(later):,} with no set up to the end of that day, so a later one is used: {_some(later)}"
    if segments := report["objects_with_handovers"]:
        yield f"         {len(segments):,} with segments, another set on a later lead day: {_some(segments)}"


def _spell_notes(received: _Received) -> Iterator[str]:
    """What the files held besides, and which wrong checksums were accepted."""
    for file in received.files:
        yield from (f"         {note}" for note in file["notes"])
        if count := file["records_with_bad_checksum"]:
            yield f"         {file['file']}: {count:,} records are used although their checksum is wrong"


def _some(norad_ids: list[int], most: int = 5) -> str:
    return ", ".join(map(str, norad_ids[:most])) + (", ..." if len(norad_ids) > most else "")


def _spell_in_part(report: dict[str, Any]) -> str:
    """Objects that SGP4 carries through a part of the window only, or not into it."""
    in_part, none = len(report["objects_screened_in_part"]), len(report["objects_not_screened"])
    return (f", {in_part:,} of them screened in part" if in_part else "") + (f"; {none:,} not screened" if none else "")


def _spell_primaries(report: dict[str, Any]) -> str:
    return f"; {report['primaries']:,} primaries" if report["primaries"] < report["objects_used"] else ""


def _first_of_each_rule(received: _Received) -> Iterator[str]:
    """What to look at in the files; an older set of an object is no fault of theirs."""
    from ssa_pipeline.core.records import RejectRule

    firsts: dict[str, RejectedRecord] = {}
    for record in received.rejected:
        # each object that shares a number is named, though not each of its sets
        is_shared = record.rule is RejectRule.SHARED_NUMBER
        firsts.setdefault(f"{record.norad_id} {record.object_name}" if is_shared else record.rule.value, record)
    for record in firsts.values():
        rule = record.rule.value
        if rule not in ("superseded", "duplicate"):
            yield f"         {rule}: {record.source_file} line {record.source_line}: {record.detail}"


def _spell_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
