"""A small client of the running Dagster webserver (GraphQL over HTTP). Loads no Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

LOCATION = "ssa"  # workspace.yaml
REPOSITORY = "__repository__"
FROM_OUTSIDE = "This run has been marked as failed from outside the execution context."  # Dagster's words for no reason
FINISHED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on PipelineNotFoundError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on UnauthorizedError { message }
    ... on InvalidSubsetError { message }
    ... on ConflictingExecutionParamsError { message }
    ... on RunConflict { message }
  }
}"""
_RELOAD = """
mutation Reload($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on WorkspaceLocationEntry { loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on PythonError { message }
  }
}"""
_FOLLOW = """
query Follow($runId: ID!, $cursor: String) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { status startTime endTime }
  }
  logsForRun(runId: $runId, afterCursor: $cursor, limit: 500) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { message timestamp level stepKey eventType }
        ... on ErrorEvent { error { message causes { message } } }
        ... on ExecutionStepFailureEvent { failureMetadata { description } }
        ... on AssetCheckEvaluationEvent {
          evaluation { success checkName severity partition description assetKey { path } }
        }
      }
    }
  }
}"""
_TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId, terminatePolicy: SAFE_TERMINATE) {
    __typename
    ... on TerminateRunFailure { message }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}"""


class WebserverError(RuntimeError):
    """The webserver does not answer, or refuses; the message says what it said."""


@dataclass(frozen=True)
class RunState:
    status: str
    start_s: float | None
    end_s: float | None
    events: list[dict[str, Any]]
    cursor: str | None
    has_more: bool

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED and not self.has_more


class Webserver:
    """``url`` is the address of the UI, e.g. http://127.0.0.1:3000."""

    def __init__(self, url: str, *, timeout_s: float = 60.0) -> None:
        self.url = url.rstrip("/")
        # Only loopback is spoken to: a proxy of the environment must not come between.
        self._http = httpx.Client(timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Webserver:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def query(self, text: str, variables: Mapping[str, Any]) -> Any:
        """The ``data`` of a GraphQL answer; WebserverError otherwise."""
        try:
            answer = self._http.post(f"{self.url}/graphql", json={"query": text, "variables": dict(variables)})
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise WebserverError(f"the webserver at {self.url} does not answer ({error}): try `ssa up`") from error
        if content.get("errors"):
            raise WebserverError(self._refused(str(content["errors"][0]["message"])))
        return content["data"]

    def _refused(self, message: str) -> str:
        """Of SQL errors the statement follows, in lines of its own."""
        first = message.strip().partition("\n")[0]
        if "OperationalError" in first or "DB connection" in first:
            return (
                f"the database does not answer the webserver ({first}): the watcher starts one that died again in a "
                "few seconds, else `ssa up` does (`ssa status` says what runs)"
            )
        return f"the webserver at {self.url} refused: {first}"

    def launch(self, job: str, tags: Mapping[str, str]) -> str:
        """Submit a run of ``job`` and return its id; it is queued, not yet started."""
        params = {
            "selector": {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "jobName": job},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self.query(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise WebserverError(f"{job} was not launched: {message_of(answer)}")
        return str(answer["run"]["runId"])

    def reload(self) -> None:
        """Load the definitions again; returns when that is done. WebserverError."""
        answer = self.query(_RELOAD, {"location": LOCATION})["reloadRepositoryLocation"]
        found = answer.get("locationOrLoadError") or answer
        if found["__typename"] != "RepositoryLocation":
            raise WebserverError(f"the definitions were not loaded again: {message_of(found)}")

    def follow(self, run_id: str, cursor: str | None) -> RunState:
        """Where a run stands, and its events after ``cursor``."""
        data = self.query(_FOLLOW, {"runId": run_id, "cursor": cursor})
        run, log = data["runOrError"], data["logsForRun"]
        if run["__typename"] != "Run" or log["__typename"] != "EventConnection":
            raise WebserverError(f"run {run_id} is not known to the webserver at {self.url}")
        return RunState(run["status"], run["startTime"], run["endTime"], log["events"], log["cursor"], log["hasMore"])

    def terminate(self, run_id: str) -> None:
        """Ask a run to end; it does at the next safe point. WebserverError where it cannot."""
        answer = self.query(_TERMINATE, {"runId": run_id})["terminateRun"]
        if answer["__typename"] != "TerminateRunSuccess":
            raise WebserverError(f"run {run_id} was not cancelled: {message_of(answer)}")


def message_of(answer: Mapping[str, Any]) -> str:
    """What the webserver says of something that it did not do."""
    errors = answer.get("errors") or [answer]
    messages = [str(error.get("message") or answer["__typename"]) for error in errors]
    return "; ".join(message.splitlines()[0] for message in messages)  # of SQL errors the statement follows
