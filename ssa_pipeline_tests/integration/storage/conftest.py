"""The storage is tried on PostgreSQL 14 and 16 too, Ubuntu's versions, which scripts/test_servers.sh fetches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ssa_pipeline.settings import REPOSITORY
from ssa_pipeline_tests.integration.conftest import SERVERS, Server, running_server
from ssa_pipeline_tests.shared.needed import is_missing

_FETCHED = REPOSITORY / "var" / "test-servers" / "node_modules"
_UBUNTUS = ("postgres-14", "postgres-16")


@pytest.fixture(scope="session")
def fetched_server(open_tmp_dir: Path) -> Iterator[Callable[[str], Server]]:
    """The server of a fetched package, started when it is first asked for."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def server(package: str) -> Server:
            if package not in started:
                if not (_FETCHED / package).is_dir():
                    is_missing(f"{package} is not there: scripts/test_servers.sh fetches it")
                # where the server's own user may run it, wherever the checkout lies
                native = shutil.copytree(_FETCHED / package / "native", open_tmp_dir / package, symlinks=True)
                started[package] = stack.enter_context(running_server(open_tmp_dir / f"{package}-data", native / "bin"))
            return started[package]

        yield server


@pytest.fixture(scope="module", params=(*SERVERS, *_UBUNTUS))
def any_server(request: pytest.FixtureRequest) -> Server:
    if request.param in SERVERS:
        server = request.getfixturevalue(f"{request.param}_server")
    else:
        server = request.getfixturevalue("fetched_server")(request.param)
    assert isinstance(server, Server)
    return server
