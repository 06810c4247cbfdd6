"""Rich's console, on which text from outside stays text. (Rich writes past ``terminal``, since it has escapes of its
own.)"""

from __future__ import annotations

from typing import Any

import rich.console
from rich.text import Text

from ssa_pipeline.core.outside_text import for_terminal


class Console(rich.console.Console):
    """Control and direction characters of what it prints are shown as escapes. What may hold a ``[`` from outside is
    printed with ``markup=False``."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(for_terminal(text, keep="\n\t"), **options)
