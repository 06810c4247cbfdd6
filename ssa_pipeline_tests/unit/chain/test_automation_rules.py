"""What automation decides from facts alone: which releases wait, what is fetched, which lead days are screened."""

from __future__ import annotations

import itertools
import os
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml
from dagster import DagsterRun, DagsterRunStatus, Failure, RetryRequested, instance_for_test
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from ssa_pipeline.chain.due import DayScreening, Screened, wanted
from ssa_pipeline.chain.releases import (
    NewerInput,
    Release,
    being_made,
    fate,
    next_cursor,
    obstacle,
    obstacle_of_newer,
    waiting_days,
)
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.defs.automation import fetching
from ssa_pipeline.defs.automation.fetching import OUTCOMES, is_allowed_soon, outcome, said
from ssa_pipeline.defs.failures import permanent_failures
from ssa_pipeline.settings import REPOSITORY, SourceSettings, read_settings
from ssa_pipeline.sources.errors import NotCatalogError, QueryError, RefusedError, TooEarlyError, TransientError
from ssa_pipeline.sources.fetching import Query
from ssa_pipeline.sources.state import STARTED, STORED, Attempt
from ssa_pipeline.storage.errors import DatabaseUnreachableError, StorageError
from ssa_pipeline.use_cases.fetch import Fetched, planned_queries
from ssa_pipeline.use_cases.fetch_plan import EVERY, fetch_plan

NOON = datetime(2026, 8, 22, 12, 3, tzinfo=UTC)
TODAY = NOON.date()
FIRST_DAY = date(2024, 1, 1)
HOUR = timedelta(hours=1)
ACCOUNT = {"SPACE_TRACK_USERNAME": "u", "SPACE_TRACK_PASSWORD": "p"}


def release(
    snapshot_id: int,
    *,
    day: date = TODAY,
    received_at: datetime = NOON - 5 * HOUR,
    used: bool = True,
    gate: str = "open",
) -> Release:
    read_at = received_at + HOUR if used or gate != "open" else None
    known_gate, used_at = (gate if read_at else None), (read_at if used else None)
    return Release(snapshot_id, day, "celestrak", received_at, read_at, known_gate, used_at)


class TestReleases:
    def test_days_that_lack_a_release_come_oldest_first_with_their_newest_release(self) -> None:
        yesterday = TODAY - timedelta(days=1)
        found = waiting_days(
            [release(1, used=False, day=yesterday), release(2), release(3, used=False), release(4, used=False)]
        )
        assert [(day.epoch_day, day.newest.snapshot_id) for day in found] == [
            (yesterday, 1),
            (TODAY, 4),
        ]

    def test_a_day_that_cannot_be_asked_for_says_why(self) -> None:
        days = waiting_days([release(1, day=d, used=False) for d in (date(2023, 1, 1), date(2026, 8, 23), TODAY)])
        before, today, ahead = (obstacle(day, FIRST_DAY, TODAY) for day in days)
        assert ahead == "2026-08-23 lies ahead and is read from that day on"
        assert before == "2023-01-01 is before the first day that is computed, 2024-01-01: set SSA_FIRST_DAY"
        assert today is None
        for asset in ("raw_tle_snapshots", "clean_catalog"):
            in_hand = {SliceKey(asset, TODAY, None): "run 1a2b3c4d (queued)"}
            assert being_made(TODAY, in_hand) == "2026-08-22 is in hand: run 1a2b3c4d (queued)"
            assert being_made(days[0].epoch_day, in_hand) is None

    def test_the_cursor_never_passes_what_waits(self) -> None:
        assert next_cursor(0, [], NOON, FIRST_DAY) == 0
        assert next_cursor(0, [release(1), release(2)], NOON, FIRST_DAY) == 2
        assert next_cursor(1, [release(1), release(2, used=False), release(3)], NOON, FIRST_DAY) == 1
        assert next_cursor(1, [release(1), release(4, received_at=NOON)], NOON, FIRST_DAY) == 4
        never = release(1, used=False, day=date(2023, 1, 1))
        assert next_cursor(0, [never, release(2)], NOON, FIRST_DAY) == 2
        tomorrow, mistyped = (release(1, used=False, day=TODAY + timedelta(days=days)) for days in (1, 2))
        assert next_cursor(0, [tomorrow, release(2)], NOON, FIRST_DAY) == 0
        assert next_cursor(0, [mistyped, release(2)], NOON, FIRST_DAY) == 2

    def test_a_release_says_what_became_of_it(self) -> None:
        assert fate(release(17)) == (
            "newest release of 2026-08-22 (snapshot 17, celestrak) is in the catalogue since 2026-08-22 08:03 UTC"
        )
        assert fate(release(17, used=False, gate="held")).endswith(
            "is held by the completeness gate: `ssa catalog status --epoch-day 2026-08-22`"
        )

    def test_a_held_release_waits_once_it_is_accepted_and_the_cursor_waits_for_that(self) -> None:
        held, accepted = release(1, used=False, gate="held"), release(1, used=False, gate="accepted")
        assert waiting_days([held]) == []
        assert [day.newest for day in waiting_days([accepted])] == [accepted]
        assert next_cursor(0, [held, release(2)], NOON, FIRST_DAY) == 0
        old = release(1, used=False, gate="held", received_at=NOON - timedelta(days=8))
        assert next_cursor(0, [old, release(2)], NOON, FIRST_DAY) == 2

    def test_a_table_makes_no_catalog_again_that_is_young_or_whose_day_is_held(self) -> None:
        what = "satcat snapshot 7 from celestrak, received"
        table = NewerInput(TODAY, NOON - 3 * HOUR, "satcat snapshot 7", what, NOON - HOUR)
        assert obstacle_of_newer(table, [release(1)], NOON, 3) is None
        said = "satcat snapshot 7 from celestrak, received 2026-08-22 11:03 UTC, is newer than the catalogue of "
        said += str(TODAY)
        young = obstacle_of_newer(table, [], NOON, 6)
        assert young == f"{said}, which is made again from 2026-08-22 15:03 UTC on (SSA_RESCREEN_HOURS=6)"
        held = obstacle_of_newer(table, [release(1), release(2, used=False, gate="held")], NOON, 3)
        assert held == f"{said}, of which a release is held by the completeness gate"
        other = release(2, used=False, gate="held", day=TODAY - timedelta(days=1))
        assert obstacle_of_newer(table, [other], NOON, 3) is None
        waits = obstacle_of_newer(table, [release(2, used=False)], NOON, 3)
        assert waits == f"{said}, of which a release waits: it would be the same run"

    def test_a_release_whose_run_died_before_the_catalog_waits(self) -> None:
        read = Release(1, TODAY, "celestrak", NOON - 2 * HOUR, NOON - HOUR, None, None)
        assert [day.newest for day in waiting_days([read])] == [read]


def screening(**lead_days: Screened) -> DayScreening:
    by_number = {int(name[1:]): screened for name, screened in lead_days.items()}
    return DayScreening(TODAY, 41, NOON - HOUR, lead_days=by_number)


def all_screened(at: datetime, *, is_current: bool) -> DayScreening:
    return screening(**{f"k{k}": Screened(at, is_current) for k in range(7)})


class TestScreening:
    def test_a_day_never_screened_is_screened_whole(self) -> None:
        want = wanted(screening(), NOON, 6)
        assert want.lead_days == [0, 1, 2, 3, 4, 5, 6]
        assert want.reason == "lead days 0 to 6 not screened yet"

    def test_a_missing_lead_day_is_screened_however_recent_the_others_are(self) -> None:
        day = all_screened(NOON, is_current=True)
        del day.lead_days[2]
        assert wanted(day, NOON, 6).lead_days == [2]

    def test_a_lead_day_that_always_fails_does_not_keep_the_others_from_a_newer_catalog(self) -> None:
        day = all_screened(NOON - 7 * HOUR, is_current=False)
        del day.lead_days[2]
        want = wanted(day, NOON, 6)
        assert (want.missing, want.outdated) == ([2], [0, 1, 3, 4, 5, 6])
        assert want.reason == (
            "lead day 2 not screened yet; the catalogue of 2026-08-22 11:03 UTC is newer than lead days 0 to 1, 3 to 6"
        )
        assert wanted(day, NOON - 2 * HOUR, 6).lead_days == [2]  # the others wait for the interval

    def test_a_day_of_the_newest_catalog_is_left_alone(self) -> None:
        want = wanted(all_screened(NOON - 100 * HOUR, is_current=True), NOON, 6)
        assert (want.lead_days, want.reason) == ([], "was screened at 2026-08-18 08:03 UTC from its newest catalogue")

    def test_however_many_releases_arrive_a_day_is_screened_once_in_the_interval(self) -> None:
        screened_at, runs = NOON, []
        for minutes in range(0, 24 * 60, 5):  # a newer catalogue at every look
            now = NOON + timedelta(minutes=minutes)
            want = wanted(all_screened(screened_at, is_current=False), now, 6)
            if want.lead_days:
                runs.append(now)
                screened_at = now
        assert runs == [NOON + hours * HOUR for hours in (6, 12, 18)]

    def test_waiting_for_the_interval_is_explained(self) -> None:
        want = wanted(all_screened(NOON, is_current=False), NOON + HOUR, 6)
        assert want.reason == (
            "was screened at 2026-08-22 12:03 UTC; its newer catalogue is screened from 2026-08-22 18:03 UTC on "
            "(SSA_RESCREEN_HOURS=6)"
        )

    def test_only_outdated_lead_days_are_screened_again(self) -> None:
        day = all_screened(NOON - 7 * HOUR, is_current=False)
        day.lead_days[6] = replace(day.lead_days[6], is_current=True)
        assert wanted(day, NOON, 6).lead_days == [0, 1, 2, 3, 4, 5]


def sources(**environment: str) -> SourceSettings:
    return read_settings(environment).sources


def queries(source: str, *texts: str, **environment: str) -> list[tuple[str, Query]]:
    return list(zip(texts, planned_queries(sources(**environment), source, list(texts)), strict=True))


def attempt(ago: timedelta, outcome: str = STORED, now: datetime = NOON) -> Attempt:
    return Attempt(now - ago, outcome, "403", None, None, None)


class TestFetchPlan:
    def test_what_was_never_asked_is_due(self) -> None:
        asked = queries("celestrak", "GROUP=active", "satcat")
        assert fetch_plan(asked, {}, NOON).due == ["GROUP=active", "satcat"]

    @pytest.mark.parametrize(
        ("ago", "outcome", "is_due"),
        [
            (timedelta(hours=2, minutes=50), STORED, False),  # the rule allows it, but it is not wanted yet
            (timedelta(hours=2, minutes=56), STORED, True),
            (timedelta(hours=1, minutes=59), "failed", False),
            (timedelta(hours=2), "failed", True),
            (timedelta(hours=2), STARTED, True),  # its process died
            (timedelta(days=9), "refused", False),
        ],
    )
    def test_celestrak_gp_every_three_hours_and_after_a_failure_as_soon_as_the_rule_allows(
        self, ago: timedelta, outcome: str, is_due: bool
    ) -> None:
        asked = queries("celestrak", "GROUP=active")
        plan = fetch_plan(asked, {asked[0][1].key: attempt(ago, outcome)}, NOON)
        assert plan.due == (["GROUP=active"] if is_due else [])
        assert bool(plan.notes) != is_due

    def test_ticks_of_a_week_ask_celestrak_at_most_once_in_two_hours_and_no_less_than_wanted(self) -> None:
        asked = queries("celestrak", "GROUP=active")
        asked_at: list[datetime] = []
        for quarter in range(7 * 24 * 4):
            now = NOON + timedelta(minutes=15 * quarter, seconds=quarter % 7)  # ticks are some seconds late
            last = {asked[0][1].key: attempt(timedelta(), now=asked_at[-1])} if asked_at else {}
            if fetch_plan(asked, last, now).due:
                asked_at.append(now)
        gaps = [later - earlier for earlier, later in itertools.pairwise(asked_at)]
        assert min(gaps) >= 2 * HOUR
        assert max(gaps) <= 3 * HOUR + timedelta(minutes=1)
        assert len(gaps) == 55

    def test_an_attempt_by_a_clock_that_was_ahead_is_not_waited_for(self) -> None:
        asked = queries("celestrak", "GROUP=active")
        last = attempt(-9 * 365 * 24 * HOUR, STORED)
        assert fetch_plan(asked, {asked[0][1].key: last}, NOON).due == ["GROUP=active"]

    def test_a_refused_query_is_held_and_says_so(self) -> None:
        asked = queries("celestrak", "GROUP=active")
        plan = fetch_plan(asked, {asked[0][1].key: attempt(HOUR, "refused")}, NOON)
        assert plan.notes == ["GROUP=active was refused at 2026-08-22 11:03 UTC and is held: 403"]

    def test_space_track_is_asked_by_its_rules(self) -> None:
        asked = queries("space-track", "gp", "satcat", "decay", **ACCOUNT)
        now = datetime(2026, 8, 22, 12, 22, 1, tzinfo=UTC)
        last = {query.key: attempt(timedelta(minutes=181), now=now) for _, query in asked}
        plan = fetch_plan(asked, last, now)
        assert plan.due == ["gp"]
        assert plan.notes == [
            "satcat: stored at 2026-08-22 09:21 UTC, next from 2026-08-23 17:05 UTC",
            "decay: stored at 2026-08-22 09:21 UTC, next from 2026-08-23 09:21 UTC",
        ]
        assert fetch_plan(asked, {}, now).due == ["gp", "decay"]  # SATCAT from 17:00 on
        assert fetch_plan(asked, {}, now.replace(hour=17)).due == ["gp", "satcat", "decay"]
        assert fetch_plan(asked, {}, now.replace(minute=58)).due == []  # near the full hour

    def test_every_kind_that_can_be_asked_for_has_its_interval(self) -> None:
        for source, texts in (
            ("celestrak", ["GROUP=a", "SPECIAL=a", "FILE=a", "satcat"]),
            ("space-track", ["gp", "satcat", "decay", "tip"]),
        ):
            for query in planned_queries(sources(**ACCOUNT), source, texts):
                assert query.kind in EVERY[source]

    def test_the_queries_of_the_settings_make_sense(self) -> None:
        found = sources(**ACCOUNT)
        assert len(planned_queries(found, "celestrak", list(found.celestrak_queries))) == 7
        assert len(planned_queries(found, "space-track", list(found.space_track_queries))) == 4
        with pytest.raises(QueryError, match="set SPACE_TRACK_USERNAME and SPACE_TRACK_PASSWORD"):
            planned_queries(sources(), "space-track", ["gp"])


class TestOutcomes:
    @pytest.mark.parametrize(
        ("fetched", "expected"),
        [
            ({"is_new": True}, "stored"),
            ({}, "unchanged"),
            ({"error": TooEarlyError("x", NOON)}, "too_early"),
            ({"error": RefusedError("x")}, "refused"),
            ({"error": NotCatalogError("x")}, "not_a_catalog"),
            ({"error": TransientError("x")}, "failed"),
        ],
    )
    def test_every_end_of_a_query_has_its_word(self, fetched: dict[str, object], expected: str) -> None:
        ((_, query),) = queries("celestrak", "GROUP=active")
        assert outcome(Fetched(query, **fetched)) == expected  # type: ignore[arg-type]
        assert expected in OUTCOMES

    def test_only_what_the_provider_allows_again_at_once_is_tried_again_within_a_run(self, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("x")
        os.utime(file, (0, 0))
        (of_folder,) = planned_queries(replace(sources(), folder=tmp_path), "folder", [])
        assert is_allowed_soon(Fetched(of_folder, error=TransientError("gone")), NOON)
        for source, text in (("celestrak", "GROUP=active"), ("space-track", "gp")):
            ((_, query),) = queries(source, text, **ACCOUNT)
            result = Fetched(query, error=TransientError("HTTP 503"))
            assert not is_allowed_soon(result, NOON)
            assert "asked again from 2026-08-22 1" in said(result, NOON)


def test_only_lost_runs_are_started_again() -> None:
    cases = [
        (RunFailureReason.UNKNOWN, {}, True),  # as `ssa up` and the run monitor say of a lost process or worker
        (RunFailureReason.RUN_EXCEPTION, fetching.TAGS, True),
        (RunFailureReason.STEP_FAILURE, {}, False),  # what failed with a message
        (RunFailureReason.UNKNOWN, {"dagster/max_retries": "0"}, False),  # who asks for it
    ]
    run_retries = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())["run_retries"]
    with instance_for_test(overrides={"run_retries": run_retries}) as instance:
        for reason, tags, is_retried in cases:
            failed = DagsterRun("a", str(uuid.uuid4()), status=DagsterRunStatus.FAILURE, tags=tags)
            assert auto_reexecution_should_retry_run(instance, instance.add_run(failed), reason) is is_retried


@pytest.mark.parametrize("attempt", range(3))
def test_a_lost_database_is_waited_for_longer_each_time_and_other_failures_are_not(attempt: int) -> None:
    for error in (psycopg.OperationalError("server closed the connection"), DatabaseUnreachableError("no connection")):
        with pytest.raises(RetryRequested) as requested, permanent_failures(attempt):
            raise error
        assert (requested.value.max_retries, requested.value.seconds_to_wait) == (3, 5 * 2**attempt)
    with pytest.raises(Failure) as failure, permanent_failures(attempt):
        raise StorageError("the slice is missing")
    assert failure.value.allow_retries is False
