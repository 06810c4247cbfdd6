"""What the store asks of the module that writes and reads the slices of one link."""

from __future__ import annotations

from typing import ClassVar, Protocol, TypeVar

import psycopg
from psycopg import sql

from ssa_pipeline.chain.slice_key import SliceKey

V = TypeVar("V")


class Codec(Protocol[V]):
    """The values of a link to and from tables; ``V`` is a record of arrays, its units in the names of its fields."""

    asset: ClassVar[str]
    replaced: ClassVar[tuple[str, ...]]  # tables whose rows of the slice a write replaces
    shared: ClassVar[tuple[str, ...]] = ()  # tables to which it adds, or of which it replaces rows by itself

    @property
    def table(self) -> sql.Identifier:
        """The first of ``replaced``."""
        return _identifier(self.replaced[0])

    @property
    def tables(self) -> tuple[str, ...]:
        """All that a write touches."""
        return self.replaced + self.shared

    def check(self, key: SliceKey, value: V, /) -> None:
        """ValueError where the value is of another partition, ChunkFormatError where it is of another format."""

    def row_count(self, value: V, /) -> int:
        """Rows that a value is written as, those of the first of ``replaced``."""
        ...

    def rows_read(self, _connection: psycopg.Connection, _key: SliceKey, value: V, /) -> int:
        """The same of a value that was just read."""
        return self.row_count(value)

    def delete(self, connection: psycopg.Connection, key: SliceKey, /) -> None:
        """The rows of the slice in the tables ``replaced``."""
        for table in self.replaced:
            statement = sql.SQL("DELETE FROM {} WHERE epoch_day = %s").format(_identifier(table))
            if key.lead_day is None:
                connection.execute(statement, [key.epoch_day])
            else:
                connection.execute(statement + sql.SQL(" AND lead_day = %s"), [key.epoch_day, key.lead_day])

    def write(self, connection: psycopg.Connection, key: SliceKey, value: V, log_id: int, /) -> None:
        """Add the rows; the slice is empty. ``log_id``: its version."""

    def read(self, connection: psycopg.Connection, key: SliceKey, /) -> V:
        """The value; ChunkFormatError where it is of another format."""
        ...


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
