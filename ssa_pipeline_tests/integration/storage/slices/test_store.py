"""Slices on real servers: whole or not at all, one owner, readers never held up, versions that belong together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import SliceVersion
from ssa_pipeline.core.records import Candidates, Events
from ssa_pipeline.defs.housekeeping import retention_job
from ssa_pipeline.defs.resources import PostgresStorage
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import (
    ChunkFormatError,
    SliceDamagedError,
    SliceExpiredError,
    SliceMissingError,
    StaleTokenError,
)
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.codecs import CODECS
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.storage.upkeep.retention import expire_slices
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.shared.filled import fill, write
from ssa_pipeline_tests.shared.slices_contract import CANDIDATES, CATALOG, CHUNKS, EVENTS, inputs_of, none_of


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, Events]:
    (events,) = fill(any_database, small_catalog(120)[0])
    return any_database, events


@pytest.fixture
def store(filled: tuple[DatabaseUrl, Events]) -> Iterator[SliceStore]:
    with SliceStore(filled[0]) as opened:
        yield opened


@pytest.mark.parametrize("step", ["owned", "inputs checked", "logged", "deleted", "copied"])
def test_a_write_cut_off_at_any_step_leaves_the_old_slice_whole(filled: tuple[DatabaseUrl, Events], step: str) -> None:
    """The server ends the writer's connection at that step, as a crash of its node would."""
    url, events = filled
    with SliceStore(url) as reader:
        before = reader.read_version(EVENTS)

        def cut(reached: str) -> None:
            if reached == step:
                with connect(url) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
                    )

        with SliceStore(url, on_step=cut) as writer:
            token = writer.claim([EVENTS], "cut-run")
            with pytest.raises(psycopg.OperationalError):
                writer.write(
                    EVENTS,
                    none_of(events),
                    token=token,
                    run_id="cut-run",
                    code_version="1",
                    inputs=inputs_of(reader),
                )
    with SliceStore(url) as again:
        after, version = again.read(EVENTS)
        assert version == before
        assert len(after) == len(events)


def test_of_many_pairs_of_attempts_at_once_one_each_writes_everything(any_database: DatabaseUrl) -> None:
    """Both claim the same slices in opposite orders at the same moment, as two nodes would; 5 of 20 pairs used to be
    left with both superseded."""
    keys = [SliceKey("conjunction_candidates", date(2025, 1, day), k) for day in (1, 2) for k in range(7)]
    barrier = threading.Barrier(2)

    def attempt(run_id: str, mine: list[SliceKey]) -> bool:
        with SliceStore(any_database) as store:
            store.read_version(keys[0])  # connected
            barrier.wait(30)
            token = store.claim(mine, run_id)
            barrier.wait(30)  # both are through before either writes
            try:
                for key in mine:
                    store.demand_writable(key, {}, token=token, run_id=run_id)
            except StaleTokenError:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        for pair in range(40):
            runs = [pool.submit(attempt, f"{pair}-{n}", keys[::step]) for n, step in enumerate((1, -1))]
            assert sorted(run.result(60) for run in runs) == [False, True], f"pair {pair}"


def test_a_token_is_higher_than_all_even_where_an_older_release_took_some(any_database: DatabaseUrl) -> None:
    key = SliceKey("conjunction_candidates", date(2025, 2, 1), 0)
    with SliceStore(any_database) as store, connect(any_database) as connection:
        before = store.claim([key], "a-run")
        connection.execute("UPDATE screening.slice_claim SET token = token + 7, run_id = 'old' WHERE run_id = 'a-run'")
        with pytest.raises(StaleTokenError, match="old"):
            store.demand_writable(key, {}, token=before + 7, run_id="a-run")  # the same number is not the same attempt
        assert store.claim([key], "next-run") == before + 8


def test_claims_and_writes_of_many_sessions_wait_for_each_other_in_no_circle(
    filled: tuple[DatabaseUrl, Events],
) -> None:
    """Writers of events lock claims of four slices, claims and retention all of a day: deadlocks would end some."""
    url, events = filled
    with SliceStore(url) as one:
        inputs = inputs_of(one)
    upstream = [CATALOG, CHUNKS, CANDIDATES]
    stop = time.monotonic() + 3

    def claim(keys: list[SliceKey]) -> None:
        with SliceStore(url) as store:
            while time.monotonic() < stop:
                store.claim(keys, "claiming")

    def write() -> None:
        with SliceStore(url) as store:
            while time.monotonic() < stop:
                token = store.claim([EVENTS], "writing")
                with contextlib.suppress(StaleTokenError):
                    store.write(EVENTS, events, token=token, run_id="writing", code_version="1", inputs=inputs)

    def expire() -> None:
        with connect(url) as connection:
            while time.monotonic() < stop:
                with connection.transaction():
                    day = {"epoch_day": EPOCH_DAY, "min_age": timedelta(hours=6)}
                    connection.execute(section("upkeep/retention.sql", "lock_claims"), day)

    work = [
        lambda: claim([EVENTS, *upstream]),
        lambda: claim([*upstream[::-1], EVENTS]),
        write,
        write,
        expire,
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result(60)


def test_a_write_returns_the_version_that_it_wrote(filled: tuple[DatabaseUrl, Events]) -> None:
    """Another attempt writes the slice again before the first could ask what is newest."""
    url, events = filled
    overtaken: list[SliceVersion] = []

    class Overtaken(SliceStore):
        def read_version(self, key: SliceKey) -> SliceVersion | None:
            with SliceStore(url) as other:
                overtaken.append(write(other, EVENTS, none_of(events), inputs_of(other)))
            return super().read_version(key)

    with Overtaken(url) as store, SliceStore(url) as other:
        inputs = inputs_of(other)
        token = store.claim([EVENTS], "first")
        mine = store.write(EVENTS, events, token=token, run_id="first", code_version="1", inputs=inputs)
        assert (mine.run_id, mine.row_count) == ("first", len(events))
        assert overtaken == []
        assert other.read_version(EVENTS) == mine


def test_a_reader_of_another_day_is_not_held_up_by_a_write_of_a_new_day(filled: tuple[DatabaseUrl, Events]) -> None:
    url, _ = filled
    new_day = SliceKey("conjunction_candidates", date(2024, 11, 20), 0)
    reached, release = threading.Event(), threading.Event()

    def hold(step: str) -> None:
        if step == "copied":
            reached.set()
            assert release.wait(30)

    with SliceStore(url) as reader, SliceStore(url, on_step=hold) as writer:
        value: Candidates = reader.read(CANDIDATES)[0]
        moved = replace(value, **{n: getattr(value, n) + 19 * 86_400 * 10**6 for n in ("step_start_us", "step_end_us")})
        token = writer.claim([new_day], "new-day")
        thread = threading.Thread(
            target=writer.write,
            args=(new_day, moved),
            kwargs={"token": token, "run_id": "new-day", "code_version": "1", "inputs": {}},
        )
        thread.start()
        try:
            assert reached.wait(30)
            begin = time.monotonic()
            with connect(url) as connection:
                connection.execute("SET statement_timeout = '1s'")
                (count,) = connection.execute("SELECT count(*) FROM ssa.events").fetchone() or (0,)
                rows = connection.execute("SELECT count(*) FROM screening.conjunction_candidate").fetchone()
            assert count > 0
            assert rows == (len(value),)
            assert time.monotonic() - begin < 1.0
        finally:
            release.set()
            thread.join(30)
        assert len(reader.read(new_day)[0]) == len(value)


def test_empty_is_an_answer_and_missing_is_a_named_error(store: SliceStore, filled: tuple[DatabaseUrl, Events]) -> None:
    other = SliceKey("conjunction_candidates", EPOCH_DAY, 5)
    with pytest.raises(SliceMissingError, match="ssa materialize --epoch-day 2024-11-01 --lead-days 5"):
        store.read(other)
    value: Candidates = store.read(CANDIDATES)[0]
    empty = replace(value, **{name: column[:0] for name, column in vars(value).items()})
    write(store, other, empty, {})
    assert len(store.read(other)[0]) == 0
    assert store.read(other)[1].row_count == 0


def test_a_chunk_of_another_format_is_refused(store: SliceStore, filled: tuple[DatabaseUrl, Events]) -> None:
    with connect(filled[0]) as connection:
        connection.execute("UPDATE screening.ephemeris_chunk SET format_version = 99 WHERE lead_day = 0")
    try:
        for read in (store.read, store.read_brief):
            with pytest.raises(ChunkFormatError, match="99"):
                read(CHUNKS)
    finally:
        with connect(filled[0]) as connection:
            connection.execute("UPDATE screening.ephemeris_chunk SET format_version = 1 WHERE lead_day = 0")


def test_chunks_with_lost_bytes_are_refused(store: SliceStore, filled: tuple[DatabaseUrl, Events]) -> None:
    with connect(filled[0]) as connection:
        connection.execute("UPDATE screening.ephemeris_chunk SET node_count = node_count + 1 WHERE lead_day = 0")
    try:
        for read in (store.read, store.read_brief):
            with pytest.raises(ChunkFormatError, match="do not match their node count"):
                read(CHUNKS)
    finally:
        with connect(filled[0]) as connection:
            connection.execute("UPDATE screening.ephemeris_chunk SET node_count = node_count - 1 WHERE lead_day = 0")


def test_rows_that_are_not_those_written_are_refused(filled: tuple[DatabaseUrl, Events], store: SliceStore) -> None:
    url, _ = filled
    reads: list[tuple[str, Callable[[], object]]] = [
        ("catalog.sighting", lambda: store.read(SliceKey("raw_tle_snapshots", EPOCH_DAY))),
        ("screening.clean_catalog", lambda: store.read(CATALOG)),
        ("screening.clean_catalog", lambda: store.read_object_ids(CATALOG)),
        ("screening.ephemeris_chunk", lambda: store.read(CHUNKS)),
        ("screening.ephemeris_chunk", lambda: store.read_brief(CHUNKS)),
        ("screening.conjunction_candidate", lambda: store.read(CANDIDATES)),
        ("screening.refined_event", lambda: store.read(EVENTS)),
    ]
    with connect(url) as connection:
        for table, read in reads:
            connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table} WHERE epoch_day = '{EPOCH_DAY}'")
            connection.execute(f"DELETE FROM {table} WHERE epoch_day = '{EPOCH_DAY}'")
            try:
                with pytest.raises(SliceDamagedError, match=r"has 0 rows, but [1-9]\d* were written"):
                    read()
            finally:
                connection.execute(f"INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept")
            read()


@pytest.fixture
def old(fresh_database: DatabaseUrl) -> tuple[DatabaseUrl, Events]:
    """A filled database, all of which is older than a run may last."""
    (events,) = fill(fresh_database, small_catalog(40)[0])
    with SliceStore(fresh_database) as store:
        value: Candidates = store.read(CANDIDATES)[0]
        newer = SliceKey("conjunction_candidates", date(2024, 11, 20), 0)
        shift = 19 * 86_400 * 10**6
        moved = replace(value, step_start_us=value.step_start_us + shift, step_end_us=value.step_end_us + shift)
        write(store, newer, moved, {})
    make_old(fresh_database)
    return fresh_database, events


def make_old(url: DatabaseUrl) -> None:
    with connect(url) as connection:
        connection.execute("UPDATE screening.slice_log SET written_at = written_at - INTERVAL '7 hours'")
        connection.execute("UPDATE screening.slice_claim SET taken_at = taken_at - INTERVAL '7 hours'")


def test_a_reader_sees_no_empty_slice_while_retention_drops_it(
    old: tuple[DatabaseUrl, Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention empties the day between the reader's version and its rows. An emptied partition is empty in every
    snapshot: a reader got 0 candidates with row_count = 3, and the empty result replaced events."""
    url, _ = old
    dropped: list[list[date]] = []

    def read_late(connection: psycopg.Connection, key: SliceKey) -> Candidates:
        dropped.append(expire_slices(url, 1))
        return read(connection, key)

    codec = CODECS[CANDIDATES.asset]
    read = codec.read
    with SliceStore(url) as store:
        expected = len(read(store._connection(), CANDIDATES))
        monkeypatch.setattr(codec, "read", read_late)
        found, version = store.read(CANDIDATES)
        assert dropped == [[]]  # left for the next call: the day is being read
        assert len(found) == version.row_count == expected > 0
        monkeypatch.undo()
        assert expire_slices(url, 1) == [EPOCH_DAY]
        with pytest.raises(SliceExpiredError):
            store.read(CANDIDATES)


def test_retention_leaves_a_day_that_a_run_has_claimed(old: tuple[DatabaseUrl, Events]) -> None:
    """A run of events alone reads candidates that others wrote long ago."""
    url, _ = old
    with SliceStore(url) as store:
        store.claim([EVENTS], "refines-again")
        assert expire_slices(url, 1) == []
        make_old(url)
        assert expire_slices(url, 1) == [EPOCH_DAY]


def test_events_are_not_replaced_from_inputs_that_expired_meanwhile(old: tuple[DatabaseUrl, Events]) -> None:
    url, events = old
    with SliceStore(url) as store:
        inputs = inputs_of(store)
        before = store.read(EVENTS)[1]
        token = store.claim([EVENTS], "late")
        make_old(url)
        assert expire_slices(url, 1) == [EPOCH_DAY]
        common = {"token": token, "run_id": "late"}
        with pytest.raises(SliceExpiredError, match=r"ephemeris_chunks 2024-11-01\|0 expired"):
            store.demand_writable(EVENTS, inputs, **common)  # type: ignore[arg-type]
        with pytest.raises(SliceExpiredError, match=r"ephemeris_chunks 2024-11-01\|0 expired"):
            store.write(EVENTS, none_of(events), code_version="1", inputs=inputs, **common)  # type: ignore[arg-type]
        kept, version = store.read(EVENTS)
        assert (len(kept), version.log_id) == (len(events), before.log_id)


def test_retention_drops_chunks_and_candidates_and_keeps_events(fresh_database: DatabaseUrl) -> None:
    (events,) = fill(fresh_database, small_catalog(40)[0])
    with SliceStore(fresh_database) as store:
        newer = SliceKey("conjunction_candidates", date(2024, 11, 20), 0)
        value: Candidates = store.read(CANDIDATES)[0]
        shift = 19 * 86_400 * 10**6
        moved = replace(value, step_start_us=value.step_start_us + shift, step_end_us=value.step_end_us + shift)
        write(store, newer, moved, {})
        assert expire_slices(fresh_database, 1) == []  # written just now: a run may still need them
        make_old(fresh_database)
        assert expire_slices(fresh_database, 7) == []  # two epoch days exist, seven are kept
        settings = replace(read_settings({}), retention_days=1)
        storage = PostgresStorage(store, fresh_database)
        nightly = retention_job.execute_in_process(resources={"settings": settings, "storage": storage})
        assert nightly.success
        assert expire_slices(fresh_database, 1) == []  # done already
        for key in (CHUNKS, CANDIDATES):
            with pytest.raises(SliceExpiredError, match=r"expired.*--epoch-day 2024-11-01 --force"):
                store.read(key)
        assert len(store.read(EVENTS)[0]) == len(events)
        assert len(store.read(CATALOG)[0].element_sets) > 0
        assert len(store.read(newer)[0]) == len(value)
