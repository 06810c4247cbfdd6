"""``ssa check-freshness``: is the picture current, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ssa_pipeline.cli import CliError

if TYPE_CHECKING:
    from datetime import datetime

    from ssa_pipeline.freshness import Freshness


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("check-freshness")(check_freshness)


def check_freshness(
    alert: Annotated[
        bool,
        typer.Option("--alert", help="Also send the alerts of what is wrong (each once a day), and those waiting."),
    ] = False,
) -> None:
    """Say how old the newest data of every source is, how far the chain got, and whether the daemon lives.

    Needs only the database: for cron, a systemd timer, an external monitor. Exit codes: 0 all current, 1 something is
    not (the message says what), 2 wrong settings, 4 the database is not running.
    """
    from datetime import UTC, datetime

    from ssa_pipeline.alerts import deliver_due, raise_alert
    from ssa_pipeline.cli.catalog import errors_as_messages
    from ssa_pipeline.freshness import check_freshness as check
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.database_url import database_url

    now = datetime.now(UTC)
    with errors_as_messages():
        settings = read_settings()
        url = database_url(settings)
        found = check(url, settings.alerts, now)
        problems = list(found.problems())
        if alert:
            for problem in problems:
                raise_alert(url, problem, now)
            delivery = deliver_due(url, settings, now)
            typer.echo(f"alerts: {delivery.sent} sent, {delivery.waiting + delivery.given_up} not", err=True)
    _print(found)
    if problems:
        raise CliError("\nssa: ".join(f"{one.title}\n  {one.text}".replace("\nDo:", "\n  do:") for one in problems))


def _print(found: Freshness) -> None:
    for source in found.sources:
        age, limit = found.age_hours(source), found.limit_hours(source.source)
        judged = "SILENT" if found.is_silent(source) else "ok"
        typer.echo(
            f"{judged:<7} {source.source:<12} last content {_time(source.content_at)} ({age:.1f} h ago, "
            f"limit {limit:g} h); last attempt {_time(source.attempted_at)} {source.outcome}".rstrip()
        )
    if not found.sources:
        typer.echo("no source was used yet")
    days = found.progress
    typer.echo(f"newest day: received {days.received_day}, catalogue {days.catalog_day}, screened {days.screened_day}")
    typer.echo(f"daemon: {'silent' if found.silent_parts else 'alive'}")


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
