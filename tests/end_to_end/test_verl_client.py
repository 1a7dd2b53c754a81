"""verl's own client for SandboxFusion, as its package ships it, against our URL."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from commands import serving, started
from foreign_wheels import Wheel, load_package
from jail_checks import skip_without_jails
from redis_server import redis_server

VERL = Wheel("verl", "0.9.1", "db6e6f2a8d9d5808d9ec32d357a42319fdc6967df688ff9d9810050f49bfdd14")
STDIO = {"inputs": ["1 2\n", "3 4\n", "5 6\n"], "outputs": ["3\n", "7\n", "11\n"]}
SUM = "print(sum(map(int, input().split())))"
CPP = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }"
NODE = "const f = require('fs').readFileSync(0, 'utf8').split(' '); console.log(+f[0] + +f[1])"
CALL = {"inputs": ["[1, 2]\n3", "[]\n1"], "outputs": ["6", "1"], "fn_name": "total"}


@pytest.fixture(scope="module")
def verl(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = VERL.unpacked(tmp_path_factory.mktemp("verl"))
    return load_package(
        "verl_sandbox_fusion", folder / "verl" / "utils" / "reward_score" / "sandbox_fusion"
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    skip_without_jails()
    with serving("--workers", 1) as base:
        yield f"{base}/run_code"


def _score(verl: Any, url: str, completion: str, tests: Any, **named: Any) -> tuple[float, Any]:
    return verl.compute_score(url, threading.Semaphore(4), 1024, completion, tests, **named)


@pytest.mark.parametrize(
    ("source", "score", "statuses"),
    [
        (SUM, 1.0, ["success"] * 3),
        ("print(3)", 1 / 3, ["success", "wrong_answer", "wrong_answer"]),
        ("raise ValueError", 0.0, ["runtime_error"] * 3),
        ("print(", 0.0, ["runtime_error"] * 3),
        ("while True: pass", 0.0, ["timeout"] * 3),
        ("import sys; sys.exit(0)", 0.0, ["wrong_answer"] * 3),
    ],
    ids=["right", "wrong", "raises", "syntax", "loops", "silent"],
)
def test_verl_scores_programs_here_as_it_does_at_sandbox_fusion(
    verl: Any, url: str, source: str, score: float, statuses: list[str]
) -> None:
    got, told = _score(verl, url, f"So:\n```python\n{source}\n```\n", dict(STDIO), timeout=1)
    assert got == pytest.approx(score)
    assert [test["status"] for test in told] == statuses


def test_verl_calls_functions_through_its_own_wrapper(verl: Any, url: str) -> None:
    completion = "```python\ndef total(values, more):\n    return sum(values) + more\n```"
    assert _score(verl, url, completion, dict(CALL))[0] == 1.0


@pytest.mark.parametrize(
    ("language", "source", "results"),
    [
        ("cpp", CPP, [True, True, True]),
        ("cpp", "int main() { return }", [-4, -4, -4]),
        ("nodejs", NODE, [True, True, True]),
        ("lua", "print(1)", [-1, -1, -1]),
    ],
    ids=["cpp", "cpp_broken", "nodejs", "lua"],
)  # fmt: skip
def test_verl_reads_the_results_of_other_languages(
    verl: Any, url: str, language: str, source: str, results: list[object]
) -> None:
    got, _ = verl.check_correctness(url, dict(STDIO), source, language=language)
    assert got == results


def test_a_program_runs_on_a_worker_that_shares_only_a_redis(verl: Any) -> None:
    skip_without_jails()
    with (
        redis_server() as redis,
        started("worker", "--redis", redis.url, "--needs", "sandbox"),
        serving("--redis", redis.url, "--degrade", "refuse") as base,
    ):
        results, told = verl.check_correctness(f"{base}/run_code", dict(STDIO), SUM)
    assert results == [True, True, True], told
