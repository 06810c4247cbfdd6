"""Alerts reach people: the log at once, then a webhook and e-mail where they are configured.

Raising an alert stores it (``storage.upkeep.alerts``); ``deliver_due`` sends what is due. A channel that fails is tried
again, later and later, and finally given up; the other channel is not sent the alert twice.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import httpx

from ssa_pipeline.core.outside_text import for_chat, for_lines, for_terminal
from ssa_pipeline.settings import AlertSettings, DatabaseUrl, HttpSettings, Settings
from ssa_pipeline.sources.errors import QueryError
from ssa_pipeline.sources.http import open_client
from ssa_pipeline.storage.upkeep.alerts import (
    ATTEMPTS,
    Alert,
    DueAlert,
    append_alert,
    record_attempt,
    take_due_alerts,
)

TIMEOUT_S = 5.0
_GREETING_S = 15.0  # some mail servers let strangers wait for 6 s, to see who speaks first
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_log = logging.getLogger(__name__)

Send = Callable[[DueAlert], None]


class ChannelError(RuntimeError):
    """A channel did not take an alert; the message names no secret."""


@dataclass(frozen=True)
class Delivery:
    """Alerts of one call: all channels have them; some channel will be tried again; given up."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0


def raise_alert(database: DatabaseUrl, alert: Alert, now: datetime) -> bool:
    """Log an alert and keep it for delivery; False where it only repeats one of a short time ago."""
    alert = replace(alert, title=for_terminal(alert.title), text=for_lines(alert.text))
    is_new = append_alert(database, alert, now)
    level = logging.ERROR if alert.severity == "error" else logging.WARNING
    _log.log(level, "%s%s: %s", "" if is_new else "(again) ", alert.title, alert.text)
    return is_new


def deliver_due(database: DatabaseUrl, settings: Settings, now: datetime) -> Delivery:
    """Send every alert that is due to every configured channel that has not got it yet."""
    channels = _channels(settings)
    outcomes = [_deliver(database, due, channels) for due in take_due_alerts(database, now)]
    return Delivery(*(outcomes.count(outcome) for outcome in ("sent", "waiting", "given up")))


def send_at_once(settings: Settings, alert: Alert, now: datetime) -> list[str]:
    """Send an alert without a database, for when that is what died; nothing is tried again. Errors by channel."""
    due, errors = DueAlert(0, alert, now, 1, [], 1), []
    for name, send in _channels(settings).items():
        try:
            send(due)
        except ChannelError as error:
            errors.append(f"{name}: {error}")
    return errors


def _deliver(database: DatabaseUrl, due: DueAlert, channels: dict[str, Send]) -> str:
    sent_to, errors = list(due.sent_to), []
    for name, send in channels.items():
        if name in sent_to:
            continue
        try:
            send(due)
        except ChannelError as error:
            errors.append(f"{name}: {error}")
        else:
            sent_to.append(name)
    record_attempt(database, due, sent_to, "; ".join(errors))
    if not errors:
        return "sent"
    is_last = due.attempt >= ATTEMPTS
    _log.error(
        "alert %d (%s) not delivered, attempt %d of %d%s: %s",
        due.alert_id,
        due.alert.title,
        due.attempt,
        ATTEMPTS,
        ", given up" if is_last else "",
        "; ".join(errors),
    )
    return "given up" if is_last else "waiting"


def _channels(settings: Settings) -> dict[str, Send]:
    alerts, http = settings.alerts, replace(settings.sources.http, timeout_s=TIMEOUT_S)
    channels: dict[str, Send] = {}
    if alerts.webhook:
        channels["webhook"] = lambda due: _post(alerts.webhook, http, due)
    if alerts.email:
        channels["email"] = lambda due: _mail(alerts, http, due)
    return channels


def _post(url: str, http: HttpSettings, due: DueAlert) -> None:
    """``text`` holds everything, since Slack and Mattermost show nothing else."""
    alert = due.alert
    payload = {
        "title": alert.title,
        "text": _chat(due),
        "severity": alert.severity,
        "run_id": alert.run_id,
        "url": alert.run_url,
        "raised_at": due.raised_at.isoformat(),
        "occurrences": due.occurrences,
    }
    try:
        with open_client(http) as client, client.stream("POST", url, json=payload) as response:
            status = response.status_code  # nothing more is read: an answer without an end would hold the sensor
    except QueryError as error:
        raise ChannelError(str(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
        raise ChannelError(f"no answer ({type(error).__name__})") from None  # its text may hold the address
    if not 200 <= status < 300:
        raise ChannelError(f"HTTP {status}")


def _mail(settings: AlertSettings, http: HttpSettings, due: DueAlert) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(f"[SSA {due.alert.severity}] {due.alert.title}".split())
    message["From"] = settings.email[0]
    message["To"] = ", ".join(settings.email)
    message["Date"] = formatdate(due.raised_at.timestamp())
    message["Message-ID"] = make_msgid(f"alert-{due.alert_id}", "ssa-pipeline.invalid")
    message.set_content(_body(due))
    try:
        _send_mail(settings.smtp_url, http, message)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:  # the last: a user or password that is not ASCII
        code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
        raise ChannelError(f"{type(error).__name__}{code}") from None


def _send_mail(url: str, http: HttpSettings, message: EmailMessage) -> None:
    """``smtps`` is encrypted from the start, ``smtp`` as soon as the server can. A password goes only over TLS."""
    parts = urlsplit(url)
    host, context = parts.hostname or "", ssl.create_default_context(cafile=http.ca_file and str(http.ca_file))
    if parts.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_GREETING_S, context=context)
    else:
        client = smtplib.SMTP(host, parts.port or 25, timeout=_GREETING_S)
    with client:
        if client.sock is not None:
            client.sock.settimeout(TIMEOUT_S)
        client.ehlo()
        is_encrypted = parts.scheme == "smtps"
        if not is_encrypted and client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
            is_encrypted = True
        if parts.username:
            if not is_encrypted and host not in _LOOPBACK:
                raise ChannelError("the server offers no TLS: the password of SSA_SMTP_URL was not sent")
            client.login(unquote(parts.username), unquote(parts.password or ""))
        if refused := client.send_message(message):
            _log.error("e-mail of %r was taken, but not for %s", message["Subject"], ", ".join(refused))


def _chat(due: DueAlert) -> str:
    said = for_chat("\n".join((due.alert.title, *_said(due))))
    return f"{said}\n{due.alert.run_url}" if due.alert.run_url else said


def _body(due: DueAlert) -> str:
    return "\n".join((*_said(due), *filter(None, [due.alert.run_url])))


def _said(due: DueAlert) -> Iterator[str]:
    yield due.alert.text
    if due.occurrences > 1:
        yield f"{due.occurrences} times since {due.raised_at:%Y-%m-%d %H:%M} UTC."
