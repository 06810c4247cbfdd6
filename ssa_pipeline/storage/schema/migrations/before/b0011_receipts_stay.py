"""What was received is not changed by anybody, the owner of the tables neither: a changed receipt would change past
days when they are cleaned again. (TRUNCATE stays the owner's.)"""

from __future__ import annotations

from alembic import op

revision = "b0011"
down_revision = "b0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        SET LOCAL lock_timeout = '10s';
        CREATE FUNCTION raw.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION USING
                ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'raw.' || TG_TABLE_NAME || ' is append-only: what was received stays as it is';
        END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON raw.snapshot
            FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON raw.content
            FOR EACH STATEMENT EXECUTE FUNCTION raw.refuse_change();
        """
    )
