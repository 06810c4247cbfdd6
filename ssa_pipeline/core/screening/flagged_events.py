"""What the catalogue knows of the objects of an encounter, said on the encounter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssa_pipeline.core.catalog.records import Aliases, CleanCatalog
from ssa_pipeline.core.flags import HISTORY_CUTS, EventFlag, ObjectFlag, of_object, with_words
from ssa_pipeline.core.records import Events, Int64, Text


def flagged_events(events: Events, catalog: CleanCatalog, lead_day: int, end_us: int) -> Events:
    """The events of a lead day that ends at ``end_us``, with the flags of both objects, of numbers that look like one
    object, and of segments that hand over (docs/catalog.md)."""
    events = with_possible_duplicates(events, catalog.aliases)
    events = with_object_flags(events, catalog.element_sets.norad_id, _flags_on(catalog, lead_day))
    return with_handovers(events, catalog.handovers.objects(lead_day), catalog.handovers.objects(lead_day + 1), end_us)


# Words of the set used on the first lead day, not of its object.
_OF_FIRST_SET = {*HISTORY_CUTS, ObjectFlag.FORWARD_EPOCH}


def _flags_on(catalog: CleanCatalog, lead_day: int) -> Text:
    handovers = catalog.handovers
    flags = catalog.flags.copy()
    has_changed = np.isin(
        catalog.element_sets.norad_id, handovers.element_sets.norad_id[handovers.lead_day <= lead_day]
    )
    for row in np.flatnonzero(has_changed).tolist():
        flags[row] = " ".join(word for word in flags[row].split() if word not in _OF_FIRST_SET)
    return flags


def with_possible_duplicates(events: Events, aliases: Aliases) -> Events:
    """The events, those of alias pairs flagged ``possible_duplicate``."""
    pairs = set(zip(aliases.norad_id_1.tolist(), aliases.norad_id_2.tolist(), strict=True))
    ids = zip(events.norad_id_1.tolist(), events.norad_id_2.tolist(), strict=True)
    return with_words(events, ((row, EventFlag.POSSIBLE_DUPLICATE) for row, pair in enumerate(ids) if pair in pairs))


def with_object_flags(events: Events, norad_id: Int64, flags: Text) -> Events:
    """The events with the flags of both their objects, as ``jump_manoeuvre_1`` and ``carried_over_2``. ``norad_id``,
    ascending, and ``flags`` are those of a catalogue that has all the objects: shape (n,)."""

    def said() -> Iterator[tuple[int, str]]:
        for which, ids in _objects(events):
            of_objects = flags[np.searchsorted(norad_id, ids)]
            for row in np.flatnonzero(of_objects != "").tolist():
                yield from ((row, of_object(word, which)) for word in of_objects[row].split())

    return with_words(events, said())


def with_handovers(events: Events, handed_over: Int64, hands_over: Int64, end_us: int) -> Events:
    """The events of a lead day, flagged ``segment_handover_1``/``_2`` where the object is one of ``handed_over``, whose
    segment took over when the day began; and, where the encounter reaches the day's end, of ``hands_over``, whose
    segment gives way there."""
    reaches_end = events.end_us >= end_us

    def said() -> Iterator[tuple[int, str]]:
        for which, ids in _objects(events):
            is_flagged = np.isin(ids, handed_over) | (np.isin(ids, hands_over) & reaches_end)
            word = of_object(EventFlag.SEGMENT_HANDOVER, which)
            yield from ((row, word) for row in np.flatnonzero(is_flagged).tolist())

    return with_words(events, said())


def _objects(events: Events) -> tuple[tuple[int, Int64], tuple[int, Int64]]:
    return (1, events.norad_id_1), (2, events.norad_id_2)
