"""`ssa ephemeris` as a user runs it, on both servers, against python-sgp4 at random times."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.orbits.satrec import julian_date, to_satrecs
from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.core.time import day_start_us, format_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.questions.ephemeris import positions
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.shared.command_line import ssa_on
from ssa_pipeline_tests.shared.filled import fill

START_US = day_start_us(EPOCH_DAY)
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> tuple[DatabaseUrl, ElementSets]:
    data = small_catalog(60)[0]
    fill(any_database, data, lead_days=2)
    return any_database, clean_catalog(parse_catalog(data, "small.csv").element_sets, EPOCH_DAY).element_sets


def ephemeris(url: DatabaseUrl, home: Path, *arguments: str, code: int = 0) -> str:
    return ssa_on(url, home, "ephemeris", *arguments, code=code)


def test_every_object_is_within_its_bound_of_sgp4_on_both_lead_days(filled: tuple[DatabaseUrl, ElementSets]) -> None:
    url, elements = filled
    rng = np.random.default_rng(7)
    for norad_id, satrec in zip(elements.norad_id.tolist(), to_satrecs(elements), strict=True):
        times = np.sort(START_US + rng.integers(0, 2 * DAY_US, 8)).tolist()
        times += [START_US + DAY_US - 1, START_US + DAY_US]  # either side of the border
        for position in positions(url, norad_id, sorted(times)):
            error, expected, velocity = satrec.sgp4(*julian_date(position.t_us))
            assert error == 0
            away = np.linalg.norm(np.subtract(position.state[:3], expected))
            assert away <= position.error_bound_km + 2e-5  # float64 Julian dates: 2 cm at 7.5 km/s
            # SGP4's velocity is not the derivative of its position: up to a few m/s
            assert np.linalg.norm(np.subtract(position.state[3:], velocity)) < 5e-3
            assert position.lead_day == (position.t_us - START_US) // DAY_US


def test_one_time_and_a_table_agree_in_every_format(filled: tuple[DatabaseUrl, ElementSets], tmp_path: Path) -> None:
    url, elements = filled
    norad_id = str(elements.norad_id[0])
    span = ("--from", "2024-11-01T23:59:00Z", "--to", "2024-11-02T00:01:00Z", "--step", "30")
    rows = list(csv.DictReader(io.StringIO(ephemeris(url, tmp_path, norad_id, *span, "--format", "csv"))))
    assert [row["t_utc"] for row in rows] == [format_utc(START_US + DAY_US + s * 1_000_000) for s in range(-60, 61, 30)]
    assert [row["lead_day"] for row in rows] == ["0", "0", "1", "1", "1"]
    (one,) = json.loads(ephemeris(url, tmp_path, norad_id, "--at", rows[1]["t_utc"], "--format", "json"))
    assert {name: str(value) for name, value in one.items()} == rows[1]
    assert f"{one['x_km']:.4f}" in ephemeris(url, tmp_path, norad_id, "--at", rows[1]["t_utc"])


def test_what_cannot_be_answered_says_why(filled: tuple[DatabaseUrl, ElementSets], tmp_path: Path) -> None:
    url, elements = filled
    known, at = str(elements.norad_id[0]), ("--at", "2024-11-01T12:00:00Z")
    assert "either --at, or --from and --to" in ephemeris(url, tmp_path, known, code=2)
    assert "not a UTC time" in ephemeris(url, tmp_path, known, "--at", "noon", code=2)
    assert "has no time zone" in ephemeris(url, tmp_path, known, "--at", "2024-11-01T12:00:00", code=2)
    assert "--step must be above 0" in ephemeris(
        url, tmp_path, known, "--from", "2024-11-01T00:00:00Z", "--to", "2024-11-02T00:00:00Z", "--step", "0", code=2
    )
    assert "no catalogue number" in ephemeris(url, tmp_path, "ISS", *at, code=2)
    assert "in no file received" in ephemeris(url, tmp_path, "123456789", *at, code=1)
    assert "--epoch-day 2024-11-01 --lead-days 4" in ephemeris(
        url, tmp_path, known, "--at", "2024-11-05T00:00:00Z", code=1
    )


def test_advice_for_a_day_without_ephemeris_names_what_works(
    filled: tuple[DatabaseUrl, ElementSets], tmp_path: Path
) -> None:
    """From the newest day received that reaches it; where none does, only receiving one helps."""
    url, elements = filled
    known = str(elements.norad_id[0])
    for day, said in (
        ("2024-11-04", "no ephemeris covers 2024-11-04: run `ssa materialize --epoch-day 2024-11-01 --lead-days 3`"),
        (
            "2024-11-08",
            "(there are those of 2024-11-01 to 2024-11-01, each reaches 7 days); `ssa ingest FILE --epoch-day ",
        ),
        ("2024-10-31", "no catalogue that reaches it was received"),
    ):
        printed = ephemeris(url, tmp_path, known, "--at", f"{day}T12:00:00Z", code=1)
        assert said in printed
        assert ("ssa materialize" in printed) == (day == "2024-11-04")
    of_one_day = ("--epoch-day", "2024-11-01", "--at", "2024-11-08T00:00:00Z")
    assert "reaches from 2024-11-01 to 2024-11-07" in ephemeris(url, tmp_path, known, *of_one_day, code=1)


def test_an_expired_ephemeris_says_so(fresh_database: DatabaseUrl, tmp_path: Path) -> None:
    data = small_catalog(10)[0]
    fill(fresh_database, data)
    known = str(parse_catalog(data, "small.csv").element_sets.norad_id[0])
    with connect(fresh_database) as connection:
        connection.execute("DELETE FROM screening.ephemeris_chunk")
        connection.execute("UPDATE screening.slice_log SET expired_at = now() WHERE asset = 'ephemeris_chunks'")
    printed = ephemeris(fresh_database, tmp_path, known, "--at", "2024-11-01T12:00:00Z", code=1)
    assert "expired on" in printed
    assert "ssa materialize --epoch-day 2024-11-01 --lead-days 0 --force" in printed
