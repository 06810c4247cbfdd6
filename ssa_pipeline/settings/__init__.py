"""Every setting, read once from the environment and ``settings.env`` in the home; nothing else in the package looks at
``os.environ``."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from ssa_pipeline.core.days import parse_iso_day
from ssa_pipeline.settings.file import SettingsError as SettingsError
from ssa_pipeline.settings.file import SettingsFile, read_settings_file
from ssa_pipeline.settings.installation import REPOSITORY as REPOSITORY
from ssa_pipeline.settings.installation import default_home
from ssa_pipeline.settings.table import SHOWN

_N = TypeVar("_N", int, float)
_T = TypeVar("_T")
_P = ParamSpec("_P")
_DAY_S = 86_400
_MUCH = 1e6  # of any number; more, or "inf", overflows a date, a timeout or a LIMIT where it is used, at night
_MOST_DAYS = 36_500  # a hundred years before today is still a date
_MOST_PORT = 65_535
_SPACE_TRACK = "https://www.space-track.org"
# Whom element sets come from; in the order in which they are preferred.
SOURCES = ("space-track", "celestrak", "folder", "file")
# CelesTrak has no group of everything: the active objects, the newest, and the large clouds of debris.
_CELESTRAK_QUERIES = (
    "GROUP=active GROUP=last-30-days GROUP=fengyun-1c-debris GROUP=cosmos-2251-debris GROUP=iridium-33-debris "
    "GROUP=cosmos-1408-debris satcat"
)
_SPACE_TRACK_QUERIES = "gp satcat decay tip"


@dataclass(frozen=True)
class DatabaseUrl:
    """One PostgreSQL address in the spellings of its users (SQLAlchemy 2.1 reads a bare ``postgresql://`` as
    psycopg 3, dagster-postgres needs psycopg2)."""

    url: str  # normalised: postgresql://user:password@host:port/dbname?options

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        parts = urlsplit(text)
        scheme = parts.scheme.split("+")[0]
        if scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
            wanted = "postgresql://user:password@host:5432/name"
            raise SettingsError(f"DATABASE_URL must look like {wanted}, not {_safe(text)}")
        return cls(urlunsplit(("postgresql", parts.netloc, parts.path, parts.query, "")))

    @property
    def psycopg(self) -> str:
        return self.url

    @property
    def sqlalchemy(self) -> str:
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def dagster(self) -> str:
        """With Dagster's own schema as search path, or its Alembic table and ours collide."""
        url = self.with_options("-csearch_path=dagster")
        return url.replace("postgresql://", "postgresql+psycopg2://", 1)

    def with_options(self, options: str) -> str:
        """The address with server options after those that it has (``?options=-c …``): of one given twice the last
        counts, and a second ``options`` would replace the first whole."""
        parts = urlsplit(self.url)
        given = parse_qsl(parts.query, keep_blank_values=True)
        own = [value for name, value in given if name == "options" and value]
        others = [(name, value) for name, value in given if name != "options"]
        query = urlencode([*others, ("options", " ".join([*own, options]))], quote_via=quote)
        return urlunsplit(parts._replace(query=query))

    @property
    def without_password(self) -> str:
        return _safe(self.url)


def _safe(url: str) -> str:
    """The address without its secrets: between ``:`` and ``@``, and in parameters (``?password=``, …)."""
    parts = urlsplit(url)
    if parts.password is not None:
        url = url.replace(f":{parts.password}@", ":***@", 1)
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|[^&#\s]*)", r"\1***", url)


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


@dataclass(frozen=True)
class AutomationSettings:
    """Read when the services start: `ssa up` after a change."""

    interval_s: int  # SSA_SENSOR_INTERVAL_S: least time between two ticks of a sensor
    rescreen_hours: float  # SSA_RESCREEN_HOURS: a day is screened again at most this often
    reconcile_days: int  # SSA_RECONCILE_DAYS: the newest epoch days that are kept screened


@dataclass(frozen=True)
class AlertSettings:
    webhook: str = field(default="", repr=False)  # SSA_ALERT_WEBHOOK: the address is its password
    email: tuple[str, ...] = ()  # SSA_ALERT_EMAIL: addresses; the first is the sender too
    smtp_url: str = field(default="", repr=False)  # SSA_SMTP_URL: smtp[s]://user:password@host:port
    ui_url: str = ""  # SSA_UI_URL: the UI as readers of an alert reach it; empty: its address on this machine
    silent_hours: Mapping[str, float] = field(default_factory=dict)  # SSA_SOURCE_SILENT_HOURS; "": any other source


class _Concern(Generic[_T]):
    """A field of Settings whose error, if it was read with one, is raised where the field is used: a bad e-mail address
    stops alerts and not a screening."""

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, settings: Settings | None, _: type | None = None) -> _T:
        if settings is None:
            raise AttributeError(self._name)  # no default
        value: _T | SettingsError = settings.__dict__[self._name]
        if isinstance(value, SettingsError):
            raise value
        return value

    def __set__(self, settings: Settings, value: _T) -> None:
        settings.__dict__[self._name] = value


@dataclass(frozen=True, repr=False)  # a repr would read, and raise
class Settings:
    home: Path  # SSA_HOME, see ``default_home``: all state of this installation
    threads: int  # SSA_THREADS: threads of one run's kernels
    # None: the embedded server under home
    database_url: _Concern[DatabaseUrl | None] = _Concern()
    first_day: _Concern[date] = _Concern()  # SSA_FIRST_DAY: nothing before it is computed
    threshold_km: _Concern[float] = _Concern()  # SSA_THRESHOLD_KM
    # SSA_EXCLUDE_SAME_CONSTELLATION=on: no events of Starlink with Starlink and the like
    exclude_same_constellation: _Concern[bool] = _Concern()
    max_age_days: _Concern[float] = _Concern()  # SSA_MAX_AGE_DAYS: selection, measured at 00:00 of the epoch day
    # SSA_SOURCE_PRIORITY: of sets with one epoch, the first named source's is used
    source_priority: _Concern[tuple[str, ...]] = _Concern()
    # SSA_SUPPLEMENTAL_GP=prefer, SSA_SUPPLEMENTAL_MAX_AGE_DAYS; None: off
    supplemental_max_age_days: _Concern[float | None] = _Concern()
    max_runs: _Concern[int] = _Concern()  # SSA_MAX_RUNS: runs at a time; runs x threads <= cores
    retention_days: _Concern[int] = _Concern()  # SSA_RETENTION_DAYS: chunks and candidates
    thin_events_after_days: _Concern[int | None] = _Concern()  # SSA_THIN_EVENTS_AFTER_DAYS: None: events stay for ever
    thin_events_km: _Concern[float] = _Concern()  # SSA_THIN_EVENTS_KM: closer ones stay, and those of lead day 0
    run_retention_days: _Concern[int] = _Concern()  # SSA_RUN_RETENTION_DAYS: Dagster's finished runs and their events
    ui_port: _Concern[int | None] = _Concern()  # SSA_UI_PORT: None = 3000 or the next free port
    # SSA_UI_HOSTS, and the host of SSA_UI_URL: names of the UI besides localhost
    ui_hosts: _Concern[tuple[str, ...]] = _Concern()
    ui_path: _Concern[str] = _Concern()  # SSA_UI_PATH: what stands before every path of the UI, "/ssa" or ""
    sources: _Concern[SourceSettings] = _Concern()
    alerts: _Concern[AlertSettings] = _Concern()
    automation: _Concern[AutomationSettings] = _Concern()
    is_first_day_set: bool = field(kw_only=True)  # else partitions begin where data begin: ``first_day``
    file: SettingsFile = field(kw_only=True)  # settings.env of the home
    from_file: Mapping[str, str] = field(kw_only=True)  # what the file sets and the environment does not

    def check(self) -> None:
        """Look at everything; SettingsError of the first that cannot be used."""
        for one in fields(self):
            getattr(self, one.name)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and, unless ``environ`` is given, the settings file of the home. SettingsError
    where home, file or threads cannot be used; of anything else it is raised by the field (``Settings.check``)."""
    env = os.environ if environ is None else environ
    home = _home(env)
    file = read_settings_file(home, SHOWN) if environ is None else SettingsFile(home)
    from_file = {name: value for name, value in file.values.items() if name not in env}
    env = {**from_file, **env}

    def tried(read: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """The value, or the error in its place: see _Concern."""
        try:
            return read(*arguments, **options)
        except SettingsError as error:
            named = [name for name in from_file if re.search(rf"\b{name}\b", str(error))]
            where = f" ({file.path} line {file.lines[named[0]]})" if named else ""
            failed: Any = SettingsError(f"{error}{where}")
            return failed  # type: ignore[no-any-return]

    cores = len(os.sched_getaffinity(0))
    threads = tried(_number, env, "SSA_THREADS", cores, minimum=1)
    if isinstance(threads, SettingsError):
        raise threads
    return Settings(
        home=home,
        threads=threads,
        database_url=tried(_database_url, env),
        first_day=tried(_day, env, "SSA_FIRST_DAY", "2024-01-01"),
        threshold_km=tried(_number, env, "SSA_THRESHOLD_KM", 5.0, minimum=1e-3),
        exclude_same_constellation=tried(_exclude_same_constellation, env),
        max_age_days=tried(_number, env, "SSA_MAX_AGE_DAYS", 30.0, minimum=1e-3),
        source_priority=tried(_source_priority, env),
        supplemental_max_age_days=tried(_supplemental_max_age_days, env),
        max_runs=tried(_number, env, "SSA_MAX_RUNS", max(1, cores // threads), minimum=1),
        retention_days=tried(_number, env, "SSA_RETENTION_DAYS", 7, minimum=1, maximum=_MOST_DAYS),
        thin_events_after_days=tried(_thin_events_after_days, env),
        thin_events_km=tried(_number, env, "SSA_THIN_EVENTS_KM", 1.0, minimum=0.0),
        run_retention_days=tried(_number, env, "SSA_RUN_RETENTION_DAYS", 30, minimum=1, maximum=_MOST_DAYS),
        ui_port=tried(_ui_port, env),
        ui_hosts=tried(_ui_hosts, env),
        ui_path=tried(_ui_path, env),
        sources=tried(_sources, env),
        alerts=tried(_alerts, env),
        automation=tried(_automation, env),
        is_first_day_set=bool(env.get("SSA_FIRST_DAY")),
        file=file,
        from_file=from_file,
    )


def _home(env: Mapping[str, str]) -> Path:
    try:
        return Path(env.get("SSA_HOME") or default_home(env)).expanduser().resolve()
    except RuntimeError:
        raise SettingsError("this user has no home directory: set SSA_HOME to a directory for the data") from None


def _ui_port(env: Mapping[str, str]) -> int | None:
    return _number(env, "SSA_UI_PORT", 0, minimum=0, maximum=_MOST_PORT) or None


def _automation(env: Mapping[str, str]) -> AutomationSettings:
    return AutomationSettings(
        interval_s=_number(env, "SSA_SENSOR_INTERVAL_S", 30, minimum=1),
        rescreen_hours=_number(env, "SSA_RESCREEN_HOURS", 6.0, minimum=0),
        reconcile_days=_number(env, "SSA_RECONCILE_DAYS", 7, minimum=1, maximum=_MOST_DAYS),
    )


def _thin_events_after_days(env: Mapping[str, str]) -> int | None:
    return _number(env, "SSA_THIN_EVENTS_AFTER_DAYS", 0, minimum=0, maximum=_MOST_DAYS) or None


def _exclude_same_constellation(env: Mapping[str, str]) -> bool:
    choice = env.get("SSA_EXCLUDE_SAME_CONSTELLATION") or "off"
    if choice not in ("off", "on"):
        raise SettingsError(f"SSA_EXCLUDE_SAME_CONSTELLATION={choice!r} is neither off nor on")
    return choice == "on"


def _source_priority(env: Mapping[str, str]) -> tuple[str, ...]:
    return _names_of_sources(env, "SSA_SOURCE_PRIORITY", ",".join(SOURCES))


def _names_of_sources(env: Mapping[str, str], variable: str, default: str) -> tuple[str, ...]:
    text = env.get(variable) or default
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    for name in names:
        if name not in SOURCES:
            raise SettingsError(f"{variable}: {name!r} is no source; the sources are {', '.join(SOURCES)}")
        if names.count(name) > 1:
            raise SettingsError(f"{variable} names {name} twice")
    return names


def _supplemental_max_age_days(env: Mapping[str, str]) -> float | None:
    choice = env.get("SSA_SUPPLEMENTAL_GP") or "off"
    if choice not in ("off", "prefer"):
        raise SettingsError(f"SSA_SUPPLEMENTAL_GP={choice!r} is neither off nor prefer")
    max_age_days = _number(env, "SSA_SUPPLEMENTAL_MAX_AGE_DAYS", 1.0, minimum=0.0)
    return max_age_days if choice == "prefer" else None


def _ui_hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    """``ssa.example.org,ssa.example.org:8443``, in small letters."""
    hosts = [host.strip().lower() for host in env.get("SSA_UI_HOSTS", "").split(",") if host.strip()]
    for host in hosts:
        if not re.fullmatch(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", host):
            raise SettingsError(f"SSA_UI_HOSTS: {host!r} is not a name like ssa.example.org or ssa.example.org:8443")
    if is_url(env.get("SSA_UI_URL", ""), ("http", "https")):
        hosts.append(urlsplit(env["SSA_UI_URL"]).netloc.rpartition("@")[2].lower())
    return tuple(dict.fromkeys(hosts))


def _ui_path(env: Mapping[str, str]) -> str:
    path = env.get("SSA_UI_PATH", "").rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise SettingsError(f"SSA_UI_PATH={path!r} is not a path like /ssa")
    return path


def _alerts(env: Mapping[str, str]) -> AlertSettings:
    email = tuple(address.strip() for address in env.get("SSA_ALERT_EMAIL", "").split(",") if address.strip())
    for address in email:
        if not re.fullmatch(r"[!-~]+@[!-~]+", address):
            raise SettingsError(f"SSA_ALERT_EMAIL: {address!r} is not an e-mail address")
    smtp_url = env.get("SSA_SMTP_URL", "")
    if smtp_url and not is_url(smtp_url, ("smtp", "smtps")):
        raise SettingsError("SSA_SMTP_URL must look like smtps://user:password@host:465 or smtp://host:25")
    if email and not smtp_url:
        raise SettingsError("SSA_ALERT_EMAIL needs SSA_SMTP_URL: the server that sends")
    webhook = env.get("SSA_ALERT_WEBHOOK", "")
    if webhook and not is_url(webhook, ("http", "https")):
        raise SettingsError("SSA_ALERT_WEBHOOK must look like https://host/path")  # its value is a secret
    ui_url = env.get("SSA_UI_URL", "")
    if ui_url and not is_url(ui_url, ("http", "https")):
        raise SettingsError("SSA_UI_URL must look like https://host")
    return AlertSettings(webhook, email, smtp_url, ui_url.rstrip("/"), _silent_hours(env))


def is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether ``text`` has one of the schemes, a host, and a port that can be one, if any."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _silent_hours(env: Mapping[str, str]) -> dict[str, float]:
    """``26`` or ``26,folder=200,space-track=never``."""
    hours = {"": 26.0, "file": math.inf}  # what `ssa ingest` was given by hand is not expected again
    for part in filter(None, (part.strip() for part in env.get("SSA_SOURCE_SILENT_HOURS", "").split(","))):
        source, _, text = part.rpartition("=")
        if source and source not in SOURCES:
            raise SettingsError(
                f"SSA_SOURCE_SILENT_HOURS: {source!r} is no source; the sources are {', '.join(SOURCES)}"
            )
        try:
            hours[source] = math.inf if text == "never" else float(text)
        except ValueError:
            hours[source] = math.nan
        if not hours[source] > 0:
            raise SettingsError(f"SSA_SOURCE_SILENT_HOURS: {part!r} is not like 26, folder=200 or space-track=never")
    return hours


def _sources(env: Mapping[str, str]) -> SourceSettings:
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
        accept_bad_checksums=_names_of_sources(env, "SSA_ACCEPT_BAD_CHECKSUMS", ""),
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
        timeout_s=_number(env, "SSA_HTTP_TIMEOUT_S", 60.0, minimum=1e-3, maximum=_DAY_S),
        deadline_s=_number(env, "SSA_HTTP_DEADLINE_S", 600.0, minimum=1e-3, maximum=_DAY_S),
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
    """The same of a server that gets a password: HTTPS, or this machine."""
    url = base_url(name, text)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(f"{name}={url} would send a password unencrypted: use https")
    return url


def _database_url(env: Mapping[str, str]) -> DatabaseUrl | None:
    if env.get("DATABASE_URL"):
        return DatabaseUrl.parse(env["DATABASE_URL"])
    if not env.get("POSTGRES_HOST"):
        return None
    user = quote(env.get("POSTGRES_USER", "postgres"), safe="")
    password = quote(env.get("POSTGRES_PASSWORD", ""), safe="")
    login = f"{user}:{password}" if password else user
    port = _number(env, "POSTGRES_PORT", 5432, minimum=1, maximum=_MOST_PORT)
    name = quote(env.get("POSTGRES_DB", "ssa"), safe="")
    return DatabaseUrl.parse(f"postgresql://{login}@{env['POSTGRES_HOST']}:{port}/{name}")


def _number(env: Mapping[str, str], name: str, default: _N, *, minimum: float, maximum: float = _MUCH) -> _N:
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


def _day(env: Mapping[str, str], name: str, default: str) -> date:
    text = env.get(name) or default
    try:
        return parse_iso_day(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a day like 2024-01-01") from None
