"""Where this installation lies: a checkout, or the package installed from its wheel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]  # of the installed wheel: the directory of packages it lies in
IS_CHECKOUT = (REPOSITORY / "dagster.yaml").is_file()
BUNDLED = REPOSITORY / "ssa_pipeline" / "bundled"  # in a checkout links to the files at its top, in the wheel copies


def default_home(environ: Mapping[str, str]) -> Path:
    """The home where SSA_HOME is not set: ``var/`` of a checkout, else the user's place for a program's state (the
    XDG base directories). RuntimeError for a user without a home directory."""
    if IS_CHECKOUT:
        return REPOSITORY / "var"
    state = Path(environ.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else Path("~/.local/state").expanduser()) / "ssa-pipeline"
