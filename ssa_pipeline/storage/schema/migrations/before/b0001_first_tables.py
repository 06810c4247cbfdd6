"""The first tables: raw, catalog, screening. (``storage.schema.migrate``, or an administrator, makes schemas.)"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "b0001"
down_revision = None
branch_labels = ("before",)
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_name("b0001_first_tables.sql").read_text())
