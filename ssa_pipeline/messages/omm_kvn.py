"""OMM as KVN, keyword = value notation (CCSDS 502.0-B-3 sections 4 and 7): messages one after the other, each of which
begins with CCSDS_OMM_VERS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ssa_pipeline.core.records import RejectRule
from ssa_pipeline.messages.assembly import Assembly, Lines, RecordError, has_control_characters, split_lines
from ssa_pipeline.messages.omm_fields import (
    KEYWORDS,
    NUMERIC,
    UNITS,
    add_record,
    check_unit,
)

LOOKS_LIKE_KVN = re.compile(rb"(?:\A|[\r\n])[ \t]*(?:CCSDS_OMM_VERS|EPOCH|MEAN_MOTION|NORAD_CAT_ID)[ \t]*=")
OTHER_MESSAGE = re.compile(rb"(?:COMMENT[^\r\n]*[\r\n]\s*)*CCSDS_(?!OMM)([A-Z]{2,4})_VERS\s*=")

_BEGINS = re.compile(r"\s*CCSDS_([A-Za-z]+)_VERS\s*=")
_GLUED = re.compile(r"(?<=[^\sA-Za-z_])CCSDS_OMM_VERS\s*=")
_LINE = re.compile(r"\s*([A-Za-z0-9_]+)\s*=\s*(.*)")
_COMMENT = re.compile(r"\s*COMMENT(?:\s|\Z)")
_NUMBER_AND_UNIT = re.compile(r"([^\[\]]*)\[([^\[\]]*)\]")
_LAST = NUMERIC[-2:]  # the derivatives, at the end of the standard's order and not required


@dataclass
class _Message:
    """What has been read of a message, and what was wrong with it first."""

    kind: str = ""  # OMM, or what else CCSDS_…_VERS says; '' before the first
    values: list[tuple[str, str]] = field(default_factory=list)
    first_line: int = 0
    last_line: int = 0
    error: RecordError | None = None

    def lacks(self, name: str) -> bool:
        return name not in dict(self.values)


def read_omm_kvn(assembly: Assembly) -> None:
    """All messages of a KVN file; comments and keywords that are not read here are skipped."""
    lines = split_lines(assembly.data)
    reader = _Reader(assembly, lines)
    for line_no, line in enumerate(lines.texts, start=1):
        if line:
            reader.feed(line, line_no)
    reader.end()


@dataclass
class _Reader:
    assembly: Assembly
    lines: Lines
    _message: _Message = field(default_factory=_Message)
    _before: _Message = field(default_factory=_Message)

    def feed(self, line: str, line_no: int) -> None:
        if "CCSDS_" in line:
            glued = _GLUED.search(line)
            if glued and not _COMMENT.match(line):  # the file before has no line end
                self.feed(line[: glued.start()], line_no)
                line = line[glued.start() :]
        if "CCSDS_" in line and (begins := _BEGINS.match(line)):
            self._close()
            self._message = _Message(kind=begins[1].upper())
        message = self._message
        message.first_line = message.first_line or line_no
        message.last_line = line_no
        try:
            message.values += _read_line(line)
        except RecordError as error:
            message.error = message.error or error

    def end(self) -> None:
        """Close the last message, which a cut may have robbed of digits or of its last lines."""
        lost = [name for name in _LAST if self._message.lacks(name) and self._before.values]
        if any(not self._before.lacks(name) for name in lost):
            self._is_cut_off(f"{lost[0]} is missing, the message before has it")
        last_line = self.lines.texts[-1] if self.lines.texts else ""
        if last_line and not self.assembly.data.endswith((b"\n", b"\r")):
            keyword = last_line.partition("=")[0].strip().upper()
            if keyword in KEYWORDS and keyword != _LAST[-1]:
                self._is_cut_off(f"the file ends within the line of {keyword}")
        self._close()

    def _is_cut_off(self, why: str) -> None:
        self._message.error = self._message.error or RecordError(RejectRule.MALFORMED, f"cut off: {why}")

    def _close(self) -> None:
        message = self._message
        if not message.kind and not message.values and message.error is None:
            return  # nothing, or comments before the first message
        if message.kind not in ("", "OMM"):
            detail = f"a CCSDS {message.kind} is no OMM: it has no mean elements"
            message.error = RecordError(RejectRule.MALFORMED, detail)
        add_record(self.assembly, self.lines.span(message.first_line, message.last_line), message.values, message.error)
        self._before = message


def _read_line(line: str) -> list[tuple[str, str]]:
    """The (keyword, text) of a line, nothing where it is not read here; RecordError where it is no such line."""
    if has_control_characters(line):
        raise RecordError(RejectRule.MALFORMED, f"control characters in {line!r}")
    match = _LINE.fullmatch(line)
    if match is None:
        if _COMMENT.match(line):
            return []
        raise RecordError(RejectRule.MALFORMED, f"{line!r} is not keyword = value")
    name, text = match[1].upper(), match[2]
    if name not in KEYWORDS:
        return []
    if name in UNITS and (with_unit := _NUMBER_AND_UNIT.fullmatch(text)):
        check_unit(name, with_unit[2])
        text = with_unit[1]
    return [(name, text)]
