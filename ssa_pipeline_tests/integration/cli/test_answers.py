"""`ssa events`, `ssa why` and `ssa db` as a user runs them, on both servers, over a small real catalogue."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ssa_pipeline.core.records import Events
from ssa_pipeline.core.time import format_utc
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.receipts.satcat import store_table
from ssa_pipeline.storage.receipts.snapshots import store_snapshot
from ssa_pipeline_tests.integration.conftest import Server
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.shared.command_line import ssa_on, ssa_process_on
from ssa_pipeline_tests.shared.fake_sources import SATCAT_CSV
from ssa_pipeline_tests.shared.filled import fill

FILE = "small.csv"
TWIN = 270_001  # T0001 in Alpha-5: the first object of the file under another number
STALE, XP, FALLING, NEVER_SEEN = 900_001, 900_002, 900_003, 123_456_789

Ssa = Callable[..., str]


@dataclass(frozen=True)
class Filled:
    url: DatabaseUrl
    events: Events
    lines: list[str]  # of the file received: lines[0] is line 1

    def line_of(self, norad_id: int, nth: int = 0) -> int:
        column = self.lines[0].split(",").index("NORAD_CAT_ID")
        return [k for k, line in enumerate(self.lines, 1) if line.split(",")[column] == str(norad_id)][nth]


def changed(header: str, line: str, **values: object) -> str:
    row = dict(zip(header.split(","), line.split(","), strict=True)) | {k: str(v) for k, v in values.items()}
    return ",".join(row.values())


@pytest.fixture(scope="module")
def filled(any_database: DatabaseUrl) -> Filled:
    header, *rows = small_catalog(60)[0].decode().splitlines()
    lines = [
        header,
        *rows,
        changed(header, rows[0], NORAD_CAT_ID=TWIN, OBJECT_NAME="TWIN"),
        changed(header, rows[0], NORAD_CAT_ID=STALE, EPOCH="2024-08-01T00:00:00"),
        changed(header, rows[0], NORAD_CAT_ID=XP, EPHEMERIS_TYPE=4),
        changed(
            header,
            rows[0],
            NORAD_CAT_ID=FALLING,
            OBJECT_NAME="FALLING",
            EPOCH=f"{EPOCH_DAY}T00:00:00",
            MEAN_MOTION=16.3,
            ECCENTRICITY=0.0005,
            BSTAR=0.02,
        ),
        rows[0],
    ]
    (events,) = fill(any_database, "\n".join([*lines, ""]).encode(), FILE)
    satcat = parse_table(SATCAT_CSV, "satcat.csv")
    came = {"file_name": "satcat.csv", "source": "test", "epoch_day": EPOCH_DAY, "received_at": datetime.now(UTC)}
    stored = store_snapshot(any_database, SATCAT_CSV, kind="satcat", **came)  # type: ignore[arg-type]
    store_table(any_database, stored, satcat.satcat, satcat.rejected)
    return Filled(any_database, events, lines)


@pytest.fixture
def ssa(filled: Filled, tmp_path: Path) -> Ssa:
    return lambda *arguments, code=0: ssa_on(filled.url, tmp_path, *arguments, code=code)


def crossings(events: Events) -> list[tuple[float, int]]:
    return sorted((events.miss_distance_km[k], k) for k in range(len(events)) if events.event_class[k] == "crossing")


def test_crossings_come_first_and_the_closest_of_them(filled: Filled, ssa: Ssa) -> None:
    printed = json.loads(ssa("events", "--limit", "0", "--format", "json"))
    assert len(printed) == len(filled.events)
    wanted = crossings(filled.events)
    assert len(wanted) > 10
    assert [row["miss_distance_km"] for row in printed[: len(wanted)]] == [miss for miss, _ in wanted]
    assert {row["event_class"] for row in printed[len(wanted) :]} == {"persistent"}


def test_csv_has_the_columns_of_events_csv_and_every_digit(filled: Filled, ssa: Ssa) -> None:
    contract = (
        "norad_id_1,norad_id_2,name_1,name_2,tca_utc,miss_distance_km,relative_speed_km_s,miss_r_km,miss_t_km,"
        "miss_n_km,age_1_days,age_2_days,epoch_1,epoch_2,event_class,start_utc,end_utc,n_minima,flags"
    )
    text = ssa("events", "--epoch-day", str(EPOCH_DAY), "--limit", "3", "--format", "csv")
    assert text.startswith(contract + ",")
    events = filled.events
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 3
    for row, (miss, k) in zip(rows, crossings(events), strict=False):
        assert float(row["miss_distance_km"]) == miss
        assert (int(row["norad_id_1"]), int(row["norad_id_2"])) == (events.norad_id_1[k], events.norad_id_2[k])
        assert row["tca_utc"] == format_utc(int(events.tca_us[k]))
        assert row["tca_utc"].endswith("Z")


def test_the_table_shows_ten_with_ages_and_what_may_be_claimed(ssa: Ssa) -> None:
    head, columns, *rows, claim = ssa("events").splitlines()
    assert head == f"epoch day {EPOCH_DAY}"
    assert "ages, days" in columns
    assert len(rows) == 10
    assert claim.startswith("Complete with respect to the element sets used.")


def test_events_of_one_object_within_a_distance(filled: Filled, ssa: Ssa) -> None:
    miss, k = crossings(filled.events)[2]
    norad_id = int(filled.events.norad_id_1[k])
    asked = ("events", "--object", str(norad_id), "--max-miss-km", repr(float(miss)), "--limit", "0")
    printed = json.loads(ssa(*asked, "--format", "json"))
    events = filled.events
    mine = (events.norad_id_1 == norad_id) | (events.norad_id_2 == norad_id)
    assert 0 < len(printed) == int((mine & (events.miss_distance_km <= miss)).sum())
    assert all(norad_id in (row["norad_id_1"], row["norad_id_2"]) for row in printed)
    assert max(row["miss_distance_km"] for row in printed if row["event_class"] == "crossing") == miss


def test_a_number_may_be_written_in_alpha_5(ssa: Ssa) -> None:
    asked = ("--limit", "0", "--format", "json")
    printed = ssa("events", "--object", "T0001", *asked)
    assert printed == ssa("events", "--object", str(TWIN), *asked)
    rows = json.loads(printed)
    assert "persistent" in {row["event_class"] for row in rows}  # with the object that it is a copy of
    assert {row["norad_id_2"] for row in rows} == {TWIN}
    assert f"{TWIN} TWIN on {EPOCH_DAY}: used" in ssa("why", "T0001")


def test_an_object_may_be_named(ssa: Ssa) -> None:
    asked = ("--limit", "0", "--format", "json")
    by_number = ssa("events", str(TWIN), *asked)
    assert by_number == ssa("events", "twin", *asked) == ssa("events", "--object", "TWIN", *asked)
    assert ssa("why", "TWIN") == ssa("why", "--object", str(TWIN)) == ssa("why", "T0001")
    assert ssa("history", "TWIN") == ssa("history", str(TWIN))
    assert "60 on " in ssa("why", "explorer 8")  # which only SATCAT knows
    choices = ssa("why", "E", code=2)
    assert "is part of the names of" in choices
    assert f"{TWIN} TWIN" not in choices
    assert "no object received so far is named 'HAL 9000'" in ssa("why", "HAL 9000", code=2)
    assert "two objects" in ssa("why", "5", "--object", "TWIN", code=2)


def test_aliases_of_an_object_and_of_a_day(ssa: Ssa) -> None:
    rows = json.loads(ssa("aliases", "--format", "json"))
    assert str(TWIN) in {str(row[name]) for row in rows for name in ("norad_id_1", "norad_id_2")}
    assert json.loads(ssa("aliases", "TWIN", "--format", "json")) == rows
    assert "TWIN" in ssa("aliases")


def test_an_object_that_meets_nobody_is_told_from_one_never_received(ssa: Ssa) -> None:
    assert ssa("events", "--object", str(STALE)).startswith("no encounter")
    for command in (("events", "--object"), ("why",)):
        assert f"object {NEVER_SEEN} is in no file" in ssa(*command, str(NEVER_SEEN), code=1)


def test_why_names_set_file_line_and_rule(filled: Filled, ssa: Ssa) -> None:
    first = int(filled.lines[1].split(",")[filled.lines[0].split(",").index("NORAD_CAT_ID")])
    said = ssa("why", str(first), "--epoch-day", str(EPOCH_DAY))
    assert f"on {EPOCH_DAY}: used" in said
    assert f"from {FILE} line {filled.line_of(first)} (test, received on {EPOCH_DAY}), element set " in said
    assert f"not used: duplicate, {FILE} line {filled.line_of(first, 1)} (test): " in said
    for norad_id, rule in ((STALE, "stale"), (XP, "ephemeris_type_not_sgp4")):
        said = ssa("why", str(norad_id))
        assert said.startswith(f"{norad_id} on {EPOCH_DAY}: not used\n")
        assert f"not used: {rule}, {FILE} line {filled.line_of(norad_id)} (test): " in said


def test_an_object_screened_in_part_says_so(filled: Filled, ssa: Ssa) -> None:
    said = ssa("why", str(FALLING))
    found = re.search(rf"screened in part on lead day 0, from {EPOCH_DAY}T00:00:00.000000Z to (\S+): SGP4 error", said)
    assert found, said
    assert "screened in part" not in ssa("why", str(TWIN))
    with connect(filled.url) as connection:
        rows = connection.execute("SELECT norad_id, object_name, lead_day FROM ssa.screened_in_part").fetchall()
        counts = connection.execute(
            "SELECT objects_used, objects_screened_in_part FROM ssa.catalog_quality WHERE epoch_day = %s", [EPOCH_DAY]
        ).fetchone()
    assert rows == [(FALLING, "FALLING", 0)]
    assert counts is not None
    assert counts[0] > 60
    assert counts[1] == 1


def test_why_shows_what_the_satcat_says(ssa: Ssa) -> None:
    assert ssa("why", "60").splitlines() == [
        f"60 on {EPOCH_DAY}: not used",
        f"  SATCAT of {EPOCH_DAY} (satcat.csv line 18): EXPLORER 8, PAYLOAD, US, decayed, launched 1960-11-03, "
        "decayed 2012-03-28, period 87.84 min, RCS 0.452 m²",
    ]


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (
            ("events", "--epoch-day", "2024-12-24"),
            "no screening of 2024-12-24: nothing was received for it: `ssa ingest FILE",
            1,
        ),
        (
            ("why", "5", "--epoch-day", "2024-12-24"),
            "no catalogue of 2024-12-24: nothing was received for it: `ssa ingest FILE",
            1,
        ),
        (("events", "--epoch-day", "yesterday"), "'yesterday' is not a day like 2024-11-01", 2),
        (("events", "--object", "I0001"), "'I0001' is no catalogue number", 2),
        (("why", "0"), "'0' is no catalogue number", 2),
        (("events", "--limit", "-1"), "--limit", 2),
        (("events", "--format", "xml"), "--format", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_answered_is_said(ssa: Ssa, arguments: tuple[str, ...], said: str, code: int) -> None:
    assert said in ssa(*arguments, code=code)


def test_a_database_without_tables_says_what_to_do(any_server: Server, tmp_path: Path) -> None:
    with any_server.empty_database() as empty:
        for command in (("events",), ("why", "5")):
            assert "run `ssa db upgrade`" in ssa_on(empty, tmp_path, *command, code=1)


def test_db_upgrades_in_two_phases_checks_and_opens_a_shell(any_server: Server, tmp_path: Path) -> None:
    with any_server.empty_database() as empty:
        assert "run `ssa db upgrade`" in ssa_on(empty, tmp_path, "db", "check", code=1)
        assert "applied b0001" in ssa_on(empty, tmp_path, "db", "upgrade", "--phase", "before")
        assert "applied a0001" in ssa_on(empty, tmp_path, "db", "upgrade", "--phase", "after")
        assert ssa_on(empty, tmp_path, "db", "upgrade") == "up to date\n"
        assert ssa_on(empty, tmp_path, "db", "check") == "the database is as it should be\n"
        asked = "SELECT count(*), current_database() FROM ssa.events"
        assert ssa_process_on(empty, tmp_path, "db", "psql", "-XAtc", asked) == f"0|{empty.url.rsplit('/', 1)[1]}\n"
        with_error = ("db", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", "SELECT 1/0")
        assert "division by zero" in ssa_process_on(empty, tmp_path, *with_error, code=1)
        assert "before: what old code tolerates" in ssa_on(empty, tmp_path, "db", "upgrade", "--help")


def test_events_are_filtered_by_day_age_class_and_companions(ssa: Ssa) -> None:
    def asked(*options: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(ssa("events", "--limit", "0", "--format", "json", *options))
        return found

    def plain(row: dict[str, Any]) -> bool:
        return row["event_class"] == "crossing" and max(row["age_1_days"], row["age_2_days"]) <= 1.0

    every = asked()
    some = asked(
        "--lead-days", "0", "--from", "2024-11-01", "--to", "2024-11-01", "--class", "crossing", "--max-age-days", "1"
    )
    assert some == [row for row in every if plain(row)]
    assert 0 < len(some) < len(every)
    assert asked("--to", "2024-10-31") == asked("--lead-days", "6") == []
    alone = asked("--exclude-companions")
    assert not [row for row in alone if row["name_1"].startswith("STARLINK-") and row["name_2"].startswith("STARLINK-")]
    ours = asked("--constellation", "starlink")
    assert all("STARLINK" in row["name_1"] + row["name_2"] for row in ours)
