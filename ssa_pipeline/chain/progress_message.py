"""Progress as text in a run's event log: written by the run, read by the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MESSAGE = re.compile(r"(?P<partition>\d{4}-\d\d-\d\d(\|\d)?) (?P<stage>.+): (?P<percent>\d+) %")


@dataclass(frozen=True)
class Progress:
    """One message, spelt ``2024-11-01|0 propagate: 43 %``."""

    partition: str
    stage: str
    percent: int

    def __str__(self) -> str:
        return f"{self.partition} {self.stage}: {self.percent} %"

    @classmethod
    def parse(cls, message: str) -> Progress | None:
        found = _MESSAGE.fullmatch(message)
        return found and cls(found["partition"], found["stage"], int(found["percent"]))
