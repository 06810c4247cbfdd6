"""docs/naming.md is the law: every record obeys it, and it names every rule that users see."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ssa_pipeline.cli.events_csv import COLUMNS
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.catalog.satcat import Satcat
from ssa_pipeline.core.records import Candidates, ElementSets, EphemerisChunks, Events, RejectRule
from ssa_pipeline.storage.questions.answers import EVENT_COLUMNS
from ssa_pipeline.storage.schema.views import VIEWS
from ssa_pipeline_tests.shared.places import REPOSITORY

LAW = (REPOSITORY / "docs" / "naming.md").read_text()
SUFFIXES = ("_km", "_km_s", "_km_s2", "_s", "_min", "_us", "_days", "_deg", "_rev_per_day", "_m2", "_mb")
WITHOUT_UNIT = ("eccentricity", "bstar", "mean_motion_dot", "mean_motion_ddot")
RECORDS = (ElementSets, Satcat, CleanCatalog, EphemerisChunks, Candidates, Events)


@pytest.mark.parametrize("record", RECORDS)
def test_every_float_says_its_unit(record: type) -> None:
    floats = [f.name for f in fields(record) if str(f.type) == "Float64"]
    assert floats
    assert [name for name in floats if not name.endswith(SUFFIXES) and name not in WITHOUT_UNIT] == []


@pytest.mark.parametrize("record", RECORDS)
def test_booleans_and_only_they_begin_with_is_or_has(record: type) -> None:
    for f in fields(record):
        assert f.name.startswith(("is_", "has_")) == ("bool" in str(f.type)), f.name


def test_every_column_of_events_csv_is_one_of_the_event_views() -> None:
    views = {view.name: view.columns for view in VIEWS}
    for name in ("events", "events_latest"):
        assert [column for column in (*COLUMNS, *EVENT_COLUMNS) if column not in views[name]] == []


def test_the_law_names_what_the_code_uses() -> None:
    for word in (*SUFFIXES, *WITHOUT_UNIT):
        assert f"`{word}`" in LAW, word


def test_every_rule_is_explained_once_and_no_other() -> None:
    rows = [line.split("`")[1] for line in LAW.splitlines() if line.startswith("| `") and line.count("|") >= 4]
    explained = [row for row in rows if not row.startswith(("miss_", "rule"))]
    assert sorted(explained) == sorted(rule.value for rule in RejectRule)
