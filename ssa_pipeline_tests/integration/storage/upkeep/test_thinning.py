"""Old events are thinned where the operator says so: what goes, what stays, and that it is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.core.day_changes import EventChange
from ssa_pipeline.settings import DatabaseUrl, SettingsError, read_settings
from ssa_pipeline.storage.connection import connect
from ssa_pipeline.storage.questions.answers import thinned_said
from ssa_pipeline.storage.questions.history import EventDiff, diff
from ssa_pipeline.storage.slices.store import SliceStore
from ssa_pipeline.storage.upkeep.thinning import Thinned, thin_events
from ssa_pipeline_tests.shared.chain_data import EPOCH_DAY, small_catalog
from ssa_pipeline_tests.shared.filled import fill

AT_ONCE = timedelta(0)
BEYOND_KM = 20.0


def _rows(url: DatabaseUrl, where: str) -> set[tuple[object, ...]]:
    with connect(url) as connection:
        sql = f"SELECT epoch_day, lead_day, norad_id_1, norad_id_2, tca_utc, miss_distance_km FROM {where}"
        return set(connection.execute(sql).fetchall())


def _changes(url: DatabaseUrl) -> set[tuple[object, ...]]:
    with connect(url) as connection:
        sql = "SELECT change, norad_id_1, norad_id_2, miss_distance_km, tca_utc FROM ssa.event_changes"
        return set(connection.execute(sql).fetchall())


def _compared(url: DatabaseUrl) -> EventDiff:
    found = diff(url, EPOCH_DAY, EPOCH_DAY + timedelta(1), objects=False, events=True).events
    assert found is not None
    return found


def test_of_old_days_lead_day_0_and_close_rows_stay_and_the_newest_prediction_never_changes(
    embedded_database: DatabaseUrl,
) -> None:
    url = embedded_database
    for day in range(2):  # lead day 1 of the first is lead day 0 of the second; lead day 2 nobody predicts again
        fill(
            url, small_catalog(120)[0], lead_days=3 - 2 * day, epoch_day=EPOCH_DAY + timedelta(day), threshold_km=100.0
        )
    before, latest = _rows(url, "screening.refined_event"), _rows(url, "ssa.events_latest")
    assert thin_events(url, 1, BEYOND_KM) == Thinned()  # written just now: a run may still read them
    assert thin_events(url, 2, BEYOND_KM, AT_ONCE) == Thinned()  # only two days exist
    assert thinned_said(url, EPOCH_DAY) == ""
    changed = _changes(url)
    compared = [_compared(url)]
    done = thin_events(url, 1, BEYOND_KM, AT_ONCE)
    assert thinned_said(url, EPOCH_DAY).startswith(
        f"of {EPOCH_DAY}, lead days 1, encounters that miss by more than 20 km were deleted"
    )
    assert thinned_said(url, EPOCH_DAY + timedelta(1)) == ""
    # what was deleted makes nothing new
    assert _changes(url) == {row for row in changed if float(str(row[3])) <= BEYOND_KM}
    compared.append(_compared(url))
    assert [one.counts[EventChange.NEW] for one in compared] == [0, 0]
    assert compared[0].warnings[-1:] != compared[1].warnings[-1:]
    assert "compared is what comes within 20 km" in compared[1].warnings[-1]
    doomed = {row for row in before if row[:2] == (EPOCH_DAY, 1) and float(str(row[5])) > BEYOND_KM}
    old = {row for row in before if row[:2] == (EPOCH_DAY, 1)}
    assert 0 < len(doomed) < len(old)
    assert done == Thinned(1, len(doomed), len(old) - len(doomed))
    assert _rows(url, "screening.refined_event") == before - doomed
    assert _rows(url, "ssa.events_latest") == latest
    with SliceStore(url) as store:
        events, version = store.read(SliceKey("refined_events", EPOCH_DAY, 1))  # its count goes with its rows
    assert len(events) == version.row_count == len(old) - len(doomed)
    assert version.metadata["rows_before_thinning"] == len(old)
    assert version.metadata["thinned_beyond_km"] == BEYOND_KM
    assert thin_events(url, 1, BEYOND_KM, AT_ONCE) == Thinned()  # done already
    again = thin_events(url, 1, 0.0, AT_ONCE)
    assert (again.slices, again.rows_kept) == (1, 0)
    with SliceStore(url) as store:
        version = store.read(SliceKey("refined_events", EPOCH_DAY, 1))[1]
    assert version.metadata["rows_before_thinning"] == len(old)


def test_nothing_is_thinned_unless_it_is_asked_for() -> None:
    assert read_settings({}).thin_events_after_days is None
    asked = read_settings({"SSA_THIN_EVENTS_AFTER_DAYS": "30", "SSA_THIN_EVENTS_KM": "2.5"})
    assert (asked.thin_events_after_days, asked.thin_events_km) == (30, 2.5)
    with pytest.raises(SettingsError, match="SSA_THIN_EVENTS_KM=-1 is below 0"):
        _ = read_settings({"SSA_THIN_EVENTS_KM": "-1"}).thin_events_km
