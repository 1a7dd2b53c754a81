"""The fleet for real: gateway, workers and Redis, disturbed as machines disturb them."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from compose_stack import Stack, free_port
from rewardd_client import Client
from rewardd_client.schema import Result, Sample
from rewardd_service.cli.demo import read_cases
from stand_in_images import StandIns

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

REDIS = "redis:7.2-bookworm"
PROMETHEUS = "prom/prometheus:v3.5.0"
DASHBOARD = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards" / "rewardd.json"
SERVICES = ("redis", "gateway", "worker", "sandbox-worker", "cache")

Running = Callable[..., AbstractContextManager[Stack]]


@pytest.fixture(scope="module")
def fleet(images: StandIns, open_stack: Callable[..., Stack], running: Running) -> Generator[Stack]:
    """Give a fleet whose gateway judges nothing itself: what is scored, workers have scored."""
    images.provide(REDIS)
    port = str(free_port())
    stack = open_stack(
        "fleet",
        REWARDD_DEGRADE="refuse",
        REWARDD_CPUS="1",
        REWARDD_PROMETHEUS_PORT=port,
        COMPOSE_PROFILES="cache",
    )
    stack.build("gateway", "worker", "sandbox-worker")
    with running(stack, *SERVICES, scale={"worker": 2}):
        stack.await_ready()
        yield stack


@pytest.fixture(autouse=True)
def whole(fleet: Stack) -> Generator[None]:
    """Leave the fleet as it was for the next test."""
    yield
    for container in fleet.containers():
        fleet.await_health(container)  # compose gives up on what is only on its way
    fleet.up(*SERVICES, scale={"worker": 2})
    fleet.await_ready()


def easy(count: int) -> list[Sample]:
    """Return samples of which every third is wrong."""
    return [
        Sample(completion=f"\\boxed{{{i + (i % 3 == 0)}}}", reference=f"\\frac{{{2 * i}}}{{2}}")
        for i in range(1, count + 1)
    ]


def expected(count: int) -> list[float]:
    return [float(i % 3 != 0) for i in range(1, count + 1)]


@contextmanager
def scoring(stack: Stack, count: int) -> Generator[list[Result]]:
    """Score a batch behind the test's back; its results are there at the end of the context."""
    results: list[Result] = []

    def score() -> None:
        with Client(stack.url) as client:
            results.extend(client.score(easy(count), reward="math", deadline_seconds=120).results)

    caller = threading.Thread(target=score)
    caller.start()
    stack.await_metric("rewardd_jobs_running", at_least=1)
    yield results
    caller.join(150)


def test_the_examples_come_out_as_they_say(fleet: Stack) -> None:
    cases = read_cases()
    with Client(fleet.url) as client:
        batch = client.score([case.sample for case in cases])
    told = zip(cases, batch.results, strict=True)
    assert [case.told for case, result in told if not case.holds(result)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_a_privilege(fleet: Stack, service: str) -> None:
    container = fleet.containers(service)[0]
    described = fleet.inspect(container)
    host = described["HostConfig"]
    assert described["State"]["Health"]["Status"] == "healthy"
    user = 999 if described["Config"]["Image"] == REDIS else 10001
    assert fleet.docker.run("exec", container, "id", "-u").strip() == str(user)
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert ("seccomp" in str(host["SecurityOpt"])) is (service == "sandbox-worker")
    assert not host["Privileged"]
    assert host["Init"] is True
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0


@pytest.mark.parametrize("service", ["redis", "cache", "worker", "sandbox-worker"])
def test_only_the_gateway_can_be_reached_and_reach_out(fleet: Stack, service: str) -> None:
    described = fleet.inspect(fleet.containers(service)[0])
    assert not described["HostConfig"]["PortBindings"]
    (network,) = described["NetworkSettings"]["Networks"]
    assert json.loads(fleet.docker.run("network", "inspect", network))[0]["Internal"] is True


@pytest.mark.parametrize("secret", ["rewardd_redis", "rewardd_cache_url"])
@pytest.mark.parametrize("service", SERVICES)
def test_no_password_shows_in_a_description(fleet: Stack, service: str, secret: str) -> None:
    url = fleet.inside("gateway", "cat", f"/run/rewardd/{secret}")
    password = url.partition("rewardd:")[2].partition("@")[0]
    assert len(password) > 40
    assert password not in json.dumps(fleet.inspect(fleet.containers(service)[0]))
    assert password not in fleet.logs()


SPY = """
import glob, os
found = [path for path in glob.glob("/run/**", recursive=True) if "redis" in path]
found += [name for name in os.environ if name.startswith("REWARDD_")]
try:
    open("/run/rewardd/rewardd_redis").read()
except OSError:
    print(found)
"""


def program(language: str, text: str, stdout: str = "3\n") -> Sample:
    terms = [{"verifier": "code", "params": {"language": "any"}}]
    return Sample.model_validate(
        {
            "completion": f"```{language}\n{text}\n```",
            "reference": {"tests": [{"stdin": "1 2\n", "stdout": stdout}]},
            "reward": {"name": "any-code", "terms": terms},
        }
    )


def test_programs_and_answers_are_judged_in_one_batch(fleet: Stack) -> None:
    adds = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }"
    mixed = [
        (program("python", "print(sum(map(int, input().split())))"), 1.0, "match"),
        (program("python", "print(max(map(int, input().split())))"), 0.0, "mismatch"),
        (program("cpp", adds), 1.0, "match"),
        (program("python", "while True: pass"), 0.0, "limit_exceeded"),
        (
            program("python", "import socket; socket.create_connection(('redis', 6379))"),
            0.0,
            "runtime_error",
        ),
        (program("python", SPY, "[]\n"), 1.0, "match"),
        (Sample(completion="\\boxed{1/2}", reference="0.5", reward="math"), 1.0, "match"),
    ]
    with Client(fleet.url) as client:
        results = client.score([sample for sample, _, _ in mixed]).results
    assert [(result.reward, result.reason) for result in results] == [
        (reward, reason) for _, reward, reason in mixed
    ]


def test_the_profile_gives_each_program_namespaces_of_its_own(fleet: Stack) -> None:
    asked = (
        "import asyncio; from rewardd_sandbox.local import LocalSandbox, Options\n"
        "async def main():\n"
        "    async with LocalSandbox(Options(slots=1)) as sandbox: print(sandbox.report.tier)\n"
        "asyncio.run(main())"
    )
    assert fleet.inside("sandbox-worker", "python", "-c", asked).strip() == "userns"


def redis(stack: Stack, *command: str) -> str:
    return stack.inside("redis", "redis-cli", "--no-auth-warning", *command).strip()


def test_redis_serves_nobody_without_the_password(fleet: Stack) -> None:
    health = ("--user", "health", "--pass", "any")
    assert redis(fleet, "ping") == "NOAUTH Authentication required."
    assert redis(fleet, *health, "ping") == "PONG"
    assert redis(fleet, *health, "xlen", "rewardd:chunks:cpu").startswith("NOPERM")


@pytest.mark.parametrize(
    "command",
    [("set", "another:key", "1"), ("config", "get", "dir"), ("keys", "*"), ("flushall",)],
    ids=lambda command: command[0],
)
def test_the_fleet_s_user_can_do_nothing_but_its_work(
    fleet: Stack, command: tuple[str, ...]
) -> None:
    url = fleet.inside("gateway", "cat", "/run/rewardd/rewardd_redis")
    assert redis(fleet, "-u", url.replace("@redis:", "@127.0.0.1:"), *command).startswith("NOPERM")


def test_a_gateway_that_restarts_finds_the_verdicts_of_before(fleet: Stack) -> None:
    def score_afresh() -> list[float | None]:
        # Verdicts are worth a look while they are thought to be dear, as at the start.
        fleet.docker.run("restart", "--time", "40", fleet.the_one("gateway"))
        fleet.await_ready()
        with Client(fleet.url) as client:
            return client.score(easy(8), reward="math").rewards

    assert score_afresh() == expected(8)
    assert score_afresh() == expected(8)
    fleet.await_metric('rewardd_cache_requests_total{result="hit"}', at_least=1)


def test_a_gateway_that_is_killed_has_left_its_answers_to_the_next(fleet: Stack) -> None:
    first = post(fleet, "step-1")
    gateway = fleet.the_one("gateway")
    fleet.docker.run("kill", "--signal", "KILL", gateway)
    fleet.docker.works("start", gateway)  # or it has been restarted already
    fleet.await_ready()
    again = post(fleet, "step-1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content


def test_a_worker_killed_in_mid_batch_costs_no_sample(fleet: Stack) -> None:
    with scoring(fleet, 20_000) as results:
        fleet.docker.run("kill", "--signal", "KILL", fleet.containers("worker")[0])
    assert [result.reward for result in results] == expected(20_000)


def test_a_worker_frozen_in_mid_batch_costs_no_sample(fleet: Stack) -> None:
    frozen = fleet.containers("worker")[0]
    with scoring(fleet, 20_000) as results:
        fleet.freeze(frozen)
    fleet.docker.run("unpause", frozen)
    assert [result.reward for result in results] == expected(20_000)


def post(stack: Stack, key: str | None = None) -> httpx2.Response:
    body: dict[str, Any] = {"reward": "exact", "samples": [{"completion": "1", "reference": "1"}]}
    body["deadline_seconds"] = 20
    headers = {} if key is None else {"Idempotency-Key": key}
    return httpx2.post(f"{stack.url}/v1/score", json=body, headers=headers, timeout=30)


def test_a_frozen_redis_is_told_at_once_and_forgotten_when_it_thaws(fleet: Stack) -> None:
    container = fleet.the_one("redis")
    fleet.freeze(container)
    try:
        fleet.await_ready(503)
        refused = post(fleet)
    finally:
        fleet.docker.run("unpause", container)
    assert refused.status_code == 503
    assert refused.json()["code"] == "backend_unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    fleet.await_ready()
    assert post(fleet).json()["results"][0]["reward"] == 1.0


def test_a_redis_that_comes_back_empty_serves_again(fleet: Stack) -> None:
    container = fleet.the_one("redis")
    fleet.docker.run("exec", container, "sh", "-c", "rm -rf /data/appendonlydir")
    fleet.docker.run("kill", container)
    fleet.await_ready(503)
    fleet.docker.run("start", container)
    fleet.await_ready()
    assert post(fleet).json()["results"][0]["reward"] == 1.0


def test_a_redis_that_restarts_in_mid_batch_costs_no_sample(fleet: Stack) -> None:
    with scoring(fleet, 20_000) as results:
        fleet.docker.run("restart", "--time", "5", fleet.the_one("redis"))
    assert [result.reward for result in results] == expected(20_000)


@pytest.mark.parametrize("service", ["gateway", "worker", "sandbox-worker"])
def test_a_stop_ends_well(fleet: Stack, service: str) -> None:
    container = fleet.containers(service)[0]
    fleet.docker.run("stop", "--time", "40", container)
    assert fleet.inspect(container)["State"]["ExitCode"] == 0


def test_prometheus_finds_both_roles_and_answers_all_that_the_dashboard_asks(
    fleet: Stack, images: StandIns
) -> None:
    images.provide(PROMETHEUS)
    fleet.up("prometheus")
    url = f"http://127.0.0.1:{fleet.variables['REWARDD_PROMETHEUS_PORT']}/api/v1"
    fleet.await_answer(f"{url}/query?query=count(rewardd_build_info)", '"4"')
    fleet.await_answer(f"{url}/query?query=sum(rewardd_serving)", '"3"')
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [
        target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]
    answers = [httpx2.get(f"{url}/query", params={"query": text}).json() for text in asked]
    assert [answer for answer in answers if answer["status"] != "success"] == []
    groups = httpx2.get(f"{url}/rules").json()["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}


def test_workers_come_and_go_without_a_lost_sample(fleet: Stack) -> None:
    with scoring(fleet, 20_000) as results:
        fleet.up(*SERVICES, scale={"worker": 3})
        fleet.up(*SERVICES, scale={"worker": 1})
    assert [result.reward for result in results] == expected(20_000)
