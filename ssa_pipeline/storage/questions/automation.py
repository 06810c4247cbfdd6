"""What automation must know of receipts and slices: one indexed query each, quick enough for a sensor's tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section

_FILE = "automation.sql"


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
    key: str  # names exactly this input
    what: str  # it is, and what was done with it at ``at``
    at: datetime


@dataclass(frozen=True)
class Screened:
    """One lead day as last screened. ``is_current``: from a catalogue of the same content as the newest."""

    at: datetime
    is_current: bool


@dataclass(frozen=True)
class DayScreening:
    """The newest catalogue of an epoch day, and the lead days screened from it or from an older one."""

    epoch_day: date
    catalog_log_id: int
    cataloged_at: datetime
    refusals: list[str] = field(default_factory=list)  # blocking checks that the catalogue failed, and their findings
    lead_days: dict[int, Screened] = field(default_factory=dict)


def read_releases(url: DatabaseUrl, first_snapshot_id: int) -> list[Release]:
    """Receipts of GP and supplemental GP from an id on, ascending."""
    with connect(url) as connection:
        rows = connection.execute(section(_FILE, "releases"), {"first": first_snapshot_id})
        return [Release(*row) for row in rows]


def read_newer_input(url: DatabaseUrl, first_day: date, last_day: date) -> NewerInput | None:
    """What would count for the newest catalogue of a range of days (ends included) if that were made now: a SATCAT,
    decay or TIP table of the week up to its day, else an earlier day that came late or was accepted since."""
    with connect(url) as connection:
        given = {"first_day": first_day, "last_day": last_day}
        newest = connection.execute(section(_FILE, "newest_catalog"), given).fetchone()
        if newest is None:
            return None
        log_id, day, cataloged_at = newest
        row = connection.execute(section(_FILE, "newer_table"), {"log_id": log_id}).fetchone()
        if row:
            snapshot_id, kind, source, received_at = row
            key = f"{kind} snapshot {snapshot_id}"
            return NewerInput(day, cataloged_at, key, f"{key} from {source}, received", received_at)
        row = connection.execute(section(_FILE, "late_day"), {"log_id": log_id}).fetchone()
        if row:
            version, earlier_day, read_at = row
            key = f"{earlier_day} read in slice version {version}"
            return NewerInput(day, cataloged_at, key, f"what was received for {earlier_day}, read", read_at)
        row = connection.execute(section(_FILE, "accepted_day"), {"log_id": log_id}).fetchone()
        if row:
            earlier_day, accepted_at = row
            key = f"{earlier_day} accepted at {accepted_at.isoformat()}"
            return NewerInput(day, cataloged_at, key, f"the acceptance of {earlier_day}, given", accepted_at)
        return None


def read_screenings(
    url: DatabaseUrl, days: int, lead_days: Iterable[int], first_day: date, last_day: date
) -> list[DayScreening]:
    """The ``days`` newest epoch days of a range (ends included) that have a catalogue, newest first. Counted in days
    that exist, as retention does."""
    params = {"days": days, "lead_days": list(lead_days), "first_day": first_day, "last_day": last_day}
    found: dict[date, DayScreening] = {}
    with connect(url) as connection:
        for day, log_id, cataloged_at, refusals, lead_day, at, is_current in connection.execute(
            section(_FILE, "screenings"), params
        ):
            screening = found.setdefault(day, DayScreening(day, log_id, cataloged_at, refusals))
            if at is not None:
                screening.lead_days[lead_day] = Screened(at, bool(is_current))
    return list(found.values())
