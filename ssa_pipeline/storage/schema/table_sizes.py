"""How large the tables are, partitions summed."""

from __future__ import annotations

from dataclasses import dataclass

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.schema.tables import SCHEMAS

EVENT_LOGS = "dagster.event_logs"


@dataclass(frozen=True)
class TableSize:
    """``rows``: PostgreSQL's estimate, 0 before the first ANALYZE; ``table_bytes`` with TOAST, without indexes."""

    name: str  # schema.table
    rows: int
    table_bytes: int
    index_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.table_bytes + self.index_bytes


def table_sizes(url: DatabaseUrl) -> list[TableSize]:
    """Every table of the pipeline and of Dagster, the largest first."""
    with connect(url) as connection:
        rows = connection.execute(section("schema/table_sizes.sql", "table_sizes"), {"schemas": list(SCHEMAS)})
        return [TableSize(*row) for row in rows]


def database_bytes(url: DatabaseUrl) -> int:
    """The whole database, catalogues of PostgreSQL included."""
    with connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
