"""All settings of an installation, each with its value or with the error that its use raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from ssa_pipeline.settings.alerts import AlertSettings
from ssa_pipeline.settings.database import DatabaseUrl
from ssa_pipeline.settings.file import SettingsFile
from ssa_pipeline.settings.operation import AutomationSettings, WorkerSettings
from ssa_pipeline.settings.sources import SourceSettings
from ssa_pipeline.settings.values import SettingsError

_T = TypeVar("_T")


class _Concern(Generic[_T]):
    """A field of Settings whose error, if it was read with one, is raised where the field is used: a bad e-mail address
    stops alerts and not a screening."""

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, settings: Settings | None, _: type | None = None) -> _T:
        if settings is None:
            raise AttributeError(self._name)  # no default
        value: _T | SettingsError = settings.__dict__[self._name]
        if isinstance(value, SettingsError):
            raise value
        return value

    def __set__(self, settings: Settings, value: _T) -> None:
        settings.__dict__[self._name] = value


@dataclass(frozen=True, repr=False)  # a repr would read, and raise
class Settings:
    home: Path  # SSA_HOME, see ``default_home``: all state of this installation
    threads: int  # SSA_THREADS: threads of one run's kernels
    # None: the embedded server under home
    database_url: _Concern[DatabaseUrl | None] = _Concern()
    first_day: _Concern[date] = _Concern()  # SSA_FIRST_DAY: nothing before it is computed
    threshold_km: _Concern[float] = _Concern()  # SSA_THRESHOLD_KM
    # SSA_EXCLUDE_SAME_CONSTELLATION=on: no events of Starlink with Starlink and the like
    exclude_same_constellation: _Concern[bool] = _Concern()
    max_age_days: _Concern[float] = _Concern()  # SSA_MAX_AGE_DAYS: selection, measured at 00:00 of the epoch day
    # SSA_SOURCE_PRIORITY: of sets with one epoch, the first named source's is used
    source_priority: _Concern[tuple[str, ...]] = _Concern()
    # SSA_SUPPLEMENTAL_GP=prefer, SSA_SUPPLEMENTAL_MAX_AGE_DAYS; None: off
    supplemental_max_age_days: _Concern[float | None] = _Concern()
    max_runs: _Concern[int] = _Concern()  # SSA_MAX_RUNS: runs at a time; runs x threads <= cores
    retention_days: _Concern[int] = _Concern()  # SSA_RETENTION_DAYS: chunks and candidates
    thin_events_after_days: _Concern[int | None] = _Concern()  # SSA_THIN_EVENTS_AFTER_DAYS: None: events stay for ever
    thin_events_km: _Concern[float] = _Concern()  # SSA_THIN_EVENTS_KM: closer ones stay, and those of lead day 0
    run_retention_days: _Concern[int] = _Concern()  # SSA_RUN_RETENTION_DAYS: Dagster's finished runs and their events
    ui_port: _Concern[int | None] = _Concern()  # SSA_UI_PORT: None = 3000 or the next free port
    # SSA_UI_HOSTS, and the host of SSA_UI_URL: names of the UI besides localhost
    ui_hosts: _Concern[tuple[str, ...]] = _Concern()
    ui_path: _Concern[str] = _Concern()  # SSA_UI_PATH: what stands before every path of the UI, "/ssa" or ""
    sources: _Concern[SourceSettings] = _Concern()
    alerts: _Concern[AlertSettings] = _Concern()
    automation: _Concern[AutomationSettings] = _Concern()
    workers: _Concern[WorkerSettings] = _Concern()
    is_first_day_set: bool = field(kw_only=True)  # else partitions begin where data begin: ``first_day``
    file: SettingsFile = field(kw_only=True)  # settings.env of the home
    from_file: Mapping[str, str] = field(kw_only=True)  # what the file sets and the environment does not

    def check(self) -> None:
        """Look at everything; SettingsError of the first that cannot be used."""
        for one in fields(self):
            getattr(self, one.name)
