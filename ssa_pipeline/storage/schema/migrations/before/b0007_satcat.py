"""The newest SATCAT row of every object, for SQL."""

from __future__ import annotations

from alembic import op

revision = "b0007"
down_revision = "b0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE catalog.satcat (
            norad_id bigint PRIMARY KEY,
            object_id text NOT NULL,
            satcat_name text NOT NULL,
            object_type text NOT NULL,
            owner text NOT NULL,
            operational_status text,
            launch_date date,
            decay_date date,
            satcat_period_min float8,
            rcs_m2 float8,
            rcs_size text,
            epoch_day date NOT NULL,
            snapshot_id bigint NOT NULL REFERENCES raw.snapshot,
            source_line bigint NOT NULL,
            received_at timestamptz NOT NULL
        );
        """
    )
