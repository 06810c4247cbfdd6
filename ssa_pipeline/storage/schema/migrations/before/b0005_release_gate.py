"""The completeness gate. Days whose catalogue was made under the rule of the release before are trusted: they are what
the next release is compared with."""

from __future__ import annotations

from alembic import op

revision = "b0005"
down_revision = "b0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE catalog.release_gate (
            raw_log_id bigint PRIMARY KEY,
            epoch_day date NOT NULL,
            snapshot_ids bigint[] NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'held', 'accepted')),
            reasons text[] NOT NULL,
            measures jsonb NOT NULL,
            judged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            accepted_by text,
            accepted_at timestamptz,
            accept_reason text
        );
        CREATE INDEX release_gate_epoch_day ON catalog.release_gate (epoch_day, raw_log_id);
        INSERT INTO catalog.release_gate (raw_log_id, epoch_day, snapshot_ids, state, reasons, measures)
        SELECT DISTINCT ON (l.epoch_day)
            l.log_id,
            l.epoch_day,
            ARRAY(SELECT jsonb_array_elements_text(l.metadata -> 'snapshot_ids')::bigint),
            'open',
            ARRAY['judged by its number of objects, before there was a gate'],
            '{}'
        FROM screening.slice_log l
        WHERE l.asset = 'raw_tle_snapshots'
            AND EXISTS (
                SELECT FROM screening.slice_log c WHERE c.asset = 'clean_catalog' AND c.epoch_day = l.epoch_day
            )
        ORDER BY l.epoch_day, l.log_id DESC;
        """
    )
