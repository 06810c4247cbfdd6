"""Alerts, kept until they are delivered: raising one is a row, so that no failing network loses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section
from ssa_pipeline.storage.slices.rejected_records import storable

_FILE = "upkeep/alerts.sql"
FAILURES_PER_CALL = 20
DUE_PER_CALL = 5  # what a sensor's minute allows where every channel runs into its timeout
ATTEMPTS = 12  # 1, 2, 4 … minutes apart, at most an hour: given up after some six hours


@dataclass(frozen=True)
class Alert:
    """``key``: two alerts of one key are about the same. ``quiet``: within this time after the first of a key others
    are counted and not sent."""

    key: str
    severity: Literal["error", "warning"]
    title: str
    text: str
    quiet: timedelta = timedelta(hours=1)
    run_id: str | None = None
    run_url: str | None = None


@dataclass(frozen=True)
class DueAlert:
    """An alert to be sent now. ``attempt`` counts from 1; ``sent_to`` names the channels that have it already."""

    alert_id: int
    alert: Alert
    raised_at: datetime
    occurrences: int
    sent_to: list[str]
    attempt: int


@dataclass(frozen=True)
class Undelivered:
    """An alert of the last seven days that some channel has not taken; ``next_attempt_at`` None: given up."""

    title: str
    raised_at: datetime
    next_attempt_at: datetime | None
    error: str


def append_alert(url: DatabaseUrl, alert: Alert, now: datetime) -> bool:
    """Keep an alert for delivery, or count it where the same was raised a short time ago; whether it is new."""
    row = {
        "alert_key": storable(alert.key),
        "severity": alert.severity,
        "title": storable(alert.title),
        "alert_text": storable(alert.text),
        "failed_run_id": alert.run_id,
        "failed_run_url": alert.run_url,
        "failed_run_ids": [alert.run_id] if alert.run_id else [],
        "now": now,
        "quiet": alert.quiet,
    }
    with connect(url) as connection, connection.transaction():
        connection.execute(section(_FILE, "lock_key"), row)
        if connection.execute(section(_FILE, "count_repetition"), row).rowcount:
            return False
        connection.execute(section(_FILE, "append"), row)
    return True


def untold_failures(url: DatabaseUrl, foreground_tag: str, now: datetime) -> list[str]:
    """Ids of runs that failed in the last day and of which no alert was raised, the oldest first; of more than
    FAILURES_PER_CALL the newest: what cannot be told hides nothing that comes later. Runs with that tag are left out:
    who waits for them sees it."""
    params = {"now": now, "limit": FAILURES_PER_CALL, "foreground_tag": foreground_tag}
    with connect(url) as connection:
        return [run_id for (run_id,) in connection.execute(section(_FILE, "untold_failures"), params)]


def take_due_alerts(url: DatabaseUrl, now: datetime) -> list[DueAlert]:
    """Alerts whose next attempt is due, each taken by one caller only; the attempt after this one is set already."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "take_due"), {"now": now, "limit": DUE_PER_CALL}).fetchall()
    return [
        DueAlert(
            alert_id,
            Alert(key, severity, title, text, run_id=run_id, run_url=run_url),
            raised_at,
            occurrences,
            sent_to,
            attempt,
        )
        for alert_id, key, severity, title, text, run_id, run_url, raised_at, occurrences, sent_to, attempt in rows
    ]


def record_attempt(url: DatabaseUrl, due: DueAlert, sent_to: list[str], error: str) -> None:
    """How an attempt ended. Without an error, or after the last attempt, it was the last one."""
    params = {
        "alert_id": due.alert_id,
        "sent_to": sent_to,
        "send_error": storable(error),
        "is_closed": not error or due.attempt >= ATTEMPTS,
    }
    with connect(url) as connection:
        connection.execute(section(_FILE, "record_attempt"), params)


def undelivered_alerts(url: DatabaseUrl) -> list[Undelivered]:
    """Alerts of the last seven days that could not be delivered everywhere, the oldest first."""
    with connect(url) as connection:
        return [Undelivered(*row) for row in connection.execute(section(_FILE, "not_delivered"))]


def purge_alerts(url: DatabaseUrl, before: datetime) -> int:
    """Delete alerts last raised before that time that wait for nothing; how many."""
    with connect(url) as connection:
        return connection.execute(section(_FILE, "purge"), {"before": before}).rowcount
