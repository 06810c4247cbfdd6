"""Which object a user means: a catalogue number in any spelling, a name or a part of one, or a designator."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ssa_pipeline.messages.alpha5 import parse_catalog_number
from ssa_pipeline.settings import DatabaseUrl

_CHOICES_SHOWN = 20


class ObjectError(ValueError):
    """A text means no object, or several; the message names the choices."""


def object_in_database(url: DatabaseUrl, text: str) -> int:
    """The number of the object, asked of the database where it is no number. ObjectError."""

    def named(part: str) -> list[tuple[int, str, str]]:
        # `ssa screen` looks for objects too, and loads no database driver
        from ssa_pipeline.storage.questions.answers import objects_named

        return objects_named(url, part)

    return choose_object(text, named)


def choose_object(
    text: str, named: Callable[[str], Iterable[tuple[int, str, str]]], where: str = "received so far"
) -> int:
    """The number of the object that ``text`` means. ``named`` gives number, name and designator of those whose name
    holds it or whose designator it is. ObjectError where none or several match: with the choices."""
    try:
        return parse_catalog_number(text)
    except ValueError as error:
        if text.isdecimal():
            raise ObjectError(f"{text!r} is no catalogue number: {error}") from None
    found = sorted(set(named(text)))
    wanted = text.casefold()
    exact = [one for one in found if wanted in (one[1].casefold(), one[2].casefold())]
    chosen = exact or found
    numbers = {number for number, _, _ in chosen}
    if len(numbers) == 1:
        return numbers.pop()
    if not numbers:
        raise ObjectError(f"no object {where} is named {text!r}, and {text!r} is no catalogue number")
    how = "is the name of" if exact else "is part of the names of"
    lines = [f"  {number:>9} {name}" for number, name, _ in chosen[:_CHOICES_SHOWN]]
    if len(chosen) > _CHOICES_SHOWN:
        lines.append(f"  … {len(chosen) - _CHOICES_SHOWN:,} more")
    raise ObjectError("\n".join([f"{text!r} {how} {len(numbers):,} objects; give one's number:", *lines]))
