"""The manifests keep the rules that a review would ask for; no cluster is needed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewardd_sandbox.tiers import Tier
from rewardd_service.settings import Settings
from rewardd_verifiers import Need

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OTHERS = "kustomization.yaml"

Manifest = dict[str, Any]


def manifests() -> Iterator[Manifest]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != OTHERS:
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


ALL = list(manifests())
WORKLOADS = [each for each in ALL if each["kind"] in ("Deployment", "StatefulSet")]
EACH_WORKLOAD = pytest.mark.parametrize(
    "workload", WORKLOADS, ids=[each["metadata"]["name"] for each in WORKLOADS]
)


def pod(workload: Manifest) -> Manifest:
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def labels(workload: Manifest) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def environment(workload: Manifest) -> dict[str, str]:
    (container,) = pod(workload)["containers"]
    return {each["name"]: each["value"] for each in container.get("env", [])}


@EACH_WORKLOAD
def test_a_pod_is_as_restricted_as_kubernetes_knows(workload: Manifest) -> None:
    spec = pod(workload)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    profile = spec["securityContext"]["seccompProfile"]["type"]
    runs_programs = workload["metadata"]["name"] == "sandbox-worker"
    assert profile == ("Localhost" if runs_programs else "RuntimeDefault")
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "hostPath" not in str(spec)


@EACH_WORKLOAD
def test_a_pod_runs_as_the_user_of_its_image(workload: Manifest) -> None:
    (container,) = pod(workload)["containers"]
    user = pod(workload)["securityContext"]["runAsUser"]
    assert user == (10001 if container["image"].startswith("rewardd/") else 999)


@EACH_WORKLOAD
def test_services_cannot_be_mistaken_for_settings(workload: Manifest) -> None:
    assert pod(workload)["enableServiceLinks"] is False


@EACH_WORKLOAD
def test_a_pod_says_what_it_takes_and_when_it_is_ready(workload: Manifest) -> None:
    (container,) = pod(workload)["containers"]
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    assert "readinessProbe" in container


@EACH_WORKLOAD
def test_its_selector_finds_its_pods(workload: Manifest) -> None:
    assert workload["spec"]["selector"]["matchLabels"] == labels(workload)


@pytest.mark.parametrize("name", ["gateway", "worker", "sandbox-worker"])
def test_a_pod_is_given_time_to_drain(name: str) -> None:
    (workload,) = [each for each in WORKLOADS if each["metadata"]["name"] == name]
    told = environment(workload)
    announce = float(told.get("REWARDD_DRAIN_ANNOUNCE_SECONDS", "0"))
    drain = float(told["REWARDD_DRAIN_SECONDS"])
    assert pod(workload)["terminationGracePeriodSeconds"] > announce + drain + 10


@EACH_WORKLOAD
def test_every_variable_is_a_setting(workload: Manifest) -> None:
    known = {f"REWARDD_{name.upper()}" for name in Settings.model_fields}
    assert environment(workload).keys() <= known


@pytest.mark.parametrize("name", ["worker", "sandbox-worker"])
def test_workers_are_never_of_two_versions(name: str) -> None:
    assert pod_owner(name)["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy", "Service"])
def test_whatever_selects_pods_selects_some(kind: str) -> None:
    key = {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}.get(kind)
    selectors = [each["spec"][key or "selector"] for each in ALL if each["kind"] == kind]
    wanted = [selector.get("matchLabels", selector) for selector in selectors]
    there = [labels(each) for each in WORKLOADS]
    assert wanted
    assert [each for each in wanted if each not in there] == []


def test_whatever_scales_names_a_workload() -> None:
    scalers = [each for each in ALL if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    names = {each["spec"]["scaleTargetRef"]["name"] for each in scalers}
    assert names == {"gateway", "worker", "sandbox-worker"}
    assert all("replicas" not in pod_owner(name)["spec"] for name in names)


def pod_owner(name: str) -> Manifest:
    (found,) = [each for each in WORKLOADS if each["metadata"]["name"] == name]
    return found


def test_workers_scale_by_the_stream_that_the_backend_writes() -> None:
    names = pytest.importorskip("rewardd_service.backends.redis.names")
    scaled = {
        each["metadata"]["name"]: each["spec"]["triggers"][0]["metadata"]
        for each in ALL
        if each["kind"] == "ScaledObject"
    }
    assert {name: asked["stream"] for name, asked in scaled.items()} == {
        "worker": names.chunks(Need.CPU),
        "sandbox-worker": names.chunks(Need.SANDBOX),
    }
    assert {asked["consumerGroup"] for asked in scaled.values()} == {names.GROUP}


@pytest.mark.parametrize("name", ["worker", "sandbox-worker"])
def test_a_worker_is_asked_where_it_answers(name: str) -> None:
    workload = pod_owner(name)
    (container,) = pod(workload)["containers"]
    (port,) = container["ports"]
    told = environment(workload)["REWARDD_METRICS_PORT"]
    scraped = workload["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    assert (str(port["containerPort"]), scraped) == (told, told)


def test_every_pod_may_reach_redis_and_redis_reaches_nobody() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"] for each in ALL if each["kind"] == "NetworkPolicy"
    }
    allowed = policies["redis"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]
    clients = {labels(each)["app.kubernetes.io/name"] for each in WORKLOADS} - {"rewardd-redis"}
    assert set(allowed["values"]) == clients
    assert "egress" not in policies["redis"]
    assert policies.keys() == {"redis", "gateway", "worker", "sandbox-worker"}


def secrets_in(name: str) -> set[str]:
    """Return the files of the fleet's secret that a workload's pods are given."""
    volumes = pod(pod_owner(name))["volumes"]
    given = [
        v["secret"] for v in volumes if v.get("secret", {}).get("secretName") == "rewardd-redis"
    ]
    return {item["key"] for secret in given for item in secret["items"]}


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_all_that_compare_expressions_draw_the_same_points(name: str) -> None:
    assert "rewardd_probe_secret" in secrets_in(name)


def test_what_runs_programs_knows_no_more_than_it_must_and_runs_none_in_a_weak_jail() -> None:
    assert secrets_in("sandbox-worker") == {"rewardd_redis"}
    assert environment(pod_owner("sandbox-worker"))["REWARDD_SANDBOX_MIN_TIER"] == Tier.USERNS


def test_the_images_are_those_of_compose() -> None:
    composed = {service["image"] for service in COMPOSE["services"].values()}
    used = {container["image"] for each in WORKLOADS for container in pod(each)["containers"]}
    assert used <= composed


def test_the_secrets_that_pods_mount_are_those_that_the_page_tells_to_make() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    mounted = {
        volume["secret"]["secretName"]
        for each in WORKLOADS
        for volume in pod(each)["volumes"]
        if "secret" in volume
    }
    assert mounted == set(re.findall(r"create secret generic (\S+)", page))


def test_kustomize_takes_every_file() -> None:
    kustomization = yaml.safe_load((FOLDER / OTHERS).read_text(encoding="utf-8"))
    assert set(kustomization["resources"]) | {OTHERS} == {path.name for path in FOLDER.iterdir()}
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(ALL)
    assert {each["metadata"]["namespace"] for each in built if each["kind"] != "Namespace"} == {
        "rewardd"
    }


CUSTOM = {"ScaledObject", "TriggerAuthentication"}


def test_every_manifest_fits_the_schemas_of_kubernetes(tmp_path: Path) -> None:
    validator = Path(sys.executable).with_name("kubernetes-validate")
    if not validator.exists():
        pytest.skip("MANIFESTS NOT VALIDATED: no kubernetes-validate here (pip install)")
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all(each for each in ALL if each["kind"] not in CUSTOM), "utf-8")
    done = subprocess.run(
        [validator, "--strict", path], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validator_sees_a_misspelt_field(tmp_path: Path) -> None:
    validator = Path(sys.executable).with_name("kubernetes-validate")
    if not validator.exists():
        pytest.skip("MANIFESTS NOT VALIDATED: no kubernetes-validate here (pip install)")
    wrong = {**pod_owner("gateway"), "spec": {**pod_owner("gateway")["spec"], "replica": 2}}
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    assert subprocess.run([validator, "--strict", path], check=False, timeout=100).returncode != 0
