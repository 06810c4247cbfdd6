"""``settings.env`` in the home: settings that every shell sees alike. What the environment says wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssa_pipeline.settings.values import SettingsError

FILE_NAME = "settings.env"


@dataclass(frozen=True)
class SettingsFile:
    """Values by name, and the line each stands on; both empty where there is no file."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict, repr=False)  # passwords may be among them
    lines: Mapping[str, int] = field(default_factory=dict)


def read_settings_file(home: Path, known: Collection[str]) -> SettingsFile:
    """The file of a home: ``NAME=value`` lines as in any ``.env``, ``#`` begins a comment, nothing is expanded.
    SettingsError names file and line of what cannot be read or is none of the ``known`` settings."""
    path = home / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return SettingsFile(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no text file (UTF-8)") from None
    from io import StringIO

    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for entry in parse_stream(StringIO(text)):
        blank = len(entry.original.string) - len(entry.original.string.lstrip())
        line = entry.original.line + entry.original.string[:blank].count("\n")
        if entry.error or (entry.key is not None and entry.value is None):
            raise SettingsError(f"{path} line {line} is not like NAME=value")
        if entry.key is None or entry.value is None:
            continue  # a comment
        if entry.key == "SSA_HOME":
            raise SettingsError(f"{path} line {line}: SSA_HOME says where this file is; set it in the environment")
        if entry.key not in known:
            raise SettingsError(f"{path} line {line}: {entry.key} is no setting; `ssa settings` lists them")
        if entry.key in values:
            raise SettingsError(f"{path} line {line}: {entry.key} is on line {lines[entry.key]} already")
        values[entry.key], lines[entry.key] = entry.value, line
    return SettingsFile(path, values, lines)
