"""What the catalogue of a day says about the element set that it uses for an object: words, declared here once."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import numpy as np

from ssa_pipeline.core.records import Events, Int64, Mask, Text


class ObjectFlag(StrEnum):
    """The words of ``CleanCatalog.flags``, in the order in which they are written (docs/catalog.md)."""

    CARRIED_OVER = "carried_over"
    SUPPLEMENTAL = "supplemental"
    FORWARD_EPOCH = "forward_epoch"
    SHARED_NUMBER = "shared_number"
    BAD_CHECKSUM = "bad_checksum"
    JUMP_MANOEUVRE = "jump_manoeuvre"
    JUMP_CROSS_TAG = "jump_cross_tag"
    ANALYST_ID_REUSED = "analyst_id_reused"
    SATCAT_PERIOD_DIFFERS = "satcat_period_differs"
    TRACKED_AFTER_DECAY = "tracked_after_decay"


MEANINGS = {
    ObjectFlag.CARRIED_OVER: "the set was received on an earlier day; the day brought none that is newer and usable",
    ObjectFlag.SUPPLEMENTAL: "a supplemental set, fitted to its operator's ephemeris, takes the place of the GP set",
    ObjectFlag.FORWARD_EPOCH: "the epoch lies after the end of the day, since the object has no other usable set",
    ObjectFlag.SHARED_NUMBER: "sets of other objects came under its number, and are not used",
    ObjectFlag.BAD_CHECKSUM: "a checksum of its TLE is wrong, which was accepted: a digit may be another",
    ObjectFlag.JUMP_MANOEUVRE: "the set does not continue the one before: probably the object manoeuvred in between",
    ObjectFlag.JUMP_CROSS_TAG: "the one before cannot have come onto this orbit: one of the two is of another object",
    ObjectFlag.ANALYST_ID_REUSED: "the number is lent to unidentified objects; the set before may have been another's",
    ObjectFlag.SATCAT_PERIOD_DIFFERS: "the SATCAT gives a period that differs by more than 3 %",
    ObjectFlag.TRACKED_AFTER_DECAY: "SATCAT, a decay or a TIP message says that it decayed before the set's epoch",
}
# The object's history begins anew with such a set.
HISTORY_CUTS = frozenset({ObjectFlag.JUMP_MANOEUVRE, ObjectFlag.JUMP_CROSS_TAG, ObjectFlag.ANALYST_ID_REUSED})


def flags_text(rows: dict[ObjectFlag, Mask], n: int) -> Text:
    """Blank-separated words per row, shape (n,), from a mask of shape (n,) per flag."""
    texts = np.full(n, "", dtype=object)
    for flag in ObjectFlag:
        if flag in rows:
            is_first = rows[flag] & (texts == "")
            is_next = rows[flag] & ~is_first
            texts[is_first] = str(flag)
            texts[is_next] += f" {flag}"
    return texts


def has_flag(flags: Text, flag: ObjectFlag) -> Mask:
    """Which rows have the word, shape (n,)."""
    return np.array([flag in text.split() for text in flags.tolist()], dtype=np.bool_)


def with_object_flags(events: Events, norad_id: Int64, flags: Text) -> Events:
    """The events with the flags of both their objects, as ``jump_manoeuvre_1`` and ``carried_over_2``: object 1's word
    with ``_1``, object 2's with ``_2``. ``norad_id``, ascending, and ``flags`` are a catalogue's; a word that an event
    has already is not repeated."""
    if not len(events) or not (flags != "").any():
        return events
    texts = events.flags.copy()
    for suffix, ids in (("_1", events.norad_id_1), ("_2", events.norad_id_2)):
        of_object = flags[np.searchsorted(norad_id, ids)]
        for row in np.flatnonzero(of_object != "").tolist():
            known = texts[row].split()
            known += [f"{word}{suffix}" for word in of_object[row].split() if f"{word}{suffix}" not in known]
            texts[row] = " ".join(known)
    return replace(events, flags=texts)
