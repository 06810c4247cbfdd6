"""Settings of the sources: what is refused, and that secrets do not show."""

from __future__ import annotations

import pytest

from ssa_pipeline.settings import SettingsError, read_settings


def test_defaults_are_the_providers() -> None:
    sources = read_settings({}).sources
    assert (sources.celestrak_url, sources.space_track_url) == ("https://celestrak.org", "https://www.space-track.org")
    assert sources.http.user_agent.startswith("ssa-pipeline/")
    assert (sources.http.proxy, sources.http.ca_file, sources.folder) == (None, None, None)


def test_the_contact_is_in_the_user_agent() -> None:
    assert read_settings({"SSA_CONTACT": "ops@example.org"}).sources.http.user_agent.endswith("(+ops@example.org)")


def test_secrets_do_not_show() -> None:
    env = {"SPACE_TRACK_PASSWORD": "s3cret", "SPACE_TRACK_USERNAME": "me", "HTTPS_PROXY": "http://u:s3cret@proxy:3128"}
    settings = read_settings(env)
    assert settings.sources.http.proxy == env["HTTPS_PROXY"]
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
    ],
)
def test_what_cannot_be_used_is_named_without_its_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        read_settings({name: value})
    assert "s3cret" not in str(raised.value)
