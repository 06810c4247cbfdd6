"""What the guard before Dagster's webserver lets through, rule by rule; a real browser tries it in
``integration/local/test_ui_guard_browser.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from ssa_pipeline.local.services import state
from ssa_pipeline.local.ui_guard import UiGuard
from ssa_pipeline.settings import SettingsError, read_settings

QUERY, MUTATION = "query { version }", "mutation { stop }"
JSON = {"content-type": "application/json"}
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


async def _webserver(scope: Any, receive: Any, send: Any) -> None:
    """Stands for Dagster's: says that it was reached."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        own = [(b"content-security-policy", b"base-uri 'none'")]
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b"reached"})


def _ask(kind: str, method: str, path: str, headers: Headers, query: Headers, hosts: Iterable[str]) -> Answer:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = list(headers)
    if not any(name == "host" for name, _ in given):
        given.insert(0, ("host", "localhost:3000"))
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
        "query_string": urlencode(list(query)).encode(),
    }
    asyncio.run(UiGuard(_webserver, list(hosts))(scope, None, send))  # type: ignore[arg-type]
    if kind == "websocket":
        return Answer({"websocket.accept": 101, "websocket.close": 403}[sent[0]["type"]], "", [])
    shown = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
    answer = Answer(sent[0]["status"], sent[1]["body"].decode(), shown)
    assert (answer.text == "reached") == (answer.status == 200)
    return answer


def _get(path: str, headers: Headers = (), query: Headers = ()) -> Answer:
    return _ask("http", "GET", path, headers, query, ())


def _status(method: str, path: str, headers: Mapping[str, str], hosts: tuple[str, ...] = (), **query: str) -> int:
    return _ask("http", method, path, headers.items(), query.items(), hosts).status


def _socket(headers: Mapping[str, str], hosts: tuple[str, ...]) -> int:
    return _ask("websocket", "GET", "/ssa/graphql", headers.items(), (), hosts).status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:3000", 200),
        ("127.0.0.1:9000", 200),  # through a tunnel
        ("[::1]:3000", 200),
        ("ssa.example.org", 200),
        ("ssa.example.org:8443", 200),
        ("evil.example", 403),
        ("evil.example:3000", 403),
        ("localhost.evil.example", 403),
        ("localhost:3000.evil.example", 403),
        ("127.0.0.1.nip.io:3000", 403),
        ("evil.example, localhost", 403),
        ("0.0.0.0:3000", 403),
        ("[::ffff:127.0.0.1]:3000", 403),
        ("", 403),
    ],
)
def test_the_ui_is_reached_under_its_own_names_only(host: str, status: int) -> None:
    assert _status("GET", "/", {"host": host}, ("ssa.example.org",)) == status
    assert _status("POST", "/ssa/graphql", JSON | {"host": host}, ("ssa.example.org",)) == status
    assert _socket({"host": host}, ("ssa.example.org",)) == (101 if status == 200 else status)


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://localhost:3000", "localhost:3000", True),
        ("http://127.0.0.1:3000", "127.0.0.1:3000", True),
        ("http://[::1]:3000", "[::1]:3000", True),
        ("https://ssa.example.org", "ssa.example.org", True),
        ("https://ssa.example.org", "127.0.0.1:3000", True),  # a proxy that puts its own Host
        ("https://ssa.example.org", "ssa.example.org:443", True),
        ("https://ssa.example.org:8443", "ssa.example.org", False),  # another program of that host
        ("http://localhost:8080", "localhost:3000", False),
        ("http://localhost", "localhost:3000", False),
        ("http://evil.example", "localhost:3000", False),
        ("http://localhost:3000.evil.example", "localhost:3000", False),
        ("null", "localhost:3000", False),
        ("", "localhost:3000", False),
        ("file://", "localhost:3000", False),
        ("http://[", "localhost:3000", False),
        ("http://localhost:3000/", "localhost:3000", False),
        ("chrome-extension://localhost:3000", "localhost:3000", False),
    ],
)
def test_only_pages_of_the_ui_itself_may_use_it(origin: str, host: str, is_own: bool) -> None:
    headers, expected = JSON | {"origin": origin, "host": host}, 200 if is_own else 403
    for method, path in (("POST", "/ssa/graphql"), ("POST", "/report_asset_materialization/x"), ("GET", "/x")):
        assert _status(method, path, headers, ("ssa.example.org",)) == expected
    assert _socket({"origin": origin, "host": host}, ("ssa.example.org",)) == (101 if is_own else 403)


def test_two_origins_or_hosts_are_one_too_many() -> None:
    twice = [("host", "localhost:3000"), ("origin", "http://localhost:3000"), ("origin", "http://evil.example")]
    assert _get("/", twice).status == 403
    assert _get("/", [("host", "localhost"), ("host", "localhost")]).status == 403


def test_a_page_of_another_site_loads_nothing_but_a_link_may_be_followed() -> None:
    for site in ("cross-site", "same-site", "anything else"):
        loaded = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
        link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        assert _status("GET", "/runs", loaded) == 403
        assert _status("GET", "/runs", link | {"sec-fetch-dest": "iframe"}) == 403
        assert _status("GET", "/runs", link) == 200
        assert _status("POST", "/runs", link) == 403
        assert _status("GET", "/ssa/graphql", link, query=QUERY) == 403
    for site in ("same-origin", "none"):
        assert _status("GET", "/ssa/graphql", {"sec-fetch-site": site}, query=QUERY) == 200


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (QUERY, 200),
        ("{ version }", 200),
        ("fragment F on X { y } query { version ...F }", 200),
        (MUTATION, 405),
        ("query A { version } mutation B { stop }", 405),
        ("subscription { logs }", 405),
        ("\ufeff# a comment\nmutation { stop }", 405),
        ("no GraphQL", 405),
        ("{a" * 3000 + "}" * 3000, 405),
    ],
)
def test_graphql_by_get_holds_queries_only(text: str, status: int) -> None:
    assert _status("GET", "/ssa/graphql", {}, query=text) == status
    assert _status("GET", "/ssa/graphql/", {}, query=text) == status


def test_the_last_of_several_queries_counts_for_dagster_and_each_for_the_guard() -> None:
    for first, last in ((QUERY, MUTATION), (MUTATION, QUERY)):
        assert _get("/ssa/graphql", query=[("query", first), ("query", last)]).status == 405


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/graphql", 200),
        ("text/plain", 415),
        ("text/plain; application/json", 415),  # Dagster looks for the words anywhere
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 415),
        ("", 415),
    ],
)
def test_graphql_by_post_is_what_no_form_can_send(content_type: str, status: int) -> None:
    assert _status("POST", "/ssa/graphql", {"content-type": content_type}, query=MUTATION) == status


def test_a_refusal_says_what_to_do_and_shows_no_control_characters() -> None:
    assert _get("/", [("host", "evil\u009b.example")]).text == (
        "this UI is not reached under evil\\x9b.example: a name that may be used besides localhost is set by "
        "SSA_UI_HOSTS\n"
    )


def test_no_page_of_others_may_frame_or_embed_the_ui() -> None:
    for headers in ([], [("host", "evil.example")]):
        answer = _get("/", headers)
        assert "frame-ancestors 'self'" in answer.header("content-security-policy")
        assert answer.header("x-frame-options") == ["SAMEORIGIN"]
        assert answer.header("cross-origin-resource-policy") == ["same-origin"]
        assert answer.header("x-content-type-options") == ["nosniff"]
    assert "base-uri 'none'" in _get("/").header("content-security-policy")


def test_the_names_of_the_ui_are_settings() -> None:
    settings = read_settings({"SSA_UI_HOSTS": " SSA.example.org, ssa.example.org:8443,,[fd00::1]"})
    assert settings.ui_hosts == ("ssa.example.org", "ssa.example.org:8443", "[fd00::1]")
    assert read_settings({"SSA_UI_URL": "https://Alerts.example.org:8443/ssa"}).ui_hosts == ("alerts.example.org:8443",)
    assert read_settings({}).ui_hosts == ()
    assert [read_settings({"SSA_UI_PATH": path}).ui_path for path in ("", "/", "/ssa", "/a/b/")] == [
        "",
        "",
        "/ssa",
        "/a/b",
    ]
    for name, value in (
        ("SSA_UI_HOSTS", "https://ssa.example.org"),
        ("SSA_UI_HOSTS", "*"),
        ("SSA_UI_HOSTS", "a b"),
        ("SSA_UI_PATH", "ssa"),
        ("SSA_UI_PATH", "/ssa?x"),
        ("SSA_UI_PATH", "//evil.example"),
    ):
        with pytest.raises(SettingsError, match=name):
            read_settings({name: value}).check()


def test_the_address_of_the_ui_holds_the_path_with_which_it_was_started() -> None:
    class Started:
        def environ(self) -> dict[str, str]:
            return {"SSA_SERVICE_PORT": "3000", "SSA_SERVICE_PATH": "/ssa"}

    assert state.address_of(Started()) == "http://127.0.0.1:3000/ssa"  # type: ignore[arg-type]
