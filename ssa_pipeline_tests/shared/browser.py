"""Debian's Chromium, driven over the W3C WebDriver protocol: the few commands that tests need."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ssa_pipeline.local.host import LOOPBACK, next_free_port
from ssa_pipeline_tests.shared.needed import is_missing

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root has none of
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)


class Browser:
    """One window. ``run`` executes JavaScript that may ``await`` and returns its value."""

    def __init__(self, session_url: str) -> None:
        self._url = session_url
        self._http = httpx.Client(timeout=120, trust_env=False)

    def open(self, url: str) -> None:
        self._command("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        text = (
            f"const end = arguments[arguments.length - 1]; (async () => {{{script}}})().then(end, e => end(`${{e}}`))"
        )
        return self._command("POST", "/execute/async", {"script": text, "args": list(arguments)})

    def wait_for(self, condition: str, timeout_s: float = 60.0) -> Any:
        """The first true value of a JavaScript expression."""
        deadline = time.monotonic() + timeout_s
        while True:
            if value := self.run(f"return {condition};"):
                return value
            assert time.monotonic() < deadline, f"{condition} did not come true in {timeout_s:.0f} s"
            time.sleep(0.2)

    def picture(self) -> bytes:
        """PNG of the window."""
        return base64.b64decode(self._command("GET", "/screenshot"))

    def close(self) -> None:
        self._http.delete(self._url)
        self._http.close()

    def _command(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self._url}{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@contextmanager
def open_browser(directory: Path, *options: str, size: tuple[int, int] = (1400, 900)) -> Iterator[Browser]:
    """A browser with a fresh profile below ``directory``; skips, under CI=true fails, where none is installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        is_missing("Chromium is not installed: apt-get install chromium chromium-driver")
    port = next_free_port(9515)
    with (directory / "chromedriver.log").open("wb") as log:
        process = subprocess.Popen([driver, f"--port={port}"], stdout=log, stderr=log)
    try:
        _wait_ready(f"http://{LOOPBACK}:{port}")
        arguments = [
            *_OPTIONS,
            f"--user-data-dir={directory / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            *options,
        ]
        capabilities = {"goog:chromeOptions": {"binary": chromium, "args": arguments}, "timeouts": {"script": 60_000}}
        session = httpx.post(
            f"http://{LOOPBACK}:{port}/session",
            json={"capabilities": {"alwaysMatch": capabilities}},
            timeout=120,
            trust_env=False,
        ).json()["value"]
        assert "sessionId" in session, session
        url = f"http://{LOOPBACK}:{port}/session/{session['sessionId']}"
        browser = Browser(url)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(url: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if httpx.get(f"{url}/status", timeout=10, trust_env=False).json()["value"]["ready"]:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "chromedriver does not answer"
        time.sleep(0.1)
