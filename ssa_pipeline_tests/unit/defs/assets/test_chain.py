"""The chain through Dagster's definitions, with storage in memory and real objects."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    EventRecordsFilter,
    ExecuteInProcessResult,
    FloatMetadataValue,
    IntMetadataValue,
    JobDefinition,
)
from rich.console import Console

from ssa_pipeline.chain import plan as chain_plan
from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, UPSTREAM
from ssa_pipeline.chain.plan import contiguous, slices_to_compute
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import SliceVersion, StoredVerdict
from ssa_pipeline.chain.verdicts import BLOCKING
from ssa_pipeline.cli.report import print_report
from ssa_pipeline.core.records import Events, RejectRule
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.core.versions import CODE_VERSIONS
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.checks import CHECKS
from ssa_pipeline.defs.release_gate import ACCEPT_JOB
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.errors import StorageError
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline.use_cases.closest import closest_rows, names_of
from ssa_pipeline.use_cases.report import read_report
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, Minimum, small_catalog
from ssa_pipeline_tests.shared.memory_storage import MemorySlices, MemoryStorage
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV
from ssa_pipeline_tests.shared.places import DATA

RANGE = {
    "dagster/asset_partition_range_start": "2024-11-01|0",
    "dagster/asset_partition_range_end": "2024-11-01|1",
}


@dataclass
class Chain:
    """One code location over storage in memory."""

    storage: MemoryStorage
    settings: Settings
    instance: DagsterInstance

    def run(
        self, job: str, assets: list[str] | None = None, checks: list[str] | None = None, **tags: str
    ) -> ExecuteInProcessResult:
        """All assets of a job with their checks, some assets, or some checks alone."""
        tags = {name.replace("__", "/"): value for name, value in tags.items()}
        chosen = self._job(job)
        if assets or checks:
            known = [AssetCheckKey(AssetKey(a), name) for a, rules in BLOCKING.items() for name in rules]
            chosen = chosen.get_subset(
                asset_selection={AssetKey(asset) for asset in assets or ()},
                asset_check_selection={key for key in known if key.name in checks} if checks else None,
            )
        return chosen.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def partitions(self, asset: str) -> set[str]:
        """Those that Dagster shows as materialised."""
        return set(self.instance.get_materialized_partitions(AssetKey(asset)))

    def accept(self, given: dict[str, str] | None) -> ExecuteInProcessResult:
        """``given``: what the operator fills in; nothing: launched as the launchpad opens."""
        config = {"ops": {"accept_held_release": {"config": given}}} if given else None
        return self._job(ACCEPT_JOB).execute_in_process(instance=self.instance, run_config=config, raise_on_error=False)

    def _job(self, name: str) -> JobDefinition:
        defs = build_defs(resource_overrides={"storage": self.storage, "settings": self.settings})
        return defs.resolve_job_def(name)

    def ingest(self, day: date = EPOCH_DAY) -> ExecuteInProcessResult:
        return self.run(INGEST_JOB, **{"dagster/partition": day.isoformat()})

    def receive(self, content: bytes, day: date = EPOCH_DAY) -> None:
        self.storage.received.setdefault(day, []).append(_snapshot(len(self.storage.received) + 1, content, day))


def _snapshot(snapshot_id: int, content: bytes, day: date) -> StoredSnapshot:
    return StoredSnapshot(
        snapshot_id=snapshot_id,
        epoch_day=day,
        source="test",
        file_name=f"{day}.csv",
        sha256="00" * 32,
        received_at=datetime(2024, 11, 1, tzinfo=UTC),
        data=content,
    )


@pytest.fixture(scope="module")
def small() -> tuple[bytes, list[Minimum]]:
    return small_catalog(100)


def _new_chain() -> Chain:
    return Chain(MemoryStorage(), replace(read_settings({"SSA_HOME": "/nonexistent"}), threads=2), _ephemeral())


def _ephemeral() -> DagsterInstance:
    return DagsterInstance.ephemeral()


@pytest.fixture
def chain(small: tuple[bytes, list[Minimum]]) -> Iterator[Chain]:
    chain = _new_chain()
    chain.receive(small[0])
    with chain.instance:
        yield chain


@pytest.fixture(scope="module")
def screened(small: tuple[bytes, list[Minimum]]) -> Iterator[tuple[Chain, ExecuteInProcessResult]]:
    """Two lead days screened in one range run; tests only look."""
    chain = _new_chain()
    chain.receive(small[0])
    with chain.instance:
        assert chain.ingest().success
        yield chain, chain.run(SCREEN_JOB, **RANGE)


def _errors(result: ExecuteInProcessResult) -> list[str]:
    return [str(e.step_failure_data.error.message) for e in result.all_events if e.is_step_failure]


def _materialized(result: ExecuteInProcessResult, asset: str) -> dict[str, dict[str, Any]]:
    """partition -> metadata"""
    return {
        str(e.partition): dict(e.step_materialization_data.materialization.metadata)
        for e in result.all_events
        if e.is_step_materialization and e.asset_key and e.asset_key.path == [asset]
    }


def _evaluations(result: ExecuteInProcessResult) -> list[Any]:
    return [e.event_specific_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]


def test_a_range_run_finds_the_encounters_of_the_truth(
    screened: tuple[Chain, ExecuteInProcessResult], small: tuple[bytes, list[Minimum]]
) -> None:
    chain, result = screened
    assert result.success, _errors(result)
    events: Events = chain.storage.slices.read(SliceKey("refined_events", EPOCH_DAY, 0))[0]
    found = {(int(a), int(b)) for a, b in zip(events.norad_id_1, events.norad_id_2, strict=True)}
    crossing = events.event_class == "crossing"
    assert len(small[1]) > 50
    for minimum in small[1]:
        assert minimum.pair in found
    start_us = day_start_us(EPOCH_DAY)
    for i in np.flatnonzero(crossing):
        pair = (int(events.norad_id_1[i]), int(events.norad_id_2[i]))
        t_s = (events.tca_us[i] - start_us) / 1e6
        best = min(abs(m.t_s - t_s) for m in small[1] if m.pair == pair)
        assert best < 0.05, f"{pair} at {t_s} s is not in the truth"


def test_encounters_within_one_constellation_are_left_out_where_the_setting_says_so(
    screened: tuple[Chain, ExecuteInProcessResult], small: tuple[bytes, list[Minimum]]
) -> None:
    every: Events = screened[0].storage.slices.read(SliceKey("refined_events", EPOCH_DAY, 0))[0]
    chain = _new_chain()
    chain.settings = replace(chain.settings, exclude_same_constellation=True)
    chain.receive(small[0])
    with chain.instance:
        assert chain.ingest().success
        result = chain.run(SCREEN_JOB, dagster__partition="2024-11-01|0")
    assert result.success, _errors(result)
    events, version = chain.storage.slices.read(SliceKey("refined_events", EPOCH_DAY, 0))
    names = names_of(chain.storage.slices.read(SliceKey("clean_catalog", EPOCH_DAY, None))[0].element_sets)
    stems = [tuple(names[i].partition("-")[0] for i in pair) for pair in _pairs(every)]
    is_left_out = np.array([one == two == "STARLINK" or one == two == "ONEWEB" for one, two in stems])
    assert 0 < is_left_out.sum() < len(every)
    assert _pairs(events) == _pairs(every.take(~is_left_out))
    assert version.metadata["exclude_same_constellation"] is True
    assert version.metadata["outcomes"]["within_one_constellation"] > 0
    plain = replace(chain.settings, exclude_same_constellation=False)
    reasons = slices_to_compute(chain.storage.slices, plain, EPOCH_DAY, [0], [1])
    assert reasons[SliceKey("refined_events", EPOCH_DAY, 0)] == "computed with exclude_same_constellation True"


def _pairs(events: Events) -> list[tuple[int, int]]:
    return list(zip(events.norad_id_1.tolist(), events.norad_id_2.tolist(), strict=True))


def test_every_partition_of_a_range_run_has_its_own_slice_metadata_and_checks(
    screened: tuple[Chain, ExecuteInProcessResult],
) -> None:
    chain, result = screened
    for asset in ("ephemeris_chunks", "conjunction_candidates", "refined_events"):
        shown = _materialized(result, asset)
        assert set(shown) == {"2024-11-01|0", "2024-11-01|1"}
        log_ids = {metadata["slice_log_id"].value for metadata in shown.values()}
        assert log_ids == {str(v.log_id) for v in chain.storage.slices.log if v.key.asset == asset}
        for partition, metadata in shown.items():
            assert f"lead_day = {partition[-1]}" in metadata["query"].value
            assert {"read_s", "compute_s", "write_s", "rows", "bytes"} <= set(metadata)
    evaluations = _evaluations(result)
    assert all(e.passed for e in evaluations)
    by_partition = {(e.check_name, e.partition) for e in evaluations}
    assert ("every_distance_within_threshold", "2024-11-01|1") in by_partition
    assert len(by_partition) == len(evaluations) == 2 * 4
    assert all(e.blocking for e in evaluations)


def test_slices_record_what_they_were_computed_from(screened: tuple[Chain, ExecuteInProcessResult]) -> None:
    slices = screened[0].storage.slices
    for key, (_, version) in slices.values.items():
        expected = {}
        for asset in UPSTREAM[key.asset]:
            lead_day = None if asset == "raw_tle_snapshots" or asset == "clean_catalog" else key.lead_day
            expected[asset] = slices.values[SliceKey(asset, key.epoch_day, lead_day)][1].log_id
        assert version.input_versions == expected
        assert version.code_version == CODE_VERSIONS[key.asset]
        assert set(version.metadata["seconds"]) == {"read", "compute"}


def test_dagster_and_the_slice_log_agree(screened: tuple[Chain, ExecuteInProcessResult]) -> None:
    """Every slice is reported once, with the hash of its content and of what it was computed from."""
    chain, result = screened
    reported = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    versions = {v.log_id: v for v in chain.storage.slices.log}
    of_run = [str(v.log_id) for v in versions.values() if v.run_id == result.run_id]
    assert [one.metadata["slice_log_id"].value for one in reported] == of_run
    assert len(of_run) == 2 * 3
    for one in reported:
        version = versions[int(str(one.metadata["slice_log_id"].value))]
        assert one.tags is not None
        assert one.tags["dagster/data_version"] == version.content_hash
        assert one.tags["dagster/code_version"] == version.code_version
        for asset, log_id in version.input_versions.items():
            assert one.tags[f"dagster/input_data_version/{asset}"] == versions[log_id].content_hash
            record = chain.instance.event_log_storage.get_event_records(
                EventRecordsFilter(
                    DagsterEventType.ASSET_MATERIALIZATION,
                    asset_key=AssetKey(asset),
                    storage_ids=[int(one.tags[f"dagster/input_event_pointer/{asset}"])],
                )
            )[0]
            assert record.asset_materialization is not None
            assert record.asset_materialization.metadata["slice_log_id"].value == str(log_id)
        assert chain.partitions(str(one.asset_key.path[-1])) == {"2024-11-01|0", "2024-11-01|1"}


def test_of_a_range_run_that_fails_what_was_stored_is_shown(chain: Chain) -> None:
    """The third day has no data, the second lead day cannot be written."""
    lines = chain.storage.received[EPOCH_DAY][0].data
    chain.receive(lines, EPOCH_DAY + timedelta(days=1))
    result = chain.run(
        INGEST_JOB,
        dagster__asset_partition_range_start="2024-11-01",
        dagster__asset_partition_range_end="2024-11-03",
    )
    assert not result.success
    assert chain.partitions("raw_tle_snapshots") == {"2024-11-01", "2024-11-02"}
    assert chain.partitions("clean_catalog") == set()
    assert chain.ingest().success

    class Full(MemorySlices):
        def write(self, key: SliceKey, value: Any, **rest: Any) -> SliceVersion:
            if key.lead_day == 1:
                raise StorageError("the disk is full")
            return super().write(key, value, **rest)

    vars(full := Full()).update(vars(chain.storage.slices))
    chain.storage.slices = full
    result = chain.run(SCREEN_JOB, **RANGE)
    assert "the disk is full" in _errors(result)[0]
    assert chain.partitions("ephemeris_chunks") == {"2024-11-01|0"}
    assert chain.partitions("conjunction_candidates") == set()


def test_a_slice_is_reported_before_the_next_is_computed(chain: Chain) -> None:
    assert chain.ingest().success
    seen: list[set[str]] = []

    class Watched(MemorySlices):
        def write(self, key: SliceKey, value: Any, **rest: Any) -> SliceVersion:
            if key.asset == "ephemeris_chunks":
                seen.append(chain.partitions("ephemeris_chunks"))
            return super().write(key, value, **rest)

    vars(watched := Watched()).update(vars(chain.storage.slices))
    chain.storage.slices = watched
    assert chain.run(SCREEN_JOB, ["ephemeris_chunks"], **RANGE).success
    assert seen == [set(), {"2024-11-01|0"}]


def test_a_verdict_lasts(chain: Chain) -> None:
    """What a blocking check refused is not gone on from, in its own run or a later one, until it is checked again or
    made anew."""
    assert chain.ingest().success
    slices = chain.storage.slices
    key = SliceKey("clean_catalog", EPOCH_DAY)
    whole, version = slices.values[key]
    sets = whole.element_sets
    twice = replace(whole, element_sets=sets.take(np.r_[0, np.arange(len(sets) - 1)]))
    slices.values[key] = (twice, version)
    assert not chain.run(INGEST_JOB, checks=["one_element_set_per_object"], dagster__partition="2024-11-01").success
    for assets in (["ephemeris_chunks"], None):
        later = chain.run(SCREEN_JOB, assets, dagster__partition="2024-11-01|0")
        (said,) = _errors(later)
        assert "clean_catalog 2024-11-01 was refused by its check one_element_set_per_object: 1 objects with" in said
        assert "`ssa materialize --epoch-day 2024-11-01`" in said
    (received,) = (snapshot.snapshot_id for snapshot in chain.storage.snapshots(EPOCH_DAY))
    plan = slices_to_compute(slices, chain.settings, EPOCH_DAY, [0], [received])
    assert plan[key] == "refused by its check one_element_set_per_object"
    slices.values[key] = (whole, version)
    claims = dict(slices.claims)
    assert chain.run(INGEST_JOB, checks=["one_element_set_per_object"], dagster__partition="2024-11-01").success
    assert slices.claims == claims  # what only looks takes no slice from a run that writes it
    assert chain.run(SCREEN_JOB, dagster__partition="2024-11-01|0").success  # cleared by checking again
    slices.record_verdict(key, version.log_id, "one_element_set_per_object", StoredVerdict(False, "wrong"))
    assert not chain.run(SCREEN_JOB, dagster__partition="2024-11-01|0").success
    assert chain.ingest().success
    assert chain.run(SCREEN_JOB, dagster__partition="2024-11-01|0").success  # cleared by a new slice


def test_a_slice_without_a_verdict_is_checked_before_it_is_used(chain: Chain) -> None:
    """Its run ended before its checks, or an older release wrote it."""
    assert chain.ingest().success
    slices = chain.storage.slices
    key = SliceKey("clean_catalog", EPOCH_DAY)
    log_id = slices.values[key][1].log_id
    slices.verdicts.clear()
    assert chain.run(SCREEN_JOB, ["ephemeris_chunks"], dagster__partition="2024-11-01|0").success
    assert slices.verdicts[log_id]["one_element_set_per_object"].has_passed
    whole, version = slices.values[key]
    first = whole.element_sets.take(np.r_[0, np.arange(len(whole.element_sets) - 1)])
    slices.values[key] = (replace(whole, element_sets=first), version)
    slices.verdicts.clear()
    refused = chain.run(SCREEN_JOB, ["ephemeris_chunks"], dagster__partition="2024-11-01|0")
    assert "was refused by its check one_element_set_per_object" in _errors(refused)[0]


def test_every_blocking_check_of_a_slice_lasts() -> None:
    blocking = {(spec.asset_key.path[-1], spec.name) for check in CHECKS for spec in check.check_specs if spec.blocking}
    assert {(asset, name) for asset, rules in BLOCKING.items() for name in rules} == blocking - {
        ("raw_tle_snapshots", "release_is_complete")  # the gate keeps its own
    }


def test_pictures_of_an_asset_are_few_and_small(screened: tuple[Chain, ExecuteInProcessResult]) -> None:
    metadata = _materialized(screened[1], "refined_events")["2024-11-01|0"]
    pictures = [m.value for m in metadata.values() if "data:image/png" in str(m.value)]
    assert len(pictures) == 2
    assert all(len(picture) < 1000 for picture in pictures)  # more would be hidden behind a click
    assert list(metadata)[:3] == ["miss_distance", "tca", "closest_events"]
    plotted = [name for name, value in metadata.items() if isinstance(value, IntMetadataValue | FloatMetadataValue)]
    assert plotted == [
        "objects",
        "events",
        "crossing_events",
        "persistent_events",
        "closest_crossing_km",
        "median_age_at_tca_days",
    ]
    assert "not a measurement" in metadata["what_this_can_claim"].value
    assert metadata["closest_events"].value.count("\n") == 7


def test_the_report_shows_every_figure_in_a_narrow_terminal(screened: tuple[Chain, ExecuteInProcessResult]) -> None:
    report = read_report(screened[0].storage.slices, EPOCH_DAY, [0, 1])
    shown = io.StringIO()
    print_report(report, Console(file=shown, width=80))
    text = shown.getvalue()
    assert "…" not in text
    rows = closest_rows(report.events, names_of(report.catalog.element_sets))
    assert len(rows) == 10
    lines = text.splitlines()
    for row in rows:
        assert any(all(value in line for value in row) for line in lines), row
    for asset, seconds in report.seconds_by_stage().items():
        assert any(asset in line and f"{seconds['compute']:.2f}" in line for line in lines)
    crossings = int((report.events.event_class == "crossing").sum())
    assert f"Events: all {len(report.events)}, crossing {crossings}" in text


def test_one_catalog_serves_the_lead_days_of_a_run(chain: Chain) -> None:
    assert chain.ingest().success
    chain.storage.slices.reads.clear()
    assert chain.run(SCREEN_JOB, **RANGE).success
    # one read each by two assets, the rest by the checks of the two partitions
    reads = [key for key in chain.storage.slices.reads if key.asset == "clean_catalog"]
    assert len(reads) == 2 + 2 * 2


def test_a_day_without_data_fails_with_what_to_do(chain: Chain) -> None:
    result = chain.ingest(EPOCH_DAY + timedelta(days=1))
    assert not result.success
    assert "`ssa ingest FILE --epoch-day 2024-11-02` first" in _errors(result)[0]


def test_screening_without_a_catalog_names_it(chain: Chain) -> None:
    result = chain.run(SCREEN_JOB, **RANGE)
    assert not result.success
    assert "clean_catalog 2024-11-01" in _errors(result)[0]


def test_a_snapshot_of_six_objects_does_not_become_the_catalog(chain: Chain, small: tuple[bytes, Any]) -> None:
    assert chain.ingest().success
    tomorrow = EPOCH_DAY + timedelta(days=1)
    chain.receive(b"\n".join(small[0].splitlines()[:7]) + b"\n", tomorrow)
    result = chain.ingest(tomorrow)
    assert not result.success
    assert SliceKey("clean_catalog", tomorrow) not in chain.storage.slices.values
    failed = [e for e in _evaluations(result) if not e.passed]
    assert [(e.check_name, e.partition) for e in failed] == [("release_is_complete", "2024-11-02")]
    assert failed[0].metadata["measures"].value["objects"] == 6
    assert (
        "`ssa catalog accept --epoch-day 2024-11-02 --reason TEXT`, or the job accept_release" in failed[0].description
    )


def test_the_catalog_alone_is_not_made_of_a_held_release(chain: Chain, small: tuple[bytes, Any]) -> None:
    """A blocking check stops what follows in its own run only."""
    assert chain.ingest().success
    tomorrow = EPOCH_DAY + timedelta(days=1)
    chain.receive(b"\n".join(small[0].splitlines()[:7]) + b"\n", tomorrow)
    assert not chain.ingest(tomorrow).success
    alone = chain.run(INGEST_JOB, assets=["clean_catalog"], **{"dagster/partition": str(tomorrow)})
    assert not alone.success
    assert "2024-11-02 is held" in _errors(alone)[0]


def test_an_operator_accepts_a_held_release_in_the_ui(chain: Chain, small: tuple[bytes, Any]) -> None:
    assert chain.ingest().success
    tomorrow = EPOCH_DAY + timedelta(days=1)
    chain.receive(b"\n".join(small[0].splitlines()[:41]) + b"\n", tomorrow)
    assert not chain.ingest(tomorrow).success
    for given, said in (
        (None, "'YYYY-MM-DD' is not a day"),  # launched as the launchpad shows it
        ({"epoch_day": str(tomorrow)}, "fill in the reason"),
        ({"epoch_day": "2024-12-24", "reason": "Christmas"}, "no GP was received on 2024-12-24"),
        ({"epoch_day": str(EPOCH_DAY), "reason": "mistaken"}, "2024-11-01 is open, not held"),
    ):
        refused = chain.accept(given)
        assert not refused.success
        assert said in _errors(refused)[0]
    accepted = chain.accept({"epoch_day": str(tomorrow), "reason": "the rest has decayed"})
    assert accepted.success
    again = chain.ingest(tomorrow)
    assert again.success, _errors(again)
    evaluations = {e.check_name: e for e in _evaluations(again)}
    assert "accepted by run " + accepted.run_id in evaluations["release_is_complete"].description
    assert SliceKey("clean_catalog", tomorrow) in chain.storage.slices.values
    kept = evaluations["objects_are_kept"]
    assert (kept.passed, kept.severity.value) == (False, "WARN")
    assert kept.description.startswith("of the 100 objects of 2024-11-01 60 are missing")


def test_days_of_one_run_are_judged_in_their_order(chain: Chain, small: tuple[bytes, Any]) -> None:
    lines = small[0].splitlines(keepends=True)
    days = [EPOCH_DAY + timedelta(days=n) for n in range(3)]
    for day, objects in zip(days[1:], (40, 95), strict=True):
        chain.receive(b"".join(lines[: 1 + objects]), day)
    result = chain.run(
        INGEST_JOB,
        dagster__asset_partition_range_start=str(days[0]),
        dagster__asset_partition_range_end=str(days[2]),
    )
    judged = [e for e in _evaluations(result) if e.check_name == "release_is_complete"]
    assert [(e.partition, e.passed) for e in judged] == [
        (str(d), p) for d, p in zip(days, (True, False, True), strict=True)
    ]
    assert [e.metadata["measures"].value.get("compared_with") for e in judged] == [None, *[str(days[0])] * 2]
    assert not [key for key in chain.storage.slices.values if key.asset == "clean_catalog"]  # the run stops as one


def test_the_first_day_passes_with_a_note(chain: Chain) -> None:
    evaluations = {e.check_name: e for e in _evaluations(chain.ingest())}
    assert evaluations["release_is_complete"].passed
    assert "to compare with" in evaluations["release_is_complete"].description


def test_a_run_that_was_given_up_cannot_overwrite_its_successor(chain: Chain) -> None:
    assert chain.ingest().success

    class Overtaken(MemoryStorage):
        """A successor starts while this run is reading."""

        def snapshots(self, epoch_day: date) -> list[StoredSnapshot]:
            chain.storage.slices.claim([SliceKey("raw_tle_snapshots", epoch_day)], "successor")
            return chain.storage.snapshots(epoch_day)

    before = list(chain.storage.slices.log)
    overtaken = Chain(Overtaken(chain.storage.slices), chain.settings, chain.instance)
    result = overtaken.ingest()
    assert not result.success
    assert "belongs to run successor" in _errors(result)[0]
    assert chain.storage.slices.log == before


def test_records_that_are_not_used_keep_their_bytes_and_snapshot() -> None:
    chain = _new_chain()
    chain.receive(CELESTRAK_CSV)
    chain.receive(CELESTRAK_CSV + b"\r\n")
    with chain.instance:
        assert chain.ingest().success
    catalog = chain.storage.slices.read(SliceKey("clean_catalog", EPOCH_DAY))[0]
    lines = CELESTRAK_CSV.splitlines(keepends=True)
    rules = [record.rule for record in catalog.rejected]
    assert rules.count(RejectRule.DECAYED) > 0
    assert rules.count(RejectRule.DUPLICATE) == len(lines) - 1
    assert [record.raw for record in catalog.rejected] == [lines[r.source_line - 1] for r in catalog.rejected]
    assert catalog.rejected_snapshot_id.min() > 0


def test_supplemental_sets_alone_are_no_release() -> None:
    chain = _new_chain()
    chain.storage.received[EPOCH_DAY] = [replace(_snapshot(1, CELESTRAK_CSV, EPOCH_DAY), kind="supplemental_gp")]
    with chain.instance:
        assert "nothing was received" in _errors(chain.ingest())[0]


def test_plan_names_what_must_be_computed_and_why(screened: tuple[Chain, ExecuteInProcessResult]) -> None:
    chain, _ = screened
    slices, settings = chain.storage.slices, chain.settings
    (received,) = (snapshot.snapshot_id for snapshot in chain.storage.snapshots(EPOCH_DAY))

    def plan(settings: Settings, leads: list[int], ids: list[int]) -> dict[SliceKey, str]:
        return slices_to_compute(slices, settings, EPOCH_DAY, leads, ids)

    assert plan(settings, [0, 1], [received]) == {}
    assert {k.lead_day for k in plan(settings, [0, 1, 2], [received])} == {2}
    for other in (
        replace(settings, supplemental_max_age_days=1.0),
        replace(settings, source_priority=settings.source_priority[::-1]),
    ):
        assert next(iter(plan(other, [0], [received]))).asset == "clean_catalog"
    wider = plan(replace(settings, threshold_km=7.0), [0], [received])
    assert [k.asset for k in wider] == ["conjunction_candidates", "refined_events"]
    assert "threshold_km 5.0" in next(iter(wider.values()))
    assert len(plan(settings, [0, 1], [received, received + 1])) == 2 + 2 * 3  # a new snapshot: everything
    assert contiguous([5, 0, 2, 1]) == [(0, 2), (5, 5)]


def test_results_of_another_engine_version_are_stale_and_may_be_kept(
    screened: tuple[Chain, ExecuteInProcessResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, _ = screened
    slices = chain.storage.slices
    (received,) = (snapshot.snapshot_id for snapshot in chain.storage.snapshots(EPOCH_DAY))
    monkeypatch.setitem(chain_plan.CODE_VERSIONS, "ephemeris_chunks", "next")
    stale = slices_to_compute(slices, chain.settings, EPOCH_DAY, [0], [received])
    assert [key.asset for key in stale] == ["ephemeris_chunks", "conjunction_candidates", "refined_events"]
    assert chain_plan.are_of_other_code(stale)
    missing = slices_to_compute(slices, chain.settings, EPOCH_DAY, [0, 2], [received], keep_other_code=True)
    assert {key.lead_day for key in missing} == {2}
    assert not chain_plan.are_of_other_code(missing)


def _table(kind: str, content: bytes, day: date) -> StoredSnapshot:
    digest = hashlib.sha256(content).hexdigest()
    return replace(_snapshot(99, content, day), kind=kind, sha256=digest, file_name=f"{kind}.csv")


def test_the_newest_satcat_received_up_to_the_day_counts(chain: Chain) -> None:
    """A SATCAT received later changes nothing of the day; one of the day takes out what it says is down."""
    header, line, *_ = (DATA / "celestrak_satcat_20261002.csv").read_text().splitlines()
    key = SliceKey("clean_catalog", EPOCH_DAY, None)
    assert chain.ingest().success
    before = chain.storage.slices.read(key)[0]
    gone = int(before.element_sets.norad_id[3])
    rows = [line.replace(",1,", f",{gone},").replace("1957-12-01", "2024-10-31")]
    rows += [line.replace(",1,", f",{n},").replace("1957-12-01", "") for n in before.element_sets.norad_id[:3].tolist()]
    satcat = "\n".join([header, *rows, line.rsplit(",", 3)[0]]).encode()
    chain.storage.tables.append(_table("satcat", satcat, EPOCH_DAY + timedelta(days=1)))
    assert chain.ingest().success
    again = chain.storage.slices.read(key)[0]
    assert content_hash(again) == content_hash(before)
    chain.storage.tables.insert(0, _table("satcat", satcat, EPOCH_DAY - timedelta(days=1)))
    chain.storage.tables.insert(1, _table("tip", b"NORAD_CAT_ID\n5\n", EPOCH_DAY))
    result = chain.ingest()
    assert result.success
    after, version = chain.storage.slices.read(key)
    assert set(before.element_sets.norad_id) - set(after.element_sets.norad_id) == {gone}
    assert [r.norad_id for r in after.rejected if r.detail.startswith("SATCAT (satcat.csv line 2)")] == [gone]
    tables = version.metadata["tables"]
    assert tables["satcat"]["sha256"] == hashlib.sha256(satcat).hexdigest()
    assert (tables["satcat"]["rows"], tables["satcat"]["rejected_by_rule"]) == (4, {"malformed": 1})
    assert "is no SATCAT, decay or TIP table" in tables["tip"]["unreadable"]
    n_others = len(after.element_sets) - 3
    types = {"PAYLOAD": 0, "ROCKET BODY": 3, "DEBRIS": 0, "UNKNOWN": 0, "not in SATCAT": n_others}
    assert version.metadata["objects_by_type"] == types
    shown = _materialized(result, "clean_catalog")["2024-11-01"]
    assert "| ROCKET BODY | 3 |" in shown["objects_by_type"].value
    assert "satcat.csv" in shown["tables"].value
