"""One command at a time on a home, and what is wrong with a home in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ssa_pipeline.local import disk
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.settings import Settings
from ssa_pipeline.storage.errors import StorageError

Say = Callable[[str], None]


class ServiceError(RuntimeError):
    """A service cannot be started or stopped; the message says why and what to do."""


@contextmanager
def one_at_a_time(settings: Settings, say: Say) -> Iterator[None]:
    """A section that only one process of this home is in; ServiceError for every trouble inside that has a remedy."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with file_lock(settings.home / "services.lock", say=say):
            yield
    except (LockTimeoutError, EmbeddedPostgresError, StorageError) as error:
        raise ServiceError(str(error)) from error
    except OSError as error:
        raise ServiceError(unusable(settings, error)) from error


def unusable(settings: Settings, error: OSError) -> str:
    """What is wrong with the home, in a sentence."""
    if disk.says_no_space(error):
        return f"{disk.described(settings.home)}: {disk.REMEDY}"
    path = error.filename or settings.home
    if isinstance(error, PermissionError):
        return f"{path} may not be written by this user: run as the owner of {settings.home}, or set SSA_HOME"
    reason = (error.strerror or str(error)).lower()
    return f"{path} cannot be used ({reason}): SSA_HOME={settings.home} must be a directory that can be written"
