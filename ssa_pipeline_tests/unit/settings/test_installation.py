"""A checkout keeps its state in var/, an installed wheel where programs of the user keep theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssa_pipeline.settings import SettingsError, installation, read_settings


def test_a_checkout_keeps_its_state_in_var() -> None:
    assert read_settings({}).home == installation.REPOSITORY / "var"


@pytest.mark.parametrize(
    ("environ", "home"),
    [
        ({"XDG_STATE_HOME": "/srv/state"}, "/srv/state/ssa-pipeline"),
        ({"XDG_STATE_HOME": "relative"}, "/home/someone/.local/state/ssa-pipeline"),  # to be ignored, says the standard
        ({}, "/home/someone/.local/state/ssa-pipeline"),
        ({"SSA_HOME": "/data"}, "/data"),
    ],
)
def test_an_installed_wheel_keeps_it_with_the_user(
    environ: dict[str, str], home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "IS_CHECKOUT", False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert read_settings(environ).home == Path(home)


def test_a_user_without_a_home_directory_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(installation, "IS_CHECKOUT", False)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    with pytest.raises(SettingsError, match="set SSA_HOME"):
        read_settings({})


def test_what_the_package_brings_is_the_file_at_the_top_of_the_checkout() -> None:
    brought = {path.name: path.resolve() for path in installation.BUNDLED.iterdir()}
    top = installation.REPOSITORY
    assert brought == {
        "dagster.yaml": top / "dagster.yaml",
        "workspace.yaml": top / "workspace.yaml",
        "omm_on_orbit_20241101.csv.gz": top / "data" / "omm_on_orbit_20241101.csv.gz",
    }
