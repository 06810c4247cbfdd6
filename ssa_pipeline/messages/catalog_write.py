"""The door out: element sets as a catalogue file in any of FORMATS (docs/formats.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ssa_pipeline.core.records import ElementSets
from ssa_pipeline.messages.assembly import Fields
from ssa_pipeline.messages.omm_write import (
    CSV_HEAD,
    XML_FOOT,
    XML_HEAD,
    csv_row,
    json_object,
    kvn_message,
    xml_message,
)
from ssa_pipeline.messages.tle_write import UnrepresentableError, three_lines, two_lines

FORMATS = ("tle", "3le", "csv", "json", "xml", "kvn")
# What stands before, between and after the records.
_FRAMES = {
    "csv": (CSV_HEAD, "", ""),
    "json": ("[", ",\n", "]\n"),
    "xml": (XML_HEAD, "", XML_FOOT),
}


@dataclass(frozen=True)
class Unrepresentable:
    """A record that the format cannot hold, and where it came from."""

    source_file: str
    source_line: int
    norad_id: int
    object_name: str
    why: str


@dataclass
class Written:
    text: str = ""
    count: int = 0  # records in ``text``
    unrepresentable: list[Unrepresentable] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)  # field → records in which it lost digits or letters


def write_catalog(element_sets: ElementSets, target: str, created: datetime) -> Written:
    """All records in the format ``target``, one of FORMATS, in their order. What the format cannot hold is left out of
    the text and named. ``created`` (UTC) is the date that XML and KVN messages must bear."""
    written = Written()
    spell = _speller(target, created)
    texts = []
    for record, file, line in _records(element_sets):
        losses: Counter[str] = Counter()
        try:
            texts.append(spell(record, losses))
            written.losses += losses
        except UnrepresentableError as error:
            problem = Unrepresentable(file, line, record.norad_id, record.object_name, str(error))
            written.unrepresentable.append(problem)
    before, between, after = _FRAMES.get(target, ("", "", ""))
    written.text = before + between.join(texts) + after
    written.count = len(texts)
    return written


def _speller(target: str, created: datetime) -> Callable[[Fields, Counter[str]], str]:
    date = created.strftime("%Y-%m-%dT%H:%M:%S")
    spellers: dict[str, Callable[[Fields, Counter[str]], str]] = {
        "tle": two_lines,
        "3le": three_lines,
        "csv": lambda record, _: csv_row(record),
        "json": lambda record, _: json_object(record),
        "xml": lambda record, _: xml_message(record, date),
        "kvn": lambda record, _: kvn_message(record, date),
    }
    return spellers[target]


def _records(sets: ElementSets) -> Iterator[tuple[Fields, str, int]]:
    columns = (getattr(sets, name).tolist() for name in Fields._fields)
    rows = zip(*columns, strict=True)
    for row, file, line in zip(rows, sets.source_file.tolist(), sets.source_line.tolist(), strict=True):
        yield Fields(*row), file, line
