"""The command line, called in this process."""

from __future__ import annotations

import contextlib
import io
import sys
from unittest import mock

from ssa_pipeline.cli import main


def ssa(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of `ssa ARGUMENTS`."""
    out, errors = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["ssa", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    return int(code), out.getvalue(), errors.getvalue()
