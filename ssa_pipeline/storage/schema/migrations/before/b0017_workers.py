"""Who works on runs, and which worker took which run. (The engine's own tables: ``schema/engine.py``.)"""

from __future__ import annotations

from alembic import op

revision = "b0017"
down_revision = "b0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE screening.worker (
            worker_id bigint PRIMARY KEY,
            worker_name text NOT NULL,
            node text NOT NULL,
            host text NOT NULL,
            process_id bigint NOT NULL,
            package_version text NOT NULL,
            work_version text NOT NULL,
            n_slots bigint NOT NULL,
            threads_per_run bigint NOT NULL,
            queues text[] NOT NULL,
            stalled_after_s double precision NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            draining_since timestamptz,
            ended_at timestamptz
        );
        CREATE TABLE screening.run_claim (
            run_id text PRIMARY KEY,
            job_id bigint NOT NULL,
            worker_id bigint NOT NULL,
            process_id bigint NOT NULL,
            claimed_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE screening.installation (
            is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
            node text NOT NULL,
            package_version text NOT NULL,
            work_version text NOT NULL,
            started_at timestamptz NOT NULL
        );
        CREATE INDEX run_claim_worker_id ON screening.run_claim (worker_id);
        """
    )
