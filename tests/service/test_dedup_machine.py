"""Requests that share jobs, in any order of events: everybody is answered, and nothing runs twice.

The machine plays dispatcher: it queues, starts, answers and leaves at random, and keeps its own
account of who has an answer and who may wait for whom.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rewardd_service.cache import Claim, Twins
from rewardd_service.job import Answer, Setup
from rewardd_service.plan import PlannedJob
from rewardd_verifiers import Need

MATCH = Answer(0, 1.0, "match", version=1)


class Holder:
    """A request."""

    def __init__(self) -> None:
        self.claims: list[Claim[Holder]] = []


def _key(_: Holder, job: PlannedJob) -> bytes | None:
    """Contents are numbers; number 0 has no key."""
    return None if job.term == 0 else bytes([job.term])


class TwinsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.twins: Twins[Holder] = Twins(_key)
        self.holders: list[Holder] = []
        self.queued: list[Claim[Holder]] = []
        self.running: list[Claim[Holder]] = []
        self.waiting: set[Claim[Holder]] = set()

    @rule(contents=st.lists(st.integers(0, 3), min_size=1, max_size=6))
    def submit(self, contents: list[int]) -> None:
        holder = Holder()
        self.holders.append(holder)
        for content in contents:
            job = PlannedJob(0, content, Setup("exact", {}), Need.CPU, 0, gate=False)
            # Contents 0 and 1 look alike, and so do 2 and 3.
            claim = self.twins.claim(holder, job, (b"setup", content // 2, "", 0))
            holder.claims.append(claim)
            if claim.answer is None:
                (self.waiting.add if claim.waits else self.queued.append)(claim)

    @precondition(lambda self: self.queued)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        claim = self.queued.pop(data.draw(st.integers(0, len(self.queued) - 1)))
        if self.twins.start(claim):
            self.running.append(claim)
        else:
            self.waiting.add(claim)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        claim = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        for other in self.twins.answered(claim, MATCH):
            assert other.job.term == claim.job.term
            assert other in self.waiting or other in self.queued
            self.waiting.discard(other)
            self.queued = [one for one in self.queued if one is not other]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        claim = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self._queue(self.twins.failed(claim))

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        holder = self.holders.pop(data.draw(st.integers(0, len(self.holders) - 1)))
        self.queued = [claim for claim in self.queued if claim.holder is not holder]
        self.running = [claim for claim in self.running if claim.holder is not holder]
        self.waiting = {claim for claim in self.waiting if claim.holder is not holder}
        self._queue(self.twins.leave(holder.claims))

    def _queue(self, claims: list[Claim[Holder]]) -> None:
        for claim in claims:
            assert claim in self.waiting
            self.waiting.remove(claim)
            self.queued.append(claim)

    @invariant()
    def who_waits_waits_for_somebody(self) -> None:
        for claim in self.waiting:
            content = claim.job.term
            runs = any(other.job.term == content for other in self.running)
            own = any(
                other.job.term == content and other.holder is claim.holder for other in self.queued
            )
            assert runs or own

    @invariant()
    def nothing_is_kept_for_nobody(self) -> None:
        assert self.holders or len(self.twins) == 0

    def teardown(self) -> None:
        """Let all that is queued run: then nobody waits."""
        for _ in range(1000):
            if not (self.queued or self.running):
                break
            while self.queued:
                claim = self.queued.pop()
                (self.running.append if self.twins.start(claim) else self.waiting.add)(claim)
            for claim in self.running:
                self.waiting -= set(self.twins.answered(claim, MATCH))
            self.running = []
        assert not self.waiting


TestTwins = TwinsMachine.TestCase
TestTwins.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
