"""Whether a worker may join, looked at before it does: a worker that would fail its runs is refused in a sentence."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ssa_pipeline import __version__
from ssa_pipeline.local import host, processes
from ssa_pipeline.local.work_version import work_version
from ssa_pipeline.nodes.engine import QUEUES
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import DatabaseUnreachableError
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline.storage.schema.engine import ENGINE_SCHEMA
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline.storage.upkeep.workers import Worker

CONNECTIONS_PER_SLOT = 4  # most that a run was seen to have open at once
CONNECTIONS_PER_WORKER = 5  # the engine's pool, its listener, a heartbeat
CONNECTIONS_OF_SERVICES = 20  # daemon, webserver, code servers, watcher, and a few people


class JoinError(RuntimeError):
    """This worker may not join; the message says why and what to do."""


def this_worker(
    settings: Settings,
    url: DatabaseUrl,
    *,
    n_slots: int | None = None,
    queues: Sequence[str] = QUEUES,
    name: str | None = None,
) -> Worker:
    """Who joins, without an id yet. JoinError, SettingsError, StorageError."""
    unknown = sorted(set(queues) - set(QUEUES))
    if unknown or not queues:
        raise JoinError(f"there is no queue {', '.join(unknown) or '(none)'}: choose from {', '.join(QUEUES)}")
    slots, threads = _slots_and_threads(settings, n_slots)
    version = work_version(settings)
    _check_line(url)
    _check_schema(url)
    _check_version(url, version)
    _check_host(url, slots, threads)
    _check_connections(url, slots)
    return Worker(
        worker_id=0,
        worker_name=name or host.name(),
        node=host.node(settings.home),
        host=host.name(),
        process_id=processes.own_id(),
        package_version=__version__,
        work_version=version,
        n_slots=slots,
        threads_per_run=threads,
        queues=list(queues),
        stalled_after_s=settings.workers.stalled_after_s,
    )


def _slots_and_threads(settings: Settings, n_slots: int | None) -> tuple[int, int]:
    """More slots than SSA_MAX_RUNS get fewer threads each, unless SSA_THREADS says how many."""
    slots, threads, cores = n_slots or settings.max_runs, settings.threads, host.cores()
    if slots * threads <= cores or n_slots is None:
        return slots, threads
    if slots > cores:
        raise JoinError(f"--slots {slots}: this machine lets us use {cores} core(s), and a slot needs one at least")
    if "SSA_THREADS" in os.environ or "SSA_THREADS" in settings.from_file:
        raise JoinError(
            f"--slots {slots} with SSA_THREADS={threads} makes {slots * threads} threads, and there are {cores} cores: "
            "fewer slots, fewer threads, or leave SSA_THREADS unset"
        )
    return slots, cores // slots


def _check_line(url: DatabaseUrl) -> None:
    """What is wrong with address, password or TLS is said by the first connection: DatabaseUnreachableError."""
    connect(url).close()
    try:
        with workers.connect_to_engine(url) as connection:
            row = connection.execute("SHOW search_path").fetchone()
    except DatabaseUnreachableError:
        row = None
    if row != (ENGINE_SCHEMA,):
        raise JoinError(
            f"{url.without_password} is a transaction pooler, which keeps no session: a worker needs the address of "
            "PostgreSQL itself"
        )


def _check_schema(url: DatabaseUrl) -> None:
    outstanding = migrate.pending(url, "before")
    if outstanding:
        raise JoinError(
            f"the database is older than this program ({', '.join(outstanding)} are not applied): upgrade the "
            "installation first (`ssa up` there), or install its version here"
        )


def _check_version(url: DatabaseUrl, version: str) -> None:
    known = workers.installation(url)
    if known is None:
        raise JoinError("no installation uses this database yet: call `ssa up` first, on the machine of the services")
    if known.work_version == version:
        return
    code = version.partition("/")[0]
    what = "settings" if known.work_version.startswith(f"{code}/") else "code"
    remedy = {
        "code": f"install the version that runs on {known.node} ({known.package_version})",
        "settings": f"set here what {known.node} has of SSA_FIRST_DAY, SSA_THRESHOLD_KM, SSA_MAX_AGE_DAYS, "
        "SSA_SOURCE_PRIORITY, SSA_SUPPLEMENTAL_* and SSA_EXCLUDE_SAME_CONSTELLATION (`ssa settings` shows both)",
    }[what]
    raise JoinError(
        f"this worker has other {what} than the installation ({version} here, {known.work_version} there), so its "
        f"answers could differ: {remedy}"
    )


def _check_host(url: DatabaseUrl, slots: int, threads: int) -> None:
    here = host.name()
    others = [one for one in workers.living_workers(url) if one.is_alive and one.host == here]
    running = [one for one in others if processes.process(one.process_id)]  # the others were killed just now
    others = [one for one in running if one.process_id != processes.own_id()]
    used = sum(one.n_slots * one.threads_per_run for one in others)
    if used and used + slots * threads > host.cores():
        names = ", ".join(f"{one.worker_name} (process {one.process_id})" for one in others)
        raise JoinError(
            f"this machine is full: {names} use {used} of {host.cores()} cores, this worker would need "
            f"{slots * threads} more: give fewer --slots, or stop the other first"
        )


def _check_connections(url: DatabaseUrl, slots: int) -> None:
    use = workers.connection_use(url)
    needed = (
        CONNECTIONS_OF_SERVICES
        + (use.n_workers + 1) * CONNECTIONS_PER_WORKER
        + (use.n_slots + slots) * CONNECTIONS_PER_SLOT
    )
    if needed > use.n_allowed:
        raise JoinError(
            f"the database lets {use.n_allowed} connections be open, and with this worker {needed} may be needed "
            f"({CONNECTIONS_PER_SLOT} a slot): raise max_connections, or give fewer --slots"
        )
