"""What automation must know of receipts and slices: one indexed query each, quick enough for a sensor's tick."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ssa_pipeline.chain.due import DayScreening, Screened
from ssa_pipeline.chain.releases import NewerInput, Release
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.named_sql import section

_FILE = "questions/automation.sql"


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
