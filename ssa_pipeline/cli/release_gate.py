"""``ssa catalog``: where the completeness gate stands, and how an operator opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson, parse_day
from ssa_pipeline.cli.printing import print_json, to_second

if TYPE_CHECKING:
    from ssa_pipeline.storage.receipts.release_gate import Judgement

_DAYS_SHOWN = 14

catalog = typer.Typer(no_args_is_help=True, help="The completeness gate: which days' releases are used.")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(catalog, name="catalog")


@catalog.command()
def status(
    epoch_day: Annotated[str, typer.Option(help="Day to tell all about; the newest days in short when left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say which releases are open, held or accepted, and why.

    Exit codes: 0 said (held or not), 1 nothing was received or judged, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.receipts.release_gate import ReleaseGate

    day = parse_day(epoch_day)
    gate = ReleaseGate(database_url(read_settings()))
    if day is not None and not as_json:
        _print_all(gate.of_day(day))
        return
    newest = gate.newest_days(_DAYS_SHOWN) if day is None else [gate.of_day(day)]
    if as_json:
        print_json({"days": [_facts(judgement) for judgement in newest]})
        return
    if not newest:
        raise CliError("no release was judged yet: `ssa ingest FILE`, then `ssa materialize --epoch-day DAY`")
    for judgement in newest:
        typer.echo(f"{judgement.epoch_day}  {judgement.state:<8}  {_said(judgement)}")


@catalog.command()
def accept(
    epoch_day: Annotated[str, typer.Option(help="Day whose release is held, e.g. 2026-08-22.")],
    reason: Annotated[str, typer.Option(help="Why it may become the catalogue; kept with the acceptance.")],
) -> None:
    """Let a partial release become the catalogue. It counts for exactly the snapshots that were judged.

    Exit codes: 0 accepted, 1 the day is not held, not judged or nothing was received, 2 wrong usage, 4 no database.
    """
    from ssa_pipeline.local.postgres.address import database_url
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.storage.receipts.release_gate import ReleaseGate

    day = parse_day(epoch_day)
    if day is None or not reason.strip():
        raise CliError("accept needs --epoch-day and a --reason that says something", Exit.USAGE)
    accepted = ReleaseGate(database_url(read_settings())).accept(day, _operator(), reason.strip())
    typer.echo(f"{day}: {accepted.in_words()}")
    typer.echo(f"`ssa materialize --epoch-day {day}` goes on with it; automation, where it is on, does so by itself")


def _operator() -> str:
    """User and host of this process, as the system knows them (the environment could say anything)."""
    import os
    import pwd
    import socket

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _said(judgement: Judgement) -> str:
    by = f"by {judgement.accepted_by} ({judgement.accept_reason}): " if judgement.accepted_by else ""
    return by + "; ".join(judgement.reasons)


def _print_all(judgement: Judgement) -> None:
    from ssa_pipeline.storage.receipts.release_gate import what_to_do

    typer.echo(f"{judgement.epoch_day}: {judgement.state}, judged {to_second(judgement.judged_at)}")
    for reason in judgement.reasons:
        typer.echo(f"  {reason}")
    if "groups" in judgement.measures:
        _print_comparison(judgement.measures)
    if judgement.accepted_at is not None:
        when = to_second(judgement.accepted_at)
        typer.echo(f"  accepted {when} by {judgement.accepted_by}: {judgement.accept_reason}")
    if not judgement.is_trusted:
        typer.echo(what_to_do(judgement.epoch_day))


def _print_comparison(measures: dict[str, Any]) -> None:
    age, age_before = measures["median_age_days"], measures["median_age_days_before"]
    typer.echo(f"  median age {age:.2f} days, {age_before:.2f} on {measures['compared_with']}")
    typer.echo(f"  {measures['new']:,} objects are new. Missing:")
    typer.echo(f"    {'all':<12} {measures['missing']:>8,} of {measures['objects_before']:>8,}")
    for name, group in measures["groups"].items():
        typer.echo(f"    {name:<12} {group['missing']:>8,} of {group['before']:>8,}")
    if "largest" in measures:
        largest = measures["largest"]
        missing, before = largest["missing"], largest["objects_before"]
        typer.echo(f"  of the largest release of 30 days, {largest['compared_with']}: {missing:,} of {before:,}")
    if "carried_over" in measures:
        typer.echo(
            f"  of objects in use, which are carried over: {measures['carried_over']:,} of {measures['in_use']:,}"
        )


def _facts(judgement: Judgement) -> dict[str, Any]:
    return {
        "epoch_day": str(judgement.epoch_day),
        "state": judgement.state,
        "reasons": list(judgement.reasons),
        "judged_at": to_second(judgement.judged_at),
        "accepted_at": to_second(judgement.accepted_at),
        "accepted_by": judgement.accepted_by,
        "accept_reason": judgement.accept_reason,
        "measures": judgement.measures,
    }
