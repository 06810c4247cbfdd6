"""``ssa automation on|off``, with a webserver that behaves like Dagster's beside a daemon in the middle of a tick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest
from typer.testing import CliRunner

from ssa_pipeline.cli import CliError, automation
from ssa_pipeline.use_cases.runs import instigators
from ssa_pipeline.use_cases.runs.instigators import Instigator
from ssa_pipeline.use_cases.runs.webserver import Webserver

SENSORS = [Instigator(name, "sensor", False, False, name, None, None) for name in ("new_tle_release", "screen_catalog")]


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many of the next switches of a sensor the daemon undoes; two sensors, both off."""
    undone: dict[str, int] = {}
    state = {one.name: one for one in SENSORS}

    def switch(_: object, one: Instigator, *, on: bool) -> None:
        undone[one.name] = undone.get(one.name, 0) - 1
        if undone[one.name] < 0:
            state[one.name] = replace(one, is_on=on)

    @contextmanager
    def webserver() -> Iterator[None]:
        yield None

    monkeypatch.setattr(automation, "_webserver", webserver)
    monkeypatch.setattr(automation, "_SETTLE_S", 0.0)
    monkeypatch.setattr(instigators, "switch", switch)
    monkeypatch.setattr(instigators, "instigators", lambda _: list(state.values()))
    return undone


def test_a_switch_that_a_tick_undoes_is_made_again(undone: dict[str, int]) -> None:
    undone["screen_catalog"] = 1
    assert CliRunner().invoke(automation.automation, ["on"]).output == "2 turned on, 0 were on already\n"
    assert CliRunner().invoke(automation.automation, ["on"]).output == "0 turned on, 2 were on already\n"


def test_a_switch_that_does_not_last_is_no_success(undone: dict[str, int]) -> None:
    undone["screen_catalog"] = 9
    found = CliRunner().invoke(automation.automation, ["on"])
    assert isinstance(found.exception, CliError)
    assert str(found.exception) == "not turned on: screen_catalog; repeat the command"


class FailedTick:
    """A webserver with one sensor, whose last tick failed the way Dagster tells it."""

    def query(self, text: str, _: object) -> dict[str, object]:
        assert "causes" in text
        error = {
            "message": "SensorExecutionError: Error occurred during the execution of evaluation_fn\n",
            "causes": [{"message": "ValueError: invalid literal for int() with base 10: 'abc'\n"}],
        }
        tick = {"timestamp": 0.0, "status": "FAILURE", "skipReason": None, "runIds": [], "error": error}
        state = {"id": "1", "status": "RUNNING", "nextTick": None, "ticks": [tick]}
        sensor = {"name": "new_tle_release", "defaultStatus": "STOPPED", "sensorState": state}
        return {"repositoryOrError": {"__typename": "Repository", "sensors": [sensor], "schedules": []}}


def test_the_reason_of_a_failed_tick_is_its_cause() -> None:
    [found] = instigators.instigators(cast(Webserver, FailedTick()))
    assert found.last_tick is not None
    assert found.last_tick.reason == "ValueError: invalid literal for int() with base 10: 'abc'"
