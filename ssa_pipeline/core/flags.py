"""The words that are said of element sets and of encounters, declared here once (docs/catalog.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

import numpy as np

from ssa_pipeline.core.records import Events, Mask, Text


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


class EventFlag(StrEnum):
    """The words of ``Events.flags`` of its own; ``core.records.Events`` says what they mean."""

    CONTINUES_BEFORE = "continues_before"
    PASSAGE_CONTINUES_BEFORE = "passage_continues_before"
    CONTINUES_AFTER = "continues_after"
    NO_MINIMUM = "no_minimum"
    TCA_AT_EDGE = "tca_at_edge"
    CONSTANT_RANGE = "constant_range"
    TCA_OUTSIDE_VOLUME = "tca_outside_volume"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    IDENTICAL_ELEMENTS = "identical_elements"
    # of one of the two objects (``of_object``), as the words of ObjectFlag:
    VALIDITY_ENDS = "validity_ends"
    FORWARD_EPOCH = "forward_epoch"
    LOW_PERIGEE = "low_perigee"
    REENTERING = "reentering"
    SEGMENT_HANDOVER = "segment_handover"


def of_object(word: str, which: int) -> str:
    """The word about object 1 or 2 of an event."""
    return f"{word}_{which}"


def with_words(events: Events, said: Iterable[tuple[int, str]]) -> Events:
    """The events with more words in their flags, in the order of ``said`` (row, word); none is said twice."""
    flags = events.flags.copy()
    for row, word in said:
        if word not in flags[row].split():
            flags[row] = f"{flags[row]} {word}".lstrip()
    return replace(events, flags=flags)
