"""The files for Kubernetes fit each other, the commands and the settings of Rollcall.

Whether they are valid was checked once: core kinds by decoding them strictly into the Go types of k8s.io/api, the
others by the JSON schemas of their CustomResourceDefinitions (CloudNativePG, Strimzi, KEDA, Prometheus operator). Those
are too large to keep here, so what a person is likely to break is checked instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.main import app
from deploy.settings import Settings

FOLDER = Path(__file__).resolve().parents[3] / "deploy/kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
DOCUMENTS: list[dict[str, Any]] = [
    document for name in KUSTOMIZATION["resources"] for document in yaml.safe_load_all((FOLDER / name).read_text())
]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in DOCUMENTS if each["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")
PODS = {name: spec["template"]["spec"] for name, spec in DEPLOYMENTS.items()}
CONTAINERS = [container for pod in PODS.values() for container in [*pod.get("initContainers", []), *pod["containers"]]]


def test_every_file_is_applied_and_every_object_has_a_name_of_its_own() -> None:
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}
    names = [(each["kind"], each["metadata"]["name"]) for each in DOCUMENTS]
    assert len(set(names)) == len(names)


def test_every_role_runs_by_its_command() -> None:
    roles = ["api", "migrate", "project", "ingest", "publish", "deliver"]
    assert [container["args"] for container in CONTAINERS] == [[role] for role in roles]
    assert all(container["args"][0] in app for container in CONTAINERS)
    assert {container["image"] for container in CONTAINERS} == {each["name"] for each in KUSTOMIZATION["images"]}


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: str(container["name"]))
def test_a_container_has_settings_that_exist_and_no_right_that_it_does_not_need(container: dict[str, Any]) -> None:
    given = {each["name"]: each for each in container["env"]}
    assert set(given) <= {f"ROLLCALL_{name.upper()}" for name in Settings.model_fields}
    assert given["ROLLCALL_DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {"name": f"{database()}-app", "key": "uri"}
    rights = container["securityContext"]
    assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert "cpu" in container["resources"]["requests"]
    assert "memory" in container["resources"]["limits"]
    values = {name: each["value"] for name, each in given.items() if "value" in each}
    assert all(isinstance(value, str) for value in values.values())


def database() -> str:
    (name,) = of_kind("Cluster")
    return name


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_role_is_probed_where_it_answers_and_survives_a_drained_node(name: str) -> None:
    deployment, (container,) = DEPLOYMENTS[name], PODS[name]["containers"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert of_kind("PodDisruptionBudget")[name]["selector"]["matchLabels"] == labels
    ((port, number),) = [(each["name"], each["containerPort"]) for each in container["ports"]]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert str(number) == env.get("ROLLCALL_METRICS_PORT", str(Settings.model_fields["http_port"].default))
    assert env["ROLLCALL_HTTP_HOST"] == "0.0.0.0"
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": port}
    assert PODS[name]["terminationGracePeriodSeconds"] >= 15
    assert not PODS[name]["enableServiceLinks"]
    assert port in {each["port"] for each in of_kind("PodMonitor")["rollcall"]["podMetricsEndpoints"]}


def test_what_scales_a_role_names_it_and_leaves_the_number_to_the_scaler() -> None:
    scaled = [*of_kind("HorizontalPodAutoscaler").values(), *of_kind("ScaledObject").values()]
    names = {each["scaleTargetRef"]["name"] for each in scaled}
    assert names == {name for name, spec in DEPLOYMENTS.items() if "replicas" not in spec}
    assert of_kind("Service")["rollcall-api"]["selector"] == DEPLOYMENTS["rollcall-api"]["selector"]["matchLabels"]


def test_ingest_reads_the_topics_that_strimzi_makes() -> None:
    env = {each["name"]: each.get("value") for each in PODS["rollcall-ingest"]["containers"][0]["env"]}
    ((kafka, spec),) = of_kind("Kafka").items()
    (listener,) = spec["kafka"]["listeners"]
    assert env["ROLLCALL_KAFKA_BOOTSTRAP_SERVERS"] == f"{kafka}-kafka-bootstrap:{listener['port']}"
    topics = of_kind("KafkaTopic")
    read = [pair.split("=")[0] for pair in env["ROLLCALL_KAFKA_TOPICS"].split(",")]
    assert set(topics) == {*read, *(f"{topic}.dlt" for topic in read)}
    most = of_kind("ScaledObject")["rollcall-ingest"]["maxReplicaCount"]
    assert all(topics[topic]["partitions"] >= most for topic in read)
    belongs = [each["metadata"]["labels"] for each in DOCUMENTS if each["kind"] in {"KafkaTopic", "KafkaNodePool"}]
    assert belongs == [{"strimzi.io/cluster": kafka}] * len(belongs)
