"""Every setting by name, and how its value is shown: `ssa settings` prints them, the settings file may hold them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from ssa_pipeline.settings.concerns import Settings

HIDDEN = "***"


def _secret(text: str) -> str:
    return HIDDEN if text else ""


def _without_login(url: str) -> str:
    login, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(f"{login}@", f"{HIDDEN}@", 1) if at else url


def _database(settings: Settings) -> str:
    return settings.database_url.without_password if settings.database_url else "(the embedded server)"


def _part_of_address(variable: str) -> Callable[[Settings], str]:
    return lambda settings: os.environ.get(variable, settings.from_file.get(variable, ""))


def _silent_hours(hours: Mapping[str, float]) -> str:
    said = {source: "never" if math.isinf(limit) else f"{limit:g}" for source, limit in hours.items()}
    return ",".join(f"{source}={limit}" if source else limit for source, limit in said.items())


def _proxy(variable: str) -> Callable[[Settings], str]:
    """The address in use where this variable gave it: the first of several counts."""

    def show(settings: Settings) -> str:
        used = {proxy.address for proxy in settings.sources.http.proxies.values() if proxy.variable == variable}
        return ", ".join(sorted(map(_without_login, used)))

    return show


# name -> the value in use, as text, without what is secret
SHOWN: dict[str, Callable[[Settings], object]] = {
    "SSA_HOME": lambda s: s.home,
    "DATABASE_URL": _database,
    # these five spell an address where DATABASE_URL does not
    "POSTGRES_HOST": _part_of_address("POSTGRES_HOST"),
    "POSTGRES_PORT": _part_of_address("POSTGRES_PORT"),
    "POSTGRES_USER": _part_of_address("POSTGRES_USER"),
    "POSTGRES_PASSWORD": lambda s: _secret(_part_of_address("POSTGRES_PASSWORD")(s)),
    "POSTGRES_DB": _part_of_address("POSTGRES_DB"),
    "SSA_FIRST_DAY": lambda s: s.first_day,
    "SSA_THRESHOLD_KM": lambda s: f"{s.threshold_km:g}",
    "SSA_EXCLUDE_SAME_CONSTELLATION": lambda s: "on" if s.exclude_same_constellation else "off",
    "SSA_MAX_AGE_DAYS": lambda s: f"{s.max_age_days:g}",
    "SSA_SOURCE_PRIORITY": lambda s: ",".join(s.source_priority),
    "SSA_SUPPLEMENTAL_GP": lambda s: "off" if s.supplemental_max_age_days is None else "prefer",
    "SSA_SUPPLEMENTAL_MAX_AGE_DAYS": lambda s: (
        "" if s.supplemental_max_age_days is None else f"{s.supplemental_max_age_days:g}"
    ),
    "SSA_THREADS": lambda s: s.threads,
    "SSA_MAX_RUNS": lambda s: s.max_runs,
    "SSA_RETENTION_DAYS": lambda s: s.retention_days,
    "SSA_THIN_EVENTS_AFTER_DAYS": lambda s: s.thin_events_after_days or "(never)",
    "SSA_THIN_EVENTS_KM": lambda s: f"{s.thin_events_km:g}",
    "SSA_RUN_RETENTION_DAYS": lambda s: s.run_retention_days,
    "SSA_UI_PORT": lambda s: s.ui_port or "(3000 or the next free one)",
    "SSA_UI_HOSTS": lambda s: ", ".join(s.ui_hosts) or "(localhost only)",
    "SSA_UI_PATH": lambda s: s.ui_path or "(none)",
    "SSA_CONTACT": lambda s: s.sources.http.user_agent.partition("(+")[2].rstrip(")"),
    "SSA_PROXY": _proxy("SSA_PROXY"),
    "HTTP_PROXY": _proxy("HTTP_PROXY"),
    "HTTPS_PROXY": _proxy("HTTPS_PROXY"),
    "ALL_PROXY": _proxy("ALL_PROXY"),
    "NO_PROXY": lambda s: ",".join(s.sources.http.direct),
    "SSA_CA_FILE": lambda s: s.sources.http.ca_file or "",
    "SSA_HTTP_TIMEOUT_S": lambda s: f"{s.sources.http.timeout_s:g}",
    "SSA_HTTP_DEADLINE_S": lambda s: f"{s.sources.http.deadline_s:g}",
    "SSA_CELESTRAK_URL": lambda s: s.sources.celestrak_url,
    "SSA_SPACE_TRACK_URL": lambda s: s.sources.space_track_url,
    "SPACE_TRACK_USERNAME": lambda s: s.sources.space_track_username,
    "SPACE_TRACK_PASSWORD": lambda s: _secret(s.sources.space_track_password),
    "SSA_WATCHED_FOLDER": lambda s: s.sources.folder or "",
    "SSA_CELESTRAK_QUERIES": lambda s: " ".join(s.sources.celestrak_queries),
    "SSA_SPACE_TRACK_QUERIES": lambda s: " ".join(s.sources.space_track_queries),
    "SSA_ACCEPT_BAD_CHECKSUMS": lambda s: ",".join(s.sources.accept_bad_checksums) or "(none)",
    "SSA_ALERT_WEBHOOK": lambda s: _secret(s.alerts.webhook),
    "SSA_ALERT_EMAIL": lambda s: ",".join(s.alerts.email),
    "SSA_SMTP_URL": lambda s: _without_login(s.alerts.smtp_url),
    "SSA_UI_URL": lambda s: s.alerts.ui_url,
    "SSA_SOURCE_SILENT_HOURS": lambda s: _silent_hours(s.alerts.silent_hours),
    "SSA_SENSOR_INTERVAL_S": lambda s: s.automation.interval_s,
    "SSA_RESCREEN_HOURS": lambda s: f"{s.automation.rescreen_hours:g}",
    "SSA_HEARTBEAT_S": lambda s: f"{s.workers.heartbeat_s:g}",
    "SSA_STALLED_AFTER_S": lambda s: f"{s.workers.stalled_after_s:g}",
    "SSA_RECONCILE_DAYS": lambda s: s.automation.reconcile_days,
}
