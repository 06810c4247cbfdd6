"""Several element sets may begin on one line of a snapshot (JSON and XML on one line, members of a zip)."""

from __future__ import annotations

from alembic import op

revision = "b0002"
down_revision = "b0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "ALTER TABLE catalog.sighting DROP CONSTRAINT sighting_pkey, "
        "ADD CONSTRAINT sighting_pkey PRIMARY KEY (epoch_day, snapshot_id, source_line, element_set_id)"
    )
