"""Dagster's back-fills from outside: launch, list, cancel, resume, and how far one is. Loads no Dagster.

Dagster 1.13 cannot hold a back-fill and let it go on. So a pause is its cancellation: what was computed stays. To
resume it is its re-execution from failure: a new back-fill of what the first one has not computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ssa_pipeline.chain.links import ASSETS, DAILY_ASSETS, SCREENING_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.use_cases.runs.listed_runs import QUEUED, ListedRun
from ssa_pipeline.use_cases.runs.webserver import Webserver, WebserverError, message_of

IN_HAND = ("REQUESTED", "CANCELING", "FAILING")
_WORDS = {"REQUESTED": "at work", "COMPLETED_SUCCESS": "done", "COMPLETED": "done", "COMPLETED_FAILED": "failed"}
_FIELDS = "id status title timestamp endTimestamp error { message } assetSelection { path }"
_LIST = f"""
query Backfills($filters: BulkActionsFilter, $limit: Int) {{
  partitionBackfillsOrError(filters: $filters, limit: $limit) {{
    __typename
    ... on PartitionBackfills {{ results {{ {_FIELDS} }} }}
    ... on PythonError {{ message }}
  }}
}}"""
_ONE = f"""
query Backfill($id: String!) {{
  partitionBackfillOrError(backfillId: $id) {{
    __typename
    ... on PartitionBackfill {{ {_FIELDS} }}
    ... on BackfillNotFoundError {{ message }}
    ... on PythonError {{ message }}
  }}
}}"""
_TARGETS = """
query Targets($id: String!) {{
  partitionBackfillOrError(backfillId: $id) {{ __typename ... on PartitionBackfill {{ {fields} }} }}
}}"""
_OF_ASSET = '{0}: partitionsTargetedForAssetKey(assetKey: {{path: ["{0}"]}}) {{ ranges {{ start end }} partitionKeys }}'
_LAUNCH = """
mutation LaunchBackfill($params: LaunchBackfillParams!) {
  done: launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PartitionKeysNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}"""
_RESUME = """
mutation ResumeBackfill($params: ReexecutionParams!) {
  done: reexecutePartitionBackfill(reexecutionParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}"""
_CANCEL = """
mutation CancelBackfill($id: String!) {
  done: cancelPartitionBackfill(backfillId: $id) {
    __typename
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}"""


@dataclass(frozen=True)
class Backfill:
    """Times in seconds since 1970. ``assets``: those it is over; none where it is over a job."""

    backfill_id: str
    status: str
    title: str
    created_s: float
    end_s: float | None
    error: str | None
    assets: tuple[str, ...]

    @property
    def is_ended(self) -> bool:
        return self.status not in IN_HAND

    @property
    def is_complete(self) -> bool:
        return self.status in ("COMPLETED_SUCCESS", "COMPLETED")

    @property
    def state(self) -> str:
        """One word or two, for people."""
        return _WORDS.get(self.status, self.status.lower())

    @property
    def named(self) -> str:
        """``back-fill abcdefgh (2024-11-01 to 2024-11-30, lead days 0 to 6)``."""
        return f"back-fill {self.backfill_id}" + (f" ({self.title})" if self.title else "")


@dataclass(frozen=True)
class BackfillProgress:
    """Epoch days, in order, by how far they are. ``left_s``: an estimate of the seconds left, None before a day is
    done."""

    done: list[date]
    at_work: list[date]
    waiting: list[date]
    failed: list[date]
    left_s: float | None

    @property
    def n_days(self) -> int:
        return len(self.done) + len(self.at_work) + len(self.waiting) + len(self.failed)


def list_backfills(
    webserver: Webserver, *, statuses: Collection[str] | None = None, limit: int | None = None
) -> list[Backfill]:
    """The newest first. WebserverError."""
    variables = {"filters": {"statuses": list(statuses)} if statuses else None, "limit": limit}
    answer = webserver.query(_LIST, variables)["partitionBackfillsOrError"]
    if answer["__typename"] != "PartitionBackfills":
        raise WebserverError(f"the back-fills cannot be listed: {message_of(answer)}")
    return [_backfill(one) for one in answer["results"]]


def read_backfill(webserver: Webserver, backfill_id: str) -> Backfill:
    """As it stands now. WebserverError."""
    answer = webserver.query(_ONE, {"id": backfill_id})["partitionBackfillOrError"]
    if answer["__typename"] != "PartitionBackfill":
        raise WebserverError(f"back-fill {backfill_id} cannot be read: {message_of(answer)}")
    return _backfill(answer)


def read_targets(webserver: Webserver, backfill: Backfill) -> frozenset[SliceKey]:
    """The slices that a back-fill is to write. WebserverError."""
    assets = [asset for asset in backfill.assets if asset in ASSETS]
    fields = " ".join(_OF_ASSET.format(asset) for asset in assets) if backfill.assets else "partitionNames"
    query = _TARGETS.format(fields=fields or "id")
    answer = webserver.query(query, {"id": backfill.backfill_id})["partitionBackfillOrError"]
    if not backfill.assets:
        names = answer["partitionNames"] or ()
        pairs = [(asset, key) for key in names for asset in (SCREENING_ASSETS if "|" in key else DAILY_ASSETS)]
        return frozenset(slice_key(asset, key) for asset, key in pairs)
    return frozenset(slice_key(asset, key) for asset in assets for key in _keys(answer[asset]))


def launch_backfill(webserver: Webserver, title: str, partitions: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Ask for ranges of partitions (first and last key) of some assets; the id. All or nothing. WebserverError."""
    chosen = [
        {
            "assetKey": {"path": [asset]},
            "partitions": {"ranges": [{"start": first, "end": last} for first, last in ranges]},
        }
        for asset, ranges in partitions.items()
    ]
    answer = webserver.query(_LAUNCH, {"params": {"partitionsByAssets": chosen, "title": title}})["done"]
    return _launched(answer, "the back-fill was not launched")


def resume_backfill(webserver: Webserver, backfill: Backfill) -> str:
    """A new back-fill of what an ended one has not computed; its id. WebserverError."""
    params = {"parentRunId": backfill.backfill_id, "strategy": "FROM_FAILURE"}
    answer = webserver.query(_RESUME, {"params": params})["done"]
    return _launched(answer, f"{backfill.named} was not resumed")


def cancel_backfill(webserver: Webserver, backfill: Backfill) -> None:
    """No run of it starts any more; the daemon ends those at work at its next look. WebserverError."""
    answer = webserver.query(_CANCEL, {"id": backfill.backfill_id})["done"]
    if answer["__typename"] != "CancelBackfillSuccess":
        raise WebserverError(f"{backfill.named} was not cancelled: {message_of(answer)}")


def progress_of(targets: Iterable[SliceKey], runs: Sequence[ListedRun], now_s: float) -> BackfillProgress:
    """How far a back-fill is by its runs, at ``now_s`` (seconds since 1970). A day is done when all its slices are, and
    failed when one is not and nothing of the day is in hand."""
    states = _slices_by_state(runs)
    by_day: dict[date, set[SliceKey]] = {}
    for key in targets:
        by_day.setdefault(key.epoch_day, set()).add(key)
    days: dict[str, list[date]] = {"done": [], "at_work": [], "queued": [], "failed": [], "waiting": []}
    for day, mine in sorted(by_day.items()):
        if mine <= states["done"]:
            days["done"].append(day)
        else:
            days[next((s for s in ("at_work", "queued", "failed") if mine & states[s]), "waiting")].append(day)
    waiting = sorted(days["queued"] + days["waiting"])
    left = {key for day in days["at_work"] + waiting for key in by_day[day]} - states["done"]
    left_s = _time_left_s(left, runs, now_s) if days["done"] else None
    return BackfillProgress(days["done"], days["at_work"], waiting, days["failed"], left_s)


def _slices_by_state(runs: Iterable[ListedRun]) -> dict[str, set[SliceKey]]:
    found: dict[str, set[SliceKey]] = {"done": set(), "at_work": set(), "queued": set(), "failed": set()}
    for run in runs:
        if run.is_finished:
            state = "done" if run.status == "SUCCESS" else "failed"
        else:
            state = "queued" if run.status in QUEUED else "at_work"
        found[state].update(run.slices())
    found["failed"] -= found["done"]  # by a later run
    return found


def _time_left_s(left: Iterable[SliceKey], runs: Sequence[ListedRun], now_s: float) -> float | None:
    """From what the catalogues and lead days done took, and how much of the time since the first run its runs were at
    work, several at once or none. None where nothing like what is left is done."""
    work_s = -sum(_took_s(run, now_s) for run in runs if run.end_s is None)
    parts_left = _parts(left)
    for is_daily in (True, False):
        n_left = sum((lead_day is None) == is_daily for _, lead_day in parts_left)
        done = [run for run in runs if run.status == "SUCCESS" and ("|" not in run.first) == is_daily]
        n_done = sum(len(_parts(run.slices())) for run in done)
        if n_left and not n_done:
            return None
        if n_left:
            work_s += n_left * sum(_took_s(run, now_s) for run in done) / n_done
    busy_s = sum(_took_s(run, now_s) for run in runs)
    since_s = now_s - min((run.start_s for run in runs if run.start_s is not None), default=now_s)
    return max(work_s, 0.0) * since_s / busy_s if busy_s > 0.0 else None


def _parts(keys: Iterable[SliceKey]) -> set[tuple[date, int | None]]:
    """The catalogues and lead days that slices belong to."""
    return {(key.epoch_day, key.lead_day) for key in keys}


def _took_s(run: ListedRun, now_s: float) -> float:
    if run.start_s is None:
        return 0.0
    return (now_s if run.end_s is None else run.end_s) - run.start_s


def _keys(found: Mapping[str, Any]) -> list[str]:
    """Of days Dagster gives ranges, of lead days every key."""
    keys = [str(key) for key in found["partitionKeys"] or ()]
    for one in found["ranges"] or ():
        first, last = (date.fromisoformat(one[end]).toordinal() for end in ("start", "end"))
        keys += [date.fromordinal(day).isoformat() for day in range(first, last + 1)]
    return keys


def _launched(answer: Mapping[str, Any], failure: str) -> str:
    if answer["__typename"] != "LaunchBackfillSuccess":
        raise WebserverError(f"{failure}: {message_of(answer)}")
    return str(answer["backfillId"])


def _backfill(found: Mapping[str, Any]) -> Backfill:
    error = found["error"]
    return Backfill(
        found["id"],
        found["status"],
        found["title"] or "",
        found["timestamp"],
        found["endTimestamp"],
        None if error is None else str(error["message"]).strip().partition("\n")[0],
        tuple("/".join(asset["path"]) for asset in found["assetSelection"] or ()),
    )
