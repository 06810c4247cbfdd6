"""Jobs that fetch releases, one per source: the only place of automation that talks to providers."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from dagster import (
    Failure,
    Field,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    RetryRequested,
    in_process_executor,
    job,
    op,
)

from ssa_pipeline.chain.links import SOURCE_TAG
from ssa_pipeline.defs.failures import MAX_RETRIES, back_off_s, permanent_failures
from ssa_pipeline.defs.slices.describe import markdown_table
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.services.shown_days import begin_where_data_begin
from ssa_pipeline.settings import Settings
from ssa_pipeline.sources.errors import QueryError, TooEarlyError, TransientError
from ssa_pipeline.sources.fetching import utc_now
from ssa_pipeline.sources.state import Attempt
from ssa_pipeline.use_cases.fetch import SOURCES, Fetched, fetch_release

OUTCOMES = ("stored", "unchanged", "too_early", "refused", "not_a_catalog", "failed")
_FAILURES = ("refused", "not_a_catalog", "failed")
SOON = timedelta(minutes=1)  # a query that its provider's rule allows again by then is tried again within the run
TAGS = {
    "dagster/max_runtime": "3600",
    "dagster/priority": "20",  # before catalogues, before screenings
}


def outcome(result: Fetched) -> str:
    """One of OUTCOMES."""
    if result.error is None:
        return "stored" if result.is_new else "unchanged"
    return "too_early" if isinstance(result.error, TooEarlyError) else result.error.outcome


def said(result: Fetched, now: datetime) -> str:
    """What happened, in words, and what happens next."""
    if isinstance(result.error, TransientError) and not is_allowed_soon(result, now):
        return f"{result.error}; asked again from {_allowed(result, now):%Y-%m-%d %H:%M} UTC on, by the provider's rule"
    if result.error is not None:
        return str(result.error)
    what = f"{result.byte_count:,} bytes stored for {result.epoch_day}" if result.is_new else "nothing new"
    return f"{what}; WARNING: {result.lack}" if result.lack else what


def is_allowed_soon(result: Fetched, now: datetime) -> bool:
    """Whether the provider's rule lets a query that just failed be asked again within SOON."""
    return _allowed(result, now) <= now + SOON


def _allowed(result: Fetched, now: datetime) -> datetime:
    failed = Attempt(now, TransientError.outcome, "", None, None, None)
    return result.query.earliest(failed, now)


def _fetch(context: OpExecutionContext, source: str, asked: list[str], told: list[str]) -> None:
    """``told``: keys of files whose failure was an alert before; where they cannot be read again, it is only shown."""
    settings: Settings = context.resources.settings
    url = database_url(settings)
    try:
        with permanent_failures(context.retry_number):
            results = fetch_release(url, settings.sources, source, asked)
            begin_where_data_begin(settings, url, context.log.warning)
    except QueryError as error:
        raise Failure(str(error), allow_retries=False) from error
    now = utc_now()
    failed = [result for result in results if outcome(result) in _FAILURES and not _was_told(result, told)]
    metadata = _shown(results, now)
    if not failed:
        context.add_output_metadata(metadata)
        return
    is_worth_a_retry = all(isinstance(r.error, TransientError) and is_allowed_soon(r, now) for r in failed)
    if is_worth_a_retry and context.retry_number < MAX_RETRIES:
        raise RetryRequested(MAX_RETRIES, back_off_s(context.retry_number)) from failed[0].error
    raise Failure("\n".join(said(result, now) for result in failed), metadata, allow_retries=False)


def _was_told(result: Fetched, told: list[str]) -> bool:
    return result.query.key in told and isinstance(result.error, TransientError)


def _shown(results: list[Fetched], now: datetime) -> dict[str, MetadataValue]:
    counts = Counter(outcome(result) for result in results)
    rows = [(result.query.file_name, outcome(result), said(result, now)) for result in results]
    table = MetadataValue.md(markdown_table(["file", "outcome", "detail"], rows) if rows else "no file to read")
    return {"queries": table, **{name: MetadataValue.int(counts[name]) for name in OUTCOMES}}


def _fetch_job(source: str) -> JobDefinition:
    name = job_name(source)

    @op(
        name=name.replace("release", "queries"),
        required_resource_keys={"settings"},
        config_schema={
            "queries": Field([str], default_value=[], description="As of `ssa fetch`; [] is its default."),
            "told": Field([str], default_value=[], description="Unreadable files that failed a run before."),
        },
        description="Asks the source once per query, within its rules, and stores what comes, as received.",
    )
    def fetch_queries(context: OpExecutionContext) -> None:
        _fetch(context, source, list(context.op_config["queries"]), list(context.op_config["told"]))

    @job(
        name=name,
        executor_def=in_process_executor,
        tags={**TAGS, SOURCE_TAG: source},
        description=f"Releases from {source} into the database (docs/sources.md). What is too early is not sent.",
    )
    def fetch_source() -> None:
        fetch_queries()

    return fetch_source


def job_name(source: str) -> str:
    return f"fetch_release_{source.replace('-', '_')}"


def run_config(source: str, queries: list[str], told: Iterable[str] = ()) -> dict[str, object]:
    """Configuration of a source's job."""
    config = {"queries": queries, "told": sorted(told)}
    return {"ops": {job_name(source).replace("release", "queries"): {"config": config}}}


FETCH_JOBS = {source: _fetch_job(source) for source in SOURCES}
