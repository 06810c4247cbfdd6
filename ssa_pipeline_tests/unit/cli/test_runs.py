"""`ssa runs`, `follow`, `cancel`, ranges of days, what a run waits for: over a webserver that answers from a script."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from rich.console import Console

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.cli import CliError, Exit, pipeline
from ssa_pipeline.cli.follow import Follower, ServiceRunner
from ssa_pipeline.cli.patience import Talker
from ssa_pipeline.local.daemon_process import SILENCE_S, Unrepeated
from ssa_pipeline.local.services.state import ServiceStatus
from ssa_pipeline.use_cases.materialize import Screening
from ssa_pipeline.use_cases.runs.follow import RunOutcome
from ssa_pipeline.use_cases.runs.listed_runs import ListedRun, list_runs, what_it_waits_for
from ssa_pipeline.use_cases.runs.webserver import RunState
from ssa_pipeline_tests.shared.command_line import ssa

DAY = date(2024, 11, 1)


def run(run_id: str, status: str = "STARTED", job: str = "screen_job", created_s: float = 0.0, **tags: str) -> Any:
    given = tags or {"start": "2024-11-01|0", "end": "2024-11-01|6"}
    names = {"start": "dagster/asset_partition_range_start", "end": "dagster/asset_partition_range_end"}
    listed = [{"key": names.get(key, "dagster/partition"), "value": value} for key, value in given.items()]
    times = {"creationTime": created_s, "startTime": 10.0, "endTime": None}
    return {"runId": run_id, "status": status, "jobName": job, "tags": listed, **times}


class Server:
    """Knows some runs; a run that is followed ends well at the second look."""

    url = "http://ui"

    def __init__(self, *runs: Any) -> None:
        self.runs = list(runs)
        self.terminated: list[str] = []

    def query(self, _: str, variables: dict[str, Any]) -> Any:
        wanted = (variables["filter"] or {}).get("statuses")
        found = [one for one in self.runs if wanted is None or one["status"] in wanted]
        return {"runsOrError": {"__typename": "Runs", "results": found[: variables["limit"]]}}

    def follow(self, run_id: str, cursor: str | None) -> RunState:
        one = next(one for one in self.runs if one["runId"] == run_id)
        if cursor is not None:
            one["status"] = "SUCCESS"
        return RunState(one["status"], 10.0, 12.0, [], "next", False)

    def terminate(self, run_id: str) -> None:
        self.terminated.append(run_id)


def listed(*runs: Any) -> list[ListedRun]:
    return list_runs(Server(*runs))  # type: ignore[arg-type]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*runs: Any) -> Server:
        server = Server(*runs)

        @contextlib.contextmanager
        def service_runner(console: Console, _: Any = None) -> Iterator[Any]:
            yield ServiceRunner(server, console), server  # type: ignore[arg-type]

        monkeypatch.setattr("ssa_pipeline.cli.runs.service_runner", service_runner)
        return server

    return use


@pytest.mark.parametrize(
    ("listing", "title"),
    [
        (run("a"), "2024-11-01, lead days 0 to 6"),
        (run("a", partition="2024-11-01|3"), "2024-11-01, lead day 3"),
        (run("a", job="ingest_job", partition="2024-11-01"), "catalogue of 2024-11-01"),
        (run("a", job="__ASSET_JOB", partition="2024-11-01"), "catalogue of 2024-11-01"),
        (run("a", job="__ASSET_JOB", start="2024-11-01", end="2024-11-03"), "catalogue of 2024-11-01 to 2024-11-03"),
        (run("a", job="retention_job"), "retention_job"),
    ],
)
def test_a_run_says_what_it_computes(listing: Any, title: str) -> None:
    assert listed(listing)[0].title == title


def test_which_runs_compute_the_same() -> None:
    screening, catalog = listed(
        run("a", start="2024-11-01|2", end="2024-11-01|3"), run("b", "QUEUED", partition="2024-11-01")
    )
    assert screening.computes(DAY, [3, 4])
    assert not screening.computes(DAY, [0, 4])
    assert not screening.computes(date(2024, 11, 2), [3])
    assert catalog.computes(DAY, [6])
    assert not listed(run("c", job="retention_job", partition="2024-11-01"))[0].computes(DAY, [0])


def test_what_a_queued_run_waits_for() -> None:
    runs = listed(
        run("mine0000", "QUEUED", created_s=5.0),
        run("later000", "QUEUED", created_s=6.0),
        run("early000", "QUEUED", created_s=4.0),
        run("work0000", "STARTED", job="ingest_job", partition="2024-10-31"),
    )
    said = "waits for run work0000 (catalogue of 2024-10-31); 1 queued before it"
    assert what_it_waits_for(runs, "mine0000") == said
    assert what_it_waits_for(runs, "work0000") == "its process starts"
    assert "the daemon takes it" in what_it_waits_for(runs[:1], "mine0000")


def test_a_run_that_waits_says_so_without_a_terminal_too() -> None:
    server = Server(run("mine0000", "QUEUED", created_s=5.0), run("work0000", "STARTED"))
    now_s = 0.0

    def sleep(_: float) -> None:
        nonlocal now_s
        now_s += 6.0
        if now_s < 30:
            follower.watch.cursor = None  # not yet

    console = Console(file=io.StringIO(), width=200)
    given: Any = (server, "mine0000", "title", console, sleep, lambda: now_s, lambda: "the daemon does not run")
    follower = Follower(*given)
    follower.until_finished()
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) >= 4
    assert "title: waits for run work0000 (2024-11-01, lead days 0 to 6); the daemon does not run, for 12 s" in lines


def test_runs_are_listed_newest_first_and_as_json(serve: Any) -> None:
    serve(run("aaaa1111-x", "QUEUED"), run("bbbb2222-x", "SUCCESS", job="retention_job"))
    code, out, _ = ssa("runs")
    assert code == 0
    _, first, second = out.splitlines()
    assert first.startswith("aaaa1111  queued ")
    assert first.endswith("2024-11-01, lead days 0 to 6")
    assert second.endswith("retention_job")
    (one,) = json.loads(ssa("runs", "--unfinished", "--json")[1])["runs"]
    assert (one["run_id"], one["state"], one["first_partition"]) == ("aaaa1111-x", "queued", "2024-11-01|0")


def test_follow_watches_what_is_in_hand_oldest_first(serve: Any) -> None:
    new, old = (run(f"{name}00000", partition=f"{day}|0") for name, day in (("new", "2024-11-02"), ("old", DAY)))
    serve(new, old, run("done0000", "SUCCESS"))
    code, _, errors = ssa("follow")
    assert code == 0
    done = [line for line in errors.splitlines() if "done in" in line]
    assert [line.partition(":")[0] for line in done] == ["2024-11-01, lead day 0", "2024-11-02, lead day 0"]
    assert "no run is in hand" in ssa("follow")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "terminated"),
    [
        (["aaaa"], 0, ["aaaa1111"]),
        (["--all"], 0, ["aaaa1111", "bbbb2222"]),
        ([], Exit.USAGE, []),
        (["zzzz"], Exit.USAGE, []),
        (["a"], Exit.USAGE, []),
        (["dddd"], Exit.USAGE, []),
    ],
)
def test_cancel(serve: Any, arguments: list[str], code: int, terminated: list[str]) -> None:
    server = serve(run("aaaa1111"), run("bbbb2222", "QUEUED"), run("dddd4444", "SUCCESS"))
    found, _, errors = ssa("cancel", *arguments)
    assert (found, server.terminated) == (code, terminated)
    assert bool(errors) == bool(code)


class Runner:
    """Every run succeeds but those of one day."""

    def __init__(self, *in_hand: ListedRun, failing: str = "") -> None:
        self.ran: list[str] = []
        self.waiting = list(in_hand)
        self.failing = failing

    def run(self, _: str, __: Any, title: str) -> RunOutcome:
        self.ran.append(title)
        is_bad = bool(self.failing) and self.failing in title
        return RunOutcome("id", "FAILURE" if is_bad else "SUCCESS", ["broken"] if is_bad else [])

    def in_hand(self, _: date, __: Any) -> ListedRun | None:
        return self.waiting[0] if self.waiting else None

    def follow(self, run: ListedRun) -> RunOutcome:
        self.waiting.pop(0)
        self.ran.append(f"followed {run.title}")
        return RunOutcome(run.run_id, "SUCCESS")


def screening(day: date, runner: Runner, *, force: bool = False) -> Screening:
    given: Any = (None, None, day, [0, 1, 2], runner, lambda _: None, force)
    return Screening(*given)


@pytest.fixture
def all_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead days 0 to 2 of every day are to be screened; of 3 November nothing was received."""

    def needed(self: Any) -> dict[Any, str]:
        if self.epoch_day == date(2024, 11, 3):
            raise CliError("nothing was received", Exit.NO_USABLE_INPUT)
        is_done = any("followed" in title for title in self.runner.ran)
        return {} if is_done else {SliceKey("refined_events", self.epoch_day, k): "missing" for k in range(3)}

    monkeypatch.setattr(Screening, "_needed", needed)


@pytest.mark.usefixtures("all_to_do")
def test_what_another_call_has_in_hand_is_followed_and_not_computed_again() -> None:
    (in_hand,) = listed(run("a"))
    runner = Runner(in_hand)
    screening(DAY, runner).run()
    assert runner.ran == ["followed 2024-11-01, lead days 0 to 6"]
    forced = Runner(in_hand)
    screening(DAY, forced, force=True).run()
    assert forced.ran == ["2024-11-01, lead days 0 to 2"]


@pytest.mark.usefixtures("all_to_do")
def test_of_several_days_one_that_fails_or_is_empty_does_not_stop_the_others() -> None:
    days = pipeline._days("2024-11-01..2024-11-04", "", "")
    assert pipeline._days("", "2024-11-01", "2024-11-04") == days
    runner = Runner(failing="2024-11-02")
    with pytest.raises(CliError, match="1 of 4 days failed: 2024-11-02"):
        pipeline._run_all([screening(day, runner) for day in days], Console(file=io.StringIO()))
    assert runner.ran == [f"2024-11-0{k}, lead days 0 to 2" for k in (1, 2, 4)]
    with pytest.raises(CliError, match="nothing was received on any of the 2 days") as caught:
        pipeline._run_all([screening(date(2024, 11, 3), runner)] * 2, Console(file=io.StringIO()))
    assert caught.value.code is Exit.NO_USABLE_INPUT


@pytest.mark.parametrize("given", [("", "", ""), ("2024-11-01", "2024-11-01", ""), ("", "2024-11-01", "")])
def test_days_are_given_in_one_way(given: tuple[str, str, str]) -> None:
    with pytest.raises(CliError, match="either --epoch-day, or --from and --to"):
        pipeline._days(*given)


def test_ctrl_c_before_there_is_a_run_says_what_is_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    pids = {"postgres": 7, "daemon": 8, "webserver": None}
    found = [ServiceStatus(name, pid, "", None, 0, None) for name, pid in pids.items()]
    monkeypatch.setattr("ssa_pipeline.local.services.starting.up", interrupted)
    monkeypatch.setattr("ssa_pipeline.local.services.state.status", lambda _: found)
    code, _, errors = ssa("run")
    assert code == Exit.INTERRUPTED
    said = "interrupted; still running: postgres, daemon; `make stop` stops it; `make run` goes on from here"
    assert errors == f"ssa: {said}\n"


def test_nothing_is_silent_for_long() -> None:
    said: list[str] = []
    heard = threading.Event()

    def echo(text: str) -> None:
        said.append(text)
        if len(said) == 3:
            heard.set()

    with Talker(echo, silence_s=0.01) as say:
        say("starting the webserver")
        assert heard.wait(30)
    assert said[0] == "starting the webserver"
    assert said[1].endswith("s since: starting the webserver")


def test_the_daemon_says_a_thing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("ssa_pipeline.local.daemon_process.time.monotonic", lambda: now_s)
    once = Unrepeated()

    def passes(text: str) -> bool:
        return once.filter(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))

    assert [passes("won't launch more"), passes("won't launch more"), passes("Launched 1 run")] == [True, False, True]
    assert [passes("won't launch more"), passes("won't launch more")] == [True, False]
    now_s += SILENCE_S
    assert passes("won't launch more")
