"""The parts of the benchmarks that decide something: catalogues, matching, fitting, metering, verdicts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import catalogs, completeness, growth, peer, pipeline, table, workbench
from benchmarks.completeness import Interval, Minimum, compare
from benchmarks.workbench import BenchError, Cost
from ssa_pipeline.messages.catalog import parse_catalog


@pytest.fixture(scope="module")
def records() -> list[catalogs.Record]:
    return catalogs.usable_records()


def test_a_tle_file_says_what_the_omm_file_says_to_its_last_digit(
    records: list[catalogs.Record], tmp_path: Path
) -> None:
    chosen = [*records[::40], records[-1]]  # the last has an Alpha-5 number
    assert int(chosen[-1]["NORAD_CAT_ID"]) > 99999
    tle = parse_catalog(catalogs.write_tle(chosen, tmp_path / "c.tle").read_bytes(), "c.tle")
    omm = parse_catalog(catalogs.write_omm(chosen, tmp_path / "c.csv").read_bytes(), "c.csv")
    assert tle.rejected == omm.rejected == []
    a, b = tle.element_sets, omm.element_sets
    np.testing.assert_array_equal(a.norad_id, b.norad_id)
    assert np.max(np.abs(a.epoch_us - b.epoch_us)) <= 432
    resolution = {
        "mean_motion_rev_per_day": 1e-8,
        "eccentricity": 1e-7,
        "inclination_deg": 1e-4,
        "raan_deg": 1e-4,
        "arg_perigee_deg": 1e-4,
        "mean_anomaly_deg": 1e-4,
    }
    for name, unit in resolution.items():
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=0.501 * unit, err_msg=name)
    np.testing.assert_allclose(a.bstar, b.bstar, rtol=1e-4, atol=1e-12)


def test_angles_that_round_to_a_full_circle_become_zero(records: list[catalogs.Record]) -> None:
    line = catalogs.tle_lines({**records[0], "RA_OF_ASC_NODE": "359.99996"})[1]
    assert line[17:25] == "  0.0000"


def test_what_does_not_fit_into_a_tle_is_refused(records: list[catalogs.Record]) -> None:
    with pytest.raises(ValueError, match="does not fit into a TLE"):
        catalogs.tle_lines({**records[0], "BSTAR": "1e-12"})  # an exponent of two digits


def test_a_grown_catalogue_keeps_its_shells(records: list[catalogs.Record]) -> None:
    few = records[::100]
    grown = catalogs.grow(few, 2 * len(few) + 5)
    assert grown == catalogs.grow(few, 2 * len(few) + 5)
    assert grown[: len(few)] == few
    assert len({row["NORAD_CAT_ID"] for row in grown}) == len(grown) == 2 * len(few) + 5
    by_name = {(row["EPOCH"], row["ECCENTRICITY"], row["BSTAR"]): row for row in few}
    for row in grown[len(few) :]:
        original = by_name[row["EPOCH"], row["ECCENTRICITY"], row["BSTAR"]]
        motion, inclination = (float(row[name]) for name in ("MEAN_MOTION", "INCLINATION"))
        assert motion != float(original["MEAN_MOTION"])
        assert motion == pytest.approx(float(original["MEAN_MOTION"]), rel=3e-3)
        assert inclination == pytest.approx(float(original["INCLINATION"]), abs=0.6)
        assert 0.0 <= inclination <= 180.0
    nodes = np.array([float(row["RA_OF_ASC_NODE"]) for row in grown[len(few) :]])
    assert np.all(np.histogram(nodes, bins=4, range=(0.0, 360.0))[0] > len(nodes) / 8)


def test_a_catalogue_made_smaller_is_a_part_of_the_real_one(records: list[catalogs.Record]) -> None:
    part = catalogs.grow(records, 13_000)
    ids = [int(row["NORAD_CAT_ID"]) for row in part]
    assert len(set(ids)) == 13_000
    assert set(ids) < {int(row["NORAD_CAT_ID"]) for row in records}


def test_copies_are_usable_objects(records: list[catalogs.Record], tmp_path: Path) -> None:
    few = records[::50]
    path = catalogs.write_omm(catalogs.grow(few, 3 * len(few)), tmp_path / "grown.csv")
    parsed = parse_catalog(path.read_bytes(), path.name)
    assert parsed.rejected == []
    assert len(parsed.element_sets) == 3 * len(few)


def test_the_exponent_of_a_power_law_is_found() -> None:
    sizes = [13_000, 26_000, 52_000]
    assert growth.exponent(sizes, [3e-7 * n**1.4 for n in sizes]) == pytest.approx(1.4)


def minimum(t_s: float = 100.0, miss_km: float = 2.0, pair: tuple[int, int] = (1, 2)) -> Minimum:
    return Minimum(pair, t_s, miss_km, 10.0)


@pytest.mark.parametrize(
    ("found", "missed", "extra"),
    [
        ([minimum()], 0, 0),
        ([minimum(miss_km=2.0005)], 0, 0),  # within the peer's own 1 m
        ([minimum(miss_km=2.002)], 1, 1),
        ([minimum(t_s=101.0)], 1, 1),
        ([minimum(pair=(1, 3))], 1, 1),
        ([minimum(), minimum()], 0, 1),  # a row matches once
        ([], 1, 0),
        ([minimum(), minimum(t_s=200.0, miss_km=4.9995)], 0, 0),  # on the threshold
    ],
)
def test_rows_are_matched_with_the_tolerance_of_the_peer(found: list[Minimum], missed: int, extra: int) -> None:
    result = compare([minimum()], found, [], peer.PEER_MISS_KM)
    assert (len(result.missed), len(result.extra)) == (missed, extra)


def test_without_the_peers_tolerance_a_centimetre_counts() -> None:
    result = compare([minimum()], [minimum(miss_km=2.00002)], [])
    assert (len(result.missed), len(result.extra)) == (1, 1)


def test_differences_are_listed_in_the_record() -> None:
    figures = compare([minimum(), minimum(t_s=9e3)], [minimum()], [Interval((3, 4), 0.0, 9.0)]).figures()
    assert (figures["expected"], figures["matched"], figures["extra"]) == (2, 1, [])
    assert figures["missed"] == [{"pair": (1, 2), "t_s": 9e3, "miss_km": 2.0, "speed_km_s": 10.0}]


def test_only_coinciding_pairs_are_set_apart() -> None:
    rows = [minimum(), minimum(miss_km=0.0), minimum(miss_km=0.002)]
    assert peer.split_co_moving(rows) == ([rows[0], rows[2]], [rows[1]])


def test_ratios_are_taken_pair_by_pair() -> None:
    ours = [Cost(2.0, 4.0, 100.0, ""), Cost(4.0, 4.0, 100.0, ""), Cost(2.0, 2.0, 100.0, "")]
    theirs = [Cost(20.0, 40.0, 100.0, ""), Cost(20.0, 20.0, 100.0, ""), Cost(14.0, 40.0, 100.0, "")]
    figures = peer.costs(ours, theirs)
    assert figures["ratios_cpu_s"] == [10.0, 5.0, 20.0]
    assert figures["ratio_cpu_s"] == 10.0
    assert figures["ratio_wall_s"] == 7.0


def test_the_lock_of_the_peer_has_hashes_and_nothing_of_the_project_depends_on_it() -> None:
    locked = [line for line in peer.LOCK.read_text().splitlines() if "==" in line]
    assert {line.split("==")[0] for line in locked} == {"astroz", "numpy"}
    assert all(line.endswith("\\") for line in locked)
    for name in ("pyproject.toml", "requirements.lock"):
        assert "\nastroz" not in (workbench.ROOT / name).read_text()
    assert "astroz" not in sys.modules


BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_the_cost_of_a_process_is_its_own() -> None:
    cost = workbench.run([sys.executable, "-c", BURN], os.environ)
    assert 0.3 <= cost.cpu_s <= 1.2 + cost.wall_s
    assert cost.wall_s >= 0.3
    assert cost.peak_memory_mb > 4.0
    idle = workbench.run([sys.executable, "-S", "-c", ""], os.environ)
    assert idle.cpu_s < cost.cpu_s


def test_a_failing_process_is_an_error_with_its_last_words() -> None:
    with pytest.raises(BenchError, match="the reason"):
        workbench.run([sys.executable, "-c", "import sys; sys.exit('the reason')"], os.environ)


def test_the_meter_keeps_the_time_of_processes_that_ended() -> None:
    class Fake:
        def __init__(self, pid: int) -> None:
            self.pid, self.seconds, self.children = pid, 0.0, 0.0

        def cpu_times(self) -> Any:
            return SimpleNamespace(
                user=self.seconds * 0.75,
                system=self.seconds * 0.25,
                children_user=self.children * 0.5,
                children_system=self.children * 0.5,
            )

        def create_time(self) -> float:
            return 1.0

        def cmdline(self) -> list[str]:
            return ["/usr/bin/fake", "-v"]

    server, worker = Fake(1), Fake(2)
    alive: list[Any] = [server]
    meter = pipeline.CpuMeter(lambda: alive)
    meter.sample()
    server.seconds, worker.seconds = 1.0, 10.0
    alive.append(worker)
    meter.sample()
    alive.remove(worker)  # it ended, and the server has not noticed
    meter.sample()
    server.seconds, server.children = 2.0, 10.0
    meter.sample()
    assert {title for title, _ in meter.by_process.values()} == {"fake -v"}
    assert meter.totals == [0.0, 11.0, 11.0, 12.0]
    del meter.totals[2]
    meter.times = [100.0, 101.0, 102.0]
    assert meter.between(100.0, 102.0) == 12.0
    assert meter.between(100.5, 101.5) == pytest.approx(6.0)
    assert meter.between(90.0, 110.0) == 12.0


MACHINE = {
    "cpu": "a CPU",
    "cores": 2,
    "memory_gb": 8.0,
    "system": "Debian",
    "python": "3.11.7",
    "load_before": 0.1,
    "commit": "abc",
}


def result(**modules: Any) -> dict[str, Any]:
    return {"date": "2026-11-24T10:00:00+00:00", "machine": MACHINE, **modules}


def test_a_target_is_met_at_its_limit_and_not_beyond() -> None:
    memory = {"objects": 30000, "days": 2, "one_day_mb": 1536.0, "all_days_mb": 1800.0, "all_days_over_one": 1.17}
    one, several = table.rows(result(memory=memory))
    assert (one.is_met, several.is_met) == (True, False)
    startup = {"first_call_s": 29.0, "compiling_s": 20.0, "says_that_it_compiles": 0.0, "later_call_s": 1.6}
    startup |= {"first_call_cpu_s": 28.0, "later_call_cpu_s": 1.5, "later_call_objects": 1342.0}
    first, later = table.rows(result(startup=startup))
    assert (first.is_met, later.is_met) == (False, False)


def test_the_table_is_markdown_with_machine_and_date() -> None:
    text = table.markdown(result(completeness=completeness.compare([minimum()], [], []).figures()))
    assert text.startswith("Measured 2026-11-24 10:00 UTC, a CPU, 2 cores")
    assert "| complete against the truth | every event | 1 minima: 1 missed, 0 extra;" in text
    assert text.endswith("| **no** |")
