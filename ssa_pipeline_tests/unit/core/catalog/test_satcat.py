"""What SATCAT, decay and TIP messages say of element sets, and when the set is believed instead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.catalog.satcat import DecayMessages, KnownObjects, Satcat, decays_before, objects_by_type
from ssa_pipeline.core.flags import ObjectFlag
from ssa_pipeline.core.records import SUPPLEMENTAL_GP, ElementSets, Receipts, RejectRule
from ssa_pipeline.core.time import day_start_us, parse_utc
from ssa_pipeline.messages.satcat import parse_table
from ssa_pipeline_tests.shared import catalog_samples
from ssa_pipeline_tests.shared.places import DATA

DAY = date(2024, 11, 1)
ISS = 25544
HOUR_US = 3_600_000_000
SATCAT = parse_table((DATA / "celestrak_satcat_20261002.csv").read_bytes(), "satcat.csv").satcat
NOTHING_SAID = DecayMessages.from_rows([])


@pytest.fixture(scope="module")
def bundled() -> ElementSets:
    return catalog_samples.bundled()


@pytest.fixture(scope="module")
def plain(bundled: ElementSets) -> CleanCatalog:
    """Cleaned with nothing known of the objects."""
    return clean_catalog(bundled, DAY)


@pytest.fixture(scope="module")
def iss(bundled: ElementSets) -> ElementSets:
    """One set of the ISS, its epoch at 2024-10-31T18:00."""
    one = bundled.take(bundled.norad_id == ISS)
    return replace(one, epoch_us=np.array([parse_utc("2024-10-31T18:00:00Z")]))


def satcat(**values: object) -> Satcat:
    """The row of the ISS with other values."""
    row = SATCAT.norad_id.tolist().index(ISS)
    columns = {name: column[row : row + 1].copy() for name, column in vars(SATCAT).items()}
    for name, value in values.items():
        columns[name][0] = value
    return Satcat(**columns)


def messages(*rows: dict[str, str]) -> DecayMessages:
    parts = [parse_table(json.dumps([{"NORAD_CAT_ID": str(ISS)} | row]).encode(), "m.json").messages for row in rows]
    return DecayMessages.concat(parts)


def decay(day: str, kind: str = "Historical", said: str = "2024-10-30 12:00:00") -> dict[str, str]:
    return {"MSG_EPOCH": said, "DECAY_EPOCH": f"{day} 0:00:00", "MSG_TYPE": kind}


def tip(time: str, window: int, said: str = "2024-10-31 12:00:00") -> dict[str, str]:
    return {"MSG_EPOCH": said, "DECAY_EPOCH": time, "WINDOW": str(window)}


def cleaned(
    sets: ElementSets, day: date = DAY, rows: Satcat | None = None, said: DecayMessages | None = None
) -> CleanCatalog:
    nothing = Satcat.from_rows([])
    known = KnownObjects(nothing if rows is None else rows, None if rows is None else DAY, said or NOTHING_SAID)
    return clean_catalog(sets, day, known=known)


@pytest.mark.parametrize(
    ("decayed", "is_used", "flags"),
    [
        (None, True, ""),
        (date(2024, 11, 5), True, ""),  # a SATCAT newer than the epoch day says nothing of it yet
        (date(2024, 11, 1), True, ""),  # some time within the epoch day
        (date(2024, 10, 31), False, ""),
        (date(2024, 10, 30), True, "tracked_after_decay"),  # the set is of 31 October
        (date(1986, 1, 28), True, "tracked_after_decay"),  # the number's former bearer
    ],
)
def test_a_decay_date_before_the_day_counts_until_a_set_says_otherwise(
    iss: ElementSets, decayed: date | None, is_used: bool, flags: str
) -> None:
    catalog = cleaned(iss, rows=satcat(decay_date=decayed))
    assert len(catalog.element_sets) == is_used
    assert catalog.flags.tolist() == ([flags] if is_used else [])
    assert [record.rule for record in catalog.rejected] == [RejectRule.DECAYED] * (not is_used)
    for record in catalog.rejected:
        assert record.detail == (
            "SATCAT (satcat.csv line 26) says that it decayed on 2024-10-31; the set is of 2024-10-31T18:00:00.000000Z"
        )


@pytest.mark.parametrize(
    ("said", "is_used"),
    [
        ([decay("2024-10-31")], False),
        ([decay("2024-10-31", "Prediction")], True),  # of the next 60 days: not a decay
        ([decay("2024-11-01")], True),
        ([tip("2024-10-31 20:00:00", 60)], False),
        ([tip("2024-10-31 20:00:00", 300)], True),  # the window ends within the day
        ([tip("2024-10-31 23:00:00", 60)], False),  # exactly when the day begins
        ([tip("2024-10-31 17:00:00", 30)], True),  # tracked after it
        ([tip("2024-10-31 20:00:00", 60), tip("2024-11-02 20:00:00", 60, "2024-10-31 19:00:00")], True),  # postponed
        ([tip("2024-11-02 20:00:00", 60, "2024-10-31 19:00:00"), tip("2024-10-31 20:00:00", 60)], True),
        ([tip("2024-11-02 20:00:00", 60), decay("2024-10-31")], False),  # any source will do
    ],
)
def test_decay_and_tip_messages(iss: ElementSets, said: list[dict[str, str]], is_used: bool) -> None:
    catalog = cleaned(iss, said=messages(*said))
    assert len(catalog.element_sets) == is_used
    if not is_used:
        (record,) = catalog.rejected
        assert record.rule == RejectRule.DECAYED
        assert "message (m.json line 1) gives its decay as 2024-10-31T" in record.detail


def test_a_decayed_object_is_not_replaced_by_an_older_set(iss: ElementSets) -> None:
    older = replace(iss, epoch_us=iss.epoch_us - 86_400_000_000)
    catalog = cleaned(ElementSets.concat([older, iss]), rows=satcat(decay_date=date(2024, 10, 31)))
    assert len(catalog.element_sets) == 0
    assert sorted(record.rule for record in catalog.rejected) == [RejectRule.DECAYED, RejectRule.SUPERSEDED]


@pytest.mark.parametrize("decayed", [None, date(2024, 10, 31)])
def test_an_operators_supplemental_set_does_not_outweigh_a_decay(iss: ElementSets, decayed: date | None) -> None:
    """It may come from an ephemeris made before the loss."""
    sets = ElementSets.concat([iss, replace(iss, epoch_us=iss.epoch_us + 28_800_000_000)])
    receipts = Receipts.concat([Receipts.alike(1, DAY), Receipts.alike(1, DAY, kind=SUPPLEMENTAL_GP)])
    known = KnownObjects(satcat(decay_date=decayed), DAY, NOTHING_SAID)
    catalog = clean_catalog(sets, DAY, receipts, known, supplemental_max_age_days=1.0)
    assert catalog.flags.tolist() == (["supplemental"] if decayed is None else [])
    if decayed:
        assert [r.rule for r in catalog.rejected] == [RejectRule.DECAYED, RejectRule.SUPPLEMENTAL_NOT_USED]
    alone = clean_catalog(
        sets.take(np.array([1])), DAY, receipts.take(np.array([1])), known, supplemental_max_age_days=1.0
    )
    assert len(alone.element_sets) == (1 if decayed is None else 0)  # GP has dropped the object


def test_no_segment_of_an_object_that_is_down_takes_over(iss: ElementSets) -> None:
    """All begin after the decay: of a GP set this would say that the object is still tracked."""
    segments = ElementSets.concat([replace(iss, epoch_us=iss.epoch_us + (8 + 24 * k) * HOUR_US) for k in range(3)])
    receipts = Receipts.alike(3, DAY, kind=SUPPLEMENTAL_GP)
    for decayed in (None, date(2024, 10, 31)):
        known = KnownObjects(satcat(decay_date=decayed), DAY, NOTHING_SAID)
        catalog = clean_catalog(segments, DAY, receipts, known, supplemental_max_age_days=1.0)
        assert len(catalog.element_sets) == (decayed is None)
        assert catalog.handovers.lead_day.tolist() == ([2, 3] if decayed is None else [])
    assert [record.rule for record in catalog.rejected] == [RejectRule.SUPPLEMENTAL_NOT_USED] * 3
    assert {"says that it decayed on 2024-10-31" in record.detail for record in catalog.rejected} == {True}


@pytest.mark.parametrize(
    ("share", "later_days", "is_flagged"),
    [
        (1.0, 0, False),
        (0.972, 0, False),
        (1.029, 0, False),
        (0.968, 0, True),
        (1.032, 0, True),
        (1.5, 10, True),
        (1.5, 11, False),
    ],
)
def test_a_period_of_another_orbit_is_flagged_and_used(
    iss: ElementSets, share: float, later_days: int, is_flagged: bool
) -> None:
    period = 1440.0 / float(iss.mean_motion_rev_per_day[0])
    catalog = cleaned(iss, DAY + timedelta(days=later_days), satcat(period_min=period / share))
    assert (ObjectFlag.SATCAT_PERIOD_DIFFERS in catalog.flags[0].split()) == is_flagged
    assert len(catalog.element_sets) == 1


def test_a_real_satcat_two_years_younger_agrees_on_periods(bundled: ElementSets, plain: CleanCatalog) -> None:
    """Old objects, high enough that drag changed their periods by at most 1.3 % from 2024 to 2026; but object 85 came
    down in June 2025, and the SATCAT keeps the period of its last orbit."""
    known = KnownObjects(SATCAT, DAY, NOTHING_SAID)
    catalog = clean_catalog(bundled, DAY, known=known)
    assert np.count_nonzero(np.isin(SATCAT.norad_id, catalog.element_sets.norad_id)) == 15
    assert catalog.element_sets.norad_id.tolist() == plain.element_sets.norad_id.tolist()
    assert catalog.element_sets.norad_id[catalog.flags != plain.flags].tolist() == [85]
    assert catalog.flags[catalog.element_sets.norad_id == 85].tolist() == ["satcat_period_differs"]
    for day, is_down in ((date(2025, 6, 3), False), (date(2025, 6, 4), True)):
        assert (85 in decays_before(known, day_start_us(day))) == is_down


def test_objects_by_type(bundled: ElementSets) -> None:
    counts = objects_by_type(bundled.norad_id, SATCAT)
    there = SATCAT.object_type[np.isin(SATCAT.norad_id, bundled.norad_id)].tolist()
    expected = {kind: there.count(kind) for kind in ("PAYLOAD", "ROCKET BODY", "DEBRIS", "UNKNOWN")}
    assert counts == expected | {"not in SATCAT": len(bundled) - len(there)}
    assert objects_by_type(SATCAT.norad_id, SATCAT) == {"PAYLOAD": 20, "ROCKET BODY": 7, "DEBRIS": 5, "UNKNOWN": 1}
    assert objects_by_type(SATCAT.norad_id, Satcat.from_rows([]))["not in SATCAT"] == len(SATCAT)


def test_what_is_known_changes_nothing_else(bundled: ElementSets, plain: CleanCatalog) -> None:
    known = cleaned(bundled)
    assert known.rejected == plain.rejected
    assert known.flags.tolist() == plain.flags.tolist()
