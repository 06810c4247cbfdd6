"""Bring a database to this program's schema, and compare it with the contract.

Revisions (``migrations/``) change tables, in a phase before and a phase after a deployment. Comments, functions,
views and grants are applied when they differ from their only text: ``quantities``, ``tables``, ``views`` and the SQL
beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql

from ssa_pipeline.core.constants import EARTH_MU_KM3_S2, EARTH_RADIUS_KM
from ssa_pipeline.core.volumes.screening_volume import CONSTELLATIONS, NO_SATELLITE
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import MissingRightsError, SchemaError
from ssa_pipeline.storage.named_sql import sections
from ssa_pipeline.storage.schema.contract_check import differences
from ssa_pipeline.storage.schema.engine import apply_engine
from ssa_pipeline.storage.schema.quantities import QUANTITIES
from ssa_pipeline.storage.schema.tables import READER, SCHEMAS, TABLES
from ssa_pipeline.storage.schema.views import VIEWS, view_queries

Phase = Literal["before", "after", "all"]
VERSION_SCHEMA = "ssa_migrations"  # Dagster keeps a table alembic_version too; they must never meet
LOCK = 7_263_180_111  # advisory lock of migrations: any fixed number
LOCK_TIMEOUT_S = 120
_IN_THIS_PROCESS = Lock()  # Alembic's context is one per process
MIN_SERVER_VERSION = 120_000
_REPEATABLE = sql.Identifier(VERSION_SCHEMA, "repeatable")  # name and digest of what is applied when it changes


def upgrade(url: DatabaseUrl, phase: Phase = "all") -> list[str]:
    """Run the outstanding revisions of a phase; returns their ids, oldest first, empty where there was nothing
    to do. Safe when several processes call it at once.

    MissingRightsError holds the SQL for an administrator; SchemaError names a server that is too old, a phase
    out of order, or a database that a newer release has finished with.
    """
    with _IN_THIS_PROCESS, connect(url) as connection, connect(url) as lock, lock.transaction():
        _check_server(connection)
        _lock(lock)
        _check_rights(connection)
        _create_base(connection)
        if _newer_revisions(url):
            return []  # a release that was rolled back: the newer schema serves it too
        applied = _run_revisions(url, phase)
        if phase != "after":
            apply_engine(connection, _REPEATABLE)
            _apply_repeatables(connection)
    return applied


def check(url: DatabaseUrl) -> list[str]:
    """What of the database differs from the contract, one sentence each; empty where it is as it should be."""
    with connect(url) as connection:
        newer = _newer_revisions(url)
        if newer:
            return [f"a newer release has applied {', '.join(newer)}: what else differs is its own"]
        outstanding = pending(url)
        if outstanding:
            return [f"revisions {', '.join(outstanding)} are not applied: run `ssa db upgrade`"]
        return differences(connection)


def pending(url: DatabaseUrl, phase: Phase = "all") -> list[str]:
    """Revisions that are not applied yet, oldest first."""
    with _alembic(url) as (config, bind):
        script = ScriptDirectory.from_config(config)
        done = {r.revision for head in _heads(bind) for r in script.iterate_revisions(head, "base", implicit_base=True)}
        wanted = [r.revision for r in script.walk_revisions() if phase in ("all", _branch(r.revision))]
        return [revision for revision in reversed(wanted) if revision not in done]


def _newer_revisions(url: DatabaseUrl) -> list[str]:
    """Revisions of a newer release. Those of its before phase let this one work on; SchemaError after the other."""
    with _alembic(url) as (config, bind):
        known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
        newer = sorted(_heads(bind) - known)
    if any(_branch(revision) == "after" for revision in newer):
        raise SchemaError(
            f"a newer release has finished its upgrade of the database ({', '.join(newer)}): this release cannot "
            "work on it any more; install the newer one"
        )
    return newer


def _heads(bind: sqlalchemy.Connection) -> set[str]:
    options = {"version_table_schema": VERSION_SCHEMA}
    return set(MigrationContext.configure(bind, opts=options).get_current_heads())


def _branch(revision: str) -> str:
    return "before" if revision.startswith("b") else "after"


def _run_revisions(url: DatabaseUrl, phase: Phase) -> list[str]:
    outstanding = pending(url, phase)
    if phase == "after" and (first := pending(url, "before")):
        raise SchemaError(
            f"revisions {', '.join(first)} of phase before come first: run `ssa db upgrade --phase before`"
        )
    if outstanding:
        try:
            with _alembic(url) as (config, _):
                for branch in ("before", "after") if phase == "all" else (phase,):
                    command.upgrade(config, f"{branch}@head")
        except sqlalchemy.exc.DBAPIError as error:  # a lock was not had, another view stands on ours, …
            raise SchemaError(
                f"the database could not be upgraded ({', '.join(outstanding)}), nothing was changed: {error.orig}"
            ) from None
    return outstanding


@contextmanager
def _alembic(url: DatabaseUrl) -> Iterator[tuple[Config, sqlalchemy.Connection]]:
    """Alembic's configuration around one connection, whose transaction is committed at the end."""
    here = Path(__file__).parent / "migrations"
    engine = sqlalchemy.create_engine(
        url.sqlalchemy, poolclass=sqlalchemy.NullPool, connect_args={"prepare_threshold": None}
    )
    try:
        with engine.begin() as bind:
            config = Config(attributes={"connection": bind})
            config.set_main_option("script_location", str(here).replace("%", "%%"))
            config.set_main_option("path_separator", "newline")
            config.set_main_option("version_locations", f"{here / 'before'}\n{here / 'after'}".replace("%", "%%"))
            yield config, bind
    finally:
        engine.dispose()


def _lock(connection: psycopg.Connection) -> None:
    """One upgrade at a time; the lock goes with the transaction, for which a pooler keeps one session."""
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_S}s"])
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    try:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    except psycopg.errors.LockNotAvailable:
        raise SchemaError(
            f"another process has been upgrading this database for {LOCK_TIMEOUT_S} s: wait for it, or end it "
            "(pg_stat_activity), and try again"
        ) from None


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < MIN_SERVER_VERSION:
        raise SchemaError(f"PostgreSQL 12 or newer is needed, this server is {connection.info.server_version // 10000}")


def _check_rights(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE'),"
        " (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),"
        " EXISTS (SELECT FROM pg_roles WHERE rolname = %s),"
        " (SELECT count(*) FROM pg_namespace WHERE nspname = ANY(%s))",
        [READER, [*SCHEMAS, VERSION_SCHEMA]],
    ).fetchone()
    if row is None:
        raise SchemaError("the server does not say who is connected")
    user, database, may_create, may_create_role, has_reader, n_schemas = row
    wanted = []
    if not has_reader and not may_create_role:
        wanted.append(sql.SQL("CREATE ROLE {} NOLOGIN;").format(sql.Identifier(READER)))
    if not may_create and n_schemas < len(SCHEMAS) + 1:
        statement = sql.SQL("GRANT CREATE ON DATABASE {} TO {};")
        wanted.append(statement.format(sql.Identifier(database), sql.Identifier(user)))
    if wanted:
        lines = "\n".join("    " + statement.as_string(connection) for statement in wanted)
        raise MissingRightsError(
            f"user {user} may not prepare database {database}. An administrator has to run, once, in that "
            f"database:\n{lines}\nthen run `ssa db upgrade` again."
        )


def _create_base(connection: psycopg.Connection) -> None:
    """Schemas, our own version tables and the reader's role. What is there needs no right to create it."""
    for schema in (*SCHEMAS, VERSION_SCHEMA):
        if connection.execute("SELECT to_regnamespace(quote_ident(%s))", [schema]).fetchone() == (None,):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, sha256 text NOT NULL)").format(_REPEATABLE)
    )
    _create_reader(connection)


def _create_reader(connection: psycopg.Connection) -> None:
    """The role is of the whole server: another database's upgrade may create it at the same moment."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone():
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(READER)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return


def _apply_repeatables(connection: psycopg.Connection) -> None:
    statements = list(_repeatables())
    text = "\n".join(statement.as_string(connection) for statement in statements)
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = connection.execute(sql.SQL("SELECT sha256 FROM {} WHERE name = 'views'").format(_REPEATABLE)).fetchone()
    if known == (digest,) and not differences(connection):
        return
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        for statement in statements:
            connection.execute(statement)
        connection.execute(
            sql.SQL(
                "INSERT INTO {} VALUES ('views', %s) ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256"
            ).format(_REPEATABLE),
            [digest],
        )


def _repeatables() -> Iterator[sql.Composed]:
    reader = sql.Identifier(READER)
    for schema, comment in SCHEMAS.items():
        yield sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(comment))
    for table in TABLES:
        name = sql.Identifier(table.schema, table.name)
        yield from _comments("TABLE", name, table.comment, table.columns)
    for function in sections("schema/functions.sql").values():
        yield sql.SQL(function).format(
            stems=sql.Literal(list(CONSTELLATIONS)),
            endings=sql.Literal([f"%{ending}" for ending in NO_SATELLITE]),
            mu=sql.Literal(EARTH_MU_KM3_S2),
            radius=sql.Literal(EARTH_RADIUS_KM),
        )
    declared = {view.name: view for view in VIEWS}
    yield sql.SQL("GRANT USAGE ON SCHEMA ssa TO {}").format(reader)
    for view_name, query in view_queries().items():
        name = sql.Identifier("ssa", view_name)
        yield sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, sql.SQL(query))
        yield from _comments("VIEW", name, declared[view_name].comment, declared[view_name].columns)
        yield sql.SQL("GRANT SELECT ON {} TO {}").format(name, reader)


def _comments(
    kind: Literal["TABLE", "VIEW"], name: sql.Identifier, comment: str, columns: tuple[str, ...]
) -> Iterator[sql.Composed]:
    yield sql.SQL("COMMENT ON {} {} IS {}").format(sql.SQL(kind), name, sql.Literal(comment))
    for column in columns:
        text = sql.Literal(QUANTITIES[column][1])
        yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(name, sql.Identifier(column), text)
