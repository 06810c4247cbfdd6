"""Pairs and steps that may come within the threshold; provably none is left out."""

from dagster import AssetExecutionContext

from ssa_pipeline.core.records import EphemerisChunks
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.defs.partitions import chain_asset
from ssa_pipeline.defs.slices.describe import candidates_shown
from ssa_pipeline.defs.slices.slice_stream import Computed, SliceEvents, SliceInput, each_slice
from ssa_pipeline.settings import Settings


@chain_asset(
    kinds={"python", "numba"},
    description="Every pair of objects and time step at which the two may come closer than the threshold: a "
    "superset of the events, found by a sieve with a proven bound. Kept for a few epoch days only.",
)
def conjunction_candidates(context: AssetExecutionContext, ephemeris_chunks: SliceInput) -> SliceEvents:
    settings: Settings = context.resources.settings

    def compute(_: str, chunks: EphemerisChunks, watch: Watch) -> Computed:
        found = find_conjunction_candidates(chunks, settings.threshold_km, threads=settings.threads, watch=watch)
        shown = candidates_shown(found, settings.threshold_km)
        return Computed(found, shown, shown)

    yield from each_slice(context, compute, ephemeris_chunks)
