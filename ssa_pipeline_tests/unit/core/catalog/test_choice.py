"""Which set of several: one rule for the command line and the chain, segments, and several objects under one number."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import typer
from sgp4.api import Satrec
from typer.testing import CliRunner

from ssa_pipeline.cli.screen.command import screen
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.catalog.records import CleanCatalog
from ssa_pipeline.core.catalog.segments import are_segments
from ssa_pipeline.core.catalog.shared_numbers import shared_numbers
from ssa_pipeline.core.flags import EventFlag, ObjectFlag
from ssa_pipeline.core.records import GP, MICROSECONDS_PER_DAY, SUPPLEMENTAL_GP, ElementSets, Receipts, RejectRule
from ssa_pipeline.core.screening.flagged_events import flagged_events
from ssa_pipeline.core.time import day_start_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog
from ssa_pipeline_tests.shared import slice_samples
from ssa_pipeline_tests.shared.catalog_samples import later, with_fields
from ssa_pipeline_tests.shared.places import DATA

DAY = date(2024, 11, 1)
SEGMENTS, DEBRIS, SHARED = DATA / "s17_supgp_iss_segments.csv", DATA / "s17_debris.3le", DATA / "s06_same_id.3le"
START = "2024-11-01T13:00:00Z"
ISS = 25544


def parsed(path: Path) -> ElementSets:
    return parse_catalog(path.read_bytes(), path.name).element_sets


def plain() -> ElementSets:
    """One set of an object, without a segment's name, of noon before the day."""
    sets = with_fields(parsed(SEGMENTS).take(np.array([0])), object_name="ISS (ZARYA)")
    return later(sets, -1.0)


def at(*days: float) -> ElementSets:
    """Sets of one object with epochs so many days after 00:00 of the day."""
    sets = ElementSets.concat([plain()] * len(days))
    return with_fields(
        sets,
        epoch_us=[day_start_us(DAY) + round(value * MICROSECONDS_PER_DAY) for value in days],
        source_line=list(range(1, len(days) + 1)),
        element_set_no=list(range(1, len(days) + 1)),
    )


def screened(tmp_path: Path, *arguments: str | Path) -> tuple[list[dict[str, str]], dict[str, object], str]:
    """Rows, stats and summary of ``ssa screen``."""
    out, stats = tmp_path / "events.csv", tmp_path / "stats.json"
    words = [*map(str, arguments), "--out", str(out), "--stats", str(stats), "--threads", "1"]
    app = typer.Typer()
    app.command()(screen)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    with out.open() as file:
        return list(csv.DictReader(file)), json.loads(stats.read_text()), done.stderr


@pytest.mark.parametrize(
    ("days", "used", "is_later"),
    [
        ((-2.0, -0.5, 0.9, 1.0, 14.0), 0.9, False),  # the newest up to the end of the day
        ((-2.0, 1.0, 5.0), -2.0, False),
        ((3.0, 1.5, 9.0), 1.5, True),  # no other: the nearest of the later ones
        ((-40.0, 2.0), 2.0, True),  # the other is stale
        ((-40.0, -35.0), None, False),
        ((-1.0, 15.5), -1.0, False),
    ],
)
def test_the_newest_set_up_to_the_end_of_the_day_is_used(
    days: tuple[float, ...], used: float | None, is_later: bool
) -> None:
    catalog = clean_catalog(at(*days), DAY)
    assert [-age for age in catalog.age_days.tolist()] == ([] if used is None else [pytest.approx(used)])
    is_said = [ObjectFlag.FORWARD_EPOCH in words.split() for words in catalog.flags]
    assert is_said == catalog.is_forward_epoch.tolist() == ([] if used is None else [is_later])
    assert len(catalog.rejected) == len(days) - (used is not None)


def test_a_later_set_is_said_on_the_row_in_the_summary_and_in_the_statistics(tmp_path: Path) -> None:
    """The day before, of which the files have no set."""
    window = ("--start", "2024-10-31T20:00:00Z", "--hours", "24", "--threshold-km", "20")
    rows, stats, summary = screened(tmp_path, SEGMENTS, DEBRIS, *window)
    assert min(float(row["miss_distance_km"]) for row in rows) == pytest.approx(0.821103, abs=1e-6)
    for row in rows:  # also of those after the epoch
        assert row["flags"].split() == ["forward_epoch_1", "forward_epoch_2"]
    assert stats["objects_with_forward_epoch"] == [ISS, 58001]
    assert "2 with no set up to the end of that day, so a later one is used: 25544, 58001" in summary


def test_the_segment_in_force_is_used(tmp_path: Path) -> None:
    """Values of the issue; before, the set of 15 November was used, and nothing found."""
    window = ("--start", START, "--hours", "6", "--threshold-km", "20")
    rows, stats, _ = screened(tmp_path, SEGMENTS, DEBRIS, *window)
    assert [round(float(row["miss_distance_km"]), 3) for row in rows] == [19.380, 9.977, 0.821]
    assert float(rows[2]["miss_distance_km"]) == pytest.approx(0.821103, abs=1e-6)
    assert rows[2]["tca_utc"].startswith("2024-11-01T18:37:25.084"[:-1])
    assert stats["objects_used"] == 2


def test_each_lead_day_uses_the_segment_in_force_when_it_begins(tmp_path: Path) -> None:
    """A window of two days against python-sgp4 on the two segments; the second day's rows say that one took over."""
    window = ("--start", START, "--hours", "48", "--threshold-km", "500")
    rows, stats, summary = screened(tmp_path, SEGMENTS, DEBRIS, *window)
    assert stats["objects_with_handovers"] == [ISS]
    assert "1 with segments, another set on a later lead day: 25544" in summary
    sets, debris = parsed(SEGMENTS), parsed(DEBRIS)
    second_day_us = parse_utc(START) + MICROSECONDS_PER_DAY
    days = {0: 0, 1: 0}
    for row in rows:
        tca_us = parse_utc(row["tca_utc"])
        k = int(tca_us >= second_day_us)
        days[k] += 1
        assert row["epoch_1"] == f"2024-11-0{1 + k}T12:00:00.000000Z"
        assert (f"{EventFlag.SEGMENT_HANDOVER}_1" in row["flags"].split()) == (k == 1)
        apart = position(sets.take(np.array([k])), tca_us) - position(debris, tca_us)
        assert float(row["miss_distance_km"]) == pytest.approx(float(np.linalg.norm(apart)), abs=1e-5)
    assert min(days.values()) > 0


def position(sets: ElementSets, at_us: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """From the elements, by python-sgp4's own reader of TLE fields."""
    satrec = Satrec()
    minute = 2 * np.pi / 1440.0
    angles = (sets.arg_perigee_deg, sets.inclination_deg, sets.mean_anomaly_deg)
    satrec.sgp4init(
        0,
        "i",
        1,
        float(sets.epoch_us[0]) / MICROSECONDS_PER_DAY + 7305.0,
        float(sets.bstar[0]),
        0.0,
        0.0,
        float(sets.eccentricity[0]),
        *(float(np.radians(angle[0])) for angle in angles),
        float(sets.mean_motion_rev_per_day[0]) * minute,
        float(np.radians(sets.raan_deg[0])),
    )
    error, place, _ = satrec.sgp4_tsince((at_us - int(sets.epoch_us[0])) / 6e7)
    assert error == 0
    return np.array(place)


def test_segments_are_told_by_kind_by_name_or_by_the_option(tmp_path: Path) -> None:
    named = parsed(SEGMENTS)
    nameless = with_fields(named, object_name="ISS (ZARYA)")
    start_us = parse_utc(START)

    def used(sets: ElementSets, kind: str, may_be: bool | None = None) -> list[int]:
        receipts = Receipts.alike(len(sets), DAY, "celestrak", kind, 1)
        mask = None if may_be is None else np.full(len(sets), may_be)
        limit = 1.0 if kind == SUPPLEMENTAL_GP else None
        catalog = clean_catalog(
            sets, DAY, receipts, start_us=start_us, supplemental_max_age_days=limit, may_be_segment=mask
        )
        return [int(catalog.sets_on(k).element_set_no[0]) for k in range(7)] if len(catalog.element_sets) else []

    assert used(named, GP) == [1, 2, 3, 4, 5, 6, 7]
    assert used(nameless, SUPPLEMENTAL_GP) == [1, 2, 3, 4, 5, 6, 7]
    assert used(nameless, GP, True) == [1, 2, 3, 4, 5, 6, 7]
    assert used(nameless, GP) == [1] * 7

    plain_tle = tmp_path / "segments.csv"  # neither name nor columns tell
    lines = SEGMENTS.read_text().splitlines()
    plain_tle.write_text("\n".join(line.rsplit(",", 2)[0].split("[")[0].rstrip(",") + "" for line in lines[:1]) + "\n")
    with plain_tle.open("a") as file:
        for line in lines[1:]:
            file.write("ISS" + line[line.index(",") :].rsplit(",", 2)[0] + "\n")
    window = ("--start", START, "--hours", "48", "--threshold-km", "20")
    assert screened(tmp_path, plain_tle, DEBRIS, *window)[1]["objects_with_handovers"] == []
    assert screened(tmp_path, plain_tle, DEBRIS, *window, "--segments")[1]["objects_with_handovers"] == [ISS]


def test_a_release_of_segments_is_told_by_all_of_its_names() -> None:
    segments, debris = parsed(SEGMENTS).object_name, parsed(DEBRIS).object_name
    assert are_segments(segments)
    for names in (debris, np.concatenate([segments, debris]), segments[:0]):
        assert not are_segments(names)


def test_a_supplemental_set_takes_the_place_of_all_segments_of_a_gp_file() -> None:
    sets = ElementSets.concat([parsed(SEGMENTS), with_fields(at(0.1), element_set_no=500)])
    receipts = Receipts.concat(
        [Receipts.alike(15, DAY, "my file", GP, 1), Receipts.alike(1, DAY, "celestrak", SUPPLEMENTAL_GP, 2)]
    )
    start_us = parse_utc(START)
    assert len(clean_catalog(sets, DAY, receipts, start_us=start_us).handovers) == 6
    catalog = clean_catalog(sets, DAY, receipts, start_us=start_us, supplemental_max_age_days=1.0)
    assert [catalog.sets_on(k).element_set_no.tolist() for k in range(7)] == [[500]] * 7
    assert [record.rule for record in catalog.rejected] == [RejectRule.SUPERSEDED] * 15
    said = [record.detail for record in sorted(catalog.rejected, key=lambda record: record.source_line)]
    assert said[0] == "the supplemental set of 2024-11-01T02:24:00.000000Z takes its place"
    assert said[1:7] == ["a supplemental set takes its place"] * 6


def test_of_two_releases_of_segments_the_newer_counts_alone() -> None:
    """The newer one begins later; its segments are the odd ones of a plan with other epochs."""
    old = parsed(SEGMENTS)
    new = with_fields(later(old, 0.25), element_set_no=old.element_set_no + 100)
    sets = ElementSets.concat([old, new])
    receipts = Receipts.concat([Receipts.alike(15, DAY, "celestrak", SUPPLEMENTAL_GP, k) for k in (1, 2)])
    for order in (np.arange(30), np.arange(30)[::-1]):
        catalog = clean_catalog(sets.take(order), DAY, receipts.take(order), supplemental_max_age_days=1.0, lead_days=3)
        numbers = [int(catalog.sets_on(k).element_set_no[0]) for k in range(3)]
        assert numbers == [101, 101, 102]  # none has begun by 00:00: the nearest


def test_a_segment_is_valid_until_the_next_one_begins() -> None:
    """Segments of a geostationary satellite may be weeks apart; a supplemental set may else be a day old at most."""
    sets = at(-9.0, 3.5)
    receipts = Receipts.alike(2, DAY, "celestrak", SUPPLEMENTAL_GP, 1)
    catalog = clean_catalog(sets, DAY, receipts, supplemental_max_age_days=1.0)
    assert [int(catalog.sets_on(k).element_set_no[0]) for k in range(7)] == [1, 1, 1, 1, 2, 2, 2]


def test_an_ordinary_set_of_a_later_day_makes_segments_void() -> None:
    yesterday = Receipts.alike(15, date(2024, 10, 31), "celestrak", SUPPLEMENTAL_GP, 1)
    today = Receipts.alike(1, DAY, "celestrak", SUPPLEMENTAL_GP, 2)
    ordinary = with_fields(at(0.1), element_set_no=500)
    catalog = clean_catalog(
        ElementSets.concat([later(parsed(SEGMENTS), -1.0), ordinary]),
        DAY,
        Receipts.concat([yesterday, today]),
        supplemental_max_age_days=1.0,
    )
    assert catalog.element_sets.element_set_no.tolist() == [500]
    assert len(catalog.handovers) == 0


def test_a_segment_that_cannot_be_right_does_not_take_over() -> None:
    sets = parsed(SEGMENTS).take(np.arange(4))
    broken = sets.eccentricity.copy()
    broken[2] = 0.2  # perigee below the surface
    catalog = clean_catalog(replace(sets, eccentricity=broken), DAY, start_us=parse_utc(START))
    assert [int(catalog.sets_on(k).element_set_no[0]) for k in range(4)] == [1, 2, 2, 4]
    assert [record.rule for record in catalog.rejected] == [RejectRule.PERIGEE_BELOW_SURFACE]


PAYLOADS = [f"PAYLOAD {letter}" for letter in "ABCDEF"]


def test_several_payloads_under_one_number_are_named() -> None:
    sets = parsed(SHARED)
    assert shared_numbers(sets) == {99999: PAYLOADS}
    catalog = clean_catalog(sets, DAY)
    assert catalog.flags.tolist() == [ObjectFlag.SHARED_NUMBER]
    assert {record.rule for record in catalog.rejected} == {RejectRule.SHARED_NUMBER}
    assert (
        sorted([record.object_name or "" for record in catalog.rejected] + catalog.element_sets.object_name.tolist())
        == PAYLOADS
    )


def test_several_payloads_are_named_in_the_summary(tmp_path: Path) -> None:
    _, stats, summary = screened(tmp_path, SHARED, DEBRIS, "--start", START, "--hours", "1")
    assert stats["records_rejected_by_rule"] == {"shared_number": 5}
    assert all(name in summary for name in PAYLOADS)


def test_a_renamed_object_and_another_source_s_name_share_no_number() -> None:
    sets = with_fields(parsed(SEGMENTS).take(np.array([0, 0])), object_name=["OBJECT A", "ISS (ZARYA)"])
    a_day_later = replace(sets, epoch_us=sets.epoch_us - np.array([MICROSECONDS_PER_DAY // 1000, 0]))
    continued = replace(a_day_later, mean_anomaly_deg=sets.mean_anomaly_deg - np.array([360.0 * 15.5 / 1000, 0.0]))
    assert shared_numbers(continued) == {}


def test_flags_of_both_objects_reach_the_event() -> None:
    sets = slice_samples.element_sets(3, DAY)
    flags = slice_samples.texts(["carried_over", "supplemental jump_manoeuvre", "forward_epoch"])
    events = slice_samples.events(sets, [(0, 1), (1, 2)])
    catalog = replace(slice_samples.clean_catalog(sets, DAY), flags=flags)
    catalog = replace(catalog, aliases=catalog.aliases.empty())
    found = flagged_events(events, catalog, 0, day_start_us(DAY) + MICROSECONDS_PER_DAY)
    assert found.flags.tolist() == [
        "carried_over_1 supplemental_2 jump_manoeuvre_2",
        "supplemental_1 jump_manoeuvre_1 forward_epoch_2",
    ]
    again = flagged_events(found, catalog, 0, day_start_us(DAY) + MICROSECONDS_PER_DAY)
    assert again.flags.tolist() == found.flags.tolist()  # a word is said once


def test_from_a_handover_on_an_event_says_what_is_known_of_the_new_segment() -> None:
    """The first lead day's set was ahead of its time and did not continue the one before; the later ones are not that
    set, but of the same supplemental release."""
    segments = parsed(SEGMENTS).take(np.array([0, 1, 3]))
    catalog = clean_catalog(ElementSets.concat([segments, parsed(DEBRIS)]), DAY, start_us=parse_utc(START))
    assert catalog.handovers.lead_day.tolist() == [1, 3]
    catalog = replace(catalog, flags=slice_samples.texts(["supplemental forward_epoch jump_manoeuvre", ""]))
    first_us = parse_utc(START)

    def flags(lead_day: int) -> list[str]:
        """Of an event within the lead day, and of one that reaches its end."""
        end_us = first_us + (lead_day + 1) * MICROSECONDS_PER_DAY
        events = slice_samples.events(catalog.sets_on(lead_day), [(0, 1), (0, 1)])
        events = replace(events, end_us=np.array([end_us - 1, end_us]))
        return flagged_events(events, catalog, lead_day, end_us).flags.tolist()

    first, next_ = "supplemental_1 forward_epoch_1 jump_manoeuvre_1", "supplemental_1"
    assert flags(0) == [first, f"{first} {EventFlag.SEGMENT_HANDOVER}_1"]
    assert flags(2) == [next_, f"{next_} {EventFlag.SEGMENT_HANDOVER}_1"]
    for lead_day in (1, 3):
        assert flags(lead_day) == [f"{next_} {EventFlag.SEGMENT_HANDOVER}_1"] * 2
    assert flags(4) == [next_] * 2


def test_events_of_objects_of_which_nothing_is_known_stay_as_they_are() -> None:
    sets = slice_samples.element_sets(3, DAY)
    events = slice_samples.events(sets, [(0, 1), (1, 2), (0, 2)])
    catalog = slice_samples.clean_catalog(sets, DAY)
    catalog = replace(catalog, aliases=catalog.aliases.empty(), flags=slice_samples.texts([""] * 3))
    end_us = day_start_us(DAY) + MICROSECONDS_PER_DAY
    assert flagged_events(events, catalog, 0, end_us).flags.tolist() == ["", "", "continues_before continues_after"]


def test_a_catalogue_of_some_objects_keeps_their_handovers() -> None:
    catalog = clean_catalog(parsed(SEGMENTS), DAY, start_us=parse_utc(START))
    assert isinstance(catalog, CleanCatalog)
    assert len(catalog.only(np.array([True])).handovers) == 6
    assert len(catalog.only(np.array([False])).handovers) == 0
