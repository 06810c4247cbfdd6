"""What every test gets: an environment without the developer's settings, and directories that a server may enter."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import configuration, settings

from ssa_pipeline_tests.shared.compiled_kernels import compile_kernels, use_cache_of_tests
from ssa_pipeline_tests.shared.places import REPOSITORY

_SCRUBBED = (
    "SSA_",
    "SPACE_TRACK_",
    "HTTPS_PROXY",
    "POSTGRES_",
    "PG",
    "DAGSTER_",
    "DATABASE_URL",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)


def _scrub() -> None:
    for name in list(os.environ):
        if name.startswith(_SCRUBBED):
            del os.environ[name]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.environ["SSA_HOME"] = "/nonexistent/every-test-sets-its-own-SSA_HOME"
    use_cache_of_tests()


# The same examples in every run, and nothing left behind but in pytest's own cache.
configuration.set_hypothesis_home_dir(REPOSITORY / ".pytest_cache" / "hypothesis")
settings.register_profile("ssa", database=None, deadline=None, derandomize=True)
settings.load_profile("ssa")
pytest.register_assert_rewrite(
    *(f"ssa_pipeline_tests.shared.{name}" for name in ("command_line", "encounters", "slices_contract"))
)
_scrub()  # before any test module is imported, and for every process that a test starts


def _let_nothing_hang() -> None:
    """Two ways in which a test outlasted its timeout: under nohup a program inherits that SIGINT is ignored, so Ctrl-C
    never ended it; and a ``with Popen`` whose block has failed waits for a program that nobody ends."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    wait = subprocess.Popen.__exit__

    def end_and_wait(process: subprocess.Popen[Any], kind: type[BaseException] | None, *about: Any) -> None:
        if kind is not None and process.poll() is None:
            process.kill()
        wait(process, kind, *about)

    subprocess.Popen.__exit__ = end_and_wait  # type: ignore[method-assign]


_let_nothing_hang()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):  # only where workers are about to be started
        compile_kernels()


def _open_directory() -> Path:
    path = Path(tempfile.mkdtemp(prefix="ssa-test-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def open_tmp_path() -> Iterator[Path]:
    """Like tmp_path, but every user may enter it (pytest's own lies below a 0700 directory), removed afterwards."""
    path = _open_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def open_tmp_dir() -> Iterator[Path]:
    """The same for the whole session."""
    path = _open_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: without this each collection of garbage visits all of them again."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests log text that is not UTF-8, which does not travel from a worker process."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Packed bytes hold the time at which they were packed: two processes would collect tests of other names."""
    return argname if isinstance(val, bytes) and not val.isascii() else None
