"""``ssa make-room``: what retention does at night, also on a full disk where PostgreSQL has stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from ssa_pipeline.local import disk, host
from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services import exclusive, stopping
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline.storage.upkeep.retention import MIN_AGE, expire_slices
from ssa_pipeline.storage.upkeep.run_history import purge_runs

# PostgreSQL demands more room of an ordinary start; with less than this not even its recovery ends.
LEAST_FREE_BYTES = 48 * 1024**2

Say = Callable[[str], None]


def make_room(settings: Settings, say: Say, keep_days: int, keep_run_days: int) -> None:
    """Give the reserve back, start PostgreSQL where it does not run, drop chunks and candidates of all but the
    ``keep_days`` newest epoch days and runs older than ``keep_run_days``. ServiceError, StorageError."""
    server = embedded_server(settings, minimum_free_bytes=LEAST_FREE_BYTES)
    is_ours = settings.database_url is None
    if is_ours and not server.exists():
        raise exclusive.ServiceError(f"there is no database in {settings.home}: nothing to make room of")
    place = server.cluster_dir.parent if is_ours else settings.home
    before = host.free_disk_bytes(place)
    say(f"free on the disk of {place}: {_shown(before)}")
    min_age = MIN_AGE
    if is_ours and not server.is_running():
        stopping.end_dagster(settings, say)  # first: it would fill what is given back
        min_age = timedelta(0)  # so no run reads what its first step wrote
        if given := disk.give_back_reserve(place):
            say(f"the reserve of {_shown(given)} is given back")
        say("starting PostgreSQL")
        server.start()
    url = settings.database_url or server.url
    _drop(url, say, keep_days, keep_run_days, min_age)
    if is_ours:
        _checkpoint(server.superuser_url)  # only now the files of what was dropped are gone, and the old log with them
    after = host.free_disk_bytes(place)
    say(f"free now: {_shown(after)}, {_shown(max(0, after - before))} more")
    _keep_reserve(place, is_ours, say)
    if after < host.MINIMUM_FREE_DISK_BYTES:
        say(
            f"`ssa up` needs {host.gigabytes(host.MINIMUM_FREE_DISK_BYTES)}: call this again with --keep-days 1, "
            "make room elsewhere on this disk, or move SSA_HOME to a larger one"
        )


def _drop(url: DatabaseUrl, say: Say, keep_days: int, keep_run_days: int, min_age: timedelta) -> None:
    dropped = expire_slices(url, keep_days, min_age)
    days = ", ".join(map(str, dropped)) or "no day"
    say(f"chunks and candidates dropped of {days}; the newest {keep_days} epoch days are kept")
    if not run_rows.has_dagster_tables(url):
        return
    purged = purge_runs(url, keep_run_days, datetime.now(UTC))
    say(
        f"{purged.runs:,} runs and {purged.events:,} of their events deleted (PostgreSQL uses that room "
        "again and does not give it back to the disk)"
    )


def _checkpoint(url: DatabaseUrl) -> None:
    with psycopg.connect(url.psycopg, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _keep_reserve(place: Path, is_ours: bool, say: Say) -> None:
    if is_ours and disk.keep_reserve(place, host.MINIMUM_FREE_DISK_BYTES):
        say(f"a reserve of {_shown(disk.RESERVE_BYTES)} is kept again")


def _shown(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count < 10**9 else host.gigabytes(count)
