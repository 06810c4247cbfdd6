"""Which received releases are not yet in their day's catalogue, and what keeps a day waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from ssa_pipeline.chain.links import DAILY_ASSETS
from ssa_pipeline.chain.slice_key import SliceKey

_MOST_AHEAD = timedelta(days=1)
HELD = timedelta(days=7)  # a held release is catalogued by itself where it is accepted within this time


class GateState(StrEnum):
    OPEN = "open"
    HELD = "held"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class Release:
    """A receipt of a catalogue (GP or supplemental GP) and what became of it."""

    snapshot_id: int
    epoch_day: date
    source: str
    received_at: datetime
    read_at: datetime | None  # since when it is in the day's newest raw_tle_snapshots slice; None: it is not
    gate: str | None  # what the completeness gate says of that slice (GateState); None: not judged yet
    used_at: datetime | None  # since when the day's catalogue is one made from that slice; None: it is not


@dataclass(frozen=True)
class NewerInput:
    """The newest catalogue there is, and what would count for it but came after it was made."""

    epoch_day: date
    cataloged_at: datetime
    key: str  # tells this input from every other
    what: str  # in words: the input, and what happened to it at ``at`` ("…, received")
    at: datetime


@dataclass(frozen=True)
class Waiting:
    """An epoch day whose catalogue lacks a release that is not held; ``newest`` is the newest of those."""

    epoch_day: date
    newest: Release

    @property
    def reason(self) -> str:
        what = "was accepted" if self.newest.gate == GateState.ACCEPTED else "is not in the catalogue"
        release = f"snapshot {self.newest.snapshot_id} from {self.newest.source}"
        return f"{release}, received {self.newest.received_at:%Y-%m-%d %H:%M} UTC, {what}"


def waiting_days(releases: list[Release]) -> list[Waiting]:
    """Days for which there is something to do, oldest first: a day's catalogue builds on the days before it."""
    lacking: dict[date, Release] = {}
    for release in releases:
        if release.used_at is None and release.gate != GateState.HELD:
            lacking[release.epoch_day] = release
    return [Waiting(day, lacking[day]) for day in sorted(lacking)]


def being_made(epoch_day: date, under_way: Mapping[SliceKey, str]) -> str | None:
    """Which run makes the day's catalogue at present."""
    keys = (SliceKey(asset, epoch_day, None) for asset in DAILY_ASSETS)
    in_hand = next((under_way[key] for key in keys if key in under_way), None)
    return f"{epoch_day} is in hand: {in_hand}" if in_hand else None


def about(newer: NewerInput) -> str:
    """Why a catalogue is made again without a new release of its day."""
    return f"{newer.what} {newer.at:%Y-%m-%d %H:%M} UTC, is newer than the catalogue"


def obstacle_of_newer(newer: NewerInput, releases: list[Release], now: datetime, rescreen_hours: float) -> str | None:
    """Why the catalogue is not made again now, or None. A day is screened again only ``rescreen_hours`` after the last
    time; until then nobody would use a newer catalogue."""
    if any(release.epoch_day == newer.epoch_day and release.gate == GateState.HELD for release in releases):
        return f"{about(newer)} of {newer.epoch_day}, of which a release is held by the completeness gate"
    if any(day.epoch_day == newer.epoch_day for day in waiting_days(releases)):
        return f"{about(newer)} of {newer.epoch_day}, of which a release waits: it would be the same run"
    due = newer.cataloged_at + timedelta(hours=rescreen_hours)
    if now < due:
        policy = f"made again from {due:%Y-%m-%d %H:%M} UTC on (SSA_RESCREEN_HOURS={rescreen_hours:g})"
        return f"{about(newer)} of {newer.epoch_day}, which is {policy}"
    return None


def obstacle(day: Waiting, first_day: date, today: date) -> str | None:
    """Why the day cannot be asked for now."""
    if day.epoch_day < first_day:
        return f"{day.epoch_day} is before the first day that is computed, {first_day}: set SSA_FIRST_DAY"
    if day.epoch_day > today:
        return f"{day.epoch_day} lies ahead and is read from that day on"
    return None


def next_cursor(cursor: int, releases: list[Release], now: datetime, first_day: date) -> int:
    """The id from which the next look begins: that of the last receipt before the first one that waits or may yet be
    accepted. ``releases``: those from ``cursor`` on, which become visible in the order of their ids. Older versions
    stored receipts of days far ahead; these do not hold the cursor back."""
    for release in releases:
        is_out = release.epoch_day < first_day or day_ahead(release.epoch_day, now) is not None
        is_given_up = release.gate == GateState.HELD and release.received_at <= now - HELD
        if not (is_out or is_given_up or release.used_at is not None):
            break
        cursor = release.snapshot_id
    return cursor


def fate(release: Release) -> str:
    """What became of a release that does not wait."""
    named = f"newest release of {release.epoch_day} (snapshot {release.snapshot_id}, {release.source})"
    if release.used_at is not None:
        return f"{named} is in the catalogue since {release.used_at:%Y-%m-%d %H:%M} UTC"
    return f"{named} is held by the completeness gate: `ssa catalog status --epoch-day {release.epoch_day}`"


def day_ahead(epoch_day: date, now: datetime) -> str | None:
    """Why nothing is received for a day that lies too far ahead; None for one that does not. Clocks and time zones
    explain one day; more is mistyped, and would count as the newest release until that day has come."""
    today = now.astimezone(UTC).date()
    if epoch_day <= today + _MOST_AHEAD:
        return None
    return f"{epoch_day} lies more than one day ahead (today is {today}, UTC)"
