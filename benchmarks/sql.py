"""How long every query of docs/sql.md takes in a database with five million events.

An embedded server of its own gets one real day: the bundled catalogue, with the events of its lead day 0 as the engine
finds them. That day is repeated inside the server, moved by whole days, for as many epoch days of seven lead days as
give the events wanted; every day has its own element sets, as the days of an operation have.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import psycopg

from benchmarks.storing import database
from benchmarks.workbench import CATALOG, ROOT, THRESHOLD_KM, Workbench
from ssa_pipeline.settings import DatabaseUrl

EPOCH_DAY = date(2024, 11, 1)
EVENTS = 5_000_000
LEAD_DAYS = 7
ROUNDS = 3
DOCUMENT = ROOT / "docs" / "sql.md"

# Of day D + n and its lead days; what follows the epochs moves with them.
_REPEAT = """
INSERT INTO raw.snapshot (epoch_day, source, file_name, sha256, received_at, kind)
SELECT epoch_day + %(n)s, source, file_name, sha256, received_at + %(n)s * interval '1 day', kind
FROM raw.snapshot WHERE epoch_day = %(day)s;

INSERT INTO catalog.element_set (element_set_id, content_key, norad_id, object_name, object_id, epoch,
    mean_motion_rev_per_day, eccentricity, inclination_deg, raan_deg, arg_perigee_deg, mean_anomaly_deg, bstar,
    mean_motion_dot, mean_motion_ddot, classification, element_set_no, rev_at_epoch)
SELECT element_set_id + %(n)s * 1000000, sha256(content_key || convert_to(%(n)s::text, 'UTF8')), norad_id, object_name,
    object_id, epoch + %(n)s * interval '1 day', mean_motion_rev_per_day, eccentricity, inclination_deg, raan_deg,
    arg_perigee_deg, mean_anomaly_deg, bstar, mean_motion_dot, mean_motion_ddot, classification, element_set_no,
    rev_at_epoch
FROM catalog.element_set WHERE element_set_id < 1000000;

INSERT INTO catalog.sighting (epoch_day, snapshot_id, source_line, element_set_id, member, byte_start, byte_count)
SELECT s.epoch_day + %(n)s, n.snapshot_id, source_line, element_set_id + %(n)s * 1000000, member, byte_start, byte_count
FROM catalog.sighting s
JOIN raw.snapshot n ON n.epoch_day = s.epoch_day + %(n)s
WHERE s.epoch_day = %(day)s;

INSERT INTO catalog.rejected_record (epoch_day, asset, ordinal, snapshot_id, source_file, source_line, rule, detail,
    norad_id, object_name, raw)
SELECT epoch_day + %(n)s, asset, ordinal, snapshot_id, source_file, source_line, rule, detail,
    norad_id, object_name, raw
FROM catalog.rejected_record WHERE epoch_day = %(day)s;

INSERT INTO screening.clean_catalog (epoch_day, norad_id, element_set_id, age_days, is_forward_epoch, source_file,
    source_line, flags, source, received_day)
SELECT epoch_day + %(n)s, norad_id, element_set_id + %(n)s * 1000000, age_days, is_forward_epoch, source_file,
    source_line, flags, source, received_day + %(n)s
FROM screening.clean_catalog WHERE epoch_day = %(day)s;

INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, input_versions, row_count,
    byte_count, content_hash, metadata, written_at)
SELECT asset, epoch_day + %(n)s, lead_day, run_id, token, code_version, input_versions, row_count, byte_count,
    content_hash, metadata, written_at + %(n)s * interval '1 day'
FROM screening.slice_log WHERE epoch_day = %(day)s AND asset <> 'refined_events';
"""
_REPEAT_LOG = """
INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, input_versions, row_count,
    byte_count, content_hash, metadata, written_at)
SELECT asset, epoch_day + %(n)s, %(lead_day)s, run_id, token, code_version, input_versions, row_count, byte_count,
    content_hash, metadata, written_at + %(n)s * interval '1 day'
FROM screening.slice_log
WHERE epoch_day = %(day)s AND lead_day = 0 AND asset = 'refined_events'
RETURNING log_id
"""


def documented_queries() -> dict[str, str]:
    """Title -> query of docs/sql.md."""
    found = {}
    for part in DOCUMENT.read_text().split("\n## ")[1:]:
        query = re.search(r"```sql\n(.+?)```", part, re.DOTALL)
        if query:
            found[part.split("\n", 1)[0]] = query[1]
    return found


def measure(bench: Workbench, events: int = EVENTS) -> dict[str, Any]:
    """Seconds of each documented query, the best of three."""
    with database(bench.directory / "sql") as url:
        began = time.perf_counter()
        bench.say(f"filling a database with {events:,} events ...")
        filled = fill(url, events)
        filled_s = time.perf_counter() - began
        bench.say(f"{filled:,} events after {filled_s:.0f} s; asking the queries of docs/sql.md ...")
        with psycopg.connect(url.psycopg, autocommit=True) as connection:
            queries = {title: _timed(connection, query) for title, query in documented_queries().items()}
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        for title, figures in queries.items():
            bench.say(f"{figures['seconds']:8.3f} s  {figures['rows']:>9,} rows  {title}")
    return {"events": filled, "filled_s": filled_s, "database_bytes": size[0] if size else 0, "queries": queries}


def fill(url: DatabaseUrl, events: int) -> int:
    """A database of at least so many events; how many there are."""
    found = _first_day(url)
    days = max(1, -(-events // (found * LEAD_DAYS)))
    with psycopg.connect(url.psycopg, autocommit=True) as connection:
        for n in range(days):
            _repeat(connection, n)
        connection.execute("VACUUM (ANALYZE)")
    return found * LEAD_DAYS * days


def _first_day(url: DatabaseUrl) -> int:
    """Receive the bundled catalogue, make its catalogue and screen lead day 0; how many events there are."""
    from ssa_pipeline.chain.slice_key import SliceKey
    from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
    from ssa_pipeline.core.screening.conjunction_candidates import find_conjunction_candidates
    from ssa_pipeline.core.screening.ephemeris_chunks import compute_ephemeris_chunks
    from ssa_pipeline.core.screening.refined_events import refine_events
    from ssa_pipeline.messages.catalog import parse_catalog
    from ssa_pipeline.storage.receipts.snapshots import store_snapshot
    from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
    from ssa_pipeline.storage.slices.store import SliceStore

    data, now = CATALOG.read_bytes(), datetime.now(UTC)
    stored = store_snapshot(url, data, file_name=CATALOG.name, source="file", epoch_day=EPOCH_DAY, received_at=now)
    parsed = parse_catalog(data, CATALOG.name)
    part = ParsedSnapshot(stored.snapshot_id, parsed.element_sets, parsed.rejected, spans=parsed.spans)
    received = ReceivedDay.from_parsed(EPOCH_DAY, [part])
    catalog = clean_catalog(received.element_sets, EPOCH_DAY, received.receipts)
    slices = SliceKey("refined_events", EPOCH_DAY, 0)
    chunks = compute_ephemeris_chunks(catalog.element_sets, *slices.window_us())
    candidates = find_conjunction_candidates(chunks, THRESHOLD_KM)
    events = refine_events(catalog.element_sets, chunks, candidates, THRESHOLD_KM).events
    with SliceStore(url) as store:
        inputs: dict[str, int] = {}
        for asset, value in (("raw_tle_snapshots", received), ("clean_catalog", catalog), ("refined_events", events)):
            key = SliceKey(asset, EPOCH_DAY, 0 if asset == "refined_events" else None)
            version = store.write(
                key,
                value,
                token=store.claim([key], "benchmark"),
                run_id="benchmark",
                code_version="0",
                inputs=inputs,
                metadata={"threshold_km": THRESHOLD_KM} if asset == "refined_events" else {},
            )
            inputs = {asset: version.log_id}
    return len(events)


def _repeat(connection: psycopg.Connection, n: int) -> None:
    """The day moved by ``n`` days, with all its lead days."""
    from datetime import timedelta

    from ssa_pipeline.storage.schema.partitions import ensure_partitions

    day = EPOCH_DAY + timedelta(days=n)
    tables = ("catalog.sighting", "catalog.rejected_record", "screening.clean_catalog", "screening.refined_event")
    ensure_partitions(connection, (*tables, "catalog.element_set"), day)
    with connection.transaction():
        if n:
            for statement in _REPEAT.split(";\n"):
                if statement.strip():
                    connection.execute(statement, {"n": n, "day": EPOCH_DAY})
        for lead_day in range(LEAD_DAYS):
            if n or lead_day:
                _repeat_events(connection, n, lead_day)


def _repeat_events(connection: psycopg.Connection, n: int, lead_day: int) -> None:
    """Every miss distance changes a little, as predictions do."""
    given = {"n": n, "day": EPOCH_DAY, "lead_day": lead_day}
    row = connection.execute(_REPEAT_LOG, given).fetchone()
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'screening.refined_event'::regclass"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
    ]
    moved = {
        "epoch_day": "epoch_day + %(n)s",
        "lead_day": "%(lead_day)s",
        "log_id": "%(log_id)s",
        "element_set_id_1": "element_set_id_1 + %(n)s * 1000000",
        "element_set_id_2": "element_set_id_2 + %(n)s * 1000000",
        "miss_distance_km": "miss_distance_km * (1 - 0.01 * %(n)s / (%(n)s + 1))",
        "age_1_days": "age_1_days + %(lead_day)s",
        "age_2_days": "age_2_days + %(lead_day)s",
        "epoch_1_utc": "epoch_1_utc + %(n)s * interval '1 day'",
        "epoch_2_utc": "epoch_2_utc + %(n)s * interval '1 day'",
        **{name: f"{name} + (%(n)s + %(lead_day)s) * interval '1 day'" for name in ("tca_utc", "start_utc", "end_utc")},
    }
    chosen = ", ".join(moved.get(name, name) for name in columns)
    connection.execute(
        f"INSERT INTO screening.refined_event ({', '.join(columns)}) SELECT {chosen} FROM screening.refined_event "
        "WHERE epoch_day = %(day)s AND lead_day = 0",
        {**given, "log_id": row[0] if row else None},
    )


def _timed(connection: psycopg.Connection, query: str) -> dict[str, float]:
    seconds, rows = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = len(connection.execute(query).fetchall())
        seconds.append(time.perf_counter() - began)
    return {"seconds": float(np.min(seconds)), "rows": rows}
