"""Hosts for tests: network namespaces joined by one bridge, made and removed as root. Nothing of it is seen outside."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from ssa_pipeline.local import processes
from ssa_pipeline_tests.shared.needed import is_missing

NETWORK = "192.0.2.0/24"  # for documentation (RFC 5737): nobody's
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Host:
    """``name``: as its own programs see it."""

    name: str
    address: str
    namespace: str
    switch: str

    def inside(self, user: str | None = None) -> list[str]:
        """What to put before a command to have it run here, as ``user``; its process is the command's own."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *named, *as_user(user)]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and what it starts, use the host's network."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.namespace}") as there:  # noqa: PTH123
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def cut_off(self) -> None:
        """As if its cable were pulled."""
        _ip("-n", self.switch, "link", "set", self.name, "down")

    def connect(self) -> None:
        _ip("-n", self.switch, "link", "set", self.name, "up")

    def processes(self) -> list[psutil.Process]:
        ids = _ip("netns", "pids", self.namespace).split()
        return [one for one in map(processes.process, map(int, ids)) if one is not None and one.pid != os.getpid()]


def as_user(name: str | None) -> list[str]:
    """What to put before a command to have it run as that user."""
    if name is None:
        return []
    entry = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Hosts that reach each other and nobody else; all that runs on them is killed at the end. Skips where they cannot
    be made."""
    if os.geteuid() != 0:
        is_missing("network namespaces are made by root only")
    lacking = [program for program in ("ip", "nsenter", "unshare", "setpriv") if shutil.which(program) is None]
    if lacking:
        is_missing(f"{', '.join(lacking)}: apt-get install iproute2 util-linux (.ci/run does)")
    switch = f"ssa-{os.getpid()}-switch"
    with ExitStack() as stack:
        try:
            stack.enter_context(_namespace(switch))
            _ip("-n", switch, "link", "add", "bridge", "up", "type", "bridge")
            found = [
                Host(name, NETWORK.replace("0/24", str(number)), f"ssa-{os.getpid()}-{name}", switch)
                for number, name in enumerate(names, start=1)
            ]
            for host in found:
                stack.enter_context(_namespace(host.namespace))
                _join(host)
        except subprocess.CalledProcessError as error:
            is_missing(f"network namespaces are not allowed here: {error.stderr.strip()}")
        try:
            yield found
        finally:
            processes.end([one for host in found for one in host.processes()], grace_s=0)


@contextmanager
def _namespace(name: str) -> Iterator[None]:
    _ip("netns", "add", name)
    try:
        yield
    finally:
        _ip("netns", "delete", name)


def _join(host: Host) -> None:
    there = ("-n", host.namespace)
    port = ("link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    _ip("-n", host.switch, *port)
    _ip("-n", host.switch, "link", "set", host.name, "master", "bridge", "up")
    _ip(*there, "address", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip(*there, "link", "set", device, "up")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns is of Python 3.12
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
