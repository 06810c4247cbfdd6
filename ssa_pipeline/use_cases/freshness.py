"""Is the picture current? ``ssa check-freshness`` (from cron or a monitor) and a sensor ask this. The answer comes from
the database and needs no living daemon. Only a daemon on this machine is looked at directly: heartbeats of one that
died look fresh for another two minutes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ssa_pipeline.settings import AlertSettings, DatabaseUrl
from ssa_pipeline.storage.questions.freshness import Progress, SourceState, read_freshness
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline.storage.upkeep.alerts import Alert

# Nine tenths of a catalogue are 2 to 7 h old when it comes, so the content of a daily one is more than a day old before
# the next comes.
AGE_ON_RECEIPT = timedelta(hours=12)
REPEATED_AFTER = timedelta(hours=24)  # a problem that lasts is told once a day


@dataclass(frozen=True)
class Freshness:
    """The state at ``now``. ``silent_parts``: parts of the daemon without a recent heartbeat -> age in seconds.
    ``is_daemon_dead``: it ran on this machine, and does not now."""

    now: datetime
    sources: list[SourceState]
    progress: Progress
    silent_parts: Mapping[str, float]
    silent_hours: Mapping[str, float]
    is_daemon_dead: bool = False

    def limit_hours(self, source: str) -> float:
        """How long a source may be silent."""
        return self.silent_hours.get(source, self.silent_hours[""])

    def age_hours(self, source: SourceState) -> float:
        """Of its newest content, whenever that was received; infinite where it never gave any."""
        return math.inf if source.content_at is None else (self.now - source.content_at) / timedelta(hours=1)

    def is_silent(self, source: SourceState) -> bool:
        """Nothing came for longer than its limit, or what came was old already. (A source that is "never" expected is
        never silent.)"""
        limit = self.limit_hours(source.source)
        if source.content_at is None or source.received_at is None:
            return math.isfinite(limit)
        since_receipt_hours = (self.now - source.received_at) / timedelta(hours=1)
        return max(since_receipt_hours, self.age_hours(source) - AGE_ON_RECEIPT / timedelta(hours=1)) > limit

    def in_words(self, source: SourceState) -> str:
        """How old its newest content is, and how old it may get."""
        age, limit = self.age_hours(source), self.limit_hours(source.source)
        content = f"newest content {age:.1f} h old" if math.isfinite(age) else "nothing received ever"
        return (
            f"{source.source}: {content}, {f'expected every {limit:g} h' if math.isfinite(limit) else 'not expected'}"
        )

    def problems(self) -> Iterator[Alert]:
        """What is not current, as alerts that say what to do."""
        yield from (self._silence(source) for source in self.sources if self.is_silent(source))
        waiting = self._waiting_hours()
        if waiting > self.silent_hours[""]:
            yield self._not_screened(waiting)
        if self.is_daemon_dead:
            yield self._daemon_death()
        elif self.silent_parts:
            yield self._daemon_silence()

    def _waiting_hours(self) -> float:
        """How long a day received after the newest screened one has waited; 0 where none does."""
        since = self.progress.waiting_since
        return 0.0 if since is None else (self.now - since) / timedelta(hours=1)

    def _silence(self, source: SourceState) -> Alert:
        title = f"source {source.source}: nothing received ever"
        if source.content_at is not None and source.received_at is not None:
            title = f"source {source.source}: its newest content is {self.age_hours(source):.0f} h old"
            if (source.received_at - source.content_at) > timedelta(hours=1):
                title += f" (received {source.received_at:%Y-%m-%d %H:%M} UTC)"
        attempt = "nothing was ever fetched from it"
        if source.attempted_at is not None:
            attempt = f"last asked {source.attempted_at:%Y-%m-%d %H:%M} UTC: {source.outcome} {source.detail}".rstrip()
        return Alert(
            f"silence {source.source}",
            "error",
            title,
            f"Expected every {self.limit_hours(source.source):g} h (SSA_SOURCE_SILENT_HOURS); {attempt}.\n"
            f"Do: ssa automation status; ssa fetch --source {source.source}; docs/operations.md, A source is silent.",
            REPEATED_AFTER,
        )

    def _not_screened(self, waiting_hours: float) -> Alert:
        day, newest = self.progress.waiting_day, self.progress
        return Alert(
            f"not screened {day}",
            "error",
            f"the release of {day} has waited {waiting_hours:.0f} h to be screened",
            f"Newest catalogue: {newest.catalog_day}; newest day screened: {newest.screened_day}. A check "
            "may hold the release back, or nothing requests its partition.\n"
            "Do: ssa catalog status; ssa automation status; docs/operations.md, A release is held back.",
            REPEATED_AFTER,
        )

    def _daemon_death(self) -> Alert:
        return Alert(
            "daemon silence",
            "error",
            "Dagster's daemon does not run: nothing is scheduled, no run starts",
            "It ran on this machine and its process is gone.\nDo: ssa status; ssa logs daemon; ssa up.",
            REPEATED_AFTER,
        )

    def _daemon_silence(self) -> Alert:
        return Alert(
            "daemon silence",
            "error",
            "Dagster's daemon is silent: nothing is scheduled, no run starts",
            f"Without heartbeat: {run_rows.describe_silence(self.silent_parts)}.\n"
            "Do: ssa status; ssa logs daemon; ssa down; ssa up.",
            REPEATED_AFTER,
        )


def check_freshness(
    database: DatabaseUrl, settings: AlertSettings, now: datetime, *, is_daemon_dead: bool = False
) -> Freshness:
    """Read and judge. StorageError where the database does not answer."""
    sources, progress = read_freshness(database)
    silent = run_rows.silent_parts(database, now)
    return Freshness(now, sources, progress, silent, settings.silent_hours, is_daemon_dead)
