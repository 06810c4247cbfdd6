"""Algorithm versions, raised by hand whenever an asset's answer could change; a test hashes the sources."""

from __future__ import annotations

CHUNK_FORMAT_VERSION = 1

CODE_VERSIONS: dict[str, str] = {
    "raw_tle_snapshots": "5",
    "clean_catalog": "8",
    "ephemeris_chunks": "3",
    "conjunction_candidates": "4",
    "refined_events": "9",
}
