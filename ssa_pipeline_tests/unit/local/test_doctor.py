"""``ssa doctor`` names what is wrong and what to do, and itself never breaks."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ssa_pipeline.local import doctor, host, processes
from ssa_pipeline.local.doctor import Finding, Level
from ssa_pipeline.local.services import exclusive, starting, state
from ssa_pipeline.settings import Settings, read_settings
from ssa_pipeline_tests.shared.command_line import SSA
from ssa_pipeline_tests.shared.places import REPOSITORY


def settings_of(tmp_path: Path, **environment: str) -> Settings:
    return read_settings({"SSA_HOME": str(tmp_path / "var"), **environment})


def finding(settings: Settings, subject: str) -> Finding:
    (found,) = (one for one in doctor.examine(settings) if one.subject == subject)
    return found


def test_before_the_first_start_nothing_fails_and_nothing_is_made(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    found = {one.subject: one for one in doctor.examine(settings)}
    assert [one for one in found.values() if one.level is Level.FAIL] == []
    for subject in ("embedded PostgreSQL", "database", "Dagster"):
        assert found[subject].level is Level.WARN
        assert "ssa up" in found[subject].text
    assert not settings.home.exists()


def test_a_python_of_another_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(doctor.examine(settings_of(tmp_path)))  # packages that are imported on the way ask for the version too
    monkeypatch.setattr(sys, "version_info", (3, 14, 1, "final", 0))
    found = finding(settings_of(tmp_path), "python")
    assert found.level is Level.FAIL
    assert "3.14.1 at " in found.text
    assert "3.11, 3.12 or 3.13 is needed" in found.text


def test_packages_that_are_missing_or_other_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["absent-package>=1", "numpy==0.1", "pytest; extra == 'dev'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: wanted)
    found = finding(settings_of(tmp_path), "packages")
    numpy = importlib.metadata.version("numpy")
    assert (found.level, found.text) == (
        Level.FAIL,
        f"absent-package is missing, numpy is {numpy} instead of 0.1: make setup",
    )


def test_too_little_memory_is_a_warning_and_too_little_disk_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "memory_bytes", lambda: 2 * 1024**3)
    monkeypatch.setattr(host, "free_disk_bytes", lambda _: 1024**3)
    memory, disk = finding(settings_of(tmp_path), "memory"), finding(settings_of(tmp_path), "disk")
    assert (memory.level, memory.text) == (Level.WARN, "2.0 GB, 4.0 GB needed for the full catalogue")
    assert disk.level is Level.FAIL
    assert disk.text.startswith("1.0 GB free at ")
    assert disk.text.endswith("3.0 GB needed: make room or set SSA_HOME")


def test_up_warns_of_too_little_memory_and_the_readme_states_what_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "memory_bytes", lambda: 2 * 1024**3)
    monkeypatch.setattr(host, "free_disk_bytes", lambda _: 0)
    with pytest.raises(exclusive.ServiceError, match=r"only 0\.0 GB free"):
        starting.up(settings_of(tmp_path), said.append)
    assert said == ["warning: this machine has 2.0 GB of memory, 4.0 GB are needed for the full catalogue"]
    readme = " ".join((REPOSITORY / "README.md").read_text().split())
    stated = (host.MINIMUM_MEMORY_BYTES // 1024**3, host.MINIMUM_FREE_DISK_BYTES // 1024**3)
    assert "{} GB of memory, {} GB of free disk".format(*stated) in readme


def test_a_home_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)  # root may write everywhere
    found = finding(settings_of(tmp_path), "home")
    assert found.level is Level.FAIL
    assert f"{tmp_path} may not be written" in found.text


def test_a_ui_port_in_use_fails_only_where_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server((host.LOOPBACK, 0)) as server:
        port = str(server.getsockname()[1])
        found = finding(settings_of(tmp_path, SSA_UI_PORT=port), "UI port")
    assert (found.level, found.text) == (Level.FAIL, f"{port} (SSA_UI_PORT) is in use: choose another or unset it")
    assert finding(settings_of(tmp_path, SSA_UI_PORT=port), "UI port").level is Level.OK
    with socket.create_server((host.LOOPBACK, 0)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "FIRST_UI_PORT", server.getsockname()[1])
        found = finding(settings_of(tmp_path), "UI port")
    assert found.level is Level.OK
    assert "is in use, " in found.text


def test_a_database_that_is_not_there_fails_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://ssa:secret@{host.LOOPBACK}:{host.free_port()}/ssa"
    found = list(doctor.examine(settings_of(tmp_path, DATABASE_URL=url)))
    database = next(one for one in found if one.subject == "database")
    assert database.level is Level.FAIL
    assert "secret" not in " ".join(one.text for one in found)
    unused = next(one for one in found if one.subject == "embedded PostgreSQL")
    assert unused.level is Level.OK


def test_a_damaged_embedded_server_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (settings.home / "postgres").mkdir(parents=True)
    (settings.home / "postgres" / "server.json").write_text("{")
    found = finding(settings, "embedded PostgreSQL")
    assert found.level is Level.FAIL
    assert "server.json" in found.text


def test_a_source_that_automation_cannot_ask_is_named(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, SSA_CELESTRAK_QUERIES="GROUP=active bogus", SSA_WATCHED_FOLDER=str(tmp_path / "no")
    )
    texts = [one.text for one in doctor.examine(settings) if one.subject == "sources" and one.level is Level.FAIL]
    assert texts[0].startswith("'bogus' is no query for CelesTrak")
    assert texts[0].endswith("(SSA_CELESTRAK_QUERIES): automation cannot ask celestrak")
    assert texts[1:] == [f"{tmp_path}/no: no such file or directory (SSA_WATCHED_FOLDER): automation cannot ask folder"]


def test_a_worker_without_its_daemon_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    environment = {**os.environ, processes.MARK: str(settings.home)}
    with subprocess.Popen(["sleep", "600"], env=environment) as stray:
        try:
            found = finding(settings, "left-over processes")
        finally:
            stray.kill()
    assert (found.level, found.text) == (Level.WARN, f"{stray.pid}: ssa down ends them")


def test_the_command_prints_a_line_each_and_exits_with_1_where_something_fails(tmp_path: Path) -> None:
    with socket.create_server((host.LOOPBACK, 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            [*SSA, "doctor"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SSA_HOME": str(tmp_path / "var"), "SSA_UI_PORT": port},
        )
    assert done.returncode == 1, done.stderr
    assert f"FAIL  UI port: {port} (SSA_UI_PORT) is in use" in done.stdout
    assert "ok    python: " in done.stdout
    assert f"ssa: 1 of {len(done.stdout.splitlines())} checks failed" in done.stderr
