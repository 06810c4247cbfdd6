"""Every setting, read once from the environment and ``settings.env`` in the home."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ssa_pipeline.settings import alerts, database, operation, screening, sources
from ssa_pipeline.settings.concerns import Settings
from ssa_pipeline.settings.file import SettingsFile, read_settings_file
from ssa_pipeline.settings.installation import default_home
from ssa_pipeline.settings.table import SHOWN
from ssa_pipeline.settings.values import MOST_DAYS, SettingsError, day, number

_T = TypeVar("_T")
_P = ParamSpec("_P")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and, unless ``environ`` is given, the settings file of the home. SettingsError
    where home, file or threads cannot be used; of anything else it is raised by the field (``Settings.check``)."""
    env = os.environ if environ is None else environ
    home = _home(env)
    file = read_settings_file(home, SHOWN) if environ is None else SettingsFile(home)
    from_file = {name: value for name, value in file.values.items() if name not in env}
    env = {**from_file, **env}

    def tried(read: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """The value, or the error in its place: see _Concern."""
        try:
            return read(*arguments, **options)
        except SettingsError as error:
            named = [name for name in from_file if re.search(rf"\b{name}\b", str(error))]
            where = f" ({file.path} line {file.lines[named[0]]})" if named else ""
            failed: Any = SettingsError(f"{error}{where}")
            return failed  # type: ignore[no-any-return]

    cores = len(os.sched_getaffinity(0))
    threads = tried(number, env, "SSA_THREADS", cores, minimum=1)
    if isinstance(threads, SettingsError):
        raise threads
    return Settings(
        home=home,
        threads=threads,
        database_url=tried(database.read_database_url, env),
        first_day=tried(day, env, "SSA_FIRST_DAY", "2024-01-01"),
        threshold_km=tried(number, env, "SSA_THRESHOLD_KM", 5.0, minimum=1e-3),
        exclude_same_constellation=tried(screening.read_exclude_same_constellation, env),
        max_age_days=tried(number, env, "SSA_MAX_AGE_DAYS", 30.0, minimum=1e-3),
        source_priority=tried(screening.read_source_priority, env),
        supplemental_max_age_days=tried(screening.read_supplemental_max_age_days, env),
        max_runs=tried(number, env, "SSA_MAX_RUNS", max(1, cores // threads), minimum=1),
        retention_days=tried(number, env, "SSA_RETENTION_DAYS", 7, minimum=1, maximum=MOST_DAYS),
        thin_events_after_days=tried(operation.read_thin_events_after_days, env),
        thin_events_km=tried(number, env, "SSA_THIN_EVENTS_KM", 1.0, minimum=0.0),
        run_retention_days=tried(number, env, "SSA_RUN_RETENTION_DAYS", 30, minimum=1, maximum=MOST_DAYS),
        ui_port=tried(operation.read_ui_port, env),
        ui_hosts=tried(operation.read_ui_hosts, env),
        ui_path=tried(operation.read_ui_path, env),
        sources=tried(sources.read_sources, env),
        alerts=tried(alerts.read_alerts, env),
        automation=tried(operation.read_automation, env),
        workers=tried(operation.read_workers, env),
        is_first_day_set=bool(env.get("SSA_FIRST_DAY")),
        file=file,
        from_file=from_file,
    )


def _home(env: Mapping[str, str]) -> Path:
    try:
        return Path(env.get("SSA_HOME") or default_home(env)).expanduser().resolve()
    except RuntimeError:
        raise SettingsError("this user has no home directory: set SSA_HOME to a directory for the data") from None
