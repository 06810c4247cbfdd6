"""In place of a container a mount namespace, in which all is read-only but some directories."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ssa_pipeline_tests.shared.needed import is_missing
from ssa_pipeline_tests.shared.places import REPOSITORY

IMAGE = REPOSITORY / "deploy" / "image"
PATIENCE_S = 180.0
_READ_ONLY = """
mount --make-rprivate / || exit 9
for place in $1; do mount -t tmpfs tmpfs "$place" || exit 9; done
while read -r _ place type _; do
    case " $1 " in *" $place "*) continue ;; esac
    case $type in proc | sysfs) ;; *) mount -o remount,bind,ro "$place" || exit 9 ;; esac
done < /proc/self/mounts
shift
exec "$@"
"""


def in_namespace(*writable: Path) -> list[str]:
    """What stands before a command that is to find nothing writable but these directories, which it finds empty."""
    return ["unshare", "--mount", "sh", "-c", _READ_ONLY, "sh", " ".join(map(str, writable))]


def demand_namespaces(writable: Path) -> None:
    """Skip the test where there are none, as for users other than root."""
    command = [*in_namespace(writable), "touch", str(writable.with_name("x"))]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Read-only file system" not in tried.stderr:
        is_missing(f"no mount namespaces here: {tried.stderr.strip()}")


@contextmanager
def container(
    place: Path, given: Mapping[str, str], *command: str, also_writable: tuple[Path, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Its first process, with the image's environment and what is ``given``; its log is shown where the test fails."""
    writable = Path(tempfile.mkdtemp(prefix="ssa-"))  # a short path, as in the image: sockets lie below
    environment = os.environ | {
        "PATH": f"{IMAGE}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SSA_HOME": str(writable / "home"),
        "TMPDIR": str(writable),
        "NUMBA_CACHE_DIR": str(writable / "kernels"),
        **given,
    }
    log = place / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        words = [*in_namespace(writable, *also_writable), *command]
        process = subprocess.Popen(words, env=environment, stdout=output, stderr=output, cwd=place)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        writable.rmdir()
        print(f"{command[0]}:\n{log.read_text()}")


def wait(process: subprocess.Popen[bytes], what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert process.poll() is None, f"{what} has ended"
        assert time.monotonic() < deadline, f"{what} does not answer"
        time.sleep(0.5)
