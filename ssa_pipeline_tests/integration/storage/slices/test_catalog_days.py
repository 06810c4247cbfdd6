"""Catalogues of consecutive real days in PostgreSQL: carried over, jumped, supplemental, explained, the same again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import SliceVersion
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.records import GP, SUPPLEMENTAL_GP
from ssa_pipeline.core.screening.flagged_events import flagged_events
from ssa_pipeline.defs.assets.clean_catalog import record_bytes
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import InputVersionError
from ssa_pipeline.storage.questions.answers import why
from ssa_pipeline.storage.receipts.snapshots import read_catalog_snapshots, read_records, snapshot_ids, store_snapshot
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.catalog_samples import DAY_1, DAY_2, FILE_1, FILE_2
from ssa_pipeline_tests.shared.command_line import ssa_on
from ssa_pipeline_tests.shared.filled import write
from ssa_pipeline_tests.shared.places import DATA

DAY_3 = date(2026, 8, 19)
ISS, JUMPED = 25544, 69837


def receive(url: DatabaseUrl, day: date, data: bytes, name: str, source: str = "celestrak", kind: str = GP) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    store_snapshot(url, data, file_name=name, source=source, epoch_day=day, received_at=noon, kind=kind)


def clean(url: DatabaseUrl, day: date, **options: Any) -> SliceVersion:
    """Both daily slices of a day, as their assets write them."""
    snapshots = read_catalog_snapshots(url, day)
    parts = []
    for snapshot in snapshots:
        parsed = parse_catalog(snapshot.data, snapshot.file_name)
        parts.append(
            ParsedSnapshot(
                snapshot.snapshot_id,
                parsed.element_sets,
                parsed.rejected,
                snapshot.source,
                snapshot.kind,
                parsed.spans,
            )
        )
    raw_key, key = SliceKey("raw_tle_snapshots", day), SliceKey("clean_catalog", day)
    with SliceStore(url) as store:
        raw = write(store, raw_key, ReceivedDay.from_parsed(day, parts), {})
        received = store.read(raw_key)[0]
        catalog = clean_catalog(
            received.element_sets,
            day,
            received.receipts,
            record_bytes=lambda receipts: record_bytes(receipts, partial(read_records, url)),
            **options,
        )
        return write(store, key, catalog, {"raw_tle_snapshots": raw.log_id})


def read(url: DatabaseUrl, day: date) -> CleanCatalog:
    with SliceStore(url) as store:
        catalog = store.read(SliceKey("clean_catalog", day))[0]
    assert isinstance(catalog, CleanCatalog)
    return catalog


def lines_of(path_data: bytes, norad_id: int) -> bytes:
    lines = path_data.splitlines(keepends=True)
    row = next(k for k, line in enumerate(lines) if line.startswith(b"1 %5d" % norad_id))
    return b"".join(lines[row - 1 : row + 2])


@pytest.fixture
def two_days(embedded_database: DatabaseUrl) -> DatabaseUrl:
    receive(embedded_database, DAY_1, FILE_1.read_bytes(), FILE_1.name)
    receive(embedded_database, DAY_2, FILE_2.read_bytes(), FILE_2.name)
    clean(embedded_database, DAY_1)
    clean(embedded_database, DAY_2)
    return embedded_database


def test_what_vanished_is_carried_over_and_what_jumped_is_flagged(two_days: DatabaseUrl, tmp_path: Path) -> None:
    catalog = read(two_days, DAY_2)
    first, second = (parse_catalog(path.read_bytes(), "x").element_sets for path in (FILE_1, FILE_2))
    vanished = set(first.norad_id) - set(second.norad_id)
    ids = catalog.element_sets.norad_id
    carried = set(ids[["carried_over" in words for words in catalog.flags]])
    assert carried == vanished & set(ids)
    assert carried
    assert (catalog.received_day[np.isin(ids, list(carried))] == np.datetime64(DAY_1)).all()
    with connect(two_days) as connection:
        quality = connection.execute(
            "SELECT objects_used, objects_carried_over, objects_jumped, objects_supplemental FROM ssa.catalog_quality "
            "WHERE epoch_day = %s",
            [DAY_2],
        ).fetchone()
    assert quality == (len(catalog.element_sets), len(carried), sum("jump" in words for words in catalog.flags), 0)
    used = why(two_days, JUMPED, DAY_2).used
    assert used is not None
    assert (used["flags"], used["source"], used["received_day"]) == ("jump_manoeuvre", "celestrak", DAY_2)
    said = ssa_on(two_days, tmp_path, "why", str(JUMPED), "--epoch-day", str(DAY_2))
    assert f"from {FILE_2.name} line {used['source_line']} (celestrak, received on {DAY_2})" in said
    assert "jump_manoeuvre: the set does not continue the one before: probably" in said


def test_every_record_that_is_not_used_shows_its_source_and_bytes(two_days: DatabaseUrl) -> None:
    """Stale sets of both days, one file with a byte order mark; and what a second source sent, packed, of the same
    orbits with other numbers."""
    receive(two_days, DAY_2, b"\xef\xbb\xbf" + lines_of(FILE_2.read_bytes(), ISS), "marked.tle", "file")
    theirs = _renumbered(FILE_2.read_bytes())
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("all.tle", theirs)
        archive.writestr("iss.tle", lines_of(theirs, ISS))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("iss.tle", lines_of(theirs, JUMPED))
    receive(two_days, DAY_2, packed.getvalue(), "theirs.zip", "space-track")
    clean(two_days, DAY_2, max_age_days=1.5, source_priority=["celestrak"])
    files = {FILE_1.name: FILE_1.read_bytes(), FILE_2.name: FILE_2.read_bytes()}
    files |= {"theirs.zip!all.tle": theirs, "theirs.zip!iss.tle": lines_of(theirs, ISS)}
    files["marked.tle"] = lines_of(FILE_2.read_bytes(), ISS)
    files["theirs.zip!iss.tle#2"] = lines_of(theirs, JUMPED)
    with connect(two_days) as connection:
        rows = connection.execute(
            "SELECT rule, norad_id, source, source_file, raw FROM ssa.rejected_records WHERE epoch_day = %s", [DAY_2]
        ).fetchall()
    found = Counter((rule, source, file) for rule, _, source, file, _ in rows)
    assert found["stale", "celestrak", FILE_1.name] == 3  # carried over
    assert found["stale", "celestrak", FILE_2.name] > 5
    assert found["duplicate", "space-track", "theirs.zip!all.tle"] == theirs.count(b"\n1 ")
    assert found["duplicate", "space-track", "theirs.zip!iss.tle"] == 1
    assert found["duplicate", "space-track", "theirs.zip!iss.tle#2"] == 1
    assert found["duplicate", "file", "marked.tle"] == 1
    assert not any(found[rule, "celestrak", FILE_1.name] for rule in ("superseded", "duplicate"))  # history
    for _, norad_id, _, file, raw in rows:
        assert raw == lines_of(files[file], norad_id)


def test_what_a_source_sends_again_on_a_day_is_read_once(two_days: DatabaseUrl) -> None:
    """Eight releases of a day, as Space-Track answers every three hours, most sets unchanged."""
    before = read(two_days, DAY_2)
    with SliceStore(two_days) as store:
        n_before = len(store.read(SliceKey("raw_tle_snapshots", DAY_2))[0].element_sets)
    for k in range(8):
        receive(two_days, DAY_2, FILE_2.read_bytes() + b"\r\n" * (k + 1), f"{k}-{FILE_2.name}")
    clean(two_days, DAY_2)
    with SliceStore(two_days) as store:
        assert len(store.read(SliceKey("raw_tle_snapshots", DAY_2))[0].element_sets) == n_before
    after = read(two_days, DAY_2)
    assert [record.rule for record in after.rejected] == [record.rule for record in before.rejected]
    assert after.element_sets.epoch_us.tolist() == before.element_sets.epoch_us.tolist()
    with connect(two_days) as connection:
        received = connection.execute(
            "SELECT snapshots_received, records_received FROM ssa.catalog_quality WHERE epoch_day = %s", [DAY_2]
        ).fetchone()
    assert received == (9, 9 * len(parse_catalog(FILE_2.read_bytes(), "x").element_sets))


def test_a_past_day_cleaned_again_after_later_ones_is_the_same(two_days: DatabaseUrl) -> None:
    """Its slices are deleted, so that nothing but the bytes received can bring them back."""
    supplemental = lines_of(FILE_1.read_bytes(), ISS)
    receive(two_days, DAY_3, FILE_1.read_bytes(), "again.tle", "space-track")
    receive(two_days, DAY_3, supplemental, "iss.tle", kind=SUPPLEMENTAL_GP)
    clean(two_days, DAY_3)
    hashes = _hashes(two_days)
    with connect(two_days) as connection:
        for table in ("catalog.sighting", "catalog.rejected_record", "catalog.alias", "screening.clean_catalog"):
            connection.execute(f"DELETE FROM {table}")
    for day in (DAY_1, DAY_2, DAY_3):
        clean(two_days, day)
    assert _hashes(two_days) == hashes
    clean(two_days, DAY_2)  # the days after it are there now
    assert _hashes(two_days) == hashes


def _hashes(url: DatabaseUrl) -> dict[tuple[str, date], str]:
    with connect(url) as connection:
        rows = connection.execute("SELECT asset, epoch_day, content_hash FROM ssa.runs WHERE is_current").fetchall()
    return {(asset, day): digest for asset, day, digest in rows}


def test_an_object_keeps_its_newest_usable_set_however_many_came_after_it(two_days: DatabaseUrl) -> None:
    """Twelve days of sets below the surface, and one too far ahead."""
    right = lines_of(FILE_2.read_bytes(), ISS)
    name, line_1, line_2 = right.splitlines()
    days = [date(2026, 8, day) for day in range(19, 32)]
    for day in days:
        epoch = (day + timedelta(days=20 if day == days[-1] else 0)).strftime("%y%j").encode()
        wrong = b"\n".join([name, line_1[:18] + epoch + line_1[23:], line_2[:26] + b"9000000" + line_2[33:]])
        receive(two_days, day, FILE_2.read_bytes().replace(right, _with_checksums(wrong)), "x")
        clean(two_days, day)
    catalog = read(two_days, days[-1])
    place = catalog.element_sets.norad_id.tolist().index(ISS)
    assert catalog.flags[place] == "carried_over"
    assert catalog.received_day[place] == np.datetime64(DAY_2)
    rules = Counter(record.rule for record in catalog.rejected if record.norad_id == ISS)
    assert rules == {"perigee_below_surface": 12, "epoch_too_far_ahead": 1}
    with SliceStore(two_days) as store:
        received = store.read(SliceKey("raw_tle_snapshots", days[-1]))[0].element_sets
    assert (np.diff(received.norad_id) >= 0).all()


def test_a_set_carried_over_counts_with_the_best_of_its_sources(two_days: DatabaseUrl) -> None:
    """Two sets of one epoch, the first of them from two sources; then nothing comes, the one or the other. And the
    receipt that is named is the set's own."""
    right = lines_of(FILE_2.read_bytes(), ISS)
    other = _renumbered(right)
    best = ["space-track", "folder", "celestrak"]
    receive(two_days, DAY_2, right + b"\n", "first.tle", "space-track")
    receive(two_days, DAY_2, other, "other.tle", "folder")
    without = FILE_2.read_bytes().replace(right, b"")
    for n, more in enumerate((b"", other, right)):
        day = DAY_3 + timedelta(days=n)
        receive(two_days, day, without + more, "x.tle")
        clean(two_days, DAY_2, source_priority=best)
        that_day = read(two_days, DAY_2)
        assert that_day.source[that_day.element_sets.norad_id == ISS].tolist() == ["space-track"]
        clean(two_days, day, source_priority=best)
        catalog = read(two_days, day)
        place = catalog.element_sets.norad_id.tolist().index(ISS)
        assert catalog.element_sets.element_set_no[place] == parse_catalog(right, "x").element_sets.element_set_no[0]
        assert ("carried_over" in catalog.flags[place]) == (not more)
        assert catalog.received_day[place] == np.datetime64(day if more == right else DAY_2)


def test_supplemental_sets_of_the_day_before_are_read_beside_gp(two_days: DatabaseUrl) -> None:
    """Two GP sets of the ISS are received; the supplemental one takes the place of neither in what is read."""
    line = lines_of(FILE_2.read_bytes(), ISS)
    sets = parse_catalog(line, "iss.tle").element_sets
    receive(two_days, DAY_2, line + b"\r\n", "iss.tle", kind=SUPPLEMENTAL_GP)  # the same set as GP's of that day
    receive(two_days, DAY_3, FILE_1.read_bytes(), "again.tle")
    assert len(snapshot_ids(two_days, DAY_2)) == 2
    clean(two_days, DAY_2)
    clean(two_days, DAY_3, supplemental_max_age_days=1.5)
    with SliceStore(two_days) as store:
        received = store.read(SliceKey("raw_tle_snapshots", DAY_3))[0]
    is_iss = received.element_sets.norad_id == ISS
    kinds = list(zip(received.receipts.kind[is_iss], received.element_sets.epoch_us[is_iss], strict=True))
    assert sorted(kind for kind, _ in kinds) == [GP, GP, SUPPLEMENTAL_GP]
    assert (SUPPLEMENTAL_GP, sets.epoch_us[0]) in kinds
    catalog = read(two_days, DAY_3)
    assert catalog.flags[catalog.element_sets.norad_id == ISS].tolist() == ["carried_over supplemental"]
    clean(two_days, DAY_3)
    catalog = read(two_days, DAY_3)
    assert catalog.flags[catalog.element_sets.norad_id == ISS].tolist() == ["carried_over"]
    assert {row["rule"] for row in why(two_days, ISS, DAY_3).rejected} == {"superseded"}


def test_a_supplemental_set_sent_many_times_hides_no_older_one(two_days: DatabaseUrl) -> None:
    """The newest set, with a perigee below the surface, came in five files of the day before."""
    name, first, second = lines_of(FILE_2.read_bytes(), ISS).splitlines()
    low = _with_checksums(b"\n".join([name, first, second[:26] + b"9000000" + second[33:]]))
    for n in range(5):
        receive(two_days, DAY_2, low + b"\n" * n, f"low{n}.tle", kind=SUPPLEMENTAL_GP)
    receive(two_days, DAY_2, lines_of(FILE_1.read_bytes(), ISS), "good.tle", kind=SUPPLEMENTAL_GP)
    receive(two_days, DAY_3, FILE_1.read_bytes(), "again.tle")
    clean(two_days, DAY_2)
    clean(two_days, DAY_3, supplemental_max_age_days=3.0)
    catalog = read(two_days, DAY_3)
    is_iss = catalog.element_sets.norad_id == ISS
    assert catalog.flags[is_iss].tolist() == ["carried_over supplemental"]
    assert catalog.element_sets.source_file[is_iss].tolist() == ["good.tle"]


def test_each_lead_day_has_the_segment_in_force_in_the_database_too(embedded_database: DatabaseUrl) -> None:
    """Supplemental GP of the ISS, received on the day before: as the command line chooses, and as events are stored."""
    url, day = embedded_database, date(2024, 11, 3)
    before = day - timedelta(days=1)
    debris = (DATA / "s17_debris.3le").read_bytes()
    receive(url, before, (DATA / "s17_supgp_iss_segments.csv").read_bytes(), "iss.csv", kind=SUPPLEMENTAL_GP)
    for at in (before, day):
        receive(url, at, debris + lines_of(FILE_1.read_bytes(), JUMPED) if at == day else debris, "debris.3le")
        clean(url, at, supplemental_max_age_days=1.0)
    catalog = read(url, day)
    assert catalog.element_sets.norad_id.tolist() == [ISS, 58001]
    numbers = [int(catalog.sets_on(k).element_set_no[0]) for k in range(7)]
    assert numbers == [2, 3, 4, 5, 6, 7, 8]
    assert catalog.flags[0] == "carried_over supplemental"
    with connect(url) as connection:
        shown = connection.execute(
            "SELECT norad_id, n_sets, is_carried_over, source, received_day, received_age_days, age_days, flags "
            "FROM ssa.catalog_day WHERE epoch_day = %s ORDER BY norad_id",
            [day],
        ).fetchall()
    assert shown[0][:6] == (ISS, 7, True, "celestrak", before, 1)
    assert shown[0][6] == pytest.approx(0.5)
    assert shown[1][:4] == (58001, 1, False, "celestrak")
    k = 2
    key = SliceKey("refined_events", day, k)
    sets = catalog.sets_on(k)
    events = flagged_events(slice_samples.events(sets, [(0, 1)], k, day), catalog, k, key.window_us()[1])
    with SliceStore(url) as store:
        catalog_version = store.read_version(SliceKey("clean_catalog", day))
        assert catalog_version is not None
        inputs = {"clean_catalog": catalog_version.log_id}
        write(store, key, events, inputs)
        with pytest.raises(InputVersionError, match="another element set"):
            write(store, key, slice_samples.events(catalog.sets_on(3), [(0, 1)], k, day), inputs)
    with connect(url) as connection:
        row = connection.execute(
            "SELECT object_name_1, flags, epoch_1_utc FROM ssa.events WHERE epoch_day = %s", [day]
        ).fetchone()
    assert row == (
        "ISS [Segment 04]",
        "carried_over_1 supplemental_1 segment_handover_1",
        datetime(2024, 11, 4, 12, tzinfo=UTC),
    )
    clean(url, day)  # without supplemental GP nothing of it is left
    assert len(read(url, day).handovers) == 0


def test_records_and_snapshots_are_counted_by_kind(two_days: DatabaseUrl) -> None:
    line = lines_of(FILE_2.read_bytes(), ISS)
    receive(two_days, DAY_2, line + b"\r\n", "iss.tle", kind=SUPPLEMENTAL_GP)
    clean(two_days, DAY_2)
    with connect(two_days) as connection:
        row = connection.execute(
            "SELECT snapshots_received, records_received, supplemental_snapshots_received, "
            "supplemental_records_received FROM ssa.catalog_quality WHERE epoch_day = %s",
            [DAY_2],
        ).fetchone()
    assert row == (1, len(parse_catalog(FILE_2.read_bytes(), "x").element_sets), 1, 1)


def test_aliases_are_shown_with_names_and_reason(embedded_database: DatabaseUrl) -> None:
    data = lines_of(FILE_1.read_bytes(), ISS)
    lent = data.replace(b"ISS (ZARYA)", b"UNKNOWN    ").replace(b"25544", b"81234")
    receive(embedded_database, DAY_1, data + _with_checksums(lent), "two.tle")
    clean(embedded_database, DAY_1)
    with connect(embedded_database) as connection:
        (row,) = connection.execute(
            "SELECT norad_id_1, object_name_1, norad_id_2, object_name_2, reason FROM ssa.aliases"
        ).fetchall()
    assert row[:4] == (ISS, "ISS (ZARYA)", 81234, "UNKNOWN")
    assert "0.0 km radially" in row[4]
    assert [alias["norad_id_2"] for alias in why(embedded_database, ISS, DAY_1).aliases] == [81234]


def _renumbered(data: bytes) -> bytes:
    """The same orbits, every set with the number 7."""
    lines = data.splitlines(keepends=True)
    for row, line in enumerate(lines):
        if line.startswith(b"1 "):
            head = line[:64] + b"   7"
            digits = sum(int(c) if c.isdigit() else c == "-" for c in head.decode()) % 10
            lines[row] = head + b"%d" % digits + line[69:]
    return b"".join(lines)


def _with_checksums(lines: bytes) -> bytes:
    name, *rest = lines.splitlines()
    sums = [sum(int(c) if c.isdigit() else c == "-" for c in line[:68].decode()) % 10 for line in rest]
    return b"\n".join([name, *(line[:68] + b"%d" % digit for line, digit in zip(rest, sums, strict=True)), b""])
