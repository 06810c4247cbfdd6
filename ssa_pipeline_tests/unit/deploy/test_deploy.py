"""The files of deploy/ against the programs and schemas that know their formats, and against the project: the commands,
modules, settings and ports that they name. Neither a container engine nor helm is needed."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import make_url

from ssa_pipeline import __version__
from ssa_pipeline.settings import DatabaseUrl
from ssa_pipeline_tests.shared.places import REPOSITORY
from ssa_pipeline_tests.unit.deploy import kubernetes_pods
from ssa_pipeline_tests.unit.deploy.deploy_files import (
    COMPOSE,
    DOCKERFILE,
    MANIFESTS,
    VALUES,
    commands,
    instance,
    modules,
    problems,
    resources,
    texts,
    variables,
)

FILES = texts()
CHART: dict[str, Any] = yaml.safe_load(FILES[VALUES])
IN_COMPOSE: dict[str, Any] = yaml.safe_load(FILES[COMPOSE])
IN_CLUSTER = resources(FILES[VALUES], FILES[MANIFESTS])
PODS = {name: one for name, one in IN_CLUSTER.items() if one["kind"] in ("Deployment", "Job")}
SETTINGS = IN_CLUSTER["ConfigMap ssa-settings"]["data"]


def test_everything_that_the_files_name_exists() -> None:
    assert list(problems(FILES)) == []


def test_the_names_are_found() -> None:
    """Else the test above would find nothing wrong with files that it cannot read."""
    found = {" ".join(words[:2]) for _, words in commands(FILES)}
    assert {"ssa worker", "ssa up", "ssa screen", "ssa db", "ssa env", "ssa demo", "ssa status"} <= found
    assert {"dagster api", "dagster instance", "dagster-daemon liveness-check"} <= found
    assert {"POSTGRES_HOST", "SSA_THREADS", "SSA_UI_PORT", "SPACE_TRACK_USERNAME"} <= {
        name for _, name in variables(FILES)
    }
    assert {"ssa_pipeline.local.daemon_process", "ssa_pipeline.definitions"} <= {name for _, name in modules(FILES)}


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (DOCKERFILE, "ssa screen", "ssa scren", "no command ssa scren"),
        (DOCKERFILE, "--volume 2,25,25", "--volumes 2,25,25", "--volumes"),
        (DOCKERFILE, "NUMBA_CPU_NAME=", "NUMBA_CPU_NAMES=", "NUMBA_CPU_NAMES"),
        (DOCKERFILE, "COPY . .", "ADD . .", "DL3020"),
        (COMPOSE, "[ssa, worker,", "[ssa, wroker,", "no command ssa wroker"),
        (COMPOSE, '--slots, "1"', '--slots, "0"', "--slots"),
        (COMPOSE, "--queues", "--queue-names", "--queue-names"),
        (COMPOSE, "SSA_MAX_RUNS:", "SSA_MAXRUNS:", "no variable SSA_MAXRUNS"),
        (COMPOSE, "read_only:", "readonly:", "readonly"),
        (VALUES, "ssa_pipeline.definitions", "ssa_pipeline.definition", "no module ssa_pipeline.definition"),
        (VALUES, "--module-name", "--modul-name", "--modul-name"),
        (VALUES, "liveness-check", "health-check", "no command dagster-daemon health-check"),
        (VALUES, "includeConfigInLaunchedRuns", "includeConfigInRuns", "deployments.includeConfigInRuns"),
        (VALUES, "heartbeatTolerance", "heartbeatTolerances", "dagsterDaemon.heartbeatTolerances"),
        (VALUES, "podSpecConfig", "podSpec", "podSpec"),
        (VALUES, "readOnlyRootFilesystem", "readOnlyRootFileSystem", "readOnlyRootFileSystem"),
        (VALUES, "tolerationSeconds", "tolerationsSeconds", "tolerationsSeconds"),
        (VALUES, "max_resume_run_attempts", "max_resumes", "max_resumes"),
        (VALUES, "dequeue_interval_seconds", "dequeue_interval", "dequeue_interval"),
        (VALUES, "class: QueuedRunCoordinator", "class: QueueRunCoordinator", "QueueRunCoordinator"),
        (VALUES, "SSA_THREADS", "SSA_THREAD", "no variable SSA_THREAD"),
        (MANIFESTS, "policy/v1", "policy/v2", "PodDisruptionBudget"),
        (MANIFESTS, "minAvailable", "minAvailables", "minAvailables"),
        (MANIFESTS, "ssa db upgrade", "ssa db upgrades", "no command ssa db upgrades"),
        (MANIFESTS, "POSTGRES_PORT", "POSTGRES_PROT", "no variable POSTGRES_PROT"),
        ("README.md", "node ssa demo", "node ssa demon", "no command ssa demon"),
        ("README.md", "SSA_STALLED_AFTER_S", "SSA_STALLED_S", "no variable SSA_STALLED_S"),
        ("image/dagster-daemon", "local.daemon_process", "local.daemon", "no module ssa_pipeline.local.daemon"),
    ],
)
def test_a_wrong_name_is_found(file: str, right: str, wrong: str, said: str) -> None:
    assert right in FILES[file]
    found = list(problems(FILES | {file: FILES[file].replace(right, wrong)}))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_rights_that_it_does_not_need(name: str) -> None:
    for pod, container in kubernetes_pods.containers(PODS[name]):
        assert pod["securityContext"]["runAsNonRoot"]
        assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in FILES[DOCKERFILE]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}
        assert container["image"].endswith(f"/ssa-pipeline:{__version__}")


@pytest.mark.parametrize("name", PODS)
def test_a_pod_can_write_where_the_image_writes(name: str) -> None:
    """/tmp, the home, and beside dagster.yaml, where the chart mounts one."""
    needed = {"/tmp", re.findall(r"SSA_HOME=(/var\S+)", FILES[DOCKERFILE])[0]}
    if name != "Job ssa-upgrade":
        needed.add(f"{CHART['global']['dagsterHome']}/storage")
    for pod, container in kubernetes_pods.containers(PODS[name]):
        empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
        assert {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in empty} == needed
        assert "NUMBA_CACHE_DIR=/tmp/" in FILES[DOCKERFILE]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_takes_settings_and_secrets_that_there_are(name: str) -> None:
    for pod, container in kubernetes_pods.containers(PODS[name]):
        assert pod["nodeSelector"]["ssa/pool"] == ("runs" if name == "run" else "services")
        sources = container["envFrom"]
        assert {one["configMapRef"]["name"] for one in sources if "configMapRef" in one} == {"ssa-settings"}
        assert all(one["secretRef"]["optional"] for one in sources if "secretRef" in one)
        password = next(one for one in container["env"] if one["name"] == "POSTGRES_PASSWORD")
        secret = password["valueFrom"]["secretKeyRef"]
        assert secret == {"name": CHART["global"]["postgresqlSecretName"], "key": "postgresql-password"}
        assert f"secret generic {secret['name']} --from-literal={secret['key']}=" in FILES["README.md"]


def test_dagster_and_the_pipeline_use_one_database() -> None:
    """The chart's address is that of the ConfigMap, with Dagster's own schema as `ssa up` chooses it."""
    given = CHART["postgresql"]
    chart = pg_url_from_config(
        {
            "postgres_db": {
                "username": given["postgresqlUsername"],
                "password": "secret",
                "hostname": given["postgresqlHost"],
                "db_name": given["postgresqlDatabase"],
                "port": given["service"]["port"],
                "params": given["postgresqlParams"],
                "scheme": given["postgresqlScheme"],
            }
        }
    )
    host, port = SETTINGS["POSTGRES_HOST"], SETTINGS["POSTGRES_PORT"]
    ours = DatabaseUrl.parse(f"postgresql://{SETTINGS['POSTGRES_USER']}:secret@{host}:{port}/{SETTINGS['POSTGRES_DB']}")
    assert make_url(chart) == make_url(ours.dagster)


def test_ports_are_the_same_on_both_sides() -> None:
    web = CHART["dagsterWebserver"]
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert web[probe]["httpGet"]["port"] == web["service"]["port"]
    assert f"port-forward service/ssa-webserver 3000:{web['service']['port']}" in FILES["README.md"]
    node, postgres = IN_COMPOSE["services"]["node"], IN_COMPOSE["services"]["postgres"]
    pages = [urlsplit(address).port for address in re.findall(r"http://127\.0\.0\.1:\d+", FILES["README.md"])]
    assert pages == [int(node["environment"]["SSA_UI_PORT"])]
    port = node["environment"]["POSTGRES_PORT"]
    assert postgres["ports"] == [f"{node['environment']['POSTGRES_HOST']}:{port}:{port}"]


def test_the_instance_in_the_cluster_is_that_of_plain_machines() -> None:
    """But for the launcher, how many runs at a time, and how long a start may take and is watched."""
    plain = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    cluster = instance(CHART)
    for name in ("retention", "telemetry", "nux", "run_retries"):
        assert cluster[name] == plain[name], name
    limits = "tag_concurrency_limits"
    assert cluster["run_coordinator"]["config"][limits] == plain["run_coordinator"]["config"][limits]
    differ = {key for key, value in plain["run_monitoring"].items() if cluster["run_monitoring"][key] != value}
    assert differ <= {"start_timeout_seconds", "poll_interval_seconds"}
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())
    location = workspace["load_from"][0]["python_module"]
    deployment = CHART["dagster-user-deployments"]["deployments"][0]
    assert location["location_name"] == deployment["name"]
    assert location["module_name"] == deployment["dagsterApiGrpcArgs"][-1]


def test_a_drain_waits_for_runs_and_leaves_a_webserver() -> None:
    budgets = {name: one["spec"] for name, one in IN_CLUSTER.items() if one["kind"] == "PodDisruptionBudget"}
    labels = IN_CLUSTER["run"]["spec"]["template"]["metadata"]["labels"]
    runs = budgets["PodDisruptionBudget ssa-runs"]
    assert runs["selector"]["matchLabels"].items() <= labels.items()
    assert (
        runs["minAvailable"]
        > CHART["dagsterDaemon"]["runCoordinator"]["config"]["customRunCoordinator"]["config"]["max_concurrent_runs"]
    )
    assert budgets["PodDisruptionBudget ssa-webserver"]["minAvailable"] < CHART["dagsterWebserver"]["replicaCount"]


def test_a_run_has_as_many_threads_as_cores() -> None:
    container = next(kubernetes_pods.containers(IN_CLUSTER["run"]))[1]
    values = {one["name"]: one.get("value") for one in container["env"]}
    assert values["SSA_THREADS"] == container["resources"]["requests"]["cpu"]
    assert values["SSA_MAX_RUNS"] == "1"


def test_versions_are_those_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    dagster = next(one for one in project["dependencies"] if one.startswith("dagster=="))
    chart = dagster.removeprefix("dagster==")
    assert f"dagster/dagster {chart}:" in FILES[VALUES]
    assert f"--version {chart} " in FILES["README.md"]
    services = IN_COMPOSE["services"].values()
    assert {one["image"] for one in services if "ssa-" in one["image"]} == {f"ssa-pipeline:{__version__}"}
    assert f'image.version="{__version__}"' in FILES[DOCKERFILE]


def test_the_nodes_of_the_trial_share_the_database_and_the_settings_alone() -> None:
    services = IN_COMPOSE["services"]
    ours = {name: one for name, one in services.items() if name != "postgres"}
    assert ours.keys() == {"node", "worker-1", "worker-2"}
    volumes = [one.partition(":")[0] for one in chain(*(service.get("volumes", []) for service in services.values()))]
    assert len(set(volumes)) == len(volumes)
    place = {"POSTGRES_HOST", "SSA_UI_PORT"}
    seen = [{key: value for key, value in one["environment"].items() if key not in place} for one in ours.values()]
    assert seen[0] == seen[1] == seen[2]
    for service in ours.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert any(mount.startswith("/tmp") for mount in service["tmpfs"])


def test_no_way_takes_more_than_four_commands() -> None:
    for block in re.findall(r"\n\n((?:    .+\n)+)", FILES["README.md"]):
        assert block.count("\n") <= 4
