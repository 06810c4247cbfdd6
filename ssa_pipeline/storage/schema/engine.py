"""The tables of the run engine, procrastinate, in a schema of their own: applied and upgraded from the SQL that the
installed package brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files

import psycopg
from psycopg import sql

ENGINE_SCHEMA = "engine"
_PACKAGE = "procrastinate"
# A run is handed to the engine once, however many daemons try (Dagster's own guard reads the status, then acts).
_ONE_JOB_PER_RUN = """
CREATE UNIQUE INDEX IF NOT EXISTS ssa_one_job_per_run ON procrastinate_jobs ((args ->> 'run_id'))
WHERE task_name = 'execute_run'
"""


def apply_engine(connection: psycopg.Connection, versions: sql.Composable) -> None:
    """Create or upgrade the engine's tables; nothing where they are of this package's version or a newer one.

    ``versions``: the table (name, sha256) that remembers what was applied; for the engine, its version.
    """
    wanted = version(_PACKAGE)
    row = connection.execute(sql.SQL("SELECT sha256 FROM {} WHERE name = 'engine'").format(versions)).fetchone()
    if row is not None and _number(row[0]) >= _number(wanted):
        return
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(ENGINE_SCHEMA)))
        for script in _schema() if row is None else _migrations(row[0], wanted):
            connection.execute(script.encode())
        connection.execute(_ONE_JOB_PER_RUN.encode())
        connection.execute(
            sql.SQL(
                "INSERT INTO {} VALUES ('engine', %s) ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256"
            ).format(versions),
            [wanted],
        )


def _schema() -> Iterator[str]:
    yield (files(_PACKAGE) / "sql" / "schema.sql").read_text(encoding="utf-8")


def _migrations(since: str, until: str) -> Iterator[str]:
    """In the order of their names, ``03.04.00_01_….sql``: those of versions after ``since``, up to ``until``."""
    scripts = {one.name: one for one in (files(_PACKAGE) / "sql" / "migrations").iterdir() if one.name.endswith(".sql")}
    for name in sorted(scripts):
        if _number(since) < _number(name.partition("_")[0]) <= _number(until):
            yield scripts[name].read_text(encoding="utf-8")


def _number(text: str) -> tuple[int, ...]:
    """``3.10.0`` and ``03.10.00`` alike."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
