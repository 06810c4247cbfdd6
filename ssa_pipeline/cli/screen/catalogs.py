"""The catalogue files: what is in them, and which element set of each object is used."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import bytes_of, file_named

if TYPE_CHECKING:
    from ssa_pipeline.cli.screen.request import Request
    from ssa_pipeline.core.catalog.records import CleanCatalog
    from ssa_pipeline.core.records import ElementSets, RecordSpans, RejectedRecord


@dataclass
class Received:
    """What the files held: all usable records, those rejected so far, and what to say of each file."""

    element_sets: ElementSets
    spans: RecordSpans
    file_no: list[int] = field(default_factory=list)  # of each set, from 0
    is_supplemental: list[bool] = field(default_factory=list)  # of each file
    rejected: list[RejectedRecord] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def read_catalogs(request: Request) -> Received:
    """All records of the files; CliError where one cannot be read, or is no catalogue."""
    from ssa_pipeline.core.records import SUPPLEMENTAL_GP, ElementSets, RecordSpans
    from ssa_pipeline.messages.catalog import CatalogFormatError, parse_catalog
    from ssa_pipeline.messages.satcat import kind_by_columns

    parts = []
    received = Received(ElementSets.empty(), RecordSpans.unknown(0))
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


def choose(received: Received, request: Request) -> CleanCatalog:
    """One element set per object and lead day; what is left over joins ``received.rejected``. CliError
    where no object is left."""
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
        reasons = spell_counts(Counter(record.rule.value for record in received.rejected)) or "no records"
        raise CliError(f"no usable object in {files}: {reasons}{_example(received)}", Exit.NO_USABLE_INPUT)
    return clean


def _example(received: Received) -> str:
    if not received.rejected:
        return ""
    first = received.rejected[0]
    return f"; the first, {first.source_file} line {first.source_line}: {first.detail}"


def spell_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
