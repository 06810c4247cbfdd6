"""How an installation runs: automation, what is thrown away when, and where the UI is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ssa_pipeline.settings.values import MOST_DAYS, MOST_PORT, SettingsError, is_url, number


@dataclass(frozen=True)
class AutomationSettings:
    """Read when the services start: `ssa up` after a change."""

    interval_s: int  # SSA_SENSOR_INTERVAL_S: least time between two ticks of a sensor
    rescreen_hours: float  # SSA_RESCREEN_HOURS: a day is screened again at most this often
    reconcile_days: int  # SSA_RECONCILE_DAYS: the newest epoch days that are kept screened


@dataclass(frozen=True)
class WorkerSettings:
    """How workers on any host are known to live; the same for all of them."""

    heartbeat_s: float  # SSA_HEARTBEAT_S: a worker says so often that it lives
    stalled_after_s: float  # SSA_STALLED_AFTER_S: one that is silent for longer is dead, and its runs have failed


def read_workers(env: Mapping[str, str]) -> WorkerSettings:
    """SettingsError where a number is none, or a worker would count as dead between two heartbeats."""
    heartbeat_s = number(env, "SSA_HEARTBEAT_S", 2.0, minimum=0.1)
    stalled_after_s = number(env, "SSA_STALLED_AFTER_S", 18.0, minimum=0.1)
    if stalled_after_s < 3 * heartbeat_s:
        raise SettingsError(
            f"SSA_STALLED_AFTER_S={stalled_after_s:g} must be at least three times SSA_HEARTBEAT_S={heartbeat_s:g}"
        )
    return WorkerSettings(heartbeat_s, stalled_after_s)


def read_automation(env: Mapping[str, str]) -> AutomationSettings:
    """SettingsError where a number is none, or outside its limits."""
    return AutomationSettings(
        interval_s=number(env, "SSA_SENSOR_INTERVAL_S", 30, minimum=1),
        rescreen_hours=number(env, "SSA_RESCREEN_HOURS", 6.0, minimum=0),
        reconcile_days=number(env, "SSA_RECONCILE_DAYS", 7, minimum=1, maximum=MOST_DAYS),
    )


def read_thin_events_after_days(env: Mapping[str, str]) -> int | None:
    """None: never. SettingsError where it is no number of days."""
    return number(env, "SSA_THIN_EVENTS_AFTER_DAYS", 0, minimum=0, maximum=MOST_DAYS) or None


def read_ui_port(env: Mapping[str, str]) -> int | None:
    """None: 3000 or the next free one. SettingsError where it is no port."""
    return number(env, "SSA_UI_PORT", 0, minimum=0, maximum=MOST_PORT) or None


def read_ui_hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    """``ssa.example.org,ssa.example.org:8443``, in small letters. SettingsError where one is no name of a host."""
    hosts = [host.strip().lower() for host in env.get("SSA_UI_HOSTS", "").split(",") if host.strip()]
    for host in hosts:
        if not re.fullmatch(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", host):
            raise SettingsError(f"SSA_UI_HOSTS: {host!r} is not a name like ssa.example.org or ssa.example.org:8443")
    if is_url(env.get("SSA_UI_URL", ""), ("http", "https")):
        hosts.append(urlsplit(env["SSA_UI_URL"]).netloc.rpartition("@")[2].lower())
    return tuple(dict.fromkeys(hosts))


def read_ui_path(env: Mapping[str, str]) -> str:
    """What stands before every path of the UI, without a final slash. SettingsError where it cannot."""
    path = env.get("SSA_UI_PATH", "").rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise SettingsError(f"SSA_UI_PATH={path!r} is not a path like /ssa")
    return path
