"""``ssa db``: schema upgrades, the comparison with the contract, and psql."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli import CliError, Exit

if TYPE_CHECKING:
    from pathlib import Path

    from ssa_pipeline.settings import DatabaseUrl

database = typer.Typer(no_args_is_help=True, help="Upgrade, check and look into the database.")


class PhaseOption(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(database, name="db")


@database.command()
def upgrade(
    phase: Annotated[
        PhaseOption,
        typer.Option(help="before: ahead of a deployment; after: when no old process is left; all: both."),
    ] = PhaseOption.ALL,
) -> None:
    """Bring the database to this release's schema. Safe to repeat.

    Exit code 1 names what is in the way; with too few rights it prints the SQL for an administrator.
    """
    from ssa_pipeline.storage import migrate

    with connected() as url:
        applied = migrate.upgrade(url, phase.value)
    typer.echo(f"applied {', '.join(applied)}" if applied else "nothing to do: the schema is current")


@database.command()
def check() -> None:
    """Compare tables, partitioning, views, comments and rights with what this release expects."""
    from ssa_pipeline.storage import migrate

    with connected() as url:
        found = migrate.check(url)
    for sentence in found:
        typer.echo(sentence)
    if found:
        raise CliError(f"the database differs from the contract in {len(found)} points: run `ssa db upgrade`")
    typer.echo("the database is as this release expects it")


@database.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; further arguments go to psql, e.g. `ssa db psql -c 'TABLE ssa.runs'`."""
    import subprocess
    import tempfile
    from pathlib import Path

    program = _psql_program()
    with connected() as url, tempfile.TemporaryDirectory(prefix="ssa-") as directory:
        conninfo = _conninfo(url, Path(directory) / "pgpass")
        done = subprocess.run([program, conninfo, *context.args], check=False)
    if done.returncode:
        raise CliError(f"psql ended with {done.returncode}")


@contextmanager
def connected() -> Iterator[DatabaseUrl]:
    """The database of this installation; whatever it refuses becomes a message and an exit code."""
    import psycopg

    from ssa_pipeline.settings import SettingsError, read_settings
    from ssa_pipeline.storage.database_url import DatabaseNotRunningError, database_url
    from ssa_pipeline.storage.embedded import EmbeddedPostgresError
    from ssa_pipeline.storage.errors import DatabaseUnreachableError, StorageError

    try:
        yield database_url(read_settings())
    except SettingsError as error:
        raise CliError(str(error), Exit.USAGE) from None
    except (DatabaseNotRunningError, DatabaseUnreachableError) as error:
        raise CliError(str(error), Exit.NOT_RUNNING) from None
    except (StorageError, EmbeddedPostgresError) as error:
        raise CliError(str(error)) from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise CliError("the database is not set up: run `ssa db upgrade`") from None
    except psycopg.Error as error:
        raise CliError(f"the database refused: {str(error).strip().splitlines()[0]}") from None


def _psql_program() -> str:
    """The packaged psql is as new as the embedded server; one on the PATH has the reader's own habits."""
    import shutil

    from ssa_pipeline.storage.embedded import EmbeddedPostgresError, packaged_bin_dir

    found = shutil.which("psql")
    if found:
        return found
    try:
        return str(packaged_bin_dir() / "psql")
    except EmbeddedPostgresError:
        raise CliError("there is no psql: apt-get install postgresql-client") from None


def _conninfo(url: DatabaseUrl, password_file: Path) -> str:
    """Connection string without the password, which other users could read from the process list."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parameters = conninfo_to_dict(url.psycopg)
    password = parameters.pop("password", None)
    if password is not None:
        escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
        password_file.touch(mode=0o600)
        password_file.write_text(f"*:*:*:*:{escaped}\n")
        parameters["passfile"] = str(password_file)
    return make_conninfo(**parameters)
