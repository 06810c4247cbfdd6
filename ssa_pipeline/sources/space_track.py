"""Space-Track: GP, SATCAT, decays and TIP messages as CSV, one query for the whole catalogue.

Its rules: at most 30 requests a minute and 300 an hour of an account; one login, its session cookie reused; GP at most
once an hour and away from the full hour; SATCAT once a day after 17:00 UTC; no query per satellite, no gp_history
(docs/sources.md). Breaking them locks the account, so whatever looks like a refusal holds the query.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx

from ssa_pipeline.core.records import DECAY, GP, SATCAT, TIP
from ssa_pipeline.settings import SourceSettings
from ssa_pipeline.sources.errors import QueryError, RefusedError, SourceError, TooEarlyError
from ssa_pipeline.sources.fetching import Answer, Clock, Query, Rule, at_most_every, utc_now
from ssa_pipeline.sources.http import Reply, exchange, raise_for_status
from ssa_pipeline.sources.judge import check_answer
from ssa_pipeline.sources.state import STORED, Attempt, FetchState

SOURCE = "space-track"
DEFAULT_QUERY = GP
PER_MINUTE, PER_HOUR = 30, 300
SATCAT_HOUR = 17
QUIET_MINUTES = 5  # before and after the full hour
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_VIOLATION = "violated your query rate limit"


def after_satcat_hour(last: Attempt | None, now: datetime) -> datetime:
    """Once a UTC day, from SATCAT_HOUR on."""
    day = now.date() if last is None or last.attempted_at.date() < now.date() else now.date() + _DAY
    return datetime(day.year, day.month, day.day, SATCAT_HOUR, tzinfo=now.tzinfo)


_CLASSES: dict[str, tuple[str, Rule]] = {
    GP: ("gp/decay_date/null-val/epoch/%3Enow-10/orderby/norad_cat_id", at_most_every(_HOUR)),
    SATCAT: ("satcat/current/Y/orderby/norad_cat_id", after_satcat_hour),
    DECAY: ("decay/msg_epoch/%3Enow-30/orderby/norad_cat_id", at_most_every(_DAY)),
    TIP: ("tip/msg_epoch/%3Enow-30/orderby/norad_cat_id", at_most_every(_HOUR)),
}


def off_the_hour(rule: Rule) -> Rule:
    """``rule``, and not within QUIET_MINUTES of the full hour, when everybody asks."""

    def earliest(last: Attempt | None, now: datetime) -> datetime:
        time = max(rule(last, now), now)
        minute = time.minute
        if QUIET_MINUTES <= minute < 60 - QUIET_MINUTES:
            return time
        full = time.replace(minute=0, second=0, microsecond=0) + (_HOUR if minute >= QUIET_MINUTES else timedelta())
        return full + timedelta(minutes=QUIET_MINUTES)

    return earliest


class SpaceTrack:
    """Space-Track below ``settings.space_track_url``. One object is one session: it logs in once."""

    def __init__(
        self, client: httpx.Client, settings: SourceSettings, clock: Clock = utc_now, *, after_refusal: bool = False
    ) -> None:
        self._client, self._settings, self._clock = client, settings, clock
        self._after_refusal = after_refusal
        self._is_logged_in = False

    def query(self, text: str = DEFAULT_QUERY) -> Query:
        """``gp``, ``satcat``, ``decay`` or ``tip``; QueryError, for want of an account too."""
        if not self._settings.space_track_username or not self._settings.space_track_password:
            raise QueryError("Space-Track needs an account: set SPACE_TRACK_USERNAME and SPACE_TRACK_PASSWORD")
        if text not in _CLASSES:
            raise QueryError(
                f"{text!r} is no query for Space-Track: {', '.join(_CLASSES)}; single objects are not fetched"
            )
        path, rule = _CLASSES[text]
        base = f"{self._settings.space_track_url}/basicspacedata/query/class/"
        return Query(
            SOURCE, f"{base}{text}", text, f"{base}{path}/format/csv", f"space-track_{text}.csv", off_the_hour(rule)
        )

    def get(self, query: Query, _: Attempt | None, state: FetchState) -> Answer:
        """See ``fetching.Source``. Space-Track serves no validators, so the answer is never "unchanged"."""
        if not self._is_logged_in:
            self._login(state)
        reply = self._send(query.url, state)
        if reply.status == 401:  # the session ended after two idle hours
            self._login(state)
            reply = self._send(query.url, state)
        raise_for_status(reply, query.key)
        check_answer(query, reply.body, reply.headers.get("content-type"))
        return Answer(reply.body, reply.url, self._clock(), reply.status, reply.headers)

    def _login(self, state: FetchState) -> None:
        account = {
            "identity": self._settings.space_track_username,
            "password": self._settings.space_track_password,
        }
        url = f"{self._settings.space_track_url}/ajaxauth/login"
        state.begin(url, SOURCE, self._clock(), self._check_login)
        try:
            reply = self._send(url, state, account)
            raise_for_status(reply, "login at Space-Track")
            if b'"failed"' in reply.body.lower() or not reply.sets_cookie:
                raise RefusedError("login at Space-Track failed: check SPACE_TRACK_USERNAME and SPACE_TRACK_PASSWORD")
        except SourceError as error:
            state.finish(url, error.outcome, str(error))
            raise
        state.finish(url, STORED)
        self._is_logged_in = True

    def _check_login(self, last: Attempt | None) -> None:
        if last and last.outcome == RefusedError.outcome and not self._after_refusal:
            raise RefusedError(
                f"{last.detail}. It is not tried again, since failed logins lock the account: "
                "`ssa fetch … --after-refusal` when the cause is gone"
            )

    def _send(self, url: str, state: FetchState, form: dict[str, str] | None = None) -> Reply:
        now = self._clock()
        account = f"{self._settings.space_track_url} {self._settings.space_track_username}"
        state.take_request(account, now, lambda times: check_rate(times, now))
        reply = exchange(self._client, self._settings.http, url, method="POST" if form else "GET", form=form)
        if _VIOLATION in reply.text:
            raise RefusedError(
                f"Space-Track says that the account has broken its rate limit (HTTP {reply.status}). Requests of this "
                "program are counted: something else uses the account"
            )
        return reply


def check_rate(times: list[datetime], now: datetime) -> None:
    """TooEarlyError where one more request would be too many; ``times``: requests of the last hour, oldest first."""
    for limit, period in ((PER_MINUTE, timedelta(minutes=1)), (PER_HOUR, _HOUR)):
        recent = [time for time in times if time > now - period]
        if len(recent) >= limit:
            rule = f"Space-Track allows {limit} requests in {period.total_seconds():.0f} s"
            raise TooEarlyError(rule, recent[-limit] + period)
