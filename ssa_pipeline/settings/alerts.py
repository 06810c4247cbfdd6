"""Whom alerts reach, and after how many hours without news there is one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ssa_pipeline.settings.values import SOURCES, SettingsError, is_url


@dataclass(frozen=True)
class AlertSettings:
    webhook: str = field(default="", repr=False)  # SSA_ALERT_WEBHOOK: the address is its password
    email: tuple[str, ...] = ()  # SSA_ALERT_EMAIL: addresses; the first is the sender too
    smtp_url: str = field(default="", repr=False)  # SSA_SMTP_URL: smtp[s]://user:password@host:port
    ui_url: str = ""  # SSA_UI_URL: the UI as readers of an alert reach it; empty: its address on this machine
    silent_hours: Mapping[str, float] = field(default_factory=dict)  # SSA_SOURCE_SILENT_HOURS; "": any other source


def read_alerts(env: Mapping[str, str]) -> AlertSettings:
    """SettingsError where an address cannot be one; of those that may hold a password it says the variable only."""
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
