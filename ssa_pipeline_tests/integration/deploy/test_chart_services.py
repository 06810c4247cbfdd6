"""What the chart starts from the image (code server, webserver, daemon), with its commands and its instance, on a
read-only root file system. No cluster is asked for anything, since nothing is launched."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from ssa_pipeline.local import host
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline.storage.upkeep import run_rows
from ssa_pipeline_tests.integration.deploy.read_only import container, demand_namespaces, wait
from ssa_pipeline_tests.unit.deploy.deploy_files import VALUES, instance, texts

LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
CLUSTER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "current-context": "none",
}


@pytest.fixture
def dagster_home(tmp_path: Path, database: DatabaseUrl) -> Path:
    """With the chart's instance; only its cluster and its database are those of the test."""
    home, cluster = tmp_path / "dagster_home", tmp_path / "kubeconfig"
    (home / "storage").mkdir(parents=True)
    demand_namespaces(home / "storage")
    cluster.write_text(yaml.safe_dump(CLUSTER))
    written = instance(yaml.safe_load(texts()[VALUES]))
    written["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(cluster)}
    written["storage"] = {"postgres": {"postgres_url": database.dagster}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(written))
    return home


def test_the_chart_s_services_start(tmp_path: Path, dagster_home: Path, database: DatabaseUrl) -> None:
    environment = {"DAGSTER_HOME": str(dagster_home), "DATABASE_URL": database.url}
    code_port, ui_port, since = host.free_port(), host.free_port(), datetime.now(UTC)
    workspace = dagster_home.with_name("workspace.yaml")
    location = {"grpc_server": {"host": "127.0.0.1", "port": code_port, "location_name": "ssa"}}
    workspace.write_text(yaml.safe_dump({"load_from": [location]}))
    page = f"http://127.0.0.1:{ui_port}"

    def status(address: str) -> int:
        try:
            return httpx.get(f"{page}/server_info", headers={"Host": address}, timeout=10, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    def serves_code() -> bool:
        check = [Path(sys.executable).with_name("dagster"), "api", "grpc-health-check", "-p", str(code_port)]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0

    def beats() -> bool:
        beat = run_rows.last_heartbeat(database)
        return beat is not None and beat >= since

    with ExitStack() as services:

        def start(*command: str) -> subprocess.Popen[bytes]:
            storage = dagster_home / "storage"
            return services.enter_context(container(tmp_path, environment, *command, also_writable=(storage,)))

        code = ("-h", "127.0.0.1", "-p", str(code_port), "--module-name", "ssa_pipeline.definitions")
        wait(start("dagster", "api", "grpc", *code), "the code server", serves_code)
        web = start("dagster-webserver", "-h", "127.0.0.1", "-p", str(ui_port), "-w", str(workspace))
        wait(web, "the webserver", lambda: status("localhost") == 200)
        wait(start("dagster-daemon", "run", "-w", str(workspace)), "the daemon", beats)
        told = httpx.post(f"{page}/graphql", json={"query": LOCATIONS}, timeout=60, trust_env=False).json()
        assert told["data"]["workspaceOrError"]["locationEntries"] == [
            {"name": "ssa", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
        ]
        assert status("stranger.example") == 403  # our guard is before it
