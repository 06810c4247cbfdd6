"""Intake without the command line: what happened is returned or raised, and nothing is printed."""

from __future__ import annotations

from datetime import date

import pytest

from ssa_pipeline.core.records import GP
from ssa_pipeline.messages.catalog import CatalogFormatError
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.use_cases.intake import Intake, NotTakenError, TakenCatalog
from ssa_pipeline_tests.shared.places import DATA

DAY = date(2031, 5, 4)
CSV = DATA / "celestrak_omm_20241101.csv"


def test_what_was_taken_is_returned_and_what_was_not_is_raised(
    database: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    intake = Intake(database, DAY, "file")
    assert intake.verdict() is None
    taken = intake.take(CSV.read_bytes(), CSV.name)
    assert isinstance(taken, TakenCatalog)
    assert (taken.kind, taken.snapshot.kind, taken.snapshot.is_new, taken.snapshot.epoch_day) == (GP, GP, True, DAY)
    again = intake.take(CSV.read_bytes(), CSV.name)
    assert isinstance(again, TakenCatalog)
    assert not again.snapshot.is_new
    with pytest.raises(CatalogFormatError):
        intake.take(b"nothing of the kind\n", "letter.txt")
    lines = CSV.read_text().splitlines()
    epoch = lines[0].split(",").index("EPOCH")
    fields = lines[1].split(",")
    fields[epoch] = "no time"
    with pytest.raises(NotTakenError, match="none of its 1 records can be used") as refused:
        intake.take("\n".join([lines[0], ",".join(fields)]).encode(), "bad.csv")
    assert [record.rule.value for record in refused.value.rejected] == ["bad_epoch"]
    assert intake.verdict() is not None
    assert capsys.readouterr() == ("", "")
