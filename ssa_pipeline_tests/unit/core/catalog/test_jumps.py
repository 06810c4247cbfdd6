"""Sets that do not continue the one before, in two real days of August 2026 and in sets made from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4.api import Satrec

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.jumps import jumps
from ssa_pipeline.core.catalog.near_pairs import near_pairs
from ssa_pipeline.core.catalog.orbit_change import orbit_changes
from ssa_pipeline.core.flags import ObjectFlag, has_flag
from ssa_pipeline.core.orbits.mean_orbit import semi_major_axis_km
from ssa_pipeline.core.orbits.satrec import to_satrecs
from ssa_pipeline.core.records import ElementSets, Receipts
from ssa_pipeline.core.time import day_start_us
from ssa_pipeline_tests.shared.catalog_samples import (
    DAY_1,
    DAY_2,
    FILE_1,
    FILE_2,
    in_both,
    later,
    two_days,
    with_fields,
)

DAY_US = day_start_us(DAY_2)
MANOEUVRED = [57432, 59764, 69837, 69951]  # their semi-major axes changed by 40 to 54 km
RAISED_BY_DRAG_ONLY = [25544, 48274]  # ISS and CSS did not manoeuvre between the two days


def flagged(previous: ElementSets, current: ElementSets) -> dict[int, str]:
    found = jumps(previous, current, DAY_US)
    return {int(current.norad_id[row]): str(flag) for flag, rows in found.items() for row in np.flatnonzero(rows)}


def one(sets: ElementSets, norad_id: int) -> ElementSets:
    return sets.take(sets.norad_id == norad_id)


def moved(sets: ElementSets, axis_km: float) -> ElementSets:
    """The same sets with other semi-major axes."""
    axis = semi_major_axis_km(sets)
    factor = (axis / (axis + axis_km)) ** 1.5
    return with_fields(sets, mean_motion_rev_per_day=sets.mean_motion_rev_per_day * factor)


def test_positions_are_compared_as_sgp4_gives_them() -> None:
    """Against sgp4's own reading of the lines, at the epoch of the newer set."""
    first, second = in_both()
    change = orbit_changes(first, second)
    lines = [
        {int(text[k + 1][2:7]): text[k + 1 : k + 3] for k in range(0, len(text), 3)}
        for text in (path.read_text().splitlines() for path in (FILE_1, FILE_2))
    ]
    for row in range(0, len(first), 7):
        old, new = (Satrec.twoline2rv(*of_day[int(first.norad_id[row])]) for of_day in lines)
        _, r, v = new.sgp4(new.jdsatepoch, new.jdsatepochF)
        _, was, _ = old.sgp4(new.jdsatepoch, new.jdsatepochF)
        offset = np.subtract(was, r)
        cross = np.cross(r, v)
        expected = [offset @ r / np.linalg.norm(r), 0.0, offset @ cross / np.linalg.norm(cross)]
        expected[1] = offset @ np.cross(cross, r) / np.linalg.norm(np.cross(cross, r))
        found = [change.r_km[row], change.t_km[row], change.n_km[row]]
        assert found == pytest.approx(expected, abs=1e-4 + 1e-6 * np.linalg.norm(offset))


def test_a_change_of_plane_costs_what_it_costs() -> None:
    """dv = 2 v sin(angle / 2), the textbook's."""
    sets = one(in_both()[1], 25544)
    turned = with_fields(sets, inclination_deg=sets.inclination_deg + 1.0)
    change = orbit_changes(sets, turned)
    speed = 1000 * np.sqrt(398600.8 / semi_major_axis_km(sets)[0])
    assert change.velocity_m_s[0] == pytest.approx(2 * speed * np.sin(np.radians(0.5)), rel=1e-9)
    assert orbit_changes(sets, sets).velocity_m_s[0] == 0.0
    assert orbit_changes(sets, sets).excess[0] == 0.0


def test_real_manoeuvres_are_flagged_and_drifting_objects_are_not() -> None:
    found = flagged(*in_both())
    assert {norad_id: found[norad_id] for norad_id in MANOEUVRED} == dict.fromkeys(MANOEUVRED, "jump_manoeuvre")
    assert not set(RAISED_BY_DRAG_ONLY) & set(found)
    first, _ = in_both()
    debris = [norad_id for norad_id, name in zip(first.norad_id, first.object_name, strict=True) if "DEB" in name]
    # 13 km off at a gap of 1.5 days, one of the six debris pairs in 13,793 of ten days that the limits take for jumps
    assert {norad_id: word for norad_id, word in found.items() if norad_id in debris} == {31977: "jump_cross_tag"}
    assert len(debris) > 60


@pytest.mark.parametrize(
    ("name", "axis_km", "word"),
    [
        pytest.param("SATELLITE", 0.02, None, id="noise"),
        pytest.param("SATELLITE", 5.0, "jump_manoeuvre", id="orbit raised"),
        pytest.param("SATELLITE", 500.0, "jump_cross_tag", id="260 m/s in a low orbit"),
        pytest.param("FENGYUN 1C DEB", 0.02, None, id="debris, noise"),
        pytest.param("FENGYUN 1C DEB", 5.0, "jump_cross_tag", id="debris does not manoeuvre"),
        pytest.param("SL-8 R/B", 5.0, "jump_cross_tag", id="a rocket body does not manoeuvre"),
    ],
)
def test_what_a_change_means_depends_on_its_size_and_on_who_it_is(name: str, axis_km: float, word: str | None) -> None:
    first = with_fields(one(in_both()[0], 25544), object_name=name, bstar=0.0)
    second = moved(_continued(first, 1.0), axis_km)
    assert flagged(first, second) == ({} if word is None else {25544: word})


def _continued(sets: ElementSets, days: float) -> ElementSets:
    """A set of the same orbit some days later, from SGP4's own mean elements (no drag)."""
    rows = []
    from ssa_pipeline.core.orbits.satrec import to_satrecs

    for satrec in to_satrecs(sets):
        satrec.sgp4_tsince(days * 1440.0)
        rows.append([np.degrees(value) % 360.0 for value in (satrec.Om, satrec.om, satrec.mm)])
    raan, argument, anomaly = np.array(rows).T
    return with_fields(later(sets, days), raan_deg=raan, arg_perigee_deg=argument, mean_anomaly_deg=anomaly)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 200), st.floats(0.1, 5.0))
def test_an_undisturbed_orbit_is_no_jump_however_long_the_gap(row: int, days: float) -> None:
    first = in_both()[0]
    sets = with_fields(first.take(np.array([row % len(first)])), bstar=0.0)
    if sets.mean_motion_rev_per_day[0] < 6.4:
        return  # SGP4's deep-space mean elements move by resonance and the Moon
    assert flagged(sets, _continued(sets, days)) == {}


def test_exchanged_tags_are_found_out() -> None:
    """Two satellites of one plane, whose orbits are too alike for the impulse to tell, exchange numbers."""
    first, second = in_both()
    jumped = flagged(first, second)
    quiet = [row for row in range(len(first)) if int(first.norad_id[row]) not in jumped]
    rows = [row for row in quiet if first.object_name[row].startswith("ONEWEB")][:2]
    assert len(rows) == 2
    exchanged = second.norad_id.copy()
    exchanged[rows] = exchanged[rows[::-1]]
    swapped = with_fields(second, norad_id=exchanged)
    order = np.argsort(exchanged)
    found = flagged(first, swapped.take(order))
    assert [found[int(first.norad_id[row])] for row in rows] == ["jump_cross_tag"] * 2


def test_a_number_of_an_analyst_given_to_another_object_is_reused() -> None:
    first, second = in_both()
    mine, other = first.take(np.array([0])), second.take(np.array([40]))
    lent = {"norad_id": 81_234, "object_name": "UNKNOWN"}
    assert flagged(with_fields(mine, **lent), with_fields(other, **lent)) == {81_234: "analyst_id_reused"}
    own = second.take(second.norad_id == mine.norad_id[0])
    assert flagged(with_fields(mine, **lent), with_fields(own, **lent)) == {}
    assert flagged(with_fields(mine, **lent), with_fields(later(own, 40.0), **lent)) == {81_234: "analyst_id_reused"}


def test_a_jump_is_flagged_and_never_rejected() -> None:
    first, second = two_days()
    received = ElementSets.concat([first, second])
    came = Receipts.concat(
        [Receipts.alike(len(first), DAY_1, "celestrak"), Receipts.alike(len(second), DAY_2, "celestrak")]
    )
    catalog = clean_catalog(received, DAY_2, came)
    alone = clean_catalog(second, DAY_2)
    assert set(alone.element_sets.norad_id) <= set(catalog.element_sets.norad_id)
    words = dict(zip(catalog.element_sets.norad_id.tolist(), catalog.flags.tolist(), strict=True))
    assert {norad_id: words[norad_id] for norad_id in MANOEUVRED} == dict.fromkeys(MANOEUVRED, "jump_manoeuvre")
    assert has_flag(catalog.flags, ObjectFlag.JUMP_MANOEUVRE).sum() == list(words.values()).count("jump_manoeuvre")
    vanished = set(first.norad_id) - set(second.norad_id)
    assert {norad_id for norad_id, text in words.items() if "carried_over" in text} == vanished & set(words)
    assert set(alone.flags) == {""}  # without a set before it there is nothing to compare with
    assert set(words.values()) - {""} <= {str(flag) for flag in ObjectFlag}


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_near_pairs_are_those_of_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.normal(0.0, 200.0, (40, 3)), random.normal(0.0, 200.0, (60, 3))
    a[3], b[5] = np.nan, a[7]
    i, j = near_pairs(a, b, 60.0)
    distance = np.linalg.norm(a[:, None] - b[None], axis=2)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(
        map(tuple, np.argwhere(distance <= 60.0).tolist())
    )


def test_what_no_drag_explains_is_a_jump_however_strong_the_drag_is_said_to_be() -> None:
    """As 69403 on 10 July 2026, 743 km radially and 3,282 km along the track from its prediction: a satellite whose
    thrust was fitted as drag, so that the drift allowed exceeds the shift, and its curvature covers the radial part."""
    sets = one(two_days()[0], 25544)
    fields = {"mean_motion_rev_per_day": 13.53, "eccentricity": 0.0005, "inclination_deg": 86.5}
    older = with_fields(sets, **fields, bstar=0.9)
    newer = later(with_fields(sets, **fields, bstar=1e-4), 4.0)
    satrec = to_satrecs(older)[0]
    satrec.sgp4_tsince(0.0)
    axis = satrec.am
    satrec.sgp4_tsince(4 * 1440.0)
    drift_km = 0.75 * 13.53 * 2 * np.pi * 4.0 * (axis - satrec.am) * 6378.135
    assert drift_km > 3282
    anomalies = np.arange(0.0, 360.0, 0.05)
    rows = np.zeros(len(anomalies), dtype=np.int64)
    change = orbit_changes(older.take(rows), with_fields(newer.take(rows), mean_anomaly_deg=anomalies))
    row = int(np.argmin(np.hypot(change.r_km + 743, np.abs(change.t_km) - 3282)))
    assert (change.r_km[row], abs(change.t_km[row])) == pytest.approx((-743, 3282), rel=0.1)
    assert change.excess[row] > 1.0
    found = flagged(older, with_fields(newer, mean_anomaly_deg=anomalies[row]))
    assert list(found.values()) == [ObjectFlag.JUMP_MANOEUVRE]
