"""`ssa worker`: this machine joins the work of an installation."""

from __future__ import annotations

from typing import Annotated

import typer

from ssa_pipeline.cli.errors import CliError, Exit


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(worker)


def worker(
    slots: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time; SSA_MAX_RUNS when left out. Slots share the cores."),
    ] = None,
    queues: Annotated[
        str, typer.Option(help="What it takes, with commas: daily, backfill, fetch (needs the providers' credentials).")
    ] = "daily,backfill",
    name: Annotated[str | None, typer.Option(help="Its name in `ssa status`; the host's when left out.")] = None,
) -> None:
    """Take runs from the queue of the installation that DATABASE_URL leads to, until SIGTERM or Ctrl-C.

    The first of those drains: runs in hand are finished, no new one is taken. A second one cancels them. Nothing is
    shared with the machine of the services but the database. `ssa up` starts a worker of its own there.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.nodes.joining import JoinError, this_worker
    from ssa_pipeline.nodes.serving import serve
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    settings.check()
    url = database_url(settings)
    named = tuple(one.strip() for one in queues.split(",") if one.strip())
    try:
        me = this_worker(settings, url, n_slots=slots, queues=named, name=name)
    except JoinError as error:
        raise CliError(str(error), Exit.FAILED) from None
    serve(settings, url, me, typer.echo)
