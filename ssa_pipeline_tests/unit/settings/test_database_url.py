"""Addresses of databases: no secret is printed, options of the user stay."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from ssa_pipeline.settings import DatabaseUrl, SettingsError
from ssa_pipeline.storage import connection as storage
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.errors import DatabaseUnreachableError


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d?password=secret", "postgresql://u@h/d?password=***"),
        (
            "postgresql://h/d?sslpassword=secret&password=secret&user=u",
            "postgresql://h/d?sslpassword=***&password=***&user=u",
        ),
        ("postgresql://u:secret@h/d?PASSWORD=secret", "postgresql://u:***@h/d?PASSWORD=***"),
    ],
)
def test_no_password_is_printed(address: str, shown: str) -> None:
    assert DatabaseUrl.parse(address).without_password == shown


@pytest.mark.parametrize(
    "text",
    ["mysql://u:secret@h/d", "mysql://h/d?password=secret", "host=h password=secret", "dbname=d password='secret'"],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        DatabaseUrl.parse(text)
    assert "secret" not in str(raised.value)


def test_options_of_the_user_come_before_ours_once() -> None:
    url = DatabaseUrl.parse("postgresql://u:p%40@h:5/d?options=-c%20statement_timeout%3D5s&sslmode=require")
    told = conninfo_to_dict(url.with_options("-c timezone=UTC"))
    assert told["options"] == "-c statement_timeout=5s -c timezone=UTC"
    assert (told["password"], told["sslmode"]) == ("p@", "require")
    dagster = make_url(url.dagster)
    assert dagster.query["options"] == "-c statement_timeout=5s -csearch_path=dagster"
    assert DatabaseUrl.parse("postgresql://h/d").dagster == "postgresql+psycopg2://h/d?options=-csearch_path%3Ddagster"


def test_a_pooler_that_takes_no_options_is_asked_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    said: list[str] = []

    class Connection:
        isolation_level = None

        def execute(self, statement: str) -> None:
            said.append(statement)

    def pooler(address: str, **_: Any) -> Connection:
        tried.append(address)
        if "timezone" in address:
            raise psycopg.OperationalError("FATAL:  unsupported startup parameter: options")
        return Connection()

    monkeypatch.setattr(storage.psycopg, "connect", pooler)
    connection = connect(DatabaseUrl.parse("postgresql://u@h/d"))
    assert len(tried) == 2
    assert tried[1] == "postgresql://u@h/d"
    assert connection.isolation_level == psycopg.IsolationLevel.READ_COMMITTED
    assert said == ["SET timezone = 'UTC'"]


def test_other_refusals_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str, **__: Any) -> None:
        raise psycopg.OperationalError("FATAL:  no such database")

    monkeypatch.setattr(storage.psycopg, "connect", refuse)
    with pytest.raises(DatabaseUnreachableError, match="no such database"):
        connect(DatabaseUrl.parse("postgresql://u@h/d"))
