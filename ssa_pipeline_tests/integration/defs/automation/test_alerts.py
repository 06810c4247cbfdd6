"""Alerts from a failed run or a silent source to a real webhook and a real mail server, over a real PostgreSQL."""

import email
import email.policy
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    DagsterInstance,
    DagsterRun,
    Failure,
    RunsFilter,
    SensorDefinition,
    asset,
    asset_check,
    build_sensor_context,
    job,
    materialize,
    op,
)
from dagster._core.errors import DagsterExecutionInterruptedError

from ssa_pipeline.chain.links import TITLE_TAG
from ssa_pipeline.defs.automation import alerting
from ssa_pipeline.defs.automation.alerting import (
    UntoldFailuresError,
    alert_on_failure,
    deliver_alerts,
    failure_alert,
    watch_freshness,
)
from ssa_pipeline.local import doctor
from ssa_pipeline.local.abandoned_runs import open_instance
from ssa_pipeline.local.dagster_home import link_dagster_home, service_environment
from ssa_pipeline.local.services import state
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import DatabaseUnreachableError
from ssa_pipeline.storage.receipts.fetch_state import PostgresFetchState
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline.storage.upkeep import alerts as storage_alerts
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline.storage.upkeep.alerts import ATTEMPTS, Alert, purge_alerts
from ssa_pipeline.use_cases import alerts
from ssa_pipeline.use_cases.alerts import Delivery, deliver_due, raise_alert
from ssa_pipeline.use_cases.freshness import check_freshness
from ssa_pipeline_tests.shared.command_line import ssa_done
from ssa_pipeline_tests.shared.places import DATA
from ssa_pipeline_tests.shared.receivers import MailServer, Webhook, mail_server, webhook

NOW = datetime(2026, 8, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALERT = Alert("a-key", "error", "it broke", "Because.\nDo: mend it.", run_id="r1", run_url="http://ui/runs/r1")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def clean(database: DatabaseUrl) -> DatabaseUrl:
    with connect(database) as connection:
        connection.execute("TRUNCATE screening.alert, raw.fetch_state, raw.snapshot, raw.content CASCADE")
    return database


@pytest.fixture(scope="module")
def instance(database: DatabaseUrl, home: str) -> Iterator[DagsterInstance]:
    settings = read_settings({"SSA_HOME": home, "DATABASE_URL": database.url})
    link_dagster_home(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service_environment(settings, database).items():
            patch.setenv(name, value)
        with open_instance(os.environ) as opened:
            yield opened


def settings_of(home: str, url: DatabaseUrl, **environment: str) -> Settings:
    return read_settings({"SSA_HOME": home, "DATABASE_URL": url.url, **environment})


def rows(url: DatabaseUrl, columns: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection:
        return connection.execute(f"SELECT {columns} FROM screening.alert ORDER BY alert_id").fetchall()  # type: ignore[arg-type]


# --- delivery ------------------------------------------------------------------------------------------------


def test_an_alert_reaches_webhook_and_mailbox_once(
    clean: DatabaseUrl, home: str, hook: Webhook, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(
        home,
        clean,
        SSA_ALERT_WEBHOOK=hook.url,
        SSA_ALERT_EMAIL="ops@example.org, night@example.org",
        SSA_SMTP_URL=f"smtp://me:pass%40word@127.0.0.1:{mail.port}",
    )
    assert raise_alert(clean, ALERT, NOW)
    assert "it broke: Because." in caplog.text
    assert deliver_due(clean, settings, NOW) == Delivery(sent=1)
    assert deliver_due(clean, settings, NOW + 24 * HOUR) == Delivery()
    (payload,) = hook.received
    assert payload == {
        "title": "it broke",
        "text": "it broke\nBecause.\nDo: mend it.\nhttp://ui/runs/r1",
        "severity": "error",
        "run_id": "r1",
        "url": "http://ui/runs/r1",
        "raised_at": NOW.isoformat(),
        "occurrences": 1,
    }
    (data,) = mail.data
    message = email.message_from_string(data, policy=email.policy.default)
    assert (message["Subject"], message["To"]) == ("[SSA error] it broke", "ops@example.org, night@example.org")
    assert message.get_content().split() == ["Because.", "Do:", "mend", "it.", "http://ui/runs/r1"]
    recipients = [line for line in mail.lines if line.upper().startswith("RCPT")]
    assert [line.split(":")[1] for line in recipients] == ["<ops@example.org>", "<night@example.org>"]


def test_a_failing_channel_is_tried_again_later_and_the_other_has_the_alert_once(
    clean: DatabaseUrl, home: str, hook: Webhook, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(
        home,
        clean,
        SSA_ALERT_WEBHOOK=hook.url,
        SSA_ALERT_EMAIL="ops@example.org",
        SSA_SMTP_URL=f"smtp://127.0.0.1:{mail.port}",
    )
    hook.statuses[:] = [500, 302]
    raise_alert(clean, ALERT, NOW)
    minute = timedelta(minutes=1)
    assert deliver_due(clean, settings, NOW) == Delivery(waiting=1)
    assert deliver_due(clean, settings, NOW + 0.9 * minute) == Delivery()  # not yet
    assert deliver_due(clean, settings, NOW + minute) == Delivery(waiting=1)
    assert deliver_due(clean, settings, NOW + 2.9 * minute) == Delivery()  # two minutes later, not one
    assert deliver_due(clean, settings, NOW + 3 * minute) == Delivery(sent=1)
    assert (len(hook.received), len(mail.data)) == (3, 1)
    assert "webhook: HTTP 500" in caplog.text
    assert "SECRET" not in caplog.text
    assert rows(clean, "sent_to, n_attempts, next_attempt_at, send_error") == [(["email", "webhook"], 3, None, "")]


def test_an_unreachable_channel_is_given_up_and_doctor_says_so(
    clean: DatabaseUrl, home: str, hook: Webhook, mail: MailServer
) -> None:
    mail.refuses = True
    dead = settings_of(home, clean, SSA_ALERT_WEBHOOK="http://127.0.0.1:9/SECRET")
    raise_alert(clean, ALERT, NOW)
    outcomes = [deliver_due(clean, dead, NOW + n * HOUR) for n in range(ATTEMPTS + 3)]
    assert outcomes == [Delivery(waiting=1)] * (ATTEMPTS - 1) + [Delivery(given_up=1)] + [Delivery()] * 3
    refused = settings_of(home, clean, SSA_ALERT_EMAIL="ops@example.org", SSA_SMTP_URL=f"smtp://127.0.0.1:{mail.port}")
    raise_alert(clean, replace(ALERT, key="other", title="another"), datetime.now(UTC))
    assert deliver_due(clean, refused, datetime.now(UTC)) == Delivery(waiting=1)
    with connect(clean) as connection:
        connection.execute("UPDATE screening.alert SET raised_at = now()")
    told = [one.text for one in doctor.examine(refused) if one.subject == "alerts"]
    assert len(told) == 2
    assert "'it broke' of " in told[0]
    assert told[0].endswith("(given up): webhook: no answer (ConnectError)")
    assert told[1].endswith("email: SMTPRecipientsRefused")


def test_an_answer_without_an_end_does_not_hold_up_the_delivery(clean: DatabaseUrl, home: str, hook: Webhook) -> None:
    hook.is_endless = True
    raise_alert(clean, ALERT, NOW)
    assert deliver_due(clean, settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url), NOW) == Delivery(sent=1)
    assert not hook.was_read_to_the_end


def test_a_proxy_that_cannot_be_used_is_named_where_the_webhook_fails(clean: DatabaseUrl, home: str) -> None:
    environment = {"ALL_PROXY": "socks5://u:SECRET@proxy:1080", "SSA_ALERT_WEBHOOK": "http://127.0.0.1:9/SECRET"}
    raise_alert(clean, ALERT, NOW)
    assert deliver_due(clean, settings_of(home, clean, **environment), NOW) == Delivery(waiting=1)
    assert rows(clean, "send_error") == [("webhook: ALL_PROXY must look like http://proxy:3128",)]


def test_a_password_goes_over_tls_or_to_this_machine_only(
    clean: DatabaseUrl, home: str, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_LOOPBACK", ())  # as if the server were far away
    settings = settings_of(
        home, clean, SSA_ALERT_EMAIL="ops@example.org", SSA_SMTP_URL=f"smtp://me:secret@127.0.0.1:{mail.port}"
    )
    raise_alert(clean, ALERT, NOW)
    assert deliver_due(clean, settings, NOW) == Delivery(waiting=1)
    assert not any(line.upper().startswith("AUTH") for line in mail.lines)
    assert "offers no TLS" in rows(clean, "send_error")[0][0]


def test_the_same_within_its_quiet_time_is_counted_and_later_told_again(
    clean: DatabaseUrl, home: str, hook: Webhook
) -> None:
    settings = settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url)
    minutes = [0, 10, 59]
    assert [raise_alert(clean, ALERT, NOW + timedelta(minutes=n)) for n in minutes] == [True, False, False]
    assert raise_alert(clean, replace(ALERT, key="another"), NOW)
    deliver_due(clean, settings, NOW + HOUR)
    assert "3 times since 2026-08-22 12:00 UTC." in hook.received[0]["text"]
    assert raise_alert(clean, ALERT, NOW + timedelta(minutes=61))
    assert rows(clean, "alert_key, n_occurrences") == [("a-key", 3), ("another", 1), ("a-key", 1)]
    assert purge_alerts(clean, NOW + timedelta(minutes=30)) == 1  # "another": the newest waits, the first is younger


def test_without_a_channel_the_log_is_the_alert(clean: DatabaseUrl, home: str) -> None:
    raise_alert(clean, ALERT, NOW)
    assert deliver_due(clean, settings_of(home, clean), NOW) == Delivery(sent=1)
    assert rows(clean, "sent_to, next_attempt_at") == [([], None)]


# --- failed runs ---------------------------------------------------------------------------------------------


@pytest.fixture
def without_runs(instance: DagsterInstance) -> DagsterInstance:
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    return instance


@op
def breaks() -> None:
    raise ValueError("no room on disk 17")


@op
def breaks_otherwise() -> None:
    raise Failure("nothing was received on 2024-11-02")


@job
def breaking_job() -> None:
    breaks()


@job
def other_job() -> None:
    breaks_otherwise()


@asset
def release() -> None:
    return None


@asset_check(asset=release, blocking=True)
def release_is_complete() -> AssetCheckResult:
    return AssetCheckResult(passed=False, severity=AssetCheckSeverity.ERROR, description="12 of 26,834 objects")


@asset(deps=[release])
def catalogue() -> None:
    return None


def tick(sensor: SensorDefinition, instance: DagsterInstance, settings: Settings) -> Any:
    return sensor.evaluate_tick(build_sensor_context(instance=instance, resources={"settings": settings}))


def test_every_failed_run_is_told_once_and_the_same_failure_counted(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str, hook: Webhook
) -> None:
    instance = without_runs
    settings = settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url, SSA_UI_URL="https://ssa.example.org/")
    failed = [breaking_job.execute_in_process(instance=instance, raise_on_error=False).run_id for _ in range(3)]
    other_job.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/partition": "2024-11-02"})
    breaking_job.execute_in_process(instance=instance, raise_on_error=False, tags={TITLE_TAG: "by hand"})
    held = materialize([release, release_is_complete, catalogue], instance=instance, raise_on_error=False).run_id
    said = [tick(alert_on_failure, instance, settings).skip_message for _ in range(2)]
    assert said == ["5 failed runs told", "0 failed runs told"]
    data = tick(deliver_alerts, instance, settings)
    assert data.skip_message == "3 sent, 0 to be tried again, 0 given up"
    assert [payload["occurrences"] for payload in hook.received] == [3, 1, 1]
    first, second, third = hook.received
    assert (first["title"], first["run_id"]) == ("breaking_job failed", failed[0])
    assert first["url"] == f"https://ssa.example.org/runs/{failed[0]}"
    assert "breaks: ValueError: no room on disk 17\n" in first["text"]
    assert second["title"] == "other_job failed for 2024-11-02"
    assert "nothing was received on 2024-11-02" in second["text"]
    assert third["run_id"] == held
    assert "held back by a check" in third["title"]
    assert "Check release_is_complete of release: 12 of 26,834 objects. Nothing after it was computed." in third["text"]
    assert "docs/operations.md, A release is held back" in third["text"]


@op
def is_interrupted() -> None:
    raise DagsterExecutionInterruptedError


@job
def interrupted_job() -> None:
    is_interrupted()


def test_a_run_that_was_ended_from_outside_is_told_with_the_reason(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str
) -> None:
    instance, settings = without_runs, settings_of(home, clean)
    killed, late = (instance.create_run_for_job(breaking_job) for _ in range(2))
    instance.report_engine_event(
        "[DagsterApiServer] Run execution process was terminated by signal 9 (SIGKILL).", killed
    )
    instance.report_run_failed(killed)
    instance.report_run_failed(late, "Exceeded maximum runtime of 12 seconds.")
    with suppress(DagsterExecutionInterruptedError):
        interrupted_job.execute_in_process(instance=instance, raise_on_error=False)
    interrupted = instance.get_runs(filters=RunsFilter(job_name="interrupted_job"))[0]
    said = [failure_alert(instance, run, settings).text for run in (killed, late, interrupted)]
    assert said[0].startswith("[DagsterApiServer] Run execution process was terminated by signal 9 (SIGKILL).\nDo:")
    assert said[1].startswith("Exceeded maximum runtime of 12 seconds.\nDo:")
    assert "Error" not in said[2]
    assert "interrupted" in said[2]


def test_a_run_that_is_started_again_by_itself_is_told_as_that_and_its_last_retry_apart(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str, hook: Webhook
) -> None:
    instance = without_runs
    settings = settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url)
    lost = breaking_job.execute_in_process(instance=instance, raise_on_error=False).run_id
    instance.add_run_tags(lost, {"dagster/will_retry": "true"})  # as Dagster does with a lost run that has retries left
    tick(alert_on_failure, instance, settings)
    breaking_job.execute_in_process(instance=instance, raise_on_error=False)
    tick(alert_on_failure, instance, settings)
    tick(deliver_alerts, instance, settings)
    first, last = (payload["text"] for payload in hook.received)
    assert "Do: nothing, the run is started again by itself" in first
    assert "Do: docs/operations.md, A run failed" in last


def test_a_failure_is_told_once_although_the_database_refused_connections_when_it_was_looked_for(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = without_runs
    settings = settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url)
    away = settings_of(home, DatabaseUrl.parse("postgresql://ssa:secret@127.0.0.1:9/ssa"))
    first, second = (breaking_job.execute_in_process(instance=instance, raise_on_error=False).run_id for _ in range(2))
    with pytest.raises(DatabaseUnreachableError):
        tick(alert_on_failure, instance, away)
    monkeypatch.setattr(alerting, "raise_alert", raises_after(1))
    with pytest.raises(DatabaseUnreachableError):  # lost between one run and the next
        tick(alert_on_failure, instance, settings)
    assert rows(clean, "failed_run_ids") == [([first],)]
    monkeypatch.undo()
    for _ in range(2):
        tick(alert_on_failure, instance, settings)
        tick(deliver_alerts, instance, settings)
    assert rows(clean, "failed_run_ids, n_occurrences") == [([first, second], 2)]
    assert [payload["run_id"] for payload in hook.received] == [first]
    with connect(clean) as connection:  # a failure of long ago is not told, however its alert went
        connection.execute("UPDATE dagster.runs SET end_time = end_time - 86401")
        connection.execute("TRUNCATE screening.alert")
    assert tick(alert_on_failure, instance, settings).skip_message == "0 failed runs told"


@op
def breaks_on_a_name() -> None:
    raise Failure("cannot read caf\udce9.csv, \ud800\0")


@job
def job_of_a_name() -> None:
    breaks_on_a_name()


def test_a_failure_whose_text_postgresql_cannot_hold_is_told(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str
) -> None:
    job_of_a_name.execute_in_process(instance=without_runs, raise_on_error=False)
    assert tick(alert_on_failure, without_runs, settings_of(home, clean)).skip_message == "1 failed runs told"
    ((text,),) = rows(clean, "alert_text")
    assert "cannot read caf\\udce9.csv, \\ud800\\x00\n" in text


def test_failures_that_cannot_be_told_hide_no_other(
    without_runs: DagsterInstance, clean: DatabaseUrl, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, settings = without_runs, settings_of(home, clean)
    monkeypatch.setattr(storage_alerts, "FAILURES_PER_CALL", 2)
    older, old = (other_job.execute_in_process(instance=instance, raise_on_error=False).run_id for _ in range(2))

    def refusing(instance: DagsterInstance, run: DagsterRun, settings: Settings) -> Alert:
        if run.run_id in (old, older):
            raise ValueError("damaged")
        return failure_alert(instance, run, settings)

    monkeypatch.setattr(alerting, "failure_alert", refusing)
    for count in (1, 2):  # the second comes when as many wait as are looked at
        run_id = breaking_job.execute_in_process(instance=instance, raise_on_error=False).run_id
        with pytest.raises(UntoldFailuresError, match=f"1 failed runs told, not {old}$"):
            tick(alert_on_failure, instance, settings)
        ((told,),) = rows(clean, "failed_run_ids")
        assert (len(told), told[-1]) == (count, run_id)
    with pytest.raises(UntoldFailuresError, match=f"0 failed runs told, not {older}, {old}$"):
        tick(alert_on_failure, instance, settings)


def raises_after(calls: int) -> Callable[[DatabaseUrl, Alert, datetime], bool]:
    left = iter(range(calls))

    def raise_or_refuse(url: DatabaseUrl, alert: Alert, now: datetime) -> bool:
        if next(left, None) is None:
            raise DatabaseUnreachableError("connection refused")
        return raise_alert(url, alert, now)

    return raise_or_refuse


# --- freshness -----------------------------------------------------------------------------------------------


def fetched(url: DatabaseUrl, source: str, key: str, at: datetime, outcome: str) -> None:
    state = PostgresFetchState(url)
    state.begin(key, source, at, lambda _: None)
    state.finish(key, outcome, received_at=at if outcome == "stored" else None)


def received(url: DatabaseUrl, source: str, at: datetime, kind: str = "gp") -> None:
    data = f"{source} {at} {kind}".encode()
    store_snapshot(url, data, file_name="f", source=source, epoch_day=at.date(), received_at=at, kind=kind)


def test_a_source_is_silent_when_its_catalogue_is_old_whatever_else_came(clean: DatabaseUrl, home: str) -> None:
    settings = settings_of(home, clean, SSA_SOURCE_SILENT_HOURS="26,folder=200")
    assert check_freshness(clean, settings.alerts, NOW).sources == []
    received(clean, "celestrak", NOW - 27 * HOUR)
    received(clean, "celestrak", NOW - HOUR, kind="satcat")
    fetched(clean, "celestrak", "GROUP=active", NOW - HOUR, "unchanged")
    received(clean, "folder", NOW - 100 * HOUR)
    received(clean, "file", NOW - 10_000 * HOUR)
    fetched(clean, "space-track", "gp", NOW - 2 * HOUR, "failed")
    found = check_freshness(clean, settings.alerts, NOW)
    ages = {source.source: found.age_hours(source) for source in found.sources}
    assert ages == {"celestrak": 27.0, "file": 10_000.0, "folder": 100.0, "space-track": float("inf")}
    silent = [source.source for source in found.sources if found.is_silent(source)]
    assert silent == ["celestrak", "space-track"]
    told = {one.key: one for one in found.problems()}
    assert told["silence celestrak"].title == "source celestrak: its newest content is 27 h old"
    assert "last asked 2026-08-22 11:00 UTC: unchanged" in told["silence celestrak"].text
    assert "nothing received ever" in told["silence space-track"].title
    assert f"not screened {(NOW - 10_000 * HOUR).date()}" in told  # the oldest, and no slice of it


def test_the_age_is_that_of_the_content_and_not_of_its_receipt(clean: DatabaseUrl, home: str) -> None:
    """Element sets of days ago that come today, and a file handed over for a day of 2024."""
    settings = settings_of(home, clean)
    data = (DATA / "celestrak_part_20260818.tle").read_bytes()
    store_snapshot(clean, data, file_name="f", source="celestrak", epoch_day=NOW.date(), received_at=NOW, kind="gp")
    store_snapshot(clean, b"x", file_name="f", source="folder", epoch_day=date(2024, 11, 1), received_at=NOW, kind="gp")
    found = check_freshness(clean, settings.alerts, NOW)
    by_source = {source.source: source for source in found.sources}
    assert {source.received_at for source in found.sources} == {NOW}
    assert by_source["folder"].content_at == datetime(2024, 11, 2, tzinfo=UTC)
    assert by_source["celestrak"].content_at is not None
    assert date(2026, 8, 17) <= by_source["celestrak"].content_at.date() <= date(2026, 8, 18)
    assert all(found.is_silent(source) for source in found.sources)
    (title,) = (one.title for one in found.problems() if one.key == "silence celestrak")
    assert "its newest content is " in title
    assert title.endswith("(received 2026-08-22 12:00 UTC)")


def test_a_daemon_that_was_killed_is_not_called_alive_while_its_heartbeats_are_fresh(
    instance: DagsterInstance, clean: DatabaseUrl, home: str
) -> None:
    settings = settings_of(home, clean)
    assert not state.is_daemon_dead(settings)  # as a monitor on another machine sees it
    log = state.log_paths(settings)[state.DAEMON]
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    try:
        assert state.is_daemon_dead(settings)
        found = check_freshness(clean, settings.alerts, NOW, is_daemon_dead=True)
        (problem,) = (one for one in found.problems() if one.key == "daemon silence")
        assert problem.title.startswith("Dagster's daemon does not run")
        assert "daemon: dead" in run_check(clean, home).stdout
    finally:
        log.unlink()


def test_a_chain_that_stands_still_is_told_although_a_release_comes_every_day(clean: DatabaseUrl, home: str) -> None:
    """None of these days is ever the newest for longer than 24 h."""
    settings = settings_of(home, clean)
    with connect(clean) as connection:
        connection.execute("DELETE FROM screening.slice_log")
        connection.execute(
            "INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, input_versions, "
            "row_count, byte_count, content_hash, metadata) "
            "VALUES ('refined_events', '2026-08-18', 0, 'r', 1, '1', '{}', 1, 1, 'x', '{}')"
        )
    received(clean, "celestrak", datetime(2062, 1, 1, tzinfo=UTC))  # a mistyped day is no release that waits
    told = []
    for hours in (98, 2, 26, 50):  # the first is of the day that was screened
        received(clean, "celestrak", NOW - hours * HOUR)
        problems = check_freshness(clean, settings.alerts, NOW).problems()
        told.append([one.title for one in problems if one.key.startswith("not screened")])
    assert told == [[], [], [], ["the release of 2026-08-20 has waited 50 h to be screened"]]
    with connect(clean) as connection:
        connection.execute("DELETE FROM screening.slice_log")


def test_a_channel_with_settings_that_cannot_work_does_not_repeat_the_other(
    clean: DatabaseUrl, home: str, hook: Webhook, mail: MailServer
) -> None:
    """SMTP's login takes ASCII only."""
    settings = settings_of(
        home,
        clean,
        SSA_ALERT_WEBHOOK=hook.url,
        SSA_ALERT_EMAIL="ops@example.org",
        SSA_SMTP_URL=f"smtp://me:p%C3%A4ss@127.0.0.1:{mail.port}",
    )
    raise_alert(clean, ALERT, NOW)
    assert deliver_due(clean, settings, NOW) == Delivery(waiting=1)
    assert deliver_due(clean, settings, NOW + HOUR) == Delivery(waiting=1)
    assert len(hook.received) == 1
    assert rows(clean, "sent_to, send_error") == [(["webhook"], "email: UnicodeEncodeError")]


def test_the_sensor_tells_a_lasting_silence_once_a_day(
    instance: DagsterInstance, clean: DatabaseUrl, home: str, hook: Webhook
) -> None:
    settings = settings_of(home, clean, SSA_ALERT_WEBHOOK=hook.url)
    fetched(clean, "celestrak", "GROUP=active", datetime.now(UTC) - 30 * HOUR, "refused")
    said = [tick(watch_freshness, instance, settings).skip_message for _ in range(2)]
    assert said == [f"1 problem, {n} told now: source celestrak: nothing received ever" for n in (1, 0)]
    tick(deliver_alerts, instance, settings)
    (payload,) = hook.received
    assert "ssa fetch --source celestrak" in payload["text"]


def run_check(url: DatabaseUrl, home: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return ssa_done("check-freshness", *arguments, SSA_HOME=home, DATABASE_URL=url.url, **environment)


def test_the_command_needs_no_daemon_and_its_exit_code_says_it(
    instance: DagsterInstance, clean: DatabaseUrl, home: str, hook: Webhook
) -> None:
    now = datetime.now(UTC)
    received(clean, "celestrak", now - HOUR)
    with connect(clean) as connection:
        for part in run_rows.DAEMON_PARTS:
            connection.execute(
                "INSERT INTO dagster.daemon_heartbeats (daemon_type, timestamp) VALUES (%s, %s)",
                [part, now.replace(tzinfo=None)],
            )
    good = run_check(clean, home)
    assert good.returncode == 0, good.stderr
    assert "ok      celestrak    newest content of " in good.stdout
    assert re.search(r"\(1\.0 h old\), received .*, expected every 26 h;", good.stdout)
    assert f"newest day: received {(now - HOUR).date()}, catalogue None, screened None" in good.stdout
    assert "daemon: alive" in good.stdout
    with connect(clean) as connection:
        connection.execute("UPDATE dagster.daemon_heartbeats SET timestamp = timestamp - interval '1 hour'")
    bad = run_check(clean, home, "--alert", SSA_ALERT_WEBHOOK=hook.url, SSA_SOURCE_SILENT_HOURS="0.5")
    assert bad.returncode == 1
    assert "SILENT  celestrak" in bad.stdout
    assert "ssa: source celestrak: its newest content is 1 h old" in bad.stderr
    assert "ssa: Dagster's daemon is silent" in bad.stderr
    assert "SENSOR for 36" in bad.stderr
    assert {payload["title"].split(":")[0] for payload in hook.received} >= {
        "source celestrak",
        "Dagster's daemon is silent",
    }


def test_without_a_database_the_exit_code_is_4(home: str) -> None:
    gone = DatabaseUrl.parse("postgresql://ssa:secret@127.0.0.1:9/ssa")
    done = run_check(gone, home)
    assert done.returncode == 4, done.stderr
    assert "secret" not in done.stderr
