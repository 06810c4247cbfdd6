"""The report at the end of ``ssa demo``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from ssa_pipeline.use_cases.closest import CLAIM, closest_rows, names_of, text_lines
from ssa_pipeline.use_cases.report import Report


def print_report(report: Report, console: Console) -> None:
    last = report.lead_days[-1]
    days = f"lead days {report.lead_days[0]} to {last}" if last else "lead day 0"
    console.print(f"[bold]Ten closest approaches[/bold], epoch day {report.epoch_day}, {days}", highlight=False)
    for line in text_lines(closest_rows(report.events, names_of(report.catalog.element_sets))):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    _print_pairs(console, "Objects", report.object_counts())
    classes = Counter(str(name) for name in report.events.event_class)
    _print_pairs(console, "Events", [("all", len(report.events)), *sorted(classes.items())])
    stages = Table("stage", "read, s", "compute, s", title="Where the time went")
    for asset, seconds in report.seconds_by_stage().items():
        stages.add_row(asset, f"{seconds.get('read', 0):.2f}", f"{seconds.get('compute', 0):.2f}")
    console.print(stages)
    console.print(f"Peak memory of a run: {report.peak_memory_mb():,.0f} MB", highlight=False)
    console.print(CLAIM, highlight=False)


def _print_pairs(console: Console, title: str, pairs: Iterable[tuple[str, Any]]) -> None:
    text = ", ".join(f"{name} {count:,}" for name, count in pairs)
    console.print(f"[bold]{title}[/bold]: {text}", highlight=False)
