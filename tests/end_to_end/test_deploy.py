"""What ships under deploy/ fits the server: metrics exist, rules fire, manifests keep the rules."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fakes import InstantBackend
from redis_server import redis_server
from rewardd_service.backends.local import LocalBackend
from rewardd_service.cache.redis import RedisShelf
from rewardd_service.dispatcher import Dispatcher
from rewardd_service.metrics import GroupOutcome, Metrics
from rewardd_service.numbers import LaneNumbers, PoolNumbers
from rewardd_service.pool import WorkerPool
from rewardd_service.settings import Settings
from rewardd_service.worker_role import registry_of
from rewardd_verifiers import Need

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/rewardd.json").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = yaml.safe_load(
    (DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8")
)["groups"][0]["rules"]

# What Prometheus adds to every series, and a histogram to its buckets.
ADDED_LABELS = {"instance", "job", "le"}


def used_metrics() -> Metrics:
    """Return metrics of which each has been counted once, with what is read live."""
    metrics = Metrics(version="1")
    metrics.request_done("/v1/score", "200", 0.1)
    metrics.refused("overloaded")
    metrics.samples_settled({"scored": 1})
    metrics.held(1)
    metrics.verdicts_settled({("math@1", "scored", "match"): 1})
    metrics.scored("math@1", [1.0], [0.1])
    metrics.rewarded([1.0])
    metrics.groups_settled({GroupOutcome.MIXED: 1})
    metrics.chunk_sent("cpu", 1, 0.1)
    metrics.cache_asked("hit")
    metrics.redelivered()
    metrics.resent()
    metrics.late()
    metrics.backend("local", up=True)
    metrics.degraded(degraded=False)
    dispatcher = Dispatcher(InstantBackend(), metrics)
    metrics.registry.register(LaneNumbers(dispatcher))
    metrics.registry.register(PoolNumbers(LocalBackend()))
    return metrics


@dataclass(frozen=True)
class ScriptedNode:
    """A worker that has had one chunk."""

    chunks: Mapping[tuple[str, str], int]
    pools: Mapping[Need, WorkerPool]

    def trouble(self) -> str | None:
        """Return None: it serves."""
        return None


def gateway_shows() -> dict[str, set[str]]:
    """Return the labels of every series of a gateway by its name."""
    return series_in(used_metrics().exposition())


def worker_shows() -> dict[str, set[str]]:
    """Return the labels of every series of a worker by its name."""
    node = ScriptedNode({("cpu", "done"): 1}, LocalBackend().pools)
    return series_in(generate_latest(registry_of(node)))


def series_in(exposition: bytes) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def shown() -> dict[str, set[str]]:
    """Return the labels of every series of both roles by its name."""
    found = gateway_shows()
    for name, named in worker_shows().items():
        found.setdefault(name, set()).update(named)
    return found


def test_what_both_roles_show_has_the_same_labels() -> None:
    gateways, workers = gateway_shows(), worker_shows()
    both = gateways.keys() & workers.keys()
    assert {name: gateways[name] for name in both} == {name: workers[name] for name in both}
    assert both == {
        *("rewardd_build_info", "rewardd_quarantined_jobs", "rewardd_workers"),
        "rewardd_worker_exits_total",
    }


@pytest.mark.parametrize("show", [gateway_shows, worker_shows], ids=["gateway", "worker"])
def test_every_expression_is_of_one_role_alone(show: Callable[[], dict[str, set[str]]]) -> None:
    mixed = [
        name
        for name, asked in expressions()
        if 0 < len(series_of(asked) & show().keys()) < len(series_of(asked))
    ]
    assert mixed == []


def series_of(asked: str) -> set[str]:
    return set(re.findall(r"\brewardd_\w+", asked))


def expressions() -> Iterator[tuple[str, str]]:
    """Yield all that is asked of Prometheus, with the name of who asks."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]


EXPRESSIONS = pytest.mark.parametrize(
    "asked", [text for _, text in expressions()], ids=[name for name, _ in expressions()]
)


@EXPRESSIONS
def test_every_metric_that_is_asked_for_exists(asked: str) -> None:
    assert series_of(asked) <= shown().keys()


@EXPRESSIONS
def test_every_label_that_is_asked_for_exists(asked: str) -> None:
    named = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", asked))
    for group in re.findall(r"\bby \(([^)]*)\)", asked):
        named |= {label.strip() for label in group.split(",")}
    series = series_of(asked)
    known = ADDED_LABELS.union(*(shown()[name] for name in series))
    assert named <= known


def test_every_metric_is_looked_at_by_somebody() -> None:
    asked = " ".join(text for _, text in expressions())
    bases = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in shown()}
    assert {name for name in bases if name not in asked} == set()


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_panel_says_what_it_shows() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert [panel["title"] for panel in panels if not panel["description"].endswith(".")] == []


def test_every_alert_says_what_it_means() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS} <= {"page", "warn", "info"}
    assert [rule["alert"] for rule in ALERTS if not rule["annotations"]["summary"]] == []


def promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_configuration() -> None:
    assert "SUCCESS" in promtool("check", "config", DEPLOY / "prometheus/prometheus.yml")


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else() -> None:
    cases = ROOT / "tests/end_to_end/alerts_test.yml"
    assert "SUCCESS" in promtool("test", "rules", cases)
    tested = set(re.findall(r'alertname="(\w+)"', cases.read_text(encoding="utf-8")))
    assert tested == {rule["alert"] for rule in ALERTS}


# Keys that docker-compose 1.29.2 and the plug-in both know and honour.
HONOURED = {
    *("build", "cap_drop", "command", "cpus", "depends_on", "entrypoint", "environment"),
    *("healthcheck", "image", "init", "logging", "mem_limit", "network_mode", "networks"),
    *("pids_limit", "ports", "profiles", "read_only", "restart", "secrets", "security_opt"),
    *("stop_grace_period", "tmpfs", "user", "volumes"),
}
EACH_SERVICE = pytest.mark.parametrize("name", SERVICES)


def test_compose_has_no_key_that_only_one_of_its_programs_knows() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {
        "services",
        "networks",
        "volumes",
    }
    assert {key for service in SERVICES.values() for key in service} <= HONOURED


@EACH_SERVICE
def test_every_service_is_hardened_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]


@EACH_SERVICE
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@EACH_SERVICE
def test_no_service_needs_one_that_its_profile_leaves_out(name: str) -> None:
    service = SERVICES[name]
    needed = [SERVICES[other] for other in service.get("depends_on", [])]
    profiles = set(service.get("profiles", []))
    assert all(set(other.get("profiles", [])) <= profiles for other in needed)


@pytest.mark.parametrize(
    "name", [name for name, service in SERVICES.items() if service["image"].startswith("rewardd/")]
)
def test_the_engine_waits_for_longer_than_a_drain_takes(name: str) -> None:
    grace = SERVICES[name].get("stop_grace_period", "0s")
    drains = "stop_grace_period" in SERVICES[name] or SERVICES[name]["restart"] == "no"
    assert drains
    assert SERVICES[name]["restart"] == "no" or int(grace[:-1]) > Settings().drain_seconds + 5


def test_what_runs_verifiers_and_redis_has_no_way_out() -> None:
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    confined = {name for name, service in SERVICES.items() if service.get("networks") == ["inner"]}
    assert confined == {"redis", "cache", "worker", "sandbox-worker"}


def test_only_what_runs_programs_has_a_profile_of_its_own() -> None:
    profiled = {name for name, service in SERVICES.items() if "seccomp" in str(service)}
    assert profiled == {"sandbox-worker"}
    assert "docker.sock" not in str(COMPOSE)


def test_what_the_profile_grants_is_what_compose_asks_for_unless_told_otherwise() -> None:
    asked = SERVICES["sandbox-worker"]["environment"]["REWARDD_SANDBOX_MIN_TIER"]
    assert asked == "${REWARDD_SANDBOX_MIN_TIER:-userns}"


def test_the_profile_allows_what_jails_need_and_nothing_of_the_host_s() -> None:
    profile = json.loads((DEPLOY / "seccomp.json").read_text(encoding="utf-8"))
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    rules = profile["syscalls"]
    allowed = {
        name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]
    }
    assert {"unshare", "mount", "umount2", "pivot_root", "clone", "seccomp"} <= allowed
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"} <= allowed
    assert not allowed & {
        *("bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
        *("ptrace", "process_vm_readv", "process_vm_writev", "perf_event_open", "userfaultfd"),
        *("keyctl", "add_key", "request_key", "open_by_handle_at", "setns", "reboot", "syslog"),
        *("io_uring_setup", "swapon", "settimeofday", "clock_settime", "iopl", "ioperm", "clone3"),
        *("fsopen", "fsmount", "move_mount", "open_tree", "mount_setattr", "quotactl", "acct"),
    }


def test_images_of_others_are_pinned_to_a_version() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []


DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("forbidden", ["<<", "# syntax", "--mount", "ADD ", "curl", "sudo"])
def test_the_dockerfile_builds_under_either_builder(forbidden: str) -> None:
    assert forbidden not in DOCKERFILE


def test_every_image_that_compose_builds_is_a_stage() -> None:
    stages = set(re.findall(r" AS (\S+)", DOCKERFILE))
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets <= stages
    assert all(
        service["image"].startswith(f"rewardd/{service['build']['target']}:")
        for service in SERVICES.values()
        if "build" in service
    )


def test_prometheus_asks_workers_where_compose_has_them_answer() -> None:
    configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    asked = {
        name: each["dns_sd_configs"][0]["port"]
        for each in configuration["scrape_configs"]
        for name in each["dns_sd_configs"][0]["names"]
    }
    told = {
        name: int(service["environment"]["REWARDD_METRICS_PORT"])
        for name, service in SERVICES.items()
        if "REWARDD_METRICS_PORT" in service.get("environment", {})
    }
    assert told.keys() == {"worker", "sandbox-worker"}
    assert asked == {"gateway": 8000, "embedded": 8000, **told}


def test_the_cache_may_forget_and_the_queue_may_not() -> None:
    for name, policy in (("redis", "noeviction"), ("cache", "allkeys-lru")):
        command = " ".join(SERVICES[name]["command"])
        assert f"--maxmemory-policy {policy}" in command
        assert ("--appendonly yes" in command) is (name == "redis")
    assert SERVICES["cache"]["profiles"] == ["cache"]


MAKE_SECRETS = DEPLOY / "redis" / "make_secrets.py"


def secrets_of(folder: Path, *profiles: str) -> dict[str, str]:
    subprocess.run(
        [sys.executable, MAKE_SECRETS, folder, "redis", "--profiles", *profiles], check=True
    )
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = secrets_of(tmp_path, "")
    assert first.keys() == {"rewardd_probe_secret", "rewardd_redis", "password", "users.acl"}
    assert secrets_of(tmp_path, "") == first
    assert {path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077} == {
        "users.acl"
    }
    assert first["password"] not in first["users.acl"]
    assert f":{first['password']}@redis:6379" in first["rewardd_redis"]


def test_a_fleet_that_had_no_secret_of_its_own_gets_one(tmp_path: Path) -> None:
    before = secrets_of(tmp_path, "")
    (tmp_path / "rewardd_probe_secret").unlink()
    after = secrets_of(tmp_path, "")
    assert len(after["rewardd_probe_secret"]) >= 16
    assert after == before | {"rewardd_probe_secret": after["rewardd_probe_secret"]}
    assert after != before


def test_gateways_know_of_a_cache_while_the_profile_is_on(tmp_path: Path) -> None:
    on = secrets_of(tmp_path, "observability,cache")
    assert {"rewardd_cache_url", "rewardd_cache_secret", "cache.acl"} <= on.keys()
    assert "~rewardd:verdict:*" in on["cache.acl"]
    off = secrets_of(tmp_path, "")
    assert "rewardd_cache_url" not in off
    assert secrets_of(tmp_path, "cache") == on


def test_the_users_of_the_cache_can_do_what_a_gateway_asks(tmp_path: Path) -> None:
    url = secrets_of(tmp_path, "cache")["rewardd_cache_url"]
    password = url.partition("rewardd:")[2].partition("@")[0]
    with redis_server("--aclfile", str(tmp_path / "cache.acl")) as server:
        address = f"unix://rewardd:{password}@{server.socket}"
        assert asyncio.run(_remembered(address)) == {b"k" * 24: b"entry"}


async def _remembered(url: str) -> Mapping[bytes, bytes]:
    shelf = RedisShelf(url, keep_seconds=60, read_seconds=30.0)
    shelf.put(b"k" * 24, b"entry")
    await shelf.close()
    again = RedisShelf(url, keep_seconds=60, read_seconds=30.0)
    found = await again.fetch([b"k" * 24])
    await again.close()
    return found
