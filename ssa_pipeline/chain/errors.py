"""Errors of the pipeline. Every message names the rule, the value, and what to do."""

from __future__ import annotations


class PipelineError(Exception):
    """Something forbids what was asked; the message says what to do."""


class SliceRefusedError(PipelineError):
    """A slice that one of its blocking checks refused: nothing may be computed from it."""
