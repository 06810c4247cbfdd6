"""Slices on real servers: whole or not at all, one owner, readers never held up, versions that belong together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import psycopg
import pytest

from ssa_pipeline.core.records import Candidates, Events
from ssa_pipeline.orchestration.housekeeping import retention_job
from ssa_pipeline.orchestration.resources import PostgresStorage
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import (
    ChunkFormatError,
    InputVersionError,
    SliceExpiredError,
    SliceMissingError,
    StaleTokenError,
)
from ssa_pipeline.storage.retention import expire_slices
from ssa_pipeline.storage.slice_key import SliceKey
from ssa_pipeline.storage.slices import SliceStore
from ssa_pipeline_tests.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.integration.filled import fill, write

EVENTS = SliceKey("refined_events", EPOCH_DAY, 0)
CANDIDATES = SliceKey("conjunction_candidates", EPOCH_DAY, 0)
CHUNKS = SliceKey("ephemeris_chunks", EPOCH_DAY, 0)
CATALOG = SliceKey("clean_catalog", EPOCH_DAY, None)


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, Events]:
    (events,) = fill(any_database, small_catalog(120)[0])
    return any_database, events


@pytest.fixture
def store(filled: tuple[DatabaseUrl, Events]) -> Iterator[SliceStore]:
    with SliceStore(filled[0]) as opened:
        yield opened


def event_inputs(store: SliceStore) -> dict[str, int]:
    keys = (CATALOG, CHUNKS, CANDIDATES)
    versions = {key.asset: store.read_version(key) for key in keys}
    return {asset: version.log_id for asset, version in versions.items() if version is not None}


def none_of(events: Events) -> Events:
    return replace(events, **{name: value[:0] for name, value in vars(events).items()})


def test_what_was_written_is_read_bit_for_bit(filled: tuple[DatabaseUrl, Events], store: SliceStore) -> None:
    events, version = store.read(EVENTS)
    assert len(events) > 40
    assert version.row_count == len(events)
    for name, expected in vars(filled[1]).items():
        assert list(getattr(events, name)) == list(expected), name


def test_chunks_without_nodes_are_otherwise_the_same(store: SliceStore) -> None:
    whole, version = store.read(CHUNKS)
    brief, same_version = store.read_brief(CHUNKS)
    assert version == same_version
    assert len(whole.nodes_int32) == int(whole.node_count.sum()) * 3 > 0
    assert len(brief.nodes_int32) == 0
    for name, expected in vars(whole).items():
        if name != "nodes_int32":
            assert np.array_equal(getattr(brief, name), expected), name
            assert getattr(getattr(brief, name), "dtype", None) == getattr(expected, "dtype", None), name


def test_the_objects_of_a_catalogue_are_read_alone(store: SliceStore) -> None:
    ids, version = store.read_object_ids(CATALOG)
    catalog, same_version = store.read(CATALOG)
    assert version == same_version
    assert np.array_equal(ids, catalog.element_sets.norad_id)


def test_other_slices_have_no_brief_form(store: SliceStore) -> None:
    with pytest.raises(ValueError, match="only ephemeris_chunks"):
        store.read_brief(EVENTS)
    with pytest.raises(ValueError, match="only clean_catalog"):
        store.read_object_ids(EVENTS)


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
            token = writer.take_token(EVENTS, "cut-run")
            with pytest.raises(psycopg.OperationalError):
                writer.write(
                    EVENTS,
                    none_of(events),
                    token=token,
                    run_id="cut-run",
                    code_version="1",
                    inputs=event_inputs(reader),
                )
    with SliceStore(url) as again:
        after, version = again.read(EVENTS)
        assert version == before
        assert len(after) == len(events)


def test_of_two_interleaved_writers_the_older_token_loses(
    store: SliceStore, filled: tuple[DatabaseUrl, Events]
) -> None:
    events, inputs = filled[1], event_inputs(store)
    older = store.take_token(EVENTS, "older-run")
    newer = store.take_token(EVENTS, "newer-run")
    assert newer > older
    common = {"code_version": "1", "inputs": inputs}
    kept = store.write(EVENTS, events, token=newer, run_id="newer-run", **common)  # type: ignore[arg-type]
    with pytest.raises(StaleTokenError, match="newer-run"):
        store.write(EVENTS, none_of(events), token=older, run_id="older-run", **common)  # type: ignore[arg-type]
    assert store.read_version(EVENTS) == kept


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
        token = writer.take_token(new_day, "new-day")
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


def test_inputs_that_do_not_belong_together_are_refused(store: SliceStore, filled: tuple[DatabaseUrl, Events]) -> None:
    inputs = event_inputs(store)
    catalog, version = store.read(CATALOG)
    again = write(store, CATALOG, catalog, version.input_versions)
    assert again.log_id > inputs["clean_catalog"]
    token = store.take_token(EVENTS, "late-run")
    common = {"token": token, "run_id": "late-run", "code_version": "1"}
    with pytest.raises(InputVersionError, match="clean_catalog"):
        store.write(EVENTS, filled[1], inputs=inputs, **common)  # type: ignore[arg-type]
    mixed = {**inputs, "clean_catalog": again.log_id}
    with pytest.raises(InputVersionError, match="clean_catalog"):
        store.write(EVENTS, filled[1], inputs=mixed, **common)  # type: ignore[arg-type]


def test_retention_drops_chunks_and_candidates_and_keeps_events(fresh_database: DatabaseUrl) -> None:
    (events,) = fill(fresh_database, small_catalog(40)[0])
    with SliceStore(fresh_database) as store:
        newer = SliceKey("conjunction_candidates", date(2024, 11, 20), 0)
        value: Candidates = store.read(CANDIDATES)[0]
        shift = 19 * 86_400 * 10**6
        moved = replace(value, step_start_us=value.step_start_us + shift, step_end_us=value.step_end_us + shift)
        write(store, newer, moved, {})
        assert expire_slices(fresh_database, 1) == []  # written just now: a run may still need them
        with connect(fresh_database) as connection:
            connection.execute("UPDATE screening.slice_log SET written_at = written_at - INTERVAL '7 hours'")
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
