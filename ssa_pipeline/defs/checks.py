"""Asset checks, in the order of the chain. Each reads what was stored, not what is in memory, and judges every
partition of the run separately, so that a range run shows which day is wrong. The blocking ones keep everything
downstream from being computed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any

import numpy as np
from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    MetadataValue,
    Output,
    asset_check,
    build_time_partition_freshness_checks,
)

from ssa_pipeline.chain.links import (
    CLEAN_CATALOG,
    CONJUNCTION_CANDIDATES,
    DAILY_ASSETS,
    EPHEMERIS_CHUNKS,
    RAW_TLE_SNAPSHOTS,
    REFINED_EVENTS,
    in_order,
)
from ssa_pipeline.chain.slice_key import SliceKey, slice_key
from ssa_pipeline.chain.slices import Slices
from ssa_pipeline.chain.verdicts import BLOCKING, Rule, Verdict, judge
from ssa_pipeline.core.catalog.completeness import LOOK_BACK_DAYS, MOST_MISSING, is_too_many
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.records import EphemerisChunks, Events, Int64
from ssa_pipeline.defs.failures import permanent_failures
from ssa_pipeline.defs.partitions import epoch_days, screening_days, unfinished_parts_of_dagster
from ssa_pipeline.defs.resources import Storage
from ssa_pipeline.defs.slices.describe import rejected_by_rule
from ssa_pipeline.settings import Settings

MEDIAN_AGE_WARNING_DAYS = 3.0


StorageRule = Callable[[Storage, SliceKey, Settings], Verdict]


def _check(asset: str, *, blocking: bool, description: str) -> Callable[[Rule], AssetChecksDefinition]:
    """An asset check from a rule on one slice. The verdict of a blocking one lasts: see ``chain.verdicts``."""

    def decorate(rule: Rule) -> AssetChecksDefinition:
        @wraps(rule)
        def of_storage(storage: Storage, key: SliceKey, settings: Settings) -> Verdict:
            if not blocking:
                return rule(storage.slices, key, settings)
            return judge(storage.slices, key, rule.__name__, rule, settings)

        if blocking:
            BLOCKING.setdefault(asset, {})[rule.__name__] = rule

        return _storage_check(asset, blocking=blocking, description=description)(of_storage)

    return decorate


def _storage_check(asset: str, *, blocking: bool, description: str) -> Callable[[StorageRule], AssetChecksDefinition]:
    """An asset check from a rule on the storage. Dagster's AssetCheckResult carries no partition in a range run,
    so each partition gets its own evaluation."""

    def decorate(rule: StorageRule) -> AssetChecksDefinition:
        def judge(context: AssetCheckExecutionContext) -> Iterator[Any]:
            storage: Storage = context.resources.storage
            for partition in in_order(context.partition_keys):
                with permanent_failures():
                    verdict = rule(storage, slice_key(asset, partition), context.resources.settings)
                yield AssetCheckEvaluation(
                    asset_key=AssetKey(asset),
                    check_name=rule.__name__,
                    passed=verdict.passed,
                    description=verdict.description,
                    metadata=verdict.metadata,
                    severity=AssetCheckSeverity.ERROR if blocking else AssetCheckSeverity.WARN,
                    blocking=blocking,
                    partition=partition,
                )
            yield Output(None)

        with unfinished_parts_of_dagster():
            return asset_check(
                asset=asset,
                name=rule.__name__,
                description=description,
                blocking=blocking,
                partitions_def=epoch_days if asset in DAILY_ASSETS else screening_days,
                required_resource_keys={"storage", "settings"},
            )(judge)  # type: ignore[arg-type]  # a generator of evaluations, as Dagster allows

    return decorate


@_storage_check(
    RAW_TLE_SNAPSHOTS,
    blocking=True,
    description="The completeness gate: what was received is a whole catalogue, measured against the newest trusted "
    "release before it, or an operator accepted it (`ssa catalog accept`, job accept_release).",
)
def release_is_complete(storage: Storage, key: SliceKey, _: Settings) -> Verdict:
    judgement = storage.gate.judge(key.epoch_day)
    metadata = {"state": str(judgement.state), "measures": MetadataValue.json(judgement.measures)}
    return Verdict(judgement.is_trusted, judgement.in_words(), metadata)


@_check(CLEAN_CATALOG, blocking=True, description="Every object has exactly one element set.")
def one_element_set_per_object(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    catalog: CleanCatalog = slices.read(key)[0]
    ids, counts = np.unique(catalog.element_sets.norad_id, return_counts=True)
    repeated = ids[counts > 1]
    metadata = {"objects": len(ids), "repeated": len(repeated)}
    return Verdict(not len(repeated), _some("objects with more than one element set", repeated), metadata)


@_check(
    CLEAN_CATALOG,
    blocking=False,
    description=f"No element set is older than the limit and the median age is below {MEDIAN_AGE_WARNING_DAYS:g} days.",
)
def ages_are_fresh(slices: Slices, key: SliceKey, settings: Settings) -> Verdict:
    catalog: CleanCatalog = slices.read(key)[0]
    if not len(catalog.age_days):
        return Verdict(False, "the catalogue is empty")
    median, oldest = float(np.median(catalog.age_days)), float(catalog.age_days.max())
    passed = median < MEDIAN_AGE_WARNING_DAYS and oldest <= settings.max_age_days
    metadata = {"median_age_days": median, "oldest_days": oldest, "limit_days": settings.max_age_days}
    return Verdict(passed, f"median {median:.2f} days, oldest {oldest:.2f} days", metadata)


@_check(
    CLEAN_CATALOG,
    blocking=False,
    description=f"Of the objects of the newest catalogue of the {LOOK_BACK_DAYS} days before at most "
    f"{MOST_MISSING:.0%} are missing: with what was carried over, a day loses a few that decayed or became stale.",
)
def objects_are_kept(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    earlier = _newest_before(slices, key)
    if earlier is None:
        return Verdict(True, f"no catalogue of the {LOOK_BACK_DAYS} days before to compare with")
    before, today = (slices.read_object_ids(one)[0] for one in (earlier, key))
    is_missing = ~np.isin(before, today)
    said = f"of the {len(before):,} objects of {earlier.epoch_day} {is_missing.sum():,} are missing"
    metadata: dict[str, Any] = {"objects": len(today), "objects_before": len(before), "missing": int(is_missing.sum())}
    if not is_too_many(is_missing, MOST_MISSING):
        return Verdict(True, said, metadata)
    catalog: CleanCatalog = slices.read(key)[0]
    gone = set(before[is_missing].tolist())
    rules = rejected_by_rule(record for record in catalog.rejected if record.norad_id in gone)
    reasons = ", ".join(f"{rule} {count:,}" for rule, count in rules.items()) or "none of them was received"
    return Verdict(False, f"{said}; records rejected of them: {reasons}", metadata)


def _newest_before(slices: Slices, key: SliceKey) -> SliceKey | None:
    earlier = (SliceKey(key.asset, key.epoch_day - timedelta(days=n)) for n in range(1, LOOK_BACK_DAYS + 1))
    return next((one for one in earlier if slices.read_version(one) is not None), None)


@_check(
    EPHEMERIS_CHUNKS,
    blocking=True,
    description="Every object of the catalogue has a chunk, and its nodes cover the lead day, or up to where SGP4 "
    "fails, without a gap.",
)
def chunks_cover_the_interval(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    chunks = slices.read_brief(key)[0]
    without = np.setxor1d(_objects_of(slices, key), chunks.norad_id)
    if len(without):
        return Verdict(False, _some("objects in only one of catalogue and chunks", without))
    broken = chunks.norad_id[~_is_covered(chunks)]
    return Verdict(not len(broken), _some("objects whose nodes leave a gap", broken), {"objects": len(chunks)})


def _objects_of(slices: Slices, key: SliceKey) -> Int64:
    return slices.read_object_ids(SliceKey(CLEAN_CATALOG, key.epoch_day, None))[0]


def _is_covered(chunks: EphemerisChunks) -> Any:
    """Whether nodes reach over an object's validity inside the window, which is all of it unless SGP4 fails."""
    from_us = np.maximum(chunks.valid_from_us, chunks.start_us)
    to_us = np.minimum(chunks.valid_to_us, chunks.end_us)
    last_node_us = chunks.first_node_us + (chunks.node_count - 1) * chunks.spacing_us
    reaches = (chunks.first_node_us <= from_us) & (last_node_us >= to_us)
    is_whole = (from_us == chunks.start_us) & (to_us == chunks.end_us)
    return (reaches | (to_us <= from_us)) & (is_whole | (chunks.status != 0))


@_check(
    CONJUNCTION_CANDIDATES,
    blocking=True,
    description="Every candidate step lies in the lead day and pairs two different objects of the catalogue.",
)
def candidates_are_pairs_of_the_day(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    found = slices.read(key)[0]
    known = _objects_of(slices, key)
    is_pair = found.norad_id_1 < found.norad_id_2
    is_known = np.isin(found.norad_id_1, known) & np.isin(found.norad_id_2, known)
    bad = found.norad_id_1[~(is_pair & is_known)]
    return Verdict(not len(bad), _some("candidates that are no pair of the catalogue", bad), {"candidates": len(found)})


@_check(REFINED_EVENTS, blocking=True, description="No miss distance is above the threshold.")
def every_distance_within_threshold(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    events: Events
    events, version = slices.read(key)
    threshold_km = float(version.metadata["threshold_km"])
    bad = events.norad_id_1[~(events.miss_distance_km <= threshold_km)]  # NaN is bad too
    largest = float(events.miss_distance_km.max()) if len(events) else None
    return Verdict(
        not len(bad),
        _some(f"events above {threshold_km:g} km, of objects", bad),
        {"events": len(events), "threshold_km": threshold_km, "largest_km": largest},
    )


@_check(
    REFINED_EVENTS,
    blocking=True,
    description="Every candidate ended in a named outcome: the outcomes sum to the candidates.",
)
def every_candidate_accounted_for(slices: Slices, key: SliceKey, _: Settings) -> Verdict:
    version = slices.read_version(key)
    candidates = slices.read_version(SliceKey(CONJUNCTION_CANDIDATES, key.epoch_day, key.lead_day))
    outcomes: dict[str, int] = {} if version is None else version.metadata["outcomes"]
    total = sum(outcomes.values())
    expected = -1 if candidates is None else candidates.row_count
    return Verdict(
        total == expected,
        f"{expected} candidates, {total} outcomes",
        {"candidates": expected, "outcomes": outcomes},
    )


def _some(what: str, ids: Int64, limit: int = 5) -> str:
    if not len(ids):
        return f"no {what}"
    more = ", …" if len(ids) > limit else ""
    return f"{len(ids)} {what}: " + ", ".join(str(i) for i in ids[:limit].tolist()) + more


# By noon UTC the day's own partition of the daily assets has been written. (Dagster's newer FreshnessPolicy looks at
# the asset, which a back-fill of an old day makes fresh.)
with unfinished_parts_of_dagster():
    FRESHNESS_CHECKS = list(
        build_time_partition_freshness_checks(assets=list(DAILY_ASSETS), deadline_cron="0 12 * * *", timezone="UTC")
    )

CHECKS = [
    release_is_complete,
    one_element_set_per_object,
    ages_are_fresh,
    objects_are_kept,
    chunks_cover_the_interval,
    candidates_are_pairs_of_the_day,
    every_distance_within_threshold,
    every_candidate_accounted_for,
]
