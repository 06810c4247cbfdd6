"""Catalogue numbers as they are spelled at the edges: plain digits, or Alpha-5 (``T0001`` is 270001)."""

from __future__ import annotations

import re

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and no O: they look like 1 and 0
_DIGITS = re.compile(r"[0-9]{1,9}")
_ALPHA5 = re.compile(rf"([{_LETTERS}])([0-9]{{4}})")
ALPHA5_MAX = 339_999


def parse_catalog_number(text: str) -> int:
    """The number spelled by one to nine digits (blanks around them allowed) or by Alpha-5; ValueError says
    the rule and the text."""
    text = text.strip()
    if _DIGITS.fullmatch(text) and int(text) > 0:
        return int(text)
    if match := _ALPHA5.fullmatch(text):
        return (_LETTERS.index(match[1]) + 10) * 10_000 + int(match[2])
    raise ValueError(
        f"a catalogue number is 1 to 9 digits above zero, or Alpha-5 (a capital letter other than I and O, "
        f"then four digits), not {text!r}"
    )


def format_alpha5(norad_id: int) -> str:
    """Five characters, as in a TLE; ValueError where the number needs more than Alpha-5 can spell."""
    if not 0 < norad_id <= ALPHA5_MAX:
        raise ValueError(f"{norad_id} has no five-character spelling: Alpha-5 reaches from 1 to {ALPHA5_MAX}")
    if norad_id < 100_000:
        return f"{norad_id:05d}"
    return f"{_LETTERS[norad_id // 10_000 - 10]}{norad_id % 10_000:04d}"
