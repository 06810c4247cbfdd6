"""Partitions begin where data begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun

from ssa_pipeline.chain.links import SCREENING_ASSETS
from ssa_pipeline.defs.slices.io_manager import slices_of_run
from ssa_pipeline.local.services import shown_days, state
from ssa_pipeline.settings import DatabaseUrl, Settings, read_settings
from ssa_pipeline.use_cases import first_day

URL = DatabaseUrl.parse("postgresql://nobody@127.0.0.1:1/none")


def settings_of(home: Path, **values: str) -> Settings:
    return read_settings({"SSA_HOME": str(home), **values})


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Days with data; the database is as good as this list."""
    days: list[date] = []

    def first(_: DatabaseUrl, not_before: date) -> date | None:
        return min((day for day in days if day >= not_before), default=None)

    for module in (first_day, shown_days):
        monkeypatch.setattr(module, "first_day_with_data", first)
    return days


def test_partitions_begin_with_the_first_day_and_an_earlier_one_moves_them(tmp_path: Path, stored: list[date]) -> None:
    settings = settings_of(tmp_path)
    assert first_day.first_partition(settings) == date(2024, 1, 1)  # as long as nothing is known
    assert not first_day.follow_the_data(settings, URL)
    for day, begin, is_moved in (
        (date(2026, 11, 28), date(2026, 11, 28), True),
        (date(2026, 11, 29), date(2026, 11, 28), False),
        (date(2024, 11, 1), date(2024, 11, 1), True),
        (date(1970, 1, 1), date(2024, 11, 1), False),  # mistyped: it needs SSA_FIRST_DAY, as before
    ):
        stored.append(day)
        assert first_day.follow_the_data(settings, URL) == is_moved
        assert first_day.first_partition(settings_of(tmp_path)) == begin
    assert [path.name for path in tmp_path.iterdir()] == ["first_day"]


def test_what_is_set_wins(tmp_path: Path, stored: list[date]) -> None:
    stored.append(date(2026, 11, 28))
    settings = settings_of(tmp_path, SSA_FIRST_DAY="2020-05-01")
    assert not first_day.follow_the_data(settings, URL)
    assert first_day.first_partition(settings) == date(2020, 5, 1)
    assert first_day.first_partition(settings_of(tmp_path)) == date(2026, 11, 28)


@pytest.mark.parametrize("text", ["", "yesterday", "\x00"])
def test_a_note_that_cannot_be_read_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "first_day").write_text(text)
    assert first_day.first_partition(settings_of(tmp_path)) == date(2024, 1, 1)


def test_a_running_ui_loads_its_definitions_again_where_the_first_day_moved_and_only_then(
    tmp_path: Path, stored: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def query(self: Any, text: str, variables: Any) -> Any:
        asked.append(variables["location"])
        loaded = {"__typename": "RepositoryLocation"}
        return {"reloadRepositoryLocation": {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": loaded}}

    monkeypatch.setattr("ssa_pipeline.use_cases.runs.webserver.Webserver.query", query)
    monkeypatch.setattr(state, "ui_url", lambda _: "http://127.0.0.1:1")
    settings, said = settings_of(tmp_path), list[str]()
    stored.append(date(2026, 11, 28))
    shown_days.begin_where_data_begin(settings, URL, said.append)
    shown_days.begin_where_data_begin(settings, URL, said.append)
    assert (asked, said) == (["ssa"], [])

    monkeypatch.setattr("ssa_pipeline.use_cases.runs.webserver.Webserver.query", lambda *_: _refused())
    stored.append(date(2026, 11, 1))
    shown_days.begin_where_data_begin(settings, URL, said.append)
    assert said == [
        "warning: until `ssa down` and `ssa up` the UI does not begin with the first day received: the definitions "
        "were not loaded again: no module named ssa"
    ]


def _refused() -> Any:
    error = {"__typename": "PythonError", "message": "no module named ssa"}
    return {"reloadRepositoryLocation": {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": error}}


def test_a_home_that_cannot_be_written_is_said_and_hinders_nothing(tmp_path: Path, stored: list[date]) -> None:
    stored.append(date(2026, 8, 22))
    (tmp_path / "first_day").mkdir()  # no file can take its place, whoever asks
    said: list[str] = []
    shown_days.begin_where_data_begin(settings_of(tmp_path), URL, said.append)
    (warning,) = said
    assert warning.startswith("warning: the first day received cannot be noted")


def test_the_demo_begins_with_its_day_before_that_is_stored(tmp_path: Path, stored: list[date]) -> None:
    settings = replace(settings_of(tmp_path))
    shown_days.begin_where_data_begin(settings, URL, print, expected=date(2024, 11, 1))
    assert first_day.first_partition(settings) == date(2024, 11, 1)
    stored.append(date(2026, 11, 28))
    shown_days.begin_where_data_begin(settings, URL, print, expected=date(2024, 11, 1))
    assert first_day.first_partition(settings) == date(2026, 11, 28)


def test_a_run_of_days_before_the_partitions_of_this_process_is_understood() -> None:
    tags = {
        "dagster/asset_partition_range_start": "2019-12-31|1",
        "dagster/asset_partition_range_end": "2020-01-01|2",
    }
    found = slices_of_run(DagsterRun(job_name="screen_job", tags=tags))
    wanted = [(date(2019, 12, 31), 1), (date(2019, 12, 31), 2), (date(2020, 1, 1), 1), (date(2020, 1, 1), 2)]
    assert [(key.epoch_day, key.lead_day) for key in found] == wanted * len(SCREENING_ASSETS)
