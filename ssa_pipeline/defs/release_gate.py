"""The operator's way through the completeness gate in the UI; `ssa catalog accept` is the same on the command line."""

from datetime import date

from dagster import Config, Failure, OpExecutionContext, in_process_executor, job, op
from pydantic import Field

from ssa_pipeline.core.days import parse_iso_day
from ssa_pipeline.defs.failures import permanent_failures
from ssa_pipeline.defs.resources import Storage

ACCEPT_JOB = "accept_release"
_DAY_TO_FILL_IN = "YYYY-MM-DD"
_REASON_TO_FILL_IN = "say why this release may be used although it is partial"


class AcceptRelease(Config):
    """Which release, and why. The defaults show in the launchpad what to fill in, and are refused."""

    epoch_day: str = Field(default=_DAY_TO_FILL_IN, description="Day whose release is held, e.g. 2026-08-22.")
    reason: str = Field(
        default=_REASON_TO_FILL_IN, description="Why it may become the catalogue; kept with the acceptance."
    )


@op(
    required_resource_keys={"storage"},
    description="Accepts the held release of one epoch day, for exactly the snapshots that were judged.",
)
def accept_held_release(context: OpExecutionContext, config: AcceptRelease) -> None:
    storage: Storage = context.resources.storage
    day, reason = _day(config.epoch_day), _reason(config.reason)
    with permanent_failures():
        accepted = storage.gate.accept(day, f"run {context.run_id}", reason)
    context.add_output_metadata({"epoch_day": day.isoformat(), "accepted": accepted.in_words()})
    context.log.info(
        f"{day} is {accepted.in_words()}. Now launch ingest_job for partition {day} and then screen_job, or run "
        f"`ssa materialize --epoch-day {day}`"
    )


@job(
    name=ACCEPT_JOB,
    executor_def=in_process_executor,
    description="A partial release that the completeness gate holds may become the catalogue: fill in the day and the "
    "reason in the launchpad. Afterwards launch ingest_job for that day, or run `ssa materialize --epoch-day DAY`.",
)
def accept_release_job() -> None:
    accept_held_release()


def _day(text: str) -> date:
    try:
        return parse_iso_day(text)
    except ValueError:
        raise Failure(f"epoch_day {text!r} is not a day like 2026-08-22", allow_retries=False) from None


def _reason(text: str) -> str:
    if not text.strip() or text == _REASON_TO_FILL_IN:
        raise Failure("fill in the reason: it is kept with the acceptance", allow_retries=False)
    return text.strip()
