"""``ssa automation``: whether the pipeline works by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson
from ssa_pipeline.cli.printing import print_json, to_second

if TYPE_CHECKING:
    from ssa_pipeline.use_cases.runs.instigators import Instigator
    from ssa_pipeline.use_cases.runs.webserver import Webserver

automation = typer.Typer(no_args_is_help=True, help="Turn sensors and schedules on or off, show what they do.")
_TRIES = 3
_SETTLE_S = 0.5
Names = Annotated[list[str] | None, typer.Argument(help="Sensors or schedules; all of automation when left out.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(automation, name="automation")


@automation.command()
def on(names: Names = None) -> None:
    """Fetch, catalogue and screen every day without being asked. Exit codes: 0 on, 2 no such name, 4 not running."""
    _switch(names, on=True)


@automation.command()
def off(names: Names = None) -> None:
    """Stop working without being asked; runs in progress go on, housekeeping stays on (name it to turn it off).

    Exit codes: 0 off, 2 no such name, 4 not running.
    """
    _switch(names, on=False)


@automation.command()
def status(as_json: AsJson = False) -> None:
    """Every sensor and schedule: on or off, last tick and its result, next tick, and why nothing was requested.

    Exit codes: 0, 1 the last tick of one that is on failed, 4 the services are not running.
    """
    from ssa_pipeline.use_cases.runs.instigators import instigators

    with _webserver() as webserver:
        found = instigators(webserver)
    if as_json:
        print_json({"automation": [_facts(one) for one in found]})
    else:
        for line in _table(found):
            typer.echo(line)
    failed = [one.name for one in found if one.is_on and one.last_tick and one.last_tick.outcome == "failure"]
    if failed:
        raise CliError(f"the last tick failed of {', '.join(failed)}")


def _switch(names: list[str] | None, *, on: bool) -> None:
    from ssa_pipeline.use_cases.runs.instigators import instigators

    with _webserver() as webserver:
        found = {one.name: one for one in instigators(webserver)}
        unknown = [name for name in names or [] if name not in found]
        if unknown:
            raise CliError(f"there is no {', '.join(unknown)}; there are {', '.join(found)}", Exit.USAGE)
        meant = [found[name] for name in names] if names else [one for one in found.values() if _is_meant(one, on=on)]
        to_switch = [one for one in meant if one.is_on != on]
        _make_sure(webserver, to_switch, on=on)
    state = "on" if on else "off"
    typer.echo(f"{len(to_switch)} turned {state}, {len(meant) - len(to_switch)} were {state} already")


def _make_sure(webserver: Webserver, to_switch: list[Instigator], *, on: bool) -> None:
    """Switch and look again: the daemon reads and writes back the whole state of a sensor at every tick, which undoes a
    switch made in that moment."""
    from ssa_pipeline.use_cases.runs.instigators import instigators, switch

    names = {one.name for one in to_switch}
    for _ in range(_TRIES):
        if not to_switch:
            return
        for one in to_switch:
            switch(webserver, one, on=on)
        time.sleep(_SETTLE_S)
        to_switch = [one for one in instigators(webserver) if one.name in names and one.is_on != on]
    if to_switch:
        state = "on" if on else "off"
        raise CliError(f"not turned {state}: {', '.join(one.name for one in to_switch)}; repeat the command")


def _is_meant(one: Instigator, *, on: bool) -> bool:
    return on or not one.is_on_by_default


@contextmanager
def _webserver() -> Iterator[Webserver]:
    from ssa_pipeline.local.services import state
    from ssa_pipeline.settings import read_settings
    from ssa_pipeline.use_cases.runs.webserver import Webserver

    settings = read_settings()
    address = state.ui_url(settings)
    if address is None or state.find_service(settings, state.DAEMON) is None:
        raise CliError("the services are not running, so nothing ticks: `ssa up` first", Exit.NOT_RUNNING)
    with Webserver(address) as webserver:
        yield webserver


def _facts(one: Instigator) -> dict[str, Any]:
    tick = one.last_tick
    return {
        "name": one.name,
        "kind": one.kind,
        "state": "on" if one.is_on else "off",
        "last_tick_at": None if tick is None else to_second(tick.at),
        "result": None if tick is None else tick.outcome,
        "reason": None if tick is None else tick.reason,
        "next_tick_at": to_second(one.next_tick_at) if one.is_on else None,
    }


def _table(found: list[Instigator]) -> Iterator[str]:
    yield f"{'name':<24} {'kind':<8} {'state':<5} {'last tick (UTC)':<16} {'result':<8} next tick (UTC)"
    for one in found:
        tick = one.last_tick
        last, outcome = (f"{tick.at:%Y-%m-%d %H:%M}", tick.outcome) if tick else ("", "")
        following = f"{one.next_tick_at:%Y-%m-%d %H:%M}" if one.next_tick_at and one.is_on else ""
        state = "on" if one.is_on else "off"
        yield f"{one.name:<24} {one.kind:<8} {state:<5} {last:<16} {outcome:<8} {following}".rstrip()
        if tick and tick.reason:
            yield f"    {tick.reason}"
