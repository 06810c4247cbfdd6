"""``ssa fetch``: releases from CelesTrak, Space-Track or a folder into the database, as received."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import parse_day
from ssa_pipeline.cli.patience import patience

if TYPE_CHECKING:
    from ssa_pipeline.settings import SourceSettings
    from ssa_pipeline.sources.errors import SourceError
    from ssa_pipeline.use_cases.fetch import Fetched


class SourceName(StrEnum):
    CELESTRAK = "celestrak"
    SPACE_TRACK = "space-track"
    FOLDER = "folder"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("fetch")(fetch)


def fetch(
    source: Annotated[SourceName, typer.Option(help="Whom to ask.")],
    query: Annotated[
        list[str] | None,
        typer.Option(
            help="CelesTrak: GROUP=active (default), SPECIAL=gpz, FILE=starlink (supplemental), satcat. "
            "Space-Track: gp (default), satcat, decay, tip. May be repeated."
        ),
    ] = None,
    base_url: Annotated[str, typer.Option(help="Another server than the provider's; the folder.")] = "",
    epoch_day: Annotated[
        str, typer.Option(help="Day the release is for; today (UTC), or the day in a file's name, when left out.")
    ] = "",
    after_refusal: Annotated[
        bool, typer.Option("--after-refusal", help="Ask again although the provider refused: the cause is gone.")
    ] = False,
) -> None:
    """Fetch releases within the providers' rules and store them as received (docs/sources.md).

    Exit codes: 0 something new stored, 10 nothing new, 11 too early to ask, 12 the provider refused (and is not asked
    again), 3 the answer is not what was asked for, 1 no answer, 2 wrong usage, 4 no database. Of several queries, the
    worst: 12, 3, 1, 11, 0, 10.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.local.services.shown_days import begin_where_data_begin
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.sources.errors import QueryError
    from ssa_pipeline.use_cases.fetch import fetch_release

    day = parse_day(epoch_day)
    with patience(f"asking {source.value}"):
        settings = read_settings()
        url = database_url(settings)
        sources = _with_base_url(settings.sources, source, base_url) if base_url else settings.sources
        try:
            results = fetch_release(url, sources, source.value, query or [], epoch_day=day, after_refusal=after_refusal)
        except QueryError as error:
            raise CliError(str(error), Exit.USAGE) from None
        begin_where_data_begin(settings, url, lambda said: typer.echo(f"ssa: {said}", err=True))
    _report(results)


def _with_base_url(settings: SourceSettings, source: SourceName, text: str) -> SourceSettings:
    from ssa_pipeline.settings import base_url, login_url

    if source == SourceName.CELESTRAK:
        return replace(settings, celestrak_url=base_url("--base-url", text))
    if source == SourceName.SPACE_TRACK:
        return replace(settings, space_track_url=login_url("--base-url", text))
    path = url2pathname(urlsplit(text).path) if text.startswith("file:") else text
    return replace(settings, folder=Path(path).expanduser().resolve())


def _report(results: list[Fetched]) -> None:
    """One line a query; raises typer.Exit with the worst code."""
    codes = []
    for result in results:
        if result.error is not None:
            typer.echo(f"ssa: {result.error}", err=True)
            codes.append(_code(result.error))
        elif result.is_new:
            typer.echo(f"{result.query.file_name}: {result.byte_count:,} bytes stored for {result.epoch_day}")
            codes.append(Exit.OK)
        else:
            typer.echo(f"{result.query.file_name}: nothing new")
            codes.append(Exit.NO_CHANGE)
        if result.lack:
            typer.echo(f"ssa: WARNING: {result.query.file_name}: {result.lack}", err=True)
    worst = (Exit.REFUSED, Exit.NO_USABLE_INPUT, Exit.FAILED, Exit.TOO_EARLY, Exit.OK, Exit.NO_CHANGE)
    if not codes:
        typer.echo("the folder holds no file to read (one that changed within the last 10 s is left for the next time)")
    raise typer.Exit(next((code for code in worst if code in codes), Exit.NO_CHANGE))


def _code(error: SourceError) -> Exit:
    from ssa_pipeline.sources.errors import NotCatalogError, RefusedError, TooEarlyError

    codes = {TooEarlyError: Exit.TOO_EARLY, RefusedError: Exit.REFUSED, NotCatalogError: Exit.NO_USABLE_INPUT}
    return codes.get(type(error), Exit.FAILED)
