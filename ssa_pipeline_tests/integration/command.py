"""``ssa`` in a process of its own, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ssa_pipeline.settings import DatabaseUrl

SSA = (sys.executable, "-c", "from ssa_pipeline.cli import main; main()")


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
