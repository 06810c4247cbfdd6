"""The completeness gate's verdicts: on the bundled catalogue cut as real deliveries are cut, and at the limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from ssa_pipeline.core.catalog.completeness import FEW_OBJECTS, Release, Verdict, judge, object_types, release_of
from ssa_pipeline.core.catalog.satcat import ObjectType
from ssa_pipeline.core.orbits.mean_orbit import regimes
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets
from ssa_pipeline_tests.shared.catalog_samples import bundled
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY

TOMORROW = EPOCH_DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def sets() -> ElementSets:
    """All objects on orbit on 2024-11-01, in the order of the file."""
    return bundled()


@pytest.fixture(scope="module")
def yesterday(sets: ElementSets) -> Release:
    return release_of(sets, EPOCH_DAY)


@pytest.fixture(scope="module")
def today(sets: ElementSets) -> ElementSets:
    """The same objects a day later: 93 % of them with a new set, as on real days."""
    is_renewed = np.random.default_rng(5).random(len(sets)) < 0.93
    return replace(sets, epoch_us=sets.epoch_us + is_renewed * MICROSECONDS_PER_DAY)


def judged(cut: ElementSets, before: Release | None) -> Verdict:
    return judge(release_of(cut, TOMORROW), before)


def test_an_ordinary_day_is_open(today: ElementSets, yesterday: Release) -> None:
    """Ten releases of August 2026 lost at most 7 of 18,720 objects from one day to the next, 36 in nine days."""
    kept = np.random.default_rng(6).random(len(today)) > 0.002
    verdict = judged(today.take(kept), yesterday)
    assert not verdict.is_held
    assert verdict.reasons == (f"{kept.sum():,} objects, 99.8% of the 26,834 of 2024-11-01",)
    assert verdict.measures["missing"] == (~kept).sum()
    assert verdict.measures["new"] == 0
    assert 0.06 < verdict.measures["unchanged_share"] < 0.08


def _is_debris(sets: ElementSets) -> np.ndarray:
    return object_types(sets.object_name) == ObjectType.DEBRIS


@pytest.mark.parametrize(
    ("cut", "reasons"),
    [
        (lambda s: np.arange(len(s)) < 6, ["6 objects, 0.0% of the 26,834", "LEO", "GEO: 1,671 of 1,671", "DEBRIS"]),
        (lambda s: np.arange(len(s)) < len(s) // 2, ["13,417 objects, 50.0%", "13,417 of 26,834 are missing (50.0%"]),
        (lambda s: ~_is_debris(s), ["DEBRIS: 10,781 of 10,781 are missing (100.0%, at most 10% may be)"]),
        (_is_debris, ["PAYLOAD: 13,942 of 13,942", "GEO:"]),
        (lambda s: regimes(s) != "GEO", ["GEO: 1,671 of 1,671 are missing"]),
        (lambda s: regimes(s) != "beyond GEO", ["beyond GEO: 12 of 12 are missing"]),
    ],
    ids=["six objects", "cut off half way", "debris file missing", "only debris came", "no GEO", "none beyond GEO"],
)
def test_partial_releases_are_held_with_every_reason(
    today: ElementSets,
    yesterday: Release,
    cut: Callable[[ElementSets], np.ndarray],
    reasons: list[str],
) -> None:
    verdict = judged(today.take(cut(today)), yesterday)
    assert verdict.is_held
    for reason in reasons:
        assert any(reason in said for said in verdict.reasons), verdict.reasons


def test_the_file_of_yesterday_served_again_is_old_and_not_partial(sets: ElementSets, yesterday: Release) -> None:
    verdict = judged(sets, yesterday)
    assert not verdict.is_held
    (said,) = verdict.reasons
    assert said.startswith("old: 100.0% of the sets are those of 2024-11-01")
    measures = verdict.measures
    assert measures["median_age_days"] == pytest.approx(measures["median_age_days_before"] + 1, abs=0.002)


def test_the_first_release_ever_is_open_with_a_note(today: ElementSets) -> None:
    verdict = judged(today.take(np.arange(6)), None)
    assert not verdict.is_held
    assert verdict.reasons == ("6 objects; there is no trusted release of the 30 days before to compare with",)


def test_a_whole_release_after_a_partial_one_is_open(today: ElementSets) -> None:
    """A first release that was partial (here only debris) must not hold up the whole one."""
    assert not judged(today, release_of(today.take(_is_debris(today)), EPOCH_DAY)).is_held


def test_more_objects_than_before_do_not_excuse_a_missing_belt(today: ElementSets, yesterday: Release) -> None:
    is_geo = regimes(today) == "GEO"
    unknown = today.take(np.flatnonzero(~is_geo)[: 2 * is_geo.sum()])
    unknown = replace(unknown, norad_id=unknown.norad_id + 900_000)
    verdict = judged(ElementSets.concat([today.take(~is_geo), unknown]), yesterday)
    assert verdict.measures["objects"] > len(yesterday)
    assert verdict.is_held


def test_new_objects_do_not_make_up_for_missing_ones(today: ElementSets, yesterday: Release) -> None:
    is_geo = regimes(today) == "GEO"
    unknown = today.take(np.flatnonzero(~is_geo)[: is_geo.sum()])
    unknown = replace(unknown, norad_id=unknown.norad_id + 900_000)
    verdict = judged(ElementSets.concat([today.take(~is_geo), unknown]), yesterday)
    assert verdict.measures["objects"] == len(yesterday)
    assert verdict.is_held


def test_nothing_usable_is_held_even_on_the_first_day() -> None:
    verdict = judged(ElementSets.empty(), None)
    assert verdict.is_held
    assert verdict.reasons == ("no usable GP element set was received; a catalogue has at least one",)


@pytest.mark.parametrize(
    ("n_before", "n_missing", "is_held"),
    [
        (10_000, 300, False),
        (10_000, 301, True),  # 3 % of all
        (100, FEW_OBJECTS, False),
        (100, FEW_OBJECTS + 1, True),
        (5, 4, False),  # a handful may be gone by tomorrow
    ],
)
def test_limits_of_the_whole(n_before: int, n_missing: int, is_held: bool) -> None:
    before = _made_up(n_before, EPOCH_DAY)
    assert judge(_rows(before, slice(n_missing, None)), before).is_held is is_held


@pytest.mark.parametrize(("n_missing", "is_held"), [(20, False), (21, True)])
def test_limit_of_a_group(n_missing: int, is_held: bool) -> None:
    """200 objects of a regime of their own in 10,000: at most a tenth of them may be missing."""
    regime = np.array(["HEO"] * 200 + ["LEO"] * 9_800, dtype=object)
    before = replace(_made_up(10_000, EPOCH_DAY), regime=regime)
    assert judge(_rows(before, slice(n_missing, None)), before).is_held is is_held


def test_many_small_losses_are_not_each_the_measure_of_the_next() -> None:
    """Of the issue: five releases, each 2.9 % smaller than the one before, 14,386 objects to 12,420. Each passed."""
    whole = _made_up(14_386, EPOCH_DAY)
    releases = [whole]
    for day in range(1, 6):
        last = releases[-1]
        kept = _rows(last, slice(round(0.029 * len(last)), None))
        releases.append(replace(kept, epoch_day=EPOCH_DAY + timedelta(days=day)))
    assert [len(release) for release in releases][-1] == pytest.approx(12_420, abs=5)
    for before, today in pairwise(releases):
        assert not judge(today, before).is_held  # by the newest alone
    assert [judge(today, before, whole).is_held for before, today in pairwise(releases)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    verdict = judge(releases[2], releases[1], whole)
    assert verdict.reasons[0].startswith("the largest of the last 30 days: 13,5")
    assert "(5.7%, at most 3% may be)" in verdict.reasons[0]
    assert verdict.measures["largest"]["missing"] == len(whole) - len(releases[2])


@pytest.mark.parametrize(("n_lost", "is_held"), [(300, False), (301, True)])
def test_what_would_be_carried_over_is_counted(n_lost: int, is_held: bool) -> None:
    """Objects go while as many new ones come: neither the newest nor the largest release lacks much."""
    before = _made_up(10_000, EPOCH_DAY)
    in_use = np.concatenate([before.norad_id, 50_000 + np.arange(n_lost)])[n_lost:]
    verdict = judge(_rows(before, slice(None)), before, before, in_use)
    assert verdict.measures["carried_over"] == n_lost
    assert verdict.is_held is is_held
    said = f"of 10,000 objects in use {n_lost:,} (3.0%, at most 3% may be) would be carried over from days before"
    assert (said in verdict.reasons) is is_held


def test_every_reception_of_a_day_counts_once_with_its_newest_set(today: ElementSets, sets: ElementSets) -> None:
    both = ElementSets.concat([today, sets])
    shuffled = both.take(np.random.default_rng(7).permutation(len(both)))
    release = release_of(shuffled, TOMORROW)
    newest = {int(i): int(t) for i, t in zip(today.norad_id, today.epoch_us, strict=True)}
    assert dict(zip(release.norad_id.tolist(), release.epoch_us.tolist(), strict=True)) == newest
    assert (np.diff(release.norad_id) > 0).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FENGYUN 1C DEB", ObjectType.DEBRIS),
        ("DELTA 2 R/B(1)", ObjectType.ROCKET_BODY),
        ("SL-16 R/B", ObjectType.ROCKET_BODY),
        ("CZ-6A DEB", ObjectType.DEBRIS),
        ("ARIANE 44L+ R/B DEB", ObjectType.DEBRIS),
        ("DEBUT (ORIZURU)", ObjectType.PAYLOAD),
        ("ISS (ZARYA)", ObjectType.PAYLOAD),
        ("", ObjectType.PAYLOAD),
    ],
)
def test_types_by_name(name: str, kind: ObjectType) -> None:
    assert object_types(np.array([name], dtype=object)).tolist() == [kind]


def _made_up(n: int, day: date) -> Release:
    return Release(
        day,
        np.arange(n),
        np.full(n, 1_730_000_000_000_000),
        np.full(n, "LEO", dtype=object),
        np.full(n, "PAYLOAD", dtype=object),
    )


def _rows(release: Release, rows: slice) -> Release:
    return Release(
        TOMORROW,
        release.norad_id[rows],
        release.epoch_us[rows] + MICROSECONDS_PER_DAY,
        release.regime[rows],
        release.object_type[rows],
    )
