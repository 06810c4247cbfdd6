"""Errors of the pipeline. Every message names the rule, the value, and what to do."""

from __future__ import annotations

from datetime import date


class PipelineError(Exception):
    """Something forbids what was asked; the message says what to do."""


class SliceRefusedError(PipelineError):
    """A slice that one of its blocking checks refused: nothing may be computed from it."""


class NothingReceivedError(PipelineError):
    """A day for which nothing was received, of which nothing can be computed."""

    def __init__(self, epoch_day: date) -> None:
        super().__init__(f"nothing was received on {epoch_day}: `ssa ingest FILE --epoch-day {epoch_day}` first")
