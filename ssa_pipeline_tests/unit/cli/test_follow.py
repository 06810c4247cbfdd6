"""Following a run from the terminal, against a webserver that answers from a script."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from rich.console import Console

from ssa_pipeline.chain.progress_message import Progress
from ssa_pipeline.cli.follow import Follower, ServiceRunner
from ssa_pipeline.use_cases.runs.follow import Detached, RunOutcome
from ssa_pipeline.use_cases.runs.webserver import FROM_OUTSIDE, Webserver, WebserverError

RUN = "7d8c0f3e-0000-4000-8000-000000000000"


def _state(status: str, *events: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {
        "runOrError": {"__typename": "Run", "status": status, "startTime": 10.0, "endTime": 12.5},
        "logsForRun": {
            "__typename": "EventConnection",
            "cursor": "next",
            "hasMore": has_more,
            "events": list(events),
        },
    }


def _event(kind: str, **content: Any) -> dict[str, Any]:
    return {"__typename": kind, "message": "", "stepKey": "refined_events", **content}


LAUNCHED = {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": RUN}}}


@contextmanager
def _webserver(*answers: dict[str, Any]) -> Iterator[tuple[Webserver, list[Any]]]:
    """A webserver on a free port of loopback that gives these ``data`` in turn, and what it was asked."""
    script, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["variables"])
            answer = script.pop(0)
            content = json.dumps(answer if "errors" in answer else {"data": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with Webserver(f"http://127.0.0.1:{server.server_port}") as client:
                yield client, asked
        finally:
            server.shutdown()
            thread.join()
    assert script == []


def _console(*, is_terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=120)


def test_a_run_is_followed_from_where_it_was_left_to_its_end() -> None:
    states = [
        _state("QUEUED"),
        _state("STARTED", _event("LogMessageEvent", message="2024-11-01|0 refine: 43 %")),
        _state("SUCCESS", _event("ExecutionStepSuccessEvent"), has_more=True),
        _state("SUCCESS"),
    ]
    with _webserver(LAUNCHED, *states) as (webserver, asked):
        console = _console()
        outcome = ServiceRunner(webserver, console).run("screen_job", {"dagster/partition": "x"}, "lead day 0")
    assert outcome.is_success
    assert outcome.wall_s == 2.5
    assert [question.get("cursor") for question in asked[1:]] == [None, "next", "next", "next"]
    assert asked[0]["params"]["executionMetadata"]["tags"] == [{"key": "dagster/partition", "value": "x"}]
    assert isinstance(console.file, io.StringIO)
    assert f"/runs/{RUN}" in console.file.getvalue()
    assert "refined_events done" in console.file.getvalue()


def test_a_failure_is_told_once_by_its_innermost_cause() -> None:
    error = {
        "message": "Error while handling output\n",
        "causes": [{"message": "outer"}, {"message": "disk is full\n"}],
    }
    events = [
        _event("ExecutionStepFailureEvent", error=error, failureMetadata=None),
        _event("RunFailureEvent", error=None, message='Execution of run for "screen_job" failed.'),
    ]
    with _webserver(_state("FAILURE", *events)) as (webserver, _):
        outcome = Follower(webserver, RUN, "lead day 0", _console()).until_finished()
    assert outcome.failures == ["disk is full"]
    assert not outcome.is_success


def test_our_own_failures_are_told_in_their_own_words() -> None:
    failure = _event(
        "ExecutionStepFailureEvent",
        error={"message": "dagster.Failure: nothing was received", "causes": []},
        failureMetadata={"description": "nothing was received on 2024-11-02: `ssa ingest FILE`"},
    )
    with _webserver(_state("FAILURE", failure)) as (webserver, _):
        outcome = Follower(webserver, RUN, "t", _console()).until_finished()
    assert outcome.failures == ["nothing was received on 2024-11-02: `ssa ingest FILE`"]


def test_only_checks_that_failed_are_told_with_their_partition() -> None:
    def check(success: bool, name: str) -> dict[str, Any]:
        evaluation = {
            "success": success,
            "checkName": name,
            "severity": "WARN",
            "partition": "2024-11-01",
            "description": "median 4 days",
            "assetKey": {"path": ["clean_catalog"]},
        }
        return _event("AssetCheckEvaluationEvent", evaluation=evaluation)

    with _webserver(_state("SUCCESS", check(True, "good"), check(False, "ages_are_fresh"))) as (webserver, _):
        outcome = Follower(webserver, RUN, "t", _console()).until_finished()
    assert outcome.failed_checks == ["warn: clean_catalog 2024-11-01 ages_are_fresh: median 4 days"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"launchRun": {"__typename": "PipelineNotFoundError", "message": "no job screen_job"}}, "no job screen_job"),
        ({"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "bad"}]}}, "bad"),
        ({"errors": [{"message": "syntax"}]}, "refused: syntax"),
    ],
)
def test_a_refused_launch_says_why(answer: dict[str, Any], said: str) -> None:
    with _webserver(answer) as (webserver, _), pytest.raises(WebserverError, match=said):
        webserver.launch("screen_job", {})


def test_a_webserver_that_is_gone_is_said() -> None:
    with _webserver() as (webserver, _):
        address = webserver.url
    with Webserver(address) as late, pytest.raises(WebserverError, match=r"does not answer .* `ssa up`"):
        late.launch("screen_job", {})


class _Interrupted(Follower):
    """Ctrl-C comes while the follower sleeps for the first time."""

    presses = 1

    def until_finished(self) -> Any:
        if self.presses:
            self.presses -= 1
            raise KeyboardInterrupt
        return super().until_finished()


@pytest.mark.parametrize(
    ("typed", "is_cancelled", "is_detached"),
    [("cancel\n", True, False), ("detach\n", False, True), ("continue\n", False, False), ("", False, True)],
)
def test_ctrl_c_offers_to_cancel_to_detach_or_to_go_on(
    typed: str, is_cancelled: bool, is_detached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssa_pipeline.cli.follow.Follower", _Interrupted)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    answers = [LAUNCHED]
    if is_cancelled:
        answers += [{"terminateRun": {"__typename": "TerminateRunSuccess"}}, _state("CANCELED")]
    elif not is_detached:
        answers += [_state("SUCCESS")]
    with _webserver(*answers) as (webserver, asked):
        runner = ServiceRunner(webserver, _console(is_terminal=True))
        if is_detached:
            with pytest.raises(Detached, match=RUN):
                runner.run("screen_job", {}, "t")
        else:
            assert runner.run("screen_job", {}, "t").status == ("CANCELED" if is_cancelled else "SUCCESS")
        assert ({"runId": RUN} in asked) == is_cancelled


def test_progress_messages_are_read_as_they_are_written() -> None:
    for progress in (Progress("2024-11-01|0", "propagate", 43), Progress("2024-11-01", "read two words", 0)):
        assert Progress.parse(str(progress)) == progress
    for other in ("Started execution of step", "2024-11-01|0 done", "at 43 %"):
        assert Progress.parse(other) is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("dagster._core.errors.DagsterAssetCheckFailedError: 1 blocking\nx", "a check that must pass did not"),
        ("psycopg.errors.DiskFull: no space left on device\n", "no space left on device"),
        ("builtins.KeyboardInterrupt", "builtins.KeyboardInterrupt without a message"),
        ("small.csv: no catalogue", "small.csv: no catalogue"),
    ],
)
def test_failures_are_told_in_words_and_not_as_classes(message: str, said: str) -> None:
    outcome = RunOutcome("id")
    outcome.take_failure(message)
    assert outcome.failures == [said]


def test_checks_pass_or_do_not_and_steps_are_done() -> None:
    def check(partition: str, success: bool, name: str) -> dict[str, Any]:
        evaluation = {"success": success, "checkName": name, "severity": "WARN", "partition": partition}
        more = {"description": "", "assetKey": {"path": ["clean_catalog"]}}
        return _event("AssetCheckEvaluationEvent", evaluation=evaluation | more, stepKey=name)

    events = [
        check("2024-11-01", True, "good"),
        check("2024-11-01", False, "bad"),
        check("2024-11-02", True, "bad"),
        *(_event("ExecutionStepSuccessEvent", stepKey=step) for step in ("good", "bad", "clean_catalog")),
    ]
    console = _console()
    with _webserver(_state("SUCCESS", *events)) as (webserver, _):
        Follower(webserver, RUN, "t", console).until_finished()
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "t: check good of clean_catalog passed",
        "t: check bad of clean_catalog did not pass",
        "t: clean_catalog done",
    ]


def test_a_killed_worker_and_a_lost_database_are_told_in_a_sentence() -> None:
    killed = f"Run execution process for {RUN} was terminated by signal 9 (SIGKILL)."
    events = [_event("EngineEvent", message=killed), _event("RunFailureEvent", message=FROM_OUTSIDE)]
    with _webserver(_state("FAILURE", *events)) as (webserver, _):
        outcome = Follower(webserver, RUN, "screening", Console(file=io.StringIO())).until_finished()
    assert outcome.failures == [killed]
    lost = {"errors": [{"message": '(psycopg2.OperationalError) connection to "127.0.0.1" failed\n[SQL: SELECT 1]'}]}
    with _webserver(lost) as (webserver, _), pytest.raises(WebserverError) as told:
        webserver.query("{ version }", {})
    assert str(told.value) == (
        'the database does not answer the webserver ((psycopg2.OperationalError) connection to "127.0.0.1" failed): '
        "the watcher starts one that died again in a few seconds, else `ssa up` does (`ssa status` says what runs)"
    )
    with _webserver(lost) as (webserver, _), pytest.raises(WebserverError, match=rf"then `ssa follow {RUN[:8]}` says"):
        Follower(webserver, RUN, "screening", Console(file=io.StringIO())).until_finished()
