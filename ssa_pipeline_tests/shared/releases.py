"""The daily releases that the days of operations play: ten that lie beside the checkout, else the four bundled."""

from __future__ import annotations

from pathlib import Path

from ssa_pipeline.settings import REPOSITORY

TEN_DAYS = REPOSITORY.parent / "shared" / "data" / "releases"
BUNDLED = REPOSITORY / "data" / "releases"


def _releases() -> Path:
    return TEN_DAYS if TEN_DAYS.is_dir() else BUNDLED


def release_days() -> list[str]:
    return sorted(path.name for path in _releases().iterdir())


def release(day: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((_releases() / day).glob("*.tle.gz"))}


def described() -> str:
    days = release_days()
    where = TEN_DAYS if TEN_DAYS.is_dir() else f"the bundled ones; {TEN_DAYS} is not there"
    return f"releases of the days of operations: {len(days)}, {days[0]} to {days[-1]} ({where})"
