"""``python -m benchmarks.table RESULT.json``: the targets and what a run of the benchmarks found, as markdown."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]  # the record of one run: date, machine, full, and the figures of each module by its name

CPU_RATIO, WALL_RATIO = 5.0, 6.0
PEAK_MEMORY_MB = 1536.0
MEMORY_GROWTH = 1.1  # peak of several lead days over that of one: "flat"
EXPONENT = 1.5
PIPELINE_RATIO = 2.0
FIRST_CALL_S, LATER_CALL_S = 30.0, 1.5
RELEASE_CPU_S, RELEASE_MEMORY_MB = 3.0, 500.0
CLOSEST_S, QUERY_S = 0.1, 1.0


@dataclass(frozen=True)
class Row:
    """``is_met`` is None where there is no target, or it was not measured."""

    what: str
    target: str
    figure: str
    ratio: str = ""
    is_met: bool | None = None


def rows(result: Result) -> list[Row]:
    """One row per target, in the order of the issue; modules that did not run have none."""
    makers = {
        "peer": _peer,
        "completeness": _completeness,
        "memory": _memory,
        "growth": _growth,
        "pipeline": _pipeline,
        "startup": _startup,
        "reading": _reading,
        "twin": _twin,
        "sql": _sql,
    }
    return [row for name, make in makers.items() if name in result for row in make(result[name])]


def markdown(result: Result) -> str:
    machine = result["machine"]
    lines = [
        f"Measured {result['date'][:16].replace('T', ' ')} UTC, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gb']:.0f} GB, {machine['system']}, Python {machine['python']}, "
        f"load before {machine['load_before']:.1f}, commit {machine['commit']}.",
        "",
        "| what | target | measured | ratio | met |",
        "|---|---|---|---|---|",
    ]
    words = {True: "yes", False: "**no**", None: ""}
    return "\n".join(
        lines + [f"| {r.what} | {r.target} | {r.figure} | {r.ratio} | {words[r.is_met]} |" for r in rows(result)]
    )


def _peer(peer: Result) -> list[Row]:
    found = []
    for what, key, wanted in (("CPU", "cpu_s", CPU_RATIO), ("wall", "wall_s", WALL_RATIO)):
        ratio, each = peer[f"ratio_{key}"], ", ".join(f"{value:.1f}" for value in peer[f"ratios_{key}"])
        figure = f"ssa {_seconds(peer[f'ssa_{key}'])}, peer {_seconds(peer[f'peer_{key}'])}"
        target = f"at least {wanted:g} × less"
        found.append(Row(f"{what} against {peer['version']}", target, figure, f"{ratio:.1f} ({each})", ratio >= wanted))
    events = peer["events"]
    apart = f"{peer['co_moving_rows']:,} rows of {peer['co_moving_pairs']} co-moving pairs apart"
    alone = len(peer["co_moving_pairs_without_persistent_row"])
    figure = f"{_differences(events)}; {apart}" + (f", {alone} of them without a persistent row" if alone else "")
    return [*found, Row("complete against the peer", "every event", figure, is_met=not events["missed"] and not alone)]


def _completeness(figures: Result) -> list[Row]:
    is_met = not figures["missed"] and not figures["extra"]
    worst = f"TCA within {figures['worst_tca_us']:.0f} µs, miss within {figures['worst_miss_cm'] * 10:.1f} mm"
    return [Row("complete against the truth", "every event", f"{_differences(figures)}; {worst}", is_met=is_met)]


def _memory(memory: Result) -> list[Row]:
    one, days, several = memory["one_day_mb"], memory["days"], memory["all_days_mb"]
    ratio = memory["all_days_over_one"]
    what = f"peak memory, {memory['objects']:,} objects"
    return [
        Row(f"{what}, 24 h", "≤ 1.5 GB", f"{one:,.0f} MB", is_met=one <= PEAK_MEMORY_MB),
        Row(f"{what}, {days:.0f} days", "flat", f"{several:,.0f} MB", f"{ratio:.2f}", ratio <= MEMORY_GROWTH),
    ]


def _growth(growth: Result) -> list[Row]:
    found = [
        Row(
            f"{row['objects']:,} objects",
            "reported",
            f"{row['cpu_s']:.1f} s CPU, {row['wall_s']:.1f} s wall, {row['peak_memory_mb']:,.0f} MB",
            f"{row['candidates']:,} candidates, {row['events']:,} events",
        )
        for row in growth["rows"]
    ]
    exponent = growth["exponent_cpu_s"]
    figure, beside = f"exponent {exponent:.2f}", f"events: {growth['exponent_events']:.2f}"
    return [*found, Row("growth of CPU up to 52k", f"below {EXPONENT:g}", figure, beside, exponent < EXPONENT)]


def _pipeline(pipeline: Result) -> list[Row]:
    ratio = pipeline["run_over_engine"]
    figure = f"{pipeline['run_cpu_s']:.1f} s CPU, engine alone {pipeline['engine_cpu_s']:.1f} s"
    figure += f"; of it {pipeline['idle_services_cpu_s']:.1f} s as when idle; queueing {pipeline['queueing_s']:.1f} s"
    what = f"pipeline, {pipeline['lead_days']} lead days in one run"
    return [Row(what, f"at most {PIPELINE_RATIO:g} ×", figure, f"{ratio:.2f}", ratio <= PIPELINE_RATIO)]


def _sql(sql: Result) -> list[Row]:
    where = f"of {sql['events']:,} events"
    found = []
    for title, query in sql["queries"].items():
        wanted_s = CLOSEST_S if title == "The ten closest crossings" else QUERY_S
        figure = f"{query['seconds']:.3f} s, {query['rows']:,} rows"
        found.append(Row(f"SQL {where}: {title}", f"below {wanted_s:g} s", figure, "", query["seconds"] < wanted_s))
    return found


def _startup(startup: Result) -> list[Row]:
    first, later, is_told = startup["first_call_s"], startup["later_call_s"], bool(startup["says_that_it_compiles"])
    figure = f"{first:.1f} s ({startup['first_call_cpu_s']:.1f} s CPU), compiling {startup['compiling_s']:.1f} s; "
    figure += "with a message" if is_told else "no message says so"
    small = f"{later:.2f} s ({startup['later_call_cpu_s']:.2f} s CPU) until "
    small += f"{startup['later_call_objects']:,.0f} objects × 1 h are done"
    return [
        Row("first call", f"≤ {FIRST_CALL_S:g} s, with a message", figure, is_met=first <= FIRST_CALL_S and is_told),
        Row("later calls do useful work", f"within {LATER_CALL_S:g} s", small, is_met=later <= LATER_CALL_S),
    ]


def _reading(reading: Result) -> list[Row]:
    plain, objects = reading["plain_csv_loop_cpu_s"], reading["objects"]
    words = {"all_new": "stored, all new", "none_new": "stored, none new"}
    found = []
    for name, one in reading["storing"].items():
        own = one["cpu_s"] - one["database_cpu_s"]
        figure = f"{own:.2f} s CPU, {one['memory_mb']:.0f} MB; {one['database_cpu_s']:.2f} s in statements and COPY; "
        figure += f"sgp4.omm + csv loop {plain:.2f} s"
        is_met = own <= RELEASE_CPU_S and one["memory_mb"] <= RELEASE_MEMORY_MB
        target = f"≤ {RELEASE_CPU_S:g} s, {RELEASE_MEMORY_MB:g} MB"
        found.append(Row(f"release of {objects:,} {words[name]}", target, figure, f"{own / plain:.1f}", is_met))
    for kind, one in reading["formats"].items():
        figure = f"read {one['read_cpu_s']:.2f} s, check {one['check_cpu_s']:.2f} s CPU, {one['memory_mb']:.0f} MB; "
        figure += f"twice the objects {one['twice_the_objects']:.2f} ×"
        found.append(Row(f"{kind} read and checked", "reported", figure, f"{one['ratio_to_plain_loop']:.1f}"))
    return found


def _twin(twin: Result) -> list[Row]:
    figure = f"engine {twin['engine_cpu_s']:.2f} s, twin {twin['twin_cpu_s']:.2f} s CPU"
    return [Row("CPU against a plain twin", "reported", figure, f"{twin['twin_over_engine']:.0f}")]


def _differences(compared: Result) -> str:
    missed, extra = len(compared["missed"]), len(compared["extra"])
    return f"{compared['expected']:,} minima: {missed:,} missed, {extra:,} extra"


def _seconds(values: list[float]) -> str:
    return " and ".join(f"{value:.1f}" for value in values) + " s"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.table RESULT.json")
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()
