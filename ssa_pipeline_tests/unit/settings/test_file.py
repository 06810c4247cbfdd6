"""settings.env: one place for settings, the environment wins, errors name file and line, secrets stay unseen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ssa_pipeline import settings as settings_module
from ssa_pipeline.cli import Exit
from ssa_pipeline.local import doctor
from ssa_pipeline.local.dagster_home import service_environment
from ssa_pipeline.settings import REPOSITORY, SettingsError, read_settings
from ssa_pipeline.settings.table import SHOWN
from ssa_pipeline_tests.shared.command_line import ssa

FILE = """\
# kept with the data
SSA_CONTACT="you@example.org"   # a comment

export SSA_THRESHOLD_KM=7
SPACE_TRACK_PASSWORD='p4$$ # word'
SSA_SMTP_URL=smtps://me:s3cret@mail.example.org:465
SSA_ALERT_EMAIL=me@example.org
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in SHOWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSA_HOME", str(tmp_path))
    return tmp_path


def test_the_file_is_read_and_the_environment_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.env").write_text(FILE)
    found = read_settings()
    assert found.threshold_km == 7.0
    assert found.sources.space_track_password == "p4$$ # word"  # nothing is expanded
    assert "you@example.org" in found.sources.http.user_agent
    monkeypatch.setenv("SSA_THRESHOLD_KM", "3")
    assert read_settings().threshold_km == 3.0


def test_services_are_started_with_what_the_file_says_whatever_the_shell_knows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "settings.env").write_text(FILE)
    url = settings_module.DatabaseUrl.parse("postgresql://localhost/x")
    assert service_environment(read_settings(), url)["SSA_CONTACT"] == "you@example.org"
    monkeypatch.setenv("SSA_CONTACT", "other@example.org")  # the caller's own environment is added, and wins
    assert "SSA_CONTACT" not in service_environment(read_settings(), url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SSA_THRESHOLD_KM=1\n\nSSA_FRIST_DAY=2026-01-01\n", "line 3: SSA_FRIST_DAY is no setting"),
        ("SSA_THRESHOLD_KM\n", "line 1 is not like NAME=value"),
        ("# fine\nwhat is this\n", "line 2 is not like NAME=value"),
        ("SSA_HOME=/elsewhere\n", "SSA_HOME says where this file is"),
        ("SSA_CONTACT=a@b\nSSA_CONTACT=c@d\n", "line 2: SSA_CONTACT is on line 1 already"),
        ("\nSSA_THRESHOLD_KM=much\n", r"SSA_THRESHOLD_KM='much' is not a number \(.*settings.env line 2\)"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(home: Path, text: str, message: str) -> None:
    (home / "settings.env").write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_settings().check()


def test_a_bad_mail_setting_stops_alerts_and_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSA_ALERT_EMAIL", "nobody")
    found = read_settings()
    assert (found.threads >= 1, found.threshold_km, found.home) == (True, 5.0, home)
    assert found.sources.celestrak_url
    with pytest.raises(SettingsError, match="SSA_ALERT_EMAIL: 'nobody'"):
        _ = found.alerts
    with pytest.raises(SettingsError, match="SSA_ALERT_EMAIL"):
        found.check()
    monkeypatch.setattr("ssa_pipeline.local.services.stopping.down", lambda *_: False)
    assert ssa("down") == (0, "nothing was running\n", "")
    assert ssa("status")[0] == Exit.USAGE


def test_settings_shows_values_and_origins_and_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.env").write_text(FILE)
    monkeypatch.setenv("SSA_THRESHOLD_KM", "3")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:s3cret@db.example.org/ssa")
    code, out, errors = ssa("settings")
    assert (code, errors) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}
    assert lines["file:"] == str(home / "settings.env")
    assert re.fullmatch(r"settings.env line 2 +you@example.org", lines["SSA_CONTACT"])
    assert re.fullmatch(r"environment, over settings.env line 4 +3", lines["SSA_THRESHOLD_KM"])
    assert re.fullmatch(r"default +30", lines["SSA_MAX_AGE_DAYS"])
    assert lines["SPACE_TRACK_PASSWORD"].endswith("***")
    assert lines["SSA_SMTP_URL"].endswith("smtps://***@mail.example.org:465")
    assert lines["DATABASE_URL"].endswith("postgresql://me:***@db.example.org/ssa")
    assert "s3cret" not in out
    assert "p4$$" not in out
    shown = json.loads(ssa("settings", "--json")[1])
    assert [one["name"] for one in shown["settings"]] == list(SHOWN)
    assert "s3cret" not in json.dumps(shown)


def test_settings_names_what_cannot_be_used_and_shows_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSA_UI_PORT", "many")
    monkeypatch.setenv("SSA_CONTCAT", "me")
    code, out, errors = ssa("settings")
    assert code == Exit.USAGE
    assert "SSA_MAX_AGE_DAYS" in out
    assert "SSA_UI_PORT='many' is not a number" in errors
    assert "SSA_CONTCAT is set in the environment and is no setting" in errors


def test_every_setting_that_is_read_is_shown() -> None:
    text = "".join(module.read_text() for module in Path(settings_module.__file__).parent.glob("*.py"))
    read = set(re.findall(r"[\"']((?:SSA|SPACE_TRACK|POSTGRES)_[A-Z_]+|DATABASE_URL)[\"']", text))
    assert read <= set(SHOWN)


def test_the_doctor_warns_where_others_may_read_the_file(home: Path) -> None:
    def finding() -> doctor.Finding:
        return next(one for one in doctor._settings_file(read_settings()))

    assert "is not there" in finding().text
    file = home / "settings.env"
    file.write_text(FILE)
    file.chmod(0o644)
    assert (finding().level, "chmod 600" in finding().text) == (doctor.Level.WARN, True)
    file.chmod(0o600)
    assert (finding().level, finding().text) == (doctor.Level.OK, f"5 from {file}")


def test_every_setting_is_explained_in_the_docs() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    told = " ".join(page.read_text() for page in pages)
    assert [name for name in SHOWN if not re.search(rf"`[^`]*\b{name}\b[^`]*`", told)] == []
