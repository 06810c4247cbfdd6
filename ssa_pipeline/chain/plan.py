"""Which slices of a day must be computed: those that are missing, were refused by a check, or were computed by other
code, from other inputs or with other settings than now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ssa_pipeline.chain.links import (
    CLEAN_CATALOG,
    CONJUNCTION_CANDIDATES,
    DAILY_ASSETS,
    RAW_TLE_SNAPSHOTS,
    REFINED_EVENTS,
    SCREENING_ASSETS,
    UPSTREAM,
)
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import Slices, SliceVersion
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.settings import Settings

_OF_OTHER_CODE = "computed by code version"


def slices_to_compute(
    slices: Slices,
    settings: Settings,
    epoch_day: date,
    lead_days: Iterable[int],
    snapshot_ids: list[int],
    held_days: Iterable[date] = (),
    *,
    everything: bool = False,
    keep_other_code: bool = False,
) -> dict[SliceKey, str]:
    """Every slice of the day and lead days that is not current, and why; in the order of the chain.
    ``snapshot_ids`` are the day's receipts now, ``held_days`` the earlier days of which nothing is carried over;
    ``everything`` takes current slices too, ``keep_other_code`` counts those of other code than now's as current."""
    wanted: dict[str, dict[str, object]] = {
        RAW_TLE_SNAPSHOTS: {"snapshot_ids": snapshot_ids},
        CLEAN_CATALOG: selection_facts(settings, held_days),
        CONJUNCTION_CANDIDATES: {"threshold_km": settings.threshold_km},
        REFINED_EVENTS: {
            "threshold_km": settings.threshold_km,
            "exclude_same_constellation": settings.exclude_same_constellation,
        },
    }
    found: dict[SliceKey, SliceVersion | None] = {}
    reasons: dict[SliceKey, str] = {}
    for key in _keys(epoch_day, lead_days):
        found[key] = slices.read_version(key)
        above = [key.of(asset) for asset in UPSTREAM[key.asset]]
        reason = _reason(found[key], wanted.get(key.asset, {}), {up.asset: found[up] for up in above}, keep_other_code)
        if reason is None:
            reason = _refusal(slices, found[key])
        if reason is None and any(up in reasons for up in above):
            reason = "its input is computed anew"
        if everything and reason is None:
            reason = "asked for"
        if reason is not None:
            reasons[key] = reason
    return reasons


def are_of_other_code(reasons: dict[SliceKey, str]) -> bool:
    """Whether any of these slices is to be computed because other code than now's computed it."""
    return any(reason.startswith(_OF_OTHER_CODE) for reason in reasons.values())


def selection_facts(settings: Settings, held_days: Iterable[date]) -> dict[str, object]:
    """What a catalogue depends on besides its input, in the form in which its slice keeps it: settings, and which
    earlier days are held back."""
    return {
        "held_days": [day.isoformat() for day in held_days],
        "max_age_days": settings.max_age_days,
        "source_priority": list(settings.source_priority),
        "supplemental_max_age_days": settings.supplemental_max_age_days,
    }


def _keys(epoch_day: date, lead_days: Iterable[int]) -> list[SliceKey]:
    daily = [SliceKey(asset, epoch_day, None) for asset in DAILY_ASSETS]
    return daily + [SliceKey(asset, epoch_day, lead_day) for lead_day in lead_days for asset in SCREENING_ASSETS]


def _reason(
    version: SliceVersion | None,
    settings: dict[str, object],
    inputs: dict[str, SliceVersion | None],
    keep_other_code: bool,
) -> str | None:
    if version is None:
        return "not computed yet"
    if not keep_other_code and version.code_version != CODE_VERSIONS[version.key.asset]:
        return f"{_OF_OTHER_CODE} {version.code_version}"
    for name, value in settings.items():
        if version.metadata.get(name) != value:
            return f"computed with {name} {version.metadata.get(name)}"
    for asset, newest in inputs.items():
        if newest is not None and version.input_versions.get(asset) != newest.log_id:
            return f"{asset} is newer"
    return None


def _refusal(slices: Slices, version: SliceVersion | None) -> str | None:
    verdicts = {} if version is None else slices.read_verdicts(version.log_id)
    refused = sorted(name for name, verdict in verdicts.items() if not verdict.has_passed)
    return f"refused by its check {', '.join(refused)}" if refused else None


def contiguous(lead_days: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of every unbroken range, e.g. {0, 1, 2, 5} → [(0, 2), (5, 5)]."""
    ranges: list[tuple[int, int]] = []
    for lead_day in sorted(set(lead_days)):
        if ranges and ranges[-1][1] == lead_day - 1:
            ranges[-1] = (ranges[-1][0], lead_day)
        else:
            ranges.append((lead_day, lead_day))
    return ranges
