"""The codec of each link."""

from __future__ import annotations

from typing import Any

from ssa_pipeline.chain.links import ASSETS, DAILY_ASSETS, EXPIRING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.storage.slices.clean_catalog import CleanCatalogCodec
from ssa_pipeline.storage.slices.codec import Codec
from ssa_pipeline.storage.slices.conjunction_candidates import ConjunctionCandidatesCodec
from ssa_pipeline.storage.slices.ephemeris_chunks import EphemerisChunksCodec
from ssa_pipeline.storage.slices.raw_tle_snapshots import RawTleSnapshotsCodec
from ssa_pipeline.storage.slices.refined_events import RefinedEventsCodec

CODECS: dict[str, Codec[Any]] = {
    codec.asset: codec
    for codec in (
        RawTleSnapshotsCodec(),
        CleanCatalogCodec(),
        EphemerisChunksCodec(),
        ConjunctionCandidatesCodec(),
        RefinedEventsCodec(),
    )
}
EXPIRING_TABLES = tuple(table for asset in EXPIRING_ASSETS for table in CODECS[asset].tables)


def codec_of(key: SliceKey) -> Codec[Any]:
    """ValueError where the key names no slice of the chain."""
    if key.asset not in CODECS:
        raise ValueError(f"{key.asset!r} is no asset of the chain: {', '.join(ASSETS)}")
    if (key.lead_day is None) != (key.asset in DAILY_ASSETS):
        raise ValueError(f"{key}: {', '.join(DAILY_ASSETS)} have no lead day, the other assets have one")
    return CODECS[key.asset]
