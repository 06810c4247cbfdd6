"""Commands that start, stop and show the services of this installation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssa_pipeline.cli.errors import CliError, Exit
from ssa_pipeline.cli.inputs import AsJson
from ssa_pipeline.cli.patience import Talker
from ssa_pipeline.cli.printing import print_json, to_second

if TYPE_CHECKING:
    from ssa_pipeline.local.services.state import ServiceStatus
    from ssa_pipeline.settings import Settings
    from ssa_pipeline.storage.upkeep.workers import KnownWorker

_FOLLOW_POLL_S = 0.5
_LOOKS_APART = 10  # polls of the logs between two looks at the watcher


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (up, down, status, logs, env, doctor):
        app.command()(command)
    app.command("make-room")(make_room)


def up(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, show the logs, stop all on Ctrl-C.")] = False,
    database_only: Annotated[
        bool, typer.Option("--database-only", help="Start (and migrate) only PostgreSQL.")
    ] = False,
    unwatched: Annotated[
        bool, typer.Option("--unwatched", help="Without the watcher, which starts again what dies.")
    ] = False,
) -> None:
    """Start PostgreSQL, daemon, webserver, worker and watcher; migrate; free runs whose process is gone.

    What runs already is left alone, or restarted when the code changed and no run is in progress. The watcher starts
    again what dies; after a reboot call `ssa up` again (docs/operations.md has units of systemd that do).
    """
    from ssa_pipeline.local.services import starting

    settings = _checked_settings()
    with Talker(_say) as say:
        starting.up(settings, say, is_database_only=database_only, is_watched=not unwatched)
    if foreground:
        _stay(settings, is_watched=not unwatched)


def down() -> None:
    """Stop everything that `ssa up` started. Runs in progress are canceled; no data is lost."""
    from ssa_pipeline.local.services import stopping
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    with Talker(_say) as say:
        say.now("stopping the services")
        if not stopping.down(settings, say):
            say("nothing was running")


def status(as_json: AsJson = False) -> None:
    """Show what runs: process, address, uptime, memory, and the workers on other machines. Exit code 4 unless all of
    this machine runs and the daemon is alive."""
    from ssa_pipeline.local import watcher
    from ssa_pipeline.local.services import starting, state

    settings = _checked_settings()
    found = state.status(settings)
    others = state.other_workers(settings)
    if as_json:
        workers = [dataclasses.asdict(one) for one in others]
        print_json({"services": [_status_facts(one) for one in found], "other_workers": workers})
    else:
        for one in found:
            _say(_status_line(one))
        for worker in others:
            _say(_worker_line(worker))
        for line in watcher.report(settings):
            _say(f"{state.WATCHER:<11} {line}")
    unasked = {"database"} if starting.is_watcher_wanted(settings) else {"database", state.WATCHER}
    stopped = [one.name for one in found if one.pid is None and one.name not in unasked]
    if stopped:
        raise CliError(f"not running: {', '.join(stopped)}; start with `ssa up`", Exit.NOT_RUNNING)
    silence = state.daemon_silence(settings)
    if silence is not None:
        raise CliError(silence, Exit.NOT_RUNNING)


def logs(
    name: Annotated[
        str | None, typer.Argument(help="postgres, daemon, webserver, worker or watcher; all when left out.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines from the end of each log.")] = 40,
) -> None:
    """Print the end of the services' logs."""
    from ssa_pipeline.local import processes
    from ssa_pipeline.local.services import state
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    paths = state.log_paths(settings)
    if name is not None and name not in paths:
        raise CliError(f"there is no log {name!r}; choose from {', '.join(paths)}", Exit.USAGE)
    chosen = {one: path for one, path in paths.items() if name in (None, one)}
    for one, path in chosen.items():
        for line in processes.log_tail(path, lines=lines):
            _say(f"{one}: {line}" if name is None else line)
    if follow:
        _follow_logs(settings, name)


def make_room(
    keep_days: Annotated[
        int | None,
        typer.Option(min=1, help="Epoch days whose chunks and candidates are kept; SSA_RETENTION_DAYS when left out."),
    ] = None,
    keep_run_days: Annotated[
        int | None, typer.Option(min=1, help="Days of Dagster's runs kept; SSA_RUN_RETENTION_DAYS when left out.")
    ] = None,
) -> None:
    """Free disk space, also where the disk is full: give the reserve back, then do what retention does every night.

    Where PostgreSQL does not run any more it is started with what is left, and nothing else; `ssa up` starts the rest
    afterwards. Exit codes: 0 done, 1 there is not even room to start PostgreSQL.
    """
    from ssa_pipeline.local import rescue
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    rescue.make_room(settings, _say, keep_days or settings.retention_days, keep_run_days or settings.run_retention_days)


def env() -> None:
    """Print exports for a shell in which plain dagster and psql work: eval "$(ssa env)".

    Use `ssa down` and `ssa up --database-only` before `dagster dev`: two daemons on one database disturb each other.
    Runs wait for a worker: call `ssa worker` beside it.
    """
    import shlex

    from ssa_pipeline.local import shell

    settings = _checked_settings()
    for key, value in shell.exports(settings).items():
        _say(f"export {key}={shlex.quote(value)}")
    prefix = ":".join(shlex.quote(str(path)) for path in shell.program_dirs(settings))
    _say(f'export PATH={prefix}:"$PATH"')


def doctor(as_json: AsJson = False) -> None:
    """Check the machine and the installation, line by line, with what to do. Exit code 1 if anything fails."""
    from ssa_pipeline.local import doctor as checks

    settings = _checked_settings()
    findings = []
    for finding in checks.examine(settings):  # one by one: some take seconds
        findings.append(finding)
        if not as_json:
            _say(f"{finding.level.value:<5} {finding.subject}: {finding.text}")
    if as_json:
        facts = [{"level": f.level.value.lower(), "subject": f.subject, "text": f.text} for f in findings]
        print_json({"checks": facts})
    failed = sum(finding.level is checks.Level.FAIL for finding in findings)
    if failed:
        raise CliError(f"{failed} of {len(findings)} checks failed")


def _checked_settings() -> Settings:
    """For what starts or examines something; nobody is kept from stopping by a wrong setting. SettingsError."""
    from ssa_pipeline.settings import read_settings

    settings = read_settings()
    settings.check()
    return settings


def _say(text: str) -> None:
    typer.echo(text)


def _status_facts(one: ServiceStatus) -> dict[str, Any]:
    """``state``: running, stopped, or external for a database that is somebody else's to start."""
    stopped = "external" if one.name == "database" else "stopped"
    return {
        "name": one.name,
        "state": stopped if one.pid is None else "running",
        "address": one.address or None,
        "pid": one.pid,
        "started_at": None if one.started_at is None else to_second(datetime.fromtimestamp(one.started_at, UTC)),
        "memory_bytes": one.memory_bytes,
        "log": str(one.log) if one.log else None,
    }


def _status_line(one: ServiceStatus) -> str:
    import time

    if one.started_at is None:
        return f"{one.name:<11} {one.address or 'stopped'}"
    minutes = int(time.time() - one.started_at) // 60
    uptime = f"{minutes // 1440}d {minutes // 60 % 24:02}:{minutes % 60:02}"
    memory = f"{one.memory_bytes / 1e6:5.0f} MB"
    return f"{one.name:<11} running  pid {one.pid:<8} up {uptime}  {memory}  {one.address}".rstrip()


def _worker_line(one: KnownWorker) -> str:
    heard = "never heard" if one.silent_s is None else f"heard {one.silent_s:.0f} s ago"
    slots = f"{one.n_slots} slot{'s' * (one.n_slots != 1)} of {one.threads_per_run} threads"
    return (
        f"{'worker':<11} {one.worker_state:<8} {one.worker_name} on {one.host}, process {one.process_id}: {slots}, "
        f"{one.n_runs} at work, {heard}, for {', '.join(one.queues)}"
    )


def _stay(settings: Settings, *, is_watched: bool) -> None:
    """For a container or a service manager: SIGTERM and Ctrl-C stop everything."""
    import signal

    from ssa_pipeline.local.services import starting, stopping

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        if is_watched:
            _follow_logs(settings, None, lambda: starting.ensure_watcher(settings, _say))
        else:
            _follow_logs(settings, None)
    finally:
        stopping.down(settings, _say)


def _follow_logs(settings: Settings, name: str | None, now_and_then: Callable[[], None] = lambda: None) -> None:
    """Print what is appended, beginning anew where a log was replaced. ``now_and_then``: what else is to be done."""
    import time

    from ssa_pipeline.local.services import state

    polls = 0
    positions = {one: path.stat().st_size for one, path in state.log_paths(settings).items() if path.exists()}
    while True:
        for one, path in state.log_paths(settings).items():
            if name not in (None, one) or not path.exists():
                continue
            with path.open(errors="replace") as log:
                start = positions.get(one, 0)
                log.seek(start if start <= path.stat().st_size else 0)
                for line in log:
                    _say(f"{one}: {line}".rstrip() if name is None else line.rstrip())
                positions[one] = log.tell()
        polls += 1
        if polls % _LOOKS_APART == 0:
            now_and_then()
        time.sleep(_FOLLOW_POLL_S)
