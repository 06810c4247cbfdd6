"""The operating system user as whom the server runs: PostgreSQL refuses to be root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError

SYSTEM_USER = "ssa-pipeline"
_CHILD_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # no PG* variable of the caller


@dataclass(frozen=True)
class Account:
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
        """Whether every parent lets it through."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", directory]).returncode == 0

    def may_execute(self, program: Path) -> bool:
        """Whether ``program --version`` works for it."""
        try:
            return self.run([program, "--version"]).returncode == 0
        except PermissionError:
            return False

    def give(self, path: Path) -> None:
        """Make it the owner; nothing where we are it."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def account_of(cluster: Path | None) -> Account:
    """Ourselves; as root the owner of the cluster, or the system user. EmbeddedPostgresError where there is none."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=False)
    if cluster is not None and cluster.exists():
        owner = cluster.stat().st_uid  # a user's own checkout, used once by root
        if owner != 0:
            entry = pwd.getpwuid(owner)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    entry = _system_user()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def owner_name(path: Path) -> str:
    """Who owns the path or its nearest existing parent, by name where there is one."""
    while not path.exists():
        path = path.parent
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


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
