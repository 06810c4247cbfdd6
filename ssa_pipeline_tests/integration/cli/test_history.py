"""`ssa history`, `ssa diff`, `ssa.element_sets`, `ssa.object_changes` over two real days of the same objects, in which
some were made to appear, vanish, change their name and reuse a number, against twins in plain Python."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.records import MICROSECONDS_PER_DAY, ElementSets, Events
from ssa_pipeline.core.time import format_utc, from_us
from ssa_pipeline.messages.catalog_write import write_catalog
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline_tests.integration.cli.test_answers import Ssa
from ssa_pipeline_tests.shared.catalog_samples import DAY_1, DAY_2, two_days
from ssa_pipeline_tests.shared.command_line import ssa_done, ssa_on
from ssa_pipeline_tests.shared.filled import fill, write
from ssa_pipeline_tests.shared.naive import naive_event_changes, naive_object_changes

VANISHING = [35108, 36207]  # the second day has no set of them, and that of the first is then older than 30 days
MISSING = 43881  # neither, but that of the first day is carried over
ANALYST = 81_234  # another object on the second day
MANOEUVRED, CROSS_TAGGED = 51874, 31977  # as received (unit/core/catalog/test_jumps.py)
LEAD_DAYS = {DAY_1: 3, DAY_2: 2}
THRESHOLD_KM = 50.0
COMMON = {DAY_2, DAY_2 + timedelta(days=1)}  # lead days 1 and 2 of the first day, 0 and 1 of the second
OTHER_LEAD_DAYS = (
    f"screened with different lead days ({DAY_1}: 0 1 2, {DAY_2}: 0 1): compared are the days that both cover"
)


@dataclass(frozen=True)
class TwoDays:
    url: DatabaseUrl
    sets: tuple[ElementSets, ElementSets]  # as received
    events: tuple[list[Events], list[Events]]  # by lead day
    appearing: int
    renamed: int


def prepared() -> tuple[ElementSets, ElementSets, int, int]:
    first, second = two_days()
    appearing, renamed, one, two = (int(second.norad_id[k]) for k in (0, 10, 20, np.argmax(second.epoch_us)))
    first = replace(first, norad_id=np.where(first.norad_id == one, ANALYST, first.norad_id))
    first = first.take(np.flatnonzero((first.norad_id != appearing) & (first.norad_id != two)))
    names = second.object_name.copy()
    names[second.norad_id == renamed] = "SOMETHING ELSE"
    second = replace(second, object_name=names, norad_id=np.where(second.norad_id == two, ANALYST, second.norad_id))
    return first, second.take(np.flatnonzero(second.norad_id != one)), appearing, renamed


@pytest.fixture(scope="module")
def two(any_database: DatabaseUrl) -> TwoDays:
    first, second, appearing, renamed = prepared()
    found = []
    for day, sets in ((DAY_1, first), (DAY_2, second)):
        data = write_catalog(sets, "csv", datetime(2026, 8, 18, tzinfo=UTC)).text.encode()
        found.append(fill(any_database, data, f"{day}.csv", LEAD_DAYS[day], epoch_day=day, threshold_km=THRESHOLD_KM))
    return TwoDays(any_database, (first, second), (found[0], found[1]), appearing, renamed)


@pytest.fixture
def ssa(two: TwoDays, tmp_path: Path) -> Ssa:
    return lambda *arguments, code=0: ssa_on(two.url, tmp_path, *arguments, code=code)


def catalog_in_use(two: TwoDays) -> tuple[ElementSets, ElementSets]:
    """The sets of each day's catalogue: of the second, what it received and what it carried over."""
    first, second = two.sets
    kept = first.take(np.flatnonzero(~np.isin(first.norad_id, [*second.norad_id.tolist(), *VANISHING])))
    both = ElementSets.concat([second, kept])
    return tuple(sets.take(np.argsort(sets.norad_id)) for sets in (first, both))  # type: ignore[return-value]


def test_objects_that_changed_are_those_of_the_twin(two: TwoDays, ssa: Ssa) -> None:
    with connect(two.url) as connection:
        view = connection.execute(
            "SELECT change, norad_id, previous_epoch, epoch, detail, previous_epoch_day FROM ssa.object_changes "
            "WHERE epoch_day = %s ORDER BY norad_id, change",
            [DAY_2],
        ).fetchall()
        flags = connection.execute(
            "SELECT norad_id FROM screening.clean_catalog WHERE epoch_day = %s "
            "AND flags ~ '(jump_manoeuvre|jump_cross_tag|analyst_id_reused)'",
            [DAY_2],
        ).fetchall()
    catalogs = catalog_in_use(two)
    expected = naive_object_changes(*catalogs, {norad_id for (norad_id,) in flags})
    rows = json.loads(ssa("diff", str(DAY_1), str(DAY_2), "--objects", "--format", "json"))["objects"]
    assert [(row["change"], row["norad_id"]) for row in rows] == expected
    assert sorted((change, norad_id) for change, norad_id, *_ in view) == sorted(expected)
    assert {previous for *_, previous in view} == {DAY_1}
    details = {(row["change"], row["norad_id"]): row["detail"] for row in rows}
    assert details == {(change, norad_id): detail for change, norad_id, _, _, detail, _ in view}
    old_name = dict(zip(catalogs[0].norad_id.tolist(), catalogs[0].object_name.tolist(), strict=True))[two.renamed]
    assert details["appeared", two.appearing] == f"not in the catalogue of {DAY_1}"
    assert [details["vanished", norad_id] for norad_id in VANISHING] == ["stale", "stale"]
    assert details["renamed", two.renamed] == f"{old_name} -> SOMETHING ELSE"
    assert details["jumped", MANOEUVRED] == "jump_manoeuvre"
    assert details["jumped", CROSS_TAGGED] == "jump_cross_tag"
    assert details["jumped", ANALYST] == "analyst_id_reused"
    assert len([word for word, _ in expected if word == "jumped"]) > 20
    assert not [norad_id for _, norad_id in expected if norad_id == MISSING]
    epochs = [dict(zip(sets.norad_id.tolist(), map(from_us, sets.epoch_us), strict=True)) for sets in catalogs]
    assert all((was, now) == tuple(e.get(norad_id) for e in epochs) for _, norad_id, was, now, *_ in view)


NAMES = ("change", "previous_tca_utc", "tca_utc", "previous_miss_distance_km", "miss_distance_km")
Rows = list[tuple[str, str | None, str | None, float | None, float | None]]


def changes_of_the_twin(two: TwoDays, parts: list[Events], within_km: float) -> tuple[dict[str, int], Rows]:
    """How many of each kind, and those that are told, from ``parts`` to the second day."""
    before, after = (
        Events(**{name: np.concatenate([getattr(p, name) for p in some]) for name in Events.__dataclass_fields__})
        for some in (parts, two.events[1])
    )

    def is_meant(events: Events, k: int) -> bool:
        return k >= 0 and from_us(events.tca_us[k]).date() in COMMON

    def is_near(events: Events, k: int) -> bool:
        return k >= 0 and bool(events.miss_distance_km[k] <= within_km)

    expected = [
        (word, i, j)
        for word, i, j in naive_event_changes(before, after, catalog_in_use(two))
        if (is_meant(before, i) or is_meant(after, j)) and (is_near(before, i) or is_near(after, j))
    ]
    counts = {word: len([w for w, _, _ in expected if w == word]) for word in ("new", "gone", "changed", "same")}
    told = [
        (
            word,
            format_utc(int(before.tca_us[i])) if i >= 0 else None,
            format_utc(int(after.tca_us[j])) if j >= 0 else None,
            float(before.miss_distance_km[i]) if i >= 0 else None,
            float(after.miss_distance_km[j]) if j >= 0 else None,
        )
        for word, i, j in expected
        if word != "same"
    ]
    return counts, sorted(told, key=str)


EVERY_EVENT = ("diff", str(DAY_1), str(DAY_2), "--events", "--limit", "0", "--format")


def told_in(said: dict[str, Any]) -> Rows:
    return sorted((tuple(row[name] for name in NAMES) for row in said["events"]), key=str)


def test_encounters_that_changed_are_those_of_the_twin(two: TwoDays, ssa: Ssa) -> None:
    counts, told = changes_of_the_twin(two, two.events[0], THRESHOLD_KM)
    warnings, answer = without_warnings(
        ssa("diff", str(DAY_1), str(DAY_2), "--events", "--format", "json", "--limit", "0")
    )
    said = json.loads(answer)
    assert said["warnings"] == warnings == [OTHER_LEAD_DAYS]
    assert said["event_counts"] == counts
    assert min(counts.values()) > 5
    assert said["days_covered"] == sorted(map(str, COMMON))
    assert told_in(said) == told
    _, text = without_warnings(ssa(*EVERY_EVENT, "csv"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(said["events"])
    for row in rows:
        if row["change"] == "changed":
            moved = float(row["miss_distance_km"]) - float(row["previous_miss_distance_km"])
            assert float(row["miss_change_km"]) == moved
        else:
            assert row["miss_change_km"] == ""


def test_of_different_thresholds_what_both_screenings_would_show_is_compared(two: TwoDays, ssa: Ssa) -> None:
    """Lead day 1 of the first day is written again with half the threshold."""
    key, within_km = SliceKey("refined_events", DAY_1, 1), THRESHOLD_KM / 2
    with SliceStore(two.url) as store:
        events, version = store.read(key)
        near = Events(**{name: value[events.miss_distance_km <= within_km] for name, value in vars(events).items()})
        write(store, key, near, version.input_versions, threshold_km=within_km)
        try:
            warnings, answer = without_warnings(
                ssa(*EVERY_EVENT, "json"),
            )
        finally:
            write(store, key, events, version.input_versions, threshold_km=THRESHOLD_KM)
    said = json.loads(answer)
    counts, told = changes_of_the_twin(two, [two.events[0][0], near, two.events[0][2]], within_km)
    assert (said["event_counts"], told_in(said)) == (counts, told)
    assert min(counts.values()) > 3
    different = f"screened with different thresholds ({DAY_1}: 25 and 50 km, {DAY_2}: 50 km): "
    assert said["warnings"] == warnings == [f"{different}compared is what comes within 25 km on a day", OTHER_LEAD_DAYS]


def test_encounters_within_one_constellation_are_left_out_on_demand(ssa: Ssa) -> None:
    command = ("diff", str(DAY_1), str(DAY_2), "--events", "--format", "json", "--limit", "0")
    every, some = (
        json.loads(without_warnings(ssa(*command, *extra))[1])["events"]
        for extra in ((), ("--exclude-same-constellation",))
    )
    stems = [{row[f"name_{k}"].partition("-")[0] for k in (1, 2)} for row in every]
    wanted = [row for row, stem in zip(every, stems, strict=True) if stem not in ({"STARLINK"}, {"ONEWEB"})]
    assert sorted(some, key=str) == sorted(wanted, key=str)


def without_warnings(said: str) -> tuple[list[str], str]:
    """The warnings of a call, and its answer."""
    mark, lines = "ssa: WARNING: ", said.splitlines(keepends=True)
    warnings = [line.removeprefix(mark).rstrip() for line in lines if line.startswith(mark)]
    return warnings, "".join(line for line in lines if not line.startswith(mark))


def test_the_table_of_a_diff_counts_and_shows_the_largest(ssa: Ssa) -> None:
    lines = without_warnings(ssa("diff", str(DAY_1), str(DAY_2)))[1].splitlines()
    assert lines[0].startswith(f"objects from {DAY_1} (256) to {DAY_2} (255): 1 appeared, 2 vanished, 2 renamed, ")
    (encounters,) = [line for line in lines if line.startswith("encounters on 2026-08-18 … 2026-08-19 (2 days that ")]
    assert " new, " in encounters
    assert len([line for line in lines if line.startswith("  jumped ")]) == 11  # ten and how many more
    closest = [float(line[44:53]) for line in lines if line.startswith("new ") and "more" not in line]
    assert closest == sorted(closest)


def test_a_diff_is_cut_to_the_closest_of_each_kind_and_says_how_to_get_all(ssa: Ssa) -> None:
    asked = ("diff", str(DAY_1), str(DAY_2), "--format", "json", "--limit")
    full, cut = (json.loads(without_warnings(ssa(*asked, limit))[1].partition("\nssa: ")[0]) for limit in ("0", "3"))
    for name, counts in (("objects", cut["object_counts"]), ("events", cut["event_counts"])):
        for change, count in counts.items():
            all_rows = [row for row in full[name] if row["change"] == change]
            shown = [row for row in cut[name] if row["change"] == change]
            assert change == "same" or (len(all_rows), shown) == (count, all_rows[:3])
    new = [row["miss_distance_km"] for row in full["events"] if row["change"] == "new"]
    assert new == sorted(new)
    assert f"3 of {len(new):,} encounters that are new: --limit 0 prints all" in ssa(*asked, "3")


def test_the_history_of_an_object_has_every_set_and_what_changed(two: TwoDays, ssa: Ssa) -> None:
    rows = json.loads(ssa("history", str(MANOEUVRED), "--format", "json"))
    first, second = (sets.take(np.flatnonzero(sets.norad_id == MANOEUVRED)) for sets in two.sets)
    assert [row["epoch"] for row in rows] == [format_utc(int(sets.epoch_us[0])) for sets in (first, second)]
    size_km = [
        (398600.8 * (86400 / (2 * np.pi * s.mean_motion_rev_per_day[0])) ** 2) ** (1 / 3) for s in (first, second)
    ]
    assert [row["semi_major_axis_km"] for row in rows] == pytest.approx(size_km, rel=1e-12)
    assert rows[0]["semi_major_axis_change_km"] is None
    assert rows[1]["semi_major_axis_change_km"] == pytest.approx(size_km[1] - size_km[0], abs=1e-8)
    assert rows[1]["inclination_change_deg"] == second.inclination_deg[0] - first.inclination_deg[0]
    assert rows[1]["gap_days"] == pytest.approx((second.epoch_us[0] - first.epoch_us[0]) / MICROSECONDS_PER_DAY)
    assert [(row["segment"], row["jump"]) for row in rows] == [(1, ""), (2, "jump_manoeuvre")]
    assert [(row["first_used_day"], row["last_used_day"]) for row in rows] == [(str(d), str(d)) for d in (DAY_1, DAY_2)]
    assert {row["sources"] for row in rows} == {"test"}
    (carried,) = json.loads(ssa("history", str(MISSING), "--format", "json"))
    assert (carried["first_used_day"], carried["last_used_day"], carried["days_used"]) == (str(DAY_1), str(DAY_2), 2)


def test_the_history_of_a_reused_number_is_cut(ssa: Ssa) -> None:
    head, _, _, cut, second = ssa("history", str(ANALYST)).splitlines()
    assert head.startswith(f"{ANALYST} ")
    assert cut == "-- segment 2"
    assert second.endswith("analyst_id_reused")
    assert len(json.loads(ssa("history", str(ANALYST), "--limit", "1", "--format", "json"))) == 1
    newest = ssa("history", str(ANALYST), "--from", str(date(2026, 8, 30)))
    assert newest.startswith(f"{ANALYST}: no element set in the time asked for")
    assert ssa("history", str(ANALYST), "--format", "csv").startswith("epoch,object_name,gap_days,")


def test_every_element_set_says_when_and_whence_it_was_received(two: TwoDays) -> None:
    with connect(two.url) as connection:
        rows = connection.execute(
            "SELECT norad_id, epoch, first_received_day, last_received_day, sources FROM ssa.element_sets"
        ).fetchall()
    expected: dict[tuple[int, datetime, str], list[date]] = {}
    for day, sets in zip((DAY_1, DAY_2), two.sets, strict=True):
        for norad_id, us, name in zip(sets.norad_id.tolist(), sets.epoch_us, sets.object_name.tolist(), strict=True):
            expected.setdefault((norad_id, from_us(us), name), []).append(day)
    told = [(norad_id, epoch, min(days), max(days), "test") for (norad_id, epoch, _), days in expected.items()]
    assert sorted(rows) == sorted(told)
    assert len({first == last for _, _, first, last, _ in rows}) == 2  # some were received twice


REFUSED = [
    (("history", "123456789"), "object 123456789 is in no file received", 1),
    (("history", "I0001"), "'I0001' is no catalogue number", 2),
    (("history", "5", "--from", "then"), "--from 'then' is not a day like 2024-11-01", 2),
    (("diff", "2026-08-17", "2026-08-19"), "clean_catalog 2026-08-19 has not been computed: run `ssa mater", 1),
    (("diff", "2026-08-18", "2026-08-17"), "the earlier day comes first", 2),
    (("diff", "monday", "2026-08-17"), "D1 'monday' is not a day", 2),
    (("diff", "", "2026-08-17"), "D1 is empty", 2),
    (("diff", "2026-08-17", "2026-08-18", "--format", "csv"), "add --objects or --events", 2),
]


def test_what_cannot_be_answered_is_said(two: TwoDays, tmp_path: Path) -> None:
    for words, said, code in REFUSED:
        done = ssa_done(*words, SSA_HOME=str(tmp_path), DATABASE_URL=two.url.url)
        assert done.stdout == "", words
        assert done.stderr.startswith("ssa: "), words
        assert said in done.stderr, words
        assert done.returncode == code, words


def test_days_without_a_common_screening_are_named(two: TwoDays, ssa: Ssa) -> None:
    """Slices are taken away and put back in one transaction that others do not see; so: the log of another day."""
    later = DAY_2 + timedelta(days=10)
    with connect(two.url) as connection:
        for asset, lead_day in (("clean_catalog", -1), ("refined_events", 0)):
            connection.execute(
                "INSERT INTO screening.slice_log (asset, epoch_day, lead_day, run_id, token, code_version, "
                "input_versions, row_count, byte_count, content_hash, metadata) "
                "VALUES (%s, %s, %s, 'r', 1, '1', '{}', 0, 0, '', '{}')",
                [asset, later, lead_day],
            )
            said = ssa("diff", str(DAY_2), str(later), code=1)
            if asset == "clean_catalog":
                assert (
                    f"no screening of {later}: nothing was received for it: `ssa ingest FILE --epoch-day {later}`"
                    in said
                )
        assert f"no day is covered both by the screening of {DAY_2} (2026-08-18 … 2026-08-19) and by that of" in said
        connection.execute("DELETE FROM screening.slice_log WHERE epoch_day = %s", [later])
