"""The catalogue says of every set it uses where it came from, when, and what is to be known about it. (Rows of the
release before say neither: source '', received_day NULL.)"""

from __future__ import annotations

from alembic import op

revision = "b0004"
down_revision = "b0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE screening.clean_catalog
            ADD COLUMN flags text NOT NULL DEFAULT '',
            ADD COLUMN source text NOT NULL DEFAULT '',
            ADD COLUMN received_day date;
        """
    )
