"""Settings of alerts: what is wrong is named, what is secret is not shown."""

from __future__ import annotations

import math

import pytest

from ssa_pipeline.settings import SettingsError, read_settings


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SSA_ALERT_WEBHOOK": "hooks.example.org/SECRET"}, "SSA_ALERT_WEBHOOK must look like"),
        ({"SSA_ALERT_EMAIL": "ops@example.org"}, "SSA_ALERT_EMAIL needs SSA_SMTP_URL"),
        (
            {"SSA_ALERT_EMAIL": "ops at example.org", "SSA_SMTP_URL": "smtp://h"},
            "'ops at example.org' is not an e-mail",
        ),
        ({"SSA_SMTP_URL": "http://me:SECRET@host"}, "SSA_SMTP_URL must look like"),
        ({"SSA_SMTP_URL": "smtp://me:SECRET@host:x"}, "SSA_SMTP_URL must look like"),
        ({"SSA_UI_URL": "ui.example.org"}, "SSA_UI_URL must look like"),
        ({"SSA_SOURCE_SILENT_HOURS": "folder=often"}, "'folder=often' is not like 26, folder=200"),
        ({"SSA_SOURCE_SILENT_HOURS": "0"}, "'0' is not like 26"),
        ({"SSA_SOURCE_SILENT_HOURS": "26,celestark=10"}, "SSA_SOURCE_SILENT_HOURS: 'celestark' is no source; the sou"),
        ({"SSA_SOURCE_SILENT_HOURS": "space_track=never"}, "'space_track' is no source; the sources are space-track"),
        ({"SSA_RUN_RETENTION_DAYS": "0"}, "SSA_RUN_RETENTION_DAYS=0 is below 1"),
        ({"SSA_MAX_AGE_DAYS": "inf"}, "SSA_MAX_AGE_DAYS=inf is not a finite number"),
        ({"SSA_SUPPLEMENTAL_GP": "prefer", "SSA_SUPPLEMENTAL_MAX_AGE_DAYS": "nan"}, "=nan is not a finite number"),
        ({"SSA_RUN_RETENTION_DAYS": "800000"}, "SSA_RUN_RETENTION_DAYS=800000 is above 36500"),
        ({"SSA_RETENTION_DAYS": "9" * 20}, "is above 36500"),
        ({"SSA_RECONCILE_DAYS": "9" * 20}, "is above 36500"),
        ({"SSA_RESCREEN_HOURS": "inf"}, "SSA_RESCREEN_HOURS=inf is not a finite number"),
        ({"SSA_HTTP_TIMEOUT_S": "inf"}, "SSA_HTTP_TIMEOUT_S=inf is not a finite number"),
        ({"SSA_UI_PORT": "99999"}, "SSA_UI_PORT=99999 is above 65535"),
        ({"POSTGRES_HOST": "h", "POSTGRES_PORT": "65536"}, "POSTGRES_PORT=65536 is above 65535"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_secrets(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(environment).check()
    assert message in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_secrets_are_not_printed_with_the_settings() -> None:
    settings = read_settings(
        {"SSA_ALERT_WEBHOOK": "https://h/SECRET", "SSA_ALERT_EMAIL": "a@b", "SSA_SMTP_URL": "smtp://u:SECRET@h"}
    )
    assert "SECRET" not in repr(settings)


def test_hours_of_silence_are_of_all_sources_or_of_one() -> None:
    assert read_settings({}).alerts.silent_hours == {"": 26.0, "file": math.inf}
    text = "30, file=48, folder=200,space-track=never"
    hours = read_settings({"SSA_SOURCE_SILENT_HOURS": text}).alerts.silent_hours
    assert hours == {"": 30.0, "file": 48.0, "folder": 200.0, "space-track": math.inf}
