"""``ssa settings``: what is set, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson
from ssa_pipeline.cli.printing import print_json

if TYPE_CHECKING:
    from ssa_pipeline.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("settings")(settings)


def settings(as_json: AsJson = False) -> None:
    """Show every setting with its value and where that comes from: the environment, settings.env in SSA_HOME, or the
    default. The environment wins. Passwords are not shown.

    Lines of settings.env are like SSA_CONTACT=you@example.org; what stands there holds in every shell, for cron and
    after a reboot. Exit codes: 0 shown, 2 one cannot be used.
    """
    import os

    from ssa_pipeline.settings import SettingsError, read_settings
    from ssa_pipeline.settings.table import SHOWN

    rows, problems = [], []
    used = read_settings()
    for name, show in SHOWN.items():
        try:
            value = str(show(used))
        except SettingsError as error:
            value = "(cannot be used)"
            problems.append(str(error))
        rows.append({"name": name, "value": value, "origin": _origin(used, name)})
    unknown = sorted(name for name in os.environ if name.startswith("SSA_") and name not in SHOWN and name not in _OURS)
    if as_json:
        print_json({"file": str(used.file.path), "settings": rows, "unknown": unknown})
    else:
        there = "" if used.file.path.exists() else " (not there yet)"
        typer.echo(f"file: {used.file.path}{there}")
        for row in rows:
            typer.echo(f"{row['name']:<30} {row['origin']:<22} {row['value']}".rstrip())
    for name in unknown:
        typer.echo(f"ssa: WARNING: {name} is set in the environment and is no setting", err=True)
    if problems:
        raise CliError("\nssa: ".join(dict.fromkeys(problems)), Exit.USAGE)


# Set by us for processes that we start.
_OURS = frozenset(
    {
        "SSA_DAGSTER_PG_URL",
        "SSA_SUPERVISED",
        "SSA_SERVICE",
        "SSA_SERVICE_PORT",
        "SSA_SERVICE_FINGERPRINT",
        "SSA_TRACEBACK",
    }
)


def _origin(used: Settings, name: str) -> str:
    import os

    either = {name, name.lower()} if name.endswith("_PROXY") else {name}
    if name in used.from_file:
        return f"{used.file.path.name} line {used.file.lines[name]}"
    if any(os.environ.get(one) for one in either):
        over = f", over {used.file.path.name} line {used.file.lines[name]}" if name in used.file.lines else ""
        return f"environment{over}"
    return "default"
