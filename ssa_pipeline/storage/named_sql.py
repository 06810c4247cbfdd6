"""SQL kept in ``sql/*.sql``, in sections headed ``-- name: words``; text before the first section is comment."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def sections(file_name: str) -> dict[str, str]:
    """Section name -> SQL, in the order of the file."""
    text = (files("ssa_pipeline.storage") / "sql" / file_name).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


def section(file_name: str, name: str) -> str:
    """One statement without its final semicolon."""
    return sections(file_name)[name]
