"""The encounters: time of closest approach, miss distance, geometry and class."""

from dagster import AssetExecutionContext

from ssa_pipeline.chain.links import REFINED_EVENTS
from ssa_pipeline.chain.slice_key import slice_key
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.records import Candidates, ElementSets, EphemerisChunks, Events
from ssa_pipeline.core.screening.flagged_events import flagged_events
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.volumes.screening_volume import within_one_constellation
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.defs.partitions import chain_asset
from ssa_pipeline.defs.slices.describe import events_by_class, events_shown
from ssa_pipeline.defs.slices.slice_stream import Computed, SliceEvents, SliceInput, each_slice
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

    def compute(key: str, catalog: CleanCatalog, chunks: EphemerisChunks, found: Candidates, watch: Watch) -> Computed:
        lead_day = slice_key(REFINED_EVENTS, key).lead_day or 0
        elements = catalog.sets_on(lead_day)
        asked = _asked(elements, found, settings)
        refined = refine_events(elements, chunks, asked, settings.threshold_km, threads=settings.threads, watch=watch)
        events = flagged_events(refined.events, catalog, lead_day, chunks.end_us)
        outcomes = refined.outcomes | _left_out(found, asked)
        facts = _facts(events, outcomes, len(found), settings)
        window = (chunks.start_us, chunks.end_us)
        return Computed(events, facts, events_shown(events, elements, outcomes, window, settings.threshold_km))

    yield from each_slice(context, compute, clean_catalog, ephemeris_chunks.brief(), conjunction_candidates)


def _asked(elements: ElementSets, found: Candidates, settings: Settings) -> Candidates:
    """The candidates of which events are wanted."""
    if not settings.exclude_same_constellation:
        return found
    return found.take(~within_one_constellation(elements, found.norad_id_1, found.norad_id_2))


def _left_out(found: Candidates, asked: Candidates) -> dict[str, int]:
    count = len(found) - len(asked)
    return {"within_one_constellation": count} if count else {}


def _facts(events: Events, outcomes: dict[str, int], n_candidates: int, settings: Settings) -> dict[str, object]:
    return {
        "events_by_class": events_by_class(events),
        "outcomes": outcomes,
        "candidates": n_candidates,
        "threshold_km": settings.threshold_km,
        "exclude_same_constellation": settings.exclude_same_constellation,
    }
