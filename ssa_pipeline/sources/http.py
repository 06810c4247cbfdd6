"""One HTTP exchange, politely: named, bounded in time and size, no credentials in what is kept or said."""

from __future__ import annotations

import gzip
import io
import logging
import re
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import httpx

from ssa_pipeline.settings import HttpSettings, Proxy, is_url
from ssa_pipeline.sources.errors import NotCatalogError, QueryError, RefusedError, TransientError

MAX_BYTES = 1 << 28  # ten times the largest catalogue served today
_SECRET = ("cookie", "auth", "token")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """A complete HTTP answer; ``body`` without its content encoding."""

    status: int
    url: str
    headers: dict[str, str]  # names in lower case, secrets left out
    body: bytes
    sets_cookie: bool

    @property
    def text(self) -> str:
        """The beginning of the body, for messages: one line."""
        return " ".join(self.body[:300].decode("utf-8", "replace").split())


def open_client(settings: HttpSettings) -> httpx.Client:
    """A client that reads nothing from the environment and follows no redirect by itself. Where there is a proxy, it
    warns of entries of NO_PROXY that are no addresses. QueryError where a proxy or certificates cannot be used; it
    names the variable."""
    logging.getLogger("httpcore").setLevel(logging.INFO)  # its DEBUG lines hold session cookies
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold addresses, as the webhook's, a secret
    verify = _certificates(settings.ca_file)
    mounts: dict[str, httpx.BaseTransport | None] = {
        scheme: _through(proxy, verify) for scheme, proxy in settings.proxies.items()
    }
    return httpx.Client(
        mounts=mounts | dict.fromkeys(_patterns(settings.direct)) if mounts else None,
        verify=verify,
        timeout=settings.timeout_s,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip"},
    )


def _certificates(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # SSLError is one
        said = error.strerror or error
        raise QueryError(f"SSA_CA_FILE={ca_file} cannot be read as certificates (PEM): {said}") from None


def _through(proxy: Proxy, verify: ssl.SSLContext) -> httpx.HTTPTransport:
    try:
        if is_url(proxy.address, ("http", "https")):
            return httpx.HTTPTransport(proxy=proxy.address, verify=verify, trust_env=False)
    except (httpx.InvalidURL, ValueError):
        pass
    raise QueryError(f"{proxy.variable} must look like http://proxy:3128")


def _patterns(direct: tuple[str, ...]) -> Iterator[str]:
    """The entries of NO_PROXY as httpx spells them."""
    for entry in direct:
        try:
            pattern = _pattern(entry)
            httpx.URL(pattern)
        except (httpx.InvalidURL, ValueError):
            _log.warning("NO_PROXY: %r is left out: it is neither a host, host:port nor a single address", entry)
        else:
            yield pattern


def _pattern(entry: str) -> str:
    """As httpx reads an entry (httpx/_utils.py, get_environment_proxies), and IPv6 addresses in brackets too:
    ``example.org`` stands for its subdomains as well, ``.example.org`` for those alone. ValueError for a network: httpx
    would take it for its first address."""
    if "://" in entry:
        return entry
    if re.fullmatch(r"\[.+\]:\d+", entry):
        return f"all://{entry}"
    try:
        network = ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return f"all://{entry}" if entry.lower() == "localhost" else f"all://*{entry}"
    if network.num_addresses > 1:
        raise ValueError(f"{entry} is a network")
    address = network.network_address
    return f"all://[{address}]" if address.version == 6 else f"all://{address}"


def exchange(
    client: httpx.Client,
    settings: HttpSettings,
    url: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> Reply:
    """Send one request and read its whole answer, whatever the status.

    TransientError where the connection fails, is cut, or takes longer than the settings allow; NotCatalogError for a
    body that cannot be unpacked or is too large; QueryError for an address that cannot be one; RefusedError for a
    redirect to such. Messages name the host and path, never what was sent.
    """
    _check_address(url)
    try:
        with client.stream(method, url, headers=headers, data=form) as response:
            body = _body(response, url, settings.deadline_s)
            kept = {k: v for k, v in response.headers.items() if not any(word in k for word in _SECRET)}
            return Reply(response.status_code, str(response.url), kept, body, "set-cookie" in response.headers)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise TransientError(f"{url}: {type(error).__name__}: {reason}") from None
    except httpx.InvalidURL as error:
        raise RefusedError(f"{url}: redirected to what is no address: {error}") from None
    except UnicodeError as error:  # of a host or a proxy, when its name is looked up
        raise QueryError(f"{url}: the name of the server or of the proxy cannot be one: {error}") from None


def _check_address(url: str) -> None:
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise QueryError(f"{url!r} is no address: {error}") from None


def _body(response: httpx.Response, url: str, deadline_s: float) -> bytes:
    """The body without its content encoding. A refusal whose body is cut off stays a refusal (with an empty body),
    since a TransientError would let the query be asked again."""
    try:
        return _unpacked(response, _read(response, url, deadline_s), url)
    except (httpx.HTTPError, TransientError, NotCatalogError):
        if response.status_code == 200 or response.status_code >= 500:
            raise
        return b""


def _read(response: httpx.Response, url: str, deadline_s: float) -> bytes:
    started, chunks, size = time.monotonic(), [], 0
    for chunk in response.iter_raw():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise NotCatalogError(f"{url}: answered more than {MAX_BYTES >> 20} MiB")
        if time.monotonic() - started > deadline_s:
            raise TransientError(f"{url}: the answer was not complete after {deadline_s:g} s ({size} bytes)")
    return b"".join(chunks)


def _unpacked(response: httpx.Response, body: bytes, url: str) -> bytes:
    """By hand: httpx takes a gzip body that is cut off for a complete one."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding == "identity" or not body:
        return body
    if encoding != "gzip":
        raise NotCatalogError(f"{url}: answered with content encoding {encoding}, which was not asked for")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            text = stream.read(MAX_BYTES + 1)
    except EOFError:
        raise TransientError(f"{url}: the gzip body is cut off after {len(body)} bytes") from None
    except (OSError, zlib.error) as error:
        raise NotCatalogError(f"{url}: the gzip body is damaged ({error})") from None
    if len(text) > MAX_BYTES:
        raise NotCatalogError(f"{url}: unpacks to more than {MAX_BYTES >> 20} MiB")
    return text


def raise_for_status(reply: Reply, what: str) -> None:
    """TransientError for 5xx; RefusedError for everything else but 200: such an answer will not get better."""
    if reply.status == 200:
        return
    said = f"{what}: HTTP {reply.status}" + (f", {reply.text!r}" if reply.text else "")
    raise TransientError(said) if reply.status >= 500 else RefusedError(said)
