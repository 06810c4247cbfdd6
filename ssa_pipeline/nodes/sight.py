"""Since when somebody has had the database in sight: who could not hear does not judge the silence of others."""

from __future__ import annotations

from dataclasses import dataclass

_JUMP_S = 5.0  # of the server's clock against ours


@dataclass
class Sight:
    """``longest_gap_s``: between two looks; a longer one, of the line or because this process was stopped, begins anew,
    as does a jump of the server's clock, after which every heartbeat looks old."""

    longest_gap_s: float
    _since_s: float | None = None
    _last_s: float = 0.0
    _offset_s: float = 0.0

    def note(self, now_s: float, database_s: float) -> None:
        """A look that was answered. ``now_s``: monotonic; ``database_s``: the server's time."""
        offset_s = database_s - now_s
        if (
            self._since_s is None
            or now_s - self._last_s > self.longest_gap_s
            or abs(offset_s - self._offset_s) > _JUMP_S
        ):
            self._since_s = now_s
        self._last_s, self._offset_s = now_s, offset_s

    def lose(self) -> None:
        """A look that was not answered."""
        self._since_s = None

    def has_lasted(self, seconds: float) -> bool:
        return self._since_s is not None and self._last_s - self._since_s >= seconds
