"""Settings of the sources: what is refused, and that secrets do not show."""

from __future__ import annotations

import httpx
import pytest

from ssa_pipeline.settings import SettingsError, read_settings
from ssa_pipeline.sources.http import open_client


def test_defaults_are_the_providers() -> None:
    sources = read_settings({}).sources
    assert (sources.celestrak_url, sources.space_track_url) == ("https://celestrak.org", "https://www.space-track.org")
    assert sources.http.user_agent.startswith("ssa-pipeline/")
    assert (sources.http.proxies, sources.http.ca_file, sources.folder) == ({}, None, None)


def test_the_contact_is_in_the_user_agent() -> None:
    assert read_settings({"SSA_CONTACT": "ops@example.org"}).sources.http.user_agent.endswith("(+ops@example.org)")


def test_secrets_do_not_show() -> None:
    env = {"SPACE_TRACK_PASSWORD": "s3cret", "SPACE_TRACK_USERNAME": "me", "HTTPS_PROXY": "http://u:s3cret@proxy:3128"}
    settings = read_settings(env)
    assert settings.sources.http.proxies == {"https://": env["HTTPS_PROXY"]}
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSA_CELESTRAK_URL", "celestrak.org"),
        ("SSA_CELESTRAK_URL", "ftp://celestrak.org"),
        ("SSA_CELESTRAK_URL", "https://u:s3cret@celestrak.org"),
        ("SSA_CELESTRAK_URL", "https://celestrak.org:s3cret"),
        ("SSA_SPACE_TRACK_URL", "http://www.space-track.org"),
        ("SSA_PROXY", "u:s3cret@proxy:3128"),
        ("SSA_PROXY", "socks5://u:s3cret@proxy:3128"),
        ("ALL_PROXY", "socks5://u:s3cret@proxy:3128"),
        ("SSA_CA_FILE", "/nonexistent/ca.pem"),
        ("SSA_CONTACT", "two\nlines"),
        ("SSA_HTTP_TIMEOUT_S", "0"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        read_settings({name: value})
    assert "s3cret" not in str(raised.value)


ADDRESSES = (
    "http://example.org",
    "https://example.org",
    "https://www.example.org:8443/path",
    "https://notexample.org",
    "http://127.0.0.1:8000",
    "http://[::1]:8000",
    "http://localhost",
)


def route(client: httpx.Client, address: str) -> str | None:
    """The proxy through which a client goes, or None."""
    transport = client._transport_for_url(httpx.URL(address))
    proxy = getattr(transport._pool, "_proxy_url", None)  # type: ignore[attr-defined]
    return None if proxy is None else f"{proxy.host.decode()}:{proxy.port}"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"HTTPS_PROXY": "http://secure:1"},
        {"HTTP_PROXY": "plain:2", "https_proxy": "http://secure:1", "HTTPS_PROXY": "http://other:3"},
        {"ALL_PROXY": "http://all:4", "HTTP_PROXY": "http://plain:2"},
        {"ALL_PROXY": "http://all:4", "NO_PROXY": "example.org, 127.0.0.1,localhost,::1"},
        {"HTTPS_PROXY": "http://secure:1", "NO_PROXY": ".example.org"},
        {"HTTPS_PROXY": "http://secure:1", "NO_PROXY": "https://www.example.org:8443"},
        {"HTTPS_PROXY": "http://secure:1", "NO_PROXY": "example.org,*"},
        {"HTTPS_PROXY": "http://secure:1", "NO_PROXY": "example.org", "no_proxy": ""},
    ],
)
def test_the_usual_variables_of_proxies_mean_what_they_mean_to_httpx(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with open_client(read_settings(env).sources.http) as ours:
        found = {address: route(ours, address) for address in ADDRESSES}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with httpx.Client(verify=False) as theirs:  # it reads the environment
        assert found == {address: route(theirs, address) for address in ADDRESSES}


def test_our_own_proxy_comes_before_the_usual_ones_and_no_proxy_holds_for_it() -> None:
    env = {"SSA_PROXY": "http://ours:5", "HTTP_PROXY": "http://plain:2", "NO_PROXY": "localhost,127.0.0.1"}
    with open_client(read_settings(env).sources.http) as client:
        found = [route(client, address) for address in ADDRESSES]
    assert found == ["ours:5"] * 4 + [None, "ours:5", None]
