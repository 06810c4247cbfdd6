"""Element sets are partitioned by the year of their epoch; rows move in this transaction, which nobody else can use
the table beside. (Code of the release before reads on, but cannot write element sets: its ON CONFLICT names a key
that is no more unique by itself. It fails whole and changes nothing.)"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "b0008"
down_revision = "b0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    statements = Path(__file__).with_name("b0008_element_sets_by_year.sql").read_text()
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
