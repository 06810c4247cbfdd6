"""Compare a database with the contract (``tables``, ``views``) by catalogue queries: Alembic's autogenerate sees no
partitioning, views, comments or grants, and takes run-time partitions for strangers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg

from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.quantities import QUANTITIES
from ssa_pipeline.storage.schema.tables import READER, SCHEMAS, TABLES, Table
from ssa_pipeline.storage.schema.views import VIEWS

_OURS = [schema for schema in SCHEMAS if schema not in ("dagster", "engine")]
_EXTERNAL = "e"


def differences(connection: psycopg.Connection) -> list[str]:
    """One sentence per difference; empty where the database is what this program expects."""
    has_reader = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone()
    if not has_reader:
        return [f"role {READER} does not exist: run `ssa db upgrade`"]
    return [
        *_schemas(connection),
        *_relations(connection),
        *_columns(connection),
        *_primary_keys(connection),
        *_rights(connection),
    ]


def _rows(connection: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    query = section("schema/contract_check.sql", name)
    return connection.execute(query, {"schemas": _OURS, "reader": READER}).fetchall()


def _schemas(connection: psycopg.Connection) -> Iterator[str]:
    rows = connection.execute("SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace")
    found: dict[str, str | None] = dict(rows.fetchall())
    for schema, comment in SCHEMAS.items():
        if schema not in found:
            yield f"schema {schema} does not exist"
        elif found[schema] != comment:
            yield f"schema {schema} has the comment {found[schema]!r}, not {comment!r}"


def _relations(connection: psycopg.Connection) -> Iterator[str]:
    found = {(schema, name): rest for schema, name, *rest in _rows(connection, "relations")}
    expected = {(t.schema, t.name): ("p" if t.partition else "r", t.comment) for t in TABLES}
    expected |= {("ssa", view.name): ("v", view.comment) for view in VIEWS}
    partition_keys = {(t.schema, t.name): f"RANGE ({t.partition_column})" for t in TABLES if t.partition}
    for schema, name in sorted(set(found) - set(expected)):
        yield f"{schema}.{name} does not belong here"
    for (schema, name), (kind, comment) in expected.items():
        if (schema, name) not in found:
            yield f"{schema}.{name} does not exist"
            continue
        found_kind, found_comment, partition_key = found[schema, name]
        if found_kind != kind:
            yield f"{schema}.{name} is of kind {found_kind}, not {kind}"
        if found_comment != comment:
            yield f"{schema}.{name} has the comment {found_comment!r}, not {comment!r}"
        if partition_key != partition_keys.get((schema, name)):
            yield f"{schema}.{name} is partitioned by {partition_key}, not {partition_keys.get((schema, name))}"


def _columns(connection: psycopg.Connection) -> Iterator[str]:
    found: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for schema, name, column, *rest in _rows(connection, "columns"):
        found[schema, name][column] = tuple(rest)
    for table in TABLES:
        columns = found[table.schema, table.name]
        yield from _names(table.full_name, tuple(sorted(columns)), tuple(sorted(table.columns)))
        yield from _quantities(table.full_name, columns)
        yield from _table_columns(table, columns)
    for view in VIEWS:
        columns = found["ssa", view.name]
        yield from _names(f"ssa.{view.name}", tuple(columns), view.columns)
        yield from _quantities(f"ssa.{view.name}", columns)


def _names(relation: str, found: tuple[str, ...], expected: tuple[str, ...]) -> Iterator[str]:
    if found != expected:
        missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
        yield f"{relation} has other columns: missing {missing}, unknown {extra}" + (
            "" if missing or extra else ", in another order"
        )


def _quantities(relation: str, columns: dict[str, tuple[Any, ...]]) -> Iterator[str]:
    for name, (kind, _, _, comment) in columns.items():
        if name in QUANTITIES and kind != QUANTITIES[name][0]:
            yield f"{relation}.{name} has type {kind}, not {QUANTITIES[name][0]}"
        if name in QUANTITIES and comment != QUANTITIES[name][1]:
            yield f"{relation}.{name} has the comment {comment!r}, not {QUANTITIES[name][1]!r}"


def _table_columns(table: Table, columns: dict[str, tuple[Any, ...]]) -> Iterator[str]:
    for name, (_, is_not_null, storage, _) in columns.items():
        if is_not_null == (name in table.nullable):
            yield f"{table.full_name}.{name} is {'NOT NULL' if is_not_null else 'nullable'}"
        if name in table.external and storage != _EXTERNAL:
            yield f"{table.full_name}.{name} has storage {storage!r}, not EXTERNAL"


def _primary_keys(connection: psycopg.Connection) -> Iterator[str]:
    found = {(schema, name): tuple(key) for schema, name, key in _rows(connection, "primary_keys")}
    for table in TABLES:
        key = found.get((table.schema, table.name), ())
        if key != table.primary_key:
            yield f"{table.full_name} has the primary key {key}, not {table.primary_key}"


def _rights(connection: psycopg.Connection) -> Iterator[str]:
    readable = set(_rows(connection, "reader_rights"))
    expected = {("ssa", view.name) for view in VIEWS}
    for schema, name in sorted(expected - readable):
        yield f"{READER} may not read {schema}.{name}"
    for schema, name in sorted(readable - expected):
        yield f"{READER} may read {schema}.{name}, which is not public"
    for schema, name in _rows(connection, "reader_writes"):
        yield f"{READER} may write {schema}.{name}"
