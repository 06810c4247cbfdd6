"""Real PostgreSQL servers for tests: the embedded 18 and the distribution's (Debian's 15), each started once, and fresh
databases.

``database``: a migrated database of the test module on the embedded server. ``any_database``: the same, every test
once per server. ``fresh_database``: every test once per server, with a database of its own. Tests of the storage run on
14 and 16 as well: see their conftest. A server that is not installed fails under CI=true and skips otherwise.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ssa_pipeline.local.postgres.server import EmbeddedPostgres
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.schema.migrate import upgrade
from ssa_pipeline_tests.shared import releases
from ssa_pipeline_tests.shared.needed import is_missing

HERE = Path(__file__).parent
SERVERS = ("embedded", "debian")
# Run first, so that two processes end together; the rest is short.
LONGEST_FIRST = (
    "test_pipeline.py",
    "test_days_of_operations.py",
    "local/test_services.py",
    "nodes/test_workers.py",
    "test_pipeline_runs.py",
    "core/screening/test_invariance.py",
    "local/postgres/test_embedded.py",
    "core/test_plain_python.py",
)


def pytest_report_header() -> str:
    return releases.described()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    last = len(LONGEST_FIRST)
    places = {HERE / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, last))


@dataclass
class Server:
    """A running server; ``database()`` gives a new migrated database, dropped at the end."""

    postgres: EmbeddedPostgres
    counter: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str, *, superuser: bool = False) -> DatabaseUrl:
        base = self.postgres.superuser_url if superuser else self.postgres.url
        return DatabaseUrl.parse(base.url.rsplit("/", 1)[0] + f"/{name}")

    def administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres", superuser=True).psycopg, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @contextmanager
    def empty_database(self) -> Iterator[DatabaseUrl]:
        with self._created("CREATE DATABASE {} OWNER ssa") as url:
            yield url

    @contextmanager
    def database(self) -> Iterator[DatabaseUrl]:
        """A copy of one that was migrated once; that ``upgrade`` makes it from nothing is tested by itself."""
        with self._created("CREATE DATABASE {} OWNER ssa TEMPLATE {}", self._migrated) as url:
            yield url

    @contextmanager
    def _created(self, statement: str, *template: str) -> Iterator[DatabaseUrl]:
        name = f"test_{next(self.counter)}"
        self.administer(statement, name, *template)
        try:
            yield self.url(name)
        finally:
            self.administer("DROP DATABASE {} WITH (FORCE)", name)

    @cached_property
    def _migrated(self) -> str:
        name = "migrated"
        self.administer("CREATE DATABASE {} OWNER ssa", name)
        upgrade(self.url(name))
        self.administer("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)  # or it could not be copied
        return name


@pytest.fixture(scope="session")
def debian_bin_dir() -> Path:
    """The distribution's server binaries: told by pg_config, or where Debian's package puts them."""
    candidates = []
    if shutil.which("pg_config"):
        shown = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True).stdout
        candidates.append(Path(shown.strip()))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for path in candidates:
        if (path / "initdb").exists() and (path / "postgres").exists():
            return path
    is_missing("the distribution's PostgreSQL server is not installed: apt-get install postgresql")


@contextmanager
def running_server(data_dir: Path, bin_dir: Path | None) -> Iterator[Server]:
    postgres = EmbeddedPostgres(data_dir, bin_dir=bin_dir)
    try:
        postgres.start()
        server = Server(postgres)
        server.administer("ALTER SYSTEM SET fsync = off")  # nobody cuts the power; servers that are killed are others
        server.administer("SELECT pg_reload_conf()")
        yield server
    finally:
        postgres.remove()


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("embedded") / "postgres", None) as server:
        yield server


@pytest.fixture(scope="session")
def debian_server(tmp_path_factory: pytest.TempPathFactory, debian_bin_dir: Path) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("debian") / "postgres", debian_bin_dir) as server:
        yield server


@pytest.fixture(scope="module")
def database(embedded_server: Server) -> Iterator[DatabaseUrl]:
    with embedded_server.database() as url:
        yield url


@pytest.fixture(scope="module", params=SERVERS)
def any_server(request: pytest.FixtureRequest) -> Server:
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, Server)
    return server


@pytest.fixture(scope="module")
def any_database(any_server: Server) -> Iterator[DatabaseUrl]:
    with any_server.database() as url:
        yield url


@pytest.fixture
def fresh_database(any_server: Server) -> Iterator[DatabaseUrl]:
    with any_server.database() as url:
        yield url


@pytest.fixture
def embedded_database(embedded_server: Server) -> Iterator[DatabaseUrl]:
    with embedded_server.database() as url:
        yield url


@pytest.fixture
def debian_database(debian_server: Server) -> Iterator[DatabaseUrl]:
    with debian_server.database() as url:
        yield url
