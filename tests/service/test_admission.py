import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway_fakes import RawCall, batch, bench
from rewardd_service.edge.admission import Admission, Share, Ticket
from rewardd_service.errors import OverloadedError
from rewardd_service.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def admission(shares: Mapping[str, Share] | None = None, *, samples: int = 100) -> Admission:
    return Admission(max_samples=samples, max_bytes=1000, shares=shares, clock=Clock())


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(OverloadedError) as caught:
        action()
    assert 1 <= caught.value.retry_after_seconds <= 60
    return caught.value.code


def test_an_idle_server_admits_what_is_larger_than_all_its_room() -> None:
    ticket = admission(samples=10).open("a", 5000)
    ticket.take_bytes(5000)
    ticket.take_samples(500)
    assert ticket.load.samples == 500


def test_what_finds_no_room_is_refused_whole() -> None:
    room = admission()
    room.open("", None).take_samples(60)
    second = room.open("", None)
    second.take_bytes(10)
    assert code_of(lambda: second.take_samples(41)) == "overloaded"
    second.take_samples(40)
    assert (room.samples, room.bytes) == (100, 10)


def test_a_full_server_refuses_before_the_body() -> None:
    room = admission()
    room.open("", None).take_bytes(900)
    assert code_of(lambda: room.open("", 101)) == "overloaded"
    room.open("", 100).take_samples(100)
    assert code_of(lambda: room.open("", None)) == "overloaded"


def test_room_comes_back_once() -> None:
    room = admission()
    ticket = room.open("a", None)
    ticket.take_samples(50)
    ticket.close()
    ticket.close()
    assert (room.samples, room.bytes) == (0, 0)


def test_room_comes_back_when_a_body_breaks_off() -> None:
    room = admission()
    ticket = room.open("a", None)
    ticket.take_bytes(50)
    with ExitStack() as stack:
        stack.enter_context(suppress(ValueError))
        stack.enter_context(ticket)
        raise ValueError("broken")
    assert room.bytes == 0


HALF = {"a": Share(part=0.5), "b": Share(part=0.5)}


def test_a_tenant_may_fill_its_share_whatever_the_others_hold() -> None:
    room = admission(HALF)
    room.open("a", None).take_samples(50)
    room.open("b", None).take_samples(50)
    assert room.samples == 100


def test_a_tenant_beyond_its_share_leaves_as_much_as_it_takes() -> None:
    crowd = {name: Share(part=0.1) for name in "abcdefghij"}
    room = admission(crowd)
    room.open("b", None).take_samples(1)
    greedy = room.open("a", None)
    greedy.take_samples(49)
    assert code_of(lambda: greedy.take_samples(2)) == "tenant_limit"


def test_a_tenant_alone_has_the_whole_room() -> None:
    room = admission({"a": Share()})
    room.open("a", None).take_samples(60)
    room.open("a", None).take_samples(40)
    assert code_of(lambda: room.open("a", None)) == "overloaded"


@pytest.mark.parametrize("kind", ["samples", "bytes"])
def test_a_bound_of_the_tenant_holds_below_its_share(kind: str) -> None:
    room = admission({"a": Share(max_samples=5, max_bytes=5), "b": Share()})
    room.open("b", None).take_samples(1)
    ticket = room.open("a", None)
    take = {"samples": ticket.take_samples, "bytes": ticket.take_bytes}[kind]
    take(5)
    assert code_of(lambda: take(1)) == "tenant_limit"


@given(seconds=st.floats(0.001, 1000), samples=st.integers(1, 100))
def test_the_advice_to_come_back_follows_the_pace_of_the_work(seconds: float, samples: int) -> None:
    clock = Clock()
    room = Admission(max_samples=100, max_bytes=1000, clock=clock)
    ticket = room.open("", None)
    ticket.take_samples(samples)
    clock.seconds += seconds
    ticket.close()
    room.open("", None).take_samples(100)
    expected = min(max(100 * seconds / samples, 1), 60)
    assert expected - 1e-6 <= room.retry_after_seconds() <= expected + 1


class Holding(RuleBasedStateMachine):
    """Whatever comes and goes, the books agree with the tickets, and bounds hold."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.room = admission(HALF)
        self.open: list[Ticket] = []

    @rule(target=tickets, tenant=st.sampled_from("ab"))
    def enter(self, tenant: str) -> Ticket:
        try:
            ticket = self.room.open(tenant, None)
        except OverloadedError:
            # A ticket that holds nothing, so that later rules have one.
            ticket = Ticket(self.room, tenant)
        self.open.append(ticket)
        return ticket

    @rule(ticket=tickets, samples=st.integers(0, 120), size=st.integers(0, 1200))
    def take(self, ticket: Ticket, samples: int, size: int) -> None:
        alone = all(other is ticket or not other.load.samples for other in self.open)
        alone &= all(other is ticket or not other.load.bytes for other in self.open)
        try:
            ticket.admission.take(ticket, samples, size)
        except OverloadedError:
            assert not alone
        else:
            assert alone or (self.room.samples <= 100 and self.room.bytes <= 1000)

    @rule(ticket=consumes(tickets))
    def leave(self, ticket: Ticket) -> None:
        ticket.close()
        self.open.remove(ticket)

    @invariant()
    def books_agree(self) -> None:
        assert self.room.samples == sum(ticket.load.samples for ticket in self.open)
        assert self.room.bytes == sum(ticket.load.bytes for ticket in self.open)


TestHolding = Holding.TestCase


async def test_a_full_gateway_answers_503_with_a_time_and_takes_again_afterwards() -> None:
    async with bench(Settings(max_held_samples=2)) as house:
        house.scorer.gate.clear()
        first = RawCall(house.gateway)
        first.give(json_of(("1", "1"), ("2", "1")))
        running = first.start()
        await house.scorer.started.acquire()
        refused = await house.score(batch())
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["retry_after_ms"] >= 1000
        house.scorer.gate.set()
        await running
        assert first.status() == 200
        assert (await house.score(batch())).status_code == 200
        assert house.gateway.desk.admission.samples == 0


def json_of(*pairs: tuple[str, str]) -> bytes:
    return json.dumps(batch(*pairs)).encode()
