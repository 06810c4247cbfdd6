"""Runs as the webserver lists them: what each is about, and which of them have something in hand. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ssa_pipeline.chain.links import DAILY_ASSETS, INGEST_JOB, SCREEN_JOB, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.use_cases.runs.webserver import FINISHED, Webserver, WebserverError

QUEUED = ("NOT_STARTED", "QUEUED")
UNFINISHED = (*QUEUED, "STARTING", "STARTED", "CANCELING")
_OF_THE_CHAIN = (INGEST_JOB, SCREEN_JOB, "__ASSET_JOB")  # the last: from a back-fill, or the UI
BACKFILL_TAG = "dagster/backfill"
SHORT = 8  # characters of a run's id that people see

_RUNS = """
query Runs($filter: RunsFilter, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results {
      runId status jobName creationTime startTime endTime tags { key value } assetSelection { path } } }
    ... on PythonError { message }
    ... on InvalidPipelineRunsFilterError { message }
  }
}"""


@dataclass(frozen=True)
class ListedRun:
    """Times in seconds since 1970. ``first`` and ``last``: partition keys, '' where the run has none. ``assets``: those
    that it was restricted to, none where it computes all of its job's."""

    run_id: str
    status: str
    job: str
    created_s: float
    start_s: float | None
    end_s: float | None
    first: str
    last: str
    assets: frozenset[str] = frozenset()

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    @property
    def title(self) -> str:
        """``catalogue of 2024-11-01``, ``2024-11-01, lead days 0 to 6``, or the name of the job."""
        if not self.first or self.job not in _OF_THE_CHAIN:
            return self.job
        if "|" not in self.first:
            return f"catalogue of {_span(self.first, self.last)}"
        (day, first), (last_day, last) = (key.split("|") for key in (self.first, self.last))
        leads = f"lead day {first}" if first == last else f"lead days {first} to {last}"
        return f"{_span(day, last_day)}, {leads}"

    @property
    def named(self) -> str:
        """``run 1a2b3c4d (2024-11-01, lead days 0 to 6)``."""
        return f"run {self.run_id[:SHORT]} ({self.title})"

    def computes(self, day: date, lead_days: Collection[int]) -> bool:
        """Whether it makes the catalogue of a day, or one of its lead days."""
        if not self.first or self.job not in _OF_THE_CHAIN:
            return False
        (first_day, _, first), (last_day, _, last) = (key.partition("|") for key in (self.first, self.last))
        if not first_day <= day.isoformat() <= last_day:
            return False
        return not first or any(int(first) <= lead_day <= int(last) for lead_day in lead_days)

    def slices(self) -> Iterator[SliceKey]:
        """What it computes."""
        if not self.first or self.job not in _OF_THE_CHAIN:
            return
        (first_day, _, first), (last_day, _, last) = (key.partition("|") for key in (self.first, self.last))
        leads = [*range(int(first), int(last) + 1)] if first else [None]
        of_key = SCREENING_ASSETS if first else DAILY_ASSETS
        assets = [asset for asset in of_key if not self.assets or asset in self.assets]
        day, end = date.fromisoformat(first_day), date.fromisoformat(last_day)
        while day <= end:
            yield from (SliceKey(asset, day, lead_day) for lead_day in leads for asset in assets)
            day += timedelta(days=1)


def list_runs(
    webserver: Webserver, *, unfinished: bool = False, backfill_id: str | None = None, limit: int | None = None
) -> list[ListedRun]:
    """The newest first, of all or of one back-fill. WebserverError."""
    wanted: dict[str, Any] = {"statuses": list(UNFINISHED)} if unfinished else {}
    if backfill_id is not None:
        wanted["tags"] = [{"key": BACKFILL_TAG, "value": backfill_id}]
    variables = {"filter": wanted or None, "limit": limit}
    answer = webserver.query(_RUNS, variables)["runsOrError"]
    if answer["__typename"] != "Runs":
        raise WebserverError(f"the runs cannot be listed: {answer.get('message', answer['__typename'])}")
    return [_listed(run) for run in answer["results"]]


def what_it_waits_for(runs: list[ListedRun], run_id: str) -> str:
    """Why a queued run does not start; ``runs`` are the unfinished ones."""
    me = next((run for run in runs if run.run_id == run_id), None)
    if me is None or me.status not in QUEUED:
        return "its process starts"
    working = [run for run in runs if run.run_id != run_id and run.status not in QUEUED]
    ahead = [run for run in runs if run.status in QUEUED and run.created_s < me.created_s]
    if not working and not ahead:
        return "queued: the daemon takes it in a moment"
    parts = [f"waits for {working[0].named}"] if working else []
    if len(working) > 1:
        parts.append(f"{len(working) - 1} more at work")
    if ahead:
        parts.append(f"{len(ahead)} queued before it")
    return "; ".join(parts)


def _listed(run: Mapping[str, Any]) -> ListedRun:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    one = tags.get("dagster/partition", "")
    return ListedRun(
        run["runId"],
        run["status"],
        run["jobName"],
        run["creationTime"],
        run["startTime"],
        run["endTime"],
        tags.get("dagster/asset_partition_range_start", one),
        tags.get("dagster/asset_partition_range_end", one),
        frozenset("/".join(asset["path"]) for asset in run.get("assetSelection") or ()),
    )


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"
