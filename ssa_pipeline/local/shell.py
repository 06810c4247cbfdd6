"""What a shell needs so that plain ``dagster`` and ``psql`` work on this installation."""

from __future__ import annotations

import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from ssa_pipeline.local.dagster_home import dagster_environment, link_dagster_home
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.postgres.binaries import packaged_bin_dir
from ssa_pipeline.settings import DatabaseUrl, Settings

_PSQL = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "options": "PGOPTIONS",
}


def exports(settings: Settings) -> dict[str, str]:
    """Variable -> value; DatabaseNotRunningError without a database. DATABASE_URL only where it is set."""
    url = database_url(settings)
    link_dagster_home(settings)
    return dagster_environment(settings, url) | psql_environment(url)


def psql_environment(url: DatabaseUrl) -> dict[str, str]:
    """The address in libpq's variables."""
    given = conninfo_to_dict(url.psycopg)
    return {_PSQL[key]: str(value) for key, value in given.items() if key in _PSQL}


def program_dirs(settings: Settings) -> list[Path]:
    """Where dagster lies, and psql of the embedded server where that one is used."""
    programs = [Path(sys.executable).parent]
    return programs if settings.database_url is not None else [*programs, packaged_bin_dir()]
