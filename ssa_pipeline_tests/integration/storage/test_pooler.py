"""Through a real PgBouncer in transaction mode: upgrade, receive, write and read slices. Where it is not installed the
parameters of the connections are tested alone (unit/settings/test_database_url.py)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import DatabaseUnreachableError
from ssa_pipeline.storage.schema import migrate
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.shared.filled import fill
from ssa_pipeline_tests.shared.needed import is_missing

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@pytest.fixture
def pooled(embedded_server: Server, open_tmp_path: Path) -> Iterator[DatabaseUrl]:
    """An empty database behind a pooler of one server connection for each two clients at most."""
    if PROGRAM is None:
        is_missing("PgBouncer is not installed: apt-get install pgbouncer (.ci/run does)")
    with embedded_server.empty_database() as url, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port, parts = free.getsockname()[1], urlsplit(url.url)
        free.close()
        (open_tmp_path / "users.txt").write_text(f'"{parts.username}" "{parts.password}"\n')
        (open_tmp_path / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nauth_type = plain\nauth_file = {open_tmp_path}/users.txt\npool_mode = transaction\n"
            f"default_pool_size = 4\nunix_socket_dir =\n"
        )
        command = [PROGRAM, *(["-u", "nobody"] if os.geteuid() == 0 else [])]
        with subprocess.Popen([*command, str(open_tmp_path / "pgbouncer.ini")], stderr=subprocess.DEVNULL) as process:
            try:
                yield DatabaseUrl.parse(
                    f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}?connect_timeout=5"
                )
            finally:
                process.kill()


def test_the_chain_works_through_a_transaction_pooler(pooled: DatabaseUrl) -> None:
    for _ in range(100):
        try:
            connect(pooled).close()
            break
        except DatabaseUnreachableError:
            time.sleep(0.1)
    assert "b0014" in migrate.upgrade(pooled)
    assert migrate.check(pooled) == []
    (found,) = fill(pooled, small_catalog(20)[0])
    with connect(pooled) as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        query = "SELECT count(*) FROM ssa.events WHERE epoch_day = %s"
        assert connection.execute(query, [EPOCH_DAY]).fetchone() == (len(found),)
