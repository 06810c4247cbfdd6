"""Which answers a process would give: runs go only to workers of the version that launched them."""

from __future__ import annotations

import hashlib
from functools import cache

from ssa_pipeline.settings import Settings
from ssa_pipeline.settings.installation import REPOSITORY

_SETTINGS = (
    "first_day",
    "threshold_km",
    "exclude_same_constellation",
    "max_age_days",
    "source_priority",
    "supplemental_max_age_days",
)  # those that answers depend on


def work_version(settings: Settings) -> str:
    """``1f0c2ab94d/77ab01``: digests of the code of this package and of the settings that answers depend on.
    SettingsError where one of those cannot be used."""
    values = repr([(name, getattr(settings, name)) for name in _SETTINGS])
    return f"{_code()}/{hashlib.sha256(values.encode()).hexdigest()[:6]}"


@cache  # the code that a process runs is that which it loaded
def _code() -> str:
    package = REPOSITORY / "ssa_pipeline"
    digest = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.sql")]):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:10]
