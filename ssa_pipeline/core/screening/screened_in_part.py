"""Objects of which something could not be screened, since SGP4 has no usable state of them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssa_pipeline.core.records import EphemerisChunks
from ssa_pipeline.core.status import MEANINGS, Status


@dataclass(frozen=True)
class ScreenedInPart:
    """One object in one window: screened in [from_us, to_us), which is empty where nothing of it was; ``reason`` in
    words (`core.status.MEANINGS`)."""

    norad_id: int
    from_us: int
    to_us: int
    reason: str

    @property
    def is_screened(self) -> bool:
        """Whether anything of the window was."""
        return self.from_us < self.to_us


def screened_in_part(chunks: EphemerisChunks) -> list[ScreenedInPart]:
    """Those objects of the chunks that are not screened over their whole window, by catalogue number."""
    found = []
    for row in np.flatnonzero(chunks.status).tolist():
        from_us = max(int(chunks.valid_from_us[row]), chunks.start_us)
        to_us = max(min(int(chunks.valid_to_us[row]), chunks.end_us), from_us)
        if chunks.node_count[row] == 0:
            from_us = to_us = chunks.start_us
        found.append(
            ScreenedInPart(int(chunks.norad_id[row]), from_us, to_us, MEANINGS[Status(int(chunks.status[row]))])
        )
    return sorted(found, key=lambda part: part.norad_id)


def joined(windows: Sequence[tuple[int, int, Sequence[ScreenedInPart]]]) -> list[ScreenedInPart]:
    """The same over a whole window, from those of its parts (start, end, objects), which follow each other."""
    parts = [{part.norad_id: part for part in objects} for _, _, objects in windows]
    found = []
    for norad_id in sorted(set().union(*parts)):
        spans = []
        for (start_us, end_us, _), objects in zip(windows, parts, strict=True):
            part = objects.get(norad_id)
            if part is None:
                spans.append((start_us, end_us))
            elif part.is_screened:
                spans.append((part.from_us, part.to_us))
        reason = next(objects[norad_id].reason for objects in parts if norad_id in objects)
        nothing = [(windows[0][0], windows[0][0])]
        found.append(ScreenedInPart(norad_id, (spans or nothing)[0][0], (spans or nothing)[-1][1], reason))
    return found
