"""``ssa db``: the schema of the database, and a shell in it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.patience import patience

db = typer.Typer(no_args_is_help=True, help="Upgrade, check or open the database.")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(db, name="db")


@db.command()
def upgrade(
    phase: Annotated[
        Literal["before", "after", "all"],
        typer.Option(help="before: what old code tolerates; after: what only new code needs."),
    ] = "all",
) -> None:
    """Bring the database to this program's schema. With too few rights it prints the SQL for an administrator."""
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.schema import migrate

    with patience("upgrading the database"):
        applied = migrate.upgrade(database_url(read_settings()), phase)
    typer.echo(f"applied {', '.join(applied)}" if applied else "up to date")


@db.command()
def check() -> None:
    """Compare tables, partitions, views, comments and rights with the contract. Exit code 1 where they differ."""
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.schema import migrate

    found = migrate.check(database_url(read_settings()))
    for difference in found:
        typer.echo(difference)
    if found:
        raise CliError(f"the database differs from the contract in {len(found)} places")
    typer.echo("the database is as it should be")


@db.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; further arguments are psql's own, e.g. -c 'SELECT * FROM ssa.runs'."""
    import os
    import shutil

    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.shell import program_dirs, psql_environment
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    environment = os.environ | psql_environment(database_url(settings))
    path = os.pathsep.join([*map(str, program_dirs(settings)), os.environ.get("PATH", "")])
    program = shutil.which("psql", path=path)
    if program is None:
        raise CliError("psql is not installed: apt-get install postgresql-client", Exit.FAILED)
    os.execve(program, ["psql", *context.args], environment)  # noqa: S606 (no shell wanted)
