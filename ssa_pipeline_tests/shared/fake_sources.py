"""CelesTrak and Space-Track on the loopback: a real HTTP server with their paths, logins, limits, status codes and
bodies, and the ways in which servers and networks fail. The production client runs against it unmodified.

Bodies and codes are those in public reports (docs/sources.md): CelesTrak's 403 "GP data has not updated since your
last successful download", 200 "No GP data found", 301 to another path; Space-Track's 200 {"Login":"Failed"}, 401
without a session or after two idle hours, 500 or 200 with "You've violated your query rate limit".
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ssa_pipeline.settings import HttpSettings, SourceSettings
from ssa_pipeline.sources.state import STARTED, Attempt
from ssa_pipeline_tests.shared.places import DATA

GP_CSV = (DATA / "celestrak_omm_20241101.csv").read_bytes()
SATCAT_CSV = (DATA / "celestrak_satcat_20261002.csv").read_bytes()
USER, PASSWORD = "analyst@example.org", "correct horse/battery&staple"
NOON = datetime(2026, 8, 22, 12, 21, tzinfo=UTC)


@dataclass
class FakeClock:
    """A clock that stands still until a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **units: float) -> None:
        self.now += timedelta(**units)


@dataclass
class MemoryFetchState:
    """``sources.state.FetchState`` in memory; ``attempts`` and ``requests`` are its content."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    requests: dict[str, list[datetime]] = field(default_factory=dict)

    def begin(
        self, query_key: str, source: str, now: datetime, check: Callable[[Attempt | None], None]
    ) -> Attempt | None:
        last = self.attempts.get(query_key)
        if last and last.attempted_at > now:
            last = self.attempts[query_key] = replace(last, attempted_at=now)
        check(last)
        kept = (last.received_at, last.etag, last.last_modified) if last else (None, None, None)
        self.attempts[query_key] = Attempt(now, STARTED, "", *kept)
        return last

    def finish(
        self,
        query_key: str,
        outcome: str,
        detail: str = "",
        *,
        received_at: datetime | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> None:
        last = self.attempts[query_key]
        kept = (received_at, etag, last_modified) if received_at else (last.received_at, last.etag, last.last_modified)
        self.attempts[query_key] = Attempt(last.attempted_at, outcome, detail, *kept)

    def take_request(self, account: str, now: datetime, check: Callable[[list[datetime]], None]) -> None:
        times = [time for time in self.requests.get(account, []) if time > now - timedelta(hours=1)]
        check(times)
        self.requests[account] = [*times, now]


def as_space_track_csv(data: bytes) -> bytes:
    """The same element sets in Space-Track's spelling: every field quoted, more columns."""
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    out = io.StringIO()
    extra = {"CCSDS_OMM_VERS": "2.0", "CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC"}
    writer = csv.DictWriter(out, [*extra, *rows[0]], quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(extra | row for row in rows)
    return out.getvalue().encode()


def as_json(data: bytes) -> bytes:
    """CelesTrak's CSV as its JSON: the same fields on one line, numbers as numbers."""

    def value(text: str) -> str:
        return text if re.fullmatch(r"-?\d+(\.\d+)?(E[+-]?\d+)?", text) else json.dumps(text)

    rows = csv.DictReader(io.StringIO(data.decode()))
    fields = (",".join(f'"{name}":{value(_json_number(text))}' for name, text in row.items()) for row in rows)
    return f"[{','.join(f'{{{text}}}' for text in fields)}]".encode()


def _json_number(text: str) -> str:
    """``.5`` is no number in JSON."""
    return re.sub(r"^(-?)\.", r"\g<1>0.", text)


def as_csv(table: bytes | list[dict[str, Any]]) -> bytes:
    """A JSON table as Space-Track serves it as CSV: every field quoted, null as nothing."""
    rows = json.loads(table) if isinstance(table, bytes) else table
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return out.getvalue().encode()


_ST_TABLES = {
    "gp": as_space_track_csv(GP_CSV),
    **{name: as_csv((DATA / f"space_track_{name}.json").read_bytes()) for name in ("satcat", "decay", "tip")},
}
_HTML = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
_RATE_TEXT = (
    "You've violated your query rate limit. Please refer to our Acceptable Use guidelines for further information on "
    "how to avoid this message in the future."
)
# mode -> (status, content type, body): answers in place of the right one
_ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "403": (403, "text/html", b"<html>Forbidden</html>"),
    "404": (404, "text/html", b"<html>Not Found</html>"),
    "429": (429, "text/plain", b"Too Many Requests"),
    "500": (500, "text/html", b"<html>Internal Server Error</html>"),
    "503": (503, "text/plain", b""),
    "no data": (200, "text/plain", b"No GP data found"),
    "html": (200, "text/html", _HTML),
    "html as csv": (200, "text/csv", _HTML),
    "json error": (200, "application/json", b'{"error":"query failed"}'),
    "json error as text": (200, "text/plain", b'[{"error":"query failed"}]'),
    "wrong content type": (200, "image/png", GP_CSV),
    "empty": (200, "text/csv", b""),
    "only a header": (200, "text/csv", GP_CSV.split(b"\n")[0] + b"\n"),
    "rate limit 500": (500, "text/html", f"<html>{_RATE_TEXT}</html>".encode()),
    "rate limit 200": (200, "application/json", json.dumps([{"error": _RATE_TEXT}]).encode()),
}


class FakeSources(ThreadingHTTPServer):
    """Both providers on one port. ``modes`` are taken one per request to a data page; none left: the right answer."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.modes: deque[str] = deque()
        self.gp = GP_CSV
        self.has_validators = True
        self.enforces_update_rule = True
        self.requests: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers
        self.logins = 0
        self.downloads: dict[str, datetime] = {}  # CelesTrak: query -> last successful download
        self.sessions: dict[str, datetime] = {}  # Space-Track: cookie -> last use
        self.hits: list[datetime] = []  # Space-Track: requests of the account
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def data_requests(self) -> list[str]:
        """Paths asked for, logins left out."""
        return [path for method, path, _ in self.requests if method == "GET"]

    def settings(self, **http: object) -> SourceSettings:
        """Settings of a client of this server."""
        options = {"user_agent": "ssa-pipeline/test (+ops@example.org)", "timeout_s": 5.0} | http
        return SourceSettings(
            http=HttpSettings(**options),  # type: ignore[arg-type]
            celestrak_url=self.url,
            space_track_url=self.url,
            space_track_username=USER,
            space_track_password=PASSWORD,
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news here."""


@contextmanager
def fake_sources(clock: Callable[[], datetime], kind: type[FakeSources] | None = None) -> Iterator[FakeSources]:
    """A running server, stopped at the end."""
    server = (kind or FakeSources)(clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeSources
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        self._note()
        if self.path != "/ajaxauth/login":
            return self._send(404, "text/html", b"<html>Not Found</html>")
        self.server.logins += 1
        self.server.hits.append(self.server.clock())
        if (form.get("identity"), form.get("password")) != ([USER], [PASSWORD]):
            return self._send(200, "application/json", b'{"Login":"Failed"}')
        cookie = hashlib.sha256(f"session {self.server.logins}".encode()).hexdigest()
        self.server.sessions[cookie] = self.server.clock()
        return self._send(200, "application/json", b'""', {"Set-Cookie": f"chocolatechip={cookie}; path=/; HttpOnly"})

    def do_GET(self) -> None:
        self._note()
        url = urlsplit(self.path)
        if self.server.modes and self._misbehave(self.server.modes.popleft()):
            return
        if url.path.startswith("/basicspacedata/query/class/"):
            self._space_track(unquote(url.path))
        elif url.path in ("/NORAD/elements/gp.php", "/NORAD/elements/supplemental/sup-gp.php"):
            self._celestrak(url.query)
        elif url.path == "/pub/satcat.csv":
            self._send(200, "text/csv", SATCAT_CSV)
        else:
            self._send(404, "text/html", b"<html>Not Found</html>")

    def _note(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))

    def _celestrak(self, text: str) -> None:
        query = {name.upper(): values[0] for name, values in parse_qs(text).items()}
        asked = next((f"{name}={query[name]}" for name in ("GROUP", "SPECIAL", "FILE") if name in query), "")
        if query.get("GROUP") == "nothing":
            return self._send(200, "text/plain", b"No GP data found")
        etag = '"' + hashlib.sha256(self.server.gp).hexdigest()[:16] + '"'
        validators = {"ETag": etag, "Last-Modified": "Sat, 22 Aug 2026 12:00:00 GMT"}
        if self.server.has_validators and self.headers.get("If-None-Match") == etag:
            return self._send(304, "", b"", validators)
        now, last = self.server.clock(), self.server.downloads.get(asked)
        if self.server.enforces_update_rule and last and now - last < timedelta(hours=2):
            said = (
                f"GP data has not updated since your last successful\ndownload of {asked} at "
                f"{last:%Y-%m-%d %H:%M:%S} UTC.\nData is updated once every 2 hours.\n"
            )
            return self._send(403, "text/plain", said.encode())
        self.server.downloads[asked] = now
        served = validators if self.server.has_validators else {}
        if query.get("FORMAT") == "json":
            return self._send(200, "application/json", as_json(self.server.gp), served)
        return self._send(200, "text/csv", self.server.gp, served)

    def _space_track(self, path: str) -> None:
        now = self.server.clock()
        self.server.hits.append(now)
        for limit, period in ((30, timedelta(minutes=1)), (300, timedelta(hours=1))):
            if sum(hit > now - period for hit in self.server.hits) > limit:
                return self._send(*_ANSWERS["rate limit 500"])
        cookie = self.headers.get("Cookie", "").removeprefix("chocolatechip=")
        used = self.server.sessions.get(cookie)
        if used is None or now - used > timedelta(hours=2):
            return self._send(401, "application/json", b'{"error":"You must be logged in to complete this action"}')
        self.server.sessions[cookie] = now
        name = path.removeprefix("/basicspacedata/query/class/").split("/")[0]
        return self._send(200, "text/csv", _ST_TABLES[name], {"Set-Cookie": f"chocolatechip={cookie}; path=/"})

    def _misbehave(self, mode: str) -> bool:
        """Answer in a mode; False where the right answer shall follow."""
        body = self.server.gp
        if mode == "right":
            return False
        if mode in _ANSWERS:
            self._send(*_ANSWERS[mode])
        elif mode.startswith("301 "):
            self._send(301, "text/html", b"<html>Moved</html>", {"Location": mode[4:]})
        elif mode == "gzip":
            self._send(200, "text/csv", gzip.compress(body), {"Content-Encoding": "gzip"})
        elif mode == "truncated gzip":
            self._send(200, "text/csv", gzip.compress(body)[:-200], {"Content-Encoding": "gzip"})
        elif mode == "damaged gzip":
            self._send(200, "text/csv", b"\x1f\x8b" + body, {"Content-Encoding": "gzip"})
        elif mode == "truncated":
            self._begin(200, "text/csv", {"Content-Length": str(len(body))})
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif mode.startswith("cut off "):
            self._begin(int(mode[8:]), "text/html", {"Content-Length": "5000"})
            self.wfile.write(b"<html>")
            self.close_connection = True
        elif mode == "403 in brotli":
            self._send(403, "text/html", b"\x8b\x02\x80", {"Content-Encoding": "br"})
        elif mode == "reset":
            linger = struct.pack("ii", 1, 0)  # close() then sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
        elif mode == "silent":
            self.server.stopping.wait()
            self.close_connection = True
        elif mode == "trickle":
            self._trickle(body)
        else:
            raise ValueError(f"no mode {mode!r}")
        return True

    def _trickle(self, body: bytes) -> None:
        self._begin(200, "text/csv", {"Content-Length": str(len(body))})
        self.close_connection = True
        for k in range(len(body)):
            self.wfile.write(body[k : k + 1])
            if self.server.stopping.wait(0.01):
                return

    def _begin(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        length = {} if status == 304 else {"Content-Length": str(len(body))}
        self._begin(status, content_type, length | (headers or {}))
        self.wfile.write(body)
