"""What to do where a day has not been computed: advice that can be followed."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg.rows import tuple_row


def how_to_compute(connection: psycopg.Connection[Any], day: date | None) -> str:
    """The commands, in order, that compute ``day`` (None: any day): a day without data is received first."""
    of_day = "SELECT max(epoch_day) FROM raw.snapshot WHERE kind = 'gp' AND epoch_day = coalesce(%s, epoch_day)"
    row = connection.cursor(row_factory=tuple_row).execute(of_day, [day]).fetchone()
    if row is not None and row[0] is not None:
        return f"`ssa materialize --epoch-day {row[0]}` first"
    wanted = "DAY" if day is None else day
    return f"nothing was received for it: `ssa ingest FILE --epoch-day {wanted}`, then materialize that day"
