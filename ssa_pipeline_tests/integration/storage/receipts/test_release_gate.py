"""The completeness gate's state in real databases, and `ssa catalog` as a user runs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from psycopg import Connection

from ssa_pipeline.chain.releases import GateState, about
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.completeness import Release
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.questions.automation import read_newer_input
from ssa_pipeline.storage.receipts import release_gate
from ssa_pipeline.storage.receipts.release_gate import (
    Judgement,
    NotHeldError,
    NotJudgedError,
    ReleaseGate,
    ReleaseHeldError,
)
from ssa_pipeline.storage.receipts.snapshots import read_catalog_snapshots, store_snapshot
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline.storage.schema.migrations.before import b0005_release_gate
from ssa_pipeline.storage.slices.records import ParsedSnapshot, ReceivedDay
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.chain_data import small_catalog
from ssa_pipeline_tests.shared.command_line import ssa_on
from ssa_pipeline_tests.shared.filled import write

DAYS = [date(2024, 11, 1) + timedelta(days=n) for n in range(6)]


@dataclass(frozen=True)
class Station:
    """Receives parts of one real catalogue and judges them as a run of ingest_job does."""

    url: DatabaseUrl
    lines: list[bytes]

    @property
    def gate(self) -> ReleaseGate:
        return ReleaseGate(self.url)

    def receive(self, day: date, first: int, last: int, kind: str = "gp") -> None:
        """Objects ``first`` to ``last - 1`` of the catalogue in a file of their own."""
        data = b"".join([self.lines[0], *self.lines[1 + first : 1 + last]])
        name = f"{first}-{last}.csv"
        store_snapshot(
            self.url, data, file_name=name, source="test", epoch_day=day, received_at=datetime.now(UTC), kind=kind
        )

    def materialize(self, day: date) -> Judgement:
        parts = []
        for s in read_catalog_snapshots(self.url, day):
            parsed = parse_catalog(s.data, s.file_name)
            parts.append(
                ParsedSnapshot(s.snapshot_id, parsed.element_sets, parsed.rejected, s.source, s.kind, parsed.spans)
            )
        received, ids = ReceivedDay.from_parsed(day, parts), [part.snapshot_id for part in parts]
        with SliceStore(self.url) as store:
            write(store, SliceKey("raw_tle_snapshots", day), received, {}, snapshot_ids=ids)
        return self.gate.judge(day)

    def clean(self, day: date) -> CleanCatalog:
        """Make the day's catalogue."""
        with SliceStore(self.url) as store:
            received, version = store.read(SliceKey("raw_tle_snapshots", day))
            catalog = clean_catalog(received.element_sets, day, received.receipts)
            write(store, SliceKey("clean_catalog", day), catalog, {"raw_tle_snapshots": version.log_id})
        return catalog


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return small_catalog(100)[0].splitlines(keepends=True)[:101]


@pytest.fixture
def station(fresh_database: DatabaseUrl, lines: list[bytes]) -> Station:
    return Station(fresh_database, lines)


@pytest.fixture
def embedded_station(embedded_database: DatabaseUrl, lines: list[bytes]) -> Station:
    return Station(embedded_database, lines)


def test_a_held_release_is_no_measure_and_an_accepted_one_is(station: Station) -> None:
    station.receive(DAYS[0], 0, 100)
    first = station.materialize(DAYS[0])
    assert first.state == GateState.OPEN
    assert "no trusted release" in first.reasons[0]
    for day in DAYS[1:3]:
        station.receive(day, 0, 60)
        held = station.materialize(day)
        assert held.state == GateState.HELD
        assert held.measures["compared_with"] == str(DAYS[0])  # on the second day too
        with pytest.raises(ReleaseHeldError, match=f"ssa catalog accept --epoch-day {day}"):
            station.gate.demand_trusted(day)
    accepted = station.gate.accept(DAYS[2], "ops@desk", "the source ends its debris group")
    assert accepted.state == GateState.ACCEPTED
    assert "accepted by ops@desk (the source ends its debris group): 60 objects" in accepted.in_words()
    station.gate.demand_trusted(DAYS[2])
    station.receive(DAYS[3], 0, 58)
    assert station.materialize(DAYS[3]).measures["compared_with"] == str(DAYS[2])
    assert [j.state for j in station.gate.newest_days(3)] == ["open", "accepted", "held"]


def test_an_acceptance_is_of_the_snapshots_that_were_judged(station: Station) -> None:
    station.receive(DAYS[0], 0, 100)
    station.materialize(DAYS[0])
    station.receive(DAYS[1], 0, 40)
    station.materialize(DAYS[1])
    station.gate.accept(DAYS[1], "ops@desk", "better than nothing")
    again = station.materialize(DAYS[1])  # a new version of the slice, of the same snapshots
    assert (again.state, again.accepted_by, again.accept_reason) == ("accepted", "ops@desk", "better than nothing")
    assert station.gate.judge(DAYS[1]).state == GateState.ACCEPTED  # the check alone, once more
    station.receive(DAYS[1], 40, 70)
    other = station.materialize(DAYS[1])
    assert (other.state, other.accepted_by, other.measures["objects"]) == ("held", None, 70)
    station.receive(DAYS[1], 70, 100)
    whole = station.materialize(DAYS[1])
    assert (whole.state, whole.accepted_by) == ("open", None)
    with connect(station.url) as connection:
        kept = connection.execute(
            "SELECT state, accepted_at IS NOT NULL FROM catalog.release_gate WHERE epoch_day = %s ORDER BY raw_log_id",
            [DAYS[1]],
        ).fetchall()
    assert kept == [("accepted", True), ("accepted", True), ("held", False), ("open", False)]


def test_what_cannot_be_accepted_says_why(embedded_station: Station) -> None:
    station = embedded_station
    gate = station.gate
    with pytest.raises(NotJudgedError, match="no GP was received on 2024-11-01"):
        gate.accept(DAYS[0], "me", "why not")
    station.receive(DAYS[0], 0, 100)
    with pytest.raises(NotJudgedError, match="was not judged yet: `ssa materialize --epoch-day 2024-11-01`"):
        gate.accept(DAYS[0], "me", "why not")
    station.materialize(DAYS[0])
    with pytest.raises(NotHeldError, match="2024-11-01 is open"):
        gate.accept(DAYS[0], "me", "why not")
    station.receive(DAYS[1], 0, 30)
    station.materialize(DAYS[1])
    with pytest.raises(ValueError, match="needs a reason"):
        gate.accept(DAYS[1], "me", " ")
    station.receive(DAYS[1], 30, 40)
    with pytest.raises(NotJudgedError, match="more was received on 2024-11-02 since"):
        gate.accept(DAYS[1], "me", "why not")
    assert gate.judge(DAYS[1]).state == GateState.HELD


def test_a_slice_that_was_not_judged_is_not_used(embedded_station: Station) -> None:
    """A run was killed between the write of the slice and its check."""
    station = embedded_station
    station.receive(DAYS[0], 0, 100)
    judged = station.materialize(DAYS[0])
    station.gate.demand_trusted(DAYS[0])
    with SliceStore(station.url) as store:
        received, version = store.read(SliceKey("raw_tle_snapshots", DAYS[0]))
        write(store, SliceKey("raw_tle_snapshots", DAYS[0]), received, {}, **version.metadata)
    with pytest.raises(NotJudgedError, match="was not judged yet"):
        station.gate.demand_trusted(DAYS[0])
    assert station.gate.judge(DAYS[0]).raw_log_id > judged.raw_log_id
    station.gate.demand_trusted(DAYS[0])


def test_only_gp_counts_and_an_old_release_is_no_measure(embedded_station: Station) -> None:
    station = embedded_station
    station.receive(DAYS[0], 0, 100)
    station.materialize(DAYS[0])
    station.receive(DAYS[1], 0, 50)
    station.receive(DAYS[1], 50, 100, kind="supplemental_gp")
    held = station.materialize(DAYS[1])
    assert (held.state, held.measures["objects"]) == ("held", 50)
    assert len(held.snapshot_ids) == 1
    assert station.gate.accept(DAYS[1], "me", "supplemental GP fills the gap").is_trusted
    for days, state in ((31, "held"), (32, "open")):  # 30 and 31 days after the accepted one
        late = DAYS[0] + timedelta(days=days)
        station.receive(late, 0, 20)
        assert station.materialize(late).state == state


def test_small_losses_do_not_add_up_unseen_until_one_is_accepted(embedded_station: Station) -> None:
    """Each release lacks eight objects of the one before, fewer than would be held: the largest one tells."""
    station = embedded_station
    sizes = {0: (100, "open"), 1: (92, "open"), 2: (84, "held"), 3: (86, "held"), 4: (90, "open")}
    for day, (size, state) in sizes.items():
        station.receive(DAYS[day], 0, size)
        judged = station.materialize(DAYS[day])
        assert judged.state == state, judged.reasons
    assert judged.measures["largest"]["compared_with"] == str(DAYS[0])
    station.receive(DAYS[5], 0, 80)
    assert station.materialize(DAYS[5]).state == GateState.HELD
    station.gate.accept(DAYS[5], "me", "the source is smaller now")
    after = DAYS[5] + timedelta(days=1)
    station.receive(after, 0, 75)
    judged = station.materialize(after)
    assert (judged.state, "largest" in judged.measures) == ("open", False)


def test_objects_that_would_be_carried_over_hold_a_day(embedded_station: Station) -> None:
    """The sets of the first day's catalogue are in use; as many new objects hide that eleven of them stay away."""
    station = embedded_station
    station.receive(DAYS[0], 0, 60)
    station.materialize(DAYS[0])
    station.clean(DAYS[0])
    station.receive(DAYS[1], 6, 80)
    assert station.materialize(DAYS[1]).state == GateState.OPEN
    station.clean(DAYS[1])  # six are carried over
    station.receive(DAYS[2], 11, 100)
    judged = station.materialize(DAYS[2])
    assert (judged.state, judged.measures["carried_over"]) == ("held", 11)
    assert judged.measures["missing"] == 5


def test_nothing_is_carried_over_from_a_day_that_is_held(embedded_station: Station) -> None:
    """Not before it is accepted; of a set that came on another day too, that one counts."""
    station = embedded_station
    station.receive(DAYS[0], 0, 60)
    station.materialize(DAYS[0])
    station.receive(DAYS[1], 30, 75)
    assert station.materialize(DAYS[1]).state == GateState.HELD
    station.receive(DAYS[2], 0, 55)
    assert station.materialize(DAYS[2]).state == GateState.OPEN
    assert station.gate.held_days(DAYS[2]) == [DAYS[1]]
    before = station.clean(DAYS[2])
    assert (len(before.element_sets), set(before.received_day.astype(object))) == (60, {DAYS[0], DAYS[2]})
    with connect(station.url) as connection:
        settings = {"first_day": DAYS[0], "last_day": DAYS[2]}
        assert connection.execute("SELECT count(*) FROM ssa.catalog_day").fetchone() == (60,)
    assert read_newer_input(station.url, *settings.values()) is None
    station.gate.accept(DAYS[1], "me", "seen")
    newer = read_newer_input(station.url, *settings.values())
    assert newer is not None
    assert about(newer).startswith("the acceptance of 2024-11-02, given 20")
    after = station.clean(DAYS[2])
    assert len(after.element_sets) == 75
    assert read_newer_input(station.url, *settings.values()) is None


def test_a_judgement_is_of_one_moment(embedded_station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run replaces the slice while it is being judged: the verdict is of the rows of the version it names."""
    station = embedded_station
    station.receive(DAYS[0], 0, 100)
    first = station.materialize(DAYS[0])
    read_release = release_gate._release

    def interrupted(connection: Connection, day: date) -> Release:
        monkeypatch.setattr(release_gate, "_release", read_release)
        with SliceStore(station.url) as store:
            key = SliceKey("raw_tle_snapshots", day)
            received, version = store.read(key)
            half = np.arange(50)
            part = replace(
                received, element_sets=received.element_sets.take(half), receipts=received.receipts.take(half)
            )
            write(store, key, part, {}, **version.metadata)
        return read_release(connection, day)

    monkeypatch.setattr(release_gate, "_release", interrupted)
    judged = station.gate.judge(DAYS[0])
    assert (judged.raw_log_id, judged.measures["objects"]) == (first.raw_log_id, 100)
    again = station.gate.judge(DAYS[0])
    assert (again.raw_log_id > first.raw_log_id, again.measures["objects"]) == (True, 50)


def test_days_made_under_the_old_rule_are_trusted_after_the_upgrade(any_server: Server) -> None:
    with any_server.empty_database() as url:
        with connect(url) as connection:
            migrate._create_base(connection)
        with migrate._alembic(url) as (config, _):
            command.upgrade(config, str(b0005_release_gate.down_revision))
        with connect(url) as connection:
            for log_id, asset, day in (
                (1, "raw_tle_snapshots", DAYS[0]),
                (2, "raw_tle_snapshots", DAYS[0]),
                (3, "clean_catalog", DAYS[0]),
                (4, "raw_tle_snapshots", DAYS[1]),  # held under the old rule: it has no catalogue
            ):
                connection.execute(
                    "INSERT INTO screening.slice_log (log_id, asset, epoch_day, lead_day, run_id, token, code_version, "
                    "input_versions, row_count, byte_count, content_hash, metadata) OVERRIDING SYSTEM VALUE "
                    "VALUES (%s, %s, %s, -1, 'run', 1, '1', '{}', 1, 1, '', '{\"snapshot_ids\": [7, 8]}')",
                    [log_id, asset, day],
                )
        migrate.upgrade(url)
        assert migrate.check(url) == []
        (trusted,) = ReleaseGate(url).newest_days(10)
        assert (trusted.epoch_day, trusted.state, trusted.raw_log_id) == (DAYS[0], "open", 2)
        assert trusted.snapshot_ids == [7, 8]


@pytest.fixture
def ssa(database: DatabaseUrl, tmp_path: Path) -> Callable[..., str]:
    return lambda *arguments, code=0: ssa_on(database, tmp_path, *arguments, code=code)


def test_status_and_accept_on_the_command_line(
    ssa: Callable[..., str], database: DatabaseUrl, lines: list[bytes]
) -> None:
    assert "no release was judged yet" in ssa("catalog", "status", code=1)
    station = Station(database, lines)
    station.receive(DAYS[0], 0, 100)
    station.materialize(DAYS[0])
    station.receive(DAYS[1], 0, 60)
    station.materialize(DAYS[1])
    newest, oldest = ssa("catalog", "status").splitlines()
    assert newest.startswith("2024-11-02  held      60 objects, 60.0% of the 100 of 2024-11-01; 40 of 100 are missing")
    assert oldest.startswith("2024-11-01  open ")
    told = ssa("catalog", "status", "--epoch-day", "2024-11-02")
    assert "2024-11-02: held, judged 20" in told
    assert "    all                40 of      100" in told
    assert "ssa catalog accept --epoch-day 2024-11-02 --reason TEXT" in told
    accept = ("catalog", "accept", "--epoch-day")
    assert "2024-11-01 is open, not held" in ssa(*accept, "2024-11-01", "--reason", "x", code=1)
    assert "--reason that says something" in ssa(*accept, "2024-11-02", "--reason", " ", code=2)
    said = ssa(*accept, "2024-11-02", "--reason", "the debris group has ended")
    assert "`ssa materialize --epoch-day 2024-11-02` goes on with it" in said
    with connect(database) as connection:
        row = connection.execute(
            "SELECT gate_state, accepted_by, accept_reason, gate_reasons[1] FROM ssa.catalog_quality "
            "WHERE epoch_day = '2024-11-02'"
        ).fetchone()
    assert row is not None
    state, accepted_by, reason, said = row
    assert (state, reason) == ("accepted", "the debris group has ended")
    assert accepted_by.endswith("@" + os.uname().nodename)
    assert said.startswith("60 objects, 60.0% of the 100")
