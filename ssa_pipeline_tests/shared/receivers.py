"""A webhook and a mail server on loopback that keep what they get and answer as they are told."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """``statuses``: of the next answers; 200 when used up. ``is_endless``: bodies of answers come for five seconds,
    and ``was_read_to_the_end``: somebody waited for it."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    is_endless: bool = False
    was_read_to_the_end: bool = False


@dataclass
class MailServer:
    """``lines``: what clients said; ``data``: messages taken. With ``refuses`` every recipient is refused."""

    port: int = 0
    lines: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def webhook() -> Iterator[Webhook]:
    state = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.received.append(json.loads(body))
            self.send_response(state.statuses.pop(0) if state.statuses else 200)
            if not state.is_endless:
                self.send_header("Content-Length", "0")
            self.end_headers()
            if state.is_endless:
                with suppress(OSError):  # nobody listens any more
                    for _ in range(500):
                        self.wfile.write(b": still here\n")
                        time.sleep(0.01)
                    state.was_read_to_the_end = True

        def log_message(self, format: str, *args: object) -> None:
            return None

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        state.url = f"http://127.0.0.1:{port}/services/T00/SECRET"
        yield state


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Just enough SMTP (RFC 5321) for smtplib, without TLS."""
    state = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline().decode().strip():
                state.lines.append(line)
                match line.split()[0].upper():
                    case "EHLO":
                        self.say("250-test")
                        self.say("250 AUTH PLAIN")
                    case "AUTH":
                        self.say("235 ok")
                    case "RCPT":
                        self.say("550 no such user" if state.refuses else "250 ok")
                    case "DATA":
                        self.say("354 go on")
                        lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                        state.data.append("".join(lines))
                        self.say("250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 ok")

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        state.port = port
        yield state


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
