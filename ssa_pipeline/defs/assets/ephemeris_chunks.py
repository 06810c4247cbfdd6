"""Interpolable SGP4 positions of every object over one lead day."""

from dagster import AssetExecutionContext

from ssa_pipeline.chain.links import EPHEMERIS_CHUNKS
from ssa_pipeline.chain.slice_key import slice_key
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.watch import Watch
from ssa_pipeline.defs.partitions import chain_asset
from ssa_pipeline.defs.slices.describe import chunk_facts, chunks_shown
from ssa_pipeline.defs.slices.slice_stream import Computed, SliceEvents, SliceInput, each_slice
from ssa_pipeline.settings import Settings


@chain_asset(
    kinds={"python", "numba"},
    description="SGP4 positions (TEME) of every object over the lead day, as quantised nodes with a measured bound "
    "of the interpolation error. Kept for a few epoch days only.",
)
def ephemeris_chunks(context: AssetExecutionContext, clean_catalog: SliceInput) -> SliceEvents:
    settings: Settings = context.resources.settings

    def compute(key: str, catalog: CleanCatalog, watch: Watch) -> Computed:
        slot = slice_key(EPHEMERIS_CHUNKS, key)
        start_us, end_us = slot.window_us()
        elements = catalog.sets_on(slot.lead_day or 0)
        chunks = compute_ephemeris_chunks(elements, start_us, end_us, threads=settings.threads, watch=watch)
        return Computed(chunks, chunk_facts(chunks), chunks_shown(chunks))

    yield from each_slice(context, compute, clean_catalog)
