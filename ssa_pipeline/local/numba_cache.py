"""Where compiled kernels are kept. Must run before numba is imported."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path


def use_numba_cache(home: Path) -> Path:
    """Set NUMBA_CACHE_DIR, unless set, to a directory of its own per version, Python and CPU; that directory.

    A home that cannot be written (read-only install) is replaced by a private temporary directory.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if not chosen:
        chosen = str(_writable(home / "numba-cache" / _code_and_machine()))
        os.environ["NUMBA_CACHE_DIR"] = chosen
    return Path(chosen)


def has_kernels(directory: Path) -> bool:
    """Whether anything was compiled into the directory of ``use_numba_cache``; else the first call will take long."""
    return next(directory.rglob("*.nbi"), None) is not None


def _writable(wanted: Path) -> Path:
    try:
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _private_temporary(wanted.name)
    return wanted if os.access(wanted, os.W_OK | os.X_OK) else _private_temporary(wanted.name)


def _private_temporary(name: str) -> Path:
    """Numba unpickles its cache: never use a directory that someone else may have prepared."""
    path = Path(tempfile.gettempdir()) / f"ssa-numba-{os.getuid()}-{name}"
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or path.is_symlink():
        return Path(tempfile.mkdtemp(prefix="ssa-numba-"))
    return path


def _code_and_machine() -> str:
    """Numba notices a changed kernel, but not a changed function that the kernel calls, nor changed flags."""
    core = Path(__file__).parent.parent / "core"
    sources = [core / "constants.py", *sorted((core / "kernels").rglob("*.py"))]
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
    versions = "-".join(importlib.metadata.version(name) for name in ("ssa-pipeline", "numba"))
    cpu = hashlib.sha256(_cpu_description().encode()).hexdigest()[:8]
    return f"{versions}-{code}-py{sys.version_info.major}{sys.version_info.minor}-{platform.machine()}-{cpu}"


def _cpu_description() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
