"""What a screening of an epoch day found, from the slices and their log. Loads no Dagster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ssa_pipeline.chain.links import CLEAN_CATALOG, DAILY_ASSETS, REFINED_EVENTS, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import Slices, SliceVersion
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.records import Events, RejectRule


@dataclass(frozen=True)
class Report:
    epoch_day: date
    lead_days: list[int]
    catalog: CleanCatalog
    events: Events
    versions: list[SliceVersion]

    @property
    def rejected_by_rule(self) -> Counter[str]:
        """How many records each rule rejected."""
        return Counter(str(record.rule) for record in self.catalog.rejected)

    def seconds_by_stage(self) -> dict[str, dict[str, float]]:
        """asset -> (read, compute) -> seconds, summed over the slices."""
        stages: dict[str, dict[str, float]] = {}
        for version in self.versions:
            sums = stages.setdefault(version.key.asset, {})
            for name, seconds in version.metadata.get("seconds", {}).items():
                sums[name] = sums.get(name, 0.0) + seconds
        return stages

    def object_counts(self) -> list[tuple[str, int]]:
        """What became of the objects: used, stale, rejected by rule; older or repeated sets come last."""
        rules = self.rejected_by_rule
        stale = rules.pop(str(RejectRule.STALE), 0)
        not_wrong = {str(RejectRule.SUPERSEDED), str(RejectRule.DUPLICATE)}
        rejected = [(f"rejected: {rule}", count) for rule, count in rules.most_common() if rule not in not_wrong]
        older = sum(rules[rule] for rule in not_wrong)
        return [
            ("used", len(self.catalog.element_sets)),
            ("stale", stale),
            *rejected,
            ("older or repeated sets", older),
        ]

    def peak_memory_mb(self) -> float:
        """Of the run processes, as far as they recorded it."""
        return max((version.metadata.get("peak_memory_mb", 0.0) for version in self.versions), default=0.0)


def read_report(slices: Slices, epoch_day: date, lead_days: list[int]) -> Report:
    """Raises SliceMissingError where a slice was not computed."""
    catalog, _ = slices.read(SliceKey(CLEAN_CATALOG, epoch_day, None))
    events, _ = zip(*(slices.read(SliceKey(REFINED_EVENTS, epoch_day, k)) for k in lead_days), strict=True)
    keys = [SliceKey(asset, epoch_day, None) for asset in DAILY_ASSETS]
    keys += [SliceKey(asset, epoch_day, k) for asset in SCREENING_ASSETS for k in lead_days]
    versions = [version for version in map(slices.read_version, keys) if version is not None]
    return Report(epoch_day, lead_days, catalog, Events.concat(list(events)), versions)


def summary_lines(slices: Slices, epoch_day: date, lead_days: list[int]) -> Iterator[str]:
    """What `ssa materialize` says at its end, from the log of slices alone; nothing of a day without a catalogue."""
    catalog = slices.read_version(SliceKey(CLEAN_CATALOG, epoch_day, None))
    if catalog is None:
        return
    yield f"{epoch_day}: {catalog.metadata.get('objects', 0):,} objects used"
    total: Counter[str] = Counter()
    n_screened = 0
    for lead_day in lead_days:
        version = slices.read_version(SliceKey(REFINED_EVENTS, epoch_day, lead_day))
        if version is None:
            yield f"  lead day {lead_day}: not screened"
            continue
        n_screened += 1
        found = Counter(version.metadata.get("events_by_class", {}))
        total.update(found)
        yield f"  lead day {lead_day}: {_events_text(found)}"
    if n_screened > 1:
        yield f"  in all:     {_events_text(total)}"
    if n_screened:
        yield f"  `ssa events --epoch-day {epoch_day}` shows the closest"


def _events_text(found: Counter[str]) -> str:
    parts = ", ".join(f"{count:,} {name}" for name, count in sorted(found.items()) if count)
    return f"{found.total():,} events" + (f": {parts}" if parts else "")
