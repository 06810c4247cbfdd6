"""Sensors and schedules as the running webserver knows them: state, last tick, switching. Loads no Dagster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ssa_pipeline.use_cases.runs.webserver import LOCATION, REPOSITORY, Webserver, WebserverError

_STATE = """{ id status nextTick { timestamp }
  ticks(limit: 1) { timestamp status skipReason runIds error { message causes { message } } } }"""
_LIST = f"""query List($repository: RepositorySelector!) {{ repositoryOrError(repositorySelector: $repository) {{
  __typename
  ... on PythonError {{ message }}
  ... on RepositoryNotFoundError {{ message }}
  ... on Repository {{
    sensors {{ name defaultStatus sensorState {_STATE} }}
    schedules {{ name defaultStatus scheduleState {_STATE} }}
  }} }} }}"""
_ERRORS = "... on PythonError { message } ... on UnauthorizedError { message }"
_START_SENSOR = f"""mutation Start($selector: SensorSelector!) {{
  done: startSensor(sensorSelector: $selector) {{ __typename {_ERRORS} }} }}"""
_START_SCHEDULE = f"""mutation Start($selector: ScheduleSelector!) {{
  done: startSchedule(scheduleSelector: $selector) {{ __typename {_ERRORS} }} }}"""
_STOP_SENSOR = f"mutation Stop($id: String!) {{ done: stopSensor(id: $id) {{ __typename {_ERRORS} }} }}"
_STOP_SCHEDULE = f"mutation Stop($id: String!) {{ done: stopRunningSchedule(id: $id) {{ __typename {_ERRORS} }} }}"


@dataclass(frozen=True)
class Tick:
    """``outcome``: started, skipped, failure, success; ``reason``: why skipped or failed, or the runs requested."""

    at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True)
class Instigator:
    """A sensor or a schedule. ``is_on_by_default``: runs without being switched on (housekeeping)."""

    name: str
    kind: str  # sensor, schedule
    is_on: bool
    is_on_by_default: bool
    state_id: str
    last_tick: Tick | None
    next_tick_at: datetime | None


def instigators(webserver: Webserver) -> list[Instigator]:
    """All of this installation, sensors first, by name. WebserverError."""
    repository = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY}
    answer = webserver.query(_LIST, {"repository": repository})["repositoryOrError"]
    if answer["__typename"] != "Repository":
        raise WebserverError(f"the pipeline's code is not loaded: {answer.get('message', answer['__typename'])}")
    found = [_instigator(one, "sensor", one["sensorState"]) for one in answer["sensors"]]
    found += [_instigator(one, "schedule", one["scheduleState"]) for one in answer["schedules"]]
    return sorted(found, key=lambda one: (one.kind != "sensor", one.name))


def switch(webserver: Webserver, one: Instigator, *, on: bool) -> None:
    """Turn a sensor or schedule on or off; the daemon heeds it within seconds. WebserverError."""
    variables: dict[str, Any]
    if on:
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, f"{one.kind}Name": one.name}
        text, variables = (_START_SENSOR if one.kind == "sensor" else _START_SCHEDULE), {"selector": selector}
    else:
        text, variables = (_STOP_SENSOR if one.kind == "sensor" else _STOP_SCHEDULE), {"id": one.state_id}
    done = webserver.query(text, variables)["done"]
    if "message" in done:
        raise WebserverError(f"{one.name} was not turned {'on' if on else 'off'}: {done['message']}")


def _instigator(found: dict[str, Any], kind: str, state: dict[str, Any]) -> Instigator:
    ticks = [_tick(tick) for tick in state["ticks"]]
    following = state["nextTick"]
    return Instigator(
        found["name"],
        kind,
        is_on=state["status"] == "RUNNING",
        is_on_by_default=found["defaultStatus"] == "RUNNING",
        state_id=state["id"],
        last_tick=ticks[0] if ticks else None,
        next_tick_at=_time(following["timestamp"]) if following else None,
    )


def _tick(tick: dict[str, Any]) -> Tick:
    outcome = str(tick["status"]).lower()
    if tick["error"]:
        innermost = ([tick["error"]] + tick["error"]["causes"])[-1]  # the outer ones only say that a sensor failed
        reason = str(innermost["message"]).strip().splitlines()[0]
    elif tick["runIds"]:
        reason = "requested run " + ", ".join(str(run_id)[:8] for run_id in tick["runIds"])
    else:
        reason = tick["skipReason"] or ""
    return Tick(_time(tick["timestamp"]), outcome, reason)


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
