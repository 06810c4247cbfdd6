"""What people see of a slice in the UI: tables, pictures and the honesty line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from dagster import MetadataValue

from ssa_pipeline.core.flags import ObjectFlag, has_flag
from ssa_pipeline.core.orbits.mean_orbit import Regime, regimes
from ssa_pipeline.core.outside_text import for_markdown
from ssa_pipeline.core.records import (
    MICROSECONDS_PER_DAY,
    Candidates,
    ElementSets,
    EphemerisChunks,
    EventClass,
    Events,
    Float64,
    RejectedRecord,
    Text,
)
from ssa_pipeline.core.screening.screened_in_part import screened_in_part
from ssa_pipeline.core.time import format_utc
from ssa_pipeline.defs.slices.pictures import as_markdown, histogram_png
from ssa_pipeline.use_cases.closest import CLAIM, CLOSEST_HEAD, closest_rows, names_of

_HOURS_US = 3_600_000_000
_CLOSEST_IN_UI = 6  # which the UI shows without a click: it hides Markdown of 1,000 characters and more


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table for the UI; text in cells stays text."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return for_markdown(value) if isinstance(value, str) else str(value)


def rejected_by_rule(rejected: Iterable[RejectedRecord]) -> dict[str, int]:
    """How many records each rule rejected, most first."""
    return dict(Counter(str(record.rule) for record in rejected).most_common())


def rejected_shown(rejected: list[RejectedRecord]) -> dict[str, Any]:
    """How many records were rejected, and of each rule how many and the first."""
    first = {str(record.rule): record for record in reversed(rejected)}
    rows = [
        (rule, count, f"{first[rule].source_file}:{first[rule].source_line}", first[rule].detail)
        for rule, count in rejected_by_rule(rejected).items()
    ]
    table = markdown_table(["rule", "records", "first", "detail"], rows) if rows else "none"
    return {"rejected": len(rejected), "rejected_by_rule": MetadataValue.md(table)}


def objects_by_regime(elements: ElementSets) -> dict[str, int]:
    """How many objects each regime has, 0 included."""
    counts = Counter(str(regime) for regime in regimes(elements))
    return {str(regime): counts.get(str(regime), 0) for regime in Regime}


def regimes_shown(elements: ElementSets) -> dict[str, Any]:
    """The same for people."""
    table = markdown_table(["regime", "objects"], objects_by_regime(elements).items())
    return {"objects": len(elements), "objects_by_regime": MetadataValue.md(table)}


def objects_by_flag(flags: Text) -> dict[str, int]:
    """How many objects have each flag of ``core.flags.ObjectFlag``."""
    return {str(flag): int(has_flag(flags, flag).sum()) for flag in ObjectFlag}


def ages_shown(age_days: Float64) -> dict[str, Any]:
    """Histogram, median and largest of ages in days, shape (n,); nothing of none."""
    if not len(age_days):
        return {}
    edges = np.linspace(min(0.0, float(age_days.min())), max(1.0, float(age_days.max())), 41)
    png = histogram_png(age_days, edges, x_label="days", y_label="objects")
    return {
        "ages": MetadataValue.md(as_markdown(png, "Age of the element sets")),
        "median_age_days": round(float(np.median(age_days)), 3),
        "oldest_days": round(float(age_days.max()), 3),
    }


def chunk_facts(chunks: EphemerisChunks) -> dict[str, Any]:
    """For the slice's log: what was propagated, what only in part, and with which spacing."""
    in_part = screened_in_part(chunks)
    spacing_s, counts = np.unique(chunks.spacing_us // 1_000_000, return_counts=True)
    return {
        "objects": len(chunks),
        "objects_used": len(chunks) - sum(not part.is_screened for part in in_part),
        "screened_in_part": [
            {
                "norad_id": part.norad_id,
                "screened_from_utc": format_utc(part.from_us) if part.is_screened else None,
                "screened_to_utc": format_utc(part.to_us) if part.is_screened else None,
                "reason": part.reason,
            }
            for part in in_part
        ],
        "objects_by_spacing_s": {str(s): int(n) for s, n in zip(spacing_s.tolist(), counts.tolist(), strict=True)},
        "objects_not_valid_throughout": int(np.count_nonzero(chunks.status)),
        "node_bytes": chunks.nodes_int32.nbytes,
    }


def chunks_shown(chunks: EphemerisChunks) -> dict[str, Any]:
    """The same for people, with percentiles of the error bounds."""
    facts = chunk_facts(chunks)
    bounds_m = chunks.error_bound_km * 1000
    quantiles = [50, 95, 99, 100]
    values = np.percentile(bounds_m, quantiles).tolist() if len(bounds_m) else [0.0] * len(quantiles)
    spacing = markdown_table(["spacing, s", "objects"], facts["objects_by_spacing_s"].items())
    bounds = markdown_table(
        ["percentile", "error bound, m"], [(q, f"{value:.2f}") for q, value in zip(quantiles, values, strict=True)]
    )
    return {
        "objects": facts["objects"],
        "objects_used": facts["objects_used"],
        "objects_not_valid_throughout": facts["objects_not_valid_throughout"],
        "spacing_classes": MetadataValue.md(spacing),
        "error_bounds": MetadataValue.md(bounds),
    }


def candidates_shown(candidates: Candidates, threshold_km: float) -> dict[str, Any]:
    """How many candidates, and of how many pairs."""
    return {
        "candidates": len(candidates),
        "slow_candidates": int(np.count_nonzero(candidates.is_slow)),
        "pairs": pair_count(candidates.norad_id_1, candidates.norad_id_2),
        "threshold_km": threshold_km,
    }


def pair_count(norad_id_1: Any, norad_id_2: Any) -> int:
    """How many different pairs two columns of catalogue numbers hold, each of shape (n,)."""
    return len(np.unique(norad_id_1.astype(np.int64) * 1_000_000_000 + norad_id_2))


def events_by_class(events: Events) -> dict[str, int]:
    """How many events each class has, 0 included."""
    counts = Counter(str(name) for name in events.event_class)
    return {str(name): counts.get(str(name), 0) for name in EventClass}


def events_shown(
    events: Events, elements: ElementSets, outcomes: Mapping[str, int], window_us: tuple[int, int], threshold_km: float
) -> dict[str, Any]:
    """Histograms, the closest events and figures. ``window_us``: begin and end of the lead day, UTC."""
    closest = markdown_table(CLOSEST_HEAD, closest_rows(events, names_of(elements), limit=_CLOSEST_IN_UI))
    start_us, _ = window_us
    crossings = events.event_class == str(EventClass.CROSSING)
    miss = histogram_png(
        events.miss_distance_km[crossings],
        np.linspace(0, threshold_km, 26),
        x_label="km",
        y_label="crossings",
    )
    hours = (events.tca_us - start_us) / _HOURS_US
    tca = histogram_png(hours, np.linspace(0, MICROSECONDS_PER_DAY / _HOURS_US, 25), x_label="hours")
    return {
        "miss_distance": MetadataValue.md(as_markdown(miss, f"Miss distance, threshold {threshold_km:g} km")),
        "tca": MetadataValue.md(as_markdown(tca, f"Time of closest approach from {format_utc(start_us)[:16]}Z")),
        "closest_events": MetadataValue.md(closest),
        **_figures(events, elements),
        "threshold": f"{threshold_km:g} km",
        "candidate_outcomes": MetadataValue.md(markdown_table(["outcome", "candidates"], outcomes.items())),
        "what_this_can_claim": CLAIM,
    }


def _figures(events: Events, elements: ElementSets) -> dict[str, Any]:
    """What an analyst follows from day to day: Dagster plots whatever is a number, so nothing else may be one."""
    figures: dict[str, Any] = {"objects": len(elements), "events": len(events)}
    figures |= {f"{name}_events": count for name, count in events_by_class(events).items()}
    crossings = events.miss_distance_km[events.event_class == str(EventClass.CROSSING)]
    if len(crossings):
        figures["closest_crossing_km"] = round(float(crossings.min()), 4)
    if len(events):
        ages = np.concatenate((events.age_1_days, events.age_2_days))
        figures["median_age_at_tca_days"] = round(float(np.median(ages)), 3)
    return figures
