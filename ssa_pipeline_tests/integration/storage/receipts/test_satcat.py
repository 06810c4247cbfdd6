"""SATCAT, decay and TIP tables in PostgreSQL: which count for a day, what SQL users see, what is quarantined."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.defs.automation.fetching import said
from ssa_pipeline.defs.known_objects import TableReader, tables_shown
from ssa_pipeline.defs.resources import PostgresStorage
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.receipts.satcat import read_newest_tables, store_table
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.use_cases.fetch import fetch_release
from ssa_pipeline.use_cases.receive import receive_table
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.fake_sources import NOON, SATCAT_CSV, FakeClock, as_csv, fake_sources
from ssa_pipeline_tests.shared.filled import write
from ssa_pipeline_tests.shared.places import DATA

DAY = slice_samples.DAY
HEADER, *LINES = SATCAT_CSV.decode().splitlines()
SPACE_TRACK = as_csv((DATA / "space_track_satcat.json").read_bytes())


def ask(url: DatabaseUrl, query: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def receive(url: DatabaseUrl, data: bytes, day: date, *, hour: int = 12, kind: str = "satcat") -> None:
    at = datetime(2026, 10, 5, hour, tzinfo=UTC)
    stored = store_snapshot(url, data, file_name=f"{day}.csv", source="t", epoch_day=day, received_at=at, kind=kind)
    table = parse_table(data, f"{day}.csv")
    store_table(url, stored, table.satcat, table.rejected)


def test_fetched_tables_are_rows_for_sql(fresh_database: DatabaseUrl) -> None:
    clock = FakeClock(NOON.replace(hour=17))
    with fake_sources(clock) as server:
        (result,) = fetch_release(fresh_database, server.settings(), "celestrak", ["satcat"], clock=clock)
        assert result.error is None
        found = ask(
            fresh_database,
            "SELECT norad_id::text, satcat_name, object_id, launch_date::text, coalesce(decay_date::text, ''), owner, "
            "satcat_period_min, rcs_m2, received_at FROM catalog.satcat ORDER BY source_line",
        )
        rows = list(csv.DictReader(io.StringIO(SATCAT_CSV.decode())))
        names = ("NORAD_CAT_ID", "OBJECT_NAME", "OBJECT_ID", "LAUNCH_DATE", "DECAY_DATE", "OWNER")
        assert [row[:6] for row in found] == [tuple(row[name] for name in names) for row in rows]
        numbers = [tuple(float(row[name]) if row[name] else None for name in ("PERIOD", "RCS")) for row in rows]
        assert [row[6:8] for row in found] == numbers
        assert {row[8] for row in found} == {clock.now}
        clock.advance(hours=2)
        (again,) = fetch_release(fresh_database, server.settings(), "celestrak", ["satcat"], clock=clock)
        assert (again.is_new, again.error) == (False, None)
        results = fetch_release(fresh_database, server.settings(), "space-track", ["decay", "tip"], clock=clock)
        assert [r.error for r in results] == [None, None]
    tables = read_newest_tables(fresh_database, NOON.date())
    assert [(t.kind, len(parse_table(t.data, t.file_name))) for t in tables] == [
        ("decay", 1),
        ("satcat", 33),
        ("tip", 1),
    ]
    assert read_newest_tables(fresh_database, NOON.date() - timedelta(days=1)) == []
    assert ask(fresh_database, "SELECT count(*) FROM catalog.rejected_record") == [(0,)]


def test_the_newest_table_of_each_kind_up_to_the_day(fresh_database: DatabaseUrl) -> None:
    """By day first, then by time of reception, whatever came into the database when."""
    for k, (day, hour) in enumerate([(DAY, 10), (DAY, 9), (DAY + timedelta(days=2), 8), (DAY - timedelta(days=1), 11)]):
        receive(fresh_database, "\n".join([HEADER, LINES[k]]).encode(), day, hour=hour)
    for later, line in ((-2, None), (-1, 3), (0, 0), (1, 0), (2, 2), (9, 2)):
        tables = read_newest_tables(fresh_database, DAY + timedelta(days=later))
        assert [t.data.decode().splitlines()[1] for t in tables] == ([] if line is None else [LINES[line]])


def test_the_newest_row_of_an_object_stays_and_what_only_one_provider_says_is_kept(fresh_database: DatabaseUrl) -> None:
    first = "\n".join([HEADER, LINES[0].replace(",D,CIS", ",+,CIS"), LINES[2]]).encode()
    receive(fresh_database, first, DAY + timedelta(days=1))
    receive(fresh_database, SPACE_TRACK, DAY + timedelta(days=2))
    stale = "\n".join([HEADER, LINES[0].replace("SL-1 R/B", "OLD"), LINES[2].replace("VANGUARD", "OLD")]).encode()
    for data, days in ((stale, 0), (SPACE_TRACK, 2)):  # an older release, and the same once more
        receive(fresh_database, data, DAY + timedelta(days=days), hour=20)
    found = ask(
        fresh_database,
        "SELECT k.norad_id, satcat_name, operational_status, rcs_m2, rcs_size, k.epoch_day - date '2024-11-01', n.kind "
        "FROM catalog.satcat k JOIN raw.snapshot n USING (snapshot_id) ORDER BY 1",
    )
    assert found == [
        (1, "SL-1 R/B", "operational", 20.42, "LARGE", 2, "satcat"),
        (5, "VANGUARD 1", None, 0.122, None, 1, "satcat"),
    ]


def test_rows_that_cannot_be_used_are_kept_with_file_line_and_rule(fresh_database: DatabaseUrl) -> None:
    bad = [line.rsplit(",", 3)[0] for line in LINES]  # cut off
    for k in (1, 2, 2):  # two releases of one day, the second stored twice
        receive(fresh_database, "\n".join([HEADER, LINES[0], *bad[1 : k + 1]]).encode(), DAY, hour=k)
    found = ask(
        fresh_database,
        "SELECT asset, source_line, norad_id, rule, rtrim(convert_from(raw, 'UTF8'), E'\\n') FROM ssa.rejected_records "
        "ORDER BY snapshot_id, source_line",
    )
    rows = [(3, None, bad[1]), (3, None, bad[1]), (4, None, bad[2])]
    assert found == [("satcat", line, norad_id, "malformed", text) for line, norad_id, text in rows]
    receive_day_of_element_sets(fresh_database)
    quality = ask(fresh_database, "SELECT records_rejected, rejected_by_rule ->> 'malformed' FROM ssa.catalog_quality")
    assert quality == [(9, "2")]  # of the element sets alone


def receive_day_of_element_sets(url: DatabaseUrl) -> None:
    snapshot = store_snapshot(url, b"sets", file_name="a.csv", source="t", epoch_day=DAY, received_at=NOON)
    with SliceStore(url) as store:
        received = slice_samples.received_day(snapshot.snapshot_id, first_id=1)
        raw = write(store, SliceKey("raw_tle_snapshots", DAY, None), received, {})
        catalog = slice_samples.clean_catalog(received.element_sets)
        facts = {"objects_by_type": {"DEBRIS": 20}}
        write(store, SliceKey("clean_catalog", DAY, None), catalog, {"raw_tle_snapshots": raw.log_id}, **facts)


def test_objects_and_catalog_quality_show_what_the_satcat_says(fresh_database: DatabaseUrl) -> None:
    receive_day_of_element_sets(fresh_database)
    receive(fresh_database, SATCAT_CSV, DAY)
    rows = ask(
        fresh_database,
        "SELECT norad_id, object_type, owner, rcs_m2, rcs_size, operational_status, launch_date, decay_date "
        "FROM ssa.objects ORDER BY norad_id",
    )
    assert rows[0] == (1, "ROCKET BODY", "CIS", 20.42, None, "decayed", date(1957, 10, 4), date(1957, 12, 1))
    assert rows[4] == (5, "PAYLOAD", "US", 0.122, None, None, date(1958, 3, 17), None)
    assert rows[2] == (3, "PAYLOAD", *[None] * 6)  # by its name
    assert len(rows) == 20
    assert ask(fresh_database, "SELECT objects_by_type FROM ssa.catalog_quality") == [({"DEBRIS": 20},)]


def numbered(first: int, last: int) -> bytes:
    """A SATCAT of objects of these numbers."""
    line = LINES[2].split(",")
    rows = [[*line[:2], str(k), *line[3:]] for k in range(first, last)]
    return "\n".join([HEADER, *(",".join(row) for row in rows)]).encode()


def test_a_satcat_that_lacks_objects_of_the_one_before_is_kept_and_not_used(fresh_database: DatabaseUrl) -> None:
    """Compared with the last whole one, so that several partial ones are none either; for thirty days."""
    whole, grown = numbered(1, 1001), numbered(1, 1101)
    partial, few_missing = numbered(1, 970), numbered(1, 971)

    def take(data: bytes, days: int) -> tuple[str, str]:
        at = datetime(2026, 10, 5, tzinfo=UTC) + timedelta(days=days)
        receipt: dict[str, Any] = {"file_name": f"{days}.csv", "source": "t", "received_at": at}
        stored, lack = receive_table(
            fresh_database, data, parse_table(data, "a"), epoch_day=DAY + timedelta(days=days), **receipt
        )
        return stored.kind, lack

    assert take(numbered(1, 21), 0) == ("satcat", "")  # the first there is
    assert take(whole, 1) == ("satcat", "")
    kind, lack = take(partial, 2)
    assert kind == "partial_satcat"
    missing = "31 of the 1,000 objects of 1.csv of 2024-11-02 are missing (3.1%, at most 3% may be)"
    assert lack == f"{missing}: stored, but not used; catalogues keep to that one"
    assert take(partial, 3) == (kind, lack)
    assert take(numbered(500, 2000), 4)[0] == "partial_satcat"  # new objects do not make up for missing ones
    assert take(few_missing, 5) == ("satcat", "")
    assert take(grown, 6) == ("satcat", "")
    assert take(partial, 37)[0] == "satcat"  # there is no other
    used = {}
    with SliceStore(fresh_database) as slices:
        for days in (1, 2, 4, 5, 6):
            read = TableReader(PostgresStorage(slices, fresh_database)).read(DAY + timedelta(days=days))
            assert read.known is not None
            used[days] = (len(read.known.satcat), read.facts.get("partial_satcat", {}).get("file_name"))
        shown = tables_shown(slice_samples.clean_catalog(slice_samples.received_day(1, first_id=1).element_sets), read)
    assert used == {1: (1000, None), 2: (1000, "2.csv"), 4: (1000, "4.csv"), 5: (970, None), 6: (1100, None)}
    assert "partial" not in str(shown["tables"])


def test_a_partial_satcat_is_told_at_the_door(fresh_database: DatabaseUrl, tmp_path: Path) -> None:
    clock = FakeClock()
    settings = replace(read_settings({}).sources, folder=tmp_path)
    for name, data in (("a_20260820.csv", numbered(1, 1001)), ("b_20260821.csv", numbered(1, 900))):
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (0, 0))
    whole, partial = fetch_release(fresh_database, settings, "folder", [], clock=clock)
    assert (whole.is_new, whole.lack) == (True, "")
    assert partial.is_new
    assert said(partial, clock()).endswith("stored, but not used; catalogues keep to that one")
    with SliceStore(fresh_database) as slices:
        read = TableReader(PostgresStorage(slices, fresh_database)).read(NOON.date())
    shown = tables_shown(slice_samples.clean_catalog(slice_samples.received_day(1, first_id=1).element_sets), read)
    assert "lacks objects of the SATCAT before" in str(shown["tables"])
