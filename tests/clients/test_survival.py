import asyncio
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import Pool
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from rewardd_client import AsyncClient, Batch, Client, Result

if TYPE_CHECKING:
    from tests.clients.conftest import FakeServer

ROWS = [{"completion": str(n), "reference": str(n - n % 2)} for n in range(4)]
EXPECTED = [1.0, 0.0, 1.0, 0.0]
SLOW: list[dict[str, Any]] = [{"completion": "s", "metadata": {"slow": True}}]


def score(client: Client) -> list[float | None]:
    return client.score(ROWS, "exact").rewards


def score_in_child(client: Client, sender: Any) -> None:  # a connection of multiprocessing
    first = client.score(ROWS, "exact").rewards
    second = client.submit(ROWS[0], "exact").result(10).reward
    client.close()
    sender.send([*first, second])
    sender.close()


# Python 3.12 and later warn of forks in a process with threads: that is the case under test.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@forks
def test_a_forked_child_scores_and_the_parent_goes_on(server: "FakeServer") -> None:
    client = Client(server.url)
    open_in_parent = client.submit(SLOW[0], "exact")
    assert score(client) == EXPECTED
    receiver, sender = multiprocessing.Pipe(duplex=False)

    child = multiprocessing.get_context("fork").Process(
        target=score_in_child, args=(client, sender)
    )
    child.start()
    sender.close()
    in_child = receiver.recv()
    child.join(20)

    assert in_child == [*EXPECTED, 1.0]
    assert child.exitcode is not None
    assert score(client) == EXPECTED
    server.release()
    assert open_in_parent.result(10).status == "scored"


@forks
def test_a_pool_forked_before_and_after_the_first_call_scores(server: "FakeServer") -> None:
    client = Client(server.url)
    score(client)

    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert isinstance(pool, Pool)
        assert pool.map(score, [client] * 6) == [EXPECTED] * 6


@forks
def test_a_fork_of_a_fork_scores(server: "FakeServer") -> None:
    client = Client(server.url)
    score(client)

    child = os.fork()
    if child == 0:  # pragma: no cover  # runs in the child
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if score(client) == EXPECTED else 1)
        right = score(client) == EXPECTED and os.waitpid(grandchild, 0)[1] == 0
        os._exit(0 if right else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert score(client) == EXPECTED


def test_a_spawned_child_scores_with_a_pickled_client(server: "FakeServer") -> None:
    program = (
        "import pickle, sys\n"
        "client = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "assert client.score([{'completion': 'a', 'reference': 'a'}], 'exact').rewards == [1.0]\n"
    )

    done = run_python(program, pickle.dumps(Client(server.url)).hex())

    assert (done.returncode, done.stderr) == (0, "")


def test_one_async_client_serves_a_new_event_loop_in_each_step(server: "FakeServer") -> None:
    client = AsyncClient(server.url)

    async def step() -> Batch:
        return await client.score(ROWS, "exact")

    assert [asyncio.run(step()).rewards for _ in range(3)] == [EXPECTED] * 3


def test_one_async_client_serves_uvloop_too(server: "FakeServer") -> None:
    async def step() -> Batch:
        client = AsyncClient(server.url)
        return await client.gather([client.submit(row, "exact") for row in ROWS])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(step()).rewards == EXPECTED


def test_one_async_client_serves_several_loops_at_once(server: "FakeServer") -> None:
    client = AsyncClient(server.url)
    together = threading.Barrier(4)

    async def step() -> Batch:
        together.wait(10)
        return await client.score(ROWS, "exact")

    with ThreadPoolExecutor(4) as threads:
        batches = [threads.submit(asyncio.run, step()) for _ in range(4)]
    assert [batch.result().rewards for batch in batches] == [EXPECTED] * 4


def test_32_threads_share_one_client(server: "FakeServer") -> None:
    client = Client(server.url)
    together = threading.Barrier(32)

    def work(number: int) -> float | None:
        together.wait(30)
        sample = {"completion": str(number), "reference": str(number // 2 * 2)}
        return client.submit(sample, "exact").result(30).reward

    with ThreadPoolExecutor(32) as threads:
        rewards = list(threads.map(work, range(32)))

    assert rewards == [1.0, 0.0] * 16


def test_a_sync_call_in_a_running_loop_warns_and_works(server: "FakeServer") -> None:
    async def misuse() -> list[float | None]:
        return Client(server.url).score(ROWS, "exact").rewards

    with pytest.warns(RuntimeWarning, match="use AsyncClient"):
        assert asyncio.run(misuse()) == EXPECTED


def test_the_warning_is_given_once(server: "FakeServer") -> None:
    client = Client(server.url)

    async def misuse() -> None:
        for _ in range(3):
            client.score(ROWS, "exact")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        asyncio.run(misuse())

    assert len(caught) == 1


def test_waiting_in_a_futures_callback_is_refused_rather_than_hung(server: "FakeServer") -> None:
    client = Client(server.url)
    refused: Future[str] = Future()

    def wait_for_another(_: Future[Result]) -> None:
        try:
            client.score(ROWS, "exact")
        except RuntimeError as error:
            refused.set_result(str(error))

    client.submit(ROWS[0], "exact").add_done_callback(wait_for_another)

    assert "cannot wait" in refused.result(10)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("client.score(slow, 'exact')", id="score"),
        pytest.param("client.gather([client.submit(slow[0], 'exact')])", id="gather"),
        pytest.param("list(client.stream(slow, 'exact'))", id="stream"),
        pytest.param("list(client.as_completed([client.submit(slow[0], 'exact')]))", id="wait"),
    ],
)
def test_ctrl_c_ends_the_wait_and_withdraws_the_post(server: "FakeServer", call: str) -> None:
    program = (
        "import sys\n"
        "from rewardd_client import Client\n"
        "client = Client(sys.argv[1])\n"
        "slow = [{'completion': 's', 'metadata': {'slow': True}}]\n"
        "try:\n"
        f"    {call}\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, server.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert server.arrived.acquire(timeout=20)
        child.send_signal(signal.SIGINT)
        assert child.stdout is not None
        said = child.stdout.readline()
        # The child lives on: the connection is closed because the wait ended, not the process.
        gone = server.gone.acquire(timeout=20)
        child.communicate("", timeout=20)

    assert said == "interrupted\n"
    assert gone


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param("", id="nothing was asked"),
        pytest.param("client.score(rows, 'exact')", id="idle connections"),
        pytest.param("client.submit(slow, 'exact')", id="queued"),
        pytest.param("client.submit(slow, 'exact'); client.score(rows, 'exact')", id="in flight"),
        pytest.param("AsyncClient(sys.argv[1]).settings", id="async"),
        pytest.param("client.submit(slow, 'exact', group_size=3)", id="half a group"),
    ],
)
def test_the_interpreter_ends_whatever_is_open(server: "FakeServer", ending: str) -> None:
    program = (
        "import sys\n"
        "from rewardd_client import AsyncClient, Client\n"
        "client = Client(sys.argv[1])\n"
        "rows = [{'completion': 'a', 'reference': 'a'}]\n"
        "slow = {'completion': 's', 'group': 'g', 'metadata': {'slow': True}}\n"
        f"{ending}\n"
    )

    done = run_python(program, server.url)

    assert (done.returncode, done.stderr) == (0, "")


def test_close_in_a_program_sends_what_is_queued(server: "FakeServer") -> None:
    program = (
        "import sys\n"
        "from rewardd_client import Client\n"
        "with Client(sys.argv[1]) as client:\n"
        "    client.submit({'completion': 'a', 'reference': 'a'}, 'exact')\n"
    )

    assert run_python(program, server.url).returncode == 0
    assert [len(sent) for sent in server.samples] == [1]


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    server: "FakeServer", dead_url: str
) -> None:
    program = (
        "import sys\n"
        "from rewardd_client import Client\n"
        "client = Client(sys.argv[1], deadline_seconds=20)\n"
        "assert client.score([{'completion': 'a'}], 'exact').rewards == [0.0]\n"
    )

    done = run_python(program, server.url, {"HTTP_PROXY": dead_url, "ALL_PROXY": dead_url})

    assert (done.returncode, done.stderr) == (0, "")


def test_connections_are_kept_between_calls(
    server: "FakeServer", make_fault: Callable[..., Any]
) -> None:
    client = Client(server.url)
    server.faults = [make_fault(), make_fault()]

    for _ in range(5):
        client.score(ROWS, "exact")
        client.submit(ROWS[0], "exact").result(10)

    assert len({seen.peer for seen in server.posts}) == 1


def run_python(
    program: str, argument: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, argument],
        env={"PATH": "", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
