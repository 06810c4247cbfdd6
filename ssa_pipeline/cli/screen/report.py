"""What was done: stats.json, and the summary on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ssa_pipeline.cli.screen.catalogs import Received, spell_counts
from ssa_pipeline.cli.screen.engine import Found
from ssa_pipeline.cli.screen.request import Request
from ssa_pipeline.cli.screen.volumes import spell_volume
from ssa_pipeline.cli.whole_file import whole_file

if TYPE_CHECKING:
    from ssa_pipeline.core.catalog.records import CleanCatalog
    from ssa_pipeline.core.records import RejectedRecord
    from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes

HONESTY = (
    "Complete with respect to the element sets used. Public sets are good to about 1 km at epoch and lose 1 to 3 km "
    "a day along track in low orbits, far more after a manoeuvre: see the ages of each event."
)


def make_report(
    request: Request, received: Received, catalog: CleanCatalog, asked: ScreeningVolumes, found: Found
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


def write_stats(request: Request, report: dict[str, Any]) -> None:
    if request.stats is not None:
        with whole_file(request.stats, "--stats") as stream:
            json.dump(report, stream, indent=2)
            stream.write("\n")


def print_summary(report: dict[str, Any], received: Received) -> None:
    """What was done, on standard error: standard output belongs to the events."""
    rejected = spell_counts(report["records_rejected_by_rule"])
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
        f"events   {report['events']:,}: {spell_counts(report['events_by_class'])}",
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


def _spell_notes(received: Received) -> Iterator[str]:
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


def _first_of_each_rule(received: Received) -> Iterator[str]:
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
