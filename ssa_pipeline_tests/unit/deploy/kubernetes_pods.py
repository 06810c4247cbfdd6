"""The pods that deploy/kubernetes/values.yaml describes: those of services, put together as the chart's templates do,
and that of a run, which dagster-k8s itself makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

from dagster._config import process_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job
from kubernetes.client import ApiClient

VERSIONS = ("1.29", "1.37")  # of Kubernetes, with strict schemas
Values = dict[str, Any]


def services(values: Values) -> dict[str, Values]:
    """Name -> the values of its pod, for each service."""
    code = values["dagster-user-deployments"]["deployments"]
    return {
        "webserver": values["dagsterWebserver"],
        "daemon": values["dagsterDaemon"],
        **{deployment["name"]: deployment for deployment in code},
    }


def deployment(name: str, part: Values) -> Values:
    """Of a service: what the chart takes from values, without what it adds by itself."""
    image = part["image"]
    probes = {key: dict(part[key]) for key in ("livenessProbe", "readinessProbe", "startupProbe") if key in part}
    for probe in probes.values():
        probe.pop("enabled", None)
    container = {
        "name": "dagster",
        "image": f"{image['repository']}:{image['tag']}",
        "imagePullPolicy": image["pullPolicy"],
        "securityContext": part["securityContext"],
        "env": part["env"],
        "envFrom": [
            *({"configMapRef": source} for source in part.get("envConfigMaps", [])),
            *({"secretRef": source} for source in part.get("envSecrets", [])),
        ],
        "resources": part["resources"],
        "volumeMounts": part["volumeMounts"],
        **probes,
    }
    pod = {
        "securityContext": part["podSecurityContext"],
        "nodeSelector": part["nodeSelector"],
        "containers": [container],
        "volumes": part["volumes"],
    }
    labels = {"component": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def launcher_config(values: Values) -> Values:
    """``run_launcher.config`` of the instance, as the chart writes it."""
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    names = {
        "containerConfig": "container_config",
        "podSpecConfig": "pod_spec_config",
        "podTemplateSpecMetadata": "pod_template_spec_metadata",
        "jobSpecConfig": "job_spec_config",
        "jobMetadata": "job_metadata",
    }
    return {
        "load_incluster_config": given["loadInclusterConfig"],
        "job_namespace": "default",
        "image_pull_policy": given["imagePullPolicy"],
        "service_account_name": "ssa-dagster",
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "ssa-dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [one["name"] for one in given["envConfigMaps"]],
        "volumes": given["volumes"],
        "volume_mounts": given["volumeMounts"],
        "resources": given["resources"],
        "security_context": given["securityContext"],
        "run_k8s_config": {names.get(key, key): value for key, value in given["runK8sConfig"].items()},
    }


def job_of_a_run(values: Values) -> Values:
    """The Job that the launcher would create. ValueError where it cannot read its configuration."""
    processed = process_config(K8sRunLauncher.config_type(), launcher_config(values))
    if not processed.success or processed.value is None:
        raise ValueError("; ".join(error.message for error in processed.errors or []))
    clients = {"k8s_client_batch_api": mock.Mock(), "k8s_client_core_api": mock.Mock()}
    try:
        with mock.patch("dagster_k8s.launcher.load_kubernetes_config"):
            launcher = K8sRunLauncher(**processed.value, **clients)
        context = K8sContainerContext().merge(
            K8sContainerContext.create_for_run(mock.Mock(job_code_origin=None), launcher, include_run_tags=False)
        )
        job = construct_dagster_k8s_job(
            context.get_k8s_job_config(job_image="registry.example.org/ssa-pipeline:0.1.0", run_launcher=launcher),
            args=["dagster", "api", "execute_run", "{}"],
            job_name="dagster-run-1",
            component="run_worker",
            user_defined_k8s_config=context.run_k8s_config,
        )
    except Exception as error:  # it raises nothing more special
        raise ValueError(str(error)) from error
    made: Values = ApiClient().sanitize_for_serialization(job)
    return made


def containers(resource: Values) -> Iterator[tuple[Values, Values]]:
    """Pod and container, for each container of a Deployment or Job."""
    pod = resource["spec"]["template"]["spec"]
    for container in pod["containers"]:
        yield pod, container
