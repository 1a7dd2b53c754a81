"""A question to one verifier, outside of any batch."""

from collections.abc import Callable

import pytest

from fakes import InstantBackend
from rewardd_service.errors import BackendUnavailableError, RequestRefusedError
from rewardd_service.frames import FrameError
from rewardd_service.inquiry import Inquiry
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Need


def inquiry(verifier: str = "code", completion: str = "a", reference: object = "a") -> Inquiry:
    return Inquiry(
        verifier=verifier,
        params={"x": 1},
        completion=completion,
        reference=reference,
        cpu_seconds=9,
    )


@pytest.fixture
def backend() -> InstantBackend:
    return InstantBackend(slots={Need.CPU: 1, Need.SANDBOX: 1})


async def test_it_goes_to_the_lane_of_its_verifier_and_asks_for_a_record(
    make_scorer: Callable[..., Scorer], backend: InstantBackend
) -> None:
    answer = await make_scorer(backend).inquire(inquiry(), deadline_seconds=5)
    ((need, chunk),) = backend.chunks
    (setup,) = chunk.setups
    assert (answer.score, need, setup.recorded) == (1.0, Need.SANDBOX, True)
    assert (setup.params, setup.cpu_seconds) == ({"x": 1}, 9)


async def test_bytes_may_stand_in_its_reference(
    make_scorer: Callable[..., Scorer], backend: InstantBackend
) -> None:
    asked = inquiry(reference={"files": {"x": b"\xff"}})
    await make_scorer(backend).inquire(asked, deadline_seconds=5)
    assert backend.chunks[0][1].references == [{"files": {"x": b"\xff"}}]


async def test_without_a_worker_it_can_be_asked_again(make_scorer: Callable[..., Scorer]) -> None:
    scorer = make_scorer(InstantBackend(slots={Need.CPU: 1}))
    with pytest.raises(BackendUnavailableError, match="sandbox"):
        await scorer.inquire(inquiry(), deadline_seconds=5)


async def test_an_unknown_verifier_is_refused(scorer: Scorer) -> None:
    with pytest.raises(RequestRefusedError):
        await scorer.inquire(inquiry("unheard-of"), deadline_seconds=5)


async def test_what_cannot_travel_is_not_sent(
    make_scorer: Callable[..., Scorer], backend: InstantBackend
) -> None:
    with pytest.raises(FrameError):
        await make_scorer(backend).inquire(inquiry(reference="\ud800"), deadline_seconds=5)
    assert backend.chunks == []
