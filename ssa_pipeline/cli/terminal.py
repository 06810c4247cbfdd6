"""Standard output and error, on which text from outside stays text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ssa_pipeline.core.outside_text import for_terminal


class Terminal:
    """A stream that shows control and direction characters as escapes, whoever prints them; line ends and tabs stay.
    Bytes (``buffer``) pass as they are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # Rich, which writes colours and bars of its own, looks for the stream behind a proxy under this name.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        self._stream.write(for_terminal(text, keep="\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def text_stays_text() -> Iterator[None]:
    """Everything printed inside goes through a ``Terminal``."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Terminal(sys.stdout), Terminal(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
