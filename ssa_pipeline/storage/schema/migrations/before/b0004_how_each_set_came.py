"""The catalogue says of every set it uses where it came from, when, and what is to be known about it, and which
numbers look like one object. (Rows of the release before say neither: source '', received_day NULL.)"""

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
        CREATE TABLE catalog.alias (
            epoch_day date NOT NULL,
            norad_id_1 bigint NOT NULL,
            norad_id_2 bigint NOT NULL,
            reason text NOT NULL,
            PRIMARY KEY (epoch_day, norad_id_1, norad_id_2)
        ) PARTITION BY RANGE (epoch_day);
        """
    )
