"""Failures as one message with an exit code: the one place that knows which error means what."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NO_USABLE_INPUT = 3
    NOT_RUNNING = 4
    NO_CHANGE = 10
    TOO_EARLY = 11
    REFUSED = 12
    INTERRUPTED = 130


class CliError(Exception):
    """A failure that the user can act on: printed as one message without a traceback."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def cli_error(error: Exception) -> CliError | None:
    """What a user is told of an error, None where it is not one of ours. The imports cost only who fails."""
    if isinstance(error, CliError):
        return error
    import psycopg

    if (full := _full_disk(error)) is not None:
        return full
    from ssa_pipeline.chain.errors import NothingReceivedError, PipelineError
    from ssa_pipeline.local.postgres.errors import DatabaseNotRunningError, EmbeddedPostgresError
    from ssa_pipeline.local.services.exclusive import ServiceError
    from ssa_pipeline.settings import SettingsError
    from ssa_pipeline.storage.errors import DatabaseUnreachableError
    from ssa_pipeline.use_cases.runs.follow import Detached, RunFailedError
    from ssa_pipeline.use_cases.runs.webserver import WebserverError

    if isinstance(error, SettingsError):
        return CliError(str(error), Exit.USAGE)
    if isinstance(error, DatabaseNotRunningError | DatabaseUnreachableError):
        return CliError(str(error), Exit.NOT_RUNNING)
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return CliError("the database is not set up: run `ssa db upgrade` (or `ssa up`)")
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return CliError(_lost_database(error), Exit.NOT_RUNNING)
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
        return CliError(_lost_database(error), Exit.NOT_RUNNING)
    if isinstance(error, psycopg.Error):
        return CliError(f"the database refused: {(str(error).strip() or type(error).__name__).splitlines()[0]}")
    if isinstance(error, NothingReceivedError):
        return CliError(str(error), Exit.NO_USABLE_INPUT)
    if isinstance(error, RunFailedError):
        return CliError(str(error), Exit.INTERRUPTED if error.is_cancelled else Exit.FAILED)
    if isinstance(error, Detached):
        return CliError(f"detached; the run {error} goes on in the services: `ssa follow {error}`", Exit.INTERRUPTED)
    if isinstance(error, PipelineError | EmbeddedPostgresError | ServiceError | WebserverError):
        return CliError(str(error))
    return None


def _full_disk(error: Exception) -> CliError | None:
    """The cause that counts, whatever it made fail: the error says it, or the database is gone and its disk is full."""
    from ssa_pipeline.local import disk
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.postgres.errors import DatabaseNotRunningError, EmbeddedPostgresError
    from ssa_pipeline.settings import SettingsError, read_settings

    said = str(error)
    if said.startswith("the disk is full"):
        return None  # told already
    if disk.says_no_space(error):
        place = error.filename if isinstance(error, OSError) and error.filename else None
        if place is None:
            try:
                place = read_settings().home
            except SettingsError:
                place = "of this installation"
        return CliError(f"the disk is full ({place}): {' '.join(said.split())[:200]}\n  do: {disk.REMEDY}")
    try:
        database_url(read_settings())
    except (DatabaseNotRunningError, EmbeddedPostgresError) as cause:
        if str(cause).startswith("the disk is full"):
            return CliError(str(cause), Exit.NOT_RUNNING)
    except Exception:  # noqa: BLE001 (a second fault must not hide the first)
        return None
    return None


def _lost_database(error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return (
        f"the database went away while it was asked ({reason}). Nothing was changed by halves: look at "
        "`ssa status`, then repeat"
    )


def unexpected(error: Exception) -> CliError:
    """A fault of the program: told in a sentence, with the place for a report; SSA_TRACEBACK=1 shows all of it."""
    import traceback

    if isinstance(error, OSError) and error.filename is not None:
        return CliError(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "ssa_pipeline" in frame.filename]
    place = f" at {ours[-1].filename}:{ours[-1].lineno}" if ours else ""
    said = " ".join(str(error).split()) or "no message"
    return CliError(
        f"unexpected {type(error).__name__}{place}: {said}\n"
        "  This is a fault of the program: please report it. SSA_TRACEBACK=1 shows where it happened."
    )
