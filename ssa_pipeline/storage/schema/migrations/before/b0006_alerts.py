"""Alerts and how far their delivery is."""

from __future__ import annotations

from alembic import op

revision = "b0006"
down_revision = "b0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE screening.alert (
            alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            alert_key text NOT NULL,
            severity text NOT NULL,
            title text NOT NULL,
            alert_text text NOT NULL,
            failed_run_id text,
            failed_run_url text,
            raised_at timestamptz NOT NULL,
            repeated_at timestamptz NOT NULL,
            n_occurrences bigint NOT NULL,
            sent_to text[] NOT NULL,
            n_attempts bigint NOT NULL,
            next_attempt_at timestamptz,
            send_error text NOT NULL
        );
        CREATE INDEX alert_of_key ON screening.alert (alert_key, raised_at DESC);
        CREATE INDEX alert_to_send ON screening.alert (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
        """
    )
