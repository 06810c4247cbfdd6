"""Events say how long they are below the threshold, and in how many passages: rows that are there do not know it."""

from __future__ import annotations

from alembic import op

revision = "b0016"
down_revision = "b0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        SET LOCAL lock_timeout = '10s';
        ALTER TABLE screening.refined_event
            ADD COLUMN below_threshold_s double precision,
            ADD COLUMN n_passages bigint;
        """
    )
