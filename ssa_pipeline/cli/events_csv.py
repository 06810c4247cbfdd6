"""The contract of events.csv (docs/events-csv.md): its columns, their order and spelling."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from typing import TextIO

import numpy as np

from ssa_pipeline.core.outside_text import for_csv
from ssa_pipeline.core.records import Events, Float64, Int64, Text
from ssa_pipeline.core.time import format_utc_array

ROWS_PER_BLOCK = 1024  # as text a week of events would take more memory than screening it
Column = Callable[[Events, Mapping[int, str]], list[str]]


def _integer(field: str) -> Column:
    return lambda events, _: [str(value) for value in getattr(events, field).tolist()]


def _fixed(field: str, decimals: int) -> Column:
    def spell(events: Events, _: Mapping[int, str]) -> list[str]:
        values: Float64 = np.round(getattr(events, field), decimals) + 0.0  # no minus zero
        return [f"{value:.{decimals}f}" for value in values.tolist()]

    return spell


def _number(field: str) -> Column:
    """Nine decimals: micrometres for km, 0.1 ms for days."""
    return _fixed(field, 9)


def _time(field: str) -> Column:
    def spell(events: Events, _: Mapping[int, str]) -> list[str]:
        values: Int64 = getattr(events, field)
        return format_utc_array(values)

    return spell


def _name(field: str) -> Column:
    return lambda events, names: [for_csv(names.get(norad_id, "")) for norad_id in getattr(events, field).tolist()]


def _text(field: str) -> Column:
    def spell(events: Events, _: Mapping[int, str]) -> list[str]:
        values: Text = getattr(events, field)
        return [str(value) for value in values.tolist()]

    return spell


COLUMNS: dict[str, Column] = {
    "norad_id_1": _integer("norad_id_1"),
    "norad_id_2": _integer("norad_id_2"),
    "name_1": _name("norad_id_1"),
    "name_2": _name("norad_id_2"),
    "tca_utc": _time("tca_us"),
    "miss_distance_km": _number("miss_distance_km"),
    "relative_speed_km_s": _number("relative_speed_km_s"),
    "miss_r_km": _number("miss_r_km"),
    "miss_t_km": _number("miss_t_km"),
    "miss_n_km": _number("miss_n_km"),
    "age_1_days": _number("age_1_days"),
    "age_2_days": _number("age_2_days"),
    "epoch_1": _time("epoch_1_us"),
    "epoch_2": _time("epoch_2_us"),
    "event_class": _text("event_class"),
    "start_utc": _time("start_us"),
    "end_utc": _time("end_us"),
    "n_minima": _integer("n_minima"),
    "flags": _text("flags"),
    "relative_velocity_r_km_s": _number("relative_velocity_r_km_s"),
    "relative_velocity_t_km_s": _number("relative_velocity_t_km_s"),
    "relative_velocity_n_km_s": _number("relative_velocity_n_km_s"),
    "approach_angle_deg": _number("approach_angle_deg"),
    "below_threshold_s": _fixed("below_threshold_s", 6),
    "n_passages": _integer("n_passages"),
}


def _socrates_time(field: str) -> Column:
    """``2024-11-01 06:00:00.123``, the nearest millisecond."""

    def spell(events: Events, _: Mapping[int, str]) -> list[str]:
        values: Int64 = (getattr(events, field) + 500) // 1000 * 1000
        return [text[:23].replace("T", " ") for text in format_utc_array(values)]

    return spell


def _nothing(events: Events, _: Mapping[int, str]) -> list[str]:
    return [""] * len(events)


# The fields of https://celestrak.org/SOCRATES/socrates-format.php, spelled as in its files.
SOCRATES_COLUMNS: dict[str, Column] = {
    "NORAD_CAT_ID_1": _integer("norad_id_1"),
    "OBJECT_NAME_1": _name("norad_id_1"),
    "DSE_1": _fixed("age_1_days", 3),
    "NORAD_CAT_ID_2": _integer("norad_id_2"),
    "OBJECT_NAME_2": _name("norad_id_2"),
    "DSE_2": _fixed("age_2_days", 3),
    "TCA": _socrates_time("tca_us"),
    "TCA_RANGE": _fixed("miss_distance_km", 3),
    "TCA_RELATIVE_SPEED": _fixed("relative_speed_km_s", 3),
    "MAX_PROB": _nothing,
    "DILUTION": _nothing,
}


class EventsCsv:
    """The header, written at once, and one row per event; ``names`` by catalogue number."""

    def __init__(self, stream: TextIO, names: Mapping[int, str], columns: Mapping[str, Column] = COLUMNS) -> None:
        self._names = names
        self._columns = columns
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, events: Events) -> None:
        """Rows sorted by TCA, then ids."""
        order = np.lexsort((events.norad_id_2, events.norad_id_1, events.tca_us))
        for start in range(0, len(order), ROWS_PER_BLOCK):
            block = events.take(order[start : start + ROWS_PER_BLOCK])
            self._writer.writerows(zip(*(spell(block, self._names) for spell in self._columns.values()), strict=True))
