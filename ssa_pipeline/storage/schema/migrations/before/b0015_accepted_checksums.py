"""Receipts whose element sets with a wrong checksum are used all the same, since a user said so."""

from __future__ import annotations

from alembic import op

revision = "b0015"
down_revision = "b0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE raw.accepted_checksums (
            snapshot_id bigint NOT NULL PRIMARY KEY REFERENCES raw.snapshot (snapshot_id),
            accepted_at timestamptz NOT NULL
        );
        """
    )
