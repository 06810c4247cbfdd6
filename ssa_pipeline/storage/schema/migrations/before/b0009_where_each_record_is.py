"""Of every element set received, where its record is in the file, so that it can be shown as received. (Rows of the
release before do not say it: byte_count 0; a raw_tle_snapshots slice made again does.)"""

from __future__ import annotations

from alembic import op

revision = "b0009"
down_revision = "b0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        SET LOCAL lock_timeout = '10s';
        ALTER TABLE catalog.sighting
            ADD COLUMN member text NOT NULL DEFAULT '',
            ADD COLUMN byte_start bigint NOT NULL DEFAULT 0,
            ADD COLUMN byte_count bigint NOT NULL DEFAULT 0,
            DROP CONSTRAINT sighting_pkey,
            ADD CONSTRAINT sighting_pkey
                PRIMARY KEY (epoch_day, snapshot_id, member, byte_start, source_line, element_set_id);
        """
    )
