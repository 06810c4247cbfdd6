"""Which element set of an object is used, and by which rule every other is set apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.faults import without_usable_set
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.orbits.mean_orbit import perigee_altitude_km
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Receipts, RejectRule
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared.catalog_samples import bundled
from ssa_pipeline_tests.shared.naive import satrec
from ssa_pipeline_tests.shared.places import DATA

DAY = date(2024, 11, 1)


def _real() -> ElementSets:
    return parse_catalog((DATA / "celestrak_omm_20241101.csv").read_bytes(), "omm.csv").element_sets


def _sets(*rows: dict[str, object]) -> ElementSets:
    """The real ISS of the slice, once per row, with fields changed; epoch_days is relative to the epoch day."""
    real = _real()
    iss = real.take(real.norad_id == 25544)
    parts = []
    for line, row in enumerate(rows, start=2):
        fields = {"source_line": line, **row}
        if "epoch_days" in fields:
            days = fields.pop("epoch_days")
            assert isinstance(days, float | int)
            fields["epoch_us"] = day_start_us(DAY) + round(days * MICROSECONDS_PER_DAY)
        changed = {name: np.array([value], dtype=getattr(iss, name).dtype) for name, value in fields.items()}
        parts.append(replace(iss, **changed))
    return ElementSets.concat(parts)


def _rules(catalog: CleanCatalog) -> dict[int, RejectRule]:
    """Rule by source line."""
    return {record.source_line: record.rule for record in catalog.rejected}


def test_the_newest_set_of_an_object_is_used() -> None:
    catalog = clean_catalog(_sets({"epoch_days": -2}, {"epoch_days": -0.5}, {"epoch_days": -1}), DAY)
    assert catalog.element_sets.source_line.tolist() == [3]
    assert catalog.age_days.tolist() == [0.5]
    assert _rules(catalog) == {2: RejectRule.SUPERSEDED, 4: RejectRule.SUPERSEDED}
    assert "2024-10-31T12:00:00.000000Z comes first" in catalog.rejected[0].detail
    assert {(r.norad_id, r.source_file, r.object_name) for r in catalog.rejected} == {(25544, "omm.csv", "ISS (ZARYA)")}


def test_objects_are_sorted_by_number_and_occur_once() -> None:
    catalog = clean_catalog(_real(), DAY)
    assert np.all(np.diff(catalog.element_sets.norad_id) > 0)


@pytest.mark.parametrize(
    ("epoch_days", "is_used", "is_forward"),
    [
        (-30, True, False),
        (-30.001, False, False),
        (0, True, False),
        (0.999, True, False),
        (1, True, True),
        (15, True, True),
        (15.001, False, False),
    ],
)
def test_ages_are_measured_at_the_beginning_of_the_day(epoch_days: float, is_used: bool, is_forward: bool) -> None:
    catalog = clean_catalog(_sets({"epoch_days": epoch_days}), DAY)
    assert len(catalog.element_sets) == is_used
    if is_used:
        assert catalog.age_days[0] == pytest.approx(-epoch_days)
        assert bool(catalog.is_forward_epoch[0]) is is_forward
    else:
        rule = RejectRule.STALE if epoch_days < 0 else RejectRule.EPOCH_TOO_FAR_AHEAD
        assert _rules(catalog) == {2: rule}


def test_an_infinite_age_limit_keeps_everything_that_still_flies() -> None:
    high = {"epoch_days": -4000, "mean_motion_rev_per_day": 1.0027, "inclination_deg": 10.0}
    assert len(clean_catalog(_sets(high), DAY, max_age_days=float("inf")).element_sets) == 1
    assert _rules(clean_catalog(_sets(high), DAY)) == {2: RejectRule.STALE}


def test_too_far_ahead_gives_way_to_the_next() -> None:
    catalog = clean_catalog(_sets({"epoch_days": 16}, {"epoch_days": -1}), DAY)
    assert catalog.element_sets.source_line.tolist() == [3]
    assert _rules(catalog) == {2: RejectRule.EPOCH_TOO_FAR_AHEAD}


def test_all_of_a_stale_object_are_accounted_for() -> None:
    catalog = clean_catalog(_sets({"epoch_days": -50}, {"epoch_days": -40}), DAY)
    assert len(catalog.element_sets) == 0
    assert _rules(catalog) == {3: RejectRule.STALE, 2: RejectRule.SUPERSEDED}


def test_equal_content_is_counted_once_whatever_the_name() -> None:
    catalog = clean_catalog(_sets({"object_name": ""}, {}, {"object_name": "ZARYA"}), DAY)
    assert catalog.element_sets.object_name.tolist() == ["ISS (ZARYA)"]  # a name before none, then the first
    assert _rules(catalog) == {2: RejectRule.DUPLICATE, 4: RejectRule.DUPLICATE}


def test_equal_epochs_with_other_content_go_by_set_number_whatever_the_order() -> None:
    rows = [{"element_set_no": 7, "bstar": 1e-4}, {"element_set_no": 9, "bstar": 2e-4}, {"element_set_no": 8}]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        catalog = clean_catalog(_sets(*(rows[i] for i in order)), DAY)
        assert catalog.element_sets.element_set_no.tolist() == [9]
        assert Counter(_rules(catalog).values()) == {RejectRule.SUPERSEDED: 2}


def test_the_choice_does_not_depend_on_the_order_of_arrival() -> None:
    rng = np.random.default_rng(20241101)
    older = replace(_real(), epoch_us=_real().epoch_us - rng.integers(-1, 2, len(_real())) * 3_600_000_000)
    other = replace(_real(), bstar=_real().bstar + rng.integers(0, 2, len(_real())) * 1e-6)
    received = ElementSets.concat([_real(), older, other])
    first = clean_catalog(received, DAY)
    for _ in range(3):
        again = clean_catalog(received.take(rng.permutation(len(received))), DAY)
        for name in ElementSets.__dataclass_fields__:
            assert getattr(again.element_sets, name).tolist() == getattr(first.element_sets, name).tolist()
        assert sorted(map(str, again.rejected)) == sorted(map(str, first.rejected))


def test_a_perigee_below_the_surface_gives_way_to_an_older_good_set() -> None:
    catalog = clean_catalog(_sets({"epoch_days": -1, "eccentricity": 0.2}, {"epoch_days": -3}), DAY)
    assert catalog.element_sets.source_line.tolist() == [3]
    assert _rules(catalog) == {2: RejectRule.PERIGEE_BELOW_SURFACE}
    assert "km below the equatorial radius" in catalog.rejected[0].detail


def test_an_object_with_nothing_but_broken_sets_is_not_used() -> None:
    catalog = clean_catalog(_sets({"epoch_days": -1, "eccentricity": 0.2}, {"eccentricity": 0.3}), DAY)
    assert len(catalog.element_sets) == 0
    assert Counter(_rules(catalog).values()) == {RejectRule.PERIGEE_BELOW_SURFACE: 2}


SGP4_CANNOT_START = {  # found by random search: perigee 293 km up, but lunar terms make the eccentricity exceed 1
    "mean_motion_rev_per_day": 0.010212873679670916,
    "eccentricity": 0.9925657134052345,
    "inclination_deg": 133.3700015828686,
    "raan_deg": np.degrees(0.21380625670442974),
    "arg_perigee_deg": np.degrees(4.086222857885803),
    "mean_anomaly_deg": np.degrees(3.808870809227128),
    "epoch_us": (27_333 - 7_306) * MICROSECONDS_PER_DAY,
}
FAR_FROM_ITS_ORBIT = {  # likewise: error 0 and 5.5 million km, five times its apogee
    "mean_motion_rev_per_day": 0.020780452650159424,
    "eccentricity": 0.9857380460111256,
    "inclination_deg": 122.00605691801758,
    "raan_deg": np.degrees(2.970823602060906),
    "arg_perigee_deg": np.degrees(1.4773263305458062),
    "mean_anomaly_deg": np.degrees(3.805387385470751),
    "epoch_us": (27_333 - 7_306) * MICROSECONDS_PER_DAY,
}


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        (SGP4_CANNOT_START, "SGP4 error 3: perturbed eccentricity out of range, at epoch"),
        (FAR_FROM_ITS_ORBIT, "its orbit reaches"),
    ],
)
def test_a_set_sgp4_cannot_start_from_gives_way_to_an_older_one(elements: dict[str, object], said: str) -> None:
    sets = _sets(elements, {"epoch_days": -5})
    assert perigee_altitude_km(sets)[0] > 0
    catalog = clean_catalog(sets, DAY)
    assert catalog.element_sets.source_line.tolist() == [3]
    assert _rules(catalog) == {2: RejectRule.SGP4_INIT}
    assert said in catalog.rejected[0].detail


def test_objects_of_which_no_set_decides_are_named() -> None:
    """The second has an older set that does, the third a stale one, the fourth a decayed one."""
    low, ahead = {"eccentricity": 0.3}, {"epoch_days": 15.5}
    falling = {"epoch_days": -5, "bstar": 0.9, "mean_motion_rev_per_day": 16.2}
    rows = [low, SGP4_CANNOT_START, ahead, low, {"epoch_days": -5}, low, {"epoch_days": -99}, low, falling, low]
    sets = replace(_sets(*rows), norad_id=np.array([1, 1, 1, 2, 2, 3, 3, 4, 4, 5]))
    receipts = Receipts.alike(len(sets), DAY)
    assert without_usable_set(sets, receipts, np.array([1, 2, 3, 4, 6])).tolist() == [1]
    assert without_usable_set(sets, receipts, np.array([1, 2, 3, 4, 5])).tolist() == [1, 5]
    gives_way = {RejectRule.PERIGEE_BELOW_SURFACE, RejectRule.SGP4_INIT, RejectRule.EPOCH_TOO_FAR_AHEAD}
    catalog = clean_catalog(sets, DAY)
    decided = {record.norad_id for record in catalog.rejected if record.rule not in gives_way}
    assert decided | set(catalog.element_sets.norad_id.tolist()) == {2, 3, 4}


def test_the_four_decayed_objects_of_the_real_slice() -> None:
    """sgp4's own error codes at 2024-11-01T00:00Z: 36884 6, 81579 1, 85220 6, 87942 6."""
    catalog = clean_catalog(_real(), DAY)
    assert {record.norad_id: record.rule for record in catalog.rejected} == dict.fromkeys(
        (36884, 81579, 85220, 87942), RejectRule.DECAYED
    )
    assert "SGP4 error 6" in catalog.rejected[0].detail


def test_a_decayed_object_does_not_come_back_by_an_older_set() -> None:
    falling = {"epoch_days": -5, "bstar": 0.9, "mean_motion_rev_per_day": 16.2}
    catalog = clean_catalog(_sets(falling, {"epoch_days": -6}), DAY)
    assert len(catalog.element_sets) == 0
    assert _rules(catalog) == {2: RejectRule.DECAYED, 3: RejectRule.SUPERSEDED}


def test_a_perigee_dip_is_not_a_decay() -> None:
    """Below 100 km at its epoch and at D 00:00, and above again half a revolution later."""
    low = _sets({"mean_motion_rev_per_day": 13.47402299, "eccentricity": 0.132, "bstar": 0.0, "mean_anomaly_deg": 0.0})
    period_us = round(86_400e6 / 13.47402299)
    assert 0 < perigee_altitude_km(low)[0] < 100
    at_day_start = replace(low, epoch_us=day_start_us(DAY) - np.array([period_us]))
    satellite = satrec(at_day_start, 0)
    for minutes, is_low in ((0.0, True), (period_us / 60e6, True), (1.5 * period_us / 60e6, False)):
        error, position, _ = satellite.sgp4_tsince(minutes)
        assert error == 0
        assert (np.linalg.norm(position) < 6478.135) == is_low
    assert len(clean_catalog(at_day_start, DAY).element_sets) == 1


def test_what_fails_before_the_day_has_decayed_though_sgp4_is_well_again_at_its_beginning() -> None:
    """SGP4 puts the object below the surface at its perigees, far above at its apogees."""
    period_us = round(86_400e6 / 10.0)
    sets = _sets({"mean_motion_rev_per_day": 10.0, "eccentricity": 0.299, "bstar": 0.0, "mean_anomaly_deg": 180.0})
    sets = replace(sets, epoch_us=day_start_us(DAY) - np.array([5 * period_us]))
    satellite = satrec(sets, 0)
    errors = [satellite.sgp4_tsince(float(minutes))[0] for minutes in np.arange(0.0, 5 * period_us / 60e6, 0.1)]
    assert 6 in errors
    assert errors[-1] == 0
    (rejected,) = clean_catalog(sets, DAY).rejected
    assert rejected.rule == RejectRule.DECAYED
    assert "SGP4 error 6: object below the surface at " in rejected.detail


def test_every_received_set_is_used_or_rejected_once() -> None:
    received = ElementSets.concat([_real(), _real(), replace(_real(), epoch_us=_real().epoch_us - 1)])
    catalog = clean_catalog(received, DAY)
    assert len(catalog.element_sets) + len(catalog.rejected) == len(received)
    assert Counter(_rules_of_all(catalog)) == {
        RejectRule.DUPLICATE: len(_real()),
        RejectRule.SUPERSEDED: len(_real()),
        RejectRule.DECAYED: 4,
    }


def test_a_set_received_on_an_earlier_day_is_carried_over() -> None:
    sets = _sets({"norad_id": 5}, {"norad_id": 6})
    days = np.array(["2024-10-30", str(DAY)], dtype="datetime64[D]")
    receipts = Receipts.concat([Receipts.alike(1, DAY, "a"), Receipts.alike(1, DAY, "b")])
    receipts = replace(receipts, received_day=days)
    catalog = clean_catalog(sets, DAY, receipts)
    assert catalog.flags.tolist() == ["carried_over", ""]
    assert catalog.source.tolist() == ["a", "b"]
    assert catalog.received_day.tolist() == days.tolist()


def test_good_sets_of_earlier_days_are_history_and_faulty_ones_are_told_again() -> None:
    """Object 5: yesterday's set is superseded by today's; 6: yesterday's is stale; 7: today's own two."""
    long_ago = day_start_us(DAY) - 40 * MICROSECONDS_PER_DAY
    now = day_start_us(DAY) - MICROSECONDS_PER_DAY
    sets = _sets(
        {"norad_id": 5, "epoch_us": now - 1_000_000},
        {"norad_id": 5, "epoch_us": now},
        {"norad_id": 6, "epoch_us": long_ago},
        {"norad_id": 7, "epoch_us": now - 1_000_000},
        {"norad_id": 7, "epoch_us": now},
    )
    days = np.array(["2024-10-31", str(DAY), "2024-10-31", str(DAY), str(DAY)], dtype="datetime64[D]")
    receipts = replace(Receipts.alike(5, DAY), received_day=days, snapshot_id=np.arange(1, 6))
    catalog = clean_catalog(
        sets, DAY, receipts, record_bytes=lambda of: [b"record %d" % k for k in of.snapshot_id.tolist()]
    )
    found = [(record.norad_id, record.rule, record.raw) for record in catalog.rejected]
    assert found == [(6, RejectRule.STALE, b"record 3"), (7, RejectRule.SUPERSEDED, b"record 4")]


def _rules_of_all(catalog: CleanCatalog) -> list[RejectRule]:
    return [record.rule for record in catalog.rejected]


def test_nothing_received_is_an_empty_catalogue() -> None:
    catalog = clean_catalog(ElementSets.empty(), DAY)
    assert (len(catalog.element_sets), catalog.rejected, len(catalog.age_days)) == (0, [], 0)


def test_the_bundled_catalogue() -> None:
    catalog = clean_catalog(bundled(), DAY)
    assert len(catalog.element_sets) == 26_830
    assert Counter(_rules_of_all(catalog)) == {RejectRule.DECAYED: 4}
    assert catalog.is_forward_epoch.sum() == 10  # counted by hand in the file: epochs after 1 November
    assert (catalog.age_days < 0).sum() == 11  # and one on the day itself
