"""One fence per attempt, above every token there is, and the verdicts of blocking checks."""

from __future__ import annotations

from alembic import op

revision = "b0012"
down_revision = "b0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE SEQUENCE screening.fence;
        SELECT setval('screening.fence', (SELECT coalesce(max(token), 0) + 1 FROM screening.slice_claim), false);
        CREATE TABLE screening.slice_verdict (
            log_id bigint NOT NULL,
            check_name text NOT NULL,
            has_passed boolean NOT NULL,
            finding text NOT NULL,
            judged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (log_id, check_name)
        );
        """
    )
