"""Nothing: the first release replaces no older one. The branch of after-deploy revisions starts here."""

from __future__ import annotations

revision = "a0001"
down_revision = None
branch_labels = ("after",)
depends_on = "b0001"


def upgrade() -> None:
    return None
