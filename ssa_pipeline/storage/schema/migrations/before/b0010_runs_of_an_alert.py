"""Every run that an alert is about, so that none is told twice and none is forgotten."""

from __future__ import annotations

from alembic import op

revision = "b0010"
down_revision = "b0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE screening.alert ADD COLUMN failed_run_ids text[] NOT NULL DEFAULT '{}';
        UPDATE screening.alert SET failed_run_ids = ARRAY[failed_run_id] WHERE failed_run_id IS NOT NULL;
        """
    )
