"""The options of ``ssa screen``, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import STANDARD
from ssa_pipeline.cli.screen.volumes import VolumeRequest
from ssa_pipeline.cli.whole_file import check_writable

LONGEST_HOURS = 24.0 * 31


class CsvStyle(StrEnum):
    EVENTS = "events"
    SOCRATES = "socrates"


@dataclass(frozen=True)
class Request:
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
    accept_bad_checksums: bool


def checked_request(
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
    accept_bad_checksums: bool,
) -> Request:
    """The options, checked: CliError names the first that cannot be used."""
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
    return Request(
        catalogs,
        start_us,
        start_us + length_us,
        out,
        volumes,
        number_of_threads(threads),
        age,
        segments,
        stats,
        csv_style,
        accept_bad_checksums,
    )


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


def number_of_threads(threads: int | None) -> int:
    """As asked for, else as set; CliError for a number that cannot be, SettingsError."""
    from ssa_pipeline.settings import read_settings

    if threads is None:
        return read_settings().threads
    if not 1 <= threads <= 1024:
        raise CliError(f"--threads must be 1 to 1024, not {threads}", Exit.USAGE)
    return threads
