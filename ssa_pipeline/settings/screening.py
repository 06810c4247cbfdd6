"""Which element sets of a day are screened, and what is kept of the encounters."""

from __future__ import annotations

from collections.abc import Mapping

from ssa_pipeline.settings.values import SOURCES, SettingsError, names_of_sources, number


def read_exclude_same_constellation(env: Mapping[str, str]) -> bool:
    """SettingsError where it is neither off nor on."""
    choice = env.get("SSA_EXCLUDE_SAME_CONSTELLATION") or "off"
    if choice not in ("off", "on"):
        raise SettingsError(f"SSA_EXCLUDE_SAME_CONSTELLATION={choice!r} is neither off nor on")
    return choice == "on"


def read_source_priority(env: Mapping[str, str]) -> tuple[str, ...]:
    """Sources, the preferred first. SettingsError where one is none, or named twice."""
    return names_of_sources(env, "SSA_SOURCE_PRIORITY", ",".join(SOURCES))


def read_supplemental_max_age_days(env: Mapping[str, str]) -> float | None:
    """None: no supplemental set is used. SettingsError where it is neither off nor prefer, or the age no number."""
    choice = env.get("SSA_SUPPLEMENTAL_GP") or "off"
    if choice not in ("off", "prefer"):
        raise SettingsError(f"SSA_SUPPLEMENTAL_GP={choice!r} is neither off nor prefer")
    max_age_days = number(env, "SSA_SUPPLEMENTAL_MAX_AGE_DAYS", 1.0, minimum=0.0)
    return max_age_days if choice == "prefer" else None
