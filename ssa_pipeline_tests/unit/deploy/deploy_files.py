"""What deploy/ names, and what of it does not exist: each function yields sentences, none where all is well."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import typer.main
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from dagster._cli import create_dagster_cli
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import create_dagster_webserver_cli
from jsonschema.validators import validator_for
from numba.core import config as numba_config

from ssa_pipeline.cli import _register_groups, app
from ssa_pipeline.settings.table import SHOWN
from ssa_pipeline_tests.shared.places import REPOSITORY
from ssa_pipeline_tests.unit.deploy import kubernetes_pods
from ssa_pipeline_tests.unit.deploy.chart_names import unknown_names

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE, COMPOSE, VALUES, MANIFESTS = (
    "Dockerfile",
    "compose.yaml",
    "kubernetes/values.yaml",
    "kubernetes/manifests.yaml",
)
IMAGE = ("image/with-kernels", "image/dagster-daemon", "image/dagster-webserver", "image/ssa-healthy")
FILES = (DOCKERFILE, COMPOSE, VALUES, MANIFESTS, "README.md", *IMAGE)
NOT_OURS = {  # of pip, Python, the shell
    *("PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
    *("PATH", "HOME"),
}
Texts = Mapping[str, str]
_NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"


def texts() -> dict[str, str]:
    return {name: (DEPLOY / name).read_text() for name in FILES}


def problems(files: Texts) -> Iterator[str]:
    """Everything that is wrong with the files."""
    yield from _of_dockerfile(files[DOCKERFILE])
    yield from _of_compose(files[COMPOSE])
    yield from (f"{VALUES}: the chart has no value {name}" for name in unknown_names(yaml.safe_load(files[VALUES])))
    yield from _of_cluster(files[VALUES], files[MANIFESTS])
    yield from _of_instance(files[VALUES])
    for place, words in commands(files):
        yield from (f"{place}: {problem}" for problem in _of_command(words))
    with suppress(ValueError):  # said above: the launcher refuses its part
        for place, name in variables(files):
            if not is_variable(name):
                yield f"{place}: there is no variable {name}"
    for place, name in modules(files):
        if importlib.util.find_spec(name) is None:
            yield f"{place}: there is no module {name}"


def _once(find: Callable[..., Iterator[str]]) -> Callable[..., tuple[str, ...]]:
    """The same texts are looked at once."""
    return cache(lambda *given: tuple(find(*given)))


# programs that check -----------------------------------------------------------------------------------------------


@_once
def _of_dockerfile(text: str) -> Iterator[str]:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [program, "--no-color", "--failure-threshold", "info", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield from (done.stdout or done.stderr).splitlines()


@_once
def _of_compose(text: str) -> Iterator[str]:
    schema = get_builtin_schema("vendor.compose-spec")
    for error in validator_for(schema)(schema).iter_errors(yaml.safe_load(text)):
        yield f"{COMPOSE}: {error.json_path}: {error.message}"


@cache
def resources(values_text: str, manifests: str) -> dict[str, dict[str, Any]]:
    """Everything that would be in the cluster: name -> resource. ValueError where the launcher refuses its part."""
    values = yaml.safe_load(values_text)
    plain = {f"{one['kind']} {one['metadata']['name']}": one for one in yaml.safe_load_all(manifests)}
    services = kubernetes_pods.services(values).items()
    return {
        **plain,
        **{name: kubernetes_pods.deployment(name, part) for name, part in services},
        "run": kubernetes_pods.job_of_a_run(values),
    }


@_once
def _of_cluster(values: str, manifests: str) -> Iterator[str]:
    try:
        all_of_them = resources(values, manifests)
    except (ValueError, KeyError) as error:
        yield f"{VALUES}: the run launcher refuses its configuration: {error}"
        return
    for name, resource in all_of_them.items():
        for version in kubernetes_pods.VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name}, Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name}: {error.message}"


def instance(values: dict[str, Any]) -> dict[str, Any]:
    """dagster.yaml as the chart writes it, of what the values say."""
    coordinator = values["dagsterDaemon"]["runCoordinator"]["config"]["customRunCoordinator"]
    retention = values["retention"]
    kept = {"sensor": "sensor", "schedule": "schedule", "auto_materialize": "autoMaterialize"}
    return {
        "run_coordinator": coordinator,
        "run_launcher": {
            "module": "dagster_k8s",
            "class": values["runLauncher"]["type"],
            "config": kubernetes_pods.launcher_config(values),
        },
        "telemetry": values["telemetry"],
        "retention": {name: {"purge_after_days": retention[key]["purgeAfterDays"]} for name, key in kept.items()},
        **values["additionalInstanceConfig"],
    }


@_once
def _of_instance(text: str) -> Iterator[str]:
    try:
        written = instance(yaml.safe_load(text))
    except KeyError as error:
        yield f"{VALUES}: {error} is missing"
        return
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "dagster.yaml").write_text(yaml.safe_dump(written))
        try:
            dagster_instance_config(directory)
        except Exception as error:  # noqa: BLE001 (Dagster's own error says what)
            yield f"{VALUES}: {error}"
    coordinator = written["run_coordinator"]
    module = importlib.import_module(coordinator["module"])
    if getattr(module, coordinator["class"], None) is not QueuedRunCoordinator:
        yield f"{VALUES}: there is no {coordinator['class']} in {coordinator['module']}"
    processed = process_config(QueuedRunCoordinator.config_type(), coordinator["config"])
    yield from (f"{VALUES}: run coordinator: {error.message}" for error in processed.errors or [])


# names that must exist ---------------------------------------------------------------------------------------------


@cache
def _programs() -> dict[str, click.Command]:
    _register_groups()
    return {
        "ssa": typer.main.get_command(app),
        "dagster": create_dagster_cli(),
        "dagster-daemon": create_dagster_daemon_cli(),
        "dagster-webserver": create_dagster_webserver_cli(),
    }


def commands(files: Texts) -> Iterator[tuple[str, list[str]]]:
    """Every command of ours and Dagster's: where, and its words."""
    compose, values = yaml.safe_load(files[COMPOSE]), yaml.safe_load(files[VALUES])
    for name, service in compose["services"].items():
        for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]):
            if words and words[0] in _programs():
                yield f"{COMPOSE} {name}", words
    for deployment in values["dagster-user-deployments"]["deployments"]:
        arguments = [*("-h", "0.0.0.0", "-p", str(deployment["port"])), *deployment["dagsterApiGrpcArgs"]]
        yield f"{VALUES} {deployment['name']}", ["dagster", "api", "grpc", *arguments]
    for name, part in kubernetes_pods.services(values).items():
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            words = part.get(probe, {}).get("exec", {}).get("command")
            if words:
                yield f"{VALUES} {name}", words
    for resource in yaml.safe_load_all(files[MANIFESTS]):
        if resource["kind"] == "Job":
            for _, container in kubernetes_pods.containers(resource):
                yield from _in_shell(MANIFESTS, container["args"][-1])
    yield from _in_dockerfile(files[DOCKERFILE])
    yield from _in_shell("README.md", "\n".join(re.findall(r"^    (.+)$", files["README.md"], re.MULTILINE)))
    yield from _in_shell("README.md", "\n".join(re.findall(r"`(ssa [^`]+)`", files["README.md"])))
    healthy = re.search(r"os\.execvp\(\"ssa\", (\[.+\])\)", files["image/ssa-healthy"])
    assert healthy
    yield "image/ssa-healthy", json.loads(healthy[1])


def _in_dockerfile(text: str) -> Iterator[tuple[str, list[str]]]:
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        if line.startswith("RUN "):
            yield from _in_shell(DOCKERFILE, line.removeprefix("RUN "))
        form = re.fullmatch(r"(?:CMD|HEALTHCHECK .*CMD|ENTRYPOINT) (\[.*\])", line)
        if form and (words := json.loads(form[1]))[0] in _programs():
            yield DOCKERFILE, words


def _in_shell(place: str, text: str) -> Iterator[tuple[str, list[str]]]:
    for fragment in re.split(r"\n|&&|;|\||\$\(|\)", text):
        words = fragment.replace('"', " ").replace("'", " ").split()
        for number, word in enumerate(words):
            if Path(word).name in _programs() and (number == 0 or words[number - 1] in ("exec", "node")):
                yield place, [Path(word).name, *words[number + 1 :]]
                break


def _of_command(words: list[str]) -> Iterator[str]:
    name, rest = words[0], list(words[1:])
    command = _programs()[name]
    while isinstance(getattr(command, "commands", None), dict) and rest and rest[0] != "--help":
        name, command = f"{name} {rest[0]}", command.commands.get(rest.pop(0))  # type: ignore[attr-defined]
        if command is None:
            yield f"there is no command {name}"
            return
    if rest == ["--help"]:
        return
    try:
        command.make_context(name, rest)
    except Exception as error:  # noqa: BLE001 (typer has a click of its own, with errors of its own)
        said = error.format_message() if hasattr(error, "format_message") else error
        yield f"{' '.join(words)}: {said}"


def variables(files: Texts) -> Iterator[tuple[str, str]]:
    """Every environment variable that is set or explained: where, and its name."""
    for name, service in yaml.safe_load(files[COMPOSE])["services"].items():
        yield from ((f"{COMPOSE} {name}", variable) for variable in service.get("environment", {}))
    for name, resource in resources(files[VALUES], files[MANIFESTS]).items():
        if resource["kind"] == "ConfigMap":
            yield from ((name, variable) for variable in resource["data"])
        if resource["kind"] in ("Job", "Deployment"):
            for _, container in kubernetes_pods.containers(resource):
                yield from ((name, one["name"]) for one in container["env"])
    for line in re.findall(r"^(?:ENV|RUN export) ((?:.*\\\n)*.*)$", files[DOCKERFILE], re.MULTILINE):
        yield from ((DOCKERFILE, name) for name in re.findall(rf"\b({_NAME}|PATH|HOME)=", line))
    for name in (VALUES, MANIFESTS, "README.md"):
        yield from ((name, variable) for variable in re.findall(rf"\b({_NAME})\b", files[name]))


def is_variable(name: str) -> bool:
    """Whether something reads it: we, numba, or what the image consists of."""
    if name.startswith("NUMBA_"):
        return hasattr(numba_config, name.removeprefix("NUMBA_"))
    return name in SHOWN or name in NOT_OURS or name in ("DAGSTER_HOME", "DAGSTER_PG_PASSWORD")


def modules(files: Texts) -> Iterator[tuple[str, str]]:
    """Every module that is named: where, and its name."""
    for name in (VALUES, *IMAGE):
        yield from (
            (name, module)
            for module in re.findall(r"\b((?:ssa_pipeline|dagster)\w*(?:\.\w+)+)\b(?<!\.yaml)", files[name])
        )
