"""The embedded default in a container: as safe as promised, and it scores."""

import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from compose_stack import Stack
from docker_engine import CommandFailedError
from rewardd_client import Client
from rewardd_service.cli.demo import read_cases

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

KEYS = Path(__file__).parents[3] / "deploy" / "compose" / "keys.yml"
IMAGE = "rewardd/gateway:0.1.0"


@pytest.fixture(scope="module")
def embedded(
    open_stack: Callable[..., Stack], running: Callable[..., AbstractContextManager[Stack]]
) -> Generator[Stack]:
    stack = open_stack("embedded", REVISION="0123abc")
    stack.build("embedded")
    with running(stack, "embedded"):
        yield stack


def test_the_examples_come_out_as_they_say(embedded: Stack) -> None:
    cases = read_cases()
    with Client(embedded.url) as client:
        batch = client.score([case.sample for case in cases])
    told = zip(cases, batch.results, strict=True)
    assert [case.told for case, result in told if not case.holds(result)] == []


def test_it_runs_without_any_privilege(embedded: Stack) -> None:
    status = embedded.inside("embedded", "cat", "/proc/self/status")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert fields["Uid"].split() == ["10001"] * 4
    assert fields["Gid"].split() == ["10001"] * 4
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert fields["NoNewPrivs"].strip() == "1"
    assert fields["Seccomp"].strip() == "2"


@pytest.mark.parametrize("place", ["/", "/opt/rewardd", "/etc", "/var/tmp", "/home"])  # noqa: S108 - where nobody may write
def test_nothing_can_be_written_but_in_tmp(embedded: Stack, place: str) -> None:
    assert "Read-only file system" in embedded.refused_inside("embedded", "touch", f"{place}/x")


def test_what_is_written_to_tmp_cannot_be_run(embedded: Stack) -> None:
    embedded.inside("embedded", "sh", "-c", "echo exit 0 >x; chmod +x x")  # in /tmp, its place
    assert "Permission denied" in embedded.refused_inside("embedded", "sh", "-c", "./x")


@pytest.mark.parametrize(
    ("name", "limit"),
    [("Memory", 4 << 30), ("NanoCpus", 2 * 10**9), ("PidsLimit", 512), ("Init", True)],
)
def test_the_engine_holds_it_to_its_limits(embedded: Stack, name: str, limit: object) -> None:
    described = embedded.inspect(embedded.the_one("embedded"))
    assert described["HostConfig"][name] == limit


def test_it_is_published_on_loopback_alone(embedded: Stack) -> None:
    ports = embedded.inspect(embedded.the_one("embedded"))["HostConfig"]["PortBindings"]
    assert [binding["HostIp"] for binding in ports["8000/tcp"]] == ["127.0.0.1"]


def image(stack: Stack) -> dict[str, Any]:
    described: dict[str, Any] = stack.inspect(IMAGE)["Config"]
    return described


def test_the_image_says_what_it_is(embedded: Stack) -> None:
    labels = image(embedded)["Labels"]
    assert labels["org.opencontainers.image.title"] == "rewardd"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.revision"] == "0123abc"


def test_the_image_is_safe_without_compose(embedded: Stack) -> None:
    assert image(embedded)["User"] == "10001:10001"
    assert image(embedded)["StopSignal"] == "SIGTERM"
    with pytest.raises(CommandFailedError, match=r"refusing to listen on \S+ without keys"):
        embedded.docker.run("run", "--rm", IMAGE, "serve")


@pytest.mark.parametrize("name", ["pip", "pytest", "ruff"])
def test_the_image_holds_nothing_that_builds_or_installs(embedded: Stack, name: str) -> None:
    assert embedded.refused_inside("embedded", "sh", "-c", f"command -v /opt/rewardd/bin/{name}")


def test_the_image_holds_no_trace_of_where_it_was_built(embedded: Stack) -> None:
    history = embedded.docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    assert "PIP_INDEX_URL" not in history
    assert embedded.inside("embedded", "ls", "/").split().count("src") == 0


def test_the_doctor_finds_nothing_broken_inside(embedded: Stack) -> None:
    assert "FAIL" not in embedded.inside("embedded", "rewardd", "doctor", "--workers", "1")


def test_keys_are_asked_for_when_a_file_of_them_is_given(
    tmp_path: Path,
    embedded: Stack,
    open_stack: Callable[..., Stack],
    running: Callable[..., AbstractContextManager[Stack]],
) -> None:
    told = ("run", "--rm", "--network", "none", IMAGE, "keys", "new", "--tenant", "team")
    key, line = embedded.docker.run(*told).splitlines()
    path = tmp_path / "keys"
    path.write_text(f"{line}\n", encoding="utf-8")
    path.chmod(0o644)
    stack = open_stack("keys", KEYS, REWARDD_KEYS_FILE=str(path))
    body = {"reward": "exact", "samples": [{"completion": "1", "reference": "1"}]}
    with running(stack, "embedded"):
        score = f"{stack.url}/v1/score"
        assert httpx2.post(score, json=body).status_code == 401
        allowed = httpx2.post(score, json=body, headers={"authorization": f"Bearer {key}"})
        assert allowed.json()["results"][0]["reward"] == 1.0


def test_a_stop_under_load_ends_well_and_answers_what_was_admitted(
    open_stack: Callable[..., Stack],
    running: Callable[..., AbstractContextManager[Stack]],
    embedded: Stack,
) -> None:
    del embedded  # it has built the image
    body = {
        "reward": "math",
        "samples": [
            {"completion": f"\\boxed{{{i}}}", "reference": f"\\frac{{{2 * i}}}{{2}}"}
            for i in range(20_000)
        ],
    }
    answers: list[httpx2.Response] = []
    with running(open_stack("stop"), "embedded") as stack:
        container = stack.the_one("embedded")
        caller = threading.Thread(
            target=lambda: answers.append(
                httpx2.post(f"{stack.url}/v1/score", json=body, timeout=60)
            )
        )
        caller.start()
        stack.await_metric("rewardd_jobs_running", at_least=1)
        stack.docker.run("stop", "--time", "40", container)
        caller.join(60)
        assert stack.inspect(container)["State"]["ExitCode"] == 0
    assert [answer.status_code for answer in answers] == [200]
    assert {result["reward"] for result in answers[0].json()["results"]} == {1.0}
