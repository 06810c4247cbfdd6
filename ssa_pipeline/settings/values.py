"""What settings of several concerns have in common: numbers, days, addresses, names of sources, and the error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import TypeVar
from urllib.parse import urlsplit

from ssa_pipeline.core.days import parse_iso_day

_N = TypeVar("_N", int, float)
_MUCH = 1e6  # of any number; more, or "inf", overflows a date, a timeout or a LIMIT where it is used, at night
MOST_DAYS = 36_500  # a hundred years before today is still a date
MOST_PORT = 65_535
# Whom element sets come from; in the order in which they are preferred.
SOURCES = ("space-track", "celestrak", "folder", "file")


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable, and the line of the file it is in."""


def number(env: Mapping[str, str], name: str, default: _N, *, minimum: float, maximum: float = _MUCH) -> _N:
    """A number of the type of its default, both limits included. SettingsError where it is none, or outside them."""
    text = env.get(name)
    if text is None or text == "":
        return default
    try:
        value = type(default)(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a number") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{name}={text} is not a finite number")
    if value < minimum:
        raise SettingsError(f"{name}={text} is below {minimum:g}")
    if value > maximum:
        raise SettingsError(f"{name}={text} is above {maximum:.0f}")
    return value


def day(env: Mapping[str, str], name: str, default: str) -> date:
    """SettingsError where it is no day."""
    text = env.get(name) or default
    try:
        return parse_iso_day(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a day like 2024-01-01") from None


def names_of_sources(env: Mapping[str, str], variable: str, default: str) -> tuple[str, ...]:
    """Names with commas between them. SettingsError where one is no source, or named twice."""
    text = env.get(variable) or default
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    for name in names:
        if name not in SOURCES:
            raise SettingsError(f"{variable}: {name!r} is no source; the sources are {', '.join(SOURCES)}")
        if names.count(name) > 1:
            raise SettingsError(f"{variable} names {name} twice")
    return names


def is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether ``text`` has one of the schemes, a host, and a port that can be one, if any."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def base_url(name: str, text: str) -> str:
    """A server's address in one spelling, since the providers' intervals are kept by it: host in small letters, no
    default port, no final slash. SettingsError for one with a login, a query, or no HTTP."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise SettingsError(f"{name} is not an address like https://celestrak.org") from None
    if not is_good or "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingsError(f"{name} must look like https://celestrak.org, without login or query")
    host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def login_url(name: str, text: str) -> str:
    """The same of a server that gets a password. SettingsError too unless it is HTTPS, or this machine."""
    url = base_url(name, text)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(f"{name}={url} would send a password unencrypted: use https")
    return url
