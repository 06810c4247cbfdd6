"""Days, ranges, lead days and objects as users write them; errors and help as users read them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

import ssa_pipeline
from ssa_pipeline.cli import CliError, Exit
from ssa_pipeline.cli.inputs import choose_object, days_in_range, object_text, parse_day, parse_lead_days
from ssa_pipeline_tests.shared.command_line import ssa

OBJECTS = [
    (25544, "ISS (ZARYA)", "1998-067A"),
    (49044, "ISS (NAUKA)", "2021-066A"),
    (44714, "STARLINK-1008", "2019-074B"),
    (44718, "STARLINK-1012", "2019-074F"),
    (53239, "CSS (WENTIAN)", "2022-085A"),
    (90001, "UNKNOWN", ""),
    (90002, "UNKNOWN", ""),
]


def _named(text: str) -> list[tuple[int, str, str]]:
    return [one for one in OBJECTS if text.upper() in one[1] or text.upper() == one[2]]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25544", 25544),
        ("T0001", 270001),
        ("ISS (ZARYA)", 25544),
        ("iss (zarya)", 25544),
        ("zarya", 25544),
        ("wentian", 53239),
        ("1998-067A", 25544),
        ("1998-067a", 25544),
    ],
)
def test_an_object_is_found_by_number_name_part_of_a_name_or_designator(text: str, number: int) -> None:
    assert choose_object(text, _named) == number


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STARLINK", ["part of the names of 2 objects", "44714 STARLINK-1008", "44718 STARLINK-1012"]),
        ("ISS", ["25544 ISS (ZARYA)", "49044 ISS (NAUKA)"]),
        ("unknown", ["is the name of 2 objects", "90001", "90002"]),
        ("HUBBLE", ["no object", "'HUBBLE'"]),
        ("1234567890", ["catalogue number"]),
    ],
)
def test_what_is_not_one_object_is_refused_with_the_choices(text: str, said: list[str]) -> None:
    with pytest.raises(CliError) as caught:
        choose_object(text, _named)
    assert caught.value.code is Exit.USAGE
    assert all(part in str(caught.value) for part in said)


def test_many_choices_are_cut_off_and_counted() -> None:
    with pytest.raises(CliError, match=r"1,000 objects") as caught:
        choose_object("LINK", lambda _: [(k, f"LINK-{k}", "") for k in range(1, 1001)])
    assert str(caught.value).splitlines()[-1] == "  … 980 more"


def test_an_object_may_be_given_twice_only_if_it_is_the_same() -> None:
    assert object_text("", " 25544 ") == object_text("25544", "") == object_text("25544", "25544") == "25544"
    with pytest.raises(CliError, match="two objects"):
        object_text("25544", "20580")


def test_days_and_ranges() -> None:
    assert parse_day("") is None
    assert days_in_range("2024-02-28..2024-03-01") == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    assert days_in_range("2024-11-01") == [date(2024, 11, 1)]
    assert parse_lead_days("0,2-4") == [0, 2, 3, 4]


@pytest.mark.parametrize(
    "text", ["20241101", "2024-W44-5", "2024-11-31", "1 Nov", "2024-11-1", "2024-11-01..", "..", ""]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="a day like 2024-11-01"):
        days_in_range(text)


@pytest.mark.parametrize("text", ["2024-11-02..2024-11-01", "1990-01-01..2024-11-01"])
def test_ranges_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(CliError) as caught:
        days_in_range(text)
    assert caught.value.code is Exit.USAGE


@pytest.mark.parametrize("text", ["", "7", "3-1", "a", "0-", "-1", "0,,1", "²"])
def test_lead_days_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(CliError, match="from 0 to 6"):
        parse_lead_days(text)


def test_version() -> None:
    assert ssa("--version") == (0, f"ssa {ssa_pipeline.__version__}\n", "")


def test_help_offers_completion_and_speaks_to_users() -> None:
    code, out, _ = ssa("--help")
    assert code == 0
    assert "--install-completion" in out
    assert "import" not in out


@pytest.mark.parametrize("command", ["why", "history", "ephemeris", "events", "aliases"])
def test_every_command_about_an_object_takes_it_alike(command: str) -> None:
    _, out, _ = ssa(command, "--help")
    assert "[OBJECT]" in out
    assert "--object" in out


def test_a_fault_of_the_program_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("ssa_pipeline.settings.read_settings", fail)
    code, _, errors = ssa("settings")
    assert code == Exit.FAILED
    assert errors.startswith("ssa: unexpected ZeroDivisionError at ")
    assert "by nothing" in errors
    assert "Traceback" not in errors


def test_the_command_line_starts_without_anything_heavy() -> None:
    heavy = ["numpy", "numba", "dagster", "psycopg", "sqlalchemy", "httpx", "matplotlib", "dotenv"]
    code = f"import sys, ssa_pipeline.cli as c; c._register_groups(); print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
