"""Sensors: a tick asks the database (or a folder's list of names) and requests runs; it downloads and computes
nothing. Off until `ssa automation on`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from dagster import (
    DagsterInstance,
    DagsterRun,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SensorResult,
    build_sensor_for_freshness_checks,
    sensor,
)

from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, run_tags
from ssa_pipeline.chain.releases import (
    GateState,
    NewerInput,
    Release,
    Waiting,
    about,
    being_made,
    fate,
    next_cursor,
    obstacle,
    obstacle_of_newer,
    waiting_days,
)
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.dagster_internals import AssetGraph
from ssa_pipeline.defs.automation.fetching import FETCH_JOBS, job_name, run_config
from ssa_pipeline.defs.automation.screening import REASON_TAG, screenings
from ssa_pipeline.defs.automation.under_way import named, slices_under_way, unfinished_run
from ssa_pipeline.defs.checks import FRESHNESS_CHECKS
from ssa_pipeline.defs.partitions import unfinished_parts_of_dagster
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.sources import folder
from ssa_pipeline.sources.errors import NotCatalogError, QueryError, TransientError
from ssa_pipeline.sources.fetching import Query, utc_now
from ssa_pipeline.sources.state import STORED, UNCHANGED
from ssa_pipeline.use_cases.fetch import planned_queries

_INTERVAL_S = read_settings().automation.interval_s  # part of the definitions, like the first partition
_READ = (STORED, UNCHANGED, NotCatalogError.outcome)
_RESOURCES = {"settings", "storage"}


@sensor(
    name="new_tle_release",
    job_name=INGEST_JOB,
    minimum_interval_seconds=_INTERVAL_S,
    required_resource_keys=_RESOURCES,
    description="Received releases that are not in the catalogue of their day and not held: requests that catalogue. "
    "Likewise SATCAT, decay and TIP tables and late earlier days newer than the newest catalogue; SSA_RESCREEN_HOURS "
    "lie between two such requests.",
)
def new_tle_release(context: SensorEvaluationContext) -> SensorResult:
    settings: Settings = context.resources.settings
    storage: Storage = context.resources.storage
    now = utc_now()
    under_way = slices_under_way(context.instance, _asset_graph(context))  # before what is done is read
    first = int(context.cursor or 0)
    releases = storage.releases(first)
    cursor = str(next_cursor(first, releases, now, settings.first_day))
    requests, notes = _release_requests(waiting_days(releases), under_way, settings.first_day, now)
    fresh, earlier = _fresh(context, requests)
    notes += earlier
    newer = None if fresh else storage.newer_input(settings.first_day, now.date())
    if newer is not None:
        note = _obstacle_of_newer(newer, releases, under_way, now, settings.automation.rescreen_hours)
        fresh, earlier = ([], [note]) if note else _fresh(context, [_newer_request(newer, now)])
        notes += earlier
    fetching = unfinished_run(context.instance, map(job_name, FETCH_JOBS)) if fresh else None
    if fresh and fetching is None:
        return SensorResult(run_requests=fresh[:1], cursor=cursor)
    if fetching is not None:  # its other files may belong to the same release
        notes.append(f"{fresh[0].tags[REASON_TAG]}, but {named(fetching)} still fetches")
    if not notes:
        notes = [fate(releases[-1])] if releases else ["no release was received yet: `ssa fetch`, `ssa ingest FILE`"]
    return SensorResult(skip_reason="; ".join(notes), cursor=cursor)


def _release_requests(
    waiting: list[Waiting], under_way: Mapping[SliceKey, str], first_day: date, now: datetime
) -> tuple[list[RunRequest], list[str]]:
    """What the waiting days ask for, oldest first, and why the others ask for nothing."""
    requests, notes = [], []
    for day in waiting:
        in_hand = being_made(day.epoch_day, under_way)
        if in_hand is not None:
            notes.append(in_hand)
            break  # the days after it build on it
        note = obstacle(day, first_day, now.date())
        if note is None:
            requests.append(_release_request(day, now))
        else:
            notes.append(note)
    return requests, notes


def _obstacle_of_newer(
    newer: NewerInput,
    releases: list[Release],
    under_way: Mapping[SliceKey, str],
    now: datetime,
    rescreen_hours: float,
) -> str | None:
    """Why the newest catalogue is not made again now."""
    if any(being_made(day.epoch_day, under_way) for day in waiting_days(releases)):
        return f"{about(newer)} of {newer.epoch_day}, which is left until then"
    return being_made(newer.epoch_day, under_way) or obstacle_of_newer(newer, releases, now, rescreen_hours)


def _release_request(day: Waiting, now: datetime) -> RunRequest:
    accepted = " accepted" if day.newest.gate == GateState.ACCEPTED else ""
    return _ingest_request(day.epoch_day, f"snapshot {day.newest.snapshot_id}{accepted}", day.reason, now)


def _newer_request(newer: NewerInput, now: datetime) -> RunRequest:
    return _ingest_request(newer.epoch_day, newer.key, about(newer), now)


def _ingest_request(epoch_day: date, what: str, reason: str, now: datetime) -> RunRequest:
    """The day of ``now`` is part of the key: what failed is tried again once a day."""
    return RunRequest(
        run_key=f"{epoch_day} {what}, {now.date()}",
        tags={
            **run_tags(epoch_day),
            REASON_TAG: f"{epoch_day}: {reason}",
            "dagster/priority": "10",
        },
    )


@sensor(
    name="screen_catalog",
    job_name=SCREEN_JOB,
    minimum_interval_seconds=_INTERVAL_S,
    required_resource_keys=_RESOURCES,
    description="Catalogues that are newer than the events of their day: requests the seven lead days as one run. "
    "SSA_RESCREEN_HOURS lie between two runs of a day; the newest SSA_RECONCILE_DAYS epoch days are looked at.",
)
def screen_catalog(context: SensorEvaluationContext) -> SensorResult:
    resources = context.resources
    found = screenings(context.instance, _asset_graph(context), resources.storage, resources.settings, utc_now())
    return _result(context, found.requests, found.notes, context.cursor)


@sensor(
    name="watched_folder",
    job_name=job_name(folder.SOURCE),
    minimum_interval_seconds=_INTERVAL_S,
    required_resource_keys=_RESOURCES,
    description="New or changed files in SSA_WATCHED_FOLDER: requests the job that reads them.",
)
def watched_folder(context: SensorEvaluationContext) -> SensorResult:
    settings: Settings = context.resources.settings
    if settings.sources.folder is None:
        return SensorResult(skip_reason="no folder is watched: set SSA_WATCHED_FOLDER, then `ssa up`")
    try:
        files = planned_queries(settings.sources, folder.SOURCE, [])
    except QueryError as error:
        return SensorResult(skip_reason=f"SSA_WATCHED_FOLDER cannot be read: {error}")
    outcomes = _outcomes(context.resources.storage, files)
    new = [query for query in files if outcomes.get(query.key) not in _READ]
    if not new:
        return SensorResult(
            skip_reason=f"all {len(files)} files of {folder.printable(settings.sources.folder)} were read"
        )
    reading = unfinished_run(context.instance, [job_name(folder.SOURCE)])
    if reading is not None:
        return SensorResult(skip_reason=f"{len(new)} new files; {named(reading)} reads the folder")
    # The hour is part of the key: a file that could not be read is tried again, though not at every tick.
    digest = hashlib.sha256("\n".join(sorted(query.key for query in new)).encode()).hexdigest()[:16]
    names = ", ".join(query.file_name for query in new[:5]) + (", …" if len(new) > 5 else "")
    told = [query.key for query in new if outcomes.get(query.key) == TransientError.outcome]
    again = f" ({len(told)} could not be read before)" if told else ""
    request = RunRequest(
        run_config=run_config(folder.SOURCE, [], told),
        run_key=f"{len(new)} files {digest}, {utc_now():%Y-%m-%d %H}h",
        tags={REASON_TAG: f"{len(new)} new or changed files{again}: {names}"},
    )
    return _result(context, [request], [], context.cursor)


def _outcomes(storage: Storage, files: list[Query]) -> dict[str, str]:
    """How the last look at each file ended, where there was one."""
    return {key: attempt.outcome for key, attempt in storage.attempts(query.key for query in files).items()}


def _asset_graph(context: SensorEvaluationContext) -> AssetGraph:
    if context.repository_def is None:
        raise ValueError("the sensor needs the asset graph of its repository")
    return context.repository_def.asset_graph


def _result(
    context: SensorEvaluationContext, requests: list[RunRequest], notes: Iterable[str], cursor: str | None
) -> SensorResult:
    """The requests that were not made before; where none is left, the notes and what became of the earlier."""
    fresh, earlier = _fresh(context, requests)
    if fresh:
        return SensorResult(run_requests=fresh, cursor=cursor)
    return SensorResult(skip_reason="; ".join([*notes, *earlier]), cursor=cursor)


def _fresh(context: SensorEvaluationContext, requests: list[RunRequest]) -> tuple[list[RunRequest], list[str]]:
    """The requests that were not made before, and what became of the others."""
    fresh, earlier = [], []
    asked = _asked_before(context.instance, requests, context.sensor_name) if requests else {}
    for request in requests:
        run = asked.get(str(request.run_key))
        if run is None:
            fresh.append(request)
        else:
            again = "the same is not asked for again today, unless something newer comes"
            earlier.append(f"{request.tags[REASON_TAG]}: was asked for, {named(run)}; {again}")
    return fresh, earlier


def _asked_before(instance: DagsterInstance, requests: list[RunRequest], sensor_name: str) -> dict[str, DagsterRun]:
    """By key, in one query: years of files may wait at once."""
    keys = [str(request.run_key) for request in requests]
    runs = instance.get_runs(filters=RunsFilter(tags={"dagster/run_key": keys, "dagster/sensor_name": sensor_name}))
    return {run.tags["dagster/run_key"]: run for run in runs}


with unfinished_parts_of_dagster():
    freshness_sensor = build_sensor_for_freshness_checks(
        freshness_checks=FRESHNESS_CHECKS, minimum_interval_seconds=300, name="daily_assets_are_fresh"
    )

SENSORS = [new_tle_release, screen_catalog, watched_folder, freshness_sensor]
