"""Resources: the settings and the PostgreSQL storage of one run. Tests and the command line replace them by
name (``build_defs(resource_overrides=...)``) and never patch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from dagster import InitResourceContext, resource

from ssa_pipeline.chain.due import DayScreening
from ssa_pipeline.chain.links import LEAD_DAYS
from ssa_pipeline.chain.releases import NewerInput, Release
from ssa_pipeline.chain.slices import Slices
from ssa_pipeline.core.records import RecordSpans
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.sources.state import Attempt
from ssa_pipeline.storage.questions.automation import read_newer_input, read_releases, read_screenings
from ssa_pipeline.storage.receipts.fetch_state import read_attempts
from ssa_pipeline.storage.receipts.release_gate import Judgement, ReleaseGate
from ssa_pipeline.storage.receipts.satcat import read_newest_tables
from ssa_pipeline.storage.receipts.snapshots import StoredSnapshot, read_catalog_snapshots, read_records
from ssa_pipeline.storage.schema.table_sizes import TableSize, table_sizes
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.storage.upkeep import workers
from ssa_pipeline.storage.upkeep.alerts import purge_alerts
from ssa_pipeline.storage.upkeep.retention import expire_slices
from ssa_pipeline.storage.upkeep.run_history import Purged, purge_runs
from ssa_pipeline.storage.upkeep.thinning import Thinned, thin_events


class Gate(Protocol):
    """What the chain needs of ``storage.receipts.release_gate.ReleaseGate``; see there."""

    def judge(self, epoch_day: date) -> Judgement: ...

    def demand_trusted(self, epoch_day: date) -> None: ...

    def accept(self, epoch_day: date, accepted_by: str, reason: str) -> Judgement: ...


class Storage(Protocol):
    """Where the chain reads from and writes to."""

    @property
    def slices(self) -> Slices: ...

    @property
    def gate(self) -> Gate: ...

    def snapshots(self, epoch_day: date) -> list[StoredSnapshot]:
        """Catalogues received on a day, with their bytes: GP, then supplemental GP, each in order of arrival."""
        ...

    def records(self, snapshot_id: int, spans: RecordSpans) -> list[bytes]:
        """The bytes of records of a snapshot as received."""
        ...

    def newest_tables(self, epoch_day: date) -> list[StoredSnapshot]:
        """The newest SATCAT, decay and TIP table received up to the end of a day, with their bytes."""
        ...

    def expire_slices(self, retention_days: int) -> list[date]:
        """Drop chunks and candidates of all but the newest epoch days; the days dropped."""
        ...

    def thin_events(self, keep_days: int, beyond_km: float) -> Thinned:
        """Delete distant events of old epoch days; see ``storage.upkeep.thinning.thin_events``."""
        ...

    def purge_runs(self, retention_days: int, on_batch: Callable[[Purged], None]) -> Purged:
        """Delete old runs and events of Dagster, and what is known of their workers; see
        ``storage.upkeep.run_history.purge_runs``."""
        ...

    def purge_alerts(self, retention_days: int) -> int:
        """Delete alerts as old that wait for nothing; how many."""
        ...

    def table_sizes(self) -> list[TableSize]:
        """Every table, the largest first."""
        ...

    def releases(self, first_snapshot_id: int) -> list[Release]:
        """Receipts of catalogues from an id on, and what became of them."""
        ...

    def newer_input(self, first_day: date, last_day: date) -> NewerInput | None:
        """What the newest catalogue of a range of days was made without: a table, or an earlier day that came late."""
        ...

    def screenings(self, days: int, first_day: date, last_day: date) -> list[DayScreening]:
        """The newest epoch days of a range that have a catalogue, newest first."""
        ...

    def attempts(self, query_keys: Iterable[str]) -> dict[str, Attempt]:
        """When queries were last made, of those that ever were."""
        ...


@dataclass(frozen=True)
class PostgresStorage:
    slices: SliceStore
    url: DatabaseUrl

    @property
    def gate(self) -> ReleaseGate:
        return ReleaseGate(self.url)

    def snapshots(self, epoch_day: date) -> list[StoredSnapshot]:
        return read_catalog_snapshots(self.url, epoch_day)

    def records(self, snapshot_id: int, spans: RecordSpans) -> list[bytes]:
        return read_records(self.url, snapshot_id, spans)

    def newest_tables(self, epoch_day: date) -> list[StoredSnapshot]:
        return read_newest_tables(self.url, epoch_day)

    def expire_slices(self, retention_days: int) -> list[date]:
        return expire_slices(self.url, retention_days)

    def thin_events(self, keep_days: int, beyond_km: float) -> Thinned:
        return thin_events(self.url, keep_days, beyond_km)

    def purge_runs(self, retention_days: int, on_batch: Callable[[Purged], None]) -> Purged:
        purged = purge_runs(self.url, retention_days, datetime.now(UTC), on_batch)
        workers.forget(self.url, retention_days)
        return purged

    def purge_alerts(self, retention_days: int) -> int:
        return purge_alerts(self.url, datetime.now(UTC) - timedelta(days=retention_days))

    def table_sizes(self) -> list[TableSize]:
        return table_sizes(self.url)

    def releases(self, first_snapshot_id: int) -> list[Release]:
        return read_releases(self.url, first_snapshot_id)

    def newer_input(self, first_day: date, last_day: date) -> NewerInput | None:
        return read_newer_input(self.url, first_day, last_day)

    def screenings(self, days: int, first_day: date, last_day: date) -> list[DayScreening]:
        return read_screenings(self.url, days, LEAD_DAYS, first_day, last_day)

    def attempts(self, query_keys: Iterable[str]) -> dict[str, Attempt]:
        return read_attempts(self.url, query_keys)


@resource(description="The settings of this process (environment variables, see docs).")
def process_settings(_: InitResourceContext) -> Settings:
    return read_settings()


@resource(description="PostgreSQL: snapshots as received, and the slices of the chain.")
def postgres_storage(_: InitResourceContext) -> Iterator[PostgresStorage]:
    url = database_url(read_settings())
    with SliceStore(url) as slices:
        yield PostgresStorage(slices, url)
