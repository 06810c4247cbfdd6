"""Alembic's entry: runs revisions on the connection that ``storage.schema.migrate`` opened and locked."""

from __future__ import annotations

from alembic import context

from ssa_pipeline.storage.schema.migrate import VERSION_SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema=VERSION_SCHEMA,
)
context.run_migrations()
