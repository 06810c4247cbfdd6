"""Segments: of an object with several sets, each for its own time, the catalogue names the set of every lead day on
which it is another one. (Catalogues of the release before have none.)"""

from __future__ import annotations

from alembic import op

revision = "b0013"
down_revision = "b0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE screening.segment_handover (
            epoch_day date NOT NULL,
            lead_day smallint NOT NULL,
            norad_id bigint NOT NULL,
            element_set_id bigint NOT NULL,
            epoch timestamptz NOT NULL,
            source_file text NOT NULL,
            source_line bigint NOT NULL,
            PRIMARY KEY (epoch_day, lead_day, norad_id)
        ) PARTITION BY RANGE (epoch_day);
        """
    )
