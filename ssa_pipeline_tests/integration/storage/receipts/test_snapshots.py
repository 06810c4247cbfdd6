"""Snapshots and what a day's catalogue may be chosen from: content-addressed, append-only, the same everywhere."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg import IntegrityError, sql

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import ElementSets, RecordSpans
from ssa_pipeline.messages.catalog import parse_catalog, record_bytes
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.receipts.snapshots import read_snapshots, snapshot_ids, store_snapshot
from ssa_pipeline.storage.schema import partitions
from ssa_pipeline.storage.schema.partitions import ensure_partitions
from ssa_pipeline.storage.slices import element_sets
from ssa_pipeline.storage.slices.element_sets import store_element_sets
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.filled import write
from ssa_pipeline_tests.shared.omm_samples import ROWS, space_track_json

DAY = slice_samples.DAY
NOON = datetime(2024, 11, 1, 12, tzinfo=UTC)
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
YEARS = "SELECT tableoid::regclass::text, count(*) FROM catalog.element_set GROUP BY 1 ORDER BY 1"


def receive(
    url: DatabaseUrl, day: date, sets: ElementSets, data: bytes, spans: RecordSpans | None = None
) -> ReceivedDay:
    """Store a snapshot and the slice of its day; returns what the slice says was received up to then."""
    snapshot = store_snapshot(url, data, file_name="a.csv", source="test", epoch_day=day, received_at=NOON)
    key = SliceKey("raw_tle_snapshots", day)
    part = ParsedSnapshot(snapshot.snapshot_id, sets, slice_samples.rejected(25), spans=spans)
    value = ReceivedDay.from_parsed(day, [part])
    with SliceStore(url) as store:
        write(store, key, value, {})
        received = store.read(key)[0]
    assert isinstance(received, ReceivedDay)
    return received


def rows(sets: ElementSets) -> list[tuple[object, ...]]:
    return sorted(zip(*(getattr(sets, field.name).tolist() for field in fields(sets)), strict=True))


@pytest.mark.parametrize("table", ["snapshot", "content"])
@pytest.mark.parametrize("change", ["UPDATE raw.{} SET sha256 = sha256", "DELETE FROM raw.{}"])
def test_what_was_received_cannot_be_changed(any_database: DatabaseUrl, table: str, change: str) -> None:
    store_snapshot(any_database, b"as received", file_name="a", source="test", epoch_day=DAY, received_at=NOON)
    with (
        connect(any_database) as connection,
        pytest.raises(IntegrityError, match=rf"raw\.{table} is append-only: what was received stays as it is"),
    ):
        connection.execute(change.format(table).encode())


def test_records_may_share_a_line_as_in_json_on_one(fresh_database: DatabaseUrl) -> None:
    data = space_track_json([*ROWS, ROWS[0]])
    parsed = parse_catalog(data, "a.csv")
    sets = parsed.element_sets
    assert set(sets.source_line) == {1}
    received = receive(fresh_database, DAY, sets, data, parsed.spans)
    assert rows(received.element_sets) == rows(sets)  # what stands there twice is there twice
    ids = received.element_sets.norad_id.tolist()
    for norad_id, raw in zip(ids, record_bytes(data, received.receipts), strict=True):
        assert int(json.loads(raw.strip(b","))["NORAD_CAT_ID"]) == norad_id


def test_the_same_bytes_are_kept_once_and_received_once_a_day(fresh_database: DatabaseUrl) -> None:
    data = bytes(range(256)) * 10
    first = store_snapshot(fresh_database, data, file_name="a", source="s", epoch_day=DAY, received_at=NOON)
    again = store_snapshot(fresh_database, data, file_name="b", source="t", epoch_day=DAY, received_at=NOON)
    other_day = DAY + timedelta(days=1)
    later = store_snapshot(fresh_database, data, file_name="c", source="s", epoch_day=other_day, received_at=NOON)
    assert (first.is_new, again.is_new, later.is_new) == (True, False, True)
    assert (again.snapshot_id, again.file_name) == (first.snapshot_id, "a")
    assert snapshot_ids(fresh_database, DAY) == [first.snapshot_id]
    (read,) = read_snapshots(fresh_database, DAY)
    assert (read.data, read.sha256, read.received_at) == (data, first.sha256, NOON)
    assert read_snapshots(fresh_database, DAY - timedelta(days=1)) == []
    with connect(fresh_database) as connection:
        assert connection.execute("SELECT count(*) FROM raw.content").fetchone() == (1,)
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        store_snapshot(fresh_database, data, file_name="a", source="s", epoch_day=DAY, received_at=naive)


def test_what_was_received_comes_back_exactly(fresh_database: DatabaseUrl) -> None:
    sets = slice_samples.element_sets(200)
    received = receive(fresh_database, DAY, sets, b"1")
    assert rows(received.element_sets) == rows(sets)
    assert received.element_sets.epoch_us.dtype == np.int64
    assert received.rejected == slice_samples.rejected(25)


def test_element_sets_are_stored_once_and_names_as_each_sender_wrote_them(fresh_database: DatabaseUrl) -> None:
    sets = slice_samples.element_sets(50)
    renamed = replace(sets, object_name=slice_samples.texts(["NEW NAME"] * 50))
    with connect(fresh_database) as connection:
        first = store_element_sets(connection, sets)
        assert (store_element_sets(connection, sets) == first).all()
        twice = store_element_sets(connection, ElementSets.concat([sets, sets]))
        assert (twice == np.concatenate([first, first])).all()
        assert not np.isin(store_element_sets(connection, renamed), first).any()
        assert connection.execute("SELECT count(*) FROM catalog.element_set").fetchone() == (100,)


def test_a_day_sees_its_own_sets_and_the_newest_older_ones(fresh_database: DatabaseUrl) -> None:
    """Object 100 has a set on each of six days, object 101 only on the first."""
    for k in range(6):
        sets = slice_samples.element_sets(2 if k == 0 else 1, DAY + timedelta(days=k))
        received = receive(fresh_database, DAY + timedelta(days=k), sets, b"%d" % k)
    epochs = received.element_sets.epoch_us[received.element_sets.norad_id == 100]
    newest = slice_samples.element_sets(1, DAY + timedelta(days=5)).epoch_us[0]
    assert sorted(epochs.tolist()) == [newest - k * DAY_US for k in (4, 3, 2, 1, 0)]
    assert (received.element_sets.norad_id == 101).sum() == 1


def test_sets_that_were_too_far_ahead_take_no_place_of_older_ones(fresh_database: DatabaseUrl) -> None:
    """The good set came first; then, day after day, sets of wrong epochs that a later day lies near to."""
    good = slice_samples.element_sets(1)
    receive(fresh_database, DAY, good, b"good")
    for k in range(1, 6):
        wrong = slice_samples.element_sets(1, DAY + timedelta(days=17 + k))
        receive(fresh_database, DAY + timedelta(days=k), wrong, b"%d" % k)
    later = DAY + timedelta(days=20)
    received = receive(fresh_database, later, ElementSets.empty(), b"later")
    assert received.element_sets.epoch_us.tolist() == good.epoch_us.tolist()


def test_a_day_sees_nothing_received_later_and_nothing_twice(fresh_database: DatabaseUrl) -> None:
    sets = slice_samples.element_sets(10)
    before = receive(fresh_database, DAY, sets, b"1")
    newer = slice_samples.element_sets(10, shift_us=MINUTE_US)
    newer = replace(newer, source_line=newer.source_line + 10)
    after = receive(fresh_database, DAY + timedelta(days=1), ElementSets.concat([sets, newer]), b"2")
    assert len(after.element_sets) == 20  # the ten that were received again are not repeated
    with SliceStore(fresh_database) as store:
        again = store.read(SliceKey("raw_tle_snapshots", DAY))[0]
    assert rows(again.element_sets) == rows(before.element_sets)


def test_sets_of_long_ago_are_not_looked_at(fresh_database: DatabaseUrl) -> None:
    receive(fresh_database, DAY, slice_samples.element_sets(3), b"1")
    near, far = DAY + timedelta(days=118), DAY + timedelta(days=122)
    for day, expected in ((near, 3), (far, 0)):
        received = receive(fresh_database, day, ElementSets.empty(), day.isoformat().encode())
        assert len(received.element_sets) == expected, day


def test_materialising_a_day_again_changes_nothing_but_its_version(fresh_database: DatabaseUrl) -> None:
    sets = slice_samples.element_sets(30)
    first = receive(fresh_database, DAY, sets, b"1")
    second = receive(fresh_database, DAY, sets, b"1")
    assert rows(first.element_sets) == rows(second.element_sets)
    with connect(fresh_database) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM catalog.sighting), (SELECT count(*) FROM catalog.element_set), "
            "(SELECT count(*) FROM catalog.rejected_record), "
            "(SELECT count(DISTINCT content_hash) FROM screening.slice_log), "
            "(SELECT count(*) FROM screening.slice_log)"
        ).fetchone()
    assert counts == (30, 30, 25, 1, 2)


def test_the_same_bytes_give_the_same_catalogue_in_databases_with_another_past(
    embedded_database: DatabaseUrl, debian_database: DatabaseUrl
) -> None:
    """One has seen other sets first, so that all ids differ; rows, order and hash do not."""
    sets = slice_samples.element_sets(40)
    with connect(debian_database) as connection:
        store_element_sets(connection, slice_samples.element_sets(60, shift_us=-MINUTE_US))
        store_element_sets(connection, sets.take(np.arange(40)[::-1]))
    found = []
    for url in (embedded_database, debian_database):
        received = receive(url, DAY, sets, b"1")
        with SliceStore(url) as store:
            key = SliceKey("clean_catalog", DAY)
            version = write(store, key, slice_samples.clean_catalog(received.element_sets), {})
            found.append((version.content_hash, store.read(key)[0]))
    assert found[0][0] == found[1][0]
    one, two = (catalog.element_sets for _, catalog in found)
    for field in fields(one):
        assert getattr(one, field.name).tolist() == getattr(two, field.name).tolist(), field.name


def test_text_that_postgresql_cannot_hold_is_replaced_and_its_bytes_are_kept(fresh_database: DatabaseUrl) -> None:
    record = replace(slice_samples.rejected(1)[0], detail="value \0 is wrong", raw=b"\0\xff")
    key = SliceKey("raw_tle_snapshots", DAY)
    value = ReceivedDay.from_parsed(DAY, [ParsedSnapshot(1, ElementSets.empty(), [record])])
    with SliceStore(fresh_database) as store:
        write(store, key, value, {})
        (read,) = store.read(key)[0].rejected
    assert (read.detail, read.raw) == ("value \ufffd is wrong", b"\0\xff")


def test_element_sets_wait_in_the_default_partition_for_their_year(fresh_database: DatabaseUrl) -> None:
    """A partition is not made beside a long reader, a year further on is not looked at; both lose nothing."""
    sets = ElementSets.concat([slice_samples.element_sets(5, DAY.replace(year=year)) for year in (2023, 2024, 2030)])
    table = ("catalog.element_set",)
    with (
        pytest.MonkeyPatch.context() as hasty,
        connect(fresh_database) as reader,
        connect(fresh_database) as connection,
    ):
        hasty.setattr(partitions, "LOCK_TIMEOUT_MS", 50)
        with reader.transaction():
            reader.execute("SELECT count(*) FROM ssa.objects")
            ensure_partitions(connection, table, DAY)
            ids = store_element_sets(connection, sets)
            assert connection.execute(YEARS).fetchall() == [("catalog.element_set_default", 15)]
        ensure_partitions(connection, table, DAY)
        known = [("catalog.element_set_default", 10), ("catalog.element_set_p2024", 5)]
        assert connection.execute(YEARS).fetchall() == known
        ensure_partitions(connection, table, date(2024, 1, 5))
        ensure_partitions(connection, table, date(2029, 12, 30))
        assert connection.execute(YEARS).fetchall() == [(f"catalog.element_set_p{y}", 5) for y in (2023, 2024, 2030)]
        assert (store_element_sets(connection, sets) == ids).all()


def test_a_year_is_not_made_between_the_question_which_sets_are_there_and_their_rows(
    fresh_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, table = slice_samples.element_sets(5, DAY.replace(year=2030)), ("catalog.element_set",)
    insert = element_sets._insert

    def insert_beside_a_maker(*given: Any) -> None:
        with connect(fresh_database) as maker:
            ensure_partitions(maker, table, date(2030, 7, 1))
        insert(*given)

    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(element_sets, "_insert", insert_beside_a_maker)
    with connect(fresh_database) as connection:
        store_element_sets(connection, sets)
        assert connection.execute(YEARS).fetchall() == [("catalog.element_set_default", 5)]
        ensure_partitions(connection, table, date(2030, 7, 1))
        assert connection.execute(YEARS).fetchall() == [("catalog.element_set_p2030", 5)]


def test_sets_that_a_maker_of_their_year_waited_for_move_into_it_whatever_the_databases_isolation(
    fresh_database: DatabaseUrl,
) -> None:
    name = sql.Identifier(fresh_database.url.rsplit("/", 1)[1])
    with connect(fresh_database) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation TO 'repeatable read'").format(name)
        )

    def make() -> None:
        with connect(fresh_database) as maker:
            ensure_partitions(maker, ("catalog.element_set",), date(2030, 7, 1))

    with connect(fresh_database) as writer, ThreadPoolExecutor(1) as pool:
        with writer.transaction():
            store_element_sets(writer, slice_samples.element_sets(5, DAY.replace(year=2030)))
            made = pool.submit(make)
            while not made.done() and not writer.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                continue
        made.result()
        assert writer.execute(YEARS).fetchall() == [("catalog.element_set_p2030", 5)]


def test_partitions_are_made_once_by_many_at_once_and_beside_a_long_reader(fresh_database: DatabaseUrl) -> None:
    tables = ("screening.ephemeris_chunk", "screening.refined_event")

    def make(_: int) -> None:
        with connect(fresh_database) as connection:
            ensure_partitions(connection, tables, DAY)

    with connect(fresh_database) as reader, reader.transaction(), ThreadPoolExecutor(6) as pool:
        reader.execute("SELECT count(*) FROM ssa.events")
        reader.execute("SELECT count(*) FROM screening.ephemeris_chunk")
        list(pool.map(make, range(12)))
    with connect(fresh_database) as connection:
        found = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
            "WHERE c.relkind = 'r' AND c.relname NOT LIKE '%_default' ORDER BY 1"
        ).fetchall()
    assert found == [("screening.ephemeris_chunk_p20241101",), ("screening.refined_event_p202411",)]


def test_a_day_is_read_as_fast_with_statistics_of_the_days_before_it(embedded_database: DatabaseUrl) -> None:
    """The planner then expects no rows of the day. Work that is quadratic shows as a ratio of ten and more."""
    days = [DAY + timedelta(days=i) for i in range(3)]

    def seconds() -> float:
        started = time.perf_counter()
        with SliceStore(embedded_database) as store:
            assert len(store.read(SliceKey("raw_tle_snapshots", days[2]))[0].element_sets) == 18_000
        return time.perf_counter() - started

    for day in days:
        receive(embedded_database, day, slice_samples.element_sets(6000, day), bytes([day.day]))
    without = min(seconds() for _ in range(3))
    with connect(embedded_database) as connection:
        connection.execute("DELETE FROM catalog.sighting WHERE epoch_day = %s", [days[2]])
        for (leaf,) in connection.execute("SELECT relid::regclass::text FROM pg_stat_user_tables").fetchall():
            connection.execute(f"ANALYZE {leaf}")  # as autovacuum does, which leaves the parents out
    receive(embedded_database, days[2], slice_samples.element_sets(6000, days[2]), bytes([days[2].day]))
    assert min(seconds() for _ in range(3)) < 6 * without
