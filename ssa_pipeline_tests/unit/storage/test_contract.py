"""The contract of tables, the names of slices and partitions, and content hashes, without a server."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.storage.errors import ChunkFormatError
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.partitions import partition_bounds, partition_name
from ssa_pipeline.storage.schema.quantities import QUANTITIES
from ssa_pipeline.storage.schema.tables import TABLE, TABLES
from ssa_pipeline.storage.schema.views import VIEWS, view_queries
from ssa_pipeline.storage.slices.codecs import CODECS
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline_tests.shared import slice_samples

DAY = slice_samples.DAY


def test_every_column_is_a_declared_quantity_and_every_quantity_is_used() -> None:
    used = {column for relation in (*TABLES, *VIEWS) for column in relation.columns}
    assert used == set(QUANTITIES)


def test_views_have_sql_and_units() -> None:
    assert sorted(view_queries()) == sorted(view.name for view in VIEWS)
    for name, (kind, comment) in QUANTITIES.items():
        for suffix, unit in {"_km": "km", "_km_s": "km/s", "_deg": "degrees", "_days": "days", "_us": "micro"}.items():
            if name.endswith(suffix) and kind == "double precision":
                assert unit in comment, name


def test_sections_are_statements_without_their_comments() -> None:
    assert section("slices/screening_slices.sql", "membership").startswith("SELECT c.norad_id")
    assert not section("slices/screening_slices.sql", "membership").endswith(";")


@pytest.mark.parametrize(
    ("table", "day", "name", "bounds"),
    [
        ("screening.ephemeris_chunk", date(2024, 2, 29), "ephemeris_chunk_p20240229", ("2024-02-29", "2024-03-01")),
        ("screening.refined_event", date(2024, 2, 29), "refined_event_p202402", ("2024-02-01", "2024-03-01")),
        ("screening.refined_event", date(2024, 12, 31), "refined_event_p202412", ("2024-12-01", "2025-01-01")),
        ("catalog.sighting", date(2025, 1, 1), "sighting_p202501", ("2025-01-01", "2025-02-01")),
        ("catalog.element_set", date(2024, 2, 29), "element_set_p2024", ("2024-01-01", "2025-01-01")),
    ],
)
def test_partitions_by_day_month_and_year(table: str, day: date, name: str, bounds: tuple[str, str]) -> None:
    assert partition_name(TABLE[table], day) == name
    assert tuple(d.isoformat() for d in partition_bounds(TABLE[table], day)) == bounds


def test_a_lead_day_covers_its_half_open_day() -> None:
    start_us, end_us = SliceKey("refined_events", DAY, 6).window_us()
    assert start_us == day_start_us(date(2024, 11, 7))
    assert end_us == day_start_us(date(2024, 11, 8))
    with pytest.raises(ValueError, match="no lead day"):
        SliceKey("clean_catalog", DAY).window_us()


def test_the_content_hash_sees_every_value_and_no_id_of_a_database() -> None:
    received = slice_samples.received_day(1, 5)
    digest, size = content_hash(received)
    assert size > 0
    assert content_hash(slice_samples.received_day(2, 5))[0] == digest
    for field in fields(received.element_sets):
        column = getattr(received.element_sets, field.name).copy()
        column[3] = "other" if column.dtype == object else column[3] + 1
        changed = replace(received, element_sets=replace(received.element_sets, **{field.name: column}))
        assert content_hash(changed)[0] != digest, field.name
    assert content_hash(replace(received, rejected=received.rejected[:-1]))[0] != digest


def test_a_value_of_another_partition_or_format_is_refused_before_anything_is_written() -> None:
    chunks = slice_samples.chunks(np.array([5, 9]))
    codec = CODECS["ephemeris_chunks"]
    codec.check(SliceKey("ephemeris_chunks", DAY, 0), chunks)
    with pytest.raises(ValueError, match="do not cover"):
        codec.check(SliceKey("ephemeris_chunks", DAY, 1), chunks)
    with pytest.raises(ChunkFormatError, match="version 77"):
        codec.check(SliceKey("ephemeris_chunks", DAY, 0), replace(chunks, format_version=77))
    sets = slice_samples.element_sets(3)
    events = slice_samples.events(sets, [(0, 1)])
    with pytest.raises(ValueError, match="1 events have their TCA outside"):
        CODECS["refined_events"].check(SliceKey("refined_events", DAY, 1), events)
    with pytest.raises(ValueError, match="is not the slice"):
        CODECS["clean_catalog"].check(SliceKey("clean_catalog", date(2024, 11, 2)), slice_samples.clean_catalog(sets))
