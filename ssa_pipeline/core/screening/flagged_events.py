"""What the catalogue knows of the objects of an encounter, said on the encounter."""

from __future__ import annotations

import numpy as np

from ssa_pipeline.core.catalog.aliases import with_possible_duplicates
from ssa_pipeline.core.catalog.object_flags import HISTORY_CUTS, ObjectFlag, with_object_flags
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.catalog.segments import with_handovers
from ssa_pipeline.core.records import Events, Text


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
