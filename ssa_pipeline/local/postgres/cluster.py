"""The directory that PostgreSQL works on: where it lies, how it is made, configured and left clean."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psutil

from ssa_pipeline.local import processes
from ssa_pipeline.local.host import LOOPBACK, memory_bytes
from ssa_pipeline.local.postgres.account import Account
from ssa_pipeline.local.postgres.binaries import major_version
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError
from ssa_pipeline.local.postgres.server_file import write_private

RELOCATION_DIR = Path("/var/lib/ssa-pipeline")
SUPERUSER = "postgres"


def relocated(account: Account, data_dir: Path, relocation_dir: Path) -> Path:
    """A directory that the system user can reach, for a ``data_dir`` that it cannot. EmbeddedPostgresError where
    there is none."""
    relocation_dir.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:8]
    parent = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=relocation_dir))
    account.give(parent)
    (parent / "owner").write_text(str(data_dir))
    if not account.may_enter(parent):
        raise EmbeddedPostgresError(
            f"user {account.name} can reach neither {data_dir} nor {parent}: set SSA_HOME to a directory "
            "whose parents everyone may enter (chmod o+x)"
        )
    return parent / "cluster"


def check_owner(data_dir: Path, cluster: Path) -> None:
    """A copied checkout still points at the original's relocated cluster: never share it. EmbeddedPostgresError."""
    note = cluster.parent / "owner"
    if data_dir in cluster.parents or not note.exists():
        return
    owner = Path(note.read_text())
    if owner == data_dir:
        return
    if (owner / "server.json").exists():
        raise EmbeddedPostgresError(
            f"the database at {cluster} belongs to {owner}, of which this is a copy: "
            f"remove {data_dir} to begin with an empty database here"
        )
    note.write_text(str(data_dir))  # the checkout was moved


def initialize(account: Account, bin_dir: Path, cluster: Path, superuser_password: str) -> None:
    """initdb into a neighbour, renamed when whole: an interrupted one is simply made anew. EmbeddedPostgresError."""
    fresh = cluster.with_name("cluster.initializing")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    account.give(fresh)
    password_file = cluster.with_name("superuser-password")
    write_private(password_file, superuser_password)
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
        raise EmbeddedPostgresError(f"initdb failed in {fresh}:\n{last_lines(done.stderr or done.stdout)}")
    with (fresh / "postgresql.conf").open("a") as config:
        config.write("\ninclude 'ssa.conf'  # written at every start; settings below this line win\n")
    fresh.rename(cluster)


def check_usable(account: Account, bin_dir: Path, cluster: Path, data_dir: Path) -> None:
    """Whether account and binaries fit the cluster, else EmbeddedPostgresError with what to do."""
    if not account.may_enter(cluster):
        raise EmbeddedPostgresError(
            f"user {account.name} cannot enter {cluster}: move the checkout (or SSA_HOME) back to a directory "
            "whose parents everyone may enter, or start as the owner of the directory"
        )
    data_major = (cluster / "PG_VERSION").read_text().strip()
    server_major = major_version(bin_dir)
    if data_major != server_major:
        raise EmbeddedPostgresError(
            f"{cluster} was made by PostgreSQL {data_major}, this is PostgreSQL {server_major}: upgrade it with "
            f"pg_upgrade, or dump it with {data_major} and load it here, or move {data_dir} away to begin "
            "with an empty database"
        )


def _has_statistics(bin_dir: Path) -> bool:
    """Whether the server has pg_stat_statements; False where pg_config, which knows, was left out of the binaries."""
    try:
        shown = subprocess.run([bin_dir / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return (Path(shown.stdout.strip()) / "pg_stat_statements.so").exists()


def configuration(bin_dir: Path, port: int) -> str:
    """The text of ``ssa.conf`` for this machine."""
    shared_buffers_mb = min(512, max(128, memory_bytes() // 16 // 1024**2))
    settings = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "max_connections": 100,
        "shared_preload_libraries": "pg_stat_statements" if _has_statistics(bin_dir) else "",
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


def clear_remains(cluster: Path) -> None:
    """After a killed postmaster: end backends that still work on the directory, then remove its pid file.

    PostgreSQL itself would refuse to start beside a zombie or a re-used process id.
    """
    left_over = processes.matching(lambda one: works_on(one, cluster))
    still_there = processes.wait_gone(left_over, 5.0)  # idle backends notice the death at once
    processes.end(still_there, grace_s=5.0, first=signal.SIGQUIT)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def works_on(process: psutil.Process, cluster: Path) -> bool:
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


def last_lines(text: str) -> str:
    """The end of what a program wrote, at most 15 lines."""
    return "\n".join(text.strip().splitlines()[-15:])
