"""The encounters: time of closest approach, miss distance, geometry and class."""

import numpy as np
from dagster import AssetExecutionContext

from ssa_pipeline.core.clean_catalog import CleanCatalog
from ssa_pipeline.core.flagged_events import flagged_events
from ssa_pipeline.core.records import Candidates, EphemerisChunks
from ssa_pipeline.core.refined_events import refine_events
from ssa_pipeline.core.screening_volume import within_one_constellation
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.orchestration.chain import slice_key
from ssa_pipeline.orchestration.describe import events_by_class, events_shown
from ssa_pipeline.orchestration.partitions import chain_asset
from ssa_pipeline.orchestration.slice_stream import Computed, SliceEvents, SliceInput, each_slice
from ssa_pipeline.settings import Settings


@chain_asset(
    kinds={"python", "numba"},
    description="Every encounter of the lead day closer than the threshold, refined with SGP4 itself: time of "
    "closest approach, miss distance, relative speed and RTN vector, class, ages at TCA. Kept for good.",
)
def refined_events(
    context: AssetExecutionContext,
    clean_catalog: SliceInput,
    ephemeris_chunks: SliceInput,
    conjunction_candidates: SliceInput,
) -> SliceEvents:
    settings: Settings = context.resources.settings
    km = settings.threshold_km

    def compute(key: str, catalog: CleanCatalog, chunks: EphemerisChunks, found: Candidates, watch: Watch) -> Computed:
        lead_day = slice_key("refined_events", key).lead_day or 0
        elements = catalog.sets_on(lead_day)
        is_asked = np.ones(len(found), dtype=np.bool_)
        if settings.exclude_same_constellation:
            is_asked = ~within_one_constellation(elements, found.norad_id_1, found.norad_id_2)
        refined = refine_events(elements, chunks, found.take(is_asked), km, threads=settings.threads, watch=watch)
        outcomes = dict(refined.outcomes)
        if not is_asked.all():
            outcomes["within_one_constellation"] = int(np.count_nonzero(~is_asked))
        events = flagged_events(refined.events, catalog, lead_day, chunks.end_us)
        facts = {
            "events_by_class": events_by_class(events),
            "outcomes": outcomes,
            "candidates": len(found),
            "threshold_km": km,
            "exclude_same_constellation": settings.exclude_same_constellation,
        }
        window = (chunks.start_us, chunks.end_us)
        return Computed(events, facts, events_shown(events, elements, outcomes, window, km))

    yield from each_slice(context, compute, clean_catalog, ephemeris_chunks.brief(), conjunction_candidates)
