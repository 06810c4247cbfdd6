"""Slices of the real chain over a small real catalogue, in a database or in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import Slices, SliceVersion
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.records import Events
from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
from ssa_pipeline.core.screening.refined_events import refine_events
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.defs.slices.describe import chunk_facts
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY


def write(store: Slices, key: SliceKey, value: object, inputs: dict[str, int], **metadata: object) -> SliceVersion:
    """One slice, written as a run would."""
    token = store.claim([key], "test-run")
    version = CODE_VERSIONS[key.asset]
    return store.write(
        key, value, token=token, run_id="test-run", code_version=version, inputs=inputs, metadata=dict(metadata)
    )


def fill(
    url: DatabaseUrl,
    data: bytes,
    file_name: str = "small.csv",
    lead_days: int = 1,
    *,
    epoch_day: date = EPOCH_DAY,
    threshold_km: float = 5.0,
) -> list[Events]:
    """Receive ``data`` for a day and write all five slices; returns the events of each lead day."""
    stored = store_snapshot(
        url, data, file_name=file_name, source="test", epoch_day=epoch_day, received_at=datetime.now(UTC)
    )
    with SliceStore(url) as store:
        return write_chain(
            store, data, file_name, stored.snapshot_id, lead_days, epoch_day=epoch_day, threshold_km=threshold_km
        )


def write_chain(
    store: Slices,
    data: bytes,
    file_name: str = "small.csv",
    snapshot_id: int = 1,
    lead_days: int = 1,
    *,
    epoch_day: date = EPOCH_DAY,
    threshold_km: float = 5.0,
) -> list[Events]:
    """All five slices of a snapshot; returns the events of each lead day."""
    parsed = parse_catalog(data, file_name)
    part = ParsedSnapshot(snapshot_id, parsed.element_sets, parsed.rejected, spans=parsed.spans)
    found = []
    raw_key = SliceKey("raw_tle_snapshots", epoch_day, None)
    raw = write(store, raw_key, ReceivedDay.from_parsed(epoch_day, [part]), {}, snapshot_ids=[snapshot_id])
    received = store.read(raw_key)[0]
    catalog = clean_catalog(received.element_sets, epoch_day, received.receipts)
    clean_key = SliceKey("clean_catalog", epoch_day, None)
    clean = write(store, clean_key, catalog, {"raw_tle_snapshots": raw.log_id})
    for lead_day in range(lead_days):
        keys = {
            asset: SliceKey(asset, epoch_day, lead_day)
            for asset in ("ephemeris_chunks", "conjunction_candidates", "refined_events")
        }
        start_us, end_us = keys["ephemeris_chunks"].window_us()
        chunks = compute_ephemeris_chunks(catalog.element_sets, start_us, end_us)
        chunk = write(store, keys["ephemeris_chunks"], chunks, {"clean_catalog": clean.log_id}, **chunk_facts(chunks))
        candidates = find_conjunction_candidates(chunks, threshold_km)
        inputs = {"ephemeris_chunks": chunk.log_id}
        candidate = write(store, keys["conjunction_candidates"], candidates, inputs)
        refined = refine_events(catalog.element_sets, chunks, candidates, threshold_km)
        inputs = {
            "clean_catalog": clean.log_id,
            "ephemeris_chunks": chunk.log_id,
            "conjunction_candidates": candidate.log_id,
        }
        write(store, keys["refined_events"], refined.events, inputs, threshold_km=threshold_km)
        found.append(refined.events)
    return found
