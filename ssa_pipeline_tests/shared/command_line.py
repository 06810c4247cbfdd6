"""``ssa`` called in this process, and in one of its own, as a user runs it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from ssa_pipeline.cli import main
from ssa_pipeline.settings import DatabaseUrl

SSA = (sys.executable, "-c", "from ssa_pipeline.cli import main; main()")


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


def ssa_on(url: DatabaseUrl, home: Path, *arguments: str, code: int = 0) -> str:
    """Both outputs of one call on a database."""
    done = subprocess.run(
        [*SSA, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"SSA_HOME": str(home), "DATABASE_URL": url.url},
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout, done.stdout
    assert done.returncode == code, done.stdout
    return done.stdout
