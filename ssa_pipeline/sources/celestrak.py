"""CelesTrak: GP by group, supplemental GP and the SATCAT, as CSV or JSON (TLE cannot carry six-digit numbers).

Its rules: data changes every 2 h, so a query is made at most once in 2 h; 403 "has not updated since your last
successful download" means no change; redirects are followed; any other answer but 200 is not repeated, since repeated
errors get an address banned (docs/sources.md).
"""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import httpx

from ssa_pipeline.core.records import GP, SATCAT, SUPPLEMENTAL_GP
from ssa_pipeline.settings import SourceSettings
from ssa_pipeline.sources.errors import QueryError, RefusedError
from ssa_pipeline.sources.fetching import NOT_MODIFIED, Answer, Clock, Query, Unchanged, at_most_every, utc_now
from ssa_pipeline.sources.http import Reply, exchange, raise_for_status
from ssa_pipeline.sources.judge import check_answer
from ssa_pipeline.sources.state import Attempt, FetchState

SOURCE = "celestrak"
DEFAULT_QUERY = "GROUP=active"
INTERVAL = timedelta(hours=2)
_MAX_REDIRECTS = 3
_NOT_UPDATED = "has not updated"
# query name -> path; the value is a group, a special set, or an operator's file
_PAGES = {
    "GROUP": (GP, "/NORAD/elements/gp.php"),
    "SPECIAL": (GP, "/NORAD/elements/gp.php"),
    "FILE": (SUPPLEMENTAL_GP, "/NORAD/elements/supplemental/sup-gp.php"),
}


class CelesTrak:
    """CelesTrak, or a server that behaves like it, below ``settings.celestrak_url``."""

    def __init__(self, client: httpx.Client, settings: SourceSettings, clock: Clock = utc_now) -> None:
        self._client, self._settings, self._clock = client, settings, clock

    def query(self, text: str = DEFAULT_QUERY) -> Query:
        """``GROUP=active``, ``SPECIAL=gpz``, ``FILE=starlink`` (supplemental GP), as CSV or with ``&FORMAT=json``; or
        ``satcat``. QueryError. The formats of a query share its interval."""
        base, rule = self._settings.celestrak_url, at_most_every(INTERVAL)
        if text.lower() == SATCAT:
            url = f"{base}/pub/satcat.csv"
            return Query(SOURCE, url, SATCAT, url, "celestrak_satcat.csv", rule)
        match = re.fullmatch(r"(GROUP|SPECIAL|FILE)=([A-Za-z0-9-]+)(?:&FORMAT=(csv|json))?", text, re.IGNORECASE)
        if not match:
            raise QueryError(
                f"{text!r} is no query for CelesTrak: GROUP=name, SPECIAL=name, FILE=name (supplemental GP), each "
                "also with &FORMAT=json, or satcat; single objects are not fetched"
            )
        name, value, form = match[1].upper(), match[2].lower(), (match[3] or "csv").lower()
        kind, path = _PAGES[name]
        key = f"{base}{path}?{name}={value}"
        return Query(SOURCE, key, kind, f"{key}&FORMAT={form}", f"celestrak_{kind}_{value}.{form}", rule)

    def get(self, query: Query, previous: Attempt | None, _: FetchState) -> Answer | Unchanged:
        """See ``fetching.Source``."""
        headers = {}
        if previous and previous.etag:
            headers["If-None-Match"] = previous.etag
        if previous and previous.last_modified:
            headers["If-Modified-Since"] = previous.last_modified
        reply = self._follow(query, headers)
        if reply.status == NOT_MODIFIED or (reply.status == 403 and _NOT_UPDATED in reply.text.lower()):
            return Unchanged(reply.url, self._clock(), reply.status)
        raise_for_status(reply, query.key)
        check_answer(query, reply.body, reply.headers.get("content-type"))
        return Answer(
            data=reply.body,
            url=reply.url,
            received_at=self._clock(),
            http_status=reply.status,
            headers=reply.headers,
            etag=reply.headers.get("etag"),
            last_modified=reply.headers.get("last-modified"),
        )

    def _follow(self, query: Query, headers: dict[str, str]) -> Reply:
        url = query.url
        for _ in range(_MAX_REDIRECTS + 1):
            reply = exchange(self._client, self._settings.http, url, headers=headers)
            if reply.status not in (301, 308):
                return reply
            target = urljoin(url, reply.headers.get("location", ""))
            if not _may_follow(url, target):
                raise RefusedError(f"{query.key}: redirected to {target}, which is not CelesTrak: not followed")
            url = target
        raise RefusedError(f"{query.key}: redirected more than {_MAX_REDIRECTS} times")


def _may_follow(url: str, target: str) -> bool:
    """The same host and port or CelesTrak's own; never from HTTPS to HTTP."""
    old, new = urlsplit(url), urlsplit(target)
    try:
        port = new.port
    except ValueError:  # no number, or none of a port
        return False
    if new.scheme not in ("https", old.scheme):
        return False
    is_own = re.fullmatch(r"(www\.)?celestrak\.(org|com|net)", new.hostname or "") is not None
    return new.netloc == old.netloc or (is_own and port is None)
