"""Settings of the sources: what is refused, and that secrets do not show."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ssa_pipeline.settings import Proxy, SettingsError, read_settings
from ssa_pipeline.sources.errors import QueryError
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
    assert settings.sources.http.proxies == {"https://": Proxy("HTTPS_PROXY", env["HTTPS_PROXY"])}
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
        ("SSA_CA_FILE", "/nonexistent/ca.pem"),
        ("SSA_CONTACT", "two\nlines"),
        ("SSA_HTTP_TIMEOUT_S", "0"),
        ("SSA_HTTP_TIMEOUT_S", "inf"),
        ("SSA_HTTP_DEADLINE_S", "1e10"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        read_settings({name: value}).check()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://u:s3cret@proxy:3128"),
        ("HTTPS_PROXY", "socks5h://u:s3cret@proxy"),
        ("http_proxy", "http://u:s3cret@proxy:99999"),
        ("HTTP_PROXY", "u:s3cret@"),
        ("HTTP_PROXY", "http://u:s3cret@caf\udce9"),
    ],
)
def test_a_proxy_of_other_programs_that_cannot_be_used_stops_only_who_uses_it(name: str, value: str) -> None:
    settings = read_settings({name: value})
    with pytest.raises(QueryError, match=f"^{name.upper()} must look like http://proxy:3128$"):
        open_client(settings.sources.http)


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(QueryError, match=r"SSA_CA_FILE=.*ca\.pem cannot be read as certificates"):
        open_client(read_settings({"SSA_CA_FILE": str(tmp_path / "ca.pem")}).sources.http)


@pytest.mark.parametrize("url", ["HTTPS://CelesTrak.org/", "https://celestrak.org:443", "https://celestrak.org//"])
def test_spellings_of_a_server_share_its_intervals(url: str) -> None:
    assert read_settings({"SSA_CELESTRAK_URL": url}).sources.celestrak_url == "https://celestrak.org"


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


def test_blanks_around_a_proxy_are_no_part_of_it() -> None:
    env = {"SSA_PROXY": "", "HTTPS_PROXY": " http://secure:1\n", "ALL_PROXY": " "}
    with open_client(read_settings(env).sources.http) as client:
        assert [route(client, f"{scheme}://example.org") for scheme in ("http", "https")] == [None, "secure:1"]


def test_our_own_proxy_comes_before_the_usual_ones_and_no_proxy_holds_for_it() -> None:
    env = {"SSA_PROXY": "http://ours:5", "HTTP_PROXY": "http://plain:2", "NO_PROXY": "localhost,127.0.0.1"}
    with open_client(read_settings(env).sources.http) as client:
        found = [route(client, address) for address in ADDRESSES]
    assert found == ["ours:5"] * 4 + [None, "ours:5", None]


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("[::1]", "http://[::1]:8000", "http://[::2]:8000"),
        ("::1/128", "http://[::1]", "http://[::2]"),
        ("127.0.0.1/32", "http://127.0.0.1", "http://127.0.0.2"),
        ("[::1]:8000", "http://[::1]:8000", "http://[::1]:8001"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8001"),
        ("localhost:8000", "http://localhost:8000", "http://localhost:8001"),
        ("example.org:8443", "https://www.example.org:8443", "https://www.example.org"),
    ],
)
def test_spellings_of_no_proxy_beside_those_of_httpx(entry: str, inside: str, outside: str) -> None:
    with open_client(read_settings({"SSA_PROXY": "http://ours:5", "NO_PROXY": entry}).sources.http) as client:
        assert (route(client, inside), route(client, outside)) == (None, "ours:5")


NO_ADDRESSES = ("fd00::/8", "[fd00::]/8", "10.0.0.0/8", "localhost:*", "host:port", "caf\udce9")


def test_what_is_no_address_in_no_proxy_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    entries = ",".join((*NO_ADDRESSES, "[::1]", "localhost"))
    with open_client(read_settings({"HTTP_PROXY": "http://p:1", "NO_PROXY": entries}).sources.http) as client:
        found = [route(client, f"http://{host}") for host in ("[::1]", "localhost", "10.0.0.0", "example.org")]
    assert found == [None, None, "p:1", "p:1"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(NO_ADDRESSES)
    for entry, message in zip(NO_ADDRESSES, said, strict=True):
        assert message.startswith(f"NO_PROXY: {entry!r} is left out")


def test_no_proxy_is_not_looked_at_where_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    with open_client(read_settings({"NO_PROXY": ",".join(NO_ADDRESSES)}).sources.http) as client:
        assert route(client, "http://example.org") is None
    assert caplog.text == ""
