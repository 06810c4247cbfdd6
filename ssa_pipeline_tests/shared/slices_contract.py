"""What holds of slices wherever they are kept: ``SlicesContract`` runs over those in memory
(``unit/storage/slices/test_memory.py``) and over PostgreSQL (``integration/storage/slices/test_slices.py``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ssa_pipeline.chain.links import UPSTREAM
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import Slices, StoredVerdict
from ssa_pipeline.core.records import Candidates, Events
from ssa_pipeline.storage.errors import InputVersionError, SliceMissingError, StaleTokenError
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY
from ssa_pipeline_tests.shared.filled import write

RAW = SliceKey("raw_tle_snapshots", EPOCH_DAY, None)
CATALOG = SliceKey("clean_catalog", EPOCH_DAY, None)
CHUNKS = SliceKey("ephemeris_chunks", EPOCH_DAY, 0)
CANDIDATES = SliceKey("conjunction_candidates", EPOCH_DAY, 0)
EVENTS = SliceKey("refined_events", EPOCH_DAY, 0)
ONE_DAY = (RAW, CATALOG, CHUNKS, CANDIDATES, EVENTS)


def inputs_of(slices: Slices, key: SliceKey = EVENTS) -> dict[str, int]:
    """The newest versions of what a slice of the day is computed from."""
    versions = {one.asset: slices.read_version(one) for one in ONE_DAY if one.asset in UPSTREAM[key.asset]}
    return {asset: version.log_id for asset, version in versions.items() if version is not None}


def none_of(value: Any) -> Any:
    return replace(value, **{name: column[:0] for name, column in vars(value).items()})


class SlicesContract:
    """``slices`` hold one lead day of a small real catalogue (``filled.write_chain``), ``events`` is what was written.
    Tests leave the slices as good as they found them."""

    def test_what_was_written_is_read_bit_for_bit(self, slices: Slices, events: Events) -> None:
        found, version = slices.read(EVENTS)
        assert len(found) > 40
        assert version.row_count == len(found)
        for name, expected in vars(events).items():
            assert list(getattr(found, name)) == list(expected), name

    @pytest.mark.parametrize("key", ONE_DAY, ids=lambda key: key.asset)
    def test_a_version_says_what_was_written_by_whom_from_what(self, slices: Slices, key: SliceKey) -> None:
        value, version = slices.read(key)
        assert version == slices.read_version(key)
        assert (version.key, version.run_id, version.expired_at) == (key, "test-run", None)
        assert version.input_versions == inputs_of(slices, key)
        if key != RAW:  # which is read together with the days before it
            assert (version.content_hash, version.byte_count) == content_hash(value)

    def test_a_slice_written_again_is_a_later_version_of_the_same_content(self, slices: Slices) -> None:
        value, before = slices.read(EVENTS)
        after = write(slices, EVENTS, value, inputs_of(slices), note="again")
        assert after.log_id > before.log_id
        assert after.token > before.token
        assert (after.content_hash, after.metadata) == (before.content_hash, {"note": "again"})
        assert slices.read_version(EVENTS) == after

    def test_chunks_without_nodes_are_otherwise_the_same(self, slices: Slices) -> None:
        whole, version = slices.read(CHUNKS)
        brief, same_version = slices.read_brief(CHUNKS)
        assert version == same_version
        assert len(whole.nodes_int32) == int(whole.node_count.sum()) * 3 > 0
        assert len(brief.nodes_int32) == 0
        for name, expected in vars(whole).items():
            if name != "nodes_int32":
                assert np.array_equal(getattr(brief, name), expected), name
                assert getattr(getattr(brief, name), "dtype", None) == getattr(expected, "dtype", None), name

    def test_the_objects_of_a_catalogue_are_read_alone(self, slices: Slices) -> None:
        ids, version = slices.read_object_ids(CATALOG)
        catalog, same_version = slices.read(CATALOG)
        assert version == same_version
        assert np.array_equal(ids, catalog.element_sets.norad_id)

    def test_other_slices_have_no_brief_form(self, slices: Slices) -> None:
        with pytest.raises(ValueError, match="only ephemeris_chunks"):
            slices.read_brief(EVENTS)
        with pytest.raises(ValueError, match="only clean_catalog"):
            slices.read_object_ids(EVENTS)

    def test_empty_is_an_answer_and_missing_is_a_named_error(self, slices: Slices) -> None:
        other = SliceKey("refined_events", EPOCH_DAY, 5)
        with pytest.raises(SliceMissingError, match="refined_events"):
            slices.read(other)
        assert slices.read_version(other) is None
        value, kept = slices.read(EVENTS)
        write(slices, EVENTS, none_of(value), inputs_of(slices))
        empty, version = slices.read(EVENTS)
        assert len(empty) == version.row_count == 0
        assert version.log_id > kept.log_id
        write(slices, EVENTS, value, inputs_of(slices))

    def test_nobody_writes_without_a_claim(self, slices: Slices, events: Events) -> None:
        other = SliceKey("refined_events", EPOCH_DAY, 6)
        with pytest.raises(StaleTokenError, match="nobody owns"):
            slices.demand_writable(other, inputs_of(slices), token=1, run_id="a-run")

    def test_of_two_interleaved_writers_the_older_token_loses(self, slices: Slices, events: Events) -> None:
        older = slices.claim([EVENTS], "older-run")
        newer = slices.claim([EVENTS], "newer-run")
        assert newer > older
        common: dict[str, Any] = {"code_version": "1", "inputs": inputs_of(slices)}
        kept = slices.write(EVENTS, events, token=newer, run_id="newer-run", **common)
        with pytest.raises(StaleTokenError, match="newer-run"):
            slices.write(EVENTS, none_of(events), token=older, run_id="older-run", **common)
        assert slices.read_version(EVENTS) == kept
        assert len(slices.read(EVENTS)[0]) == len(events)

    def test_whoever_takes_over_a_run_gets_a_higher_token_than_its_stopped_process(
        self, slices: Slices, events: Events
    ) -> None:
        """The process that stopped goes on after its successor has written, under the same run."""
        inputs = inputs_of(slices)
        common: dict[str, Any] = {"run_id": "taken-over", "code_version": "1", "inputs": inputs}
        stopped = slices.claim([EVENTS], "taken-over")
        successor = slices.claim([EVENTS], "taken-over")
        kept = slices.write(EVENTS, events, token=successor, **common)
        with pytest.raises(StaleTokenError, match="superseded"):
            slices.write(EVENTS, none_of(events), token=stopped, **common)
        assert slices.claim([EVENTS], "taken-over", stopped) == stopped  # nor does claiming again help it
        with pytest.raises(StaleTokenError, match="superseded"):
            slices.demand_writable(EVENTS, inputs, token=stopped, run_id="taken-over")
        assert slices.read_version(EVENTS) == kept

    def test_an_attempt_claims_more_slices_under_its_token(self, slices: Slices) -> None:
        token = slices.claim([EVENTS], "grows")
        assert slices.claim([CHUNKS], "grows", token) == token
        for key in (EVENTS, CHUNKS):
            slices.demand_writable(key, inputs_of(slices, key), token=token, run_id="grows")

    def test_inputs_that_do_not_belong_together_are_refused(self, slices: Slices, events: Events) -> None:
        inputs = inputs_of(slices)
        before = slices.read_version(EVENTS)
        catalog, version = slices.read(CATALOG)
        again = write(slices, CATALOG, catalog, version.input_versions)
        assert again.log_id > inputs["clean_catalog"]
        token = slices.claim([EVENTS], "late-run")
        owner: dict[str, Any] = {"token": token, "run_id": "late-run"}
        mixed = {**inputs, "clean_catalog": again.log_id}
        for one in (inputs, mixed):
            with pytest.raises(InputVersionError, match="clean_catalog"):
                slices.write(EVENTS, events, inputs=one, code_version="1", **owner)
            with pytest.raises(InputVersionError, match="clean_catalog"):
                slices.demand_writable(EVENTS, one, **owner)
        assert slices.read_version(EVENTS) == before
        for key in (CHUNKS, CANDIDATES, EVENTS):  # as it was, from the new version
            write(slices, key, slices.read(key)[0], inputs_of(slices, key))

    def test_an_input_that_was_never_written_is_named(self, slices: Slices) -> None:
        key = SliceKey("conjunction_candidates", EPOCH_DAY + timedelta(days=1), 0)
        token = slices.claim([key], "early-run")
        with pytest.raises(SliceMissingError, match="ephemeris_chunks"):
            slices.demand_writable(key, {"ephemeris_chunks": 1}, token=token, run_id="early-run")

    def test_a_value_of_another_day_is_refused(self, slices: Slices) -> None:
        key = SliceKey("clean_catalog", EPOCH_DAY + timedelta(days=1), None)
        with pytest.raises(ValueError, match="2024-11-01"):
            write(slices, key, slices.read(CATALOG)[0], inputs_of(slices, CATALOG))
        assert slices.read_version(key) is None

    @pytest.mark.parametrize("key", [SliceKey("clean_catalog", EPOCH_DAY, 0), SliceKey("refined_events", EPOCH_DAY)])
    def test_a_key_that_names_no_slice_is_refused(self, slices: Slices, events: Events, key: SliceKey) -> None:
        with pytest.raises(ValueError, match="lead day"):
            slices.write(key, events, token=1, run_id="a-run", code_version="1", inputs={})

    def test_candidates_are_read_as_they_were_written(self, slices: Slices) -> None:
        value: Candidates = slices.read(CANDIDATES)[0]
        again = write(slices, CANDIDATES, value, inputs_of(slices, CANDIDATES))
        assert content_hash(slices.read(CANDIDATES)[0]) == (again.content_hash, again.byte_count)
        write(slices, EVENTS, slices.read(EVENTS)[0], inputs_of(slices))

    def test_the_verdict_of_a_check_belongs_to_the_version_that_it_read(self, slices: Slices) -> None:
        catalog, before = slices.read(CATALOG)
        refused = StoredVerdict(False, "not \x00 so")
        slices.record_verdict(CATALOG, before.log_id, "a_check", refused)
        slices.record_verdict(CATALOG, before.log_id, "another", StoredVerdict(True, "fine"))
        found = slices.read_verdicts(before.log_id)
        assert {name: one.has_passed for name, one in found.items()} == {"a_check": False, "another": True}
        slices.record_verdict(CATALOG, before.log_id, "a_check", StoredVerdict(True, "so"))  # checked again
        assert slices.read_verdicts(before.log_id)["a_check"] == StoredVerdict(True, "so")
        after = write(slices, CATALOG, catalog, before.input_versions)
        assert slices.read_verdicts(after.log_id) == {}
        with pytest.raises(InputVersionError, match="was replaced while its check a_check read it"):
            slices.record_verdict(CATALOG, before.log_id, "a_check", refused)
        for key in (CHUNKS, CANDIDATES, EVENTS):
            write(slices, key, slices.read(key)[0], inputs_of(slices, key))
