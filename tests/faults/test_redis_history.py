import pytest

from redis_history import Call, anomalies, play
from redis_server import RedisServer
from rewardd_service.job import Answer

RIGHT = [Answer(0, 1.0, "match"), Answer(1, 0.0, "mismatch")]


def _call(*heard: Answer, cancelled: bool = False, ended: bool = True, late: int = 0) -> Call:
    return Call([1.0, 0.0], list(heard), cancelled, ended, late)


@pytest.mark.parametrize(
    "call",
    [
        _call(RIGHT[0]),
        _call(*RIGHT, RIGHT[0]),
        _call(*RIGHT, ended=False),
        _call(*RIGHT, late=1),
        _call(*RIGHT, Answer(2, 1.0, "match")),
        _call(RIGHT[0], Answer(1, 1.0, "match")),
        _call(RIGHT[0], Answer(1, 0.0, "mismatch"), RIGHT[1], cancelled=True),
        _call(RIGHT[0], Answer(1, None, "match")),
    ],
    ids=[
        "lost",
        "doubled",
        "endless",
        "late",
        "unasked",
        "wrong",
        "doubled, cancelled",
        "no score",
    ],
)
def test_the_checker_sees(call: Call) -> None:
    assert len(anomalies([call])) == 1


@pytest.mark.parametrize(
    "call",
    [_call(*RIGHT), _call(cancelled=True), _call(RIGHT[1], Answer(0, None, "worker_lost"))],
    ids=["right", "cancelled", "unscored"],
)
def test_the_checker_lets_pass(call: Call) -> None:
    assert anomalies([call]) == []


@pytest.mark.parametrize("seed", range(4))
async def test_under_random_faults_each_sample_is_answered_once_and_never_wrongly(
    redis: RedisServer, seed: int
) -> None:
    calls = await play(redis, seed)
    assert anomalies(calls) == []
    assert sum(answer.score is not None for call in calls for answer in call.heard) > 0
