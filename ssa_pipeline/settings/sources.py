"""Whom to ask for releases, as whom, and through which proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssa_pipeline.settings.values import SettingsError, base_url, is_url, login_url, names_of_sources, number

_DAY_S = 86_400
_SPACE_TRACK = "https://www.space-track.org"
# CelesTrak has no group of everything: the active objects, the newest, and the large clouds of debris.
_CELESTRAK_QUERIES = (
    "GROUP=active GROUP=last-30-days GROUP=fengyun-1c-debris GROUP=cosmos-2251-debris GROUP=iridium-33-debris "
    "GROUP=cosmos-1408-debris satcat"
)
_SPACE_TRACK_QUERIES = "gp satcat decay tip"


@dataclass(frozen=True)
class Proxy:
    variable: str
    address: str = field(repr=False)  # may hold a password


@dataclass(frozen=True)
class HttpSettings:
    user_agent: str  # SSA_CONTACT: an e-mail or web address, so that a provider can write instead of banning
    # "http://" and "https://" -> SSA_PROXY, else HTTP_PROXY, HTTPS_PROXY and ALL_PROXY
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    direct: tuple[str, ...] = ()  # NO_PROXY: what is asked without a proxy; as given, see ``sources.http``
    ca_file: Path | None = None  # SSA_CA_FILE: certificates to trust instead of the system's
    timeout_s: float = 60.0  # SSA_HTTP_TIMEOUT_S: to connect, and between two pieces of an answer
    deadline_s: float = 600.0  # SSA_HTTP_DEADLINE_S: for a whole answer


@dataclass(frozen=True)
class SourceSettings:
    http: HttpSettings
    celestrak_url: str  # SSA_CELESTRAK_URL
    space_track_url: str  # SSA_SPACE_TRACK_URL
    space_track_username: str = field(default="", repr=False)  # SPACE_TRACK_USERNAME
    space_track_password: str = field(default="", repr=False)  # SPACE_TRACK_PASSWORD
    folder: Path | None = None  # SSA_WATCHED_FOLDER
    celestrak_queries: tuple[str, ...] = ()  # SSA_CELESTRAK_QUERIES: what automation asks for, see ``ssa fetch``
    space_track_queries: tuple[str, ...] = ()  # SSA_SPACE_TRACK_QUERIES
    accept_bad_checksums: tuple[str, ...] = ()  # SSA_ACCEPT_BAD_CHECKSUMS: sources whose TLE with wrong ones are used


def read_sources(env: Mapping[str, str]) -> SourceSettings:
    """SettingsError where an address, a name or a number cannot be used; it tells no password."""
    folder = env.get("SSA_WATCHED_FOLDER")
    return SourceSettings(
        http=_http(env),
        celestrak_url=base_url("SSA_CELESTRAK_URL", env.get("SSA_CELESTRAK_URL") or "https://celestrak.org"),
        space_track_url=login_url("SSA_SPACE_TRACK_URL", env.get("SSA_SPACE_TRACK_URL") or _SPACE_TRACK),
        space_track_username=env.get("SPACE_TRACK_USERNAME", ""),
        space_track_password=env.get("SPACE_TRACK_PASSWORD", ""),
        folder=Path(folder).expanduser().resolve() if folder else None,
        celestrak_queries=tuple((env.get("SSA_CELESTRAK_QUERIES") or _CELESTRAK_QUERIES).split()),
        space_track_queries=tuple((env.get("SSA_SPACE_TRACK_QUERIES") or _SPACE_TRACK_QUERIES).split()),
        accept_bad_checksums=names_of_sources(env, "SSA_ACCEPT_BAD_CHECKSUMS", ""),
    )


def _http(env: Mapping[str, str]) -> HttpSettings:
    contact = env.get("SSA_CONTACT", "")
    if not re.fullmatch(r"[!-~]*", contact):
        raise SettingsError(f"SSA_CONTACT={contact!r} is not an e-mail or web address")
    ca_file = Path(env["SSA_CA_FILE"]).expanduser() if env.get("SSA_CA_FILE") else None
    if ca_file and not ca_file.is_file():
        raise SettingsError(f"SSA_CA_FILE={ca_file} is not a file")
    direct = tuple(host for host in map(str.strip, _either_case(env, "NO_PROXY").split(",")) if host)
    return HttpSettings(
        user_agent="ssa-pipeline/0.1.0" + (f" (+{contact})" if contact else ""),
        proxies={} if "*" in direct else _proxies(env),
        direct=direct,
        ca_file=ca_file,
        timeout_s=number(env, "SSA_HTTP_TIMEOUT_S", 60.0, minimum=1e-3, maximum=_DAY_S),
        deadline_s=number(env, "SSA_HTTP_DEADLINE_S", 600.0, minimum=1e-3, maximum=_DAY_S),
    )


def _proxies(env: Mapping[str, str]) -> dict[str, Proxy]:
    """As httpx reads the usual variables (httpx/_utils.py, get_environment_proxies), from ``env`` alone. SettingsError
    for SSA_PROXY; the others are other programs' too: one that cannot be used is an error where it is used."""
    ours = _either_case(env, "SSA_PROXY")
    if ours and not is_url(ours, ("http", "https")):
        raise SettingsError("SSA_PROXY must look like http://proxy:3128")  # its value may hold a password
    found: dict[str, Proxy] = {}
    for scheme in ("http", "https"):
        for name in ("SSA_PROXY", f"{scheme}_proxy".upper(), "ALL_PROXY"):
            if value := _either_case(env, name):
                found[f"{scheme}://"] = Proxy(name, value if "://" in value else f"http://{value}")
                break
    return found


def _either_case(env: Mapping[str, str], name: str) -> str:
    """The spelling in lower case counts, even when empty: so do Python's and curl's."""
    return env.get(name.lower(), env.get(name, "")).strip()
