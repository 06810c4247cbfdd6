"""``ssa`` called in this process, and in one of its own, as a user runs it.

A call in this process says and does the same and costs no start of Python; where the process itself is the point
(signals, pipes, what it loads) it is one of its own.
"""

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


def ssa(*arguments: str | Path, standard_input: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of `ssa ARGUMENTS` called here."""
    out, errors = _stream(), _stream()
    code = _call(arguments, out, errors, standard_input, environment)
    return code, _text(out), _text(errors)


def ssa_done(
    *arguments: str | Path, standard_input: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same, as a process of its own would be found ended."""
    code, out, errors = ssa(*arguments, standard_input=standard_input, **environment)
    assert "Traceback" not in errors, errors
    return subprocess.CompletedProcess(arguments, code, out, errors)


def ssa_on(url: DatabaseUrl, home: Path, *arguments: str, code: int = 0) -> str:
    """Both outputs of one call on a database, as they come."""
    out = _stream()
    found = _call(arguments, out, out, b"", {"SSA_HOME": str(home), "DATABASE_URL": url.url})
    return _expected(_text(out), found, code)


def ssa_process_on(url: DatabaseUrl, home: Path, *arguments: str, code: int = 0) -> str:
    """The same of a process of its own."""
    done = subprocess.run(
        [*SSA, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"SSA_HOME": str(home), "DATABASE_URL": url.url},
        timeout=60,
        check=False,
    )
    return _expected(done.stdout, done.returncode, code)


def _expected(said: str, found: int, code: int) -> str:
    assert "Traceback" not in said, said
    assert found == code, said
    return said


def _call(
    arguments: tuple[str | Path, ...],
    out: io.TextIOWrapper,
    errors: io.TextIOWrapper,
    standard_input: bytes,
    environment: dict[str, str],
) -> int:
    with (
        mock.patch.object(sys, "argv", ["ssa", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(standard_input))),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(os, "execve", side_effect=AssertionError("this command needs a process of its own")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as exit_:
            return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    return 0


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
