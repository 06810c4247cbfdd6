"""Element lines as values of a JSON object or of columns of a CSV file. The lines are known by what they are; here is
what providers call them: ``tle1`` and ``tle2``, ``line1`` and ``line2``, ``TLE_LINE1`` and ``TLE_LINE2``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOT_A_LETTER = re.compile(r"[^A-Z0-9]")
_LINES = ({"TLELINE1", "TLELINE2"}, {"TLE1", "TLE2"}, {"LINE1", "LINE2"})
# The first of these that a record has is the object's name.
_NAMES = ("TLELINE0", "TLE0", "LINE0", "OBJECTNAME", "SATNAME", "SATELLITENAME", "COMMONNAME", "NAME")


def has_tle_names(names: Iterable[str]) -> bool:
    """Whether columns of these names hold both element lines."""
    plain = set(map(_plain, names))
    return any(lines <= plain for lines in _LINES)


def name_of(values: Iterable[tuple[str, str]]) -> str:
    """The object's name among (name, text) pairs, '' where there is none."""
    plain = {_plain(name): text for name, text in values}
    return next((plain[name].strip() for name in _NAMES if plain.get(name, "").strip()), "")


def _plain(name: str) -> str:
    return _NOT_A_LETTER.sub("", name.upper())
