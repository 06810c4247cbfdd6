"""What providers give, as external assets: every receipt is an observation, through whatever door it came.

They stand beside the chain, without an edge into it: one would mark every day computed so far as "has a new dependency"
(docs/decisions/0045).
"""

from collections.abc import Iterator
from datetime import timedelta
from time import monotonic

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetObservation,
    AssetRecordsFilter,
    AssetSpec,
    DagsterInstance,
    DefaultSensorStatus,
    MetadataValue,
    ResourceParam,
    SensorEvaluationContext,
    SensorResult,
    asset_check,
    sensor,
)

from ssa_pipeline.core.outside_text import for_terminal
from ssa_pipeline.core.records import GP, PARTIAL_SATCAT, SATCAT
from ssa_pipeline.defs.partitions import GROUP, OWNERS
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.settings import SOURCES, Settings
from ssa_pipeline.sources import folder
from ssa_pipeline.sources.fetching import utc_now
from ssa_pipeline.storage.receipts.log import Content, Receipt, read_content, read_newest_receipts, read_receipts
from ssa_pipeline.use_cases.fetch_plan import EVERY
from ssa_pipeline.use_cases.freshness import Freshness, check_freshness

OTHER = "ingested_files"  # what was handed over by `ssa ingest`, under whatever source's name
FOLDER = "folder_files"
FRESHNESS_CHECK = "is_current"
_PER_TICK, _TICK_S = 100, 15.0  # receipts of one tick, and the time after which it begins no further one


def _name(source: str, kind: str) -> str:
    return f"{source}_{kind}".replace("-", "_")


_BY_KIND = {(source, kind): _name(source, kind) for source, kinds in EVERY.items() for kind in kinds}
# Where `ssa check-freshness` looks for a source's silence: at its catalogues.
OF_SOURCE = {source: _BY_KIND.get((source, GP), FOLDER if source == folder.SOURCE else OTHER) for source in SOURCES}


def feed_of(source: str, kind: str) -> str:
    """The feed to which a receipt belongs."""
    kind = SATCAT if kind == PARTIAL_SATCAT else kind
    return FOLDER if source == folder.SOURCE else _BY_KIND.get((source, kind), OTHER)


def _specs() -> Iterator[AssetSpec]:
    described = {}
    for (source, kind), name in _BY_KIND.items():
        hours = EVERY[source][kind] / timedelta(hours=1)
        described[name] = (f"{kind} of {source}. Automation that asks for it does so every {hours:g} h.", "api")
    described[FOLDER] = ("Files read in SSA_WATCHED_FOLDER, of every kind.", "file")
    described[OTHER] = ("Files handed over by `ssa ingest`, of every kind and source but the providers' own.", "file")
    for name, (description, kind) in described.items():
        yield AssetSpec(
            name,
            group_name=GROUP,
            owners=OWNERS,
            kinds={kind},
            tags={"domain": "feed"},
            description=f"{description} Each receipt is an observation, within a minute or two.",
        )


FEEDS = list(_specs())


@sensor(
    name="observe_feeds",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Every new receipt, through whatever door it came, becomes an observation of its feed.",
)
def observe_feeds(context: SensorEvaluationContext, settings: ResourceParam[Settings]) -> SensorResult:
    """The cursor is the newest snapshot that was observed; without one, as after an upgrade, each feed's newest receipt
    is. What a tick that died had told already is known by the feed's newest observation."""
    url, stop = database_url(settings), monotonic() + _TICK_S
    cursor = int(context.cursor or 0)
    receipts = read_receipts(url, cursor, _PER_TICK) if context.cursor else _newest(read_newest_receipts(url))
    told: dict[str, int] = {}
    events = []
    for receipt in receipts:
        feed = feed_of(receipt.source, receipt.kind)
        if feed not in told:
            told[feed] = _observed(context.instance, feed)
        if receipt.snapshot_id > told[feed]:
            events.append(observation(receipt, read_content(url, receipt)))
        cursor = receipt.snapshot_id
        if monotonic() > stop:
            break
    return SensorResult(
        skip_reason=f"{len(events)} receipts observed, up to snapshot {cursor}",
        cursor=str(cursor),
        asset_events=events,
    )


def _newest(receipts: list[Receipt]) -> list[Receipt]:
    """The newest of every feed, ascending."""
    by_feed = {feed_of(receipt.source, receipt.kind): receipt for receipt in receipts}
    return sorted(by_feed.values(), key=lambda receipt: receipt.snapshot_id)


def _observed(instance: DagsterInstance, feed: str) -> int:
    """The snapshot of the feed's newest observation; 0 where there is none."""
    found = instance.fetch_observations(AssetRecordsFilter(asset_key=AssetKey(feed)), limit=1).records
    newest = found[0].asset_observation if found else None
    return int(str(newest.metadata["snapshot_id"].value)) if newest else 0


def observation(receipt: Receipt, content: Content) -> AssetObservation:
    """Whatever is a number is plotted: rows, bytes, age. Texts come from outside and stay text."""
    metadata: dict[str, MetadataValue] = {
        "received_at": MetadataValue.timestamp(receipt.received_at),
        "rows": MetadataValue.int(content.rows),
        "rejected": MetadataValue.int(content.rejected),
        "bytes": MetadataValue.int(content.byte_count),
        "snapshot_id": MetadataValue.text(str(receipt.snapshot_id)),
        "epoch_day": MetadataValue.text(str(receipt.epoch_day)),
        "kind": MetadataValue.text(receipt.kind),
        "source": MetadataValue.text(for_terminal(receipt.source)),
        "file": MetadataValue.text(for_terminal(receipt.file_name)),
    }
    if receipt.url is not None:
        metadata["url"] = MetadataValue.text(for_terminal(receipt.url))
    if receipt.http_status not in (None, 200):
        metadata["unchanged"] = MetadataValue.text(f"the provider has nothing newer (HTTP {receipt.http_status})")
    if content.content_at is not None:
        age_hours = (receipt.received_at - content.content_at).total_seconds() / 3600
        metadata["content_at"] = MetadataValue.timestamp(content.content_at)
        metadata["age_on_receipt_hours"] = MetadataValue.float(round(age_hours, 2))
    if content.unreadable:
        metadata["unreadable"] = MetadataValue.text(for_terminal(content.unreadable))
    return AssetObservation(feed_of(receipt.source, receipt.kind), metadata=metadata)


def verdicts(found: Freshness) -> dict[str, AssetCheckEvaluation]:
    """What `ssa check-freshness` says of the sources that were ever used, by feed."""
    by_feed: dict[str, list[tuple[bool, str]]] = {}
    for source in found.sources:
        feed = OF_SOURCE.get(source.source, OTHER)
        by_feed.setdefault(feed, []).append((not found.is_silent(source), for_terminal(found.in_words(source))))
    return {
        feed: AssetCheckEvaluation(
            asset_key=AssetKey(feed),
            check_name=FRESHNESS_CHECK,
            passed=all(is_current for is_current, _ in said),
            description="; ".join(text for _, text in said),
            severity=AssetCheckSeverity.WARN,
        )
        for feed, said in by_feed.items()
    }


def changed_verdicts(found: Freshness, cursor: str | None) -> tuple[list[AssetCheckEvaluation], str]:
    """Those that differ from the ones that ``cursor`` names, once a day all, and the next cursor."""
    day, *before = (cursor or "never").split()
    now = {f"{feed}={verdict.passed}": verdict for feed, verdict in verdicts(found).items()}
    today = str(found.now.date())
    fresh = [verdict for said, verdict in now.items() if today != day or said not in before]
    return fresh, " ".join([today, *now])


def _freshness_check(feed: str) -> AssetChecksDefinition:
    @asset_check(
        asset=AssetKey(feed),
        name=FRESHNESS_CHECK,
        description="Its newest catalogue is not older than SSA_SOURCE_SILENT_HOURS allows, as `ssa check-freshness` "
        "says. Looked at every quarter of an hour by the sensor watch_freshness, without a run.",
    )
    def is_current(settings: ResourceParam[Settings]) -> AssetCheckResult:
        found = verdicts(check_freshness(database_url(settings), settings.alerts, utc_now())).get(feed)
        if found is None:
            return AssetCheckResult(passed=True, description="never used")
        return AssetCheckResult(passed=found.passed, description=found.description, severity=found.severity)

    return is_current


FEED_CHECKS = [_freshness_check(feed) for feed in OF_SOURCE.values()]
