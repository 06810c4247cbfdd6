"""What must survive between starts of the embedded server, in a file that only its owner reads."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ssa_pipeline.local.postgres.account import owner_name
from ssa_pipeline.local.postgres.errors import EmbeddedPostgresError


@dataclass(frozen=True)
class ServerFile:
    """``server.json``: what must survive between starts. Written before the cluster exists, always as a whole."""

    port: int
    password: str
    superuser_password: str
    cluster: str  # absolute, or relative to data_dir so that a checkout can be moved

    @classmethod
    def load(cls, path: Path) -> ServerFile | None:
        """None where there is no such file; EmbeddedPostgresError where it is damaged or may not be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except PermissionError:
            owner = owner_name(path)
            raise EmbeddedPostgresError(f"{path} belongs to user {owner}: run as {owner}, or set SSA_HOME") from None
        except (ValueError, TypeError) as error:
            raise EmbeddedPostgresError(f"{path} is damaged ({error}); restore it from a backup") from None

    def save(self, path: Path) -> None:
        """Whole or not at all; OSError."""
        temporary = path.with_suffix(f".{os.getpid()}")
        write_private(temporary, json.dumps(asdict(self), indent=1))
        temporary.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, to the disk; OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
