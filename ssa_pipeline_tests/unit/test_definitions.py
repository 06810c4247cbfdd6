"""The asset graph as Dagster sees it, against a snapshot: what changes here changes what users see.

After an intended change: `python -m ssa_pipeline_tests.unit.test_definitions` writes the snapshot anew.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dagster import AssetKey, AssetSelection, ScheduleDefinition, TableSchema, validate_run_config

from ssa_pipeline.chain.links import (
    DAILY_ASSETS,
    INGEST_JOB,
    LEAD_DAYS,
    SCREEN_JOB,
    SCREENING_ASSETS,
    UPSTREAM,
    in_order,
    partition_key,
)
from ssa_pipeline.chain.slice_key import slice_key
from ssa_pipeline.definitions import build_defs
from ssa_pipeline.defs.automation.feeds import FEEDS, FOLDER, OTHER, feed_of
from ssa_pipeline.defs.housekeeping import PURGE_JOB, RETENTION_JOB
from ssa_pipeline.settings import SOURCES
from ssa_pipeline.storage.slices.codecs import CODECS
from ssa_pipeline.use_cases.fetch_plan import EVERY
from ssa_pipeline_tests.shared.places import REPOSITORY

AUTOMATION = {
    *("new_tle_release", "screen_catalog", "watched_folder", "daily_assets_are_fresh"),
    *("fetch_celestrak", "fetch_space_track", "daily_screening"),
}
ANY_SOURCE = ("celestrak", "space-track", "folder", "file", "my radar")
ANY_KIND = ("gp", "supplemental_gp", "satcat", "partial_satcat", "decay", "tip")
SNAPSHOT = Path(__file__).with_name("asset_graph.json")


def asset_graph() -> dict[str, Any]:
    """The parts of the definitions that people and other programs rely on."""
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    checks = [graph.get(key) for key in sorted(graph.asset_check_keys, key=str)]
    return {
        "assets": {node.key.to_user_string(): _asset(node) for node in graph.asset_nodes if node.is_materializable},
        "feeds": {node.key.to_user_string(): _feed(node) for node in graph.asset_nodes if node.is_external},
        "checks": {
            f"{node.key.asset_key.to_user_string()}.{node.key.name}": {
                "is_blocking": node.blocking,
                "partitions": _partitions(node.partitions_def),
            }
            for node in checks
        },
        "jobs": {
            name: sorted(key.to_user_string() for key in defs.resolve_job_def(name).asset_layer.executable_asset_keys)
            for name in (INGEST_JOB, SCREEN_JOB)
        },
    }


def _asset(node: Any) -> dict[str, Any]:
    schema = node.metadata["columns"]
    assert isinstance(getattr(schema, "value", schema), TableSchema)
    return {
        "parents": sorted(key.to_user_string() for key in node.parent_keys),
        "partitions": _partitions(node.partitions_def),
        "partition_mappings": {
            key.to_user_string(): type(mapping).__name__ for key, mapping in sorted(node.partition_mappings.items())
        },
        "max_partitions_per_run": node.backfill_policy.max_partitions_per_run,
        "group": node.group_name,
        "owners": list(node.owners),
        "kinds": sorted(node.kinds),
        "tags": {key: value for key, value in sorted(node.tags.items()) if not key.startswith("dagster/kind/")},
        "code_version": node.code_version,
        "has_description": bool(node.description),
        "columns": [column.name for column in getattr(schema, "value", schema).columns],
    }


def _feed(node: Any) -> dict[str, Any]:
    return {
        "parents": sorted(key.to_user_string() for key in node.parent_keys),
        "group": node.group_name,
        "owners": list(node.owners),
        "kinds": sorted(node.kinds),
        "domain": node.tags["domain"],
        "has_description": bool(node.description),
    }


def _partitions(definition: Any) -> list[str]:
    """Names of the dimensions."""
    dimensions = getattr(definition, "partition_dimension_names", None)
    return list(dimensions) if dimensions else [type(definition).__name__]


def test_the_asset_graph_is_that_of_the_snapshot() -> None:
    assert asset_graph() == json.loads(SNAPSHOT.read_text())


def test_the_chain_by_name_is_the_chain_of_dagster_and_of_storage() -> None:
    parents = {name: tuple(asset["parents"]) for name, asset in asset_graph()["assets"].items()}
    assert parents == {name: tuple(sorted(upstream)) for name, upstream in UPSTREAM.items()}
    assert tuple(CODECS) == (*DAILY_ASSETS, *SCREENING_ASSETS)


def test_every_source_and_kind_that_is_fetched_is_one_feed_beside_the_chain() -> None:
    graph = build_defs().resolve_asset_graph()
    feeds = {key.to_user_string() for key in graph.external_asset_keys}
    asked = {f"{source}_{kind}".replace("-", "_") for source, kinds in EVERY.items() for kind in kinds}
    assert feeds == {spec.key.to_user_string() for spec in FEEDS} == {*asked, FOLDER, OTHER}
    assert {feed_of(source, kind) for source in ANY_SOURCE for kind in ANY_KIND} == feeds
    assert set(EVERY) | {"folder", "file"} == set(SOURCES)
    for spec in FEEDS:
        assert not graph.get(spec.key).child_keys, "an edge marks every computed day as changed"


def test_a_receipt_of_a_name_that_nobody_asks_for_is_among_those_handed_over() -> None:
    assert feed_of("celestrak", "partial_satcat") == "celestrak_satcat"
    assert feed_of("folder", "tip") == "folder_files"
    assert [feed_of(*one) for one in (("file", "gp"), ("my radar", "gp"), ("celestrak", "decay"))] == [OTHER] * 3


def test_every_asset_module_is_named_like_its_asset_and_stays_thin() -> None:
    directory = REPOSITORY / "ssa_pipeline" / "defs" / "assets"
    modules = {path.stem: path for path in directory.glob("*.py") if path.stem != "__init__"}
    assert set(modules) == set(UPSTREAM)
    for name, path in modules.items():
        found = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef) and n.name == name]
        assert len(found) == 1
        body = found[0].body
        assert (body[-1].end_lineno or 0) - body[0].lineno < 20, f"{name} is not thin"


def test_the_partitions_include_today_and_all_lead_days() -> None:
    graph = build_defs().resolve_asset_graph()
    daily = graph.get(AssetKey("clean_catalog")).partitions_def
    assert daily is not None
    assert daily.get_first_partition_key() == "2024-01-01"
    keys = graph.get(AssetKey("refined_events")).partitions_def
    assert keys is not None
    wanted = [partition_key(slice_key("x", "2024-11-01|0").epoch_day, lead_day) for lead_day in LEAD_DAYS]
    assert [key for key in in_order(keys.get_partition_keys()) if key.startswith("2024-11-01")] == wanted


def test_jobs_need_no_configuration() -> None:
    defs = build_defs()
    for name in (INGEST_JOB, SCREEN_JOB):
        validate_run_config(defs.resolve_job_def(name), {})
    assert AssetSelection.all().resolve(defs.resolve_asset_graph()) == {AssetKey(name) for name in UPSTREAM}


def test_old_slices_and_old_runs_go_every_night_unasked() -> None:
    defs = build_defs()
    schedules = [one for one in defs.schedules or [] if isinstance(one, ScheduleDefinition)]
    nightly = {one.job_name for one in schedules if one.default_status.value == "RUNNING"}
    for name in (RETENTION_JOB, PURGE_JOB):
        assert name in nightly
        validate_run_config(defs.resolve_job_def(name), {})


def test_automation_is_off_until_it_is_turned_on() -> None:
    """A newcomer's `make run` must ask no provider."""
    defs = build_defs()
    automation = [*(one for one in defs.schedules or [] if one.name in AUTOMATION), *(defs.sensors or [])]
    assert {one.name for one in automation} >= AUTOMATION
    assert {one.default_status.value for one in automation if one.name in AUTOMATION} == {"STOPPED"}
    assert all(one.description for one in automation)


def test_what_comes_is_observed_and_watched_without_being_turned_on() -> None:
    on = {one.name for one in build_defs().sensors or [] if one.default_status.value == "RUNNING"}
    assert on == {"alert_on_failure", "watch_freshness", "deliver_alerts", "observe_feeds"}


def test_providers_are_asked_away_from_the_full_hour_and_jobs_of_automation_need_no_configuration() -> None:
    defs = build_defs()
    for schedule in defs.schedules or []:
        minutes = str(schedule.cron_schedule).split()[0].split(",")  # type: ignore[union-attr]
        assert all(5 <= int(minute) < 55 for minute in minutes)
        assert schedule.execution_timezone == "UTC"  # type: ignore[union-attr]
    for source in ("celestrak", "space_track", "folder"):
        validate_run_config(defs.resolve_job_def(f"fetch_release_{source}"), {})


def test_freshness_is_looked_at_by_its_own_sensor_and_not_in_every_ingest() -> None:
    checks = build_defs().resolve_job_def(INGEST_JOB).asset_layer.asset_graph.asset_check_keys
    assert checks
    assert "freshness_check" not in {key.name for key in checks}


def test_loading_the_definitions_connects_to_nothing_and_compiles_nothing() -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was used at import')\n"
        "socket.socket.connect = refuse\n"
        "import ssa_pipeline.definitions\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "Warning" not in done.stderr


if __name__ == "__main__":
    SNAPSHOT.parent.mkdir(exist_ok=True)
    SNAPSHOT.write_text(json.dumps(asset_graph(), indent=2, sort_keys=True) + "\n")
