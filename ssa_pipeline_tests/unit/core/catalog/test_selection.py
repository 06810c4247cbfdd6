"""Several sources, supplemental sets and aliases: what is chosen, whatever the order of arrival."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssa_pipeline.core.catalog.aliases import find_aliases
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.records import Aliases, CleanCatalog
from ssa_pipeline.core.records import GP, SUPPLEMENTAL_GP, ElementSets, Receipts, RejectRule
from ssa_pipeline.core.screening.flagged_events import with_possible_duplicates
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.settings import SettingsError, read_settings
from ssa_pipeline.storage.slices.content_hash import content_hash
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.catalog_samples import DAY_1, DAY_2, in_both, later, receipts, two_days, with_fields

PRIORITY = ("space-track", "celestrak", "folder", "file")
ISS = 25544


def iss() -> ElementSets:
    sets = two_days()[1]
    return sets.take(sets.norad_id == ISS)


def chosen(*parts: tuple[ElementSets, Receipts], **options: Any) -> CleanCatalog:
    received = ElementSets.concat([sets for sets, _ in parts])
    came = Receipts.concat([came for _, came in parts])
    return clean_catalog(received, DAY_2, came, source_priority=PRIORITY, **options)


def from_sources(*sources: str) -> list[tuple[ElementSets, Receipts]]:
    """The ISS from each source, all of one epoch, with other mean anomalies: 0°, 0.001°, …"""
    return [
        (
            with_fields(iss(), mean_anomaly_deg=iss().mean_anomaly_deg + 0.001 * k, source_line=k + 1),
            receipts(1, source),
        )
        for k, source in enumerate(sources)
    ]


@pytest.mark.parametrize(
    ("sources", "first"),
    [
        (("celestrak", "space-track"), "space-track"),
        (("file", "folder", "celestrak"), "celestrak"),
        (("another", "file"), "file"),
        (("zebra", "another"), "another"),
        (("", "my file"), "my file"),
    ],
)
def test_of_one_epoch_the_source_named_first_is_used(sources: tuple[str, ...], first: str) -> None:
    parts = from_sources(*sources)
    if first not in PRIORITY:  # equal rank: the content decides, as among sets of one source
        first = str(clean_catalog(ElementSets.concat([s for s, _ in parts]), DAY_2).element_sets.source_line[0])
        first = sources[int(first) - 1]
    catalog = chosen(*parts)
    assert catalog.source.tolist() == [first]
    assert [record.rule for record in catalog.rejected] == [RejectRule.SUPERSEDED] * (len(sources) - 1)


def test_a_newer_epoch_comes_before_any_priority() -> None:
    catalog = chosen((iss(), receipts(1, "space-track")), (later(iss(), 0.1), receipts(1, "file")))
    assert catalog.source.tolist() == ["file"]


def test_formats_that_round_an_epoch_differently_do_not_decide() -> None:
    """A TLE's epoch ends in 864 µs, an OMM's in 1 µs."""
    rounded = replace(iss(), epoch_us=iss().epoch_us + 431)
    catalog = chosen((iss(), receipts(1, "space-track")), (rounded, receipts(1, "celestrak")))
    assert catalog.source.tolist() == ["space-track"]
    assert catalog.element_sets.epoch_us[0] == iss().epoch_us[0]


@pytest.mark.parametrize("before", [0.0, 1.0, 2.0, 3.0])
def test_a_set_corrected_without_a_new_epoch_takes_the_place_of_yesterdays(before: float) -> None:
    """CelesTrak's active and debris files did so with 433 objects from 16 to 17 August 2026."""
    yesterday = with_fields(iss(), mean_anomaly_deg=before, element_set_no=iss().element_set_no + 1)
    catalog = chosen((yesterday, receipts(1, day=DAY_1)), (iss(), receipts(1)))
    assert catalog.element_sets.mean_anomaly_deg[0] == iss().mean_anomaly_deg[0]
    assert catalog.received_day.tolist() == [DAY_2]


def test_an_orbit_that_somebody_reported_today_is_not_carried_over() -> None:
    yesterday = (iss(), receipts(1, "space-track", DAY_1))
    assert chosen(yesterday).flags.tolist() == ["carried_over"]
    catalog = chosen(yesterday, *from_sources("celestrak"))
    assert (catalog.source.tolist(), catalog.flags.tolist()) == (["space-track"], [""])


def test_what_was_too_far_ahead_when_it_came_is_not_used_when_its_time_comes() -> None:
    """Or one wrong epoch would win over every new set from a few days later on."""
    wrong = later(iss(), 15.2)
    came = wrong, receipts(1, "space-track", DAY_1)
    catalog = chosen(came, (iss(), receipts(1)))
    assert catalog.element_sets.epoch_us[0] == iss().epoch_us[0]
    (left,) = catalog.rejected
    assert left.rule is RejectRule.EPOCH_TOO_FAR_AHEAD
    assert "after 2026-08-17 00:00 UTC" in left.detail
    sent_again = chosen(came, (wrong, receipts(1, "celestrak")), (iss(), receipts(1)))
    assert sent_again.element_sets.epoch_us[0] == iss().epoch_us[0]  # there is one for the day
    assert {record.rule for record in sent_again.rejected} == {RejectRule.DUPLICATE}  # and history


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(["a", *PRIORITY]), st.integers(0, 2), st.integers(0, 2)), min_size=1), st.data()
)
def test_the_order_of_arrival_does_not_matter(reports: list[tuple[str, int, int]], data: st.DataObject) -> None:
    parts = [
        (
            with_fields(later(iss(), -0.5 * k), mean_anomaly_deg=float(m), source_line=line),
            receipts(1, source, (DAY_1, DAY_2)[k % 2], GP if m else SUPPLEMENTAL_GP),
        )
        for line, (source, k, m) in enumerate(reports, start=1)
    ]
    shuffled = data.draw(st.permutations(parts))
    options: dict[str, Any] = {"supplemental_max_age_days": 1.0}
    assert content_hash(chosen(*parts, **options)) == content_hash(chosen(*shuffled, **options))


def supplemental(days: float, norad_id: int = ISS) -> tuple[ElementSets, Receipts]:
    """A supplemental set of the ISS whose epoch lies some days after 00:00 of the day, with another anomaly."""
    sets = with_fields(iss(), epoch_us=day_start_us(DAY_2), norad_id=norad_id, mean_anomaly_deg=12.0)
    release = 100 + round(10 * days)  # several of one release would be segments
    return later(sets, days), receipts(1, "celestrak", kind=SUPPLEMENTAL_GP, snapshot_id=release)


def test_supplemental_sets_change_nothing_where_they_are_not_asked_for() -> None:
    gp = (iss(), receipts(1))
    catalog = chosen(gp, supplemental(0.5))
    alone = chosen(gp)
    assert content_hash(replace(catalog, rejected=[], rejected_snapshot_id=alone.rejected_snapshot_id)) == content_hash(
        alone
    )
    assert [(r.rule, r.detail) for r in catalog.rejected] == [
        (RejectRule.SUPPLEMENTAL_NOT_USED, "supplemental GP is off")
    ]


@pytest.mark.parametrize(("days", "is_used"), [(-1.5, False), (-0.9, True), (0.5, True), (1.0, False), (3.0, False)])
def test_a_supplemental_set_is_valid_from_its_limit_to_the_end_of_the_day(days: float, is_used: bool) -> None:
    catalog = chosen((iss(), receipts(1)), supplemental(days), supplemental_max_age_days=1.0)
    (flags,) = catalog.flags
    assert (flags == "supplemental") == is_used
    (left,) = catalog.rejected
    assert left.rule is (RejectRule.SUPERSEDED if is_used else RejectRule.SUPPLEMENTAL_NOT_USED)


def test_supplemental_sets_are_never_mixed_with_gp_by_epoch() -> None:
    """The newest valid of them is used although GP is newer, and GP stays as it is chosen without them."""
    newer_gp = later(iss(), 0.3)
    parts = [(newer_gp, receipts(1)), supplemental(-0.5), supplemental(0.2), supplemental(2.0)]
    catalog = chosen(*parts, supplemental_max_age_days=1.0)
    assert catalog.element_sets.epoch_us[0] == supplemental(0.2)[0].epoch_us[0]
    details = [record.detail for record in catalog.rejected]
    assert sum("takes its place" in detail for detail in details) == 1
    assert chosen(*parts).element_sets.epoch_us[0] == newer_gp.epoch_us[0]


def test_an_object_known_from_supplemental_sets_alone_is_used_and_a_decayed_one_is_not() -> None:
    catalog = chosen(supplemental(0.5, 799_501_299), supplemental_max_age_days=1.0)
    assert catalog.element_sets.norad_id.tolist() == [799_501_299]
    falling = with_fields(iss(), mean_motion_rev_per_day=16.4, bstar=0.01)
    catalog = chosen((later(falling, -5.0), receipts(1)), supplemental(0.5), supplemental_max_age_days=1.0)
    assert len(catalog.element_sets) == 0
    assert {record.rule for record in catalog.rejected} == {RejectRule.DECAYED, RejectRule.SUPPLEMENTAL_NOT_USED}


def test_an_analysts_number_and_the_final_one_are_one_object() -> None:
    """The analyst's set is the one of the day before, under another number; its pair is found among all others."""
    first, second = in_both()
    row = int(np.flatnonzero(second.object_name == "FENGYUN 1C DEB")[3])
    lent = with_fields(first.take(np.array([row])), norad_id=81_234, object_name="UNKNOWN", object_id="")
    aliases = find_aliases(ElementSets.concat([second, lent]), day_start_us(DAY_2))
    assert list(zip(aliases.norad_id_1, aliases.norad_id_2, strict=True)) == [(int(second.norad_id[row]), 81_234)]
    assert aliases.reason[0].startswith("the set of 81234 comes within 0.")


def test_numbers_of_the_catalogue_are_never_aliases_even_with_one_set() -> None:
    docked = with_fields(iss(), norad_id=49_044, object_name="ISS (NAUKA)")
    assert len(find_aliases(ElementSets.concat([iss(), docked]), day_start_us(DAY_2))) == 0
    lent = [with_fields(iss(), norad_id=norad_id) for norad_id in (81_234, 799_501_299)]
    assert len(find_aliases(ElementSets.concat(lent), day_start_us(DAY_2))) == 0
    near = with_fields(iss(), norad_id=81_234, mean_anomaly_deg=iss().mean_anomaly_deg + 0.5)  # 60 km ahead
    assert len(find_aliases(ElementSets.concat([iss(), near]), day_start_us(DAY_2))) == 0


def test_events_of_aliases_are_flagged() -> None:
    sets = slice_samples.element_sets(4)
    events = slice_samples.events(sets, [(0, 1), (1, 2), (0, 3)])
    aliases = slice_samples.clean_catalog(sets).aliases
    assert (aliases.norad_id_1.tolist(), aliases.norad_id_2.tolist()) == ([100], [101])
    before = events.flags.tolist()
    assert with_possible_duplicates(events, Aliases.empty()).flags.tolist() == before
    assert with_possible_duplicates(events, aliases).flags.tolist() == ["possible_duplicate", *before[1:]]
    again = with_possible_duplicates(
        replace(events, norad_id_1=events.norad_id_1[[1, 1, 0]], norad_id_2=np.array([1, 1, 101])), aliases
    )
    assert again.flags[2] == f"{before[2]} possible_duplicate"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SSA_SOURCE_PRIORITY", "celestrak,spacetrack", "'spacetrack' is no source; the sources are space-track, "),
        ("SSA_SOURCE_PRIORITY", "celestrak,celestrak", "names celestrak twice"),
        ("SSA_SUPPLEMENTAL_GP", "on", "neither off nor prefer"),
        ("SSA_SUPPLEMENTAL_MAX_AGE_DAYS", "-1", "below 0"),
    ],
)
def test_settings_that_cannot_be_used_are_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({name: value}).check()


def test_settings_of_the_choice() -> None:
    assert read_settings({}).source_priority == PRIORITY
    assert read_settings({"SSA_SOURCE_PRIORITY": "file, celestrak"}).source_priority == ("file", "celestrak")
    assert read_settings({"SSA_SUPPLEMENTAL_MAX_AGE_DAYS": "2"}).supplemental_max_age_days is None
    assert read_settings({"SSA_SUPPLEMENTAL_GP": "prefer"}).supplemental_max_age_days == 1.0
