import functools
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

from rewardd_client import RequestError, Unavailable, Unscored
from rewardd_client.adapters import trl
from rewardd_client.columns import references_in
from rewardd_client.environment import Missing, environment, read

if TYPE_CHECKING:
    from tests.clients.conftest import FakeServer

NEEDED = {"REWARDD_URL": "http://a", "REWARDD_REWARD": "math"}


@dataclass
class State:
    global_step: int = 40


@dataclass
class Log:
    """What TRL would log."""

    metrics: dict[str, float]
    extra: dict[str, list[Any]]


Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is a process that has called nothing yet."""
    monkeypatch.setattr(trl, "_recipes", {})
    yield
    for cached in (environment, trl.client, trl.async_client):
        cached.cache_clear()


@pytest.fixture
def configure(server: "FakeServer", monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**variables: str) -> None:
        for name, value in {"URL": server.url, "REWARD": "exact", **variables}.items():
            monkeypatch.setenv(f"REWARDD_{name}", value)

    return put


async def call_async(**arguments: Any) -> Any:  # as TRL calls it
    return await trl.reward(**arguments)


async def call_sync(**arguments: Any) -> Any:  # as TRL calls it
    return trl.reward_sync(**arguments)


BOTH = pytest.mark.parametrize(
    "call",
    [
        pytest.param(call_async, id="async"),
        pytest.param(
            call_sync,
            id="sync",
            # The test's own loop is the misuse that the client warns of.
            marks=pytest.mark.filterwarnings("ignore:Client waits:RuntimeWarning"),
        ),
    ],
)


def step(
    log: Log | None = None, prompts: str = "ppqq", columns: dict[str, Any] | None = None
) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "prompts": list(prompts),
        "completions": ["1", "2", "3", "4"],
        "completion_ids": [[5], [5, 6], [], [7]],
        "trainer_state": State(),
        **(columns or {"answer": ["1", "1", "3", "3"]}),
    }
    if log is not None:
        arguments["log_metric"] = log.metrics.__setitem__
        arguments["log_extra"] = log.extra.__setitem__
    return arguments


@BOTH
async def test_rewards_come_in_the_order_of_the_completions(
    server: "FakeServer", configure: Callable[..., None], call: Call
) -> None:
    configure()

    assert await call(**step()) == [1.0, 0.0, 1.0, 0.0]
    sent = server.samples[0]
    assert [each["prompt"] for each in sent] == ["p", "p", "q", "q"]
    assert [each["length"] for each in sent] == [1, 2, 0, 1]
    assert [each["metadata"] for each in sent] == [{"step": 40}] * 4
    assert sent[0]["group"] == sent[1]["group"] != sent[2]["group"] == sent[3]["group"]


@BOTH
async def test_a_sample_without_a_verdict_is_none(
    server: "FakeServer", configure: Callable[..., None], make_fault: Call, call: Call
) -> None:
    configure()
    server.faults = [make_fault(), make_fault(edit=second_times_out)]

    assert await call(**step()) == [1.0, None, 1.0, 0.0]


async def test_the_user_may_want_an_error_or_a_number_instead(
    server: "FakeServer",
    configure: Callable[..., None],
    make_fault: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(UNSCORED="raise")
    server.faults = [make_fault(), make_fault(edit=second_times_out)]
    with pytest.raises(Unscored, match="timeout"):
        await trl.reward(**step())

    environment.cache_clear()
    monkeypatch.setenv("REWARDD_UNSCORED", "-0.5")
    server.faults = [make_fault(edit=second_times_out)]
    log = Log({}, {})
    assert await trl.reward(**step(log)) == [1.0, -0.5, 1.0, 0.0]
    assert log.metrics["rewardd/unscored"] == 0.25


def second_times_out(lines: list[dict[str, Any]]) -> list[Any]:
    late: dict[str, Any] = {"reward": None, "status": "unscored", "reason": "timeout", "terms": []}
    return [lines[0], {**lines[1], **late}, *lines[2:]]


async def test_terms_reasons_and_answers_are_logged(
    server: "FakeServer", configure: Callable[..., None]
) -> None:
    configure(REWARD="exact-twice")
    log = Log({}, {})

    await trl.reward(**step(log))

    assert server.posts
    assert log.metrics["rewardd/exact/mean"] == 0.5
    assert "rewardd/format/mean" in log.metrics
    assert log.extra["rewardd_reason"] == ["match", "mismatch", "match", "mismatch"]
    assert log.extra["rewardd_answer"] == ["1", "2", "3", "4"]


async def test_recipes_are_asked_for_once(
    server: "FakeServer", configure: Callable[..., None]
) -> None:
    configure()

    await trl.reward(**step())
    await trl.reward(**step())

    assert [each.path for each in server.seen].count("/v1/recipes") == 1


async def test_messages_are_judged_and_images_left_behind(
    server: "FakeServer", configure: Callable[..., None]
) -> None:
    configure()
    prompt = [{"role": "user", "content": [{"type": "image", "image": object()}, TEXT_PART]}]
    completion = [{"role": "assistant", "content": "42"}]

    await trl.reward(prompts=[prompt], completions=[completion], answer=["42"])

    (sent,) = server.samples[0]
    assert sent["prompt"] == [{"role": "user", "content": [TEXT_PART]}]
    assert sent["completion"] == completion


TEXT_PART = {"type": "text", "text": "how many?"}


async def test_a_partial_and_arguments_nobody_told_us_of_are_welcome(
    server: "FakeServer", configure: Callable[..., None]
) -> None:
    configure()

    rewards = await functools.partial(trl.reward)(
        **step(), environments=None, prompts_text=["p"] * 4, completions_text=["c"] * 4
    )

    assert server.posts
    assert rewards == [1.0, 0.0, 1.0, 0.0]


def test_trainers_see_what_they_look_for() -> None:
    assert iscoroutinefunction(trl.reward)
    assert not iscoroutinefunction(trl.reward_sync)
    assert pickle.loads(pickle.dumps(trl.reward)) is trl.reward  # noqa: S301  # our own bytes


async def test_half_a_group_is_refused_with_the_size_that_fits(
    server: "FakeServer", configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(REWARD="grouped")
    assert len(await trl.reward(**step())) == 4
    assert len(await trl.reward(**step(prompts="pppp"))) == 4
    assert len({each["group"] for each in server.samples[1]}) == 2

    with pytest.raises(ValueError, match="num_generations 2"):
        await trl.reward(**step(prompts="pppq"))

    environment.cache_clear()
    monkeypatch.setenv("REWARDD_REWARD", "grouped-any")
    with pytest.raises(ValueError, match="give it a group_size"):
        await trl.reward(**step())


async def test_a_call_that_fails_ends_the_run(
    configure: Callable[..., None], dead_url: str
) -> None:
    configure(REWARD="unknown")
    with pytest.raises(RequestError, match="unknown_recipe"):
        await trl.reward(**step())

    environment.cache_clear()
    trl.async_client.cache_clear()
    configure(URL=dead_url, DEADLINE_SECONDS="0.2", REWARD="other")
    with pytest.raises(Unavailable):
        await trl.reward(**step())


async def test_several_servers_may_be_named(
    server: "FakeServer", configure: Callable[..., None], dead_url: str
) -> None:
    configure(URL=f"{dead_url}, {server.url}", DEADLINE_SECONDS="20")

    assert await trl.reward(**step()) == [1.0, 0.0, 1.0, 0.0]


# Columns.


@pytest.mark.parametrize(
    ("columns", "named", "expected"),
    [
        pytest.param({"answer": [1, 2]}, None, [1, 2], id="the only usual one"),
        pytest.param({"answer": [1, 2], "label": [3, 4]}, "label", [3, 4], id="named"),
        pytest.param({"row": [{"a": {"b": 1}}, {"a": {"b": 2}}]}, "row.a.b", [1, 2], id="path"),
        pytest.param({"a.b": [1, 2], "a": [0, 0]}, "a.b", [1, 2], id="a dot in the name"),
        pytest.param({"answer": [1, 2], "label": 3}, None, [1, 2], id="what is no column"),
    ],
)
def test_references_are_found(
    columns: dict[str, Any], named: str | None, expected: list[int]
) -> None:
    assert references_in(columns, named, 2) == expected


@pytest.mark.parametrize(
    ("columns", "named", "said"),
    [
        pytest.param({"x": [1, 2]}, None, "none of the usual.* x", id="none"),
        pytest.param({"answer": [1, 2], "label": [1, 2]}, None, "answer, label could", id="two"),
        pytest.param({"answer": [1, 2]}, "gold", "'gold'.*answer", id="misnamed"),
        pytest.param({"row": [{"a": 1}, {}]}, "row.a", "no field 'a'", id="a field is missing"),
        pytest.param({"row": [1, 2]}, "row.a", "no field 'a'", id="no mapping"),
    ],
)
def test_a_column_is_never_guessed(columns: dict[str, Any], named: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        references_in(columns, named, 2)


# The environment.


def test_the_environment_says_it_all() -> None:
    found = read(
        {
            "REWARDD_URL": "http://a, http://b",
            "REWARDD_REWARD": " math ",
            "REWARDD_KEY": "secret",
            "REWARDD_REFERENCE": "row.a",
            "REWARDD_DEADLINE_SECONDS": "12",
            "REWARDD_UNSCORED": "mask",
        }
    )

    assert found.urls == ("http://a", "http://b")
    assert (found.reward, found.reference, found.deadline_seconds) == ("math", "row.a", 12.0)
    assert found.unscored is Missing.MASK
    assert "secret" not in repr(found)


def test_what_the_environment_leaves_open_has_a_default() -> None:
    found = read({**NEEDED, "REWARDD_KEY": " "})

    assert (found.key, found.reference, found.unscored) == (None, None, None)
    assert found.deadline_seconds == 300.0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({"REWARDD_URL": "http://a"}, "set REWARDD_REWARD", id="no reward"),
        pytest.param({"REWARDD_REWARD": "math"}, "set REWARDD_URL", id="no address"),
        pytest.param({**NEEDED, "REWARDD_UNSCORED": "zero"}, "REWARDD_UNSCORED", id="a word"),
        pytest.param({**NEEDED, "REWARDD_UNSCORED": "nan"}, "not finite", id="NaN"),
        pytest.param({**NEEDED, "REWARDD_DEADLINE_SECONDS": "5m"}, "'5m'", id="a unit"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read(variables)
