"""What a back-fill has to compute, and how far one is by its runs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ssa_pipeline.chain.errors import NothingReceivedError
from ssa_pipeline.chain.links import ASSETS, DAILY_ASSETS, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.settings import read_settings
from ssa_pipeline.use_cases import backfill
from ssa_pipeline.use_cases.backfill import BackfillPlan, Extent, backfill_title, plan_backfill
from ssa_pipeline.use_cases.runs.backfills import progress_of
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun

DAYS = [date(2024, 11, n) for n in range(1, 8)]


def targets(*partitions: str) -> set[SliceKey]:
    pairs = [(a, key) for key in partitions for a in (SCREENING_ASSETS if "|" in key else DAILY_ASSETS)]
    return {slice_key(asset, key) for asset, key in pairs}


def run(
    first: str, last: str = "", status: str = "SUCCESS", start_s: float = 0.0, took_s: float = 10.0, *assets: str
) -> ListedRun:
    end_s = start_s + took_s if status in ("SUCCESS", "FAILURE", "CANCELED") else None
    started_s = None if status == "QUEUED" else start_s
    last = last or first
    return ListedRun("id", status, "__ASSET_JOB", 0.0, started_s, end_s, first, last, frozenset(assets))


class TestPlan:
    @pytest.fixture(autouse=True)
    def database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of the 1st nothing was received, the 2nd is current, of the 3rd lead days are missing, of the 4th everything,
        the 5th is of other code, of the 6th one lead day is of other code and one missing. 28 October was never
        read."""
        asset = "refined_events"

        def needed(_: Any, __: Any, ___: Any, day: date, ____: Any, **how: bool) -> dict[SliceKey, str]:
            keep = how["keep_other_code"]
            if day == DAYS[0]:
                raise NothingReceivedError(day)
            if how["everything"]:
                return {SliceKey(a, day, None if a in DAILY_ASSETS else 0): "asked for" for a in ASSETS}
            other = {} if keep else {SliceKey(asset, day, 0): "computed by code version 1"}
            missing = {SliceKey(asset, day, 2): "not computed yet"}
            if day == DAYS[3]:
                return {SliceKey("clean_catalog", day): "not computed yet", **missing}
            return {DAYS[2]: missing, DAYS[4]: other, DAYS[5]: other | missing}.get(day, {})

        class Gate:
            def __init__(self, _: Any) -> None:
                pass

            def unread_days(self, before: date) -> list[date]:
                assert before == DAYS[3]
                return [date(2023, 12, 31), date(2024, 10, 28)]  # of the first nothing can be computed

        monkeypatch.setattr(backfill, "needed_slices", needed)
        monkeypatch.setattr(backfill, "ReleaseGate", Gate)

    def plan(self, extent: Extent, days: list[date] = DAYS) -> BackfillPlan:
        url: Any = None
        return plan_backfill(read_settings({}), url, days, [0, 1, 2], extent)

    def test_what_other_code_computed_stays_unless_asked_for(self) -> None:
        plan = self.plan(Extent.MISSING)
        assert plan.empty == DAYS[:1]
        assert plan.current == [DAYS[1], DAYS[4], DAYS[6]]
        assert plan.of_other_code == [DAYS[4], DAYS[5]]
        assert plan.lead_days == {DAYS[2]: [2], DAYS[3]: [2], DAYS[5]: [2]}
        assert (plan.catalogs, plan.earlier) == ([DAYS[3]], [date(2024, 10, 28)])
        assert plan.days == [DAYS[2], DAYS[3], DAYS[5]]
        stale = self.plan(Extent.STALE)
        assert stale.of_other_code == []
        assert stale.lead_days == {**plan.lead_days, DAYS[4]: [0], DAYS[5]: [0, 2]}

    def test_everything_when_it_is_forced(self) -> None:
        plan = self.plan(Extent.ALL, DAYS[3:])
        assert (plan.current, plan.catalogs, list(plan.lead_days)) == ([], DAYS[3:], DAYS[3:])

    def test_days_that_are_alike_are_asked_for_as_one_range(self) -> None:
        leads = {DAYS[0]: [0, 1, 2, 5], DAYS[1]: [0, 1, 2], DAYS[3]: [5]}
        asked = BackfillPlan(earlier=[date(2024, 10, 31)], catalogs=[*DAYS[:2], DAYS[3]], lead_days=leads).partitions()
        assert list(asked) == list(ASSETS)
        assert asked["clean_catalog"] == [("2024-10-31", "2024-11-02"), ("2024-11-04", "2024-11-04")]
        assert asked["refined_events"] == [
            ("2024-11-01|0", "2024-11-02|2"),
            ("2024-11-01|5", "2024-11-01|5"),
            ("2024-11-04|5", "2024-11-04|5"),
        ]
        assert "clean_catalog" not in BackfillPlan(lead_days=leads).partitions()

    def test_the_same_request_has_the_same_title(self) -> None:
        assert backfill_title(DAYS, [0, 1, 3], Extent.MISSING) == "2024-11-01 to 2024-11-07, lead days 0 to 1, 3"
        assert len({backfill_title(DAYS, [0], extent) for extent in Extent}) == 3


class TestProgress:
    asked = targets("2024-11-01", "2024-11-02", "2024-11-03|0", "2024-11-03|1", "2024-11-04|0", "2024-11-05|0")

    def test_a_day_is_as_far_as_its_slices(self) -> None:
        runs = [
            run("2024-11-01"),
            run("2024-11-02", status="FAILURE"),
            run("2024-11-03|0", "2024-11-03|0"),
            run("2024-11-03|1", "2024-11-03|1", "STARTED"),
            run("2024-11-04|0", status="QUEUED"),
        ]
        far = progress_of(self.asked, runs, 100.0)
        assert (far.done, far.failed) == ([DAYS[0]], [DAYS[1]])
        assert (far.at_work, far.waiting) == ([DAYS[2]], [DAYS[3], DAYS[4]])
        assert far.n_days == 5

    def test_a_run_of_some_assets_does_not_make_a_day_done(self) -> None:
        half = run("2024-11-05|0", "", "SUCCESS", 0.0, 10.0, "ephemeris_chunks")
        day = targets("2024-11-05|0")
        assert progress_of(day, [half], 100.0).waiting == [DAYS[4]]
        rest = run("2024-11-05|0", "", "SUCCESS", 0.0, 10.0, *SCREENING_ASSETS[1:])
        assert progress_of(day, [half, rest], 100.0).done == [DAYS[4]]

    def test_what_failed_and_was_made_by_a_later_run_is_done(self) -> None:
        runs = [run("2024-11-01"), run("2024-11-01", status="FAILURE")]
        assert progress_of(targets("2024-11-01"), runs, 100.0).done == DAYS[:1]

    def test_no_estimate_before_a_day_is_done_or_of_what_was_never_seen(self) -> None:
        both = targets("2024-11-01", "2024-11-01|0", "2024-11-02", "2024-11-02|0")
        assert progress_of(both, [run("2024-11-01")], 100.0).left_s is None
        assert progress_of(targets("2024-11-01", "2024-11-02|0"), [run("2024-11-01")], 100.0).left_s is None

    def test_the_estimate_is_of_catalogues_and_lead_days_apart(self) -> None:
        days = ["2024-11-01", "2024-11-02", "2024-11-03", "2024-11-04"]
        asked = targets(*days, *(f"{day}|{k}" for day in days for k in (0, 1)))
        catalogs = [run(day, start_s=20.0 * n) for n, day in enumerate(days)]  # 10 s each, in every 20 s
        screened = run("2024-11-01|0", "2024-11-01|1", "SUCCESS", 80.0, 40.0)  # 20 s a lead day
        far = progress_of(asked, [*catalogs, screened], 160.0)
        assert (far.done, far.waiting) == ([DAYS[0]], DAYS[1:4])
        assert far.left_s == pytest.approx(6 * 20.0 * 2)  # runs were at work half of the time
        at_work = run("2024-11-02|0", "2024-11-02|1", "STARTED", 140.0)
        far = progress_of(asked, [*catalogs, screened, at_work], 160.0)
        assert far.left_s == pytest.approx((6 * 20.0 - 20.0) * 160.0 / 100.0)

    def test_what_failed_is_not_waited_for(self) -> None:
        runs = [run("2024-11-01"), run("2024-11-02", status="FAILURE")]
        assert progress_of(targets("2024-11-01", "2024-11-02"), runs, 100.0).left_s == 0.0
