"""A real browser on pages of strangers, against Dagster's webserver as we start it: none of them may give it orders."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from dagster import AssetMaterialization, MetadataValue

from ssa_pipeline.defs.slices.describe import markdown_table
from ssa_pipeline.local import ui_guard
from ssa_pipeline.local.abandoned_runs import open_instance
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.local.host import LOOPBACK, next_free_port
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.use_cases.runs.webserver import Webserver
from ssa_pipeline_tests.shared.browser import Browser, open_browser

PATH = "/ssa"
SWITCH_ON = "mutation { setAutoMaterializePaused(paused: true) }"
SWITCH_OFF = "mutation { setAutoMaterializePaused(paused: false) }"
IS_ON = "{ instance { autoMaterializePaused } }"
# Each is tried on its own, and may fail in any way that it likes.
ATTACKS = {
    "image": "const i = new Image(); i.src = `${ui}/graphql?query=${text}`; await gone(i);",
    "frame": "const f = document.createElement('iframe'); f.src = `${ui}/graphql?query=${text}`;"
    "document.body.append(f); await gone(f);",
    "script": "const s = document.createElement('script'); s.src = `${ui}/graphql?query=${text}`;"
    "document.body.append(s); await gone(s);",
    "get": "await fetch(`${ui}/graphql?query=${text}`, {mode: 'no-cors'});",
    "plain post": "await fetch(`${ui}/graphql?query=${text}`, {method: 'POST', mode: 'no-cors', body: 'x'});",
    "json as plain": "await fetch(`${ui}/graphql`, {method: 'POST', mode: 'no-cors', body,"
    "headers: {'Content-Type': 'text/plain; application/json'}});",
    "json post": "await fetch(`${ui}/graphql`, {method: 'POST', body, headers: {'Content-Type': 'application/json'}});",
    "form": "const n = document.createElement('iframe'); n.name = 'n'; document.body.append(n);"
    "const f = document.createElement('form'); f.method = 'POST'; f.target = 'n';"
    "f.action = `${ui}/graphql?query=${text}`; document.body.append(f); f.submit(); await gone(n);",
    "sandboxed": "const f = document.createElement('iframe'); f.sandbox = 'allow-scripts';"
    "f.srcdoc = `<script>fetch('${ui}/graphql?query=${text}', {method: 'POST', mode: 'no-cors'})</script>`;"
    "document.body.append(f); await gone(f);",
}
PREPARED = """
const [ui, query] = arguments, text = encodeURIComponent(query), body = JSON.stringify({query});
const gone = one => new Promise(done => { one.onload = one.onerror = done; setTimeout(done, 3000); });
"""
SOCKET = """
return await new Promise(done => {
  const socket = new WebSocket(arguments[0], 'graphql-ws');
  socket.onerror = () => done('refused');
  socket.onopen = () => socket.send(JSON.stringify({type: 'connection_init'}));
  socket.onmessage = message => done(JSON.parse(message.data).type);
});
"""


@pytest.fixture(scope="module")
def port(database: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of our webserver, as `ssa up` starts it but without the pipeline's code, which nothing here needs."""
    home = tmp_path_factory.mktemp("ui")
    settings = read_settings({"SSA_HOME": str(home), "SSA_UI_PATH": PATH, "SSA_UI_HOSTS": "ui.example"})
    link_dagster_home(settings)
    port = next_free_port(3300)
    script = Path(ui_guard.__file__).with_name("webserver_process.py")
    arguments = [sys.executable, str(script), "-h", LOOPBACK, "-p", str(port), "-l", PATH, "--empty-workspace"]
    environment = {**os.environ, **service_environment(settings, database), "SSA_UI_HOSTS": "ui.example"}
    with (home / "webserver.log").open("wb") as log:
        process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"http://{LOOPBACK}:{port}{PATH}/server_info", home / "webserver.log")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(url: str, log: Path, timeout_s: float = 180.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            assert httpx.get(url, timeout=30, trust_env=False).status_code == 200
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a stranger's page</title><body>")

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module")
def asset_with_hostile_names(port: int, database: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An asset whose table of metadata holds names that are Markdown, and with them one that is meant as Markdown."""
    settings = read_settings({"SSA_HOME": str(tmp_path_factory.mktemp("instance"))})
    link_dagster_home(settings)
    names = [
        f"![y]({PATH}/graphql?query=mutation{{x}})",
        "<img src=/y>",
        "[y](http://evil.example)",
        "http://evil.example",
    ]
    table = markdown_table(["object", "n"], [(name, 1) for name in names]) + f"\n\n![meant]({PATH}/meant.png)"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service_environment(settings, database).items():
            patch.setenv(name, value)
        with open_instance(os.environ) as instance:
            metadata = {"closest": MetadataValue.md(table)}
            instance.report_runless_asset_event(AssetMaterialization("hostile", metadata=metadata))
    return "hostile"


@pytest.fixture(scope="module")
def strangers_port() -> Iterator[int]:
    with ThreadingHTTPServer((LOOPBACK, 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    names = "--host-resolver-rules=MAP *.example 127.0.0.1, MAP localhost 127.0.0.1"
    with open_browser(tmp_path_factory.mktemp("browser"), names) as browser:
        yield browser


def _is_on(port: int) -> bool:
    with Webserver(f"http://{LOOPBACK}:{port}{PATH}") as webserver:
        return bool(webserver.query(IS_ON, {})["instance"]["autoMaterializePaused"])


@pytest.fixture(autouse=True)
def switched_off(port: int) -> None:
    """By our own client, which is no browser, and is let through."""
    with Webserver(f"http://{LOOPBACK}:{port}{PATH}") as webserver:
        webserver.query(SWITCH_OFF, {})
    assert not _is_on(port)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "ui.example"])
def test_a_page_of_the_ui_itself_gives_orders_by_post_and_over_its_socket(
    port: int, browser: Browser, name: str
) -> None:
    ui = f"http://{name}:{port}{PATH}"
    browser.open(f"{ui}/overview")
    browser.wait_for("document.querySelector('#root') && document.querySelector('#root').children.length")
    answer = browser.run(
        "const [ui, query] = arguments;"
        "return await (await fetch(`${ui}/graphql`, {method: 'POST', body: JSON.stringify({query}),"
        "headers: {'Content-Type': 'application/json'}})).json();",
        ui,
        SWITCH_ON,
    )
    assert answer == {"data": {"setAutoMaterializePaused": True}}
    assert _is_on(port)
    assert browser.run(SOCKET, f"ws://{name}:{port}{PATH}/graphql") == "connection_ack"
    assert "405" in str(
        browser.run("return (await fetch(`${arguments[0]}/graphql?query=${arguments[1]}`)).status", ui, SWITCH_OFF)
    )
    assert _is_on(port)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_strangers_page_flips_no_switch(port: int, strangers_port: int, browser: Browser, attack: str) -> None:
    for stranger in ("evil.example", "127.0.0.1"):  # another site, and another program of this machine
        browser.open(f"http://{stranger}:{strangers_port}/")
        for name in ("127.0.0.1", "localhost"):
            browser.run(PREPARED + ATTACKS[attack], f"http://{name}:{port}{PATH}", SWITCH_ON)
    assert not _is_on(port)


def test_a_strangers_page_opens_no_web_socket(port: int, strangers_port: int, browser: Browser) -> None:
    for stranger in ("evil.example", "127.0.0.1"):
        browser.open(f"http://{stranger}:{strangers_port}/")
        assert browser.run(SOCKET, f"ws://127.0.0.1:{port}{PATH}/graphql") == "refused"
    assert not _is_on(port)


def test_a_name_that_was_rebound_to_this_machine_reaches_nothing(port: int, browser: Browser) -> None:
    """The page then counts as the UI's own origin: Origin and Sec-Fetch-Site tell nothing."""
    browser.open(f"http://rebound.example:{port}{PATH}/")
    assert "is not reached under rebound.example" in browser.run("return document.body.innerText")
    ui = f"http://rebound.example:{port}{PATH}"
    browser.run(PREPARED + ATTACKS["json post"], ui, SWITCH_ON)
    assert browser.run(SOCKET, f"ws://rebound.example:{port}{PATH}/graphql") == "refused"
    assert not _is_on(port)


def test_no_page_of_strangers_frames_the_ui_but_a_link_to_it_may_be_followed(
    port: int, strangers_port: int, browser: Browser
) -> None:
    browser.open(f"http://evil.example:{strangers_port}/")
    framed = browser.run(
        "const f = document.createElement('iframe'); f.src = arguments[0]; document.body.append(f);"
        "await new Promise(done => { f.onload = done; setTimeout(done, 5000); });"
        "try { return f.contentDocument ? 'blank' : 'other'; } catch { return 'other'; }",
        f"http://127.0.0.1:{port}{PATH}/",
    )
    assert framed in ("blank", "other")
    browser.run(
        "const a = document.createElement('a'); a.href = arguments[0]; document.body.append(a); a.click();",
        f"http://127.0.0.1:{port}{PATH}/overview",
    )
    browser.wait_for(f"location.port === '{port}' && document.querySelector('#root')")


def test_names_that_are_markdown_are_shown_as_they_are(
    port: int, browser: Browser, asset_with_hostile_names: str
) -> None:
    browser.open(f"http://127.0.0.1:{port}{PATH}/assets/{asset_with_hostile_names}?view=events")
    browser.wait_for("!!document.querySelector('img[alt=meant]')")  # what we mean as Markdown is
    shown = browser.run("return document.querySelector('img[alt=meant]').closest('[role=dialog], body').innerText")
    assert f"![y]({PATH}/graphql?query=mutation{{x}})" in shown
    assert "<img src=/y>" in shown
    assert browser.run("return document.querySelectorAll('img[alt=y], img[src=\"/y\"], a[href*=evil]').length") == 0
    asked = browser.run("return performance.getEntriesByType('resource').map(one => one.name)")
    assert not [one for one in asked if "mutation" in one or "evil" in one]
