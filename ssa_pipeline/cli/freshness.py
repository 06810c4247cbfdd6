"""``ssa check-freshness``: is the picture current, as an exit code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError
from ssa_pipeline.cli.inputs import AsJson
from ssa_pipeline.cli.printing import print_json, to_second

if TYPE_CHECKING:
    from datetime import date, datetime

    from ssa_pipeline.storage.questions.freshness import SourceState
    from ssa_pipeline.storage.upkeep.alerts import Alert
    from ssa_pipeline.use_cases.freshness import Freshness


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("check-freshness")(check_freshness)


def check_freshness(
    alert: Annotated[
        bool,
        typer.Option("--alert", help="Also send the alerts of what is wrong (each once a day), and those waiting."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say how old the newest content of every source is (by its epochs, whenever it was received), how far the chain
    got, and whether the daemon lives.

    Needs only the database, and looks at the daemon's process where that ran here: for cron, a systemd timer, an
    external monitor. Exit codes: 0 all current, 1 something is not (the message says what), 2 wrong settings, 4 the
    database is not running.
    """
    from datetime import UTC, datetime

    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services import state
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.alerts import deliver_due, raise_alert
    from ssa_pipeline.use_cases.freshness import check_freshness as check

    now = datetime.now(UTC)
    settings = read_settings()
    url = database_url(settings)
    found = check(url, settings.alerts, now, is_daemon_dead=state.is_daemon_dead(settings))
    problems = list(found.problems())
    if alert:
        for problem in problems:
            raise_alert(url, problem, now)
        delivery = deliver_due(url, settings, now)
        typer.echo(f"alerts: {delivery.sent} sent, {delivery.waiting + delivery.given_up} not", err=True)
    if as_json:
        print_json(_facts(found, problems))
    else:
        _print(found)
    if problems:
        raise CliError("\nssa: ".join(f"{one.title}\n  {one.text}".replace("\nDo:", "\n  do:") for one in problems))


def _facts(found: Freshness, problems: list[Alert]) -> dict[str, Any]:
    """Ages and limits in hours; null where a source never gave anything, or is never expected to."""
    progress = found.progress
    return {
        "is_current": not problems,
        "problems": [{"title": one.title, "text": one.text} for one in problems],
        "sources": [
            {
                "source": source.source,
                "is_silent": found.is_silent(source),
                "content_at": to_second(source.content_at),
                "received_at": to_second(source.received_at),
                "age_hours": _finite(found.age_hours(source)),
                "limit_hours": _finite(found.limit_hours(source.source)),
                "attempted_at": to_second(source.attempted_at),
                "outcome": source.outcome,
            }
            for source in found.sources
        ],
        "newest_day": {
            "received": _day(progress.received_day),
            "catalogue": _day(progress.catalog_day),
            "screened": _day(progress.screened_day),
        },
        "daemon": _daemon(found),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else str(day)


def _finite(hours: float) -> float | None:
    return round(hours, 3) if math.isfinite(hours) else None


def _age(hours: float) -> str:
    return f"{hours:.1f} h old" if math.isfinite(hours) else "nothing yet"


def _limit(hours: float) -> str:
    return f"expected every {hours:g} h" if math.isfinite(hours) else "never expected again"


def _print(found: Freshness) -> None:
    for source in found.sources:
        age, limit = found.age_hours(source), found.limit_hours(source.source)
        typer.echo(
            f"{_judged(found, source):<7} {source.source:<12} newest content of {_time(source.content_at)} ("
            f"{_age(age)}), received {_time(source.received_at)}, {_limit(limit)}; last attempt "
            f"{_time(source.attempted_at)} {source.outcome}".rstrip()
        )
    if not found.sources:
        typer.echo("no source was used yet")
    days = found.progress
    typer.echo(f"newest day: received {days.received_day}, catalogue {days.catalog_day}, screened {days.screened_day}")
    typer.echo(f"daemon: {_daemon(found)}")


def _daemon(found: Freshness) -> str:
    if found.is_daemon_dead:
        return "dead"
    return "silent" if found.silent_parts else "alive"


def _judged(found: Freshness, source: SourceState) -> str:
    """SILENT: newer content was expected by now. old: too old for any source of which that is said."""
    if found.is_silent(source):
        return "SILENT"
    return "ok" if found.age_hours(source) <= found.silent_hours[""] else "old"


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
