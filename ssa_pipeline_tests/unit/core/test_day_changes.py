"""What differs between two days, against plain Python twins and against what the definitions say."""

from __future__ import annotations

import numpy as np
import pytest

from ssa_pipeline.core.day_changes import EventChange, ObjectChange, event_changes, object_changes
from ssa_pipeline.core.records import ElementSets, Events
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.catalog_samples import with_fields
from ssa_pipeline_tests.shared.naive import naive_event_changes, naive_object_changes

SETS = slice_samples.element_sets(6)  # 15 revolutions a day
HALF_REVOLUTION_US = 86_400_000_000 / 30
S_US = 1_000_000


def events(rows: list[tuple[int, int, float, float]], event_class: str = "crossing", hold_s: float = 0.3) -> Events:
    """Encounters: rows of SETS, TCA in seconds, miss in km."""
    sample = slice_samples.events(SETS, [(one, two) for one, two, _, _ in rows])
    tca_us = np.array([round(tca_s * S_US) for _, _, tca_s, _ in rows], dtype=np.int64)
    fields = {
        "tca_us": tca_us,
        "miss_distance_km": np.array([miss for _, _, _, miss in rows], dtype=np.float64),
        "event_class": slice_samples.texts([event_class] * len(rows)),
        "start_us": tca_us - round(hold_s * S_US),
        "end_us": tca_us + round(hold_s * S_US),
    }
    return Events(**{**{name: getattr(sample, name) for name in Events.__dataclass_fields__}, **fields})


def changes(before: Events, after: Events, sets: ElementSets = SETS) -> list[tuple[str, int, int]]:
    found = event_changes(before, after, (sets, sets))
    return list(zip(map(str, found.change), found.row_before.tolist(), found.row_after.tolist(), strict=True))


@pytest.mark.parametrize(
    ("tca_s", "miss_km", "change"),
    [
        (1000.9, 1.9, EventChange.SAME),
        (998.9, 1.0, EventChange.CHANGED),
        (1000.0, 2.1, EventChange.CHANGED),
        (1000 + 0.99 * HALF_REVOLUTION_US / S_US, 1.0, EventChange.CHANGED),
        (1000 + 1.01 * HALF_REVOLUTION_US / S_US, 1.0, EventChange.GONE),
    ],
)
def test_one_encounter_moves(tca_s: float, miss_km: float, change: EventChange) -> None:
    found = changes(events([(0, 1, 1000.0, 1.0)]), events([(0, 1, tca_s, miss_km)]))
    if change == EventChange.GONE:
        assert found == [("gone", 0, -1), ("new", -1, 0)]
    else:
        assert found == [(change, 0, 0)]


def test_the_nearest_is_the_same_and_nothing_is_the_same_twice() -> None:
    before = events([(0, 1, 1000.0, 1.0), (0, 1, 1900.0, 1.0)])
    after = events([(0, 1, 1800.0, 1.0), (0, 2, 1000.0, 1.0)])
    assert changes(before, after) == [("gone", 0, -1), ("changed", 1, 0), ("new", -1, 1)]


def test_a_pair_that_stays_together_is_the_same_though_its_deepest_moment_moves() -> None:
    """Flat depths: TCA anywhere. The middle of the interval counts, within half of the longer one."""
    hold = 6 * 3600.0
    before, after = (events([(0, 1, 40_000.0, 1.0)], "persistent", hold) for _ in range(2))
    after = Events(**{**vars(after), "tca_us": after.tca_us + 20_000 * S_US})
    assert changes(before, after) == [("same", 0, 0)]
    moved = events([(0, 1, 40_000.0 + 0.9 * hold, 1.0)], "persistent", hold)
    assert changes(before, moved) == [("same", 0, 0)]
    assert changes(before, events([(0, 1, 40_000.0, 1.0)])) == [("changed", 0, 0)]  # another class
    assert changes(before, events([(0, 1, 40_000.0 + 1.1 * hold, 1.0)], "persistent", hold))[0] == ("gone", 0, -1)


def test_the_faster_object_of_the_pair_counts_and_unknown_ones_take_90_minutes() -> None:
    slow = with_fields(SETS, mean_motion_rev_per_day=np.array([15.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    before = events([(0, 1, 10_000.0, 1.0), (1, 2, 10_000.0, 1.0)])
    after = events([(0, 1, 20_000.0, 1.0), (1, 2, 20_000.0, 1.0)])
    assert [word for word, _, _ in changes(before, after, slow)] == ["gone", "changed", "new"]
    nobody = SETS.take(np.array([], dtype=np.int64))
    assert [w for w, _, _ in changes(events([(0, 1, 0.0, 1.0)]), events([(0, 1, 2690.0, 1.0)]), nobody)] == ["changed"]


def test_nothing_on_one_of_the_days() -> None:
    some, none = events([(0, 1, 1000.0, 1.0)]), events([])
    assert changes(some, none) == [("gone", 0, -1)]
    assert changes(none, some) == [("new", -1, 0)]
    assert changes(none, none) == []


@pytest.mark.parametrize("seed", range(20))
def test_event_changes_equal_their_twin(seed: int) -> None:
    random = np.random.default_rng(seed)

    def some(n: int) -> Events:
        pairs = [sorted(random.choice(6, 2, replace=False).tolist()) for _ in range(n)]
        slots = {(one, two, float(random.integers(0, 20) * 700)) for one, two in pairs}  # a pair meets once at a time
        rows = [(*slot, float(random.random() * 5)) for slot in sorted(slots)]
        n = len(rows)
        crossing, persistent = events(rows), events(rows, "persistent", 4000.0)
        is_persistent = random.random(n) < 0.3
        return Events(
            **{
                name: np.where(is_persistent, getattr(persistent, name), getattr(crossing, name))
                for name in Events.__dataclass_fields__
            }
        )

    before, after = some(int(random.integers(1, 40))), some(int(random.integers(1, 40)))
    assert sorted(changes(before, after)) == sorted(naive_event_changes(before, after, (SETS, SETS)))


def test_object_changes_equal_their_twin() -> None:
    random = np.random.default_rng(1)
    sets = slice_samples.element_sets(200)
    names = sets.object_name.copy()
    names[::7] = "OTHER"
    names[::21] = ""
    first = sets.take(np.flatnonzero(random.random(200) < 0.8))
    second = with_fields(sets, object_name=names).take(np.flatnonzero(random.random(200) < 0.8))
    jumped = sets.norad_id[random.random(200) < 0.1]
    found = object_changes(first, second, jumped)
    told = list(zip(map(str, found.change), found.norad_id.tolist(), strict=True))
    assert told == naive_object_changes(first, second, set(jumped.tolist()))
    assert {word for word, _ in told} == set(ObjectChange)
    for k, norad_id in enumerate(found.norad_id.tolist()):
        for rows, catalog in ((found.row_before, first), (found.row_after, second)):
            assert rows[k] == -1 or catalog.norad_id[rows[k]] == norad_id


def test_an_empty_catalogue_is_a_catalogue() -> None:
    empty, none = ElementSets.empty(), np.zeros(0, dtype=np.int64)
    numbers = SETS.norad_id.tolist()
    for before, after, change in ((empty, SETS, ObjectChange.APPEARED), (SETS, empty, ObjectChange.VANISHED)):
        found = object_changes(before, after, none)
        assert found.norad_id.tolist() == numbers
        assert found.change == [change] * len(SETS)
    assert object_changes(empty, empty, none).change == []
    assert changes(events([(0, 1, 100.0, 1.0)]), events([(0, 1, 100.0, 1.0)]), empty) == [("same", 0, 0)]
    assert changes(events([]), events([]), empty) == []
