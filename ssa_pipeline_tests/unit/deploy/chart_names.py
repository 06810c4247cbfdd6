"""Names of the chart dagster/dagster that deploy/kubernetes/values.yaml may use: what its sources (repository
dagster-io/dagster, helm/dagster, read on 2026-11-30) take, of the sections that we set. The chart ignores most names
that it does not know, so that a misspelt one would silently do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_ANY: dict[str, Any] = {}  # whatever is below is looked at elsewhere, or is not a name
_IMAGE = dict.fromkeys(("repository", "tag", "pullPolicy"), _ANY)
_POD = dict.fromkeys(
    (
        *("env", "envConfigMaps", "envSecrets", "annotations", "labels", "nodeSelector", "affinity", "tolerations"),
        *("podSecurityContext", "securityContext", "resources", "livenessProbe", "readinessProbe", "startupProbe"),
        *("volumes", "volumeMounts", "schedulerName"),
    ),
    _ANY,
) | {"image": _IMAGE}
_SERVICE = _POD | dict.fromkeys(("deploymentLabels", "initContainerResources"), _ANY)
_CLASS = dict.fromkeys(("module", "class", "config"), _ANY)
_TICKS = {"purgeAfterDays": dict.fromkeys(("skipped", "started", "success", "failure"), _ANY)}
_ENABLED = {"enabled": _ANY}

CHART: dict[str, Any] = {
    "global": dict.fromkeys(("dagsterHome", "postgresqlSecretName", "serviceAccountName"), _ANY),
    "postgresql": dict.fromkeys(
        (
            *("enabled", "postgresqlHost", "postgresqlUsername", "postgresqlPassword", "postgresqlDatabase"),
            *("postgresqlParams", "postgresqlScheme"),
        ),
        _ANY,
    )
    | {"service": {"port": _ANY}, "image": _IMAGE},
    "generatePostgresqlPasswordSecret": _ANY,
    "generateCeleryConfigSecret": _ANY,
    "rabbitmq": _ENABLED,
    "redis": _ENABLED,
    "flower": _ENABLED,
    "dagster-user-deployments": _ENABLED
    | {
        "enableSubchart": _ANY,
        "deployments": _POD
        | dict.fromkeys(("name", "dagsterApiGrpcArgs", "codeServerArgs", "port"), _ANY)
        | {"includeConfigInLaunchedRuns": _ENABLED},
    },
    "dagsterWebserver": _SERVICE
    | dict.fromkeys(("replicaCount", "enableReadOnly", "pathPrefix", "logLevel"), _ANY)
    | {"service": dict.fromkeys(("type", "port", "annotations"), _ANY)},
    "dagsterDaemon": _SERVICE
    | {
        "enabled": _ANY,
        "heartbeatTolerance": _ANY,
        "runCoordinator": {"enabled": _ANY, "type": _ANY, "config": {"customRunCoordinator": _CLASS}},
        "runMonitoring": _ENABLED,
        "runRetries": _ENABLED,
    },
    "additionalInstanceConfig": _ANY,
    "runLauncher": {
        "type": _ANY,
        "config": {
            "k8sRunLauncher": dict.fromkeys(
                (
                    *("imagePullPolicy", "jobNamespace", "loadInclusterConfig", "kubeconfigFile", "envConfigMaps"),
                    *("envSecrets", "envVars", "volumes", "volumeMounts", "labels", "resources", "schedulerName"),
                    *("securityContext", "failPodOnRunFailure"),
                ),
                _ANY,
            )
            | {
                "runK8sConfig": dict.fromkeys(
                    ("containerConfig", "podSpecConfig", "podTemplateSpecMetadata", "jobSpecConfig", "jobMetadata"),
                    _ANY,
                )
            }
        },
    },
    "computeLogManager": {"type": _ANY},
    "telemetry": _ENABLED,
    "retention": _ENABLED | dict.fromkeys(("sensor", "schedule", "autoMaterialize"), _TICKS),
}


def unknown_names(values: Any, known: dict[str, Any] = CHART, path: str = "") -> Iterator[str]:
    """Paths of values that no such name of the chart takes; ours for anchors begin with ``x-``."""
    for element in values if isinstance(values, list) else [values]:
        if known is not _ANY and isinstance(element, dict):
            for name, value in element.items():
                if name in known:
                    yield from unknown_names(value, known[name], f"{path}{name}.")
                elif path or not name.startswith("x-"):
                    yield f"{path}{name}"
