"""Files that appear whole or not at all, whatever interrupts their writer."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, TextIO, cast

from ssa_pipeline.cli.errors import CliError

STANDARD_OUTPUT = "-"


def check_writable(target: str, option: str) -> None:
    """Say before a long computation that ``target`` cannot be written: CliError names option and reason."""
    if target == STANDARD_OUTPUT:
        return
    path = Path(target).resolve()
    if path.is_dir():
        raise CliError(f"{option} {target} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise CliError(f"{option} {target}: the directory {path.parent} does not exist; make it first")
    if not os.access(path.parent if _is_replaceable(path) else path, os.W_OK):
        raise CliError(f"{option} {target}: no permission to write there; choose another place")


@contextmanager
def whole_file(target: str, option: str) -> Iterator[TextIO]:
    """A text stream that becomes the file ``target`` when the block ends without an exception; before that, and
    otherwise, ``target`` stays as it was. ``-`` is standard output, which like devices and pipes receives everything at
    the end. CliError names ``option`` where the file cannot be written."""
    with _errors_of_file(target, option), _stream(target, "w") as stream:
        yield cast(TextIO, stream)


def write_whole_file(target: str, option: str, data: bytes) -> None:
    """The same for bytes; on a terminal they are shown as text."""
    if target == STANDARD_OUTPUT and sys.stdout.isatty():
        with whole_file(target, option) as shown:
            shown.write(data.decode("utf-8", "backslashreplace"))
        return
    with _errors_of_file(target, option), _stream(target, "wb") as stream:
        stream.write(data)


@contextmanager
def _errors_of_file(target: str, option: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _silence_standard_output()
        raise CliError(f"{option} {target}: the reader went away before everything was written") from None
    except OSError as error:
        raise CliError(f"{option} {target} cannot be written: {error.strerror}; choose another place") from None


@contextmanager
def _stream(target: str, mode: str) -> Iterator[IO[Any]]:
    path = Path(target)
    if target != STANDARD_OUTPUT and _is_replaceable(path):
        with _replacing(path.resolve(), mode) as stream:
            yield stream
    else:
        with _kept_until_the_end(target, mode) as stream:
            yield stream


@contextmanager
def _kept_until_the_end(target: str, mode: str) -> Iterator[IO[Any]]:
    """What cannot be taken back is sent once all of it is there; until then it is in a temporary file."""
    with cast(IO[Any], tempfile.TemporaryFile()) as kept:
        stream = kept if mode == "wb" else io.TextIOWrapper(kept, encoding="utf-8", newline="")
        yield stream
        stream.seek(0)
        with _receiver(target, mode) as receiver:
            shutil.copyfileobj(stream, receiver)
            receiver.flush()


def _receiver(target: str, mode: str) -> AbstractContextManager[IO[Any]]:
    if target == STANDARD_OUTPUT:
        return nullcontext(sys.stdout.buffer if mode == "wb" else sys.stdout)
    return _open(Path(target), mode)


def _open(path: Path, mode: str) -> IO[Any]:
    return path.open(mode) if mode == "wb" else path.open(mode, encoding="utf-8", newline="")


def _silence_standard_output() -> None:
    """Keep the interpreter from complaining when it flushes what nobody reads."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _is_replaceable(path: Path) -> bool:
    return path.is_file() or not path.exists()


@contextmanager
def _replacing(path: Path, mode: str) -> Iterator[IO[Any]]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _open(temporary, mode) as stream:
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o777)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make the rename itself outlive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
