"""A disk that really is full: a small file system, filled until PostgreSQL stops, then freed as documented."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from ssa_pipeline.local import disk, host, rescue
from ssa_pipeline.local.postgres.address import database_url, embedded_server
from ssa_pipeline.local.postgres.errors import DatabaseNotRunningError
from ssa_pipeline.local.services import starting, stopping
from ssa_pipeline.local.services.exclusive import ServiceError
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.schema.partitions import ensure_partitions
from ssa_pipeline_tests.shared.command_line import SSA
from ssa_pipeline_tests.shared.needed import is_missing

MB = 1024**2
DAYS = [date(2024, 11, 1) + timedelta(day) for day in range(3)]


@pytest.fixture
def small_disk(open_tmp_path: Path) -> Iterator[Path]:
    place = open_tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        is_missing(f"a file system cannot be mounted here ({done.stderr.strip()}): run as root in a full machine")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def settings(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An installation on the small disk, with limits as small."""
    monkeypatch.setattr(disk, "RESERVE_BYTES", 64 * MB)
    monkeypatch.setattr(host, "MINIMUM_FREE_DISK_BYTES", 20 * MB)
    monkeypatch.setattr("ssa_pipeline.local.postgres.server.MINIMUM_FREE_BYTES", 40 * MB)
    found = read_settings({"SSA_HOME": str(small_disk / "var")})
    starting.up(found, lambda _: None, is_database_only=True)
    yield found
    stopping.down(found, lambda _: None)
    embedded_server(found).remove()


def test_what_was_committed_survives_a_full_disk_and_make_room_frees_it(settings: Settings, small_disk: Path) -> None:
    reserve = embedded_server(settings).cluster_dir.parent / "reserve"
    assert reserve.stat().st_blocks * 512 >= 64 * MB
    assert reserve.stat().st_mode & 0o777 == 0o600
    _store_chunks(settings)
    _fill(settings, small_disk)
    assert not embedded_server(settings).is_running()

    with pytest.raises(DatabaseNotRunningError, match=r"the disk is full: .* `ssa make-room` gives the reserve back"):
        database_url(settings)
    for is_database_only in (True, False):
        with pytest.raises(ServiceError, match=r"(the disk is full: )?only 0\.0 GB free .*`ssa make-room`"):
            starting.up(settings, lambda _: None, is_database_only=is_database_only)
    shown = subprocess.run(
        [*SSA, "catalog", "status"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SSA_HOME": str(settings.home)},
    )
    assert shown.returncode == 4
    assert shown.stderr.startswith("ssa: the disk is full: 0.0 GB free")

    said: list[str] = []
    rescue.make_room(settings, said.append, 1, 30)
    assert "the reserve of 67 MB is given back" in said
    assert f"dropped of {DAYS[0]}, {DAYS[1]}; the newest 1 epoch days are kept" in " ".join(said)
    assert "a reserve of 67 MB is kept again" in said
    assert host.free_disk_bytes(settings.home) > 20 * MB
    with connect(database_url(settings)) as connection:
        kept = connection.execute("SELECT epoch_day, count(*) FROM screening.ephemeris_chunk GROUP BY 1").fetchall()
    assert kept == [(DAYS[-1], 100)]
    starting.up(settings, lambda _: None, is_database_only=True)


def _store_chunks(settings: Settings) -> None:
    """26 MB a day, as a run would have left them."""
    with connect(database_url(settings)) as connection:
        for day in DAYS:
            ensure_partitions(connection, ("screening.ephemeris_chunk",), day)
            connection.execute(
                "INSERT INTO screening.ephemeris_chunk SELECT %s, 0, n, 1, 0, 1, now(), 1, 1, 1, 1, now(), now(), "
                "(SELECT string_agg(sha256((n * 8192 + i)::text::bytea), '') FROM generate_series(1, 8192) i) "
                "FROM generate_series(1, 100) n",
                [day],
            )
            connection.execute(
                "INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, "
                "input_versions, row_count, byte_count, content_hash, metadata) "
                "VALUES ('ephemeris_chunks', %s, 0, 'r', 1, '1', '{}', 100, 1, 'x', '{}')",
                [day],
            )


def _fill(settings: Settings, small_disk: Path) -> None:
    """Another program takes what is free; PostgreSQL goes on until it needs a new piece of its log."""
    with (small_disk / "other").open("wb") as other:
        os.posix_fallocate(other.fileno(), 0, shutil.disk_usage(small_disk).free)
    superuser = embedded_server(settings).superuser_url.psycopg
    with suppress(psycopg.OperationalError):
        for number in range(1_000):
            with psycopg.connect(superuser, autocommit=True) as connection:
                with suppress(psycopg.errors.DiskFull):
                    connection.execute(f"CREATE TABLE filler_{number} AS SELECT generate_series(1, 1000)")  # type: ignore[arg-type]
                connection.execute("SELECT pg_switch_wal()")
    server = embedded_server(settings)
    postmaster = server.postmaster()
    if postmaster is not None:
        postmaster.wait(60)
