"""The closest events as people read them, and what may be claimed of them. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ssa_pipeline.core.outside_text import for_terminal
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline.core.time import format_utc

CLAIM = (
    "Complete with respect to the element sets used. Public element sets are good to about 1 km at epoch, growing "
    "by 1–3 km a day along track in low orbits and far more after a manoeuvre: a miss distance below that is a "
    "reason to look closer, not a measurement."
)
CLOSEST_HEAD = ("object 1", "object 2", "TCA (UTC)", "miss, km", "speed, km/s", "ages, days", "class")


def closest_rows(events: Events, names: Mapping[int, str], limit: int = 10) -> list[tuple[str, ...]]:
    """The ``limit`` closest events as text: object, object, TCA, miss, speed, ages, class.

    Crossings come first: docked and formation-flying pairs would fill every list with their constant presence.
    """
    keys = (
        events.norad_id_2,
        events.norad_id_1,
        events.tca_us,
        events.miss_distance_km,
        events.event_class != "crossing",
    )
    order = np.lexsort(keys)[:limit]
    return [
        (
            _object(int(events.norad_id_1[i]), names),
            _object(int(events.norad_id_2[i]), names),
            format_utc(int(events.tca_us[i]))[:-4] + "Z",
            f"{events.miss_distance_km[i]:.3f}",
            f"{events.relative_speed_km_s[i]:.3f}",
            f"{events.age_1_days[i]:.1f} / {events.age_2_days[i]:.1f}",
            str(events.event_class[i]),
        )
        for i in order.tolist()
    ]


def text_lines(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows in the order of CLOSEST_HEAD as lines of text below a head; the names, which may be long, come last."""
    yield f"{'TCA (UTC)':<24} {'miss km':>8} {'km/s':>7}  {'ages, days':<12} {'class':<11} objects"
    for first, second, tca, miss, speed, ages, name in rows:
        yield f"{tca:<24} {miss:>8} {speed:>7}  {ages:<12} {name:<11} {first} - {second}"


def _object(norad_id: int, names: Mapping[int, str]) -> str:
    return f"{norad_id} {for_terminal(names.get(norad_id, ''))}".strip()


def names_of(elements: ElementSets) -> dict[int, str]:
    """Catalogue number -> name."""
    return dict(zip(elements.norad_id.tolist(), elements.object_name.tolist(), strict=True))
