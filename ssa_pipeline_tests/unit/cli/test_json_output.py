"""What programs read: `--json` of the commands about the state of things, and shell completion."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ssa_pipeline.cli import Exit, automation, freshness, release_gate
from ssa_pipeline.cli.screen import request
from ssa_pipeline.local.doctor import Finding, Level
from ssa_pipeline.local.services import starting, state
from ssa_pipeline.settings import read_settings
from ssa_pipeline.storage.questions.freshness import Progress, SourceState
from ssa_pipeline.storage.receipts.release_gate import Judgement
from ssa_pipeline.use_cases.freshness import Freshness
from ssa_pipeline.use_cases.runs.instigators import Instigator, Tick
from ssa_pipeline_tests.shared.command_line import ssa

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 30)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def test_status_names_every_service_whether_it_runs_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSA_HOME", str(tmp_path))
    code, out, errors = ssa("status", "--json")
    found = json.loads(out)["services"]
    assert {"postgres", "daemon", "webserver"} <= {one["name"] for one in found}
    assert all({"name", "state", "address", "pid"} <= set(one) for one in found)
    assert {(one["state"], one["pid"]) for one in found} == {("stopped", None)}
    assert code == Exit.NOT_RUNNING
    assert "not running" in errors
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:s3cret@db.example.org/ssa")
    out = ssa("status", "--json")[1]
    database = json.loads(out)["services"][0]
    assert (database["name"], database["state"]) == ("database", "external")
    assert "s3cret" not in out


def test_a_watcher_that_was_not_wanted_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings({"SSA_HOME": str(tmp_path)})
    alive = [state.ServiceStatus(name, 7, "", 0.0, 0, None) for name in ("postgres", "daemon", "webserver")]
    dead = state.ServiceStatus("watcher", None, "", None, 0, None)
    monkeypatch.setenv("SSA_HOME", str(tmp_path))
    monkeypatch.setattr(state, "status", lambda _: [*alive, dead])
    for is_watched, expected in ((True, Exit.NOT_RUNNING), (False, 0), (True, Exit.NOT_RUNNING)):
        starting._note_whether_watched(settings, is_watched)
        assert ssa("status", "--json")[0] == expected


def test_doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSA_HOME", str(tmp_path))
    findings = [Finding(Level.OK, "python", "3.11"), Finding(Level.FAIL, "disk", "full")]
    monkeypatch.setattr("ssa_pipeline.local.doctor.examine", lambda _: iter(findings))
    code, out, _ = ssa("doctor", "--json")
    assert code == Exit.FAILED
    assert json.loads(out) == {
        "checks": [
            {"level": "ok", "subject": "python", "text": "3.11"},
            {"level": "fail", "subject": "disk", "text": "full"},
        ]
    }


def test_freshness_has_null_where_there_is_no_number() -> None:
    sources = [
        SourceState("celestrak", NOW, "stored", "", NOW, NOW - timedelta(hours=2)),
        SourceState("file", None, "", "", NOW, NOW - timedelta(hours=9)),
        SourceState("space-track", NOW, "failed", "", None, None),
    ]
    progress = Progress(DAY, None, None, DAY, None)
    found = Freshness(NOW, sources, progress, {}, {"": 26.0, "file": float("inf")})
    said = through_json(freshness._facts(found, list(found.problems())))
    assert [(one["age_hours"], one["limit_hours"]) for one in said["sources"]] == [
        (2.0, 26.0),
        (9.0, None),
        (None, 26.0),
    ]
    assert [one["is_silent"] for one in said["sources"]] == [False, False, True]
    assert said["newest_day"] == {"received": "2026-11-30", "catalogue": "2026-11-30", "screened": None}
    assert (said["is_current"], said["daemon"]) == (False, "alive")
    assert "space-track" in said["problems"][0]["title"]


@pytest.mark.parametrize(
    ("received_h", "content_h", "is_silent"),
    [
        (23.9, 30.0, False),  # daily, of element sets that were 6 h old when they came
        (26.1, 32.0, True),  # nothing came
        (1.0, 39.0, True),  # old already
        (1.0, 18_000.0, True),
    ],
)
def test_a_daily_release_is_not_silent_for_the_hours_that_its_sets_are_old(
    received_h: float, content_h: float, is_silent: bool
) -> None:
    received_at, content_at = (NOW - timedelta(hours=hours) for hours in (received_h, content_h))
    source = SourceState("folder", NOW, "stored", "", received_at, content_at)
    found = Freshness(NOW, [source], Progress(DAY, None, None, DAY, DAY), {}, {"": 26.0})
    assert found.is_silent(source) is is_silent


def test_a_source_never_expected_again_has_no_limit_in_hours(capsys: pytest.CaptureFixture[str]) -> None:
    never = SourceState("space-track", NOW, "failed", "", None, None)
    source = SourceState("file", None, "", "", NOW, NOW - timedelta(hours=9))
    found = Freshness(NOW, [source, never], Progress(DAY, None, None, None, None), {}, {"": 26.0, "file": float("inf")})
    freshness._print(found)
    out = capsys.readouterr().out
    assert "never expected again" in out
    assert "inf" not in out


def test_catalog_status_and_automation_status() -> None:
    judgement = Judgement(7, DAY, [1], "held", ["too few"], {"missing": 3}, NOW, None, None, None)
    said = through_json(release_gate._facts(judgement))
    assert (said["epoch_day"], said["state"], said["reasons"]) == ("2026-11-30", "held", ["too few"])
    assert (said["judged_at"], said["accepted_at"]) == ("2026-11-30T12:00:00Z", None)
    one = Instigator("fetch", "schedule", True, False, "id", Tick(NOW, "skipped", "nothing new"), NOW)
    assert through_json(automation._facts(one)) == {
        "name": "fetch",
        "kind": "schedule",
        "state": "on",
        "last_tick_at": "2026-11-30T12:00:00Z",
        "result": "skipped",
        "reason": "nothing new",
        "next_tick_at": "2026-11-30T12:00:00Z",
    }


def test_completion_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SSA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "ssa mater")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert ssa()[1].split() == ["materialize"]


def test_a_bad_mail_setting_does_not_stop_a_screening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSA_HOME", str(tmp_path))
    monkeypatch.setenv("SSA_ALERT_EMAIL", "nobody")
    monkeypatch.setenv("SSA_THREADS", "3")
    assert request.number_of_threads(None) == 3
