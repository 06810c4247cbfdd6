"""Where a snapshot came from, and what fetching must remember. (Code of the release before writes no ``kind`` and so
only gp; it would also read other kinds as gp, and no process of it may be left when `ssa fetch` first stores one.)"""

from __future__ import annotations

from alembic import op

revision = "b0003"
down_revision = "b0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE raw.snapshot
            ADD COLUMN kind text NOT NULL DEFAULT 'gp',
            ADD COLUMN url text,
            ADD COLUMN headers jsonb,
            ADD COLUMN etag text,
            ADD COLUMN last_modified text,
            ADD COLUMN http_status smallint;
        CREATE TABLE raw.fetch_state (
            query_key text PRIMARY KEY,
            source text NOT NULL,
            attempted_at timestamptz NOT NULL,
            outcome text NOT NULL,
            detail text NOT NULL,
            content_received_at timestamptz,
            etag text,
            last_modified text
        );
        CREATE TABLE raw.fetch_account (
            account text PRIMARY KEY,
            requested_at timestamptz[] NOT NULL
        );
        """
    )
