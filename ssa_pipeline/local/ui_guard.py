"""What stands before Dagster's webserver, which itself takes orders from any page that a browser of this machine opens.

Dagster executes mutations sent by GET, by a form, over a web socket, from any Origin and under any Host. The guard
lets a request through only where

* it is addressed to a name by which this UI may be reached (else a stranger's name that resolves to 127.0.0.1,
  "DNS rebinding", would make the stranger's page one of ours);
* it does not come from a page of another origin, as the browser tells by ``Origin`` and ``Sec-Fetch-Site``. A link to
  one of our pages may be followed from anywhere; programs that are no browsers send neither header;
* a GraphQL request by GET holds queries only, and one by POST is JSON, which no form can send.

docs/operations.md says it to users.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssa_pipeline.core.outside_text import for_terminal

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_GRAPHQL_TYPES = ("application/json", "application/graphql")
_HEADERS = {
    # besides the policy that Dagster sends with its page: a browser obeys both
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class UiGuard:
    """ASGI middleware; ``hosts`` are the names (``name`` or ``name:port``) besides those of this machine's loopback
    under which a browser may reach the UI, as SSA_UI_HOSTS gives them."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(hosts)
        self._names = LOOPBACK_NAMES | {_name(host) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._problem(HTTPConnection(scope))
        if problem is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # before it is accepted: 403
        else:
            status, text = problem
            await PlainTextResponse(f"{text}\n", status)(scope, receive, _with_headers(send))

    def _problem(self, request: HTTPConnection) -> tuple[int, str] | None:
        """Status and reason of a refusal, or None."""
        return self._wrong_host(request.headers) or self._foreign(request) or _wrong_graphql(request)

    def _wrong_host(self, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and _name(hosts[0].lower()) in self._names:
            return None
        shown = for_terminal(", ".join(hosts)) or "no name"
        return 403, f"this UI is not reached under {shown}: {_REMEDY}"

    def _foreign(self, request: HTTPConnection) -> tuple[int, str] | None:
        headers = request.headers
        origins = headers.getlist("origin")
        if origins and not all(self._is_own(origin, headers["host"]) for origin in origins):
            return 403, f"a page of {for_terminal(', '.join(origins))} may not use this UI: {_REMEDY}"
        site = headers.get("sec-fetch-site", "none")
        if site not in ("none", "same-origin") and not origins and not _is_link(request):
            return 403, f"a page of another site may not use this UI (Sec-Fetch-Site: {for_terminal(site)})"
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page of ``origin`` is one of this UI's, which is asked under ``host``."""
        authority = _authority(origin)
        return authority is not None and (
            authority == _without_default_port(host.lower()) or authority in self._origins
        )


_REMEDY = "a name that may be used besides localhost is set by SSA_UI_HOSTS"


def _wrong_graphql(request: HTTPConnection) -> tuple[int, str] | None:
    if request.scope["type"] != "http" or not _is_graphql(request):
        return None
    if request.scope["method"] == "POST":
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _GRAPHQL_TYPES:
            return 415, f"GraphQL by POST is sent as {_GRAPHQL_TYPES[0]}"
    elif not all(map(_is_query, request.query_params.getlist("query"))):
        return 405, "GraphQL by GET holds queries only: send anything else by POST"
    return None


def _is_query(text: str) -> bool:
    try:
        document = parse(text)
    except (GraphQLError, RecursionError):
        return False
    operations = [one.operation for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return all(operation is OperationType.QUERY for operation in operations)


def _is_graphql(request: HTTPConnection) -> bool:
    return str(request.scope["path"]).rstrip("/").endswith("/graphql")


def _is_link(request: HTTPConnection) -> bool:
    """Whether someone followed a link to one of the pages (not: a page loads an image, a frame, a script)."""
    mode, target = (request.headers.get(f"sec-fetch-{name}") for name in ("mode", "dest"))
    is_page = request.scope.get("method") == "GET" and not _is_graphql(request)
    return is_page and (mode, target) == ("navigate", "document")


def _authority(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or f"{parts.scheme}://{parts.netloc}" != origin.lower()
    ):
        return None
    return _without_default_port(parts.netloc)


def _without_default_port(authority: str) -> str:
    return authority.removesuffix(":80").removesuffix(":443")


def _name(authority: str) -> str:
    name, colon, port = authority.rpartition(":")
    return name if colon and port.isdecimal() and not authority.endswith("]") else authority


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.append(name, value) if name == "Content-Security-Policy" else headers.setdefault(name, value)
        await send(message)

    return send_with_headers
