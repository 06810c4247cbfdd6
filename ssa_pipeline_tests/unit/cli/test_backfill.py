"""`ssa backfill` over a webserver that behaves like Dagster's, with a daemon that makes a day at every look."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ssa_pipeline.chain.links import ASSETS
from ssa_pipeline.cli import Exit, backfill
from ssa_pipeline.cli.console import Console
from ssa_pipeline.use_cases.backfill import BackfillPlan
from ssa_pipeline.use_cases.runs.backfills import Backfill, launch_backfill
from ssa_pipeline.use_cases.runs.webserver import RunState, WebserverError
from ssa_pipeline_tests.shared.command_line import ssa

DAYS = [date(2024, 11, n) for n in (1, 2, 3)]
TITLE = "2024-11-01 to 2024-11-03, lead day 0"
RANGE = ("backfill", "--from", "2024-11-01", "--to", "2024-11-03", "--lead-days", "0")


def listed(backfill_id: str, status: str = "REQUESTED", title: str = TITLE) -> dict[str, Any]:
    assets = [{"path": [asset]} for asset in ASSETS]
    ended = None if status == "REQUESTED" else 90.0
    times = {"timestamp": 0.0, "endTimestamp": ended}
    return {"id": backfill_id, "status": status, "title": title, "error": None, "assetSelection": assets, **times}


class Dagster:
    """Back-fills by id, each over three days. One in hand makes a day at every look; those of ``bad`` fail."""

    url = "http://ui"

    def __init__(self, *backfills: dict[str, Any], bad: tuple[date, ...] = ()) -> None:
        self.backfills = {one["id"]: one for one in backfills}
        self.bad = bad
        self.made: dict[str, int] = {}
        self.asked: list[tuple[str, Any]] = []
        self.refusal: dict[str, Any] | None = None

    def query(self, text: str, variables: dict[str, Any]) -> Any:
        name = text.split()[1].partition("(")[0]
        self.asked.append((name, variables))
        answer: Any = getattr(self, f"_{name.lower()}")(variables)
        return answer

    def follow(self, run_id: str, _: Any) -> RunState:
        failure = {"__typename": "ExecutionStepFailureEvent", "message": f"broken {run_id}", "error": None}
        return RunState("FAILURE", 0.0, 1.0, [failure], "end", False)

    def _backfills(self, variables: dict[str, Any]) -> Any:
        wanted = (variables["filters"] or {}).get("statuses")
        found = [one for one in reversed(self.backfills.values()) if not wanted or one["status"] in wanted]
        return {"partitionBackfillsOrError": {"__typename": "PartitionBackfills", "results": found}}

    def _backfill(self, variables: dict[str, Any]) -> Any:
        one = self.backfills[variables["id"]]
        made = self.made[one["id"]] = self.made.get(one["id"], -1) + 1
        if one["status"] == "CANCELING":
            one |= {"status": "CANCELED", "endTimestamp": 90.0}
        elif one["status"] == "REQUESTED" and made >= len(DAYS):
            one |= {"status": "COMPLETED_FAILED" if self.bad else "COMPLETED_SUCCESS", "endTimestamp": 90.0}
        return {"partitionBackfillOrError": {"__typename": "PartitionBackfill", **one}}

    def _targets(self, _: Any) -> Any:
        days = {"ranges": [{"start": str(DAYS[0]), "end": str(DAYS[-1])}], "partitionKeys": None}
        leads = {"ranges": None, "partitionKeys": [f"{day}|0" for day in DAYS]}
        found = {asset: days if "c" in asset.split("_")[0] or asset.startswith("raw") else leads for asset in ASSETS}
        found |= dict.fromkeys(ASSETS[2:], leads)
        return {"partitionBackfillOrError": {"__typename": "PartitionBackfill", **found}}

    def _runs(self, variables: dict[str, Any]) -> Any:
        (tag,) = variables["filter"]["tags"]
        made = self.made.get(tag["value"], 1)
        return {"runsOrError": {"__typename": "Runs", "results": [r for n in range(made) for r in self._of_day(n)]}}

    def _of_day(self, number: int) -> Iterator[dict[str, Any]]:
        day = DAYS[min(number, len(DAYS) - 1)]
        times = {"creationTime": 0.0, "startTime": 10.0 * number, "endTime": 10.0 * number + 5.0}
        for key in (str(day), f"{day}|0"):
            tags = [{"key": "dagster/partition", "value": key}]
            status = "FAILURE" if day in self.bad else "SUCCESS"
            yield {"runId": f"run of {key}", "status": status, "jobName": "__ASSET_JOB", "tags": tags, **times}

    def _launchbackfill(self, variables: dict[str, Any]) -> Any:
        if self.refusal:
            return {"done": self.refusal}
        self.backfills["launched"] = listed("launched", title=variables["params"]["title"])
        return {"done": {"__typename": "LaunchBackfillSuccess", "backfillId": "launched"}}

    def _resumebackfill(self, _: Any) -> Any:
        self.backfills["resumed"] = listed("resumed", title=f"Re-execution of {TITLE}")
        return {"done": {"__typename": "LaunchBackfillSuccess", "backfillId": "resumed"}}

    def _cancelbackfill(self, variables: dict[str, Any]) -> Any:
        self.backfills[variables["id"]]["status"] = "CANCELING"
        return {"done": {"__typename": "CancelBackfillSuccess"}}

    def changes(self) -> list[str]:
        return [name for name, _ in self.asked if name in ("LaunchBackfill", "ResumeBackfill", "CancelBackfill")]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(dagster: Dagster, plan: BackfillPlan | None = None) -> Dagster:
        @contextlib.contextmanager
        def services(_: Any = None) -> Iterator[Any]:
            yield watcher(dagster), dagster

        monkeypatch.setattr(backfill, "_services", services)
        monkeypatch.setattr("ssa_pipeline.local.postgres.address.database_url", lambda _: None)
        monkeypatch.setattr("ssa_pipeline.local.services.shown_days.begin_where_data_begin", lambda *_: None)
        monkeypatch.setattr("ssa_pipeline.use_cases.backfill.plan_backfill", lambda *_: plan or BackfillPlan())
        return dagster

    return use


def watcher(dagster: Dagster, console: Console | None = None, trouble: str | None = None) -> backfill.Watcher:
    shown = console or Console(stderr=True, width=200)
    given: Any = (dagster, shown, lambda: trouble, lambda _: None, lambda: 100.0)
    return backfill.Watcher(*given)


PLAN = BackfillPlan(catalogs=DAYS, lead_days={day: [0] for day in DAYS})


def test_what_is_missing_is_launched_and_watched_to_its_end(serve: Any) -> None:
    dagster = serve(Dagster(), PLAN)
    code, out, errors = ssa(*RANGE)
    assert code == 0, errors
    assert out == f"back-fill launched ({TITLE}): days to compute: 3, http://ui/runs/b/launched\n"
    assert "1 of 3 days done, 0 at work, 2 waiting, 0 failed; about " in errors
    assert errors.splitlines()[-1] == f"back-fill launched ({TITLE}): done in 90 s, days: 3"
    (launch,) = [variables["params"] for name, variables in dagster.asked if name == "LaunchBackfill"]
    assert [one["assetKey"]["path"] for one in launch["partitionsByAssets"]] == [[asset] for asset in ASSETS]
    ranges = [one["partitions"]["ranges"] for one in launch["partitionsByAssets"]]
    assert ranges[0] == [{"start": "2024-11-01", "end": "2024-11-03"}]
    assert ranges[-1] == [{"start": "2024-11-01|0", "end": "2024-11-03|0"}]


def test_days_that_are_passed_over_are_named(serve: Any) -> None:
    plan = BackfillPlan(
        empty=[DAYS[0]], current=[DAYS[1]], of_other_code=[DAYS[1]], earlier=[date(2024, 10, 30)], catalogs=[DAYS[2]]
    )
    serve(Dagster(), plan)
    code, out, _ = ssa(*RANGE, "--detach")
    assert (code, out.splitlines()[:4]) == (
        0,
        [
            "nothing was received on 1 of 3 days (2024-11-01): passed over",
            "1 of 3 days (2024-11-02) have results of another engine version: they stay (--stale, --force)",
            "1 of 3 days (2024-11-02) need nothing",
            "the catalogues of 2024-10-30, received before, are made first",
        ],
    )
    assert out.endswith("`ssa backfill follow launched` watches it\n")


def test_a_day_that_fails_is_told_with_its_reason_once(serve: Any) -> None:
    serve(Dagster(bad=(DAYS[1],)), PLAN)
    code, _, errors = ssa(*RANGE)
    assert code == Exit.FAILED
    assert errors.count("broken run of 2024-11-02\n") == 1
    assert "ssa: 1 of 3 days failed: 2024-11-02; `ssa backfill resume launched` tries them again" in errors


@pytest.mark.parametrize("title", [TITLE, f"Re-execution of {TITLE}"])
def test_the_same_request_is_followed_and_not_made_twice(serve: Any, title: str) -> None:
    dagster = serve(Dagster(listed("inhand", title=title)), PLAN)
    code, out, errors = ssa(*RANGE)
    assert code == 0, errors
    assert "has these days in hand already" in out
    assert dagster.changes() == []


def test_another_back_fill_of_the_days_is_waited_for_first(serve: Any) -> None:
    other = listed("byui", title="")
    dagster = serve(Dagster(other, listed("elsewhen", "COMPLETED_SUCCESS")), PLAN)
    code, out, _ = ssa(*RANGE)
    assert (code, "back-fill byui has ended: done" in out) == (0, True)
    assert other["status"] == "COMPLETED_SUCCESS"
    assert dagster.changes() == ["LaunchBackfill"]
    other["status"] = "REQUESTED"
    code, _, errors = ssa(*RANGE, "--detach")
    assert (code, dagster.changes()) == (Exit.FAILED, ["LaunchBackfill"])
    assert "wait for it or pause it" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("backfill",), Exit.USAGE, "give --from and --to"),
        (("backfill", "--from", "2024-11-01"), Exit.USAGE, "give --from and --to"),
        (("backfill", "--from", "2024-11-03", "--to", "2024-11-01"), Exit.USAGE, "the earlier day comes first"),
        (("backfill", "--from", "2024-11-01", "--to", "yesterday"), Exit.USAGE, "--to 'yesterday' is not a day"),
        (("backfill", "--from", "2020-01-01", "--to", "2024-11-01"), Exit.USAGE, "set SSA_FIRST_DAY=2020-01-01"),
        ((*RANGE[:-1], "7"), Exit.USAGE, "from 0 to 6"),
        (RANGE, Exit.NO_USABLE_INPUT, "nothing was received on 2024-11-01 to 2024-11-03: `ssa ingest FILE"),
    ],
)
def test_wrong_requests_are_told_and_nothing_is_launched(
    serve: Any, arguments: tuple[str, ...], code: int, said: str
) -> None:
    dagster = serve(Dagster(), BackfillPlan(empty=DAYS))
    found, _, errors = ssa(*arguments)
    assert (found, dagster.changes()) == (code, [])
    assert said in errors


def test_days_that_have_not_come_yet_are_refused(serve: Any) -> None:
    dagster = serve(Dagster(), PLAN)
    ahead = datetime.now(UTC).date() + timedelta(days=2)
    code, _, errors = ssa("backfill", "--from", "2024-11-01", "--to", str(ahead))
    assert (code, dagster.asked) == (Exit.USAGE, [])
    assert f"--to {ahead} lies ahead" in errors


def test_what_dagster_refuses_is_said() -> None:
    dagster: Any = Dagster()
    dagster.refusal = {"__typename": "PythonError", "message": "no partition 2024-11-01\n  at line 1"}
    with pytest.raises(WebserverError, match=r"the back-fill was not launched: no partition 2024-11-01$"):
        launch_backfill(dagster, TITLE, {"clean_catalog": [("2024-11-01", "2024-11-01")]})


@pytest.mark.parametrize("is_waited_for", [True, False])
def test_pause_ends_it_and_resume_computes_the_rest(serve: Any, is_waited_for: bool) -> None:
    dagster = serve(Dagster(listed("abcdefgh")))
    assert "goes on: there is nothing to resume" in ssa("backfill", "resume")[2]
    code, out, _ = ssa("backfill", "pause")
    assert (code, dagster.backfills["abcdefgh"]["status"]) == (0, "CANCELING")
    assert "`ssa backfill resume abcdefgh` computes the rest" in out
    if is_waited_for:
        code, _, errors = ssa("backfill", "follow", "abcd")
        assert (code, errors.count("was cancelled: 0 of 3 days are done")) == (Exit.INTERRUPTED, 1)
    code, out, errors = ssa("backfill", "resume")
    assert code == 0, errors
    assert out.startswith(f"back-fill resumed computes the rest of back-fill abcdefgh ({TITLE}), http://ui")
    assert dagster.asked[-1][0] == "Runs"
    assert dagster.changes() == ["CancelBackfill", "ResumeBackfill"]
    code, _, errors = ssa("backfill", "resume")
    assert (code, "nothing is left of it" in errors) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause",), "2 back-fills: name one\n  second"),
        (("pause", "zzz"), "begins the id of no back-fill"),
        (("cancel", "ended"), "has ended: failed"),
    ],
)
def test_which_one_is_meant(serve: Any, arguments: tuple[str, ...], said: str) -> None:
    dagster = serve(Dagster(listed("first"), listed("ended", "COMPLETED_FAILED"), listed("second")))
    code, _, errors = ssa("backfill", *arguments)
    assert (code, dagster.changes()) == (Exit.USAGE, [])
    assert said in errors


def test_status_lists_them_and_says_how_far_they_are(serve: Any) -> None:
    serve(Dagster(listed("old", "COMPLETED_SUCCESS"), listed("new")))
    code, out, _ = ssa("backfill", "status")
    assert code == 0
    lines = out.splitlines()
    assert lines[1].startswith("new       at work   1970-01-01T00:00:00Z")
    assert lines[2] == "    1 of 3 days done, 0 at work, 2 waiting, 0 failed; about 3 min left"
    assert lines[3].endswith("90 s  " + TITLE)
    new, old = json.loads(ssa("backfill", "status", "--json")[1])["backfills"]
    assert (new["days_done"], new["days_waiting"]) == (["2024-11-01"], ["2024-11-02", "2024-11-03"])
    assert (old["state"], "days_done" in old) == ("done", False)


@pytest.mark.parametrize(
    ("typed", "changes", "said"),
    [
        ("pause\n", ["CancelBackfill"], "was cancelled"),
        ("detach\n", [], "detached; back-fill abcdefgh"),
        ("continue\n", [], None),
    ],
)
def test_ctrl_c_offers_to_pause_to_detach_or_to_go_on(
    typed: str, changes: list[str], said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    presses = iter([True])

    def until_ended(self: Any, one: Any) -> Any:
        if next(presses, False):
            raise KeyboardInterrupt
        return going_on(self, one)

    going_on = backfill.Watcher._until_ended
    monkeypatch.setattr(backfill.Watcher, "_until_ended", until_ended)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    dagster = Dagster(listed("abcdefgh"))
    watching = watcher(dagster, Console(file=io.StringIO(), force_terminal=True, width=120))
    one = Backfill("abcdefgh", "REQUESTED", TITLE, 0.0, None, None, ASSETS)
    with contextlib.nullcontext() if said is None else pytest.raises(backfill.CliError, match=said) as caught:
        watching.watch(one, detach=False)
    assert dagster.changes() == changes
    assert caught is None or caught.value.code is Exit.INTERRUPTED


def test_a_webserver_that_is_gone_is_said(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise WebserverError("the webserver does not answer: try `ssa up`")

    serve(Dagster(listed("abcdefgh")))
    monkeypatch.setattr(Dagster, "_runs", gone)
    code, _, errors = ssa("backfill", "follow")
    assert code == Exit.FAILED
    assert "try `ssa up`; then `ssa backfill follow abcdefgh` says what became of the back-fill" in errors


def test_a_daemon_that_is_gone_is_said(serve: Any) -> None:
    console = Console(file=io.StringIO(), width=200)
    one = Backfill("abcdefgh", "REQUESTED", TITLE, 0.0, None, None, ASSETS)
    watcher(Dagster(listed("abcdefgh")), console, "the daemon does not run").watch(one, detach=False)
    assert isinstance(console.file, io.StringIO)
    assert "waiting, 0 failed; the daemon does not run" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "10 s"), (44.0, "40 s"), (94.0, "90 s"), (96.0, "2 min"), (5400.0, "1.5 h")]
)
def test_times_are_no_finer_than_they_are_known(seconds: float, said: str) -> None:
    assert backfill.about_time(seconds) == said
