"""How long work reports progress and learns that it should stop, without knowing who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):  # noqa: N818 (not a failure)
    """The caller asked the computation to stop; nothing was produced."""


def _ignore(_stage: str, _done: float) -> None:
    return None


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """``progress(stage, fraction)`` is called from one thread, a few times a second at most; ``should_stop``
    may be called from any thread and often."""

    progress: Callable[[str, float], None] = _ignore
    should_stop: Callable[[], bool] = _never

    def check(self) -> None:
        """Raise Cancelled where the caller wants to stop."""
        if self.should_stop():
            raise Cancelled


SILENT = Watch()
