"""Computes what is not up to date of an epoch day, through whatever executes runs: `ssa materialize`, `ssa demo`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ssa_pipeline.chain.errors import NothingReceivedError
from ssa_pipeline.chain.links import INGEST_JOB, SCREEN_JOB, run_tags
from ssa_pipeline.chain.plan import contiguous, slices_to_compute
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.receipts.release_gate import ReleaseGate
from ssa_pipeline.storage.receipts.snapshots import snapshot_ids
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.use_cases.runs.follow import RunFailedError, Runner, RunOutcome


@dataclass(frozen=True)
class Screening:
    """Computes what is not up to date of one epoch day: first the catalogue, then ranges of lead days. ``say`` is told
    what happens, a line at a time."""

    settings: Settings
    url: DatabaseUrl
    epoch_day: date
    lead_days: list[int]
    runner: Runner
    say: Callable[[str], None]
    force: bool = False

    def run(self) -> None:
        """Returns when all is up to date. NothingReceivedError; RunFailedError of the first run that does not succeed;
        whatever the runner raises."""
        day = self.epoch_day.isoformat()
        self._follow_what_is_in_hand()
        needed = self._needed()
        if not needed:
            self.say(f"{day}: all {len(self.lead_days)} lead days are up to date")
            return
        if any(key.lead_day is None for key in needed):
            self._catalog_earlier_days()
            self._run(INGEST_JOB, run_tags(self.epoch_day), f"catalogue of {day}")
            self._follow_what_is_in_hand()  # automation may be quicker
            needed = self._needed()
        for first, last in contiguous(key.lead_day for key in needed if key.lead_day is not None):
            named = f"lead day {first}" if first == last else f"lead days {first} to {last}"
            self._run(SCREEN_JOB, run_tags(self.epoch_day, (first, last)), f"{day}, {named}")

    def _follow_what_is_in_hand(self) -> None:
        """Nothing is computed twice: a call left with Ctrl-C, automation or a back-fill may have it in hand."""
        followed: set[str] = set()
        while not self.force and (run := self.runner.in_hand(self.epoch_day, self.lead_days)) is not None:
            if run.run_id in followed:
                return
            followed.add(run.run_id)
            self.say(f"{run.title}: a run computes it already, it is followed (`ssa cancel {run.run_id[:8]}` ends it)")
            finish(self.runner.follow(run), run.title, self.say)

    def _catalog_earlier_days(self) -> None:
        """As automation does: the day carries over from the days before, and the gate compares with them. One that is
        held or fails is told, and stands in no way."""
        unread = ReleaseGate(self.url).unread_days(self.epoch_day)
        for day in (day for day in unread if day >= self.settings.first_day):
            try:
                self._run(INGEST_JOB, run_tags(day), f"catalogue of {day}, received before")
            except RunFailedError as error:
                if error.is_cancelled:
                    raise
                self.say(f"WARNING: {error}")

    def _needed(self) -> dict[SliceKey, str]:
        with SliceStore(self.url) as slices:
            return needed_slices(slices, self.settings, self.url, self.epoch_day, self.lead_days, everything=self.force)

    def _run(self, job: str, tags: dict[str, str], title: str) -> None:
        finish(self.runner.run(job, tags, title), title, self.say)


def needed_slices(
    slices: SliceStore,
    settings: Settings,
    url: DatabaseUrl,
    epoch_day: date,
    lead_days: list[int],
    *,
    everything: bool = False,
    keep_other_code: bool = False,
) -> dict[SliceKey, str]:
    """``slices_to_compute`` of a day as it stands in the database; NothingReceivedError."""
    ids = snapshot_ids(url, epoch_day)
    if not ids:
        raise NothingReceivedError(epoch_day)
    held_days = ReleaseGate(url).held_days(epoch_day)
    return slices_to_compute(
        slices,
        settings,
        epoch_day,
        lead_days,
        ids,
        held_days,
        everything=everything,
        keep_other_code=keep_other_code,
    )


def finish(outcome: RunOutcome, title: str, say: Callable[[str], None]) -> None:
    """Say how a run ended; RunFailedError where it did not succeed."""
    for check in outcome.failed_checks:
        say(f"  check {check}")
    if not outcome.is_success:
        raise RunFailedError(outcome, title)
    say(f"{title}: done in {outcome.wall_s:.1f} s")
