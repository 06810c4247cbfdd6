"""Which queries of a source may and should be asked now. Knows no Dagster: schedules ask at every tick.

Providers count their interval from the last attempt, which is some seconds after the tick that made it. A schedule with
the provider's own interval would therefore come too early every other time. The schedules tick every quarter of an hour
instead, and ask for what is due by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ssa_pipeline.core.records import DECAY, GP, SATCAT, SUPPLEMENTAL_GP, TIP
from ssa_pipeline.sources import celestrak, space_track
from ssa_pipeline.sources.errors import RefusedError
from ssa_pipeline.sources.fetching import Query
from ssa_pipeline.sources.state import STORED, UNCHANGED, Attempt

# How often content is wanted; a provider's own rule comes on top.
EVERY = {
    celestrak.SOURCE: {
        GP: timedelta(hours=3),
        SUPPLEMENTAL_GP: timedelta(hours=3),
        SATCAT: timedelta(days=1),
    },
    space_track.SOURCE: {
        # its rule allows one an hour; but to clean 24 releases of a day takes 1 GB, and only one in 6 h is screened
        GP: timedelta(hours=3),
        SATCAT: timedelta(days=1),
        DECAY: timedelta(days=1),
        TIP: timedelta(hours=6),
    },
}
_SLACK = timedelta(minutes=5)  # a tick may come a little early: else "every three hours" would become 3 h 15 min


@dataclass
class FetchPlan:
    """Queries to ask now, in the words of ``ssa fetch``, and of the others why not."""

    due: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fetch_plan(queries: Iterable[tuple[str, Query]], attempts: Mapping[str, Attempt], now: datetime) -> FetchPlan:
    """``queries``: each with the words it was asked for with; ``attempts``: by key of the query."""
    plan = FetchPlan()
    for text, query in queries:
        last = attempts.get(query.key)
        if last is not None and last.outcome == RefusedError.outcome:
            plan.notes.append(f"{text} was refused at {_clock(last.attempted_at)} and is held: {last.detail}")
            continue
        not_before = _not_before(query, last, now)
        if now >= not_before:
            plan.due.append(text)
        elif last is not None:
            plan.notes.append(f"{text}: {last.outcome} at {_clock(last.attempted_at)}, next from {_clock(not_before)}")
        else:
            plan.notes.append(f"{text}: from {_clock(not_before)}")
    return plan


def _not_before(query: Query, last: Attempt | None, now: datetime) -> datetime:
    if last is not None and last.attempted_at > now:
        return now  # a clock was ahead: asking keeps the attempt as made now (FetchState.begin), and is too early
    allowed = query.earliest(last, now)
    if last is None or last.outcome not in (STORED, UNCHANGED):
        return allowed  # what failed is asked again as soon as the provider's rule allows
    return max(allowed, last.attempted_at + EVERY[query.source][query.kind] - _SLACK)


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
