"""SQL in files beside the modules that use it, in sections headed ``-- name: words``. What stands before the first
section is comment."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def sections(file_name: str) -> dict[str, str]:
    """Section name -> SQL, in the order of the file, which is named below ``storage``: ``slices/store.sql``."""
    text = (files("ssa_pipeline.storage") / file_name).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


def section(file_name: str, name: str) -> str:
    """One statement without its final semicolon; KeyError where there is none of that name."""
    return sections(file_name)[name]
