"""Objects by name."""

from __future__ import annotations

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section


def objects_named(url: DatabaseUrl, text: str) -> list[tuple[int, str, str]]:
    """Number, newest name and designator of every object that was ever received under a name that holds ``text``, in
    any case, or whose designator it is; SATCAT's names count too."""
    with connect(url) as connection:
        return connection.execute(section("questions/answers.sql", "objects_named"), {"text": text}).fetchall()
