"""The production clients against a real server on the loopback: what they ask, how often, and what they believe."""

from __future__ import annotations

import gzip
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ssa_pipeline.core.catalog.element_set_key import element_set_keys
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import SourceSettings, read_settings
from ssa_pipeline.sources.celestrak import CelesTrak, _may_follow
from ssa_pipeline.sources.errors import (
    NotCatalogError,
    QueryError,
    RefusedError,
    SourceError,
    TooEarlyError,
    TransientError,
)
from ssa_pipeline.sources.fetching import Answer, Kept, Query, Unchanged, fetch
from ssa_pipeline.sources.folder import Folder, release_day
from ssa_pipeline.sources.http import open_client
from ssa_pipeline.sources.space_track import SpaceTrack, check_rate
from ssa_pipeline_tests.shared.fake_sources import (
    GP_CSV,
    NOON,
    PASSWORD,
    SATCAT_CSV,
    FakeClock,
    FakeSources,
    MemoryFetchState,
    as_space_track_csv,
    fake_sources,
)


@dataclass
class Desk:
    """A server, a client's settings, and what was kept."""

    server: FakeSources
    clock: FakeClock
    settings: SourceSettings
    state: MemoryFetchState = field(default_factory=MemoryFetchState)
    kept: list[tuple[Query, Answer]] = field(default_factory=list)
    kept_again: list[tuple[datetime, Unchanged]] = field(default_factory=list)

    def keep(self, query: Query, answer: Answer) -> Kept:
        self.kept.append((query, answer))
        return Kept(True, answer.received_at)

    def keep_again(self, query: Query, received_at: datetime, unchanged: Unchanged) -> bool:
        self.kept_again.append((received_at, unchanged))
        return unchanged.received_at.date() > received_at.date()

    def celestrak(self, text: str = "GROUP=active", *, after_refusal: bool = False) -> bool:
        """A new process asks CelesTrak."""
        with open_client(self.settings.http) as client:
            site = CelesTrak(client, self.settings, self.clock)
            query = site.query(text)
            return fetch(site, query, self.state, self, self.clock, after_refusal=after_refusal)

    def space_track(self, *texts: str, after_refusal: bool = False) -> None:
        """A new process asks Space-Track for several things."""
        with open_client(self.settings.http) as client:
            site = SpaceTrack(client, self.settings, self.clock, after_refusal=after_refusal)
            for text in texts:
                fetch(site, site.query(text), self.state, self, self.clock, after_refusal=after_refusal)


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = FakeClock()
    with fake_sources(clock) as server:
        yield Desk(server, clock, server.settings())


def test_a_release_is_received_as_it_is_and_by_name(desk: Desk) -> None:
    assert desk.celestrak()
    ((query, answer),) = desk.kept
    assert (answer.data, answer.http_status, answer.received_at) == (GP_CSV, 200, NOON)
    assert answer.url == query.url == f"{desk.server.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv"
    ((_, _, headers),) = desk.server.requests
    assert headers["user-agent"] == "ssa-pipeline/test (+ops@example.org)"
    assert answer.headers["etag"] == answer.etag


@pytest.mark.parametrize("spelling", ["GROUP=active", "group=Active"])
def test_celestrak_is_asked_once_in_two_hours_even_after_a_crash(desk: Desk, spelling: str) -> None:
    """The attempt counts from before the request, whatever became of it."""
    desk.server.modes.append("reset")
    with pytest.raises(TransientError):
        desk.celestrak()
    desk.clock.advance(hours=2, seconds=-1)
    with pytest.raises(TooEarlyError) as raised:
        desk.celestrak(spelling)
    assert raised.value.not_before == NOON + timedelta(hours=2)
    assert len(desk.server.requests) == 1
    assert desk.celestrak("GROUP=stations")  # another query has its own time
    desk.clock.advance(seconds=1)
    assert desk.celestrak(spelling)


def test_the_attempt_is_recorded_before_anything_is_sent(desk: Desk) -> None:
    seen: list[str] = []

    class Watching(CelesTrak):
        def get(self, query: Query, previous: object, state: object) -> Answer:
            seen.append(desk.state.attempts[query.key].outcome)
            raise KeyboardInterrupt

    with open_client(desk.settings.http) as client:
        site = Watching(client, desk.settings, desk.clock)
        with pytest.raises(KeyboardInterrupt):
            fetch(site, site.query(), desk.state, desk, desk.clock)
    assert seen == ["started"]
    with pytest.raises(TooEarlyError):
        desk.celestrak()


def test_validators_are_sent_and_304_is_no_change(desk: Desk) -> None:
    assert desk.celestrak()
    desk.clock.advance(hours=2)
    assert not desk.celestrak()
    headers = desk.server.requests[-1][2]
    assert headers["if-none-match"] == desk.kept[0][1].etag
    assert headers["if-modified-since"] == "Sat, 22 Aug 2026 12:00:00 GMT"
    desk.server.gp = GP_CSV[: GP_CSV.rindex(b"\n", 0, -1) + 1]
    desk.clock.advance(hours=2)
    assert desk.celestrak()  # the validators survived the 304
    assert [len(answer.data) for _, answer in desk.kept] == [len(GP_CSV), len(desk.server.gp)]


def test_has_not_updated_is_a_success_without_change(desk: Desk) -> None:
    desk.server.has_validators = False
    assert desk.celestrak()
    desk.server.downloads["GROUP=active"] += timedelta(minutes=90)
    desk.clock.advance(hours=2)
    assert not desk.celestrak()
    assert len(desk.kept) == 1
    desk.clock.advance(hours=2)
    assert desk.celestrak()


@pytest.mark.parametrize("has_validators", [True, False])
def test_what_the_provider_confirms_on_a_later_day_is_kept_for_it(desk: Desk, has_validators: bool) -> None:
    desk.server.has_validators = has_validators
    desk.clock.advance(hours=11, minutes=28)
    assert desk.celestrak()
    received_at = desk.clock()
    desk.server.downloads["GROUP=active"] += timedelta(minutes=90)
    desk.clock.advance(hours=2)
    assert desk.celestrak()
    url, status = f"{desk.server.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv", 304 if has_validators else 403
    assert desk.kept_again == [(received_at, Unchanged(url, desk.clock(), status))]
    assert [attempt.outcome for attempt in desk.state.attempts.values()] == ["unchanged"]


@pytest.mark.parametrize("mode", ["truncated", "reset", "503", "html"])
def test_no_error_of_a_provider_is_taken_for_a_confirmation(desk: Desk, mode: str) -> None:
    """Nor what it says has not changed since a download that was cut off: that was newer than what is stored."""
    desk.server.has_validators = False
    desk.clock.advance(hours=9)
    assert desk.celestrak()
    desk.server.modes.append(mode)
    desk.clock.advance(hours=2)
    with pytest.raises((TransientError, NotCatalogError)):
        desk.celestrak()
    for _ in range(3):
        desk.clock.advance(hours=2)
        desk.server.downloads["GROUP=active"] = desk.clock() - timedelta(hours=1)  # as the server counts what it sent
        assert not desk.celestrak()
    assert desk.kept_again == []
    (attempt,) = desk.state.attempts.values()
    assert attempt.detail.startswith("no change since a download that may not have arrived here (")
    desk.clock.advance(hours=2)
    assert desk.celestrak()
    desk.server.downloads["GROUP=active"] += timedelta(hours=1)
    desk.clock.advance(hours=2)
    desk.celestrak()
    assert len(desk.kept_again) == 1


@pytest.mark.parametrize("mode", ["403", "404", "429", "cut off 403", "cut off 404", "403 in brotli"])
def test_a_refusal_is_final_until_somebody_has_looked(desk: Desk, mode: str) -> None:
    """Also one whose body cannot be read."""
    said = "HTTP " + mode.replace("cut off ", "").replace(" in brotli", "")
    desk.server.modes.append(mode)
    with pytest.raises(RefusedError, match=said):
        desk.celestrak()
    desk.clock.advance(days=3)
    with pytest.raises(RefusedError, match="not asked again .*" + said):
        desk.celestrak()
    assert len(desk.server.requests) == 1
    assert desk.celestrak(after_refusal=True)


@pytest.mark.parametrize("mode", ["500", "503", "cut off 503", "reset", "truncated", "truncated gzip"])
def test_what_may_pass_is_transient_and_asked_once(desk: Desk, mode: str) -> None:
    desk.server.modes.append(mode)
    with pytest.raises(TransientError):
        desk.celestrak()
    assert len(desk.server.requests) == 1
    assert desk.kept == []
    desk.clock.advance(hours=2)
    assert desk.celestrak()


@pytest.mark.parametrize("mode", ["silent", "trickle"])
def test_a_server_that_does_not_finish_is_left(desk: Desk, mode: str) -> None:
    desk.settings = desk.server.settings(timeout_s=0.2, deadline_s=0.2)
    desk.server.modes.append(mode)
    with pytest.raises(TransientError):
        desk.celestrak()


def test_no_server_is_transient(desk: Desk) -> None:
    desk.settings = replace(desk.settings, celestrak_url="http://127.0.0.1:1")
    with pytest.raises(TransientError, match="ConnectError"):
        desk.celestrak()


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("no data", "no data for the query"),
        ("html", "content type text/html"),
        ("html as csv", "HTML page"),
        ("json error", "content type application/json"),
        ("json error as text", "(?i)json"),
        ("wrong content type", "image/png"),
        ("empty", "is empty"),
        ("only a header", "none of 0 records"),
        ("damaged gzip", "damaged"),
    ],
)
def test_a_200_that_is_no_catalogue_is_an_error_of_the_source(desk: Desk, mode: str, said: str) -> None:
    desk.server.modes.append(mode)
    with pytest.raises(NotCatalogError, match=said):
        desk.celestrak()
    assert desk.kept == []
    assert desk.state.attempts[f"{desk.server.url}/NORAD/elements/gp.php?GROUP=active"].outcome == "not_a_catalog"


def test_a_group_without_data(desk: Desk) -> None:
    with pytest.raises(NotCatalogError, match="no data"):
        desk.celestrak("GROUP=nothing")


def test_gzip_is_undone(desk: Desk) -> None:
    desk.server.modes.append("gzip")
    assert desk.celestrak()
    assert desk.kept[0][1].data == GP_CSV


def test_a_redirect_on_the_host_is_followed(desk: Desk) -> None:
    moved = "/NORAD/elements/gp.php?GROUP=active&FORMAT=csv&moved=1"
    desk.server.modes.append(f"301 {moved}")
    assert desk.celestrak()
    assert desk.kept[0][1].url == desk.server.url + moved


def test_other_redirects_are_refused(desk: Desk) -> None:
    with fake_sources(desk.clock) as other:
        desk.server.modes.append(f"301 {other.url}/NORAD/elements/gp.php?GROUP=active&FORMAT=csv")
        with pytest.raises(RefusedError, match="not CelesTrak"):
            desk.celestrak()
        assert other.requests == []
    desk.server.modes.extend(["301 /pub/satcat.csv"] * 9)
    with pytest.raises(RefusedError, match="more than 3 times"):
        desk.celestrak("GROUP=stations")


@pytest.mark.parametrize("target", ["https://celestrak.org:99999999/", "https://celestrak.org:-1/", "javascript:x"])
def test_a_redirect_to_what_is_no_address_is_refused(desk: Desk, target: str) -> None:
    desk.server.modes.append(f"301 {target}")
    with pytest.raises(RefusedError, match="redirected to"):
        desk.celestrak()
    assert len(desk.server.requests) == 1


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", "xn--a", "ü..com", "a\x01"])
def test_an_address_that_cannot_be_one_is_named(desk: Desk, host: str) -> None:
    desk.settings = replace(desk.settings, celestrak_url=f"http://{host}")
    with pytest.raises(QueryError, match=r"is no address|cannot be one"):
        desk.celestrak()


@pytest.mark.parametrize(
    ("target", "is_followed"),
    [
        ("https://celestrak.org/NORAD/elements/gp.php", True),
        ("https://www.celestrak.org/x", True),
        ("http://celestrak.org/x", False),
        ("https://celestrak.org.example.com/x", False),
        ("https://celestrak.org:8443/x", False),
        ("https://user@celestrak.com/x", True),
        ("file:///etc/passwd", False),
    ],
)
def test_celestraks_own_hosts(target: str, is_followed: bool) -> None:
    assert _may_follow("https://celestrak.com/x", target) == is_followed


def test_the_satcat_is_a_kind_of_its_own(desk: Desk) -> None:
    assert desk.celestrak("satcat")
    ((query, answer),) = desk.kept
    assert (query.kind, answer.data) == ("satcat", SATCAT_CSV)
    desk.server.modes.append("html as csv")
    desk.clock.advance(hours=2)
    with pytest.raises(NotCatalogError, match="column NORAD_CAT_ID, OBJECT_TYPE is missing"):
        desk.celestrak("satcat")


def test_json_says_the_same_as_csv_and_shares_its_interval(desk: Desk) -> None:
    assert desk.celestrak("GROUP=active&FORMAT=json")
    (query, answer), text = desk.kept[0], desk.kept[0][1].data
    assert (query.file_name, answer.headers["content-type"]) == ("celestrak_gp_active.json", "application/json")
    of_json, of_csv = parse_catalog(text, "a.json").element_sets, parse_catalog(GP_CSV, "a.csv").element_sets
    assert len(of_csv) > 100
    assert element_set_keys(of_json) == element_set_keys(of_csv)
    assert of_json.object_name.tolist() == of_csv.object_name.tolist()
    with pytest.raises(TooEarlyError):
        desk.celestrak("GROUP=active")


@pytest.mark.parametrize("text", ["CATNR=25544", "NAME=ISS", "active", "GROUP=a&FORMAT=tle", "GROUP=../x", ""])
def test_queries_that_are_not_made(desk: Desk, text: str) -> None:
    with pytest.raises(QueryError, match="single objects are not fetched"):
        desk.celestrak(text)
    with pytest.raises(QueryError, match="single objects are not fetched"):
        desk.space_track(text)
    with pytest.raises(QueryError):
        desk.space_track("gp_history")
    assert desk.server.requests == []


# Space-Track


def test_one_login_serves_all_queries_of_a_process(desk: Desk) -> None:
    desk.clock.now = NOON.replace(hour=17)
    desk.space_track("gp", "satcat", "decay", "tip")
    assert desk.server.logins == 1
    assert [query.kind for query, _ in desk.kept] == ["gp", "satcat", "decay", "tip"]
    assert desk.kept[0][1].data == as_space_track_csv(GP_CSV)
    assert len(desk.server.data_requests()) == 4
    for path in desk.server.data_requests():
        assert "gp_history" not in path
        assert "NORAD_CAT_ID/" not in path
    assert "/class/gp/decay_date/null-val/epoch/%3Enow-10/" in desk.server.data_requests()[0]


def test_gp_once_an_hour_and_off_the_hour(desk: Desk) -> None:
    desk.space_track("gp")
    desk.clock.advance(minutes=59)
    with pytest.raises(TooEarlyError) as raised:
        desk.space_track("gp")
    assert raised.value.not_before == NOON + timedelta(hours=1)
    for minute, allowed in ((55, 65), (59, 65), (60, 65), (64, 65)):
        desk.clock.now = NOON.replace(hour=14, minute=0) + timedelta(minutes=minute)
        with pytest.raises(TooEarlyError) as raised:
            desk.space_track("gp")
        assert raised.value.not_before == NOON.replace(hour=14, minute=0) + timedelta(minutes=allowed), minute
    desk.clock.now = NOON.replace(hour=15, minute=5)
    desk.space_track("gp")
    assert len(desk.kept) == 2


def test_satcat_once_a_day_after_17_utc(desk: Desk) -> None:
    day = NOON.replace(hour=0, minute=30)
    for hours, allowed in ((16, False), (17, True), (23, False), (24 + 16, False), (24 + 17, True)):
        desk.clock.now = day + timedelta(hours=hours)
        if allowed:
            desk.space_track("satcat")
        else:
            with pytest.raises(TooEarlyError, match=r"not before 2026-08-2\dT17:0"):
                desk.space_track("satcat")
    assert len(desk.kept) == 2


def test_a_wrong_password_is_told_once_and_not_tried_again(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good = desk.settings
    desk.settings = replace(good, space_track_password="wr0ng-secret")
    desk.clock.now = NOON.replace(hour=17)
    for query in ("gp", "satcat"):
        with pytest.raises(RefusedError, match="check SPACE_TRACK_USERNAME") as raised:
            desk.space_track(query)
        assert "wr0ng" not in str(raised.value)
    assert desk.server.logins == 1
    assert desk.server.data_requests() == []
    assert "wr0ng" not in caplog.text + repr(desk.settings) + repr(desk.state)
    desk.settings = good
    desk.clock.advance(hours=1)
    desk.space_track("gp", after_refusal=True)
    assert len(desk.kept) == 1


def test_no_account(desk: Desk) -> None:
    desk.settings = replace(desk.settings, space_track_password="")
    with pytest.raises(QueryError, match="SPACE_TRACK_PASSWORD"):
        desk.space_track("gp")
    assert desk.state.attempts == {}


def test_a_session_that_ended_is_renewed_once(desk: Desk) -> None:
    with open_client(desk.settings.http) as client:
        site = SpaceTrack(client, desk.settings, desk.clock)
        for _ in range(2):
            fetch(site, site.query("gp"), desk.state, desk, desk.clock)
            desk.clock.advance(hours=3)
    assert (desk.server.logins, len(desk.kept)) == (2, 2)


@pytest.mark.parametrize("mode", ["rate limit 500", "rate limit 200"])
def test_a_broken_rate_limit_stops_everything(desk: Desk, mode: str) -> None:
    desk.server.modes.append(mode)
    with pytest.raises(RefusedError, match="something else uses the account"):
        desk.space_track("gp")
    desk.clock.advance(days=1)
    with pytest.raises(RefusedError, match="not asked again"):
        desk.space_track("gp")
    assert len(desk.server.data_requests()) == 1


def test_the_program_keeps_the_rate_that_the_server_enforces(desk: Desk) -> None:
    """Ask as fast as allowed until the requests of an hour ago no longer count: the server, which counts by itself,
    never complains."""
    with open_client(desk.settings.http) as client:
        site = SpaceTrack(client, desk.settings, desk.clock)
        url = site.query("gp").url
        site._login(desk.state)
        refused = 0
        end = NOON + timedelta(minutes=63)
        while desk.clock.now < end:
            try:
                assert site._send(url, desk.state).status == 200
            except TooEarlyError as error:
                refused += 1
                desk.clock.now = error.not_before
    sent = len(desk.server.hits)
    assert refused
    assert 360 <= sent <= 400


def test_rate_limits_at_their_borders() -> None:
    def times(n: int, spacing_s: float) -> list[datetime]:
        return [NOON - timedelta(seconds=spacing_s * k) for k in range(n)][::-1]

    check_rate(times(29, 1), NOON)
    with pytest.raises(TooEarlyError) as raised:
        check_rate(times(30, 1), NOON)
    assert raised.value.not_before == NOON + timedelta(seconds=31)
    check_rate(times(299, 10), NOON)
    with pytest.raises(TooEarlyError) as raised:
        check_rate(times(300, 10), NOON)
    assert raised.value.not_before == NOON + timedelta(seconds=610)


def test_nothing_secret_is_kept_or_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.space_track("gp")
    ((_, answer),) = desk.kept
    cookie = next(iter(desk.server.sessions))
    assert "set-cookie" not in answer.headers
    said = caplog.text + repr(desk.state) + repr(desk.kept[0][0]) + repr(answer.headers) + repr(desk.settings)
    assert cookie not in said
    assert PASSWORD not in said
    assert "correct%20horse" not in said
    assert "correct+horse" not in said


def test_a_proxy_is_used_where_one_is_set(desk: Desk) -> None:
    """The fake server stands in for the proxy: it then sees the whole address."""
    desk.settings = replace(
        desk.settings,
        http=read_settings({"SSA_PROXY": desk.server.url}).sources.http,
        celestrak_url="http://celestrak.invalid",
    )
    assert desk.celestrak()
    assert desk.server.data_requests() == ["http://celestrak.invalid/NORAD/elements/gp.php?GROUP=active&FORMAT=csv"]


def test_what_no_proxy_names_is_asked_directly(desk: Desk) -> None:
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"}
    desk.settings = replace(desk.settings, http=read_settings(env).sources.http)
    assert desk.celestrak()


def test_proxies_of_the_environment_are_not_read_behind_the_settings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert desk.celestrak()


def test_the_client_checks_certificates(desk: Desk) -> None:
    settings = replace(desk.settings, celestrak_url=desk.server.url.replace("http:", "https:"))
    with open_client(settings.http) as client, pytest.raises(httpx.ConnectError, match="SSL"):
        client.get(settings.celestrak_url)


# a folder


def _put(folder: Path, name: str, data: bytes, changed: datetime) -> None:
    (folder / name).write_bytes(data)
    os.utime(folder / name, (changed.timestamp(),) * 2)


def test_a_file_dated_ahead_is_read(desk: Desk, tmp_path: Path) -> None:
    _put(tmp_path, "hours.csv", GP_CSV, NOON + timedelta(hours=9))
    _put(tmp_path, "just_now.csv", GP_CSV, NOON + timedelta(seconds=2))
    assert [query.file_name for query in Folder(tmp_path, desk.clock).queries()] == ["hours.csv"]


def test_a_folder_gives_each_settled_file_once(desk: Desk, tmp_path: Path) -> None:
    long_ago = NOON - timedelta(hours=1)
    _put(tmp_path, "b.csv.gz", gzip.compress(GP_CSV), long_ago)
    _put(tmp_path, "a.csv", GP_CSV, long_ago)
    _put(tmp_path, "bad.csv", b"<html>", long_ago)
    _put(tmp_path, "fresh.csv", GP_CSV, NOON)
    _put(tmp_path, ".hidden.csv", GP_CSV, long_ago)
    _put(tmp_path, "a.csv.part", GP_CSV, long_ago)
    folder = Folder(tmp_path, desk.clock)

    def read() -> list[str]:
        outcomes = []
        for query in folder.queries():
            try:
                fetch(folder, query, desk.state, desk, desk.clock)
                outcomes.append(query.file_name)
            except SourceError as error:
                outcomes.append(f"{query.file_name} {type(error).__name__}")
        return outcomes

    assert read() == ["a.csv", "b.csv.gz", "bad.csv NotCatalogError"]
    assert [answer.data[:2] for _, answer in desk.kept] == [GP_CSV[:2], b"\x1f\x8b"]
    desk.clock.advance(minutes=1)
    assert read() == [
        "a.csv TooEarlyError",
        "b.csv.gz TooEarlyError",
        "bad.csv TooEarlyError",
        "fresh.csv",
    ]
    _put(tmp_path, "bad.csv", GP_CSV, NOON - timedelta(minutes=2))
    assert "bad.csv" in read()
    assert len(desk.kept) == 4


@pytest.mark.parametrize(("ahead", "is_read"), [(1, True), (2, False), (36 * 365, False)])
def test_a_file_of_a_mistyped_day_is_refused_by_name(desk: Desk, tmp_path: Path, ahead: int, is_read: bool) -> None:
    day = (NOON + timedelta(days=ahead)).date()
    _put(tmp_path, f"celestrak_{day:%Y%m%d}.csv", GP_CSV, NOON - timedelta(hours=1))
    (query,) = Folder(tmp_path).queries()
    if is_read:
        assert fetch(Folder(tmp_path, desk.clock), query, desk.state, desk, desk.clock)
        return
    with pytest.raises(NotCatalogError) as raised:
        fetch(Folder(tmp_path, desk.clock), query, desk.state, desk, desk.clock)
    said = f"the day in its name, {day} lies more than one day ahead (today is 2026-08-22, UTC): it is not stored"
    assert str(raised.value) == f"{tmp_path / query.file_name}: {said}; rename the file"
    assert Folder(tmp_path, desk.clock, NOON.date()).get(query, None, desk.state).data == GP_CSV  # by --epoch-day


def test_a_file_name_that_is_not_utf_8_is_read_under_a_printable_one(desk: Desk, tmp_path: Path) -> None:
    names = [os.fsdecode(name) for name in (b"caf\xe820260821.csv", b"caf\xe920260821.csv", b"mod\xe8le.csv")]
    for name in names:
        _put(tmp_path, name, b"<html>" if "le" in name else GP_CSV, NOON - timedelta(hours=1))
    folder = Folder(tmp_path, desk.clock)
    queries = folder.queries()
    assert [query.file_name for query in queries] == ["caf\ufffd20260821.csv"] * 2 + ["mod\ufffdle.csv"]
    assert len({query.key.encode() for query in queries}) == 3
    assert release_day(queries[0].file_name) == date(2026, 8, 21)
    assert fetch(folder, queries[0], desk.state, desk, desk.clock)
    (tmp_path / names[1]).unlink()
    for query, error in ((queries[1], TransientError), (queries[2], NotCatalogError)):
        with pytest.raises(error) as raised:
            fetch(folder, query, desk.state, desk, desk.clock)
        assert query.file_name.encode() in str(raised.value).encode()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no such file or directory"):
        Folder(tmp_path / "none").queries()


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("celestrak_active_20260822.tle", "2026-08-22"),
        ("active-2026-08-22.csv.gz", "2026-08-22"),
        ("active_20261322.csv", "None"),
        ("120260822.csv", "None"),
        ("active.csv", "None"),
    ],
)
def test_the_day_in_a_name(name: str, day: str) -> None:
    assert str(release_day(name)) == day


def test_times_are_aware() -> None:
    assert FakeClock()().tzinfo is UTC
