"""What comes from outside stays text, at every place where it leaves: one hostile name and message, followed to all."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console as PlainConsole

from ssa_pipeline.cli import printing
from ssa_pipeline.cli.console import Console
from ssa_pipeline.cli.events_csv import COLUMNS, SOCRATES_COLUMNS, EventsCsv
from ssa_pipeline.cli.terminal import text_stays_text
from ssa_pipeline.core import outside_text
from ssa_pipeline.core.outside_text import (
    for_chat,
    for_csv,
    for_json,
    for_markdown,
    for_terminal,
    from_csv,
    printable,
)
from ssa_pipeline.core.records import Events, RejectedRecord, RejectRule
from ssa_pipeline.defs.slices.describe import markdown_table, rejected_shown
from ssa_pipeline.defs.slices.pictures import as_markdown, histogram_png
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline.messages.catalog_write import write_catalog
from ssa_pipeline.storage.upkeep.alerts import Alert, DueAlert
from ssa_pipeline.use_cases import alerts
from ssa_pipeline.use_cases.closest import CLOSEST_HEAD, closest_rows, text_lines
from ssa_pipeline_tests.shared.command_line import ssa
from ssa_pipeline_tests.shared.omm_samples import CELESTRAK_CSV
from ssa_pipeline_tests.shared.slice_samples import element_sets, events

PACKAGE = Path(outside_text.__file__).resolve().parents[1]
MARKDOWN = "![y](/graphql?query=mutation{x})"
ANSI = "\x1b[2J\x9b31m\u202egnp.exe\u2069\r"
FORMULAS = ['=HYPERLINK("http://evil.example","ISS")', "@SUM(1+1)", "+1+1", "-1+1", "＝1+1", "'=1", "''@x"]
HOSTILE = f"{MARKDOWN}|<b>`x`</b>{ANSI}"


def is_visible(text: str) -> bool:
    """As Unicode tells it, which the module's own list must follow."""
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text if c != "\n")


# --- the functions -------------------------------------------------------------------------------------------


def test_every_invisible_character_of_unicode_is_shown_as_an_escape_and_no_visible_one() -> None:
    for code in range(sys.maxunicode + 1):
        character, category = chr(code), unicodedata.category(chr(code))
        shown = for_terminal(character)
        if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            assert shown == character.encode("unicode_escape").decode() or shown == f"\\x{code:02x}"
        elif category != "Cn":  # another version of Unicode may know it
            assert shown == character


def test_a_kept_name_has_no_character_that_is_not_printable() -> None:
    assert printable("a\x1b[2J\u202eb é") == "a\ufffd[2J\ufffdb é"


def test_what_is_harmless_stays_as_it_is() -> None:
    for name in ("ISS (ZARYA)", "COSMOS 2251 DEB", "CZ-6A DEB", "raw_tle_snapshots", "file.csv:12", "25544 ISS"):
        assert for_terminal(name) == for_markdown(name) == for_csv(name) == for_chat(name) == name
        assert json.loads(for_json({"name": name})) == {"name": name}


@pytest.mark.parametrize("text", [HOSTILE, MARKDOWN, "<img src=x>", "a`b``c", "`", "*x*", "_x_", "http://evil.example"])
def test_markdown_is_a_span_of_code_in_one_cell(text: str) -> None:
    shown = for_markdown(text)
    fence = re.match("`+", shown)
    assert fence is not None
    assert shown.endswith(fence[0])
    inner = shown[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inner)  # it ends where it ends
    assert re.search(r"(?<!\\)(\\\\)*\|", shown) is None
    assert is_visible(shown)


def test_a_bar_after_a_backslash_ends_no_cell() -> None:
    assert for_markdown("a\\|b") == "`a\\x5c\\|b`"


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "'", "''", "'x", "", "ISS", "=\u202e", "a=1", '"=1"'])
def test_a_cell_is_no_formula_and_reads_back(text: str) -> None:
    assert re.match(r"[=+\-@\t\r\n＝＋－＠]", for_csv(text)) is None
    assert from_csv(for_csv(text)) == text


def test_json_is_visible_and_reads_back() -> None:
    value = {"name": HOSTILE + "\U000e0041\x7f\n\t", "rows": [1.5, None, "é"]}
    assert is_visible(for_json(value))
    assert json.loads(for_json(value)) == value


def test_chat_is_a_block_of_code() -> None:
    shown = for_chat(f"{HOSTILE} <!channel> @here ```")
    assert shown.startswith("```\n")
    assert shown.endswith("\n```")
    assert "```" not in shown[3:-3]
    assert "<" not in shown
    assert is_visible(shown)


# --- where it leaves -----------------------------------------------------------------------------------------


def _events() -> Events:
    return replace(events(element_sets(2), [(0, 1)]), norad_id_1=np.array([5]), miss_r_km=np.array([-1.5]))


@pytest.mark.parametrize("columns", [COLUMNS, SOCRATES_COLUMNS])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_events_of_ssa_screen(columns: Any, name: str) -> None:
    out = io.StringIO()
    EventsCsv(out, {5: name, 25544: "ISS"}, columns).write(_events())
    head, row = csv.reader(io.StringIO(out.getvalue()))
    cells = dict(zip(head, row, strict=True))
    first = "name_1" if "name_1" in cells else "OBJECT_NAME_1"
    assert cells[first] == f"'{name}"
    assert not any(re.match("[=+@]", cell) for cell in cells.values())
    numbers = [float(cell) for cell in cells.values() if cell.startswith("-")]  # numbers stay numbers
    assert -1.5 in numbers or columns is SOCRATES_COLUMNS


def test_the_closest_encounters_on_the_terminal_and_in_the_ui() -> None:
    rows = closest_rows(_events(), {5: HOSTILE, 25544: "ISS"})
    assert all(is_visible(line) for line in text_lines(rows))
    table = markdown_table(CLOSEST_HEAD, rows)
    assert f"`5 {MARKDOWN}" not in table.replace("``", "")  # the fence is longer than what is inside
    _assert_inert(table)


def test_rejected_records_in_the_ui() -> None:
    record = RejectedRecord(f"{MARKDOWN}.csv", 3, RejectRule.MALFORMED, f"line {HOSTILE}", b"", 5, HOSTILE)
    _assert_inert(rejected_shown([record])["rejected_by_rule"].value)


def _assert_inert(table: str) -> None:
    """Outside of spans of code nothing of it is left."""
    assert is_visible(table)
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", table)
    assert not re.search(r"[!<>\[\]]|evil|mutation", bare), bare
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("name", [*FORMULAS, "\u202eSSI", "\x9b31m"])
@pytest.mark.parametrize("target", ["csv", "json", "xml", "kvn"])
def test_converted_files_read_back(name: str, target: str) -> None:
    sets = parse_catalog(CELESTRAK_CSV, "sample.csv").element_sets.take(np.arange(2))
    sets.object_name[0] = name
    written = write_catalog(sets, target, datetime(2026, 11, 30, tzinfo=UTC)).text
    again = parse_catalog(written.encode(), f"again.{target}").element_sets
    assert again.object_name[0] == name
    if target == "csv":
        assert {row["OBJECT_NAME"][0] for row in csv.DictReader(io.StringIO(written))} & set("=+-@＝") == set()


def test_rows_of_a_command_as_csv_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"name": FORMULAS[0], "miss": -1.5, "n": -2, "none": None},
        {"name": HOSTILE, "miss": 0.0, "n": 0, "none": None},
    ]
    with text_stays_text():
        printing.print_csv(rows, ("name", "miss", "n", "none"))
    shown = capsys.readouterr().out
    assert is_visible(shown)
    assert list(csv.reader(io.StringIO(shown)))[1] == [f"'{FORMULAS[0]}", "-1.5", "-2", ""]
    with text_stays_text():
        printing.print_json(printing.plain(rows))
    shown = capsys.readouterr().out
    assert is_visible(shown)
    assert json.loads(shown) == rows


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "--epoch-day", ANSI),
        ("convert", f"{ANSI}.csv", "-", "--to", "csv"),
        (f"{ANSI}",),
        ("screen", f"{ANSI}.csv", "--start", "2024-11-01T00:00:00Z", "--hours", "1", "--out", "-"),
    ],
)
def test_errors_that_quote_what_was_given(arguments: tuple[str, ...]) -> None:
    code, out, errors = ssa(*arguments)
    assert code
    assert is_visible(out + errors)
    assert "\\x1b" in out + errors


def test_a_refused_file_whose_lines_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "x.tle"
    path.write_text(f"1 25544U {ANSI}\n2 25544 \u202e\n0 NAME\u202e\n1 00005U\n")
    code, out, errors = ssa("convert", str(path), "-", "--to", "csv")
    assert code
    assert is_visible(out + errors)


def test_richs_console_shows_escapes_and_keeps_its_own() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200)
    console.print(f"[bold]title[/bold] {ANSI.rstrip()}", highlight=False)
    console.print(f"[red]{HOSTILE}", markup=False, highlight=False)
    assert "\x1b[1mtitle\x1b[0m" in out.getvalue()
    assert is_visible(re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()))
    assert "[red]" in out.getvalue()


def test_rich_writes_its_own_colours_past_the_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    with text_stays_text():
        PlainConsole(force_terminal=True).print("[bold]x[/bold]")
    assert capsys.readouterr().out == "\x1b[1mx\x1b[0m\n"


def test_alerts_in_log_database_mail_and_chat(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[Alert] = []
    monkeypatch.setattr(alerts, "append_alert", lambda _, alert, __: kept.append(alert) or True)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    alerts.raise_alert(None, Alert("k", "error", f"failed {HOSTILE}\nBcc: x@evil.example", f"a\n{HOSTILE}"), now)  # type: ignore[arg-type]
    assert is_visible(caplog.text)
    assert is_visible(kept[0].title + kept[0].text)
    assert "\n" not in kept[0].title
    due = DueAlert(1, kept[0], now, 2, [], 1)
    body, chat = alerts._body(due), alerts._chat(due)
    assert is_visible(body + chat)
    assert chat.startswith("```\n")
    assert "2 times since 2026-11-30" in body
    linked = replace(due, alert=replace(kept[0], run_url="http://ui/runs/1"))
    assert alerts._chat(linked).endswith("```\nhttp://ui/runs/1")  # ours, and a link


def test_titles_and_labels_of_pictures() -> None:
    png = histogram_png(np.array([1.0]), [0.0, 2.0], x_label=HOSTILE, y_label=HOSTILE)
    assert png[:4] == b"\x89PNG"
    _assert_inert(as_markdown(png, HOSTILE).split("\n\n")[0])


# --- nothing goes past them ----------------------------------------------------------------------------------


def _calls(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text()))
    return {ast.unparse(node.func) for node in found if isinstance(node, ast.Call)}


def test_nothing_writes_past_the_functions() -> None:
    """Whoever adds a place where text leaves is told here."""
    allowed = {
        "csv.writer": {"cli/printing.py", "cli/events_csv.py", "messages/omm_write.py"},
        "csv.DictWriter": {"cli/ephemeris.py"},  # holds no text from outside
        "MetadataValue.md": {
            *("defs/slices/describe.py", "defs/automation/fetching.py", "defs/housekeeping.py"),
            *("defs/slices/slice_stream.py", "defs/known_objects.py"),
            *("defs/assets/clean_catalog.py", "defs/assets/raw_tle_snapshots.py"),
        },
        "rich.console.Console": set(),
        "os.write": set(),
        "sys.__stdout__.write": set(),
    }
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        for call in _calls(path) & set(allowed):
            assert name in allowed[call], f"{name} calls {call}: see core/outside_text.py"
        if name.startswith("cli/") and name != "cli/console.py":
            assert "from rich.console import Console\n\n" not in path.read_text().partition("TYPE_CHECKING:")[2]


def test_the_program_itself_goes_through_the_terminal() -> None:
    code = "import sys; sys.argv = ['ssa', 'convert', '\\x1b[2J', 'x.csv']; from ssa_pipeline.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3
    assert "\x1b" not in done.stderr
    assert "\\x1b[2J" in done.stderr
